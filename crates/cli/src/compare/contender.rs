//! The modes that are compared: predicted exactly, timed in turn, or predicted where they would take too long.

use std::hint::black_box;
use std::time::Instant;

use nalgebra::DMatrix;
use pushpull_bench::peak;
use pushpull_bench::progress::Progress;
use pushpull_bench::rounds::{self, interleaved};
use pushpull_core::{Dual, Graph, Prediction, Primal, Question, Result, Scalar};
use pushpull_planner::Way;
use pushpull_reverse_mode::Store;
use serde::{Serialize, Serializer};

use crate::fault::Fault;
use crate::interrupt;
use crate::long::{Faster, Forecast};
use crate::way;

/// Measurements of each mode; one more than a multiple of four, so that quartiles are measurements.
const ROUNDS: usize = 9;
/// Runs of a mode beside its rounds, at most: the first ones, and those that find how often it is repeated.
const BESIDE: usize = 4;
/// The part of the time that is kept for modes that are run once.
const ONCE: f64 = 0.3;
/// Seconds of one measurement, at least where there is time: long beside the clock's own error.
const SLICE: f64 = 0.02;

/// The modes that a network has at most, beside the primal, in the order of pictures.
pub const MODES: [&str; 5] = [
    "reverse",
    "checkpointed",
    "structured",
    "forward",
    "forward-full",
];

/// What may be spent on a configuration.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    pub threads: usize,
    /// Seconds in all, about.
    pub seconds: f64,
    /// The longest run that is waited for, beyond that.
    pub patience: Option<f64>,
    /// Whether numbers are f64.
    pub double: bool,
    /// Whether there is no other configuration.
    pub alone: bool,
}

impl Effort {
    /// Whether a run that is predicted to take so long is worth it: in every round, where `allowed` seconds are left for it, or
    /// once, where `left` are.
    fn runs(&self, seconds: f64, allowed: f64, left: f64) -> bool {
        let patience = self.patience.unwrap_or(0.0);
        seconds <= allowed.max(left).max(patience)
    }
}

/// Where a time comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Interleaved rounds.
    Measured,
    /// A single run: it took longer than there is time for in every round.
    OneRun,
    /// Flops over the measured rate of another mode.
    Predicted,
    /// It cannot be run on this machine.
    Refused,
}

impl Source {
    /// The name in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Measured => "measured",
            Self::OneRun => "one run",
            Self::Predicted => "predicted",
            Self::Refused => "refused",
        }
    }
}

impl Serialize for Source {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// A mode with what it takes. Times are those of one run, prepared before.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    pub mode: &'static str,
    /// How it is carried out.
    pub way: String,
    /// Exact; `None` where the mode was refused.
    pub flops: Option<u64>,
    /// Over the primal's.
    pub flops_ratio: Option<f64>,
    pub calls: Option<u64>,
    /// Exact: the most bytes that the engine holds.
    pub peak_bytes: Option<usize>,
    /// Median, and quartiles where it was measured.
    pub seconds: Option<f64>,
    pub seconds_low: Option<f64>,
    pub seconds_high: Option<f64>,
    /// Over the primal of the same round.
    pub ratio: Option<f64>,
    pub ratio_low: Option<f64>,
    pub ratio_high: Option<f64>,
    pub source: Source,
    /// Why it was refused.
    pub note: Option<String>,
}

/// The primal, or a way to the gradient.
#[derive(Clone, Copy)]
enum What {
    Primal,
    Gradient(Way),
}

/// A mode before it is timed.
struct Contender {
    what: What,
    row: Row,
    prediction: Option<Prediction>,
}

impl Contender {
    fn new<T: Scalar>(mode: &'static str, what: What, graph: &Graph, batch: usize) -> Self
    where
        Dual<T>: Scalar,
    {
        let predicted = match what {
            What::Primal => Primal::<T>::predict(graph, batch),
            What::Gradient(way) => way.prediction::<T>(graph, batch, Question::Gradient),
        };
        let note = predicted.as_ref().err().map(ToString::to_string);
        let prediction = predicted.ok();
        let row = Row {
            mode,
            way: match what {
                What::Primal => "no derivative".into(),
                What::Gradient(way) => way::words(way),
            },
            flops: prediction.map(|p| p.cost.flops),
            flops_ratio: None,
            calls: prediction.map(|p| p.cost.calls),
            peak_bytes: prediction.map(|p| p.peak()),
            seconds: None,
            seconds_low: None,
            seconds_high: None,
            ratio: None,
            ratio_low: None,
            ratio_high: None,
            source: Source::Refused,
            note,
        };
        Self {
            what,
            row,
            prediction,
        }
    }
}

/// The primal and every mode of a gradient, from the fewest flops to the most.
fn all<T: Scalar>(graph: &Graph, batch: usize) -> Result<Vec<Contender>>
where
    Dual<T>: Scalar,
{
    let mut ways = vec![("reverse", Way::Reverse(1))];
    let kept = way::checkpointed(graph, batch, None)?;
    if way::store(kept) != Store::All {
        ways.push(("checkpointed", kept));
    }
    if let Ok(structured) = Way::structured::<T>(graph, batch) {
        ways.push(("structured", structured));
    }
    let chunked = Way::forward::<T>(graph, batch);
    ways.push(("forward", chunked));
    if chunked != Way::ForwardDense {
        ways.push(("forward-full", Way::ForwardDense));
    }
    let mut all = vec![Contender::new::<T>("primal", What::Primal, graph, batch)];
    all.extend(
        ways.into_iter()
            .map(|(mode, way)| Contender::new::<T>(mode, What::Gradient(way), graph, batch)),
    );
    all.sort_by_key(|contender| contender.row.flops.unwrap_or(u64::MAX));
    Ok(all)
}

/// A prepared run. What it gives is kept from the optimiser; a point that was checked once cannot be refused later.
fn prepare<'a, T: Scalar>(
    what: What,
    graph: &Graph,
    params: &'a [T],
    x: &'a DMatrix<T>,
    threads: usize,
) -> Result<Box<dyn FnMut() + 'a>>
where
    Dual<T>: Scalar,
{
    let batch = x.ncols();
    Ok(match what {
        What::Primal => {
            let mut engine = Primal::new(graph, batch)?.with_threads(threads)?;
            Box::new(move || drop(black_box(engine.run(params, x))))
        }
        What::Gradient(way) => {
            let mut engine = way.engine::<T>(graph, batch, Question::Gradient, threads)?;
            Box::new(move || drop(black_box(engine.value_and_gradient(params, x.into()))))
        }
    })
}

/// Times every mode for which there is time.
pub fn measure<T: Scalar>(
    name: &str,
    graph: &Graph,
    params: &[T],
    x: &DMatrix<T>,
    effort: Effort,
    progress: &mut Progress,
) -> Result<Vec<Row>, Fault>
where
    Dual<T>: Scalar,
{
    graph.check(params, x.into(), x.ncols())?;
    let mut contenders = all::<T>(graph, x.ncols())?;
    let mut left = ONCE * effort.seconds;
    let allowed = (effort.seconds - left) / ((ROUNDS + BESIDE) * contenders.len()) as f64;
    let brief = rounds::Effort {
        rounds: 5,
        slice: 1e-3,
    };
    // Flops a second: the peak until a mode has run, then that of the last one.
    let mut rate = peak::measure(effort.double, brief) * effort.threads as f64;
    // A mode has a part for its first run and one for its rounds.
    let part = 0.5 / contenders.len() as f64;
    if !effort.alone {
        progress.begin(name);
    }
    let begin = |progress: &mut Progress, mode: &str| match effort.alone {
        true => progress.begin(mode),
        false => progress.detail(&format!("{name}: {mode}")),
    };
    let (mut runs, mut timed) = (Vec::new(), Vec::new());
    for (i, contender) in contenders.iter_mut().enumerate() {
        let Some(prediction) = contender.prediction else {
            progress.finish(part);
            continue;
        };
        begin(progress, contender.row.mode);
        let row = &mut contender.row;
        let flops = prediction.cost.flops as f64;
        let predicted = flops / rate;
        // What is left is predicted.
        if !effort.runs(predicted, allowed, left) || interrupt::came() {
            row.source = Source::Predicted;
            row.seconds = Some(predicted);
            progress.finish(part);
            continue;
        }
        let forecast = Forecast {
            what: format!("compare: {} of {name}", row.mode),
            seconds: predicted,
            source: None,
            faster: vec![Faster::new("a smaller --patience, which predicts it", None)],
        };
        forecast.announce();
        let mut run = match prepare(contender.what, graph, params, x, effort.threads) {
            Ok(run) => run,
            Err(fault) => {
                row.note = Some(fault.to_string());
                progress.finish(part);
                continue;
            }
        };
        let mut seconds = once(&mut run);
        if seconds <= allowed {
            // The first run has touched its memory for the first time.
            seconds = seconds.min(once(&mut run));
        }
        rate = flops / seconds.max(f64::MIN_POSITIVE);
        row.seconds = Some(seconds);
        if seconds <= allowed {
            row.source = Source::Measured;
            timed.push(i);
            runs.push(run);
        } else {
            row.source = Source::OneRun;
            left -= seconds;
        }
        progress.finish(part);
    }
    begin(progress, "in turn");
    let slice = SLICE.min(allowed);
    let rounds = if interrupt::came() { 1 } else { ROUNDS };
    let times = interleaved(&mut runs, rounds::Effort { rounds, slice });
    progress.finish(0.5);
    let primal = contenders
        .iter()
        .position(|c| matches!(c.what, What::Primal));
    let primal_times = timed
        .iter()
        .position(|&i| Some(i) == primal)
        .map(|k| &times[k]);
    for (&i, times) in timed.iter().zip(&times) {
        let [low, median, high] = times.quartiles();
        let row = &mut contenders[i].row;
        (row.seconds, row.seconds_low, row.seconds_high) = (Some(median), Some(low), Some(high));
        if let Some(primal) = primal_times {
            let [low, median, high] = times.over(primal);
            (row.ratio, row.ratio_low, row.ratio_high) = (Some(median), Some(low), Some(high));
        }
    }
    let flops = primal.and_then(|i| contenders[i].row.flops);
    let primal = primal.and_then(|i| contenders[i].row.seconds);
    let mut rows: Vec<Row> = contenders
        .into_iter()
        .map(|contender| contender.row)
        .collect();
    for row in &mut rows {
        let over = row
            .seconds
            .zip(primal)
            .map(|(seconds, primal)| seconds / primal);
        row.ratio = row.ratio.or(over);
        let flops = row.flops.zip(flops.filter(|&flops| flops > 0));
        row.flops_ratio = flops.map(|(flops, primal)| flops as f64 / primal as f64);
    }
    Ok(rows)
}

fn once(run: &mut Box<dyn FnMut() + '_>) -> f64 {
    let start = Instant::now();
    run();
    start.elapsed().as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_runs_what_there_is_no_time_for() {
        let effort = |patience| Effort {
            threads: 1,
            seconds: 30.0,
            patience,
            double: true,
            alone: true,
        };
        assert!(effort(None).runs(0.1, 0.2, 9.0));
        assert!(effort(None).runs(8.0, 0.2, 9.0));
        assert!(!effort(None).runs(600.0, 0.2, 9.0));
        assert!(effort(Some(601.0)).runs(600.0, 0.2, 9.0));
        assert!(!effort(Some(599.0)).runs(600.0, 0.2, 9.0));
        // What is spent is gone, patience is not.
        assert!(effort(Some(20.0)).runs(8.0, 0.2, -30.0));
    }
}
