//! The options of `pushpull predict` and `pushpull evaluate`.

use std::path::PathBuf;

use clap::{ArgAction, Args};
use pushpull_core::blocks::{Activation, Loss};

use super::choice::chosen;
use super::columns::Columns;
use super::names::Names;
use super::net::Net;
use super::precision::Precision;
use super::widths::{Widths, widths};

pub const PREDICT: &str = "\
The weights read samples as they are, as `pushpull train` writes them and `pushpull gradient` reads
them. The data holds inputs alone; y of an npz is not used, nor are the columns of a table that
--target names.

The output has one line for each sample and depends on the loss that the network was trained for:
  none                   the outputs
  squared-error          the outputs
  softmax-cross-entropy  the class (its name, where the weights tell it) and each class's probability
  sigmoid-cross-entropy  for every output, the answer (1 for yes) and the probability of yes
A .npz holds the arrays outputs (samples x outputs), probabilities and classes; so does the object of
--json, where nothing goes to a file: outputs and probabilities are lists of a list for each sample.

Examples:
  pushpull predict --weights w.safetensors --activation relu \\
      --loss softmax-cross-entropy --data new.csv --output classes.csv
  pushpull predict --weights w.safetensors --activation tanh --data x.npz \\
      --output y.npz

Exit codes: 0 done, 1 the work failed, 2 wrong options or files.";

pub const EVALUATE: &str = "\
The loss is the mean over the samples. The score is accuracy: of softmax-cross-entropy the share of
samples whose most probable class is right, of sigmoid-cross-entropy the share of answers that are
right, each output one; or of squared-error R2, 1 - sum (y - f)^2 / sum (y - mean of y)^2.

Output: with --output DIR, the confusion matrix as confusion.png, with the number of samples in each
cell, and as confusion.csv; of more classes than the picture has room for, confusion.csv alone.

Examples:
  pushpull evaluate --weights w.safetensors --activation relu \\
      --loss softmax-cross-entropy --data test.csv --output confusion

Exit codes: 0 done, 1 the work failed, 2 wrong options or files.";

#[derive(Debug, Args)]
pub struct Predict {
    /// The network's weights (safetensors)
    #[arg(long, value_name = "FILE")]
    pub weights: PathBuf,
    /// Widths of the network: inputs, hidden layers, outputs [default: those of the weights]
    #[arg(long, value_name = "WIDTHS", allow_hyphen_values = true, value_parser = widths)]
    pub layers: Option<Widths>,
    #[command(flatten)]
    pub names: Names,
    /// The activation after every layer but the last; or one for each, as relu,tanh
    #[arg(long, value_name = "NAMES", value_delimiter = ',', action = ArgAction::Set, required = true, value_parser = chosen::<Activation>())]
    pub activation: Vec<Activation>,
    /// The loss that the network was trained for [default: none, outputs are written as they are]
    #[arg(long, value_parser = chosen::<Loss>())]
    pub loss: Option<Loss>,
    /// The samples (npz, npy, csv, tsv, txt; tables also .gz, or - for standard input)
    #[arg(long, value_name = "FILE")]
    pub data: PathBuf,
    #[command(flatten)]
    pub columns: Columns,
    /// The type of numbers [default: f64 if any weights are, else f32]
    #[arg(long, value_enum)]
    pub dtype: Option<Precision>,
    /// Where the predictions go (.csv or .npz) [default: CSV on stdout]
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Evaluate {
    #[command(flatten)]
    pub net: Net,
    /// The network's weights (safetensors)
    #[arg(long, value_name = "FILE")]
    pub weights: PathBuf,
    /// The samples (npz, npy, csv, tsv, txt; tables also .gz, or - for standard input)
    #[arg(long, value_name = "FILE")]
    pub data: PathBuf,
    #[command(flatten)]
    pub columns: Columns,
    /// The type of numbers [default: f64 if any weights are, else f32]
    #[arg(long, value_enum)]
    pub dtype: Option<Precision>,
    /// Directory of the confusion matrix
    #[arg(long, value_name = "DIR")]
    pub output: Option<PathBuf>,
}
