//! Small runs that the tests share.
#![allow(dead_code)] // Each test file uses its part.

use nalgebra::DMatrix;
use pushpull_core::blocks::{Activation, Loss};
use pushpull_train::{Epoch, Mode, Model, Optimiser, Precision, Samples, Settings, Training};

/// Three classes by the sum of the features; 3 features.
pub fn samples(n: usize, first: usize) -> Samples {
    let x = DMatrix::from_fn(3, n, |i, j| {
        (1.3 * (i + 1) as f64 * (j + first) as f64).sin()
    });
    let class = |j: usize| match x.column(j).sum() {
        s if s < -0.4 => 0,
        s if s < 0.4 => 1,
        _ => 2,
    };
    let y = DMatrix::from_fn(3, n, |i, j| f64::from(u8::from(class(j) == i)));
    Samples::new(x, y).unwrap()
}

pub fn model() -> Model {
    Model::mlp(&[3, 8, 8, 3], Activation::Tanh, Loss::SoftmaxCrossEntropy).unwrap()
}

/// 50 samples in blocks of 8: six blocks and a last one of 2.
pub fn settings() -> Settings {
    Settings {
        epochs: 6,
        batch: 8,
        optimiser: Optimiser::adam(0.01),
        seed: 5,
        mode: Mode::Reverse,
        ..Settings::default()
    }
}

pub fn training<T: Precision>(settings: Settings) -> Training<T> {
    Training::new(&model(), settings, &samples(50, 0), Some(&samples(30, 50))).unwrap()
}

/// All that a run is, but its seconds, as bits.
pub fn bits<T: Precision>(training: &Training<T>) -> Vec<u64> {
    let numbers =
        |params: &[T]| -> Vec<u64> { params.iter().map(|w| w.to_f64().to_bits()).collect() };
    let epoch = |epoch: &Epoch| {
        let valid = epoch
            .valid
            .map_or([0, 0], |v| [v.loss.to_bits(), v.score.value().to_bits()]);
        let train = [
            epoch.train.loss.to_bits(),
            epoch.train.score.value().to_bits(),
        ];
        [train, valid, [epoch.number, u64::from(epoch.best)]].concat()
    };
    let mut bits = numbers(training.params());
    bits.extend(numbers(&training.best().params));
    bits.extend([
        training.best().epoch,
        training.best().loss.to_bits(),
        training.steps_done(),
    ]);
    bits.extend(training.history().iter().flat_map(epoch));
    bits
}
