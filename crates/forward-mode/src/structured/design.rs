//! All plans of a structured gradient, without a number: what is prepared and what is predicted follow from the same.

use pushpull_core::program::{Code, Program as Primal};
use pushpull_core::siblings::memory;
use pushpull_core::{Cost, Error, Graph, Result};

use super::occurrence::{Occurrence, occurrences};
use super::program::{Program, programs, runs};
use crate::Chunk;
use crate::forward::Bytes;

#[derive(Clone, Debug)]
pub(super) struct Design {
    pub(super) occurrences: Vec<Occurrence>,
    /// For chunks of the full number of samples, then for what is left of the batch.
    pub(super) programs: Vec<Program>,
    scratch: usize,
}

impl Design {
    /// The plans, and the primal program, which keeps what derivative maps read.
    pub(super) fn new<T>(graph: &Graph, batch: usize, chunk: Chunk) -> Result<(Self, Code)> {
        if chunk == Chunk::Fixed(0) {
            return Err(Error::setting("Structured", "chunk", "at least 1", 0));
        }
        let remedy = "use a smaller batch";
        let record = primal(graph, batch)?;
        let code = record.place::<T>("structured forward mode's values", remedy)?;
        let occurrences = occurrences(graph);
        let numbers = occurrences
            .iter()
            .map(|occurrence| memory::elements(&[occurrence.columns, batch]))
            .fold(
                code.len().saturating_add(graph.n_params()),
                usize::saturating_add,
            );
        memory::fits::<T>("structured forward mode's values", numbers, remedy)?;
        let programs = programs::<T>(graph, &occurrences, batch, chunk)?;
        let scratch = programs.iter().map(|program| program.scratch);
        let contractions = occurrences
            .iter()
            .map(|occurrence| occurrence.scratch_len(graph, batch));
        let scratch = scratch.chain(contractions).max().unwrap_or(0);
        memory::fits::<T>("structured forward mode's scratch memory", scratch, remedy)?;
        let design = Self {
            occurrences,
            programs,
            scratch,
        };
        Ok((design, code))
    }

    /// Numbers in the tangents of a chunk.
    pub(super) fn chunk_tangents(&self) -> usize {
        let lens = self.programs.iter().map(|program| program.arena.len());
        lens.max().unwrap_or(0)
    }

    /// Numbers of each kind. The tangents are those of a chunk, and at the output those of the batch.
    pub(super) fn lens(&self, primal: &Code) -> Bytes {
        let columns = self.occurrences.iter().map(|o| o.columns);
        let columns = columns.fold(0, usize::saturating_add);
        let sums = memory::elements(&[columns, primal.batch()]);
        let tangents = self.chunk_tangents().saturating_add(sums);
        Bytes {
            arena: primal.len().saturating_add(tangents),
            gradient: primal.graph().n_params(),
            scratch: self.scratch,
        }
    }

    /// Heap bytes that the plans themselves keep.
    pub(super) fn held(&self, primal: &Code) -> usize {
        let programs: usize = self.programs.iter().map(Program::held).sum();
        let lists = memory::held(&self.occurrences) + memory::held(&self.programs);
        primal.held() + lists + programs
    }

    /// In operations of the scalar, whatever that is: the primal, the moves of all chunks, the products at the end, and the sum of the outputs.
    pub(super) fn cost(&self, primal: &Code) -> Cost {
        let (graph, batch) = (primal.graph(), primal.batch());
        let pushed: Cost = self.pushed(primal).sum();
        let contracted = self.occurrences.iter();
        let contracted: Cost = contracted.map(|o| o.cost(graph, batch)).sum();
        // It was emitted when the engine was prepared: what cannot be is refused there.
        let values = self::primal(graph, batch).map_or(Cost::ZERO, |record| record.cost::<f64>());
        values + pushed + contracted + Cost::flops(memory::elements(&[graph.n_outputs(), batch]))
    }

    /// The cost of the moves of each program, times its chunks.
    fn pushed<'d>(&'d self, primal: &'d Code) -> impl Iterator<Item = Cost> + 'd {
        let (graph, batch) = (primal.graph(), primal.batch());
        let programs = self.programs.iter();
        programs.map(move |program| program.cost(graph) * runs(&self.programs, program, batch))
    }
}

/// The primal program. What the output does not depend on is not kept.
pub(super) fn primal(graph: &Graph, batch: usize) -> Result<Primal> {
    Primal::record(graph, batch, |i| graph.activity()[i].output)
}
