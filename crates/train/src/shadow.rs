//! The shadow check of a run's gradients: see `pushpull_laws::Shadow`.

use nalgebra::DMatrix;
use pushpull_core::Graph;
use pushpull_laws::{Shadow, ShadowError};

use crate::{Precision, TrainError};

/// A check for the blocks of an epoch and one for a smaller last block.
#[derive(Clone, Debug)]
pub(crate) struct Shadows<T> {
    every: u64,
    blocks: Shadow<T>,
    rest: Option<Shadow<T>>,
    batch: usize,
}

impl<T: Precision> Shadows<T> {
    pub fn new(
        graph: &Graph,
        batch: usize,
        rest: usize,
        every: u64,
        seed: u64,
    ) -> Result<Self, TrainError> {
        Ok(Self {
            every,
            blocks: Shadow::new(graph, batch, every, seed)?,
            rest: (rest > 0)
                .then(|| Shadow::new(graph, rest, every, seed))
                .transpose()?,
            batch,
        })
    }

    /// Gradients that were checked since this was made.
    pub fn checked(&self) -> u64 {
        self.blocks.checked() + self.rest.as_ref().map_or(0, Shadow::checked)
    }

    /// Checks the gradient of a step where it is due. Which steps are due depends on their number alone, so a resumed
    /// run checks the same ones.
    pub fn check(
        &mut self,
        step: u64,
        params: &[T],
        x: &DMatrix<T>,
        gradient: &[T],
    ) -> Result<(), TrainError> {
        if !step.is_multiple_of(self.every) {
            return Ok(());
        }
        let shadow = match &mut self.rest {
            Some(rest) if x.ncols() < self.batch => rest,
            _ => &mut self.blocks,
        };
        let refused = |fault: ShadowError| TrainError::Shadow {
            step,
            fault: Box::new(fault),
        };
        shadow
            .check_now(params, x, gradient)
            .map(|_| ())
            .map_err(refused)
    }
}
