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
    chain: Chain,
    actions: Vec<Action>,
    step: usize,
}

impl Schedule {
    pub(crate) const fn new(chain: Chain, actions: Vec<Action>, step: usize) -> Self {
        Self {
            chain,
            actions,
            step,
        }
    }

    /// The same actions on another chain, of as many stages, as many of them frozen; else nothing.
    pub(crate) fn on(&self, chain: Chain) -> Option<Self> {
        let like = |chain: &Chain| (chain.stages().len(), chain.frozen());
        let fits = like(&chain) == like(&self.chain);
        fits.then(|| Self::new(chain, self.actions.clone(), self.step))
    }

    /// The chain that it was made for.
    pub const fn chain(&self) -> &Chain {
        &self.chain
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

    /// How often each stage runs.
    pub fn runs(&self) -> Vec<u64> {
        runs(&self.actions, self.chain.stages().len())
    }

    /// Blocks evaluated: one each without checkpoints.
    pub fn evaluations(&self) -> u64 {
        let each = self.runs().into_iter().zip(self.chain.stages());
        let blocks = each.map(|(runs, stage)| runs.saturating_mul(stage.blocks as u64));
        blocks.fold(0, u64::saturating_add)
    }

    /// What the primal's blocks cost, all evaluations together, at `f32` and `f64`.
    pub fn cost(&self) -> Cost {
        let each = self.runs().into_iter().zip(self.chain.stages());
        each.map(|(runs, stage)| stage.cost * runs as usize).sum()
    }

    /// The work that [`super::optimal`] makes least.
    pub fn work(&self) -> u64 {
        let each = self.runs().into_iter().zip(self.chain.stages());
        let work = each.map(|(runs, stage)| runs.saturating_mul(stage.work));
        work.fold(0, u64::saturating_add)
    }

    /// The most numbers that are held at once: kept boundaries, records, and what is being computed. The caller's input is
    /// not among them.
    pub fn peak(&self) -> usize {
        place(self).1
    }

    /// Heap bytes that it keeps.
    pub(crate) fn held(&self) -> usize {
        self.chain.held() + memory::held(&self.actions)
    }

    /// The most boundaries that are kept at once outside of records, the input's among them (after frozen stages, their
    /// output in its place). One that is made only for the record and pullback that follow at once is in passing, as
    /// within an advance, and does not count.
    pub fn slots(&self) -> usize {
        let mut kept = vec![self.chain.frozen()];
        let mut most = 1;
        for (i, action) in self.actions.iter().enumerate() {
            match *action {
                Action::Advance { last, .. } if last + 1 > self.chain.frozen() => {
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
