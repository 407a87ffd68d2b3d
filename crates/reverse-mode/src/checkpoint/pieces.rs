//! Runs a schedule: every stage is a primal program of its own, placed where the schedule keeps it.

use std::ops::Range;

use pushpull_core::primal::{PrimalPlan, disjoint};
use pushpull_core::work::{Item, Work};
use pushpull_core::{Cost, Graph, Mat, MatMut, Result, Scalar, Wrt, memory};

use super::chain::{Chain, Stage};
use super::cuts::cuts;
use super::place::{Placed, place};
use super::schedule::{Action, Schedule, runs};
use crate::adjoint::{Adjoint, Visit};

/// The programs of one stage.
#[derive(Clone, Debug)]
pub(crate) struct Piece {
    nodes: Range<usize>,
    /// Keeps what the pullback reads; the output lies at the start.
    record: PrimalPlan,
    /// Keeps the output alone, if that takes less: at the start, and where there is more than the output, at the end.
    advance: Option<PrimalPlan>,
    at_end: Option<PrimalPlan>,
    output: usize,
}

impl Piece {
    /// Plans the stage of some nodes.
    pub(crate) fn new(graph: &Graph, batch: usize, nodes: Range<usize>) -> Result<Self> {
        let record = PrimalPlan::piece(graph, batch, nodes.clone(), |_| Some(usize::MAX))?;
        let output = graph.nodes()[nodes.end - 1].dims().n_out * batch;
        let advance = if record.len() > output {
            let advance = PrimalPlan::piece(graph, batch, nodes.clone(), |_| None)?;
            (advance.len() < record.len()).then_some(advance)
        } else {
            None
        };
        let shorter = advance.as_ref().unwrap_or(&record);
        let at_end = (shorter.len() > output).then(|| shorter.clone().mirrored());
        Ok(Self {
            nodes,
            record,
            advance,
            at_end,
            output,
        })
    }

    /// What a schedule sees of it.
    pub(crate) fn stage(&self) -> Stage {
        let cost = self.record.cost::<f64>();
        Stage {
            blocks: self.nodes.len(),
            cost,
            work: Stage::weigh(cost, self.output),
            output: self.output,
            advance: self.advance.as_ref().unwrap_or(&self.record).len(),
            record: self.record.len(),
        }
    }

    /// Heap bytes that the programs keep.
    fn held(&self) -> usize {
        let others = self.advance.iter().chain(&self.at_end);
        self.record.held() + others.map(PrimalPlan::held).sum::<usize>()
    }

    /// The program that keeps the output alone, where it works within `zone` and where it leaves the output: at the start
    /// of the zone or at its end.
    fn advance(
        &self,
        zone: &Range<usize>,
        start: bool,
    ) -> (&PrimalPlan, Range<usize>, Range<usize>) {
        let plan = self.advance.as_ref().unwrap_or(&self.record);
        if start {
            let (at, output) = (zone.start..zone.start + plan.len(), self.output);
            return (plan, at, zone.start..zone.start + output);
        }
        let (at, output) = (
            zone.end - plan.len()..zone.end,
            zone.end - self.output..zone.end,
        );
        (self.at_end.as_ref().unwrap_or(plan), at, output)
    }
}

/// The stages of a graph, planned.
pub(crate) fn pieces(graph: &Graph, batch: usize) -> Result<(Vec<Piece>, Chain)> {
    let pieces = cuts(graph)
        .into_iter()
        .map(|nodes| Piece::new(graph, batch, nodes));
    let pieces: Vec<Piece> = pieces.collect::<Result<_>>()?;
    let chain = Chain::with_frozen(pieces.iter().map(Piece::stage).collect(), graph);
    Ok((pieces, chain))
}

/// A schedule on the stages of a graph, ready to run in one buffer: a copy of the output, then the arena.
#[derive(Clone, Debug)]
pub(crate) struct Pieces {
    graph: Graph,
    batch: usize,
    pieces: Vec<Piece>,
    chain: Chain,
    schedule: Schedule,
    placed: Vec<Placed>,
    /// Actions before the first pullback.
    recorded: usize,
    /// Where the output lies in the arena after these.
    output: Range<usize>,
    len: usize,
    /// Whether the buffer holds what these actions left.
    fresh: bool,
}

impl Pieces {
    pub(crate) fn new(
        graph: &Graph,
        batch: usize,
        (pieces, chain): (Vec<Piece>, Chain),
        schedule: Schedule,
    ) -> Self {
        let (placed, arena) = place(&chain, schedule.actions());
        let pulls = |placed: &Placed| matches!(placed.action, Action::PullBack(_));
        let recorded = placed.iter().position(pulls).unwrap_or(placed.len());
        let n_output = graph.n_outputs() * batch;
        let at = recorded
            .checked_sub(1)
            .map_or(0, |last| placed[last].zone.start);
        Self {
            graph: graph.clone(),
            batch,
            pieces,
            chain,
            schedule,
            placed,
            recorded,
            output: at..at + n_output,
            len: n_output + arena,
            fresh: false,
        }
    }

    pub(crate) const fn graph(&self) -> &Graph {
        &self.graph
    }

    pub(crate) const fn batch(&self) -> usize {
        self.batch
    }

    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    pub(crate) const fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    pub(crate) const fn chain(&self) -> &Chain {
        &self.chain
    }

    /// The output, which no later run overwrites.
    pub(crate) fn result<'a, T>(&self, record: &'a [T]) -> Mat<'a, T> {
        Mat::new(
            &record[..self.output.len()],
            self.graph.n_outputs(),
            self.batch,
        )
    }

    /// Runs the actions before the first pullback and puts the output aside. Returns what [`PrimalPlan::run`] does, of all
    /// stages.
    pub(crate) fn primal<T: Scalar>(
        &mut self,
        params: &[T],
        x: Mat<'_, T>,
        record: &mut [T],
    ) -> Wrt {
        self.fresh = false;
        let (output, arena) = record.split_at_mut(self.output.len());
        let mut doubt = Wrt::NOTHING;
        for placed in &self.placed[..self.recorded] {
            doubt |= self.compute(placed, params, x, arena);
        }
        output.copy_from_slice(&arena[self.output.clone()]);
        self.fresh = true;
        doubt
    }

    fn compute<T: Scalar>(
        &self,
        placed: &Placed,
        params: &[T],
        x: Mat<'_, T>,
        arena: &mut [T],
    ) -> Wrt {
        let mut doubt = Wrt::NOTHING;
        match placed.action {
            Action::Advance { first, last } => {
                let mut from = placed.from.clone();
                for (k, piece) in (first..=last).zip(&self.pieces[first..=last]) {
                    // From end to end of the zone, so that the last output lies at its start.
                    let (plan, at, to) = piece.advance(&placed.zone, (last - k).is_multiple_of(2));
                    let [carried, at] = disjoint(arena, [&from, &at]);
                    doubt |= plan.run_from(params, x, carried, at);
                    from = to;
                }
            }
            Action::Record(stage) => {
                let [carried, at] = disjoint(arena, [&placed.from, &placed.zone]);
                doubt = self.pieces[stage].record.run_from(params, x, carried, at);
            }
            Action::PullBack(_) => {}
        }
        doubt
    }

    /// The adjoint program, and the primal's stages again where they are due. The actions before the first pullback are
    /// run again too, unless nothing has been pulled back since [`Pieces::primal`].
    #[allow(clippy::too_many_arguments)] // As `Adjoint::sweep`.
    pub(crate) fn pull<T: Scalar>(
        &mut self,
        adjoint: &Adjoint,
        params: &[T],
        x: Mat<'_, T>,
        record: &mut [T],
        y_bar: Mat<'_, T>,
        cotangents: &mut [T],
        scratch: &mut [T],
        wants_params: bool,
        mut x_bar: Option<MatMut<'_, T>>,
        mut params_of: impl FnMut(&Visit<'_, T>, Mat<'_, T>, &mut [T]),
    ) {
        // What the first run found holds for every further one: the same numbers.
        if !self.fresh {
            let _ = self.primal(params, x, record);
        }
        self.fresh = false;
        let arena = &mut record[self.output.len()..];
        adjoint.begin(&mut x_bar);
        for placed in &self.placed[self.recorded..] {
            let Action::PullBack(stage) = placed.action else {
                let _ = self.compute(placed, params, x, arena);
                continue;
            };
            let piece = &self.pieces[stage];
            let (carried, at) = (&arena[placed.from.clone()], &arena[placed.zone.clone()]);
            adjoint.sweep(
                adjoint.steps_of(&piece.nodes),
                |node| piece.record.point_from(node, params, x, carried, at),
                y_bar,
                cotangents,
                scratch,
                wants_params,
                &mut x_bar,
                &mut params_of,
            );
        }
    }

    /// What all actions but the pullbacks do, `times` times.
    pub(crate) fn work(&self, work: &mut Work, times: u64) {
        let runs = runs(self.schedule.actions(), self.pieces.len());
        for (runs, piece) in runs.into_iter().zip(&self.pieces) {
            piece.record.work(work, runs.saturating_mul(times));
        }
        work.add(Item::Moved(self.output.len()), times);
    }

    /// What [`Pieces::primal`] costs.
    pub(crate) fn primal_cost<T: Scalar>(&self) -> Cost {
        self.cost::<T>(&self.schedule.actions()[..self.recorded])
    }

    /// What the primal's stages cost that run between pullbacks.
    pub(crate) fn rerun_cost<T: Scalar>(&self) -> Cost {
        self.cost::<T>(&self.schedule.actions()[self.recorded..])
    }

    fn cost<T: Scalar>(&self, actions: &[Action]) -> Cost {
        let runs = runs(actions, self.pieces.len()).into_iter();
        let each = runs.zip(&self.pieces);
        each.filter(|(runs, _)| *runs > 0)
            .map(|(runs, piece)| piece.record.cost::<T>() * runs as usize)
            .sum()
    }

    /// Heap bytes that the plan keeps.
    pub(crate) fn held(&self) -> usize {
        let pieces = self.pieces.iter().map(Piece::held).sum::<usize>();
        let lists = memory::held(&self.pieces) + memory::held(&self.placed);
        pieces + lists + self.chain.held() + self.schedule.held()
    }
}
