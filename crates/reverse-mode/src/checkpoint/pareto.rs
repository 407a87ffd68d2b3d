//! Work against memory: what each kind of schedule offers on a chain.

use super::chain::Chain;
use super::optimal::{Limit, optimal};
use super::periodic::{even, square_root};
use super::schedule::Schedule;

/// A kind of schedules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// [`optimal`] within a number of numbers.
    Optimal,
    /// [`even`] with a number of groups.
    Even,
    /// [`square_root`].
    SquareRoot,
}

/// A schedule with what it does on its chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The schedule, for `reverse_mode::Plan::schedule`.
    pub schedule: Schedule,
    /// Blocks evaluated, [`Schedule::evaluations`].
    pub evaluations: u64,
    /// Work, [`Schedule::work`].
    pub work: u64,
    /// Numbers held at most, [`Schedule::peak`].
    pub peak: usize,
}

/// About `points` schedules of a family for a chain, 1,000 at most, from little memory to much, without those that another of
/// the family betters in both work and peak.
///
/// ```
/// use pushpull_reverse_mode::checkpoint::{Chain, Family, Stage, pareto};
/// let chain = Chain::new(vec![Stage::plain(1, 1); 100]);
/// let best = pareto(&chain, Family::Optimal, 12);
/// assert!(best.windows(2).all(|pair| pair[0].peak < pair[1].peak && pair[0].work > pair[1].work));
/// for rule in pareto(&chain, Family::Even, 12).iter().chain(&pareto(&chain, Family::SquareRoot, 1)) {
///     let within = best.iter().rfind(|outcome| outcome.peak <= rule.peak);
///     assert!(within.is_some(), "the optimum needs no more than a rule of thumb");
/// }
/// ```
pub fn pareto(chain: &Chain, family: Family, points: usize) -> Vec<Outcome> {
    const MOST: usize = 1000;
    let (active, points) = (chain.stages().len() - chain.frozen(), points.min(MOST));
    // Sizes that grow by equal factors.
    let between = |least: usize, most: usize| {
        let factor = most as f64 / least.max(1) as f64;
        (0..points).map(move |k| {
            let part = k as f64 / points.saturating_sub(1).max(1) as f64;
            (least.max(1) as f64 * factor.powf(part)).round() as usize
        })
    };
    let schedules: Vec<Schedule> = match family {
        Family::Optimal => {
            let most = even(chain, 1).peak();
            between(chain.smallest(), most)
                .filter_map(|numbers| optimal(chain, Limit::Numbers(numbers)).ok())
                .collect()
        }
        Family::Even => between(1, active)
            .map(|groups| even(chain, groups))
            .collect(),
        Family::SquareRoot => vec![square_root(chain)],
    };
    let mut outcomes: Vec<Outcome> = schedules
        .into_iter()
        .map(|schedule| Outcome {
            evaluations: schedule.evaluations(),
            work: schedule.work(),
            peak: schedule.peak(),
            schedule,
        })
        .collect();
    outcomes.sort_by_key(|outcome| (outcome.peak, outcome.work));
    let mut least = u64::MAX;
    outcomes.retain(|outcome| {
        let better = outcome.work < least;
        least = least.min(outcome.work);
        better
    });
    outcomes
}
