//! Model selection: hyper-parameters judged on the validation part (lecture, slide "Parameters and hyper-parameters").

use std::collections::BTreeSet;

use pushpull_core::blocks::{Activation, Loss};

use crate::error::setting;
use crate::stream::{Purpose, below, stream, unit};
use crate::{End, Epoch, Model, Precision, Samples, Settings, TrainError, Training, Watch};

mod ranking;
pub use ranking::{Outcome, Ranking, Trial};

/// The hyper-parameters to choose from.
#[derive(Clone, Debug, PartialEq)]
pub struct Space {
    /// Widths of the hidden layers; an empty list is a linear model.
    pub hidden: Vec<Vec<usize>>,
    /// Activations.
    pub activations: Vec<Activation>,
    /// Learning rates.
    pub rates: Vec<f64>,
    /// Batch sizes.
    pub batches: Vec<usize>,
}

/// Which combinations are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Strategy {
    /// Every one.
    Grid,
    /// So many, each hyper-parameter drawn on its own from its list; the rate log-uniformly between the lowest and the
    /// highest of its list (Bergstra and Bengio 2012). Fewer where there are not so many different ones.
    Random {
        /// At least 1.
        trials: usize,
        /// Of the draws.
        seed: u64,
    },
}

/// Trials of a search, at most.
const MOST_TRIALS: usize = 1_000_000;

/// One combination, before it is tried.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    hidden: Vec<usize>,
    activation: Activation,
    rate: f64,
    batch: usize,
}

impl Space {
    /// The combinations that a strategy tries, in its order: what [`search`] runs one after the other, for programs that
    /// run them in several places and rank them with [`Ranking::new`].
    ///
    /// # Errors
    /// [`TrainError::Setting`] for an empty list or no trial.
    ///
    /// ```
    /// use pushpull_core::blocks::Activation;
    /// use pushpull_train::{Space, Strategy};
    /// let space = Space {
    ///     hidden: vec![vec![], vec![8]],
    ///     activations: vec![Activation::Tanh],
    ///     rates: vec![0.02, 0.2],
    ///     batches: vec![8],
    /// };
    /// assert_eq!(space.choices(Strategy::Grid)?.len(), 4);
    /// # Ok::<(), pushpull_train::TrainError>(())
    /// ```
    pub fn choices(&self, strategy: Strategy) -> Result<Vec<Choice>, TrainError> {
        self.check()?;
        match strategy {
            Strategy::Grid => Ok(self.grid()),
            Strategy::Random { trials, .. } if !(1..=MOST_TRIALS).contains(&trials) => {
                let expected = format!("at least 1 and at most {MOST_TRIALS}");
                let remedy = "try fewer; 20 are a start";
                Err(setting("the trials of a search", expected, trials, remedy))
            }
            Strategy::Random { trials, seed } => {
                let wrong = |rate: &f64| !(*rate > 0.0 && rate.is_finite());
                if self.rates.iter().any(wrong) {
                    let got = format!("{:?}", self.rates);
                    let (expected, remedy) =
                        ("finite numbers above 0", "try rates such as 1e-3 and 1e-2");
                    return Err(setting("the learning rates", expected, got, remedy));
                }
                Ok(self.random(trials, seed))
            }
        }
    }

    fn check(&self) -> Result<(), TrainError> {
        let lists = [
            ("hidden widths", self.hidden.len()),
            ("activations", self.activations.len()),
            ("learning rates", self.rates.len()),
            ("batch sizes", self.batches.len()),
        ];
        match lists.iter().find(|(_, n)| *n == 0) {
            Some((name, _)) => Err(setting(
                "the search space",
                format!("at least one of the {name}"),
                "none",
                "list what is to be tried",
            )),
            None => Ok(()),
        }
    }

    fn grid(&self) -> Vec<Choice> {
        let mut all = Vec::new();
        for hidden in &self.hidden {
            for &activation in &self.activations {
                for &rate in &self.rates {
                    for &batch in &self.batches {
                        all.push(Choice {
                            hidden: hidden.clone(),
                            activation,
                            rate,
                            batch,
                        });
                    }
                }
            }
        }
        all
    }

    fn random(&self, trials: usize, seed: u64) -> Vec<Choice> {
        let mut rng = stream(seed, Purpose::Search, 0);
        let low = self.rates.iter().copied().fold(f64::INFINITY, f64::min);
        let high = self.rates.iter().copied().fold(0.0, f64::max);
        let (mut drawn, mut chosen) = (BTreeSet::new(), Vec::new());
        // Where few combinations exist, most draws repeat an earlier one.
        for _ in 0..trials.saturating_mul(20) {
            if chosen.len() == trials {
                break;
            }
            let at = [
                below(&mut rng, self.hidden.len()),
                below(&mut rng, self.activations.len()),
                below(&mut rng, self.batches.len()),
            ];
            let share = unit(&mut rng);
            let rate = if low < high {
                low * (high / low).powf(share)
            } else {
                low
            };
            if drawn.insert((at, rate.to_bits())) {
                chosen.push(Choice {
                    hidden: self.hidden[at[0]].clone(),
                    activation: self.activations[at[1]],
                    rate,
                    batch: self.batches[at[2]],
                });
            }
        }
        chosen
    }
}

/// Trains a network for each combination and ranks them by the loss on the validation part at their best epoch. What else
/// a run is, `settings` says. A combination that diverges or does not fit is ranked last, with its error; `watch` sees the
/// steps of each trial, and each trial as it ends. Where it asks for an end, the trials that are finished are ranked.
///
/// The winner's validation score is the best of many, so it is too good: evaluate the winner once on samples that took no part
/// ([`Model::metrics`]).
///
/// # Errors
/// [`TrainError::Setting`] for an empty list or no trial; [`TrainError::Data`] for samples that fit no network.
///
/// ```
/// use nalgebra::DMatrix;
/// use pushpull_core::blocks::{Activation, Loss};
/// use pushpull_train::{Samples, Settings, Space, Split, Strategy, search};
/// let inputs = DMatrix::from_fn(1, 60, |_, j| j as f64 / 30.0 - 1.0);
/// let samples = Samples::new(inputs.clone(), inputs.map(|x| x * x))?;
/// let split = Split::plain(60, 0.3, 1)?;
/// let space = Space {
///     hidden: vec![vec![], vec![8]],
///     activations: vec![Activation::Tanh],
///     rates: vec![0.02],
///     batches: vec![8],
/// };
/// let (train, valid) = (samples.pick(&split.train)?, samples.pick(&split.valid)?);
/// let settings = Settings { epochs: 40, ..Settings::default() };
/// let ranking = search::<f64>(&space, Strategy::Grid, Loss::SquaredError, &settings, &train, &valid, &mut ())?;
/// assert_eq!(ranking.best().unwrap().hidden, [8]); // a parabola is not linear
/// println!("{ranking}");
/// # Ok::<(), pushpull_train::TrainError>(())
/// ```
pub fn search<T: Precision>(
    space: &Space,
    strategy: Strategy,
    loss: Loss,
    settings: &Settings,
    train: &Samples,
    valid: &Samples,
    watch: &mut impl Watch<T>,
) -> Result<Ranking, TrainError> {
    let choices = space.choices(strategy)?;
    if settings.epochs == 0 {
        return Err(no_epochs());
    }
    let mut trials = Vec::with_capacity(choices.len());
    for choice in &choices {
        let outcome = match choice.watched::<T>(loss, settings, train, valid, watch) {
            Ok(None) => break,
            Ok(Some(outcome)) => Ok(outcome),
            Err(fault) => Err(fault),
        };
        let trial = choice.came(outcome);
        watch.trial(&trial, choices.len());
        trials.push(trial);
    }
    Ok(Ranking::new(trials))
}

impl Choice {
    /// Trains the network of this combination. What else a run is, `settings` says.
    ///
    /// # Errors
    /// Those of [`Training::new`] and [`Training::run`].
    pub fn attempt<T: Precision>(
        &self,
        loss: Loss,
        settings: &Settings,
        train: &Samples,
        valid: &Samples,
    ) -> Result<Outcome, TrainError> {
        let outcome = self.watched::<T>(loss, settings, train, valid, &mut ())?;
        outcome.ok_or_else(no_epochs)
    }

    /// None where an end was asked for before the trial's own.
    fn watched<T: Precision>(
        &self,
        loss: Loss,
        settings: &Settings,
        train: &Samples,
        valid: &Samples,
        watch: &mut impl Watch<T>,
    ) -> Result<Option<Outcome>, TrainError> {
        let ends = [train.inputs().nrows(), train.targets().nrows()];
        let widths = [&ends[..1], &self.hidden, &ends[1..]].concat();
        let model = Model::mlp(&widths, self.activation, loss)?;
        let settings = Settings {
            batch: self.batch,
            optimiser: settings.optimiser.with_rate(self.rate),
            ..settings.clone()
        };
        let mut training = Training::<T>::new(&model, settings, train, Some(valid))?;
        if training.run(watch)? == End::Asked {
            return Ok(None);
        }
        let epochs = training.history();
        let seconds = epochs.iter().map(|epoch| epoch.seconds).sum();
        // Where no epoch has a loss that is a number below infinity, the last one stands for the run.
        let best = epochs
            .iter()
            .rev()
            .find(|epoch| epoch.best)
            .or(epochs.last());
        let judged = best.and_then(|epoch: &Epoch| Some((epoch, epoch.valid?)));
        let (epoch, valid) = judged.ok_or_else(no_epochs)?;
        Ok(Some(Outcome {
            n_params: model.n_params(),
            epochs: epochs.len() as u64,
            epoch: epoch.number,
            train: epoch.train,
            valid,
            seconds,
        }))
    }

    /// The trial of this combination with how it came out.
    pub fn came(&self, outcome: Result<Outcome, TrainError>) -> Trial {
        Trial {
            hidden: self.hidden.clone(),
            activation: self.activation,
            rate: self.rate,
            batch: self.batch,
            outcome,
        }
    }
}

fn no_epochs() -> TrainError {
    let remedy = "a trial is judged by its epochs: give it one at least";
    setting("the epochs of a search", "at least 1", 0, remedy)
}

#[cfg(test)]
mod tests;
