//! Checkpoints of a training run.

use std::cell::RefCell;

use nalgebra::DMatrix;
use pushpull_core::blocks::{Activation, Loss};
use pushpull_train::{Model, Samples, Settings, Training};

use crate::one_line;

/// A run of nine parameters, and the bytes of its start: up to its state, and its state.
struct Run {
    training: Training<f32>,
    identity: Vec<u8>,
    state: Vec<u8>,
}

/// Bytes of a state at its start: counters and seconds, four arrays of nine numbers with their lengths, the powers of the
/// moments, the best epoch and its loss, the number of epochs.
const STATE: usize = 4 * 8 + 4 * (8 + 9 * 4) + 2 * 8 + 2 * 8 + 8;
/// Bytes of the checksum at the end.
const SUM: usize = 4;

thread_local! {
    // Preparing a run takes much longer than reading a checkpoint.
    static RUN: RefCell<Run> = RefCell::new(Run::new());
}

/// Bytes as a checkpoint; as a state behind the right identity, under a right checksum; and as changes of a right
/// checkpoint: place, place, byte, and so on.
pub fn checkpoint(data: &[u8]) -> bool {
    RUN.with_borrow_mut(|run| {
        let as_state = sealed([&run.identity, data].concat());
        let mut changed = [run.identity.as_slice(), &run.state].concat();
        for change in data.chunks_exact(3) {
            let place = usize::from(u16::from_le_bytes([change[0], change[1]]));
            let len = changed.len();
            changed[place % len] ^= change[2];
        }
        [data.to_vec(), as_state, sealed(changed)]
            .map(|bytes| run.read(&bytes))
            .contains(&true)
    })
}

fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
    let sum = crc32fast::hash(&bytes);
    bytes.extend_from_slice(&sum.to_le_bytes());
    bytes
}

impl Run {
    fn new() -> Self {
        let model = Model::mlp(&[2, 2, 1], Activation::Tanh, Loss::SquaredError).expect("a model");
        let inputs = DMatrix::from_fn(2, 6, |i, j| (i + 2 * j) as f64);
        let targets = DMatrix::from_fn(1, 6, |_, j| j as f64);
        let samples = Samples::new(inputs, targets).expect("samples");
        let settings = Settings {
            batch: 2,
            ..Settings::default()
        };
        let training = Training::new(&model, settings, &samples, None).expect("a run");
        let mut identity = training.encode().expect("a run that has not diverged");
        let mut state = identity.split_off(identity.len() - STATE - SUM);
        state.truncate(STATE);
        let mut run = Self {
            training,
            identity,
            state,
        };
        let whole = [run.identity.as_slice(), &run.state].concat();
        assert!(run.read(&sealed(whole)), "a state of {STATE} bytes");
        run
    }

    /// A checkpoint that is read is written again byte by byte; one that is refused changes nothing.
    fn read(&mut self, bytes: &[u8]) -> bool {
        let before = self.training.encode().expect("a run that has not diverged");
        let read = self.training.decode(bytes).inspect_err(one_line).is_ok();
        let after = self.training.encode().expect("a run that has not diverged");
        let expected = if read { bytes } else { &before };
        assert!(after == expected, "{expected:?} became {after:?}");
        read
    }
}
