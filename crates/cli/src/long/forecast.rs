//! What each command's run is predicted to take, and by what other options it would take less. Nothing is looked into that is
//! certainly short.

use std::time::Instant;

use nalgebra::{DMatrix, Scalar as Number};
use pushpull_core::siblings::memory;
use pushpull_core::{Dual, Graph, Primal, Question, Wrt};
use pushpull_forward_mode::{Chunk, Forward};
use pushpull_planner::{Plan, Planned, Timed, Way};
use pushpull_reverse_mode::Store;
use pushpull_train::Mode as TrainMode;

use super::{Faster, Forecast};
use crate::auto;
use crate::network::Network;
use crate::options::gradient::Gradient;
use crate::options::mode::Mode;
use crate::options::precision::Precision;
use crate::options::train::Train;
use crate::options::xray::Xray;
use crate::way::{self, Takes};

/// Flops that take less than a minute on any machine that this runs on, at a hundred million a second.
const SHORT: f64 = 6e9;

/// The same of reverse mode, whose products are of matrices: five times as many.
const SHORT_REVERSE: f64 = 3e10;

/// Flops that a call of an elementary function takes the time of, at most.
const CALL: f64 = 20.0;

/// Whether so many runs of a way may take long: only then is a machine's time for each block looked up, or measured.
fn may_be_long(way: Way, takes: Takes, times: f64) -> bool {
    let short = if way.is_reverse() {
        SHORT_REVERSE
    } else {
        SHORT
    };
    times * (takes.cost.flops as f64 + CALL * takes.cost.calls as f64) > short
}

/// Seconds of ways to a gradient, by the planner.
struct Times<T: Number> {
    graph: Graph,
    batch: usize,
    wanted: Wrt,
    plan: Plan<T>,
}

impl<T: Planned> Times<T>
where
    Dual<T>: Timed,
{
    fn of(graph: &Graph, batch: usize, wanted: Wrt) -> Option<Self> {
        Some(Self {
            graph: graph.clone(),
            batch,
            wanted,
            plan: auto::plan::<T>(graph, batch, wanted, None).ok()?,
        })
    }

    /// Seconds of a way: by its flops, at the rate of a way of its kind.
    fn seconds(&self, way: Way) -> Option<f64> {
        let takes = way::predict::<T>(&self.graph, self.batch, self.wanted, way).ok()?;
        let kind = |other: Way| match way {
            Way::ReverseCheckpointed(..) => matches!(other, Way::Reverse(_)),
            _ => other.name() == way.name(),
        };
        let rate = |of: &dyn Fn(Way) -> bool| {
            let mut all = self.plan.candidates().iter();
            let found = all.find(|candidate| candidate.seconds.is_some() && of(candidate.way))?;
            Some(found.seconds? / found.prediction?.cost.flops.max(1) as f64)
        };
        let rate = rate(&kind).or_else(|| rate(&|other| other.is_forward() == way.is_forward()))?;
        Some(rate * takes.cost.flops as f64)
    }
}

/// Modes that may be asked for, by their option.
const MODES: [(Mode, &str); 3] = [
    (Mode::Reverse, "--mode reverse"),
    (Mode::Structured, "--mode structured"),
    (Mode::Forward, "--mode forward"),
];

/// The ways of [`MODES`] but the one that is taken, with what they are predicted to take.
fn other_modes<T: Planned>(times: &Times<T>, taken: Way) -> Vec<Faster>
where
    Dual<T>: Timed,
{
    let mut others = Vec::new();
    for (mode, option) in MODES {
        let way = way::of::<T>(&times.graph, times.batch, times.wanted, mode, None, None);
        if let Ok(way) = way
            && way != taken
            && let Some(seconds) = times.seconds(way)
        {
            others.push(Faster::new(option, seconds));
        }
    }
    others
}

/// The forecast of `pushpull gradient`.
pub fn gradient<T: Planned>(
    asked: &Gradient,
    graph: &Graph,
    batch: usize,
    wanted: Wrt,
    way: Way,
) -> Option<Forecast>
where
    Dual<T>: Timed,
{
    let takes = way::predict::<T>(graph, batch, wanted, way).ok()?;
    if !may_be_long(way, takes, 1.0) {
        return None;
    }
    let times = Times::<T>::of(graph, batch, wanted)?;
    let seconds = times.seconds(way)?;
    let mut faster = other_modes(&times, way);
    if wanted.inputs {
        let alone = Times::<T>::of(graph, batch, Wrt::PARAMS);
        let alone = alone.and_then(|times| times.seconds(way));
        faster.extend(alone.map(|seconds| Faster::new("--no-x", seconds)));
    }
    if size_of::<T>() == size_of::<f64>() {
        let narrow = Times::<f32>::of(graph, batch, wanted);
        let narrow = narrow.and_then(|times| times.seconds(way));
        faster.extend(narrow.map(|seconds| Faster::new("--dtype f32", seconds)));
    }
    faster.push(Faster::new("fewer samples in --data", None));
    Some(Forecast {
        what: format!(
            "gradient by --mode {} ({})",
            asked.mode.name(),
            way::words(way)
        ),
        seconds,
        source: None,
        faster,
    })
}

/// The forecast of a training run of so many steps.
pub fn training(asked: &Train, network: &Network, steps: u64) -> Option<Forecast> {
    match asked.dtype {
        Precision::F32 => steps_of::<f32>(asked, network, steps),
        Precision::F64 => steps_of::<f64>(asked, network, steps),
    }
}

fn steps_of<T: Planned>(asked: &Train, network: &Network, steps: u64) -> Option<Forecast>
where
    Dual<T>: Timed,
{
    let graph = network.graph(asked.batch).ok()?;
    let (batch, wanted) = (asked.batch, Wrt::PARAMS);
    let way = match asked.mode {
        TrainMode::Forward => Way::forward::<T>(&graph, batch),
        TrainMode::Structured => Way::structured::<T>(&graph, batch).ok()?,
        TrainMode::Checkpointed { slots } => Way::ReverseCheckpointed(Store::Slots(slots), 1),
        // An estimate from a few directions takes about as long.
        _ => Way::Reverse(1),
    };
    let (takes, steps) = (
        way::predict::<T>(&graph, batch, wanted, way).ok()?,
        steps as f64,
    );
    if !may_be_long(way, takes, steps) {
        return None;
    }
    let times = Times::<T>::of(&graph, batch, wanted)?;
    let times_of = |faster: Faster| Faster {
        seconds: faster.seconds.map(|seconds| steps * seconds),
        ..faster
    };
    let others = other_modes(&times, way).into_iter();
    let mut faster: Vec<Faster> = others.map(times_of).collect();
    if size_of::<T>() == size_of::<f64>() {
        let narrow = Times::<f32>::of(&graph, batch, wanted);
        let narrow = narrow.and_then(|times| times.seconds(way));
        faster.extend(narrow.map(|seconds| Faster::new("--dtype f32", steps * seconds)));
    }
    faster.push(Faster::new("fewer --epochs", None));
    Some(Forecast {
        what: format!("train by --mode {}", asked.mode),
        seconds: steps * times.seconds(way)?,
        source: None,
        faster,
    })
}

/// What the Jacobians of the last layer in every block's value take, as [`pushpull_xray`] computes them.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Inside {
    /// By the engines.
    flops: f64,
    /// `l^2 m` of every decomposition of an l x m or m x l matrix, l <= m: its time is in proportion.
    decomposed: f64,
}

impl Inside {
    /// Of so many samples; `rows` of the blocks' values, `outputs` those of the last layer, and the flops of the network alone for
    /// a sample.
    fn of(samples: usize, exact: usize, rows: &[f64], outputs: f64, primal: f64) -> Self {
        let (samples, exact) = (samples as f64, exact as f64);
        let turns = pushpull_xray::Settings::default().iterations as f64;
        let (mut flops, mut decomposed) = (0.0, 0.0);
        if outputs <= exact {
            // Of all blocks at once: the network, and a row of cotangents for each output.
            flops = (1.0 + outputs) * primal;
        }
        for &rows in rows {
            let (less, more) = (rows.min(outputs), rows.max(outputs));
            if less <= exact {
                decomposed += less * less * more;
            }
            if outputs > exact {
                // A column of tangents for each row, or a jvp and a vjp in turn.
                flops += match rows <= exact {
                    true => (1.0 + rows) * primal,
                    false => turns * 3.0 * primal,
                };
            }
        }
        Self {
            flops: samples * flops,
            decomposed: samples * decomposed,
        }
    }
}

/// Seconds of a decomposition over `n^3`, measured on a small n x n matrix.
fn decomposition() -> f64 {
    const N: usize = 128;
    let matrix = DMatrix::from_fn(N, N, |i, j| ((3 * i + 7 * j * j) as f64).sin());
    let began = Instant::now();
    let found = std::hint::black_box(matrix.singular_values());
    began.elapsed().as_secs_f64() / (found.len() as f64).powi(3)
}

/// The forecast of `pushpull xray`: a gradient, the Jacobians of the last layer in every block's value, and their singular
/// values.
pub fn inside<T: Planned>(asked: &Xray, graph: &Graph, batch: usize) -> Option<Forecast>
where
    Dual<T>: Timed,
{
    let takes = way::predict::<T>(graph, batch, Wrt::PARAMS, Way::Reverse(1)).ok()?;
    let nodes = graph.nodes().iter();
    let rows: Vec<f64> = nodes.map(|node| node.dims().n_out as f64).collect();
    let mut layers = graph.nodes().iter().rev();
    let last = layers.find(|node| node.name.starts_with("layer"))?;
    let outputs = last.dims().n_out as f64;
    let primal = Primal::<T>::predict(graph, 1).ok()?.cost.flops as f64;
    let of = |samples: usize, exact: usize| {
        Inside::of(samples.min(batch), exact, &rows, outputs, primal)
    };
    let (gradient, all) = (takes.cost.flops as f64, of(asked.samples, asked.exact));
    if gradient + all.flops + 20.0 * all.decomposed <= SHORT {
        return None;
    }
    let times = Times::<T>::of(graph, batch, Wrt::PARAMS)?;
    let rate = times.seconds(Way::Reverse(1))? / gradient.max(1.0);
    let each = decomposition();
    let seconds = |of: Inside| rate * (gradient + of.flops) + each * of.decomposed;
    let mut faster = vec![
        Faster::new("--samples 1", seconds(of(1, asked.exact))),
        Faster::new("--exact 0", seconds(of(asked.samples, 0))),
    ];
    // What is done for a few samples takes as long in a smaller batch.
    if batch > 1 && rate * gradient > 0.2 * seconds(all) {
        faster.push(Faster::new("a smaller --batch", None));
    }
    Some(Forecast {
        what: "xray".into(),
        seconds: seconds(all),
        source: None,
        faster,
    })
}

/// Seconds of a byte that is written for the first time, measured on some.
fn writing() -> f64 {
    const BYTES: usize = 1 << 26;
    let began = Instant::now();
    let written = std::hint::black_box(vec![1_u8; BYTES]);
    began.elapsed().as_secs_f64() / written.len() as f64
}

/// The forecast of `pushpull explain` with numbers: reverse mode, and forward mode with all tangents at once, whose numbers are
/// kept. What does not fit into memory has none: it is refused.
pub fn explanation<T: Planned>(graph: &Graph, batch: usize) -> Option<Forecast>
where
    Dual<T>: Timed,
{
    /// Bytes that take less than a minute to write.
    const FEW: f64 = 2e9;
    let way = Way::ForwardDense;
    let takes = way::predict::<T>(graph, batch, Wrt::PARAMS, way).ok()?;
    let bytes = |batch: usize| {
        let plan = Forward::plan(graph, batch, Question::Gradient).chunk(Chunk::Full);
        let program = plan.program::<T>().ok()?;
        let numbers = program.instrs().iter().map(|instr| instr.to.numbers());
        let numbers = numbers.fold(0, usize::saturating_add);
        memory::fits::<T>("the trace", numbers, "").ok()?;
        // Once by the engine, and once to be kept.
        Some(2.0 * numbers as f64 * size_of::<T>() as f64)
    };
    let all = bytes(batch)?;
    if !may_be_long(way, takes, 1.0) && all < FEW {
        return None;
    }
    let each = writing();
    let times = Times::<T>::of(graph, batch, Wrt::PARAMS)?;
    let one = (batch > 1).then(|| {
        let one = Times::<T>::of(graph, 1, Wrt::PARAMS)?;
        Some(one.seconds(way)? + each * bytes(1)?)
    });
    Some(explained(times.seconds(way)? + each * all, one.flatten()))
}

/// What is said of an explanation that takes so long, and with a single sample so long.
fn explained(seconds: f64, one: Option<f64>) -> Forecast {
    let mut faster = vec![Faster::new(
        "without --data, the programs without numbers",
        0.0,
    )];
    faster.extend(one.map(|seconds| Faster::new("--batch 1", seconds)));
    Forecast {
        what: "explain, which pushes the tangents of all parameters".into(),
        seconds,
        source: None,
        faster,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pushpull_core::Cost;

    #[test]
    fn what_is_certainly_short_is_not_looked_into() {
        let takes = |flops, calls| Takes {
            cost: Cost { flops, calls },
            peak_bytes: 0,
        };
        let (forward, reverse) = (Way::ForwardChunked(8), Way::Reverse(1));
        assert!(!may_be_long(reverse, takes(1_000_000_000, 1_000), 1.0));
        assert!(!may_be_long(forward, takes(1_000_000_000, 1_000), 1.0));
        assert!(may_be_long(forward, takes(10_000_000_000, 0), 1.0));
        assert!(may_be_long(reverse, takes(1_000_000, 0), 1e6));
        assert!(may_be_long(reverse, takes(0, 10_000_000_000), 1.0));
    }

    #[test]
    fn what_is_seen_inside_is_counted_by_samples_and_outputs() {
        let rows = [8.0, 8.0, 3.0, 1.0];
        let few = Inside::of(1, 512, &rows, 3.0, 100.0);
        // A network alone and a row for each output; matrices of 3 x 8, 3 x 8, 3 x 3 and 3 x 1.
        assert_eq!(few.flops, 400.0);
        assert_eq!(few.decomposed, 72.0 + 72.0 + 27.0 + 3.0);
        let four = Inside::of(4, 512, &rows, 3.0, 100.0);
        assert_eq!((four.flops, four.decomposed), (1600.0, 4.0 * 174.0));
        // More outputs than are decomposed: columns for blocks of few rows, jvp and vjp in turn for the others.
        let some = Inside::of(1, 2, &rows, 3.0, 100.0);
        assert_eq!(some.decomposed, 3.0);
        assert_eq!(some.flops, 3.0 * 200.0 * 3.0 * 100.0 + 200.0);
        assert_eq!(Inside::of(1, 0, &rows, 3.0, 100.0).decomposed, 0.0);
    }

    #[test]
    fn what_no_planner_knows_is_measured() {
        assert!(decomposition() > 0.0 && writing() > 0.0);
    }

    #[test]
    fn a_long_explanation_names_what_takes_less() {
        assert_eq!(
            explained(300.0, Some(3.0)).words().unwrap(),
            "explain, which pushes the tangents of all parameters: predicted to take about 5 min; faster: without --data, the \
             programs without numbers (less than a second), or --batch 1 (about 3 s)"
        );
        assert!(!explained(300.0, None).words().unwrap().contains("--batch"));
        assert_eq!(explained(30.0, None).words(), None);
    }
}
