//! A schedule on the stages of a graph, placed, and how it runs a program that is placed in stages.

use std::ops::Range;

use pushpull_core::program::{Frame, Machine, Run, Spot, Stage as Place};
use pushpull_core::siblings::memory;
use pushpull_core::{Result, Scalar, Wrt};

use super::action::Action;
use super::place::{Placed, place};
use super::schedule::{Schedule, runs};

/// A schedule with the places of its stages.
#[derive(Clone, Debug)]
pub(crate) struct Staged {
    stages: Vec<Place>,
    schedule: Schedule,
    placed: Vec<Placed>,
    /// Actions before the first pullback.
    recorded: usize,
    /// Where the stack of stages starts in the arena.
    base: usize,
    /// Numbers of the stack.
    pub len: usize,
}

/// What a path of a program does with the stages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Computes values up to the first pullback, and puts the output aside.
    Record,
    /// Pulls back what was recorded; what is left of the record serves, if it is `fresh`.
    Pull { fresh: bool },
    /// Both.
    Both,
}

impl Staged {
    /// A schedule whose stack lies behind `base` numbers of the arena.
    pub(crate) fn new(stages: Vec<Place>, schedule: Schedule, base: usize) -> Self {
        let (placed, len) = place(&schedule);
        let pulls = |placed: &Placed| matches!(placed.action, Action::PullBack(_));
        Self {
            recorded: placed.iter().position(pulls).unwrap_or(placed.len()),
            stages,
            schedule,
            placed,
            base,
            len,
        }
    }

    pub(crate) const fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    /// How often each node is computed before the first pullback, and from then on.
    pub(crate) fn computed(&self) -> [Vec<u64>; 2] {
        let (first, rest) = self.schedule.actions().split_at(self.recorded);
        [first, rest].map(|actions| {
            let each = runs(actions, self.stages.len());
            let nodes = self.stages.iter().map(|stage| stage.nodes.len());
            let of_nodes = each.into_iter().zip(nodes);
            of_nodes
                .flat_map(|(runs, nodes)| std::iter::repeat_n(runs, nodes))
                .collect()
        })
    }

    /// Heap bytes that it keeps.
    pub(crate) fn held(&self) -> usize {
        let lists = memory::held(&self.stages) + memory::held(&self.placed);
        size_of::<Self>() + lists + self.schedule.held()
    }

    /// Runs a path of a program that is placed in these stages.
    pub(crate) fn run<T: Scalar>(
        &self,
        machine: &mut Machine<T>,
        path: usize,
        part: Part,
        frame: &mut Frame<'_, T>,
        mut check: impl FnMut(Wrt) -> Result<()>,
    ) -> Result<()> {
        let (first, rest) = self.placed.split_at(self.recorded);
        let mut doubt = Wrt::NOTHING;
        if part != (Part::Pull { fresh: true }) {
            for placed in first {
                self.compute(placed, machine, frame, &mut doubt)?;
            }
        }
        let mut spot = first.last().map_or(Spot::default(), |last| self.spot(last));
        let mut cursor = machine.code().after_values(path);
        let rest = if part == Part::Record { &[] } else { rest };
        for placed in rest {
            if let Action::PullBack(stage) = placed.action {
                spot = self.spot(placed);
                let first = self.stages[stage].nodes.start;
                machine.run_down_to(first, &mut cursor, spot, frame, &mut doubt, &mut check)?;
            } else {
                // What the first run found holds for every further one: the same numbers.
                let mut known = Wrt::NOTHING;
                self.compute(placed, machine, frame, &mut known)?;
            }
        }
        machine.run_down_to(0, &mut cursor, spot, frame, &mut doubt, check)?;
        if part == Part::Record {
            machine.keep_output(spot.own);
        }
        Ok(())
    }

    fn spot(&self, placed: &Placed) -> Spot {
        Spot {
            own: self.base + placed.zone.start,
            carried: self.base + placed.from.start,
        }
    }

    fn compute<T: Scalar>(
        &self,
        placed: &Placed,
        machine: &mut Machine<T>,
        frame: &mut Frame<'_, T>,
        doubt: &mut Wrt,
    ) -> Result<()> {
        let mut spot = self.spot(placed);
        let (first, last) = match placed.action {
            Action::Record(k) => {
                return machine.run_stage(&self.stages[k], Run::Record, spot, frame, doubt);
            }
            Action::Advance { first, last } => (first, last),
            Action::PullBack(_) => return Ok(()),
        };
        let zone: Range<usize> = self.base + placed.zone.start..self.base + placed.zone.end;
        for k in first..=last {
            let stage = &self.stages[k];
            // From end to end of the zone, so that the last output lies at its start.
            let (how, output) = if (last - k).is_multiple_of(2) {
                spot.own = zone.start;
                (Run::Advance, zone.start)
            } else {
                spot.own = zone.end - stage.advance;
                (Run::AdvanceToEnd, zone.end - stage.output)
            };
            machine.run_stage(stage, how, spot, frame, doubt)?;
            spot.carried = output;
        }
        Ok(())
    }
}
