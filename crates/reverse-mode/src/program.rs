//! The primal program of a reverse engine: recorded whole, or in pieces between checkpoints.

use pushpull_core::primal::PrimalPlan;
use pushpull_core::work::Work;
use pushpull_core::{Cost, Error, Graph, Mat, MatMut, Result, Scalar, Wrt, memory};

use crate::adjoint::{Adjoint, Visit};
use crate::checkpoint::cuts::tangle;
use crate::checkpoint::pieces::{Pieces, pieces};
use crate::checkpoint::{Limit, Schedule, TooSmall, optimal};
use crate::reverse::Store;

/// How the record is made.
#[derive(Clone, Debug)]
pub(crate) enum Program {
    /// All that the adjoint program reads is kept.
    Whole(PrimalPlan),
    /// A schedule keeps some of it and computes the rest again.
    Pieces(Box<Pieces>),
}

impl Program {
    /// The program that a [`Store`] asks for. `besides`: numbers of all other buffers but the gradient, which a byte
    /// budget covers too.
    pub(crate) fn new<T>(
        graph: &Graph,
        batch: usize,
        store: Store,
        besides: usize,
    ) -> Result<Self> {
        let (limit, unit) = match store {
            Store::All => return whole(graph, batch).map(Self::Whole),
            Store::Slots(slots) => (Limit::Slots(slots), "slots"),
            Store::Bytes(bytes) => {
                let numbers = bytes / size_of::<T>();
                match whole(graph, batch) {
                    Ok(plan) if plan.len().saturating_add(besides) <= numbers => {
                        return Ok(Self::Whole(plan));
                    }
                    // Too large as a whole is what checkpoints are for.
                    Ok(_) | Err(Error::TooLarge { .. }) => {}
                    Err(fault) => return Err(fault),
                }
                let besides = besides.saturating_add(memory::elements(&[graph.n_outputs(), batch]));
                (Limit::Numbers(numbers.saturating_sub(besides)), "bytes")
            }
        };
        let planned = pieces(graph, batch)?;
        let tangle = tangle(graph);
        // Whether some schedule takes less than the whole record; a cut alone does not say so.
        let all = || whole(graph, batch).map_or(usize::MAX, |plan| plan.len());
        let copy = memory::elements(&[graph.n_outputs(), batch]);
        let helps = || copy.saturating_add(planned.1.smallest()) < all();
        if let (Store::Slots(1..), Some(tangle)) = (store, tangle)
            && !helps()
        {
            return Err(no_cut(graph, tangle));
        }
        match optimal(&planned.1, limit) {
            Ok(schedule) => Ok(Self::Pieces(Box::new(Pieces::new(
                graph, batch, planned, schedule,
            )))),
            Err(TooSmall { smallest }) => {
                let (budget, smallest, remedy) = match store {
                    Store::Bytes(bytes) => {
                        let numbers = all().min(copy.saturating_add(smallest));
                        let bytes_of = |numbers: usize| numbers.saturating_mul(size_of::<T>());
                        let remedy = if tangle.is_some() && numbers == all() {
                            "no node carries everything past its largest part, so it is recorded whole: use a smaller batch"
                        } else {
                            "give that much, or use a smaller batch"
                        };
                        (bytes, bytes_of(besides.saturating_add(numbers)), remedy)
                    }
                    Store::Slots(slots) => (slots, smallest, "the input takes a slot"),
                    Store::All => (0, smallest, ""),
                };
                Err(Error::Budget {
                    name: "Reverse".into(),
                    budget: budget as u64,
                    smallest: smallest as u64,
                    unit: unit.into(),
                    remedy: remedy.into(),
                })
            }
        }
    }

    /// The program that runs a schedule made for this graph and batch.
    pub(crate) fn scheduled(graph: &Graph, batch: usize, schedule: &Schedule) -> Result<Self> {
        let planned = pieces(graph, batch)?;
        let (got, expected) = (schedule.stages(), planned.1.stages().len());
        if got != expected {
            return Err(Error::Setting {
                name: "Reverse".into(),
                setting: "schedule".into(),
                expected: format!("one for the graph's {expected} stages, made from `Chain::of`"),
                got: format!("one for {got}"),
            });
        }
        Ok(Self::Pieces(Box::new(Pieces::new(
            graph,
            batch,
            planned,
            schedule.clone(),
        ))))
    }

    #[inline]
    pub(crate) const fn graph(&self) -> &Graph {
        match self {
            Self::Whole(plan) => plan.graph(),
            Self::Pieces(pieces) => pieces.graph(),
        }
    }

    #[inline]
    pub(crate) const fn batch(&self) -> usize {
        match self {
            Self::Whole(plan) => plan.batch(),
            Self::Pieces(pieces) => pieces.batch(),
        }
    }

    /// Rows of the output; the graph itself would ask its last block.
    #[inline]
    pub(crate) fn n_outputs(&self) -> usize {
        match self {
            Self::Whole(plan) => plan.n_outputs(),
            Self::Pieces(pieces) => pieces.graph().n_outputs(),
        }
    }

    /// Numbers of the record.
    pub(crate) const fn len(&self) -> usize {
        match self {
            Self::Whole(plan) => plan.len(),
            Self::Pieces(pieces) => pieces.len(),
        }
    }

    #[inline]
    pub(crate) fn output<'a, T>(&self, record: &'a [T]) -> Mat<'a, T> {
        match self {
            Self::Whole(plan) => plan.output(record),
            Self::Pieces(pieces) => pieces.result(record),
        }
    }

    /// Runs the primal, up to the first pullback: every block at least once. Returns what [`PrimalPlan::run`] does.
    #[inline]
    pub(crate) fn record<T: Scalar>(
        &mut self,
        params: &[T],
        x: Mat<'_, T>,
        record: &mut [T],
    ) -> Wrt {
        match self {
            Self::Whole(plan) => plan.run(params, x, record),
            Self::Pieces(pieces) => pieces.primal(params, x, record),
        }
    }

    /// Runs the adjoint program for the cotangent `y_bar` of the output; see [`Adjoint::sweep`].
    #[allow(clippy::too_many_arguments)] // As `Adjoint::sweep`.
    #[inline]
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
        match self {
            Self::Whole(plan) => {
                adjoint.begin(&mut x_bar);
                let record: &[T] = record;
                adjoint.sweep(
                    adjoint.steps(),
                    |node| plan.point(node, params, x, record),
                    y_bar,
                    cotangents,
                    scratch,
                    wants_params,
                    &mut x_bar,
                    &mut params_of,
                );
            }
            Self::Pieces(pieces) => pieces.pull(
                adjoint,
                params,
                x,
                record,
                y_bar,
                cotangents,
                scratch,
                wants_params,
                x_bar,
                params_of,
            ),
        }
    }

    /// The cost of [`Program::record`].
    pub(crate) fn primal_cost<T: Scalar>(&self) -> Cost {
        match self {
            Self::Whole(plan) => plan.cost::<T>(),
            Self::Pieces(pieces) => pieces.primal_cost::<T>(),
        }
    }

    /// What the primal's blocks cost that run again during a pullback that follows [`Program::record`].
    pub(crate) fn rerun_cost<T: Scalar>(&self) -> Cost {
        match self {
            Self::Whole(_) => Cost::ZERO,
            Self::Pieces(pieces) => pieces.rerun_cost::<T>(),
        }
    }

    /// What the primal's blocks cost for one record and so many pullbacks.
    pub(crate) fn cost<T: Scalar>(&self, pullbacks: usize) -> Cost {
        match self {
            Self::Whole(plan) => plan.cost::<T>(),
            Self::Pieces(_) => (self.primal_cost::<T>() + self.rerun_cost::<T>()) * pullbacks,
        }
    }

    /// What one record and so many pullbacks do in the primal.
    pub(crate) fn work(&self, pullbacks: usize, work: &mut Work) {
        match self {
            Self::Whole(plan) => plan.work(work, 1),
            Self::Pieces(pieces) => pieces.work(work, pullbacks as u64),
        }
    }

    /// Blocks that are evaluated for one record and so many pullbacks.
    pub(crate) fn evaluations(&self, pullbacks: usize) -> u64 {
        match self {
            Self::Whole(plan) => plan.evaluations(),
            Self::Pieces(pieces) => {
                let once = pieces.schedule().evaluations(pieces.chain());
                once.saturating_mul(pullbacks as u64)
            }
        }
    }

    /// Heap bytes that the plan itself keeps.
    pub(crate) fn held(&self) -> usize {
        match self {
            Self::Whole(plan) => plan.held(),
            Self::Pieces(pieces) => size_of::<Pieces>() + pieces.held(),
        }
    }

    /// The schedule, if there is one.
    pub(crate) const fn schedule(&self) -> Option<&Schedule> {
        match self {
            Self::Whole(_) => None,
            Self::Pieces(pieces) => Some(pieces.schedule()),
        }
    }
}

/// The plan of a record that keeps all.
fn whole(graph: &Graph, batch: usize) -> Result<PrimalPlan> {
    let n = graph.nodes().len();
    PrimalPlan::new(graph, batch, n, |i| Some(2 * n - i))
}

fn no_cut(graph: &Graph, (first, last): (usize, usize)) -> Error {
    let name = |node: usize| &graph.nodes()[node].name;
    Error::NoCut {
        name: "Reverse".into(),
        expected: "cuts that save memory: nodes through which every path from the blocks before to those after passes"
            .into(),
        got: format!("none; {} is read up to {}", name(first), name(last)),
        remedy: "use Store::All, or Store::Bytes with room for the whole record".into(),
    }
}
