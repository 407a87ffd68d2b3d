//! Schedules that keep boundaries at regular distances, as a rule of thumb does.

use super::action::Action;
use super::chain::Chain;
use super::schedule::Schedule;

/// Cuts the stages into `groups` of nearly equal numbers of stages and keeps the boundary before each; from the last group
/// on, a group is recorded whole and pulled back. Every stage but those of the last group runs twice.
///
/// 0 groups count as 1; more groups than stages, as many as there are stages.
///
/// ```
/// use pushpull_reverse_mode::checkpoint::{Chain, Stage, even};
/// let chain = Chain::new(vec![Stage::plain(1, 1); 12]);
/// let schedule = even(&chain, 3);
/// assert_eq!((schedule.evaluations(), schedule.peak()), (8 + 12, 2 + 4));
/// ```
pub fn even(chain: &Chain, groups: usize) -> Schedule {
    let (frozen, n) = (chain.frozen(), chain.stages().len());
    let mut actions = Vec::new();
    if frozen > 0 {
        actions.push(Action::Advance {
            first: 0,
            last: frozen - 1,
        });
    }
    let active = n - frozen;
    let groups = groups.clamp(1, active.max(1));
    let start = |group: usize| frozen + group * active / groups;
    actions.extend((0..groups - 1).map(|group| Action::Advance {
        first: start(group),
        last: start(group + 1) - 1,
    }));
    for group in (0..groups).rev() {
        let stages = start(group)..start(group + 1);
        actions.extend(stages.clone().map(Action::Record));
        actions.extend(stages.rev().map(Action::PullBack));
    }
    Schedule::new(chain.clone(), actions, 1)
}

/// [`even`] with the square root of the number of stages, rounded up, as groups (Chen et al. 2016, section 4.3).
pub fn square_root(chain: &Chain) -> Schedule {
    let active = chain.stages().len() - chain.frozen();
    even(chain, (active as f64).sqrt().ceil() as usize)
}
