//! A run in a file, and back.

use std::path::Path;

use super::Training;
use crate::{CheckpointFault, Precision, TrainError, checkpoint};

/// Bytes of a checkpoint besides its arrays, at most: its texts, and some hundred thousand epochs.
const ROOM: u64 = 1 << 26;

impl<T: Precision> Training<T> {
    /// Saves the run, whole or not at all: see [`CheckpointFault`].
    ///
    /// # Errors
    /// [`TrainError::Checkpoint`]; [`TrainError::Diverged`] for a run that has.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), TrainError> {
        let path = path.as_ref();
        checkpoint::write(path, &self.encode()?).map_err(at(path))
    }

    /// The bytes that [`Training::save`] writes.
    ///
    /// # Errors
    /// [`TrainError::Diverged`] for a run that has.
    pub fn encode(&self) -> Result<Vec<u8>, TrainError> {
        match &self.diverged {
            Some(fault) => Err(fault.clone()),
            None => Ok(checkpoint::encode(&self.identity, &self.state)),
        }
    }

    /// Goes back to, or on from, the state of a file: a run prepared with the same model, data and settings then makes
    /// the same bits as the one that was saved. Epochs and threads may differ.
    ///
    /// # Errors
    /// [`TrainError::Checkpoint`] for a file that is missing, damaged, of another layout or of another run; then this
    /// run is as it was.
    pub fn restore(&mut self, path: impl AsRef<Path>) -> Result<(), TrainError> {
        let path = path.as_ref();
        let arrays = (self.state.params.len() as u64).saturating_mul(4 * T::BYTES as u64);
        let bytes = checkpoint::read(path, arrays.saturating_add(ROOM)).map_err(at(path))?;
        self.decode(&bytes).map_err(at(path))
    }

    /// [`Training::restore`] from the bytes of a checkpoint. Nothing is allocated for a length that only they claim.
    ///
    /// # Errors
    /// [`CheckpointFault`] for bytes that are damaged, of another layout or of another run; then this run is as it was.
    pub fn decode(&mut self, bytes: &[u8]) -> Result<(), CheckpointFault> {
        let blocks = self.batches.blocks() as u64;
        self.state = checkpoint::decode(bytes, &self.identity, &self.state, blocks)?;
        self.batches.shuffle(self.state.epoch);
        self.diverged = None;
        Ok(())
    }
}

fn at(path: &Path) -> impl FnOnce(CheckpointFault) -> TrainError {
    let file = path.to_path_buf();
    move |fault| TrainError::Checkpoint { file, fault }
}
