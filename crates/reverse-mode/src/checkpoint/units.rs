//! Sizes in whole steps of memory: what the dynamic program counts in.

use std::collections::BTreeSet;
use std::ops::Range;

use super::chain::Chain;

/// Steps of memory that the dynamic program tells apart at most. A size is rounded up to whole steps, so a plan never
/// exceeds its budget; where all sizes divide, as for equal stages, nothing is rounded.
pub const MAX_STEPS: usize = 500;

/// What a table of ranges is made from: items, each a stage or a group of stages, with their needs in steps.
#[derive(Clone, Debug, Default)]
pub(crate) struct Items {
    /// Steps of memory there are.
    pub steps: usize,
    pub each: Vec<Item>,
}

/// One item. `None`: not possible, whatever the memory.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Item {
    /// Work of advancing through it.
    pub work: u64,
    /// Steps to advance through it from a kept boundary, and from one that is in passing.
    pub from_kept: usize,
    pub from_passing: usize,
    /// Steps that its output takes as a kept boundary.
    pub kept: usize,
    /// Steps that its record takes, to be kept while later items are pulled back.
    pub record: Option<usize>,
    /// Steps that its record and pullback take.
    pub leaf: usize,
    /// Whether the boundary before it takes nothing while it alone is recorded and pulled back.
    pub passing: bool,
}

impl Item {
    /// A stage of which the boundary counts 1, and everything else nothing.
    pub(crate) const fn plain(work: u64) -> Self {
        Self {
            work,
            from_kept: 0,
            from_passing: 0,
            kept: 1,
            record: None,
            leaf: 0,
            passing: true,
        }
    }
}

/// Stages as items for a number of kept boundaries besides the input: boundaries count 1, everything else nothing.
pub(crate) fn by_slots(chain: &Chain, stages: Range<usize>, slots: usize) -> Items {
    let stages = &chain.stages()[stages];
    Items {
        steps: slots.min(stages.len()),
        each: stages.iter().map(|stage| Item::plain(stage.work)).collect(),
    }
}

/// Stages as items for so many numbers of memory, in steps of `step` numbers.
pub(crate) fn by_size(chain: &Chain, stages: Range<usize>, numbers: usize, step: usize) -> Items {
    let up = |size: usize| size.div_ceil(step);
    let item = |k: usize| {
        let stage = &chain.stages()[k];
        Item {
            work: stage.work,
            from_kept: up(stage.advance),
            from_passing: up(chain.passed(k)),
            kept: up(stage.output),
            record: Some(up(stage.record)),
            leaf: up(stage.record),
            passing: false,
        }
    };
    Items {
        steps: numbers / step,
        each: stages.map(item).collect(),
    }
}

/// The step for some stages, in numbers, that wastes least of `numbers` by rounding, in at most `most` steps; the larger of equals. `None`
/// if every step rounds the largest stage beyond the memory.
pub(crate) fn step(
    chain: &Chain,
    stages: Range<usize>,
    numbers: usize,
    most: usize,
) -> Option<usize> {
    let (start, stages) = (stages.start, &chain.stages()[stages]);
    let mut sizes: Vec<(usize, usize)> = Vec::new();
    let mut all: Vec<usize> = stages.iter().flat_map(|s| [s.output, s.record]).collect();
    all.sort_unstable();
    for size in all.into_iter().filter(|&size| size > 0) {
        match sizes.last_mut() {
            Some((last, times)) if *last == size => *times += 1,
            _ => sizes.push((size, 1)),
        }
    }
    let least = numbers.div_ceil(most).max(1);
    let mut steps: BTreeSet<usize> = (1..=most).map(|n| numbers.div_ceil(n).max(1)).collect();
    let common = sizes.iter().fold(0, |common, &(size, _)| gcd(common, size));
    let parts = sizes.iter().take(16).map(|&(size, _)| size);
    let parts = parts.flat_map(|size| (1..=8).map(move |part| size / part));
    // Equal sizes are most of a usual chain, so their own divisors are tried besides the budget's.
    steps.extend(parts.chain([common]).filter(|&step| step >= least));
    let fits = |step: usize| {
        let up = |size: usize| size.div_ceil(step);
        let inputs = (start..).map(|k| if k == start { 0 } else { chain.input(k) });
        inputs
            .zip(stages)
            .all(|(input, stage)| up(input).saturating_add(up(stage.record)) <= numbers / step)
    };
    let capacity = |step: usize| {
        let sum = |size: &dyn Fn(usize) -> usize| -> f64 {
            sizes
                .iter()
                .map(|&(s, times)| size(s) as f64 * times as f64)
                .sum()
        };
        let rounded = sum(&|size| size.div_ceil(step).saturating_mul(step));
        (numbers / step * step) as f64 * sum(&|size| size) / rounded
    };
    let mut best: Option<(f64, usize)> = None;
    for step in steps
        .into_iter()
        .rev()
        .filter(|&step| step >= least && fits(step))
    {
        let capacity = capacity(step);
        if best.is_none_or(|(most, _)| capacity > most) {
            best = Some((capacity, step));
        }
    }
    best.map(|(_, step)| step)
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}
