//! A chain of stages, as a schedule sees it: what each costs and how many numbers it leaves.

use std::sync::Arc;

use pushpull_core::{Cost, Graph};

/// One stage: the blocks between two cuts. Sizes are in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Stage {
    /// Blocks that one run evaluates.
    pub blocks: usize,
    /// What one run costs.
    pub cost: Cost,
    /// What the schedule weighs a run by: see [`Stage::weigh`].
    pub work: u64,
    /// Its output: the boundary that the next stage reads.
    pub output: usize,
    /// What it writes when it is only advanced through, its output included.
    pub advance: usize,
    /// What it writes when it is recorded for its pullback, its output included; the pullback reads its input besides.
    pub record: usize,
}

impl Stage {
    /// Operations that a call of an elementary function is weighed as: about the length of their polynomials. A
    /// convention, not a measurement.
    pub const CALL: u64 = 16;

    /// The work that a schedule makes least: flops, [`Stage::CALL`] for every call, and a copy for each number of the
    /// output, so that blocks without arithmetic are not free.
    pub const fn weigh(cost: Cost, output: usize) -> u64 {
        cost.weighed(Self::CALL).saturating_add(output as u64)
    }

    /// A stage of one block, of some work, whose pullback reads just its input: it writes nothing but its output.
    pub const fn plain(work: u64, output: usize) -> Self {
        Self {
            blocks: 1,
            cost: Cost {
                flops: work,
                calls: 0,
            },
            work,
            output,
            advance: output,
            record: output,
        }
    }
}

/// Stages in a row. The first `frozen` of them depend on nothing that a derivative is asked for: they are advanced
/// through and never pulled back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chain {
    stages: Arc<[Stage]>,
    frozen: usize,
}

impl Chain {
    /// A chain of stages, all of which are pulled back.
    ///
    /// ```
    /// use pushpull_reverse_mode::checkpoint::{Chain, Limit, Stage, optimal};
    /// let chain = Chain::new(vec![Stage::plain(1, 1); 10]);
    /// let schedule = optimal(&chain, Limit::Slots(3))?;
    /// assert_eq!(schedule.evaluations(), 15 + 10);
    /// # Ok::<(), pushpull_reverse_mode::checkpoint::TooSmall>(())
    /// ```
    pub fn new(stages: Vec<Stage>) -> Self {
        Self {
            stages: stages.into(),
            frozen: 0,
        }
    }

    /// A graph's stages, those frozen that hold no active node.
    pub(crate) fn with_frozen(stages: Vec<Stage>, graph: &Graph) -> Self {
        let active = |i: usize| {
            let activity = graph.activity()[i];
            activity.output && (activity.params || activity.inputs)
        };
        let mut node = 0;
        let frozen = stages.iter().take_while(|stage| {
            let first = node;
            node += stage.blocks;
            !(first..node).any(active)
        });
        Self {
            frozen: frozen.count(),
            stages: stages.into(),
        }
    }

    /// A chain whose first stages are frozen.
    #[cfg(test)]
    pub(crate) fn behind(frozen: usize, stages: Vec<Stage>) -> Self {
        Self {
            frozen,
            ..Self::new(stages)
        }
    }

    /// The stages, the first one first.
    pub fn stages(&self) -> &[Stage] {
        &self.stages
    }

    /// Stages at the start that are never pulled back.
    pub const fn frozen(&self) -> usize {
        self.frozen
    }

    /// Heap bytes that it keeps: its stages and two counts of who shares them.
    pub(crate) fn held(&self) -> usize {
        2 * size_of::<usize>() + size_of_val(&*self.stages)
    }

    /// Numbers of the boundary before stage `k`; the caller holds the first.
    pub(crate) fn input(&self, k: usize) -> usize {
        k.checked_sub(1)
            .map_or(0, |before| self.stages[before].output)
    }

    /// Numbers that advancing through stage `k` takes beside its input: two neighbouring boundaries, or more.
    pub(crate) fn passed(&self, k: usize) -> usize {
        self.input(k).saturating_add(self.stages[k].advance)
    }

    /// The fewest numbers that any schedule can do with: some stage's input and its record, above what stays of frozen
    /// stages.
    pub fn smallest(&self) -> usize {
        let Some(last) = self.stages.len().checked_sub(1) else {
            return 0;
        };
        let base = self.input(self.frozen);
        let frozen = (0..self.frozen).map(|k| self.passed(k)).max().unwrap_or(0);
        let records = (self.frozen..=last).map(|k| {
            let input = if k == self.frozen { 0 } else { self.input(k) };
            base.saturating_add(input)
                .saturating_add(self.stages[k].record)
        });
        records.fold(frozen, usize::max)
    }
}

/// What advancing through any stages in a row takes, found at once however many they are.
#[derive(Clone, Debug)]
pub(crate) struct Zones<'a> {
    chain: &'a Chain,
    /// In row i the most that one of the 2^i stages from the k-th on takes beside its input.
    most: Vec<Vec<usize>>,
}

impl<'a> Zones<'a> {
    pub(crate) fn new(chain: &'a Chain) -> Self {
        let n = chain.stages.len();
        let mut most = vec![(0..n).map(|k| chain.passed(k)).collect::<Vec<_>>()];
        let mut len = 1;
        while 2 * len <= n {
            let shorter = &most[most.len() - 1];
            let pairs = shorter.iter().zip(&shorter[len..]);
            let longer = pairs.map(|(a, b)| *a.max(b)).collect();
            most.push(longer);
            len *= 2;
        }
        Self { chain, most }
    }

    /// Numbers that advancing through `first..=last` takes: two neighbouring boundaries, or a stage beside its input. The
    /// first input lies elsewhere.
    pub(crate) fn zone(&self, first: usize, last: usize) -> usize {
        let own = self.chain.stages[first].advance;
        if first == last {
            return own;
        }
        own.max(self.passed(first + 1, last))
    }

    /// The most that one of `first..=last` takes beside its input.
    pub(crate) fn passed(&self, first: usize, last: usize) -> usize {
        let row = (last + 1 - first).ilog2();
        let most = &self.most[row as usize];
        most[first].max(most[last + 1 - (1 << row)])
    }
}

#[cfg(test)]
mod tests {
    use super::{Chain, Stage, Zones};

    #[test]
    fn a_zone_is_the_most_that_lies_side_by_side() {
        let stage = |k: usize| Stage {
            advance: 1 + (k * 37) % 11 + (k * 5) % 7,
            ..Stage::plain(1, 1 + (k * 37) % 11)
        };
        let chain = Chain::new((0..40).map(stage).collect());
        let zones = Zones::new(&chain);
        for first in 0..40 {
            for last in first..40 {
                let input = |k: usize| if k == first { 0 } else { chain.input(k) };
                let needs = (first..=last).map(|k| input(k) + chain.stages()[k].advance);
                assert_eq!(zones.zone(first, last), needs.max().unwrap());
            }
        }
    }
}
