//! Who looks on while a run goes on: checkpoints, a progress bar, a server's connection.

use std::ops::ControlFlow;

use crate::{Epoch, Precision, Step, TrainError, Training, Trial};

/// Why a run came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum End {
    /// All epochs are done.
    Epochs,
    /// No better epoch within the patience.
    Patience,
    /// A watcher asked for it; the run can go on.
    Asked,
}

/// Sees a run between its steps, when its state is whole: it may save it, show it, or ask for an end. Watchers make
/// pairs: `(a, b)` is one too.
pub trait Watch<T: Precision> {
    /// After each step.
    ///
    /// # Errors
    /// Whatever should end the run.
    fn step(&mut self, training: &Training<T>, step: &Step) -> Result<ControlFlow<()>, TrainError> {
        let _ = (training, step);
        Ok(ControlFlow::Continue(()))
    }

    /// After each epoch, after its last step.
    ///
    /// # Errors
    /// As [`Watch::step`].
    fn epoch(
        &mut self,
        training: &Training<T>,
        epoch: &Epoch,
    ) -> Result<ControlFlow<()>, TrainError> {
        let _ = (training, epoch);
        Ok(ControlFlow::Continue(()))
    }

    /// At the end.
    ///
    /// # Errors
    /// As [`Watch::step`].
    fn end(&mut self, training: &Training<T>, end: End) -> Result<(), TrainError> {
        let _ = (training, end);
        Ok(())
    }

    /// After each of so many trials of a [`search`](crate::search()).
    fn trial(&mut self, trial: &Trial, of: usize) {
        let _ = (trial, of);
    }
}

impl<T: Precision> Watch<T> for () {}

impl<T: Precision, A: Watch<T>, B: Watch<T>> Watch<T> for (A, B) {
    fn step(&mut self, training: &Training<T>, step: &Step) -> Result<ControlFlow<()>, TrainError> {
        let asked = [self.0.step(training, step)?, self.1.step(training, step)?];
        Ok(either(asked))
    }

    fn epoch(
        &mut self,
        training: &Training<T>,
        epoch: &Epoch,
    ) -> Result<ControlFlow<()>, TrainError> {
        let asked = [
            self.0.epoch(training, epoch)?,
            self.1.epoch(training, epoch)?,
        ];
        Ok(either(asked))
    }

    fn end(&mut self, training: &Training<T>, end: End) -> Result<(), TrainError> {
        self.0.end(training, end)?;
        self.1.end(training, end)
    }

    fn trial(&mut self, trial: &Trial, of: usize) {
        self.0.trial(trial, of);
        self.1.trial(trial, of);
    }
}

impl<T: Precision, W: Watch<T>> Watch<T> for Option<W> {
    fn step(&mut self, training: &Training<T>, step: &Step) -> Result<ControlFlow<()>, TrainError> {
        self.as_mut()
            .map_or(Ok(ControlFlow::Continue(())), |watch| {
                watch.step(training, step)
            })
    }

    fn epoch(
        &mut self,
        training: &Training<T>,
        epoch: &Epoch,
    ) -> Result<ControlFlow<()>, TrainError> {
        self.as_mut()
            .map_or(Ok(ControlFlow::Continue(())), |watch| {
                watch.epoch(training, epoch)
            })
    }

    fn end(&mut self, training: &Training<T>, end: End) -> Result<(), TrainError> {
        self.as_mut()
            .map_or(Ok(()), |watch| watch.end(training, end))
    }

    fn trial(&mut self, trial: &Trial, of: usize) {
        if let Some(watch) = self {
            watch.trial(trial, of);
        }
    }
}

fn either(asked: [ControlFlow<()>; 2]) -> ControlFlow<()> {
    if asked.iter().any(ControlFlow::is_break) {
        ControlFlow::Break(())
    } else {
        ControlFlow::Continue(())
    }
}

impl<T: Precision, W: Watch<T> + ?Sized> Watch<T> for &mut W {
    fn step(&mut self, training: &Training<T>, step: &Step) -> Result<ControlFlow<()>, TrainError> {
        (**self).step(training, step)
    }

    fn epoch(
        &mut self,
        training: &Training<T>,
        epoch: &Epoch,
    ) -> Result<ControlFlow<()>, TrainError> {
        (**self).epoch(training, epoch)
    }

    fn end(&mut self, training: &Training<T>, end: End) -> Result<(), TrainError> {
        (**self).end(training, end)
    }

    fn trial(&mut self, trial: &Trial, of: usize) {
        (**self).trial(trial, of);
    }
}
