//! The engines on chains of the smallest blocks: what they do beside calling blocks.

use nalgebra::DMatrix;
use pushpull_core::blocks::Tanh;
use pushpull_core::siblings::work::Work;
use pushpull_core::{Builder, Graph, Question, Result};
use pushpull_forward_mode::{Chunk, Forward};
use pushpull_reverse_mode::Reverse;

/// An engine whose own steps are timed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Engine {
    /// Tangents beside the primal.
    Forward,
    /// The record and the adjoint program; mixed mode and second derivatives are taken to be like it.
    Reverse,
}

impl Engine {
    /// A chain of blocks with what the engine does on it: one derivative with respect to the input, one sample.
    pub(crate) fn chain(self, blocks: usize) -> Result<(Graph, Work)> {
        let mut b = Builder::new();
        let mut h = b.input("x", 1);
        for _ in 0..blocks {
            h = b.map(Tanh, h);
        }
        let graph = b.build(h)?;
        let work = match self {
            Self::Forward => Forward::plan(&graph, 1, Question::JacobianInputs)
                .chunk(Chunk::Full)
                .work::<f64>()?,
            Self::Reverse => Reverse::plan(&graph, 1, Question::JacobianInputs).work::<f64>()?,
        };
        Ok((graph, work))
    }

    /// The derivative of a chain, prepared.
    pub(crate) fn prepared(self, blocks: usize) -> Result<Box<dyn FnMut()>> {
        let (graph, _) = self.chain(blocks)?;
        let x = DMatrix::from_element(1, 1, 0.3);
        Ok(match self {
            Self::Forward => {
                let mut engine = Forward::plan(&graph, 1, Question::JacobianInputs)
                    .chunk(Chunk::Full)
                    .prepare::<f64>()?;
                Box::new(move || {
                    let _ = std::hint::black_box(engine.jacobian_inputs(&[], &x));
                })
            }
            Self::Reverse => {
                let mut engine = Reverse::<f64>::new(&graph, 1)?;
                Box::new(move || {
                    let _ = std::hint::black_box(engine.jacobian_inputs(&[], &x));
                })
            }
        })
    }
}
