//! The pictures of the report, each drawn from the rows alone.

use std::path::Path;

use crate::edition::{Edition, EditionError};
use crate::plan::frontier::Choice;
use crate::record::{Dtype, Mode, Sweep};
use crate::sweep::{DEPTH_CHUNK, DEPTH_WIDTH};
use crate::table::{Curve, Table, blocks, law, params};
use pushpull_plot::{Axis, Band, Categories, Frontier, HeatMap, LineChart, PlotError, Series};

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

const P: &str = "parameters p (count)";

fn slope(points: &[(f64, f64)], from: f64) -> String {
    law(points, from).map_or(String::new(), |law| format!("slope {:.2}", law.slope))
}

fn time_width(table: Table<'_>, setting: &str, path: &Path) -> Result<Option<String>, PlotError> {
    let mut chart = LineChart::new(
        "Time of one gradient against the number of parameters",
        Axis::log(P),
        Axis::log("time (s)"),
    );
    chart.subtitle = "64-w-10 on digits, tanh, softmax cross-entropy, batch 32".into();
    for dtype in [Dtype::F64, Dtype::F32] {
        for mode in WIDTH_MODES {
            let points = table.points(Curve::new(Sweep::Width, 32, mode).at(dtype), params, |r| {
                r.time_s
            });
            if points.is_empty() {
                continue;
            }
            let remark = slope(&points, 1e3);
            let series = Series::new(format!("{}, {dtype}", label(mode)), points).remark(remark);
            chart.series.push(if dtype == Dtype::F32 {
                series.dashed()
            } else {
                series
            });
        }
    }
    chart
        .notes
        .push(format!("Slopes are fitted over p >= 1000. {setting}"));
    finish(
        chart,
        path,
        "Time of one gradient by forward mode with dense and with structured tangents, by reverse mode, and of the primal alone, against the number of parameters.",
    )
}

fn ratio_width(table: Table<'_>, setting: &str, path: &Path) -> Result<Option<String>, PlotError> {
    let mut chart = LineChart::new(
        "What reverse mode costs beside the primal",
        Axis::log(P),
        Axis::linear("time / time of the primal"),
    );
    chart.subtitle = "64-w-10 on digits, tanh, softmax cross-entropy, f64".into();
    for batch in [32, 1] {
        let curve = Curve::new(Sweep::Width, batch, Mode::Reverse);
        let total = table.points(curve, params, |r| r.time_s / r.primal_time_s);
        if total.is_empty() {
            continue;
        }
        let adjoint = total
            .iter()
            .map(|&(p, ratio)| (p, (ratio - 1.0).max(0.0)))
            .collect();
        chart
            .series
            .push(Series::new(format!("total, batch {batch}"), total));
        chart
            .series
            .push(Series::new(format!("adjoint, batch {batch}"), adjoint).dashed());
    }
    chart.bands.push(Band::new("the lecture's 3x-4x", 3.0, 4.0));
    chart.notes.push(format!(
        "Total: record + adjoint. Adjoint: total less the primal. {setting}"
    ));
    finish(
        chart,
        path,
        "Total and adjoint time of reverse mode over the primal's, with the lecture's 3x-4x band.",
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
        chart
            .series
            .push(Series::new(format!("{}, time", label(mode)), time).remark(time_slope));
        chart.series.push(
            Series::new(format!("{}, flops", label(mode)), flops)
                .remark(flops_slope)
                .dashed(),
        );
    }
    chart
        .notes
        .push(format!("Slopes are fitted over p >= 1000. {setting}"));
    finish(
        chart,
        path,
        "Cost over the primal's: forward mode with dense tangents, with structured ones, and reverse mode, in time and in flops.",
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
            chart.series.push(Series::new(label(mode), points));
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
        "Buffers and gradient, without parameters and data. Dense tangents: a chunk of directions; structured ones: of samples. {setting}"
    ));
    finish(
        chart,
        path,
        "Peak heap bytes of one gradient by forward mode with dense and with structured tangents and by reverse mode, against the number of parameters.",
    )
}

/// Curves of the depth sweep: name, mode, and which rows.
fn depth_curves(
    table: Table<'_>,
    y: fn(&crate::record::Record) -> f64,
) -> Vec<(String, Vec<(f64, f64)>)> {
    let rows = |mode, keep: fn(&crate::record::Record) -> bool| -> Vec<(f64, f64)> {
        let curve = Curve::new(Sweep::Depth, 32, mode);
        table
            .rows(curve)
            .filter(|r| keep(r))
            .map(|r| (blocks(r), y(r)))
            .collect()
    };
    let full = |r: &crate::record::Record| r.chunk == Some(r.params);
    vec![
        (
            "forward, full tangent matrix".into(),
            rows(Mode::Forward, full),
        ),
        (
            format!("forward, chunk of {DEPTH_CHUNK}"),
            rows(Mode::Forward, |r| r.chunk == Some(DEPTH_CHUNK)),
        ),
        ("reverse".into(), rows(Mode::Reverse, |_| true)),
        ("one jvp".into(), rows(Mode::Jvp, |_| true)),
        ("primal".into(), rows(Mode::Primal, |_| true)),
    ]
}

fn depth(
    table: Table<'_>,
    title: &str,
    label: &str,
    y: fn(&crate::record::Record) -> f64,
) -> LineChart {
    let mut chart = LineChart::new(title, Axis::log2("linear blocks (count)"), Axis::log(label));
    chart.subtitle = format!("equal width {DEPTH_WIDTH} on digits, tanh, sum, batch 32, f64");
    for (name, points) in depth_curves(table, y) {
        if !points.is_empty() {
            let remark = slope(&points, 8.0);
            chart.series.push(Series::new(name, points).remark(remark));
        }
    }
    chart
}

fn time_depth(table: Table<'_>, setting: &str, path: &Path) -> Result<Option<String>, PlotError> {
    let mut chart = depth(table, "Time against depth", "time (s)", |r| r.time_s);
    chart.notes.push(format!(
        "Both p and the blocks behind a parameter grow with depth, so forward mode's gradient grows with its square. Slopes over >= 8 blocks. {setting}"
    ));
    finish(
        chart,
        path,
        "Time of gradients, of one jvp and of the primal, against the number of blocks.",
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
        "What a gradient call returns, 8 p bytes, is part of its curve; one jvp returns none. Slopes over >= 8 blocks. {setting}"
    ));
    finish(
        chart,
        path,
        "Peak heap bytes against the number of blocks: one jvp, a chunk, the full tangent matrix, reverse.",
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
    let sizes = |of: fn(&crate::record::Record) -> usize| {
        let mut sizes: Vec<usize> = forward.iter().map(|r| of(r)).collect();
        sizes.sort_unstable();
        sizes.dedup();
        sizes
    };
    let (inputs, outputs) = (sizes(|r| r.inputs), sizes(|r| r.outputs));
    let mut map = HeatMap::new(
        "Which mode has the Jacobian first",
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
    let mut caption = "Time of the Jacobian by forward mode over reverse mode, for each number of inputs and outputs.".to_owned();
    if let Some(side) = outputs.iter().map(side).collect() {
        map.frontier = Some(Frontier {
            name: "the planner's frontier: forward mode above and to the left".into(),
            side,
        });
        caption += " The black line is where the planner changes from one mode to the other, by prediction alone.";
    }
    map.notes.push(setting.into());
    map.save(path)?;
    Ok(Some(caption))
}

fn directions(table: Table<'_>, setting: &str, path: &Path) -> Result<Option<String>, PlotError> {
    let mut chart = LineChart::new(
        "One direction against the full gradient",
        Axis::log(P),
        Axis::log("time / time of the primal"),
    );
    chart.subtitle = "64-w-w-10 on digits, tanh, softmax cross-entropy, f64".into();
    for (name, mode) in [
        ("forward, full gradient", Mode::Forward),
        ("reverse, full gradient", Mode::Reverse),
        ("one vjp", Mode::Vjp),
        ("one jvp", Mode::Jvp),
    ] {
        let mut points = table.points(Curve::new(Sweep::Directions, 32, mode), params, |r| {
            r.time_s / r.primal_time_s
        });
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        if !points.is_empty() {
            chart.series.push(Series::new(name, points));
        }
    }
    chart.notes.push(format!("Batch 32. {setting}"));
    finish(
        chart,
        path,
        "One jvp, one vjp and the full gradients by both modes, over the primal.",
    )
}

/// Saves a chart that has a curve; a chart without one is no picture.
fn finish(chart: LineChart, path: &Path, caption: &str) -> Result<Option<String>, PlotError> {
    if chart.series.is_empty() {
        return Ok(None);
    }
    chart.save(path)?;
    Ok(Some(caption.into()))
}
