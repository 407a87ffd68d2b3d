//! The schedule of least work within a limit.

use super::chain::Chain;
use super::schedule::{Action, Schedule};
use super::table::{Table, Visit};
use super::units::{Item, Items, MAX_STEPS, by_size, by_slots, step};

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
        write!(f, "the smallest limit that does is {}", self.smallest)
    }
}

impl std::error::Error for TooSmall {}

/// The schedule of least [`Schedule::work`] within a limit, among those that keep what they keep until it has served
/// (Beaumont et al. 2019).
///
/// - Sizes are counted in steps of memory, at most [`MAX_STEPS`] of them; [`Schedule::step`] says how many numbers one is.
///   It is chosen to lose least by rounding up. With a step of 1 the schedule is exactly optimal.
/// - Up to about 170 different stages, or 1,000 that repeat, every boundary is considered for every range. Longer chains
///   are optimised in groups of neighbours and over the groups: within a group every boundary is considered, between
///   groups those of groups.
/// - Within a step or two of the smallest limit, where rounding leaves nothing, the schedule is the one that keeps the
///   input alone.
///
/// # Errors
/// [`TooSmall`] with the smallest limit that does.
///
/// ```
/// use pushpull_reverse_mode::checkpoint::{Chain, Limit, Stage, TooSmall, advances, optimal};
/// let chain = Chain::new(vec![Stage::plain(1, 8); 64]);
/// let schedule = optimal(&chain, Limit::Slots(5))?;
/// assert_eq!(Some(schedule.evaluations(&chain) - 64), advances(64, 5));
/// let schedule = optimal(&chain, Limit::Numbers(8 * 16))?; // records too
/// assert!(schedule.peak(&chain) <= 8 * 16 && schedule.evaluations(&chain) < 2 * 64);
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
    let mut actions = Vec::new();
    if frozen > 0 {
        actions.push(Action::Advance {
            first: 0,
            last: frozen - 1,
        });
    }
    if frozen == n {
        return Ok(Schedule::new(actions, 1));
    }
    let mut found = None;
    match limit {
        Limit::Slots(1) => {}
        Limit::Slots(slots) => found = solve(by_slots(chain, slots - 1)).map(|rest| (rest, 1)),
        Limit::Numbers(numbers) => {
            let numbers = numbers - chain.input(frozen);
            let mut most = MAX_STEPS;
            while let (None, Some(step)) = (&found, step(chain, numbers, most)) {
                found = solve(by_size(chain, numbers, step)).map(|rest| (rest, step));
                most /= 2;
                if most == 0 {
                    break;
                }
            }
        }
    }
    let (rest, step) = found.unwrap_or_else(|| (from_the_input(n - frozen), 1));
    actions.extend(rest.into_iter().map(|action| match action {
        Action::Advance { first, last } => Action::Advance {
            first: first + frozen,
            last: last + frozen,
        },
        Action::Record(stage) => Action::Record(stage + frozen),
        Action::PullBack(stage) => Action::PullBack(stage + frozen),
    }));
    Ok(Schedule::new(actions, step))
}

/// Every stage recorded after an advance from the input: the least memory there is, and the most work.
fn from_the_input(n: usize) -> Vec<Action> {
    let stage = |k: usize| {
        let advance = k
            .checked_sub(1)
            .map(|last| Action::Advance { first: 0, last });
        advance
            .into_iter()
            .chain([Action::Record(k), Action::PullBack(k)])
    };
    (0..n).rev().flat_map(stage).collect()
}

/// The best actions for some stages with all of their memory; `None` if there are none, or if the tables are too large.
fn solve(items: Items) -> Option<Vec<Action>> {
    let m = items.steps;
    let mut actions = Vec::new();
    if let Some(table) = Table::new(items.clone(), None) {
        table.walk(m, |visit| act(visit, 0, &mut actions))?;
        return Some(actions);
    }
    // As many groups as a table of all different ranges may have.
    let groups = (1..=items.each.len()).rev().find(|&n| Table::fits(n, m))?;
    let n = items.each.len();
    let bounds: Vec<usize> = (0..=groups).map(|group| group * n / groups).collect();
    let parts = bounds.windows(2).map(|ends| {
        let each = items.each[ends[0]..ends[1]].to_vec();
        Table::new(Items { steps: m, each }, None)
    });
    let parts: Vec<Table> = parts.collect::<Option<_>>()?;
    let leaves: Vec<Vec<f64>> = parts.iter().map(|part| part.whole().to_vec()).collect();
    let each = bounds
        .windows(2)
        .map(|ends| group(&items.each[ends[0]..ends[1]]));
    let whole = Items {
        steps: m,
        each: each.collect(),
    };
    Table::new(whole, Some(&leaves))?.walk(m, |visit| match visit {
        Visit::Advance(first, last) => {
            act(
                Visit::Advance(bounds[first], bounds[last + 1] - 1),
                0,
                &mut actions,
            );
        }
        // The group's own best schedule; it is there, or the groups had not chosen it.
        Visit::Leaf(group, m) => {
            let _ = parts[group].walk(m, |visit| act(visit, bounds[group], &mut actions));
        }
        Visit::Record(group) => {
            actions.extend((bounds[group]..bounds[group + 1]).map(Action::Record));
        }
        Visit::PullBack(group) => {
            let stages = bounds[group]..bounds[group + 1];
            actions.extend(stages.rev().map(Action::PullBack));
        }
    })?;
    Some(actions)
}

/// Stages as one item.
fn group(stages: &[Item]) -> Item {
    let last = stages.len() - 1;
    let passing = stages.iter().map(|stage| stage.from_passing);
    let from_passing = passing.clone().max().unwrap_or(0);
    Item {
        work: stages.iter().map(|stage| stage.work).sum(),
        from_kept: passing.skip(1).fold(stages[0].from_kept, usize::max),
        from_passing,
        kept: stages[last].kept,
        record: stages.iter().map(|stage| stage.record).sum(),
        leaf: 0,
        passing: false,
    }
}

/// Appends a step of a schedule of single stages that start at `start`.
fn act(visit: Visit, start: usize, actions: &mut Vec<Action>) {
    match visit {
        Visit::Advance(first, last) => actions.push(Action::Advance {
            first: start + first,
            last: start + last,
        }),
        Visit::Leaf(stage, _) => {
            actions.extend([
                Action::Record(start + stage),
                Action::PullBack(start + stage),
            ]);
        }
        Visit::Record(stage) => actions.push(Action::Record(start + stage)),
        Visit::PullBack(stage) => actions.push(Action::PullBack(start + stage)),
    }
}
