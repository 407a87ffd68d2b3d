//! The step from a gradient.

use crate::error::setting;
use crate::{Precision, TrainError};

/// How parameters w move along a gradient g, entry by entry.
///
/// ```
/// use pushpull_train::Optimiser;
/// assert_eq!(Optimiser::sgd(0.1).with_rate(0.2).rate(), 0.2);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Optimiser {
    /// `v = momentum v + g`, `w = w - rate v`, from v = 0 (Polyak 1964). With momentum 0: plain gradient descent.
    Sgd {
        /// Above 0.
        rate: f64,
        /// From 0 to below 1.
        momentum: f64,
    },
    /// `m = beta1 m + (1 - beta1) g`, `s = beta2 s + (1 - beta2) g^2`,
    /// `w = w - rate m / (1 - beta1^t) / (sqrt(s / (1 - beta2^t)) + epsilon)` at step t (Kingma and Ba 2015).
    Adam {
        /// Above 0.
        rate: f64,
        /// From 0 to below 1.
        beta1: f64,
        /// From 0 to below 1.
        beta2: f64,
        /// Above 0.
        epsilon: f64,
    },
}

impl Optimiser {
    /// Plain stochastic gradient descent.
    pub const fn sgd(rate: f64) -> Self {
        Self::Sgd {
            rate,
            momentum: 0.0,
        }
    }

    /// Stochastic gradient descent with momentum.
    pub const fn momentum(rate: f64, momentum: f64) -> Self {
        Self::Sgd { rate, momentum }
    }

    /// Adam with its authors' settings: beta1 0.9, beta2 0.999, epsilon 1e-8.
    pub const fn adam(rate: f64) -> Self {
        Self::Adam {
            rate,
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
        }
    }

    /// The learning rate.
    pub const fn rate(self) -> f64 {
        match self {
            Self::Sgd { rate, .. } | Self::Adam { rate, .. } => rate,
        }
    }

    /// The same optimiser with another learning rate.
    pub const fn with_rate(self, rate: f64) -> Self {
        match self {
            Self::Sgd { momentum, .. } => Self::Sgd { rate, momentum },
            Self::Adam {
                beta1,
                beta2,
                epsilon,
                ..
            } => Self::Adam {
                rate,
                beta1,
                beta2,
                epsilon,
            },
        }
    }

    /// Whether every number lies in its domain.
    pub(crate) fn check(self) -> Result<(), TrainError> {
        let positive = |name, value: f64, remedy| {
            if value > 0.0 && value.is_finite() {
                Ok(())
            } else {
                Err(setting(name, "a finite number above 0", value, remedy))
            }
        };
        let fraction = |name, value: f64, remedy| {
            if (0.0..1.0).contains(&value) {
                Ok(())
            } else {
                Err(setting(name, "from 0 to below 1", value, remedy))
            }
        };
        let start = "1e-3 is a start for Adam, 1e-2 for SGD";
        positive("the learning rate", self.rate(), start)?;
        match self {
            Self::Sgd { momentum, .. } => {
                fraction("the momentum", momentum, "0.9 is usual, 0 is none")
            }
            Self::Adam {
                beta1,
                beta2,
                epsilon,
                ..
            } => {
                fraction("beta1", beta1, "0.9 is usual")?;
                fraction("beta2", beta2, "0.999 is usual")?;
                positive("epsilon", epsilon, "1e-8 is usual")
            }
        }
    }
}

/// An optimiser's memory, for a loop of one's own around [`crate::Engine`].
///
/// ```
/// use pushpull_train::{Moments, Optimiser};
/// let optimiser = Optimiser::momentum(0.5, 0.5);
/// let (mut w, mut moments) = ([1.0], Moments::new(optimiser, 1));
/// moments.step(optimiser, &mut w, &[1.0]); // v = 1
/// moments.step(optimiser, &mut w, &[0.5]); // v = 0.5 * 1 + 0.5
/// assert_eq!(w, [0.0]);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Moments<T> {
    /// v, or m.
    pub(crate) first: Vec<T>,
    /// s; empty for SGD.
    pub(crate) second: Vec<T>,
    /// beta1^t and beta2^t. Kept as running products: a power function may round otherwise on another machine.
    pub(crate) powers: [f64; 2],
}

impl<T: Precision> Moments<T> {
    /// Before the first step.
    pub fn new(optimiser: Optimiser, n_params: usize) -> Self {
        let (first, second) = match optimiser {
            Optimiser::Sgd { .. } => (n_params, 0),
            Optimiser::Adam { .. } => (n_params, n_params),
        };
        Self {
            first: vec![T::zero(); first],
            second: vec![T::zero(); second],
            powers: [1.0; 2],
        }
    }

    /// One step: `params` move.
    ///
    /// # Panics
    /// Unless there are as many parameters and derivatives as moments, of the kind that the optimiser keeps.
    pub fn step(&mut self, optimiser: Optimiser, params: &mut [T], gradient: &[T]) {
        let number = T::from_f64;
        let second = match optimiser {
            Optimiser::Sgd { .. } => 0,
            Optimiser::Adam { .. } => params.len(),
        };
        assert!(
            [self.first.len(), gradient.len()] == [params.len(); 2] && self.second.len() == second,
            "{} parameters and {} derivatives for {} and {} moments: expected as many of each, made for this optimiser",
            params.len(),
            gradient.len(),
            self.first.len(),
            self.second.len()
        );
        match optimiser {
            Optimiser::Sgd { rate, momentum } => {
                let (rate, momentum) = (number(rate), number(momentum));
                for ((w, v), &g) in params.iter_mut().zip(&mut self.first).zip(gradient) {
                    *v = momentum * *v + g;
                    *w -= rate * *v;
                }
            }
            Optimiser::Adam {
                rate,
                beta1,
                beta2,
                epsilon,
            } => {
                self.powers = [self.powers[0] * beta1, self.powers[1] * beta2];
                // rate m / (1 - beta1^t) / (sqrt(s) root + epsilon)
                let rate = number(rate / (1.0 - self.powers[0]));
                let root = number((1.0 / (1.0 - self.powers[1])).sqrt());
                let (beta1, rest1) = (number(beta1), number(1.0 - beta1));
                let (beta2, rest2) = (number(beta2), number(1.0 - beta2));
                let epsilon = number(epsilon);
                let moments = self.first.iter_mut().zip(&mut self.second);
                for ((w, (m, s)), &g) in params.iter_mut().zip(moments).zip(gradient) {
                    *m = beta1 * *m + rest1 * g;
                    *s = beta2 * *s + rest2 * g * g;
                    *w -= rate * *m / (s.sqrt() * root + epsilon);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// f = w^2 / 2, so g = w.
    fn walk(optimiser: Optimiser, steps: usize) -> Vec<f64> {
        let (mut w, mut moments) = ([1.0], Moments::new(optimiser, 1));
        let mut path = vec![w[0]];
        for _ in 0..steps {
            let g = w;
            moments.step(optimiser, &mut w, &g);
            path.push(w[0]);
        }
        path
    }

    #[test]
    fn steps_are_those_worked_out_by_hand() {
        assert_eq!(walk(Optimiser::sgd(0.5), 2), [1.0, 0.5, 0.25]);
        // v: 1, 0.5 + 0.5 = 1, 0.5 + 0 = 0.5
        assert_eq!(
            walk(Optimiser::momentum(0.5, 0.5), 3),
            [1.0, 0.5, 0.0, -0.25]
        );
        // m_1 / (1 - beta1) = g and s_1 / (1 - beta2) = g^2: the first step of Adam is the rate, whatever g.
        assert!((walk(Optimiser::adam(0.1), 1)[1] - 0.9).abs() < 1e-8);
        // m = 0.09 + 0.1 * 0.9, over 0.19; s = 0.000999 + 0.001 * 0.81, over 0.001999
        let expected = 0.9 - 0.1 * (0.18 / 0.19) / ((0.001809_f64 / 0.001999).sqrt() + 1e-8);
        assert!((walk(Optimiser::adam(0.1), 2)[2] - expected).abs() < 1e-8);
    }

    #[test]
    fn numbers_outside_their_domain_are_refused() {
        for rate in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(
                Optimiser::sgd(rate).check().is_err() && Optimiser::adam(rate).check().is_err()
            );
        }
        assert!(Optimiser::momentum(0.1, 1.0).check().is_err());
        assert!(
            Optimiser::Adam {
                rate: 0.1,
                beta1: 0.9,
                beta2: 1.0,
                epsilon: 1e-8
            }
            .check()
            .is_err()
        );
        assert!(
            Optimiser::Adam {
                rate: 0.1,
                beta1: 0.9,
                beta2: 0.9,
                epsilon: 0.0
            }
            .check()
            .is_err()
        );
    }
}
