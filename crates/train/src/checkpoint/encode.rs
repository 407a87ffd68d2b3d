//! The bytes of a state.

use super::{Identity, MAGIC, VERSION};
use crate::state::State;
use crate::{Epoch, Metrics, Precision, Score};

struct Writer(Vec<u8>);

impl Writer {
    fn u64(&mut self, value: u64) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    fn f64(&mut self, value: f64) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        self.u64(text.len() as u64);
        self.0.extend_from_slice(text.as_bytes());
    }

    fn array<T: Precision>(&mut self, array: &[T]) {
        self.u64(array.len() as u64);
        array.iter().for_each(|value| value.store(&mut self.0));
    }

    fn metrics(&mut self, metrics: Metrics) {
        self.f64(metrics.loss);
        self.0.push(match metrics.score {
            Score::Accuracy(_) => 0,
            Score::R2(_) => 1,
        });
        self.f64(metrics.score.value());
    }

    fn epoch(&mut self, epoch: &Epoch) {
        self.metrics(epoch.train);
        self.0.push(u8::from(epoch.valid.is_some()));
        if let Some(valid) = epoch.valid {
            self.metrics(valid);
        }
        self.f64(epoch.seconds);
        self.f64(epoch.evaluation_seconds);
        self.0.push(u8::from(epoch.best));
    }
}

/// The file of a state.
pub(crate) fn encode<T: Precision>(identity: &Identity, state: &State<T>) -> Vec<u8> {
    let arrays = 4 * state.params.len() * T::BYTES;
    let mut w = Writer(Vec::with_capacity(arrays + 64 * state.history.len() + 4096));
    w.0.extend_from_slice(MAGIC);
    w.0.extend_from_slice(&VERSION.to_le_bytes());
    w.u64(identity.len() as u64);
    for (what, value) in identity {
        w.text(what);
        w.text(value);
    }
    w.u64(state.epoch);
    w.u64(state.block);
    w.u64(state.step);
    w.f64(state.seconds);
    w.array(&state.params);
    w.array(&state.moments.first);
    w.array(&state.moments.second);
    state.moments.powers.iter().for_each(|power| w.f64(*power));
    w.u64(state.best.epoch);
    w.f64(state.best.loss);
    w.array(&state.best.params);
    w.u64(state.history.len() as u64);
    state.history.iter().for_each(|epoch| w.epoch(epoch));
    let sum = crc32fast::hash(&w.0);
    w.0.extend_from_slice(&sum.to_le_bytes());
    w.0
}
