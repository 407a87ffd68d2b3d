//! Where a run computes: alone, or as one of several ranks.

use std::path::Path;

use pushpull_core::blocks::Loss;
use pushpull_train::{
    CheckpointFault, Model, Precision, Ranking, Samples, Settings, Space, Strategy, TrainError,
    Training, Watch, search,
};

/// The ranks of a run, seen by one of them. Every rank reads the same options and files and takes the same steps; files are
/// written, and results said, by the first one alone.
pub trait Ranks {
    /// Whether this rank writes and speaks.
    fn is_first(&self) -> bool {
        true
    }

    /// Whether Ctrl-C ends a run between two steps; what runs in step with others it can only end whole.
    fn may_stop(&self) -> bool {
        true
    }

    /// Prepares a run.
    ///
    /// # Errors
    /// As [`Training::new`].
    fn training<T: Precision>(
        &self,
        model: &Model,
        settings: Settings,
        train: &Samples,
        valid: &Samples,
    ) -> Result<Training<T>, TrainError> {
        Training::new(model, settings, train, Some(valid))
    }

    /// Goes on from a checkpoint; whether there was one.
    ///
    /// # Errors
    /// As [`Training::restore`].
    fn restore<T: Precision>(
        &self,
        training: &mut Training<T>,
        path: &Path,
    ) -> Result<bool, TrainError> {
        match training.restore(path) {
            Err(TrainError::Checkpoint {
                fault: CheckpointFault::Missing,
                ..
            }) => Ok(false),
            outcome => outcome.map(|()| true),
        }
    }

    /// Tries hyper-parameters.
    ///
    /// # Errors
    /// As [`search()`].
    #[allow(clippy::too_many_arguments)] // Those of `search`.
    fn search<T: Precision>(
        &self,
        space: &Space,
        strategy: Strategy,
        loss: Loss,
        settings: &Settings,
        train: &Samples,
        valid: &Samples,
        watch: &mut impl Watch<T>,
    ) -> Result<Ranking, TrainError> {
        search::<T>(space, strategy, loss, settings, train, valid, watch)
    }
}

/// The only rank.
#[derive(Clone, Copy, Debug)]
pub struct Alone;

impl Ranks for Alone {}
