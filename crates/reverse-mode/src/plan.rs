//! How a question is answered: with all recorded, or with checkpoints.

use pushpull_core::primal::PrimalPlan;
use pushpull_core::program::Code;
use pushpull_core::{Error, Graph, Result, memory};

use crate::adjoint::Adjoint;
use crate::checkpoint::cuts::tangle;
use crate::checkpoint::pieces::{Pieces, pieces};
use crate::checkpoint::{Limit, Schedule, TooSmall, optimal};
use crate::pieced::PiecedPlan;
use crate::reverse::Store;
use crate::whole::Question;

/// The programs of a question, without numbers.
#[derive(Clone, Debug)]
pub(crate) enum Plan {
    /// All that the adjoint program reads is kept.
    Whole(Question, Code),
    /// A schedule keeps some of it and computes the rest again; it serves all questions.
    Pieces(PiecedPlan),
}

impl Plan {
    /// The plan that a [`Store`] asks for, with `seeds` cotangents side by side.
    pub(crate) fn new<T>(
        graph: &Graph,
        batch: usize,
        store: Store,
        seeds: usize,
        question: Question,
    ) -> Result<Self> {
        let whole = || question.code::<T>(graph, batch, seeds);
        let numbers = |code: &Code| code.len().saturating_add(code.scratch_len());
        let (limit, unit) = match store {
            Store::All => return Ok(Self::Whole(question, whole()?)),
            Store::Slots(slots) => (Limit::Slots(slots), "slots"),
            Store::Bytes(bytes) => match whole() {
                Ok(code) if numbers(&code) <= bytes / size_of::<T>() => {
                    return Ok(Self::Whole(question, code));
                }
                // Too large as a whole is what checkpoints are for.
                Ok(_) | Err(Error::TooLarge { .. }) => {
                    (Limit::Numbers(bytes / size_of::<T>()), "bytes")
                }
                Err(fault) => return Err(fault),
            },
        };
        let adjoint = Adjoint::new(graph, batch, seeds)?;
        // What a byte budget covers beside the record: cotangents, and the copy of the output.
        let copy = memory::elements(&[graph.n_outputs(), batch]);
        let besides = adjoint
            .besides(graph.n_outputs(), batch)
            .saturating_add(copy);
        let limit = match limit {
            Limit::Numbers(numbers) => Limit::Numbers(numbers.saturating_sub(besides)),
            slots @ Limit::Slots(_) => slots,
        };
        let planned = pieces(graph, batch)?;
        let tangle = tangle(graph);
        // Whether some schedule takes less than the whole record; a cut alone does not say so.
        let all = || recorded(graph, batch).map_or(usize::MAX, |plan| plan.len());
        let helps = || copy.saturating_add(planned.1.smallest()) < all();
        if let (Store::Slots(1..), Some(tangle)) = (store, tangle)
            && !helps()
        {
            return Err(no_cut(graph, tangle));
        }
        match optimal(&planned.1, limit) {
            Ok(schedule) => Self::pieces::<T>(graph, batch, planned, schedule, adjoint),
            Err(TooSmall { smallest }) => {
                let (budget, smallest, remedy) = match store {
                    Store::Bytes(bytes) => {
                        let whole = whole().map_or(usize::MAX, |code| numbers(&code));
                        let least = whole.min(besides.saturating_add(smallest));
                        let remedy = if tangle.is_some() && least == whole {
                            "no node carries everything past its largest part, so it is recorded whole: use a smaller batch"
                        } else {
                            "give that much, or use a smaller batch"
                        };
                        (bytes, least.saturating_mul(size_of::<T>()), remedy)
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

    /// The plan that runs a schedule made for this graph and batch, with `seeds` cotangents side by side.
    pub(crate) fn scheduled<T>(
        graph: &Graph,
        batch: usize,
        schedule: &Schedule,
        seeds: usize,
    ) -> Result<Self> {
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
        let adjoint = Adjoint::new(graph, batch, seeds)?;
        Self::pieces::<T>(graph, batch, planned, schedule.clone(), adjoint)
    }

    fn pieces<T>(
        graph: &Graph,
        batch: usize,
        planned: (
            Vec<crate::checkpoint::pieces::Piece>,
            crate::checkpoint::Chain,
        ),
        schedule: Schedule,
        adjoint: Adjoint,
    ) -> Result<Self> {
        let plan = PiecedPlan {
            pieces: Box::new(Pieces::new(graph, batch, planned, schedule)),
            adjoint,
        };
        let (arena, scratch) = plan.numbers();
        let total = arena
            .saturating_add(scratch)
            .saturating_add(graph.n_params());
        memory::fits::<T>("reverse mode's record", total, "use a smaller batch")?;
        Ok(Self::Pieces(plan))
    }

    /// Numbers of the arena and of scratch memory.
    pub(crate) fn numbers(&self) -> (usize, usize) {
        match self {
            Self::Whole(_, code) => (code.len(), code.scratch_len()),
            Self::Pieces(plan) => plan.numbers(),
        }
    }

    /// Heap bytes that the plan keeps.
    pub(crate) fn held(&self) -> usize {
        match self {
            Self::Whole(_, code) => code.held(),
            Self::Pieces(plan) => plan.held(),
        }
    }
}

/// The record that keeps all, by itself.
fn recorded(graph: &Graph, batch: usize) -> Result<PrimalPlan> {
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
