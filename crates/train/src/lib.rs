//! Training: the lecture's mini-batch gradient descent on the engines of this workspace.
//!
//! This crate differentiates nothing itself: gradients come from forward or reverse mode ([`Mode`]).
//!
//! | what | where |
//! |---|---|
//! | samples, splits, standardisation from the training part alone | [`Samples`], [`Split`], [`Scaling`] |
//! | the network with its loss | [`Model`] |
//! | the order of samples and the blocks of an epoch | [`Batches`] |
//! | a gradient of a block, by any mode | [`Engine`], [`Mode`] |
//! | SGD with momentum, Adam | [`Optimiser`], [`Moments`] |
//! | the run: steps, epochs, metrics, early stopping | [`Training`], [`Settings`], [`Epoch`], [`Metrics`] |
//! | gradients and metrics from elsewhere, as from other machines | [`Training::with_engines`], [`Training::with_judges`], [`Judges`] |
//! | what is called during a run: checkpoints, a progress bar, a server | [`Watch`], [`Saver`] |
//! | a run that was interrupted continues to the same bits | [`Training::save`], [`Training::restore`] |
//! | choosing hyper-parameters on the validation part | [`search`] |
//!
//! # Sum and mean
//! The engines differentiate the *sum* over a block. The lecture's objective (equation 11) is the mean over the M samples
//! of the block, so the loss and the gradient that an optimiser gets are the engines' sums, scaled by 1 / M. The scale of a step
//! therefore does not depend on M.
//!
//! # The same bits
//! A run is a function of its model, data and [`Settings`], seed included. Neither the number of threads nor stopping and resuming
//! changes a bit; only the seconds differ. Random numbers are ChaCha streams addressed by what they are for (epoch, step), so no
//! generator has a state that could be lost.
//!
//! ```
//! use nalgebra::DMatrix;
//! use pushpull_core::blocks::{Activation, Loss};
//! use pushpull_train::{End, Model, Optimiser, Samples, Settings, Split, Training};
//! // The product of two numbers: an interaction, which no linear model expresses.
//! let inputs = DMatrix::from_fn(2, 100, |i, j| ((i + 2) * (j + 1)) as f64 * 0.37 % 2.0 - 1.0);
//! let targets = DMatrix::from_fn(1, 100, |_, j| inputs[(0, j)] * inputs[(1, j)]);
//! let samples = Samples::new(inputs, targets)?;
//! let split = Split::plain(samples.len(), 0.2, 1)?;
//! let (train, valid) = (samples.pick(&split.train)?, samples.pick(&split.valid)?);
//! let model = Model::mlp(&[2, 16, 1], Activation::Tanh, Loss::SquaredError)?;
//! let settings = Settings { epochs: 60, batch: 16, optimiser: Optimiser::adam(0.02), ..Settings::default() };
//! let mut training = Training::<f64>::new(&model, settings, &train, Some(&valid))?;
//! assert_eq!(training.run(&mut ())?, End::Epochs);
//! let (first, last) = (&training.history()[0], training.history().last().unwrap());
//! assert!(last.valid.unwrap().loss < 0.5 * first.valid.unwrap().loss);
//! # Ok::<(), pushpull_train::TrainError>(())
//! ```

mod batches;
mod checkpoint;
mod engine;
mod epoch;
mod error;
mod evaluate;
mod identity;
mod model;
mod optimiser;
mod precision;
#[cfg(feature = "progress")]
mod progress;
mod samples;
mod saver;
mod scaling;
mod search;
mod settings;
#[cfg(feature = "shadow")]
mod shadow;
mod split;
mod state;
mod stopping;
mod stream;
mod training;
mod watch;

pub use batches::Batches;
pub use checkpoint::CheckpointFault;
pub use engine::{Engine, Mode};
pub use epoch::{Epoch, Step};
pub use error::TrainError;
pub use evaluate::{Judges, Metrics, Score};
pub use model::Model;
pub use optimiser::{Moments, Optimiser};
pub use precision::Precision;
#[cfg(feature = "progress")]
pub use progress::Bar;
pub use samples::{Samples, class_of};
pub use saver::Saver;
pub use scaling::Scaling;
pub use search::{Choice, Outcome, Ranking, Space, Strategy, Trial, search};
pub use settings::Settings;
pub use split::Split;
pub use stopping::Best;
pub use training::Training;
pub use watch::{End, Watch};
