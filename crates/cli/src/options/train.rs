//! The options of `pushpull train`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use pushpull_core::blocks::Activation;
use pushpull_files::values::{count, every, number, rate, whole};
use pushpull_train::Mode;

use super::choice::chosen;
use super::columns::Columns;
use super::net::Net;
use super::precision::Precision;
use super::widths::{Widths, widths};

/// What the help of `pushpull train` ends with.
pub const AFTER: &str = "\
Data: an npz or a table as for `pushpull gradient`, or one of the repository's sets. Classes of a table
may be words: they are numbered in the order in which they appear, and their names are written with
the weights. The data is split into a training and a validation part; inputs, and the targets of
squared-error, are standardised by the training part. A column that is constant there is shifted by
its number and, as an input above 1, divided by it: other numbers elsewhere count.

Steps are mini-batches as in the lecture: shuffle, split into blocks, a pass is an epoch. The loss
and its gradient are means over the block.

Files:
  weights     safetensors, as `pushpull gradient` reads them: 0.weight, 0.bias, 2.weight, ..; the
              standardisation is part of the first and last layer, so the network reads samples as
              they are. With --patience those of the best epoch, else of the last; of a search,
              those of the best epoch of the trial that ranks first.
  table       CSV: the epochs, or with --search the trials
  checkpoint  the whole state of the run. It is replaced whole or not at all, so a run that is
              killed goes on with --resume to the same bits.

Losses are reported without the penalties of --l1 and --l2, so that runs compare.

Modes: reverse, checkpointed:<slots>, forward, structured, and forward-gradient:<directions>, an
unbiased estimate from as many jvps.

Examples:
  pushpull train --set digits --layers 64,128,128,10 --activation relu \\
      --loss softmax-cross-entropy --epochs 30 --threads 2 \\
      --weights w.safetensors
  pushpull train --set diabetes --layers 10,16,1 --activation tanh \\
      --loss squared-error --epochs 400 --patience 40 --rate 2e-3 --decay 1 \\
      --checkpoint run.ckpt --resume
  pushpull train --set breast-cancer --layers 30,16,1 --activation tanh \\
      --loss sigmoid-cross-entropy --search grid --hidden 8 --hidden 16,16 \\
      --rates 1e-3,1e-2

Exit codes: 0 done, 1 the work failed or diverged (of a search: every trial), 2 wrong options or files,
130 interrupted.";

/// Trials of a random search whose number nobody named.
pub const TRIALS: usize = 20;

/// The repository's data sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Set {
    /// 64 pixels, 10 classes
    Digits,
    /// 30 features, malignant 0 or benign 1
    BreastCancer,
    /// 10 features, progression after a year
    Diabetes,
}

/// The step from a gradient.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Method {
    /// Kingma and Ba's
    Adam,
    /// Stochastic gradient descent
    Sgd,
}

/// Which combinations are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Search {
    /// Every one
    Grid,
    /// As many as --trials, drawn
    Random,
}

// A comment in the documentation would be one of the help, too.
#[allow(missing_docs)]
#[derive(Debug, Args)]
pub struct Train {
    #[command(flatten)]
    pub net: Net,
    /// The samples (npz, npy, csv, tsv, txt; tables also .gz, or - for standard input)
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with = "set",
        required_unless_present = "set"
    )]
    pub data: Option<PathBuf>,
    #[command(flatten)]
    pub columns: Columns,
    /// One of the repository's data sets
    #[arg(long, value_enum, conflicts_with_all = ["header", "target", "labels", "missing"])]
    pub set: Option<Set>,
    /// The type of numbers
    #[arg(long, value_enum, default_value_t = Precision::F32)]
    pub dtype: Precision,
    /// Passes over the training part
    #[arg(long, value_name = "N", default_value = "50", value_parser = whole::<u64>)]
    pub epochs: u64,
    /// Samples in a mini-batch
    #[arg(long, value_name = "N", value_parser = count, default_value = "32")]
    pub batch: usize,
    /// The optimiser
    #[arg(long, value_enum, default_value_t = Method::Adam)]
    pub optimiser: Method,
    /// The learning rate [default: 1e-3 for adam, 1e-2 for sgd]
    #[arg(long, alias = "lr", alias = "learning-rate", value_parser = number)]
    pub rate: Option<f64>,
    /// With sgd: how much of the last step is kept
    #[arg(long, value_parser = number)]
    pub momentum: Option<f64>,
    /// Decoupled weight decay
    #[arg(long, default_value = "0", value_parser = number)]
    pub decay: f64,
    /// Penalty on weights, not biases: adds L1 sum |w| to the objective
    #[arg(long, value_name = "L1", default_value = "0", value_parser = number)]
    pub l1: f64,
    /// Penalty on weights, not biases: adds L2 / 2 sum w^2 to the objective
    #[arg(long, value_name = "L2", default_value = "0", value_parser = number)]
    pub l2: f64,
    /// How a gradient is computed
    #[arg(long, default_value = "reverse")]
    pub mode: Mode,
    /// Seed of the split, the parameters and the shuffles
    #[arg(long, default_value = "0", value_parser = whole::<u64>)]
    pub seed: u64,
    /// Number of threads; the results are the same to the bit
    #[arg(long, value_name = "N", value_parser = count, default_value = "1")]
    pub threads: usize,
    /// The share of samples that are held out
    #[arg(long, value_name = "SHARE", default_value = "0.2", value_parser = number)]
    pub valid: f64,
    /// The share of samples that are used for neither training nor validation, and evaluated at the end
    #[arg(long, value_name = "SHARE", conflicts_with = "search", value_parser = number)]
    pub test: Option<f64>,
    /// Split without regard to classes
    #[arg(long)]
    pub plain: bool,
    /// Stop after so many epochs without a better validation loss
    #[arg(long, value_name = "EPOCHS", value_parser = whole::<u64>)]
    pub patience: Option<u64>,
    /// Check every K-th gradient against a jvp
    #[arg(long, value_name = "K", conflicts_with = "search", value_parser = every)]
    pub shadow: Option<u64>,
    /// Where the state of the run is kept
    #[arg(long, value_name = "FILE", conflicts_with = "search")]
    pub checkpoint: Option<PathBuf>,
    /// Save after every so many steps, not after each epoch
    #[arg(long, value_name = "STEPS", requires = "checkpoint", value_parser = every)]
    pub save_every: Option<u64>,
    /// Go on from the checkpoint, if there is one
    #[arg(long, requires = "checkpoint")]
    pub resume: bool,
    /// Weights to start from (safetensors), of a network that reads samples as they are: fine-tuning
    #[arg(long, value_name = "FILE", conflicts_with = "search")]
    pub from: Option<PathBuf>,
    /// Where the trained network goes (safetensors); of a search, the trial that ranks first, trained once more
    #[arg(long, value_name = "FILE")]
    pub weights: Option<PathBuf>,
    /// Directory of the learning curves: learning.png and its numbers
    #[arg(long, value_name = "DIR", conflicts_with = "search")]
    pub plot: Option<PathBuf>,
    /// File for the epochs, or for the trials (CSV)
    #[arg(long, value_name = "FILE")]
    pub table: Option<PathBuf>,
    /// Try hyper-parameters and rank them by their validation loss
    #[arg(long, value_enum)]
    pub search: Option<Search>,
    /// Number of trials, with --search random [default: 20]
    #[arg(long, value_name = "N", value_parser = count, requires = "search")]
    pub trials: Option<usize>,
    /// Widths of the hidden layers to try; once for each network [default: those of --layers]
    #[arg(long, value_name = "WIDTHS", allow_hyphen_values = true, value_parser = widths, requires = "search")]
    pub hidden: Vec<Widths>,
    /// Activations to try [default: --activation]
    #[arg(long, value_name = "NAMES", value_delimiter = ',', requires = "search", value_parser = chosen::<Activation>())]
    pub activations: Vec<Activation>,
    /// Learning rates to try [default: --rate]
    #[arg(long, value_name = "RATES", value_delimiter = ',', requires = "search", allow_hyphen_values = true, value_parser = rate)]
    pub rates: Vec<f64>,
    /// Batch sizes to try [default: --batch]
    #[arg(long, value_name = "SIZES", allow_hyphen_values = true, value_delimiter = ',', value_parser = count, requires = "search")]
    pub batches: Vec<usize>,
}
