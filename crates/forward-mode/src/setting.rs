//! What forward mode is asked, and the placed program that answers it.

use std::fmt;
use std::ops::Range;

use pushpull_core::program::{Code, Program};
use pushpull_core::siblings::memory;
use pushpull_core::{Error, Graph, Mat, Result, Scalar, Wrt};

use crate::Chunk;
use crate::chunk::{alike, lengths, pieces};
use crate::programs;
use crate::seeds::Seeds;

pub(crate) const REMEDY: &str =
    "carry fewer directions at once with Chunk::Auto or Chunk::Fixed(n)";

/// What an engine is prepared for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    Gradient,
    Jvp {
        seeds: usize,
        params: bool,
        inputs: bool,
    },
    JacobianParams,
    JacobianInputs,
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gradient => f.write_str("a gradient by forward mode"),
            Self::Jvp { seeds, .. } => write!(f, "a jvp along {seeds} directions"),
            Self::JacobianParams | Self::JacobianInputs => {
                f.write_str("a Jacobian by forward mode")
            }
        }
    }
}

/// Chunks of seeds, those that lie alike once, with their number.
pub(crate) type Chunks = Vec<(Range<usize>, usize)>;

/// The placed program of a question, without numbers.
#[derive(Clone, Debug)]
pub(crate) struct Placed {
    pub purpose: Purpose,
    /// One for each path of the program; none for directions.
    pub chunks: Chunks,
    pub code: Code,
}

impl Placed {
    /// Heap bytes that it keeps.
    pub(crate) fn held(&self) -> usize {
        self.code.held() + memory::held(&self.chunks)
    }
}

/// A graph on a batch, to be pushed through in chunks.
#[derive(Clone, Debug)]
pub(crate) struct Setting {
    pub graph: Graph,
    pub batch: usize,
    chunk: Chunk,
    /// Bytes that one direction takes in the widest pair of neighbouring tangent matrices, at most.
    pair_bytes: usize,
}

impl Setting {
    pub(crate) fn new<T>(graph: &Graph, batch: usize, chunk: Chunk) -> Result<Self> {
        if chunk == Chunk::Fixed(0) {
            return Err(Error::setting("Forward", "chunk", "at least 1", 0));
        }
        let nodes = graph.nodes().iter();
        let pair = nodes.map(|node| node.dims().n_in.saturating_add(node.dims().n_out));
        let pair = memory::elements(&[pair.max().unwrap_or(0), batch]);
        memory::fits::<T>("forward mode's values", pair, "use a smaller batch")?;
        let pair_bytes = memory::elements(&[pair, size_of::<T>()]);
        Ok(Self {
            batch,
            chunk,
            pair_bytes,
            graph: graph.clone(),
        })
    }

    /// Directions that are carried at once, out of `all`.
    pub(crate) fn width(&self, all: usize) -> usize {
        self.chunk.width(all, self.pair_bytes)
    }

    fn chunks(&self, purpose: Purpose) -> Chunks {
        let (nodes, inputs) = (self.graph.nodes().iter(), self.graph.inputs().iter());
        match purpose {
            Purpose::Gradient => {
                // The last chunk is one of its own: with it comes the value.
                let (all, width) = (self.graph.n_params(), self.width(self.graph.n_params()));
                let last = pieces(all, width).last().unwrap_or(0..0);
                let params = nodes.map(|node| node.params.clone());
                let mut chunks = alike(last.start, width, params);
                chunks.push((last, 1));
                chunks
            }
            Purpose::JacobianParams => {
                let all = self.graph.n_params();
                alike(all, self.width(all), nodes.map(|node| node.params.clone()))
            }
            Purpose::JacobianInputs => {
                let all = self.graph.n_inputs();
                alike(all, self.width(all), inputs.map(|input| input.rows.clone()))
            }
            Purpose::Jvp { .. } => Vec::new(),
        }
    }

    /// The program of a question, with its chunks; of directions, for as many as are carried at once.
    pub(crate) fn program(&self, purpose: Purpose) -> Result<(Program, Chunks)> {
        let (graph, batch, chunks) = (&self.graph, self.batch, self.chunks(purpose));
        let program = match purpose {
            Purpose::Gradient => programs::gradient(graph, batch, &chunks)?,
            Purpose::JacobianParams => {
                programs::jacobian(graph, batch, &chunks, Seeds::UnitParams)?
            }
            Purpose::JacobianInputs => {
                programs::jacobian(graph, batch, &chunks, Seeds::UnitInputs)?
            }
            Purpose::Jvp {
                seeds,
                params,
                inputs,
            } => {
                let seeds = self.width(seeds);
                let directions = Seeds::Directions {
                    seeds,
                    params,
                    inputs,
                };
                programs::jvp(graph, batch, &directions)?
            }
        };
        Ok((program, chunks))
    }

    /// All programs of a question, each with how often it runs: of directions that are not carried all at once, one for
    /// whole groups and one for the rest.
    pub(crate) fn programs(&self, purpose: Purpose) -> Result<Vec<(Program, usize)>> {
        let Purpose::Jvp {
            seeds,
            params,
            inputs,
        } = purpose
        else {
            return Ok(vec![(self.program(purpose)?.0, 1)]);
        };
        let groups = lengths(seeds, self.width(seeds)).map(|(seeds, times)| {
            let group = Purpose::Jvp {
                seeds,
                params,
                inputs,
            };
            Ok((self.program(group)?.0, times))
        });
        groups.collect()
    }

    /// A question with its buffers in their places.
    pub(crate) fn placed<T>(&self, purpose: Purpose) -> Result<Placed> {
        let (program, chunks) = self.program(purpose)?;
        let purpose = match purpose {
            Purpose::Jvp {
                seeds,
                params,
                inputs,
            } => Purpose::Jvp {
                seeds: self.width(seeds),
                params,
                inputs,
            },
            other => other,
        };
        Ok(Placed {
            code: program.place::<T>("forward mode's values and tangents", REMEDY)?,
            purpose,
            chunks,
        })
    }

    /// What the sweep of the first seed does where derivatives are in doubt.
    pub(crate) fn check<T: Scalar>(
        &self,
        params: &[T],
        x: Mat<'_, T>,
        wrt: Wrt,
        first: usize,
        doubt: Wrt,
    ) -> Result<()> {
        match first {
            0 => self.graph.settle(params, x, doubt, wrt),
            _ => Ok(()),
        }
    }
}
