//! All plans of a structured gradient, without a number: what is prepared and what is predicted follow from the same.

use pushpull_core::primal::PrimalPlan;
use pushpull_core::{Cost, Graph, Result, memory};

use super::occurrence::{Occurrence, occurrences};
use super::program::{Program, programs, runs};
use crate::Chunk;
use crate::forward::Bytes;
use crate::plan::setting;

#[derive(Clone, Debug)]
pub(super) struct Design {
    pub(super) plan: PrimalPlan,
    pub(super) occurrences: Vec<Occurrence>,
    /// For chunks of the full number of samples, then for what is left of the batch.
    pub(super) programs: Vec<Program>,
    scratch: usize,
}

impl Design {
    pub(super) fn new<T>(graph: &Graph, batch: usize, chunk: Chunk) -> Result<Self> {
        if chunk == Chunk::Fixed(0) {
            return Err(setting("Structured", "chunk", "at least 1", 0));
        }
        let (n, activity) = (graph.nodes().len(), graph.activity());
        let plan = PrimalPlan::new(graph, batch, n, |i| activity[i].output.then_some(n))?;
        let occurrences = occurrences(graph);
        let numbers = occurrences
            .iter()
            .map(|occurrence| memory::elements(&[occurrence.columns, batch]))
            .fold(
                plan.len().saturating_add(graph.n_params()),
                usize::saturating_add,
            );
        let remedy = "use a smaller batch";
        memory::fits::<T>("structured forward mode's values", numbers, remedy)?;
        let programs = programs::<T>(graph, &occurrences, batch, chunk)?;
        let scratch = programs.iter().map(|program| program.scratch);
        let contractions = occurrences
            .iter()
            .map(|occurrence| occurrence.scratch_len(graph, batch));
        let scratch = scratch.chain(contractions).max().unwrap_or(0);
        memory::fits::<T>("structured forward mode's scratch memory", scratch, remedy)?;
        Ok(Self {
            plan,
            occurrences,
            programs,
            scratch,
        })
    }

    /// Numbers in the tangents of a chunk.
    pub(super) fn chunk_tangents(&self) -> usize {
        let lens = self.programs.iter().map(|program| program.arena.len());
        lens.max().unwrap_or(0)
    }

    /// Numbers of each kind. The tangents are those of a chunk, and at the output those of the batch.
    pub(super) fn lens(&self) -> Bytes {
        let columns = self.occurrences.iter().map(|o| o.columns);
        let columns = columns.fold(0, usize::saturating_add);
        let sums = memory::elements(&[columns, self.plan.batch()]);
        let tangents = self.chunk_tangents().saturating_add(sums);
        Bytes {
            arena: self.plan.len().saturating_add(tangents),
            gradient: self.plan.graph().n_params(),
            scratch: self.scratch,
        }
    }

    /// Heap bytes that the plans themselves keep.
    pub(super) fn held(&self) -> usize {
        let programs: usize = self.programs.iter().map(Program::held).sum();
        let lists = memory::held(&self.occurrences) + memory::held(&self.programs);
        self.plan.held() + lists + programs
    }

    /// In operations of the scalar, whatever that is: the primal, the moves of all chunks, the products at the end, and the sum of the outputs.
    pub(super) fn cost(&self) -> Cost {
        let (graph, batch) = (self.plan.graph(), self.plan.batch());
        let pushed: Cost = self.pushed().sum();
        let contracted = self.occurrences.iter();
        let contracted: Cost = contracted.map(|o| o.cost(graph, batch)).sum();
        self.plan.cost::<f64>()
            + pushed
            + contracted
            + Cost::flops(memory::elements(&[graph.n_outputs(), batch]))
    }

    /// The cost of the moves of each program, times its chunks.
    fn pushed(&self) -> impl Iterator<Item = Cost> + '_ {
        let (graph, batch) = (self.plan.graph(), self.plan.batch());
        let programs = self.programs.iter();
        programs.map(move |program| program.cost(graph) * runs(&self.programs, program, batch))
    }
}
