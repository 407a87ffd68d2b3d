//! The program of a chunk: which moves push which tangents where, planned once for a number of samples.

use pushpull_core::siblings::arena::{Arena, Planner};
use pushpull_core::siblings::memory;
use pushpull_core::{Cost, Graph, Result};

use crate::Chunk;

use super::draft::{Draft, REMEDY};
use super::moves::Move;
use super::occurrence::Occurrence;
use super::term::State;

/// Bytes of tangents that `Chunk::Auto` aims at: half of a core's second-level cache.
const CACHE: usize = 1 << 19;

/// The moves for chunks of `samples` samples, and their buffers.
#[derive(Clone, Debug)]
pub(super) struct Program {
    pub(super) samples: usize,
    pub(super) moves: Vec<Move>,
    pub(super) arena: Arena,
    pub(super) scratch: usize,
}

impl Program {
    /// Plans the program of `graph` on `samples` samples at once.
    pub(super) fn new<T>(
        graph: &Graph,
        occurrences: &[Occurrence],
        samples: usize,
    ) -> Result<Self> {
        let mut own = vec![None; graph.nodes().len()];
        for (i, occurrence) in occurrences.iter().enumerate() {
            own[occurrence.node] = Some(i);
        }
        let mut draft = Draft::<T> {
            graph,
            occurrences,
            own,
            samples,
            planner: Planner::default(),
            states: Vec::with_capacity(graph.nodes().len()),
            moves: Vec::new(),
            scalar: std::marker::PhantomData,
        };
        for (i, consumers) in graph.consumers().iter().enumerate() {
            let mut state = if graph.activity()[i].output {
                draft.node(i)?
            } else {
                State::default()
            };
            state.exclusive &= consumers.len() == 1;
            draft.states.push(state);
        }
        draft.collect();
        let Draft { planner, moves, .. } = draft;
        let arena = planner.finish();
        memory::fits::<T>("the structured tangents", arena.len(), REMEDY)?;
        let nodes = graph.nodes();
        let mut scratch = 0;
        for step in &moves {
            scratch = scratch.max(step.scratch_len::<T>(&nodes[step.node], samples)?);
        }
        Ok(Self {
            samples,
            moves,
            arena,
            scratch,
        })
    }

    /// Heap bytes that the program itself keeps.
    pub(super) const fn held(&self) -> usize {
        memory::held(&self.moves) + self.arena.held()
    }

    /// The exact cost of one run.
    pub(super) fn cost(&self, graph: &Graph) -> Cost {
        let nodes = graph.nodes();
        let moves = self.moves.iter();
        moves
            .map(|step| step.cost(&nodes[step.node], self.samples))
            .sum()
    }
}

/// A program for the chunks of a batch, and one for what is left.
pub(super) fn programs<T>(
    graph: &Graph,
    occurrences: &[Occurrence],
    batch: usize,
    chunk: Chunk,
) -> Result<Vec<Program>> {
    let samples = match chunk {
        Chunk::Full => batch,
        Chunk::Fixed(n) => n.min(batch),
        Chunk::Auto => {
            let one = Program::new::<T>(graph, occurrences, 1)?.arena.len();
            let fit = CACHE / memory::elements(&[one, size_of::<T>()]).max(1);
            // As few chunks as that takes, then of even length.
            let chunks = batch.div_ceil(fit.clamp(1, batch));
            batch.div_ceil(chunks)
        }
    };
    let rest = batch % samples;
    let mut programs = vec![Program::new::<T>(graph, occurrences, samples)?];
    if rest > 0 {
        programs.push(Program::new::<T>(graph, occurrences, rest)?);
    }
    Ok(programs)
}

/// The chunks of a batch, each with its program.
pub(super) fn chunks(
    programs: &[Program],
    batch: usize,
) -> impl Iterator<Item = (std::ops::Range<usize>, &Program)> {
    let width = programs[0].samples;
    (0..batch).step_by(width).filter_map(move |first| {
        let chunk = first..batch.min(first + width);
        let program = programs
            .iter()
            .find(|program| program.samples == chunk.len())?;
        Some((chunk, program))
    })
}

/// How often a batch runs one of its programs.
pub(super) fn runs(programs: &[Program], program: &Program, batch: usize) -> usize {
    let width = programs[0].samples;
    if program.samples == width {
        batch / width
    } else {
        1
    }
}
