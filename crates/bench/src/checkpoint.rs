//! Checkpoints: what is computed again for the memory that is saved, by the optimal schedules and by two rules of thumb.

use std::hint::black_box;

use nalgebra::DMatrix;
use pushpull_core::blocks::{Linear, Tanh};
use pushpull_core::{Builder, Graph, Init, Question, Result};
use pushpull_reverse_mode::Reverse;
use pushpull_reverse_mode::checkpoint::{Chain, Family, pareto};

use crate::edition::Edition;
use crate::pictures::{Picture, PictureError};
use crate::rounds::{Effort, interleaved};
use crate::sweep::Extent;
use pushpull_plot::{Axis, Colour, Dash, LineChart, Marker, Multiples, Series};

/// Width of every layer.
pub const WIDTH: usize = 64;
/// Samples.
pub const BATCH: usize = 32;
/// Schedules of a family of which the time is measured.
const TIMED: usize = 5;

/// So many layers of [`WIDTH`], a linear block and tanh each.
///
/// # Errors
/// None: the shapes fit.
pub fn layers(layers: usize, width: usize) -> Result<Graph> {
    let mut b = Builder::new();
    let mut h = b.input("x", width);
    for _ in 0..layers {
        h = b.block(Linear::new(width, width), h);
        h = b.map(Tanh, h);
    }
    b.build(h)
}

/// One schedule beside everything kept.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Row {
    /// Which kind of schedule.
    pub family: Family,
    /// Bytes of all buffers but the gradient, over those with everything kept.
    pub bytes: f64,
    /// Blocks evaluated, over the blocks there are.
    pub evaluations: f64,
    /// Quartiles of the time of a gradient over that with everything kept; `None` was not measured.
    pub time: Option<[f64; 3]>,
}

/// The rows, and the number of layers.
///
/// # Errors
/// None that is known: the network fits.
pub fn measure(extent: Extent) -> Result<(Vec<Row>, usize)> {
    let (depth, points, rounds) = match extent {
        Extent::Full => (1000, 24, 7),
        Extent::Quick => (60, 8, 3),
    };
    let graph = layers(depth, WIDTH)?;
    let chain = Chain::of(&graph, BATCH)?;
    let params: Vec<f32> = graph.layout().init(Init::Glorot, crate::cell::SEED);
    let x = DMatrix::from_fn(WIDTH, BATCH, |i, j| (1.0 + (3 * i + 7 * j) as f32).sin());
    let all = Reverse::<f32>::new(&graph, BATCH)?;
    let own = |engine: &Reverse<f32>| (engine.bytes().total() - engine.bytes().gradient) as f64;
    let plain = own(&all);
    let (mut rows, mut timed, mut engines) = (Vec::new(), Vec::new(), vec![all]);
    for family in [Family::Optimal, Family::Even, Family::SquareRoot] {
        let outcomes = pareto(&chain, family, points);
        let every = outcomes.len().div_ceil(TIMED).max(1);
        for (i, outcome) in outcomes.iter().enumerate() {
            let engine = Reverse::plan(&graph, BATCH, Question::Gradient)
                .schedule(&outcome.schedule)
                .prepare()?;
            rows.push(Row {
                family,
                bytes: own(&engine) / plain,
                evaluations: engine.evaluations() as f64 / graph.nodes().len() as f64,
                time: None,
            });
            if i % every == 0 {
                timed.push(rows.len() - 1);
                engines.push(engine);
            }
        }
    }
    let run = |mut engine: Reverse<f32>| -> Box<dyn FnMut() + '_> {
        let (params, x) = (&params, &x);
        Box::new(move || {
            black_box(engine.value_and_gradient(params, x)).ok();
        })
    };
    let mut runs: Vec<_> = engines.into_iter().map(run).collect();
    let effort = Effort {
        rounds,
        slice: 1e-3,
    };
    let times = interleaved(&mut runs, effort);
    for (row, time) in timed.iter().zip(&times[1..]) {
        rows[*row].time = Some(time.over(&times[0]));
    }
    Ok((rows, depth))
}

/// Draws the rows.
///
/// # Errors
/// [`PictureError`]
pub fn picture(
    rows: &[Row],
    depth: usize,
    setting: &str,
    edition: &Edition,
) -> std::result::Result<Picture, PictureError> {
    let panel = |title: &str, what: &str, y: fn(&Row) -> Option<[f64; 3]>| {
        let mut chart = LineChart::new(
            title,
            Axis::log("peak bytes / peak bytes with everything kept"),
            Axis::log(format!("{what} / that with everything kept")),
        );
        for (family, name, colour, marker) in [
            (Family::Even, "evenly spread", Colour::BLUE, Marker::Square),
            (Family::Optimal, "optimal", Colour::ORANGE, Marker::Cross),
            (
                Family::SquareRoot,
                "square root",
                Colour::BLACK,
                Marker::Star,
            ),
        ] {
            let rows = rows.iter().filter(|row| row.family == family);
            let known: Vec<_> = rows.filter_map(|row| Some((row.bytes, y(row)?))).collect();
            if known.is_empty() {
                continue;
            }
            let points = known.iter().map(|&(x, [_, y, _])| (x, y)).collect();
            let bars = known.iter().map(|&(_, [low, _, high])| (low, high));
            let series = Series::new(name, points).colour(colour).marker(marker);
            chart.series.push(series.bars(bars.collect()));
        }
        chart
    };
    let mut both = Multiples::new(
        "Recomputation against saved memory",
        vec![
            panel("evaluations of blocks (exact)", "evaluations", |row| {
                Some([row.evaluations; 3])
            }),
            panel("time (measured)", "time", |row| row.time),
        ],
    );
    for series in &mut both.panels[0].series {
        (series.hollow, series.dash) = (true, Dash::Dotted);
        series.bars.clear();
    }
    both.subtitle = format!(
        "Gradient of {depth} layers of {WIDTH}, a linear block and tanh each, batch {BATCH}, f32"
    );
    both.notes.push(format!(
        "Evaluations of blocks and bytes of all buffers but the gradient are exact and known before the run. Time: median of interleaved rounds, bars: quartiles. {setting}"
    ));
    let file = "checkpoint.png";
    both.save(&edition.file(file)?)?;
    Ok(Picture {
        file: file.into(),
        caption: "What checkpoints cost against the peak bytes that they leave: evaluations of blocks at the left, time at the right, both over those with everything kept. Optimal schedules, checkpoints spread evenly, and the rule of the square root; lower and further left is better.".into(),
    })
}
