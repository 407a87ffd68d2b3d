//! A batch cut into leaves, its gradient over all ranks.

use std::collections::BTreeSet;
use std::ops::Range;
use std::rc::Rc;

use pushpull_core::{Error, Graph, Mat, Result};
use pushpull_train::{Engine, Precision, TrainError};

use crate::{Communicator, MpiError, Reduction};

/// The gradient of a batch over all ranks: an engine like any other, called with the same parameters and the same batch on every
/// rank, which gives every rank the same answer.
///
/// The batch is cut into leaves of `leaf` samples, the last one of what is left. Each rank computes a block of them, each by an
/// engine of its own choice, and the sums and gradients are added in the fixed tree ([`Reduction`]).
///
/// | | operations | messages |
/// |---|---|---|
/// | a rank | the gradients of its leaves, n_params + 1 additions for each | n_params + 1 numbers up, most often once, a message a part; as many down |
///
/// The gradient has parts, of some blocks each ([`Reduction::in_parts`]). Reverse mode says when it is done with a block's
/// parameters ([`pushpull_core::Engine::value_and_gradient_in_parts`]), so in a rank's last leaf the last blocks' sums are sent
/// while those before are still pulled back. By other modes all parts are sent when the leaf ends. The parts depend on the graph
/// alone, and change no bit.
///
/// A fault of one rank's engine is that rank's alone, so it has to end the job ([`crate::job::run`] does that).
#[derive(Debug)]
pub struct Leaves<T> {
    graph: Graph,
    batch: usize,
    leaf: usize,
    /// For whole leaves, if this rank has one.
    engine: Option<Engine<T>>,
    /// For the last one, where it is smaller and this rank's.
    rest: Option<Engine<T>>,
    reduction: Reduction<T>,
    /// The value, then the gradient.
    total: Vec<T>,
}

impl<T: Precision> Leaves<T> {
    /// Prepares batches of `batch` samples in leaves of `leaf`; `engines` makes one for so many samples. A leaf that is larger
    /// than the batch is as large as it.
    ///
    /// # Errors
    /// [`MpiError::Setting`] for empty leaves, [`Error::EmptyBatch`], and those of `engines`.
    pub fn new(
        comm: Rc<dyn Communicator>,
        graph: &Graph,
        batch: usize,
        leaf: usize,
        mut engines: impl FnMut(usize) -> Result<Engine<T>, TrainError>,
    ) -> Result<Self, MpiError> {
        if leaf == 0 {
            return Err(MpiError::Setting {
                setting: "the size of a leaf",
                expected: "at least 1 sample".into(),
                got: "0".into(),
                remedy: "give the same size to every run that is to have the same bits",
            });
        }
        if batch == 0 {
            return Err(Error::EmptyBatch { name: "x".into() }.into());
        }
        let reduction = Reduction::in_parts(comm, batch.div_ceil(leaf), &widths(graph));
        let (block, whole) = (reduction.block(), batch / leaf);
        let engine = (block.start < whole.min(block.end))
            .then(|| engines(leaf))
            .transpose()?;
        let rest = (block.end > whole && !block.is_empty())
            .then(|| engines(batch % leaf))
            .transpose()?;
        Ok(Self {
            graph: graph.clone(),
            batch,
            leaf,
            engine,
            rest,
            reduction,
            total: vec![T::zero(); graph.n_params() + 1],
        })
    }

    /// The samples of a leaf.
    fn samples(&self, leaf: usize) -> Range<usize> {
        let first = leaf * self.leaf;
        first..(first + self.leaf).min(self.batch)
    }

    /// The sum of all outputs over the batch and its gradient in the parameters, on every rank. `x`: n_inputs x batch.
    ///
    /// # Errors
    /// As [`Graph::check`] and those of the engines, a sample counted in the batch; those of the communicator.
    pub fn gradient_of<'a>(
        &mut self,
        params: &[T],
        x: impl Into<Mat<'a, T>>,
    ) -> Result<(T, &[T]), MpiError> {
        let x = x.into();
        self.graph.check(params, x, self.batch)?;
        self.reduction.restart();
        for leaf in self.reduction.block() {
            let samples = self.samples(leaf);
            let first = samples.start;
            let engine = match &mut self.rest {
                Some(rest) if samples.len() < self.leaf => Some(rest),
                _ => self.engine.as_mut(),
            };
            let Some(engine) = engine else { continue };
            let (reduction, mut sent) = (&mut self.reduction, Ok(()));
            let outcome = engine.value_and_gradient_in_parts(
                params,
                x.cols(samples),
                leaf as u64,
                &mut |part, numbers| {
                    if sent.is_ok() {
                        sent = reduction.push(1 + part.start, numbers);
                    }
                },
            );
            let (value, _) = outcome.map_err(|fault| in_batch(fault, first))?;
            sent?;
            self.reduction.push(0, &[value])?;
        }
        self.reduction.finish(&mut self.total)?;
        Ok((self.total[0], &self.total[1..]))
    }
}

/// Numbers of a part, at least: a message of fewer would cost its latency alone.
const LEAST: usize = 1 << 14;

/// Numbers of the parts in which value and gradient are sent, the value in the first: the parameters of some blocks each.
fn widths(graph: &Graph) -> Vec<usize> {
    let n = graph.n_params();
    // So many that the parts are at most half as many as may be.
    let least = LEAST.max(n.div_ceil(Reduction::<f32>::MOST_PARTS / 2));
    let starts: BTreeSet<usize> = graph.nodes().iter().map(|node| node.params.start).collect();
    let (mut widths, mut end) = (Vec::new(), n);
    for start in starts.into_iter().rev() {
        if start > 0 && end - start >= least {
            widths.push(end - start);
            end = start;
        }
    }
    widths.push(end + 1);
    widths.reverse();
    widths
}

/// A fault of a leaf's engine, its sample counted in the batch.
fn in_batch(fault: TrainError, first: usize) -> MpiError {
    match fault {
        TrainError::Core(mut fault @ (Error::Singular { .. } | Error::Undefined { .. })) => {
            if let Error::Singular { sample, .. } | Error::Undefined { sample, .. } = &mut fault {
                *sample += first;
            }
            MpiError::Core(fault)
        }
        fault => fault.into(),
    }
}

impl<T: Precision> pushpull_core::Engine<T> for Leaves<T> {
    fn name(&self) -> &'static str {
        "Leaves"
    }

    fn value_and_gradient(&mut self, params: &[T], x: Mat<'_, T>) -> Result<(T, &[T])> {
        Ok(self.gradient_of(params, x)?)
    }
}
