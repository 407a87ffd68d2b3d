//! The comparison as a picture: of a sweep, time over the primal's against what varies; of one configuration, against flops.

use pushpull_bench::grid::Against;
use pushpull_bench::grid::chart::{self, Point};
use pushpull_core::siblings::figures::seconds as time;
use pushpull_plot::{Axis, LineChart, Mode, Multiples, Series};

use super::contender::{MODES, Row, Source};
use super::table::threads;
use super::{Case, Setting};
use crate::fault::Fault;
use crate::options::compare::Size;

/// Draws what the cases have times of.
pub fn draw(cases: &[Case], against: Option<Against>, size: Size) -> Result<Multiples, Fault> {
    let mut page = match against {
        Some(against) => chart::draw(&points(cases), against)?,
        None => flops(cases),
    };
    page.subtitle = common(cases);
    let machine = cases.first().map(|case| &case.setting);
    let machine = machine.map_or_else(String::new, |Setting { cpu, optimised, .. }| {
        format!("{cpu}{}", if *optimised { "" } else { "; not optimised" })
    });
    page.notes.insert(
        0,
        format!("Bars: quartiles of the times of interleaved rounds. {machine}"),
    );
    page.size = (size.0, size.1);
    Ok(page)
}

/// What the modes of every case took over their primal.
fn points(cases: &[Case]) -> Vec<Point> {
    let point = |case: &Case, row: &Row| {
        Some(Point {
            configuration: case.configuration.clone(),
            params: case.setting.params,
            mode: row.mode.into(),
            ratio: row.ratio?,
            quartiles: row.ratio_low.zip(row.ratio_high),
            predicted: row.source == Source::Predicted,
        })
    };
    let of = |case| modes(case).filter_map(move |row| point(case, row));
    let mut points: Vec<Point> = cases.iter().flat_map(of).collect();
    // One order of modes for all panels.
    let place = |point: &Point| MODES.iter().position(|mode| *mode == point.mode);
    points.sort_by_key(place);
    points
}

/// The rows of a case but the primal's.
fn modes(case: &Case) -> impl Iterator<Item = &Row> {
    case.modes.iter().filter(|row| row.mode != "primal")
}

/// A mark for each mode, with its quartiles, and the line on which time follows flops; a panel for each type of numbers.
fn flops(cases: &[Case]) -> Multiples {
    let title = "What each mode of a gradient costs relative to the primal";
    let mut page = Multiples::new(title, Vec::new());
    let mut predicted = false;
    for case in cases {
        let (x, y) = (
            Axis::log("flops / flops of the primal"),
            Axis::log("time / time of the primal"),
        );
        let mut panel = LineChart::new(case.setting.dtype, x, y);
        let mut most = 1.0_f64;
        for row in &case.modes {
            let (Some(x), Some(ratio)) = (row.flops_ratio, row.ratio) else {
                continue;
            };
            most = most.max(x);
            let mut series = Series::new(row.mode, vec![(x, ratio)]).scattered();
            if let Some(mode) = Mode::named(row.mode) {
                series = series.mode(mode);
            }
            // One configuration has room for its numbers in the legend.
            if let (1, Some(seconds), Some(bytes)) = (cases.len(), row.seconds, row.peak_bytes) {
                series = series.remark(format!("{}, {}", time(seconds), size(bytes)));
            }
            if row.source == Source::Predicted {
                series = series.predicted();
                predicted = true;
            } else if let Some(bar) = row.ratio_low.zip(row.ratio_high) {
                series = series.bars(vec![bar]);
            }
            panel.series.push(series);
        }
        if most > 1.0 {
            let line = vec![(1.0, 1.0), (most, most)];
            panel.series.push(Series::guide("time as flops", line));
        }
        page.panels.push(panel);
    }
    if let [_] = cases {
        page.notes
            .push("Legend: time of one run, most bytes held.".into());
    }
    if predicted {
        page.notes.push(chart::PREDICTED.into());
    }
    page
}

/// What all cases share.
fn common(cases: &[Case]) -> String {
    let mut words = Vec::new();
    let Some(first) = cases.first() else {
        return String::new();
    };
    let same = |of: fn(&Case) -> String| {
        let all = cases.iter().all(|case| of(case) == of(first));
        all.then(|| of(first))
    };
    words.extend(same(|case| case.setting.network.clone()));
    words.push(first.setting.activation.clone());
    words.push(first.setting.loss.into());
    words.extend(same(|case| format!("batch {}", case.setting.batch)));
    words.extend(same(|case| case.setting.dtype.into()));
    words.push(threads(first.setting.threads));
    words.join(", ")
}

/// Bytes in three digits with their unit.
fn size(bytes: usize) -> String {
    let bytes = bytes as f64;
    let (scale, unit) = match bytes {
        b if b >= 1e9 => (1e9, "GB"),
        b if b >= 1e6 => (1e6, "MB"),
        b if b >= 1e3 => (1e3, "kB"),
        _ => (1.0, "B"),
    };
    let value = bytes / scale;
    let digits = usize::from(value < 100.0 && scale > 1.0);
    format!("{value:.digits$} {unit}")
}
