//! Times several computations in interleaved rounds, so that what disturbs the machine disturbs all of them.

use std::time::Instant;

/// Rounds, and seconds that one measurement of a round takes at least.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Effort {
    /// Measurements of each computation.
    pub rounds: usize,
    /// Seconds.
    pub slice: f64,
}

/// Seconds of one run of a computation, a number a round, in the order of the rounds.
#[derive(Clone, Debug, PartialEq)]
pub struct Times(Vec<f64>);

impl Times {
    /// The lower quartile, the median and the upper quartile in seconds.
    pub fn quartiles(&self) -> [f64; 3] {
        quartiles(self.0.clone())
    }

    /// Seconds.
    pub fn median(&self) -> f64 {
        self.quartiles()[1]
    }

    /// Quartiles of this time over another one of the same round.
    pub fn over(&self, other: &Self) -> [f64; 3] {
        quartiles(self.0.iter().zip(&other.0).map(|(a, b)| a / b).collect())
    }
}

/// The lower quartile, the median and the upper quartile of some numbers; NaN of none.
///
/// ```
/// use pushpull_bench::rounds::quartiles;
/// assert_eq!(quartiles(vec![5.0, 1.0, 4.0, 2.0, 3.0]), [2.0, 3.0, 4.0]);
/// ```
pub fn quartiles(mut numbers: Vec<f64>) -> [f64; 3] {
    numbers.sort_by(f64::total_cmp);
    let last = numbers.len().saturating_sub(1);
    [1, 2, 3].map(|quarter| numbers.get(quarter * last / 4).copied().unwrap_or(f64::NAN))
}

/// The times of each computation. How often one runs in a measurement is found once, before the first round.
///
/// ```
/// use pushpull_bench::rounds::{Effort, interleaved};
/// let mut sums = [0_u64; 2];
/// let [a, b] = &mut sums;
/// let mut runs: Vec<Box<dyn FnMut() + '_>> = vec![Box::new(|| *a += 1), Box::new(|| *b += 2)];
/// let times = interleaved(&mut runs, Effort { rounds: 3, slice: 1e-4 });
/// assert_eq!(times.len(), 2);
/// assert!(times[0].median() > 0.0);
/// ```
pub fn interleaved(runs: &mut [Box<dyn FnMut() + '_>], effort: Effort) -> Vec<Times> {
    let often: Vec<u32> = runs
        .iter_mut()
        .map(|run| repetitions(run, effort.slice))
        .collect();
    let mut times = vec![Times(Vec::with_capacity(effort.rounds)); runs.len()];
    for _ in 0..effort.rounds {
        for ((run, times), &often) in runs.iter_mut().zip(&mut times).zip(&often) {
            times.0.push(time(run, often) / f64::from(often));
        }
    }
    times
}

/// Seconds of so many runs.
fn time(run: &mut dyn FnMut(), often: u32) -> f64 {
    let start = Instant::now();
    (0..often).for_each(|_| run());
    start.elapsed().as_secs_f64()
}

/// Runs that take about `slice` seconds, at least one.
fn repetitions(run: &mut dyn FnMut(), slice: f64) -> u32 {
    let mut often = 1_u32;
    loop {
        let seconds = time(run, often);
        if seconds >= slice {
            return often;
        }
        let more = if seconds < slice / 8.0 {
            8.0
        } else {
            1.2 * slice / seconds
        };
        often = (f64::from(often) * more).ceil() as u32;
    }
}
