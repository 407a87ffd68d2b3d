//! The pictures of the report, each drawn from the rows alone.

use std::path::Path;

use crate::edition::{Edition, EditionError};
use crate::plan::frontier::Choice;
use crate::record::{Dtype, Mode, Record, Sweep};
use crate::sweep::{DEPTH_CHUNK, DEPTH_WIDTH};
use crate::table::{Curve, Table, blocks, law, params};
use pushpull_plot::{
    Axis, Band, Categories, Dash, Frontier, HeatMap, LineChart, Marker, Multiples, PlotError,
    Series,
};

/// Why a picture could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PictureError {
    /// The drawing.
    #[error(transparent)]
    Plot(#[from] PlotError),
    /// The report directory.
    #[error(transparent)]
    Edition(#[from] EditionError),
}

/// A picture in the report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Its file.
    pub file: String,
    /// One sentence for readers who do not see it.
    pub caption: String,
}

/// A picture as a report shows it: a paragraph with the picture, and one with its caption and where its numbers are.
pub fn embedded(Picture { file, caption }: &Picture) -> String {
    let numbers = file.replace(".png", ".csv");
    format!("![{caption}]({file})\n\n{caption} Numbers: `{numbers}`.\n\n")
}

type Draw = fn(Table<'_>, &str, &Path) -> Result<Option<String>, PlotError>;

/// Draws every picture that the rows have data for, each with its numbers beside it, the planner's `choices` on the map of
/// winners.
///
/// # Errors
/// [`PictureError`]
pub fn draw(
    table: Table<'_>,
    setting: &str,
    choices: &[Choice],
    edition: &Edition,
) -> Result<Vec<Picture>, PictureError> {
    let pictures: [(&str, Draw); 7] = [
        ("time_width.png", time_width),
        ("ratio_width.png", ratio_width),
        ("growth_width.png", growth_width),
        ("memory_width.png", memory_width),
        ("time_depth.png", time_depth),
        ("memory_depth.png", memory_depth),
        ("directions.png", directions),
    ];
    let mut drawn = Vec::new();
    for (file, picture) in pictures {
        let caption = picture(table, setting, &edition.file(file)?)?;
        drawn.extend(caption.map(|caption| (file, caption)));
    }
    let file = "winner.png";
    let caption = winner(table, setting, choices, &edition.file(file)?)?;
    drawn.extend(caption.map(|caption| (file, caption)));
    let picture = |(file, caption): (&str, String)| Picture {
        file: file.into(),
        caption,
    };
    Ok(drawn.into_iter().map(picture).collect())
}

/// What the width sweep's pictures compare.
const WIDTH_MODES: [Mode; 4] = [
    Mode::Forward,
    Mode::ForwardStructured,
    Mode::Reverse,
    Mode::Primal,
];

/// A mode's name beside the others of the width sweep.
fn label(mode: Mode) -> String {
    match mode {
        Mode::Forward => "forward, dense".into(),
        Mode::ForwardStructured => "forward, structured".into(),
        _ => mode.to_string(),
    }
}

/// How pictures show a mode.
const fn shown(mode: Mode) -> pushpull_plot::Mode {
    use pushpull_plot::Mode as Shown;
    match mode {
        Mode::Primal => Shown::Primal,
        Mode::Forward | Mode::JacobianForward => Shown::Forward,
        Mode::ForwardStructured => Shown::ForwardStructured,
        Mode::Reverse | Mode::JacobianReverse => Shown::Reverse,
        Mode::Jvp => Shown::Jvp,
        Mode::Vjp => Shown::Vjp,
    }
}

/// How pictures show a precision.
const fn shown_dtype(dtype: Dtype) -> pushpull_plot::Dtype {
    match dtype {
        Dtype::F32 => pushpull_plot::Dtype::F32,
        Dtype::F64 => pushpull_plot::Dtype::F64,
    }
}

/// Times of a curve over the primal's, with the ends of their intervals.
fn over_primal(
    name: impl Into<String>,
    table: Table<'_>,
    curve: Curve,
    x: fn(&Record) -> f64,
) -> Series {
    let mut rows: Vec<&Record> = table.rows(curve).collect();
    rows.sort_by(|a, b| x(a).total_cmp(&x(b)));
    let point = |r: &&Record| (x(r), r.time_s / r.primal_time_s);
    let bar = |r: &&Record| {
        (
            r.time_low_s / r.primal_time_s,
            r.time_high_s / r.primal_time_s,
        )
    };
    Series::new(name, rows.iter().map(point).collect())
        .bars(rows.iter().map(bar).collect())
        .mode(shown(curve.mode))
}

/// What the bars of [`over_primal`] are.
const BARS: &str = "Bars: the 95 % interval of the median.";

const P: &str = "parameters p (count)";

fn slope(points: &[(f64, f64)], from: f64) -> String {
    // Adding 0 after rounding turns -0.00 into 0.00.
    let rounded = |slope: f64| (100.0 * slope).round() / 100.0 + 0.0;
    law(points, from).map_or(String::new(), |law| {
        format!("slope {:.2}", rounded(law.slope))
    })
}

fn time_width(table: Table<'_>, setting: &str, path: &Path) -> Result<Option<String>, PlotError> {
    let panel = |dtype: Dtype| {
        let mut chart = LineChart::new(dtype.to_string(), Axis::log(P), Axis::log("time (s)"));
        for mode in WIDTH_MODES {
            let curve = Curve::new(Sweep::Width, 32, mode).at(dtype);
            let points = table.points(curve, params, |r| r.time_s);
            if points.is_empty() {
                continue;
            }
            let remark = slope(&points, 1e3);
            let series = Series::new(label(mode), points).remark(remark);
            chart
                .series
                .push(series.mode(shown(mode)).dtype(shown_dtype(dtype)));
        }
        chart
    };
    let mut both = Multiples::new(
        "Time of one gradient against the number of parameters",
        vec![panel(Dtype::F64), panel(Dtype::F32)],
    );
    both.subtitle = "64-w-10 on digits, tanh, softmax cross-entropy, batch 32".into();
    both.notes.push(format!(
        "Dashed: f32. Slopes are fitted over p >= 1000. {setting}"
    ));
    finish_all(
        both,
        path,
        "Time of one gradient against the number of parameters, in f64 and in f32: forward mode with dense and with structured tangents, reverse mode, and the primal alone for comparison.",
    )
}

fn ratio_width(table: Table<'_>, setting: &str, path: &Path) -> Result<Option<String>, PlotError> {
    let panel = |batch: usize| {
        let mut chart = LineChart::new(
            format!("batch {batch}"),
            Axis::log(P),
            Axis::linear("time / time of the primal"),
        );
        let curve = Curve::new(Sweep::Width, batch, Mode::Reverse);
        let total = over_primal("reverse mode, total", table, curve, params);
        if total.points.is_empty() {
            return chart;
        }
        let adjoint = total.points.iter();
        let adjoint = adjoint.map(|&(p, ratio)| (p, (ratio - 1.0).max(0.0)));
        chart.series.push(
            Series::new("its adjoint program alone", adjoint.collect())
                .colour(shown(Mode::Reverse).colour())
                .marker(Marker::None)
                .dash(Dash::DashDot),
        );
        chart.series.insert(0, total);
        chart.bands.push(Band::new("the lecture's 3x-4x", 3.0, 4.0));
        chart
    };
    let mut both = Multiples::new(
        "What reverse mode costs beside the primal",
        vec![panel(32), panel(1)],
    );
    both.subtitle = "64-w-10 on digits, tanh, softmax cross-entropy, f64".into();
    both.notes.push(format!(
        "Total: record and adjoint program. Adjoint program alone: the total less the primal. {BARS} {setting}"
    ));
    finish_all(
        both,
        path,
        "Time of reverse mode over the time of the primal, for batches of 32 and of 1, with the band of the lecture's 3x-4x.",
    )
}

fn growth_width(table: Table<'_>, setting: &str, path: &Path) -> Result<Option<String>, PlotError> {
    let mut chart = LineChart::new(
        "What each way costs beside the primal, against the number of parameters",
        Axis::log(P),
        Axis::log("cost / cost of the primal"),
    );
    chart.subtitle = "64-w-10 on digits, tanh, softmax cross-entropy, batch 32, f64".into();
    for mode in [Mode::Forward, Mode::ForwardStructured, Mode::Reverse] {
        let curve = Curve::new(Sweep::Width, 32, mode);
        let time = table.points(curve, params, |r| r.time_s / r.primal_time_s);
        let flops: Vec<_> = table
            .rows(curve)
            .filter_map(|r| Some((params(r), r.flops as f64 / table.primal(r)?.flops as f64)))
            .collect();
        if time.is_empty() || flops.is_empty() {
            continue;
        }
        let (time_slope, flops_slope) = (slope(&time, 1e3), slope(&flops, 1e3));
        let series = |what, points, remark| {
            Series::new(format!("{}, {what}", label(mode)), points)
                .remark(remark)
                .mode(shown(mode))
        };
        chart.series.push(series("time", time, time_slope));
        chart
            .series
            .push(series("flops", flops, flops_slope).predicted());
    }
    chart.notes.push(format!(
        "Outlined and dotted: counted, not measured. Slopes are fitted over p >= 1000. {setting}"
    ));
    finish(
        chart,
        path,
        "Cost over the primal's, in measured time and in counted flops: forward mode with dense tangents, with structured ones, and reverse mode.",
    )
}

fn memory_width(table: Table<'_>, setting: &str, path: &Path) -> Result<Option<String>, PlotError> {
    let mut chart = LineChart::new(
        "Peak memory of one gradient against the number of parameters",
        Axis::log(P),
        Axis::log("peak heap (bytes)"),
    );
    chart.subtitle = "64-w-10 on digits, tanh, softmax cross-entropy, batch 32, f64".into();
    for mode in WIDTH_MODES {
        let points = table.points(Curve::new(Sweep::Width, 32, mode), params, |r| {
            r.peak_bytes as f64
        });
        if !points.is_empty() {
            let series = Series::new(label(mode), points);
            chart.series.push(series.mode(shown(mode)));
        }
    }
    let gradient = table.points(Curve::new(Sweep::Width, 32, Mode::Reverse), params, |r| {
        8.0 * params(r)
    });
    if !gradient.is_empty() {
        chart
            .series
            .push(Series::guide("the gradient itself", gradient));
    }
    chart.notes.push(format!(
        "Bytes of buffers and gradient, without parameters and data. Dense tangents are carried for some directions at a time, structured ones for some samples. {setting}"
    ));
    finish(
        chart,
        path,
        "Peak heap bytes of one gradient against the number of parameters: forward mode with dense and with structured tangents, reverse mode, and the primal alone for comparison. The dotted line is the size of the gradient itself, 8 bytes a parameter.",
    )
}

/// Curves of the depth sweep that have points.
fn depth_curves(table: Table<'_>, y: fn(&Record) -> f64) -> Vec<Series> {
    use pushpull_plot::Mode as Shown;
    let curve = |name: &str, shown: Shown, mode: Mode, keep: fn(&Record) -> bool| {
        let rows = table.rows(Curve::new(Sweep::Depth, 32, mode));
        let points: Vec<_> = rows
            .filter(|r| keep(r))
            .map(|r| (blocks(r), y(r)))
            .collect();
        let remark = slope(&points, 8.0);
        (!points.is_empty()).then(|| Series::new(name, points).mode(shown).remark(remark))
    };
    let full = "forward, full tangent matrix";
    let chunk = format!("forward, chunk of {DEPTH_CHUNK}");
    let chunked: fn(&Record) -> bool = |r| r.chunk == Some(DEPTH_CHUNK);
    let all = |name, mode| curve(name, shown(mode), mode, |_| true);
    let curves = [
        curve(full, Shown::ForwardFull, Mode::Forward, |r| {
            r.chunk == Some(r.params)
        }),
        curve(&chunk, Shown::Forward, Mode::Forward, chunked),
        all("reverse", Mode::Reverse),
        all("one jvp", Mode::Jvp),
        all("primal", Mode::Primal),
    ];
    curves.into_iter().flatten().collect()
}

fn depth(table: Table<'_>, title: &str, label: &str, y: fn(&Record) -> f64) -> LineChart {
    let mut chart = LineChart::new(title, Axis::log2("linear blocks (count)"), Axis::log(label));
    chart.subtitle = format!("equal width {DEPTH_WIDTH} on digits, tanh, sum, batch 32, f64");
    chart.series = depth_curves(table, y);
    chart
}

fn time_depth(table: Table<'_>, setting: &str, path: &Path) -> Result<Option<String>, PlotError> {
    let mut chart = depth(table, "Time against depth", "time (s)", |r| r.time_s);
    chart.notes.push(format!(
        "Both p and the blocks behind a parameter grow with depth, so the time of forward mode's gradient grows with its square. Slopes are fitted over 8 blocks and more. {setting}"
    ));
    finish(
        chart,
        path,
        "Time against the number of blocks: the gradient by forward mode with the full tangent matrix and in chunks, the gradient by reverse mode, one jvp, and the primal.",
    )
}

fn memory_depth(table: Table<'_>, setting: &str, path: &Path) -> Result<Option<String>, PlotError> {
    let mut chart = depth(
        table,
        "Peak memory against depth",
        "peak heap (bytes)",
        |r| r.peak_bytes as f64,
    );
    let gradient = table.points(Curve::new(Sweep::Depth, 32, Mode::Reverse), blocks, |r| {
        8.0 * params(r)
    });
    if !gradient.is_empty() {
        chart
            .series
            .push(Series::guide("the gradient itself", gradient));
    }
    chart.notes.push(format!(
        "The gradient that a call returns, 8 p bytes, is part of its curve; a jvp returns no gradient. Slopes are fitted over 8 blocks and more. {setting}"
    ));
    finish(
        chart,
        path,
        "Peak heap bytes against the number of blocks: the gradient by forward mode with the full tangent matrix and in chunks, the gradient by reverse mode, one jvp, and the primal. The dotted line is the size of the gradient itself.",
    )
}

fn winner(
    table: Table<'_>,
    setting: &str,
    choices: &[Choice],
    path: &Path,
) -> Result<Option<String>, PlotError> {
    let forward: Vec<_> = table
        .rows(Curve::new(Sweep::Outputs, 1, Mode::JacobianForward))
        .collect();
    if forward.is_empty() {
        return Ok(None);
    }
    let sizes = |of: fn(&Record) -> usize| {
        let mut sizes: Vec<usize> = forward.iter().map(|r| of(r)).collect();
        sizes.sort_unstable();
        sizes.dedup();
        sizes
    };
    let (inputs, outputs) = (sizes(|r| r.inputs), sizes(|r| r.outputs));
    let mut map = HeatMap::new(
        "Which mode computes the Jacobian faster",
        Categories::new("inputs (count)", &inputs),
        Categories::new("outputs (count)", &outputs),
        "time forward / time reverse",
    );
    map.subtitle =
        "n-64-o on digits, tanh, Jacobian with respect to the inputs, batch 1, f64".into();
    (map.below, map.above) = ("forward is faster".into(), "reverse is faster".into());
    map.cells = outputs
        .iter()
        .map(|&o| {
            let cell = |&n: &usize| {
                let row = forward.iter().find(|r| (r.inputs, r.outputs) == (n, o))?;
                let reverse = table
                    .rows(Curve::new(Sweep::Outputs, 1, Mode::JacobianReverse))
                    .find(|r| (r.inputs, r.outputs) == (n, o))?;
                Some(row.time_s / reverse.time_s)
            };
            inputs.iter().map(cell).collect()
        })
        .collect();
    let side = |&o: &usize| {
        let forward = |&n: &usize| {
            let choice = choices.iter().find(|c| (c.inputs, c.outputs) == (n, o))?;
            Some(choice.forward)
        };
        inputs.iter().map(forward).collect::<Option<Vec<_>>>()
    };
    let mut caption = "Time of the Jacobian by forward mode over its time by reverse mode, for each number of inputs and outputs. Below 1 (blue) forward mode is faster, above 1 (red) reverse mode.".to_owned();
    if let Some(side) = outputs.iter().map(side).collect() {
        map.frontier = Some(Frontier {
            name: "the planner's prediction: forward mode above and to the left".into(),
            side,
        });
        caption += " The black line is where the planner, which only predicts, changes from one mode to the other.";
    }
    map.notes.push(setting.into());
    map.save(path)?;
    Ok(Some(caption))
}

fn directions(table: Table<'_>, setting: &str, path: &Path) -> Result<Option<String>, PlotError> {
    const Y: &str = "time / time of the primal";
    let chart = |title: &str, y: Axis, curves: &[(&str, Mode, f64)]| {
        let mut chart = LineChart::new(title, Axis::log(P), y);
        for &(name, mode, nudge) in curves {
            let curve = Curve::new(Sweep::Directions, 32, mode);
            let series = over_primal(name, table, curve, params).nudged(nudge);
            if !series.points.is_empty() {
                chart.series.push(series);
            }
        }
        chart
    };
    let reverse = "reverse, full gradient";
    let full = chart(
        "the full gradient, by either mode",
        Axis::log(Y),
        &[
            ("forward, full gradient", Mode::Forward, 0.0),
            (reverse, Mode::Reverse, 0.0),
        ],
    );
    // The gradient of one loss is one vjp: side by side, or one would hide the other.
    let one = chart(
        "reverse beside one direction, in equal steps",
        Axis::linear(Y),
        &[
            (reverse, Mode::Reverse, -10.0),
            ("one vjp", Mode::Vjp, 0.0),
            ("one jvp", Mode::Jvp, 10.0),
        ],
    );
    let mut both = Multiples::new("One direction against the full gradient", vec![full, one]);
    both.subtitle = "64-w-w-10 on digits, tanh, softmax cross-entropy, batch 32, f64".into();
    both.notes.push(format!(
        "Points of one network are drawn side by side at the right. {BARS} {setting}"
    ));
    finish_all(
        both,
        path,
        "Times over the primal's. Left: the full gradient by forward mode and by reverse mode. Right: reverse mode's gradient, one vjp and one jvp; the gradient of one loss is one vjp, so the first two agree.",
    )
}

/// As [`finish`], of several panels; one without a curve is left out.
fn finish_all(
    mut panels: Multiples,
    path: &Path,
    caption: &str,
) -> Result<Option<String>, PlotError> {
    panels.panels.retain(|panel| !panel.series.is_empty());
    if panels.panels.is_empty() {
        return Ok(None);
    }
    panels.save(path)?;
    Ok(Some(caption.into()))
}

/// Saves a chart that has a curve; a chart without one is no picture.
fn finish(chart: LineChart, path: &Path, caption: &str) -> Result<Option<String>, PlotError> {
    if chart.series.is_empty() {
        return Ok(None);
    }
    chart.save(path)?;
    Ok(Some(caption.into()))
}
