//! What a run is, besides its model and data.

use pushpull_core::Init;

use crate::error::setting;
use crate::{Mode, Optimiser, TrainError};

/// The hyper-parameters of a run. `Settings::default()` is a start for a small network.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Passes over the training part.
    pub epochs: u64,
    /// M: samples of a block, from 1 (online) to n (the full batch).
    pub batch: usize,
    /// The step from a gradient.
    pub optimiser: Optimiser,
    /// Before each step weights (not biases, not gains) shrink by `1 - rate decay`: decoupled weight decay (Loshchilov
    /// and Hutter 2019). 0 for none.
    pub decay: f64,
    /// Adds `l1 sum |w|` over all weights (not biases, not gains) to the objective, with slope 0 at w = 0; 0 for none.
    /// Losses are told without it, so that runs compare.
    pub l1: f64,
    /// Adds `l2 / 2 sum w^2` over all weights to the objective; 0 for none. Under Adam this is not the same as `decay`.
    pub l2: f64,
    /// How a gradient is computed.
    pub mode: Mode,
    /// How parameters start.
    pub init: Init,
    /// Of the parameters, the shuffles, and the directions of a forward gradient.
    pub seed: u64,
    /// Of the engines; they change no bit.
    pub threads: usize,
    /// Stops after so many epochs in a row without a new lowest loss on the validation part (on the training part where
    /// there is none); `None`: never.
    pub patience: Option<u64>,
}

impl Default for Settings {
    /// 50 epochs of blocks of 32 by Adam at 1e-3, gradients by reverse mode on one thread, He's initialiser, seed 0, no
    /// decay, no penalty, no early stopping.
    fn default() -> Self {
        Self {
            epochs: 50,
            batch: 32,
            optimiser: Optimiser::adam(1e-3),
            decay: 0.0,
            l1: 0.0,
            l2: 0.0,
            mode: Mode::Reverse,
            init: Init::He,
            seed: 0,
            threads: 1,
            patience: None,
        }
    }
}

impl Settings {
    /// What needs no data to be judged; the engines judge the rest.
    pub(crate) fn check(&self) -> Result<(), TrainError> {
        self.optimiser.check()?;
        if !(self.decay >= 0.0 && self.decay * self.optimiser.rate() < 1.0) {
            let most = 1.0 / self.optimiser.rate();
            let expected = format!("at least 0, and below 1 / rate = {most}");
            let remedy = "choose a smaller decay, or a lower rate; 0 is none";
            return Err(setting("the decay", expected, self.decay, remedy));
        }
        for (name, penalty) in [("the L1 penalty", self.l1), ("the L2 penalty", self.l2)] {
            if !(penalty >= 0.0 && penalty.is_finite()) {
                let (expected, remedy) = ("a finite number, at least 0", "0 is no penalty");
                return Err(setting(name, expected, penalty, remedy));
            }
        }
        if self.patience == Some(0) {
            let remedy = "leave it out for no early stopping";
            return Err(setting("the patience", "at least 1 epoch", 0, remedy));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_allowed_and_slips_are_not() {
        let fine = Settings::default();
        assert_eq!(fine.check(), Ok(()));
        assert!(
            Settings {
                decay: -1.0,
                ..fine.clone()
            }
            .check()
            .is_err()
        );
        assert!(
            Settings {
                decay: f64::NAN,
                ..fine.clone()
            }
            .check()
            .is_err()
        );
        assert!(
            Settings {
                decay: 1e3,
                ..fine.clone()
            }
            .check()
            .is_err()
        );
        for penalty in [-1.0, f64::NAN, f64::INFINITY] {
            let (mut one, mut two) = (fine.clone(), fine.clone());
            (one.l1, two.l2) = (penalty, penalty);
            assert!(one.check().is_err() && two.check().is_err());
        }
        assert!(
            Settings {
                patience: Some(0),
                ..fine
            }
            .check()
            .is_err()
        );
    }
}
