//! In which order stages run, and what is kept meanwhile.

use pushpull_core::Cost;
use pushpull_core::siblings::memory;

use super::action::Action;
use super::chain::Chain;
use super::place::place;

/// A schedule for a chain: every stage that is not frozen is pulled back once, the last one first. What is kept lies on a
/// stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    actions: Vec<Action>,
    step: usize,
}

impl Schedule {
    pub(crate) const fn new(actions: Vec<Action>, step: usize) -> Self {
        Self { actions, step }
    }

    /// The actions in their order.
    pub fn actions(&self) -> &[Action] {
        &self.actions
    }

    /// The numbers to which sizes were rounded up when it was sought: 1 where it is exact. See
    /// [`super::MAX_STEPS`].
    pub const fn step(&self) -> usize {
        self.step
    }

    /// Stages of the chain that it was made for.
    pub fn stages(&self) -> usize {
        let last = self.actions.iter().map(|action| match *action {
            Action::Advance { last, .. } => last,
            Action::Record(stage) | Action::PullBack(stage) => stage,
        });
        last.max().map_or(0, |last| last + 1)
    }

    /// How often each stage runs.
    pub fn runs(&self, chain: &Chain) -> Vec<u64> {
        runs(&self.actions, chain.stages().len())
    }

    /// Blocks evaluated: one each without checkpoints.
    pub fn evaluations(&self, chain: &Chain) -> u64 {
        let each = self.runs(chain).into_iter().zip(chain.stages());
        let blocks = each.map(|(runs, stage)| runs.saturating_mul(stage.blocks as u64));
        blocks.fold(0, u64::saturating_add)
    }

    /// What the primal's blocks cost, all evaluations together, at `f32` and `f64`.
    pub fn cost(&self, chain: &Chain) -> Cost {
        let each = self.runs(chain).into_iter().zip(chain.stages());
        each.map(|(runs, stage)| stage.cost * runs as usize).sum()
    }

    /// The work that [`super::optimal`] makes least.
    pub fn work(&self, chain: &Chain) -> u64 {
        let each = self.runs(chain).into_iter().zip(chain.stages());
        let work = each.map(|(runs, stage)| runs.saturating_mul(stage.work));
        work.fold(0, u64::saturating_add)
    }

    /// The most numbers that are held at once: kept boundaries, records, and what is being computed. The caller's input is
    /// not among them.
    pub fn peak(&self, chain: &Chain) -> usize {
        place(chain, &self.actions).1
    }

    /// Heap bytes that it keeps.
    pub(crate) const fn held(&self) -> usize {
        memory::held(&self.actions)
    }

    /// The most boundaries that are kept at once outside of records, the input's among them (after frozen stages, their
    /// output in its place). One that is made only for the record and pullback that follow at once is in passing, as
    /// within an advance, and does not count.
    pub fn slots(&self, chain: &Chain) -> usize {
        let mut kept = vec![chain.frozen()];
        let mut most = 1;
        for (i, action) in self.actions.iter().enumerate() {
            match *action {
                Action::Advance { last, .. } if last + 1 > chain.frozen() => {
                    kept.push(last + 1);
                    let next = [Action::Record(last + 1), Action::PullBack(last + 1)];
                    if !self.actions[i + 1..].starts_with(&next) {
                        most = most.max(kept.len());
                    }
                }
                Action::PullBack(stage) if kept.last() == Some(&stage) => {
                    kept.pop();
                }
                _ => {}
            }
        }
        most
    }
}

/// How often some actions run each of `n` stages.
pub(crate) fn runs(actions: &[Action], n: usize) -> Vec<u64> {
    // What each action adds at its first stage and takes back after its last.
    let mut runs = vec![0_u64; n + 1];
    for action in actions {
        let (first, last) = match *action {
            Action::Advance { first, last } => (first, last),
            Action::Record(stage) => (stage, stage),
            Action::PullBack(_) => continue,
        };
        runs[first] = runs[first].wrapping_add(1);
        runs[last + 1] = runs[last + 1].wrapping_sub(1);
    }
    let mut sum = 0_u64;
    for runs in &mut runs {
        sum = sum.wrapping_add(*runs);
        *runs = sum;
    }
    runs.truncate(n);
    runs
}
