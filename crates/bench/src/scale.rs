//! How time and memory grow on one machine: over parameters, samples and layers, against the exact counts.

use std::hint::black_box;
use std::sync::Arc;

use nalgebra::DMatrix;
use pushpull_core::alloc::measure_process;
use pushpull_core::blocks::{Activation, Loss};
use pushpull_core::siblings::figures::{grouped, seconds, table};
use pushpull_core::{Error, Graph, Init, Mat, MatMut, Mlp, Primal, Question, Wrt};
use pushpull_forward_mode::Forward;
use pushpull_reverse_mode::Reverse;

use crate::alloc::AllocError;
use crate::fit::PowerLaw;
use crate::rounds::{Effort, Times, interleaved};
use crate::verdict::POINTS;

/// What grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Axis {
    /// Parameters of 64-w-w-10 at 32 samples.
    Parameters,
    /// Samples through 64-64-10.
    Samples,
    /// Layers of 16 units at 32 samples.
    Layers,
}

impl Axis {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Parameters, Self::Samples, Self::Layers];

    /// What the numbers of the axis are.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Parameters => "parameters",
            Self::Samples => "samples",
            Self::Layers => "layers",
        }
    }

    /// Decades of the axis, of samples and layers half decades: the widths of its layers and its samples. `quick`: the small ones.
    pub fn networks(self, quick: bool) -> Vec<(Vec<usize>, usize)> {
        let all: Vec<(Vec<usize>, usize)> = match self {
            // p = 65 w + w (w + 1) + 10 (w + 1): about 10^2, 10^3, .., 10^8.
            Self::Parameters => [1, 12, 70, 280, 960, 3_125, 9_960]
                .map(|w| (vec![64, w, w, 10], 32))
                .into(),
            Self::Samples => (0..=10).map(|k| (vec![64, 64, 10], halves(k))).collect(),
            Self::Layers => (0..=8).map(|k| (vec![16; halves(k) + 1], 32)).collect(),
        };
        let few = if quick { 3 } else { all.len() };
        all.into_iter().take(few).collect()
    }
}

/// 1, 3, 10, 32, 100, ..: so many half decades.
fn halves(k: i32) -> usize {
    10_f64.powf(f64::from(k) / 2.0).round() as usize
}

/// One computation on one network, in f32: what it is predicted to take, and what it took.
#[derive(Clone, Debug)]
pub struct Measured {
    /// What grows.
    pub axis: Axis,
    /// Parameters, samples or layers.
    pub size: u64,
    /// `primal`, `jvp`, or `gradient`.
    pub task: &'static str,
    /// Of the engine.
    pub threads: usize,
    /// Operations, counted before it ran.
    pub flops: u64,
    /// Heap bytes of the prepared engine, predicted.
    pub predicted_bytes: u64,
    /// The same, measured.
    pub bytes: u64,
    /// Of one run.
    pub times: Times,
}

/// Why a network could not be measured.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScaleError {
    /// The network.
    #[error(transparent)]
    Graph(#[from] Error),
    /// The counting allocator.
    #[error(transparent)]
    Alloc(#[from] AllocError),
}

type Run = Box<dyn FnMut()>;

/// What is known of a computation before it runs, and the computation.
struct Prepared {
    task: &'static str,
    threads: usize,
    flops: u64,
    predicted_bytes: u64,
    bytes: u64,
    run: Run,
}

/// A network at Glorot's parameters with inputs of a formula.
struct Subject {
    graph: Graph,
    batch: usize,
    params: Vec<f32>,
    x: DMatrix<f32>,
}

impl Subject {
    fn new(widths: &[usize], batch: usize) -> Result<Arc<Self>, Error> {
        let graph = Mlp::new(widths, Activation::Tanh).loss(Loss::Sum).build()?;
        Ok(Arc::new(Self {
            params: graph.layout().init(Init::Glorot, 1),
            x: DMatrix::from_fn(graph.n_inputs(), batch, |i, j| {
                (1.0 + (3 * i + 7 * j) as f32).sin()
            }),
            graph,
            batch,
        }))
    }

    fn primal(self: &Arc<Self>) -> Result<Prepared, ScaleError> {
        let (own, predicted) = (
            Arc::clone(self),
            Primal::<f32>::predict(&self.graph, self.batch)?,
        );
        let (engine, made) = measure_process(|| Primal::<f32>::new(&self.graph, self.batch))?;
        let mut engine = engine?;
        Ok(Prepared {
            task: "primal",
            threads: 1,
            flops: predicted.cost.flops,
            predicted_bytes: predicted.prepared() as u64,
            bytes: made.kept_bytes as u64,
            run: Box::new(move || {
                black_box(engine.run(&own.params, &own.x)).ok();
            }),
        })
    }

    fn jvp(self: &Arc<Self>) -> Result<Prepared, ScaleError> {
        let own = Arc::clone(self);
        let plan = Forward::plan(&self.graph, self.batch, Question::Jvp(1)).wrt(Wrt::PARAMS);
        let predicted = plan.prediction::<f32>()?;
        let (engine, made) = measure_process(|| plan.prepare::<f32>())?;
        let (mut engine, rows) = (engine?, self.graph.n_outputs());
        let mut y_dot = vec![0.0; rows * self.batch];
        Ok(Prepared {
            task: "jvp",
            threads: 1,
            flops: predicted.cost.flops,
            predicted_bytes: predicted.prepared() as u64,
            bytes: made.kept_bytes as u64,
            run: Box::new(move || {
                let along = Mat::new(&own.params, own.params.len(), 1);
                let to = MatMut::new(&mut y_dot, rows, own.batch);
                black_box(engine.jvp_into(&own.params, &own.x, Some(along), None, to)).ok();
            }),
        })
    }

    fn gradient(self: &Arc<Self>, threads: usize) -> Result<Prepared, ScaleError> {
        let own = Arc::clone(self);
        let plan = Reverse::plan(&self.graph, self.batch, Question::Gradient).threads(threads);
        let predicted = plan.prediction::<f32>()?;
        let (engine, made) = measure_process(|| plan.prepare::<f32>())?;
        let mut engine = engine?;
        Ok(Prepared {
            task: "gradient",
            threads,
            flops: predicted.cost.flops,
            predicted_bytes: predicted.prepared() as u64,
            bytes: made.kept_bytes as u64,
            run: Box::new(move || {
                black_box(engine.value_and_gradient(&own.params, &own.x)).ok();
            }),
        })
    }
}

/// Measures an axis: all its networks in the same interleaved rounds.
///
/// # Errors
/// [`ScaleError`]
pub fn measure(axis: Axis, quick: bool, effort: Effort) -> Result<Vec<Measured>, ScaleError> {
    let (mut known, mut runs) = (Vec::new(), Vec::new());
    for (widths, batch) in axis.networks(quick) {
        let subject = Subject::new(&widths, batch)?;
        let size = match axis {
            Axis::Parameters => subject.graph.n_params(),
            Axis::Samples => batch,
            Axis::Layers => widths.len() - 1,
        };
        for prepared in [
            subject.primal()?,
            subject.jvp()?,
            subject.gradient(1)?,
            subject.gradient(2)?,
        ] {
            let Prepared {
                task,
                threads,
                flops,
                predicted_bytes,
                bytes,
                run,
            } = prepared;
            known.push((size as u64, task, threads, flops, predicted_bytes, bytes));
            runs.push(run);
        }
    }
    let times = interleaved(&mut runs, effort);
    let all = known.into_iter().zip(times);
    let measured = all.map(
        |((size, task, threads, flops, predicted_bytes, bytes), times)| Measured {
            axis,
            size,
            task,
            threads,
            flops,
            predicted_bytes,
            bytes,
            times,
        },
    );
    Ok(measured.collect())
}

/// Operations from which a run's fixed costs no longer hide how it grows.
pub const GROWS_FROM: u64 = 1_000_000;

/// How much faster than its count a time may grow: `time ~ flops^1.1`.
pub const ALLOWED: f64 = 1.1;

/// How the time of one computation grows with its operations.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Growth {
    /// Fewer than three networks of at least [`GROWS_FROM`].
    TooFew,
    /// The exponent, two standard errors included, is at most [`ALLOWED`].
    AsCounted(PowerLaw),
    /// It is above, two standard errors taken off.
    Faster(PowerLaw),
    /// The data does not say which, or there are fewer than [`POINTS`] networks.
    Inconclusive(PowerLaw),
}

impl Growth {
    /// Of the same computation on the networks of an axis.
    ///
    /// ```
    /// use pushpull_bench::scale::Growth;
    /// let points = |power| [1, 2, 4, 8, 16].map(|n: u64| (n * 1_000_000, 1e-4 * (n as f64).powf(power)));
    /// assert!(matches!(Growth::of(&points(1.0)), Growth::AsCounted(law) if (law.slope - 1.0).abs() < 1e-9));
    /// assert!(matches!(Growth::of(&points(1.3)), Growth::Faster(_)));
    /// assert!(matches!(Growth::of(&points(1.3)[..4]), Growth::Inconclusive(_)));
    /// assert_eq!(Growth::of(&[(1_000_000, 1e-4)]), Growth::TooFew);
    /// ```
    pub fn of(points: &[(u64, f64)]) -> Self {
        let large = points.iter().filter(|(flops, _)| *flops >= GROWS_FROM);
        let (x, y): (Vec<f64>, Vec<f64>) = large.map(|&(flops, time)| (flops as f64, time)).unzip();
        let law = match PowerLaw::fit(&x, &y) {
            Ok(law) if law.points > 2 => law,
            _ => return Self::TooFew,
        };
        if law.points < POINTS {
            return Self::Inconclusive(law);
        }
        let error = 2.0 * law.slope_error.unwrap_or(f64::INFINITY);
        if law.slope + error <= ALLOWED {
            Self::AsCounted(law)
        } else if law.slope - error > ALLOWED {
            Self::Faster(law)
        } else {
            Self::Inconclusive(law)
        }
    }
}

impl std::fmt::Display for Growth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::TooFew => write!(f, "too few networks of {} flops", grouped(GROWS_FROM)),
            Self::AsCounted(law) => write!(f, "no faster than its flops: {law}"),
            Self::Faster(law) => write!(f, "FASTER than its flops: {law}"),
            Self::Inconclusive(law) => write!(f, "inconclusive: {law}"),
        }
    }
}

/// The computations of some rows, each with its rows.
fn computations(rows: &[Measured]) -> Vec<(&'static str, usize, Vec<&Measured>)> {
    let kinds = [("primal", 1), ("jvp", 1), ("gradient", 1), ("gradient", 2)];
    let of = |(task, threads)| {
        let own = rows
            .iter()
            .filter(move |row| (row.task, row.threads) == (task, threads));
        (task, threads, own.collect())
    };
    kinds.map(of).into()
}

/// An axis as text: a line a network and computation, then how each computation grows.
pub fn text(axis: Axis, rows: &[Measured]) -> Vec<String> {
    let titles = [
        axis.name(),
        "computation",
        "threads",
        "flops",
        "median",
        "quartiles",
        "GFLOP/s",
        "bytes",
        "of the prediction",
    ];
    let line = |row: &Measured| {
        let [low, median, high] = row.times.quartiles();
        [
            grouped(row.size),
            row.task.into(),
            row.threads.to_string(),
            grouped(row.flops),
            seconds(median),
            format!("{} .. {}", seconds(low), seconds(high)),
            format!("{:.2}", row.flops as f64 / median / 1e9),
            grouped(row.bytes),
            format!("{:.3}", row.bytes as f64 / row.predicted_bytes as f64),
        ]
    };
    let all = std::iter::once(titles.map(String::from)).chain(rows.iter().map(line));
    let mut lines = table(&all.collect::<Vec<_>>(), &[1]);
    for (task, threads, rows) in computations(rows) {
        let points = rows.iter().map(|row| (row.flops, row.times.median()));
        let growth = Growth::of(&points.collect::<Vec<_>>());
        lines.push(format!(
            "{task}, {threads} thread(s), time over {}: {growth}",
            axis.name()
        ));
    }
    lines
}

/// The rows as comma-separated values: times in seconds, memory in bytes.
pub fn csv(rows: &[Measured]) -> String {
    let mut text = String::from(
        "axis,size,task,threads,flops,lower_quartile,median,upper_quartile,bytes,predicted_bytes\n",
    );
    for row in rows {
        let [low, median, high] = row.times.quartiles();
        text += &format!(
            "{},{},{},{},{},{low:e},{median:e},{high:e},{},{}\n",
            row.axis.name(),
            row.size,
            row.task,
            row.threads,
            row.flops,
            row.bytes,
            row.predicted_bytes
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_have_the_sizes_that_they_are_named_after() {
        for (k, (widths, _)) in Axis::Parameters.networks(false).iter().enumerate() {
            let weights = widths.windows(2).map(|w| (w[0] + 1) * w[1]).sum::<usize>() as f64;
            let decade = 10_f64.powi(k as i32 + 2);
            assert!(
                (0.8..1.1).contains(&(weights / decade)),
                "{widths:?}: {weights}"
            );
        }
        assert_eq!(Axis::Samples.networks(false).last().unwrap().1, 100_000);
        assert_eq!(Axis::Layers.networks(false).last().unwrap().0.len(), 10_001);
    }

    #[test]
    fn the_table_has_a_line_for_each_measurement() {
        let effort = Effort {
            rounds: 1,
            slice: 1e-5,
        };
        let rows = measure(Axis::Samples, true, effort).unwrap();
        assert_eq!(csv(&rows).lines().count(), 13);
    }
}
