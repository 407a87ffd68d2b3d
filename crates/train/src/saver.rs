//! Saves a run while it goes on.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use crate::{End, Epoch, Precision, Step, TrainError, Training, Watch};

/// A watcher that saves a checkpoint after every so many steps, or after every epoch, and at the end.
#[derive(Clone, Debug)]
pub struct Saver {
    path: PathBuf,
    /// `None`: each epoch.
    every: Option<u64>,
}

impl Saver {
    /// After each epoch.
    pub fn every_epoch(path: impl AsRef<Path>) -> Self {
        Self {
            path: path.as_ref().into(),
            every: None,
        }
    }

    /// After every `steps`-th step of the run; 0 counts as 1.
    pub fn every_steps(path: impl AsRef<Path>, steps: u64) -> Self {
        Self {
            path: path.as_ref().into(),
            every: Some(steps.max(1)),
        }
    }
}

impl<T: Precision> Watch<T> for Saver {
    fn step(&mut self, training: &Training<T>, step: &Step) -> Result<ControlFlow<()>, TrainError> {
        if self
            .every
            .is_some_and(|every| step.number.is_multiple_of(every))
        {
            training.save(&self.path)?;
        }
        Ok(ControlFlow::Continue(()))
    }

    fn epoch(&mut self, training: &Training<T>, _: &Epoch) -> Result<ControlFlow<()>, TrainError> {
        if self.every.is_none() {
            training.save(&self.path)?;
        }
        Ok(ControlFlow::Continue(()))
    }

    fn end(&mut self, training: &Training<T>, _: End) -> Result<(), TrainError> {
        training.save(&self.path)
    }
}
