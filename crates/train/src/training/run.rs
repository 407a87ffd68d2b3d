//! The loop over steps, and what can be asked of a run.

use std::ops::ControlFlow;

use super::Training;
use crate::{Best, End, Epoch, Model, Precision, Settings, TrainError, Watch};

impl<T: Precision> Training<T> {
    /// All steps that are left, each shown to the watcher; `&mut ()` for none.
    ///
    /// # Errors
    /// As [`Training::step`], and the watcher's.
    pub fn run(&mut self, watch: &mut impl Watch<T>) -> Result<End, TrainError> {
        let end = loop {
            let Some(step) = self.step()? else {
                break self.finished().unwrap_or(End::Epochs);
            };
            let mut asked = watch.step(self, &step)?;
            if let (true, Some(&epoch)) = (step.ends_epoch, self.state.history.last()) {
                let also = watch.epoch(self, &epoch)?;
                asked = if also.is_break() { also } else { asked };
            }
            if asked == ControlFlow::Break(()) {
                break self.finished().unwrap_or(End::Asked);
            }
        };
        watch.end(self, end)?;
        Ok(end)
    }

    /// Why there is no further step; `None` while there is one.
    pub fn finished(&self) -> Option<End> {
        let state = &self.state;
        if state.block > 0 {
            None
        } else if state.best.is_stale(state.epoch, self.settings.patience) {
            Some(End::Patience)
        } else {
            (state.epoch >= self.settings.epochs).then_some(End::Epochs)
        }
    }

    /// The parameters as they are now.
    pub fn params(&self) -> &[T] {
        &self.state.params
    }

    /// The epoch with the lowest watched loss so far, with its parameters.
    pub const fn best(&self) -> &Best<T> {
        &self.state.best
    }

    /// The epochs that are done.
    pub fn history(&self) -> &[Epoch] {
        &self.state.history
    }

    /// The steps of the whole run.
    pub fn steps(&self) -> u64 {
        self.settings
            .epochs
            .saturating_mul(self.batches.blocks() as u64)
    }

    /// The steps that are done.
    pub const fn steps_done(&self) -> u64 {
        self.state.step
    }

    /// Everything that the bits of the run depend on, by name and value; data by a checksum. A checkpoint is
    /// refused where one of them differs.
    pub fn identity(&self) -> &[(String, String)] {
        &self.identity
    }

    /// The model.
    pub const fn model(&self) -> &Model {
        &self.model
    }

    /// The settings.
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }
}
