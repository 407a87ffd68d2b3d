//! One cell: prepare everybody, check that all have the same result, time them in turn.

use std::path::Path;
use std::time::{Duration, Instant};

use pushpull_bench::peak;
use pushpull_bench::rounds::Effort;

use crate::fleet::Fleet;
use crate::grid::Cell;
use crate::log::Log;
use crate::net::Dtype;
use crate::options::Options;
use crate::peers::pushpull::flops;
use crate::protocol::{Answer, Ask, Job, read_numbers};
use crate::record::Row;
use crate::statistics::{distance, quantile};

/// One timing lasts at least this long.
const SHORTEST: f64 = 2e-3;
/// A cell stops here if it has enough rounds.
const LONGEST: Duration = Duration::from_secs(25);
/// Rounds that are enough.
const ENOUGH: usize = 5;

pub const PUSHPULL: &str = "pushpull";

/// How long a peak is measured.
const TIMED: Effort = Effort {
    rounds: 15,
    slice: 0.02,
};

/// Flops a second of one thread, measured before the first cell.
pub struct Peaks {
    single: f64,
    double: f64,
}

impl Peaks {
    pub fn measure() -> Self {
        let of = |double| peak::measure(double, TIMED);
        Self {
            single: of(false),
            double: of(true),
        }
    }

    const fn of(&self, dtype: Dtype) -> f64 {
        match dtype {
            Dtype::F32 => self.single,
            Dtype::F64 => self.double,
        }
    }

    /// The peaks in words.
    pub fn words(&self) -> String {
        let [single, double] = [self.single, self.double].map(|peak| peak / 1e9);
        format!("Peak of one thread: {single:.0} GFLOP/s in f32, {double:.0} in f64.")
    }
}

/// Who takes part, with how often to run and the times so far.
struct Runner {
    name: &'static str,
    form: String,
    repeats: u64,
    seconds: Vec<f64>,
}

/// What a job gave.
struct Outcome {
    value: f64,
    derivatives: Vec<f64>,
    form: String,
}

/// Measures a cell whose numbers lie in `directory`: a row for each peer.
///
/// # Errors
/// Why pushpull could not do it; the cell is then no comparison.
pub fn measure(
    cell: &Cell,
    directory: &Path,
    fleet: &mut Fleet,
    options: &Options,
    peaks: &Peaks,
    log: &mut Log,
) -> Result<Vec<Row>, String> {
    let expected = prepare(cell, PUSHPULL, directory, fleet)?;
    let mut runners = vec![Runner::new(PUSHPULL, expected.form.clone())];
    let mut rows = Vec::new();
    for peer in cell.peers(options) {
        // One row for a library that is not there at all.
        if fleet.absent(peer) {
            continue;
        }
        let outcome = prepare(cell, peer, directory, fleet)
            .and_then(|outcome| agrees(cell, &outcome, &expected).map(|()| outcome));
        match outcome {
            Ok(outcome) => runners.push(Runner::new(peer, outcome.form)),
            Err(why) => {
                log.say(&format!("  {peer}: not measured: {why}"));
                rows.push(Row::empty(cell, peer, &fleet.version(peer)));
            }
        }
    }
    let mut failed = Vec::new();
    for (i, runner) in runners.iter_mut().enumerate() {
        if let Err(why) = runner.calibrate(cell, fleet) {
            failed.push((i, why));
        }
    }
    let since = Instant::now();
    for round in 0..options.rounds {
        if round >= ENOUGH && since.elapsed() > LONGEST {
            break;
        }
        // There and back again, so that nobody always runs after the same one.
        let order: Vec<usize> = if round % 2 == 0 {
            (0..runners.len()).collect()
        } else {
            (0..runners.len()).rev().collect()
        };
        for i in order {
            if failed.iter().any(|(f, _)| *f == i) {
                continue;
            }
            if let Err(why) = runners[i].run(cell, fleet) {
                failed.push((i, why));
            }
        }
    }
    for runner in &runners {
        // What is prepared takes memory; a worker that cannot say so is started again.
        if let Ok(worker) = fleet.worker(runner.name, cell.threads) {
            let _ = worker.ask(&Ask::Forget);
        }
    }
    for (i, why) in failed {
        if i == 0 {
            return Err(why);
        }
        log.say(&format!("  {}: not measured: {why}", runners[i].name));
        rows.push(Row::empty(
            cell,
            runners[i].name,
            &fleet.version(runners[i].name),
        ));
        runners[i].seconds.clear();
    }
    rows.extend(report(cell, &runners, fleet, peaks, log));
    Ok(rows)
}

impl Runner {
    fn new(name: &'static str, form: String) -> Self {
        Self {
            name,
            form,
            repeats: 1,
            seconds: Vec::new(),
        }
    }

    /// Finds the number of repeats that makes a timing long enough.
    fn calibrate(&mut self, cell: &Cell, fleet: &mut Fleet) -> Result<(), String> {
        loop {
            let seconds = self.time(cell, fleet)?;
            if seconds * self.repeats as f64 >= SHORTEST || self.repeats > 1 << 24 {
                return Ok(());
            }
            let needed = (1.2 * SHORTEST / seconds.max(1e-9)).ceil() as u64;
            self.repeats = needed.max(2 * self.repeats);
        }
    }

    fn run(&mut self, cell: &Cell, fleet: &mut Fleet) -> Result<(), String> {
        let seconds = self.time(cell, fleet)?;
        self.seconds.push(seconds);
        Ok(())
    }

    fn time(&self, cell: &Cell, fleet: &mut Fleet) -> Result<f64, String> {
        match fleet.worker(self.name, cell.threads)?.ask(&Ask::Time {
            repeats: self.repeats,
        })? {
            Answer::Timed { seconds } if seconds > 0.0 => Ok(seconds),
            other => Err(format!("expected a time, got {other:?}")),
        }
    }
}

fn prepare(
    cell: &Cell,
    name: &str,
    directory: &Path,
    fleet: &mut Fleet,
) -> Result<Outcome, String> {
    let job = Job::new(
        &cell.net,
        (cell.dtype, cell.task, cell.threads),
        directory,
        name,
    );
    let result = job.result.clone();
    match fleet.worker(name, cell.threads)?.ask(&Ask::Prepare(job))? {
        Answer::Prepared { value, form } => {
            let derivatives = read_numbers(&result).map_err(|e| e.to_string())?;
            // Up to a hundred megabytes a peer.
            let _ = std::fs::remove_file(&result);
            Ok(Outcome {
                value,
                derivatives,
                form,
            })
        }
        other => Err(format!("expected a prepared job, got {other:?}")),
    }
}

/// A time means something only if the result is the same.
fn agrees(cell: &Cell, outcome: &Outcome, expected: &Outcome) -> Result<(), String> {
    let tolerance = cell.dtype.tolerance();
    for (what, apart) in [
        ("loss", distance(&[outcome.value], &[expected.value])),
        (
            "derivatives",
            distance(&outcome.derivatives, &expected.derivatives),
        ),
    ] {
        if apart > tolerance {
            return Err(format!(
                "its {what} is {apart:.1e} from pushpull's, relative; at most {tolerance:.0e}"
            ));
        }
    }
    Ok(())
}

/// Rows of those who have times, and a line of the log each.
fn report(
    cell: &Cell,
    runners: &[Runner],
    fleet: &Fleet,
    peaks: &Peaks,
    log: &mut Log,
) -> Vec<Row> {
    let Some((own, peers)) = runners.split_first() else {
        return Vec::new();
    };
    let median = |seconds: &[f64]| 1e6 * quantile(seconds, 0.5);
    let of_peak = flops(&cell.net, cell.task).ok().map(|flops| {
        let peak = peaks.of(cell.dtype) * cell.threads as f64;
        significant(flops as f64 / quantile(&own.seconds, 0.5) / peak)
    });
    log.say(&format!(
        "  {:<11}{:>13.3} us  {:.0} % of the peak, {} ({} rounds)",
        own.name,
        median(&own.seconds),
        of_peak.map_or(f64::NAN, |part| 100.0 * part),
        own.form,
        own.seconds.len()
    ));
    let mut rows = Vec::new();
    for peer in peers.iter().filter(|peer| !peer.seconds.is_empty()) {
        let ratios: Vec<f64> = peer
            .seconds
            .iter()
            .zip(&own.seconds)
            .map(|(theirs, ours)| theirs / ours)
            .collect();
        let [low, middle, high] = [0.25, 0.5, 0.75].map(|q| quantile(&ratios, q));
        let time = median(&peer.seconds);
        log.say(&format!(
            "  {:<11}{time:>13.3} us  ratio {middle:.3} (quartiles {low:.3} to {high:.3})  {}",
            peer.name, peer.form
        ));
        rows.push(Row {
            time_us: Some(significant(time)),
            ratio_to_pushpull: Some(significant(middle)),
            ratio_lower_quartile: Some(significant(low)),
            pushpull_of_peak: of_peak,
            ..Row::empty(cell, peer.name, &fleet.version(peer.name))
        });
    }
    rows
}

/// Four significant digits: a time has no more.
fn significant(v: f64) -> f64 {
    format!("{v:.3e}").parse().unwrap_or(v)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::{Net, Task};

    #[test]
    fn four_digits_are_kept() {
        assert_eq!(
            [1.23456, 98765.4, 0.00012344].map(significant),
            [1.235, 98770.0, 0.0001234]
        );
    }

    #[test]
    fn a_wrong_loss_and_a_wrong_gradient_are_caught() {
        let cell = Cell {
            net: Net::grid().remove(0),
            dtype: Dtype::F32,
            threads: 1,
            task: Task::Gradient,
        };
        let outcome = |value, g| Outcome {
            value,
            derivatives: vec![1.0, g],
            form: String::new(),
        };
        assert!(agrees(&cell, &outcome(2.0001, 2.0001), &outcome(2.0, 2.0)).is_ok());
        assert!(
            agrees(&cell, &outcome(2.001, 2.0), &outcome(2.0, 2.0))
                .unwrap_err()
                .contains("loss")
        );
        assert!(
            agrees(&cell, &outcome(2.0, 2.001), &outcome(2.0, 2.0))
                .unwrap_err()
                .contains("derivatives")
        );
        let exact = Cell {
            dtype: Dtype::F64,
            ..cell
        };
        assert!(agrees(&exact, &outcome(2.000_000_1, 2.0), &outcome(2.0, 2.0)).is_err());
    }
}
