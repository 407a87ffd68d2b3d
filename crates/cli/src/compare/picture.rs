//! The comparison as a picture: time against flops, both over the primal's.

use std::path::Path;

use pushpull_plot::{Axis, LineChart, Series};

use super::Setting;
use super::contender::{Row, Source};
use pushpull_core::siblings::figures::seconds as time;

use super::table::threads;
use crate::fault::Fault;

/// Draws a mark for each mode, with its quartiles, and the line on which time follows flops.
pub fn save(path: &Path, setting: &Setting, rows: &[Row]) -> Result<(), Fault> {
    let mut chart = LineChart::new(
        "What each mode of a gradient costs beside the primal",
        Axis::log("flops / flops of the primal"),
        Axis::log("time / time of the primal"),
    );
    chart.subtitle = format!(
        "{}, {}, {}, batch {}, {}, {}",
        setting.network,
        setting.activation,
        setting.loss,
        setting.batch,
        setting.dtype,
        threads(setting.threads)
    );
    let primal = rows.iter().find(|row| row.mode == "primal");
    let primal_flops = primal.and_then(|row| row.flops).unwrap_or(1).max(1) as f64;
    let mut most = 1.0_f64;
    for row in rows {
        let (Some(flops), Some(ratio)) = (row.flops, row.ratio) else {
            continue;
        };
        let x = flops.max(1) as f64 / primal_flops;
        let heights = [row.ratio_low, Some(ratio), row.ratio_high];
        let points = heights.into_iter().flatten().map(|y| (x, y)).collect();
        most = most.max(x);
        let came = match row.source {
            Source::Predicted => ", predicted",
            Source::OneRun => ", one run",
            _ => "",
        };
        let remark = format!(
            "{}, {}{came}",
            row.seconds.map_or_else(String::new, time),
            row.peak_bytes.map_or_else(String::new, size)
        );
        chart
            .series
            .push(Series::new(row.mode, points).remark(remark));
    }
    if most > 1.0 {
        let line = vec![(1.0, 1.0), (most, most)];
        chart.series.push(Series::guide("time as flops", line));
    }
    chart.notes.push(format!(
        "Marks: quartiles of the times of interleaved rounds. Legend: time of one run, most bytes held. {}{}",
        setting.cpu,
        if setting.optimised { "" } else { "; not optimised" }
    ));
    Ok(chart.save(path)?)
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
