//! What each command's run is predicted to take, and by what other options it would take less. Nothing is looked into that is
//! certainly short.

use nalgebra::Scalar as Number;
use pushpull_core::{Dual, Graph, Wrt};
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
        faster,
    })
}

/// Flops of the singular values of so many rows and columns: of all of them up to `exact`, else of the steps that find the
/// largest.
fn decomposed(rows: f64, columns: f64, exact: f64) -> f64 {
    let (less, more) = (rows.min(columns), rows.max(columns));
    match less <= exact {
        true => 20.0 * less * less * more,
        false => 40.0 * less * more,
    }
}

/// The forecast of `pushpull xray`: a gradient, the Jacobians of the last layer in every block's value, and their singular
/// values.
pub fn inside<T: Planned>(asked: &Xray, graph: &Graph, batch: usize) -> Option<Forecast>
where
    Dual<T>: Timed,
{
    /// Flops a second of a decomposition, which is no product of matrices.
    const RATE: f64 = 1e9;
    let takes = way::predict::<T>(graph, batch, Wrt::PARAMS, Way::Reverse(1)).ok()?;
    let rows: Vec<f64> = graph
        .nodes()
        .iter()
        .map(|node| node.dims().n_out as f64)
        .collect();
    let outputs = rows.iter().rev().nth(1).copied().unwrap_or(1.0);
    let work = |samples: usize, exact: usize| {
        let blocks = rows.iter();
        let one: f64 = blocks
            .map(|&rows| decomposed(outputs, rows, exact as f64))
            .sum();
        samples.min(batch) as f64 * one
    };
    let gradient = takes.cost.flops as f64;
    let jacobians = |samples: usize| {
        let share = samples.min(batch) as f64 / batch as f64;
        outputs.min(asked.exact as f64) * share * gradient
    };
    if gradient + jacobians(asked.samples) + work(asked.samples, asked.exact) <= SHORT {
        return None;
    }
    let times = Times::<T>::of(graph, batch, Wrt::PARAMS)?;
    let rate = times.seconds(Way::Reverse(1))? / gradient.max(1.0);
    let seconds = |samples: usize, exact: usize| {
        rate * (gradient + jacobians(samples)) + work(samples, exact) / RATE
    };
    Some(Forecast {
        what: "xray".into(),
        seconds: seconds(asked.samples, asked.exact),
        faster: vec![
            Faster::new("--samples 1", seconds(1, asked.exact)),
            Faster::new("--exact 0", seconds(asked.samples, 0)),
            Faster::new("a smaller --batch", None),
        ],
    })
}

/// The forecast of `pushpull explain` with numbers: reverse mode, and forward mode with all tangents at once.
pub fn explanation<T: Planned>(graph: &Graph, batch: usize) -> Option<Forecast>
where
    Dual<T>: Timed,
{
    let way = Way::ForwardDense;
    let takes = way::predict::<T>(graph, batch, Wrt::PARAMS, way).ok()?;
    if !may_be_long(way, takes, 1.0) {
        return None;
    }
    let times = Times::<T>::of(graph, batch, Wrt::PARAMS)?;
    let mut faster = vec![Faster::new(
        "leave --data out, the programs without numbers",
        0.0,
    )];
    if batch > 1 {
        let one = Times::<T>::of(graph, 1, Wrt::PARAMS).and_then(|times| times.seconds(way));
        faster.extend(one.map(|seconds| Faster::new("--batch 1", seconds)));
    }
    Some(Forecast {
        what: "explain, which pushes the tangents of all parameters".into(),
        seconds: times.seconds(way)?,
        faster,
    })
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
    fn singular_values_beyond_the_exact_ones_take_less() {
        assert!(decomposed(600.0, 900.0, 512.0) < decomposed(600.0, 900.0, 600.0));
        assert_eq!(decomposed(3.0, 5.0, 9.0), decomposed(5.0, 3.0, 9.0));
    }
}
