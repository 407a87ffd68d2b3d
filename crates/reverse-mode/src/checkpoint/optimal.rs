//! The schedule of least work within a limit.

use super::action::Action;
use super::binomial::binomial;
use super::chain::Chain;
use super::levels::{Levels, Span};
use super::periodic::even;
use super::schedule::Schedule;
use super::table::Table;
use super::units::{MAX_STEPS, by_slots, step};
use super::weighted::weighted;

/// What a schedule may hold at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Limit {
    /// So many kept boundaries, the input's among them ([`Schedule::slots`]); a record is kept for its own pullback alone.
    Slots(usize),
    /// So many numbers: boundaries, records and what is being computed ([`Schedule::peak`]).
    Numbers(usize),
}

/// No schedule does within a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TooSmall {
    /// The smallest limit of its kind that does.
    pub smallest: usize,
}

impl std::fmt::Display for TooSmall {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the smallest limit that is enough is {}", self.smallest)
    }
}

impl std::error::Error for TooSmall {}

/// The schedule of least [`Schedule::work`] within a limit, among those that keep what they keep until it has served
/// (Beaumont et al. 2019).
///
/// - Sizes are counted in steps of memory, at most [`MAX_STEPS`] of them; [`Schedule::step`] says how many numbers one is.
///   It is chosen to lose least by rounding up. With a step of 1 the schedule is exactly optimal.
/// - Up to about 170 different stages, or 1,000 that repeat, every boundary is considered for every range; with few slots
///   more. Stages of equal work take the closed form with slots, however many there are.
/// - Longer chains: time and memory grow with the number of stages. With slots, boundaries are kept where the closed form of
///   equal stages of the same work says, down to ranges that are planned exactly (at most 7 % above the optimum where both can
///   be had). With numbers, stages are planned in groups of neighbours, and groups of groups: within the smallest groups every
///   boundary is considered, between groups those of groups (17 %). Either is held against the binomial schedule of as many
///   boundaries as fit, with numbers against [`even`] ones too, and the least work is taken: so no chain of n stages within
///   whose limit c boundaries fit does more than r + 1 times the work of one run, with the least r for which
///   `C(c + r, c) >= n`, see [`super::advances`].
/// - Within a step or two of the smallest limit, where rounding leaves nothing, the schedule is the one that keeps the
///   input alone; of more than 1,000 stages the binomial one of as many boundaries as fit.
///
/// # Errors
/// [`TooSmall`] with the smallest limit that does.
///
/// ```
/// use pushpull_reverse_mode::checkpoint::{Chain, Limit, Stage, TooSmall, advances, optimal};
/// let chain = Chain::new(vec![Stage::plain(1, 8); 64]);
/// let schedule = optimal(&chain, Limit::Slots(5))?;
/// assert_eq!(Some(schedule.evaluations() - 64), advances(64, 5));
/// let schedule = optimal(&chain, Limit::Numbers(8 * 16))?; // records too
/// assert!(schedule.peak() <= 8 * 16 && schedule.evaluations() < 2 * 64);
/// assert_eq!(optimal(&chain, Limit::Numbers(15)), Err(TooSmall { smallest: 16 }));
/// # Ok::<(), TooSmall>(())
/// ```
pub fn optimal(chain: &Chain, limit: Limit) -> Result<Schedule, TooSmall> {
    let (n, frozen) = (chain.stages().len(), chain.frozen());
    let smallest = match limit {
        Limit::Slots(_) => 1,
        Limit::Numbers(_) => chain.smallest(),
    };
    let (Limit::Slots(size) | Limit::Numbers(size)) = limit;
    if size < smallest {
        return Err(TooSmall { smallest });
    }
    let active = n - frozen;
    if active == 0 {
        return Ok(after_frozen(chain, Vec::new(), 1));
    }
    let from_the_input = || after_frozen(chain, binomial(frozen..n, 1), 1);
    match limit {
        Limit::Slots(slots) => {
            let mut works = chain.stages()[frozen..].iter().map(|stage| stage.work);
            let first = works.next();
            let equal = works.all(|work| Some(work) == first);
            if slots == 1 || equal {
                return Ok(after_frozen(chain, binomial(frozen..n, slots), 1));
            }
            let items = by_slots(chain, frozen..n, (slots - 1).min(active));
            if let Some(table) = Table::new(items, None, Table::WORK) {
                let mut actions = Vec::new();
                let found = table.walk(slots.min(active + 1) - 1, |visit| {
                    visit.act(frozen, &mut actions)
                });
                return Ok(found.map_or_else(from_the_input, |()| after_frozen(chain, actions, 1)));
            }
            let long = [
                weighted(chain, frozen..n, slots),
                Some(binomial(frozen..n, slots)),
            ];
            let long = long.into_iter().flatten();
            let long = long.map(|actions| after_frozen(chain, actions, 1));
            Ok(least_work(long).unwrap_or_else(from_the_input))
        }
        Limit::Numbers(size) => {
            let numbers = size - chain.input(frozen);
            let levels = Levels::new(chain);
            let (mut found, mut most) = (None, MAX_STEPS);
            while let (None, Some(step)) = (&found, step(chain, frozen..n, numbers, most)) {
                let (stages, steps) = (frozen..n, numbers / step);
                let span = Span {
                    stages,
                    step,
                    steps,
                };
                let mut actions = Vec::new();
                let exact = levels.solve(&span, steps, Table::WORK, &mut actions);
                found = exact.map(|exact| (after_frozen(chain, actions, step), exact));
                most /= 2;
                // Coarser steps are worth a table of their own where that takes a moment.
                if most == 0 || active > LONG {
                    break;
                }
            }
            Ok(match found {
                Some((found, true)) => found,
                None if active <= LONG => from_the_input(),
                found => {
                    let found = found.map(|(found, _)| found).into_iter();
                    let others = plain_within(chain, size);
                    least_work(found.chain(others)).unwrap_or_else(from_the_input)
                }
            })
        }
    }
}

/// Stages up to which a schedule that no table gave is the one that keeps the input alone.
const LONG: usize = 1000;

/// The schedule of some actions on the stages behind the frozen ones.
fn after_frozen(chain: &Chain, rest: Vec<Action>, step: usize) -> Schedule {
    let last = chain.frozen().checked_sub(1);
    let first = last.map(|last| Action::Advance { first: 0, last });
    let actions = first.into_iter().chain(rest).collect();
    Schedule::new(chain.clone(), actions, step)
}

/// The first of those that do least.
fn least_work(schedules: impl Iterator<Item = Schedule>) -> Option<Schedule> {
    schedules.min_by_key(|schedule| schedule.work())
}

/// Schedules that need no table, within so many numbers: the binomial one of as many boundaries as fit, and even groups.
fn plain_within(chain: &Chain, size: usize) -> impl Iterator<Item = Schedule> + '_ {
    let stages = chain.frozen()..chain.stages().len();
    let active = stages.len();
    let of = move |slots: usize| after_frozen(chain, binomial(stages.clone(), slots), 1);
    let fits = move |schedule: &Schedule| schedule.peak() <= size;
    let (mut slots, mut more) = (1, active);
    while slots < more {
        let middle = slots + (more - slots).div_ceil(2);
        if fits(&of(middle)) {
            slots = middle;
        } else {
            more = middle - 1;
        }
    }
    // Groups by powers of the square root of two, and as many as stages in a group.
    let root = (active as f64).sqrt().ceil() as usize;
    let powers = (0..2 * usize::BITS).map(|k| 2_f64.powf(f64::from(k) / 2.0) as usize);
    let groups = powers
        .take_while(move |&groups| groups < active)
        .chain([root]);
    let even = groups.map(move |groups| even(chain, groups));
    std::iter::once(of(slots)).chain(even).filter(fits)
}

#[cfg(test)]
mod tests {
    use super::super::periodic::even;
    use super::{Limit, optimal};
    use crate::checkpoint::{Action, Chain, Stage};

    fn stage(k: usize) -> Stage {
        let output = 3 + (k * 7919) % 11;
        Stage {
            record: output + (k * 104_729) % 13,
            ..Stage::plain(5 + (k * 31) as u64 % 7, output)
        }
    }

    #[test]
    fn frozen_stages_are_advanced_through_once_however_many_others_there_are() {
        for (n, frozen) in [(3, 3), (6, 2), (40, 39), (100, 30), (1200, 5)] {
            for equal in [true, false] {
                let stages = (0..n).map(|k| if equal { Stage::plain(3, 2) } else { stage(k) });
                let chain = Chain::behind(frozen, stages.collect());
                let all = even(&chain, 1).peak();
                let sizes = [all, all / 3, 0].map(|size| size.max(chain.smallest()));
                let slots = [1, 2, 7].map(Limit::Slots);
                for limit in sizes.map(Limit::Numbers).into_iter().chain(slots) {
                    let schedule = optimal(&chain, limit).unwrap();
                    let runs = schedule.runs();
                    assert!(runs[..frozen].iter().all(|&runs| runs == 1));
                    let pulled = schedule.actions().iter().filter_map(|action| match action {
                        Action::PullBack(stage) => Some(*stage),
                        _ => None,
                    });
                    assert!(pulled.eq((frozen..n).rev()), "{limit:?}");
                    match limit {
                        Limit::Slots(slots) => assert!(schedule.slots() <= slots),
                        Limit::Numbers(size) => assert!(schedule.peak() <= size),
                    }
                }
            }
        }
    }
}
