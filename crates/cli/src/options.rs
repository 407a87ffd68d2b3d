//! The options, as `--help` prints them.

use std::path::{Path, PathBuf};

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use pushpull_core::blocks::{Activation, Loss};
use pushpull_files::values::{self, ValueError, bytes, count};
use pushpull_files::weights::{Wanted, Weights};
use pushpull_files::{Header, Kind, Missing, Reading, Target};

use choice::chosen;

use crate::fault::Fault;
use crate::network::Network;

mod choice;
pub mod compare;
pub mod explain;
pub mod plan;
pub mod predict;
pub mod train;
pub mod xray;

const ABOUT: &str = "Gradients of your own networks in every mode of automatic differentiation, and what each mode costs";

const AFTER: &str = "\
Examples:
  pushpull gradient --layers 5,8,8,3 --activation relu --loss softmax-cross-entropy \\
      --weights w.safetensors --data d.npz --output g.safetensors
  pushpull compare --layers 64,128,128,10 --activation relu --loss softmax-cross-entropy --batch 32
  pushpull train --set digits --layers 64,128,128,10 --activation relu --loss softmax-cross-entropy
  pushpull predict --weights w.safetensors --activation relu --loss softmax-cross-entropy --data new.csv
  pushpull plan --layers 64,128,128,10 --activation relu --loss softmax-cross-entropy --memory 500MB
  pushpull explain --layers 4,8,3 --activation tanh --loss softmax-cross-entropy
  pushpull xray --layers 64,32,32,32,10 --activation sigmoid --loss softmax-cross-entropy
  pushpull figures --only depth

Exit codes:
  0  done
  1  the work failed: a file could not be written, or finite numbers led to NaN or infinity
  2  refused before the work: wrong options, a file that is not what it should be, too little memory
Results go to stdout, faults and progress to stderr. A command that fails leaves no output file.";

const GRADIENT: &str = "\
Files:
  weights  safetensors: the state dict of alternating layers, <name>.weight (outputs x inputs) and
           <name>.bias or none, of float16, bfloat16, float32 or float64. Their order is found by
           shapes, among equal ones by the natural order of names; other tensors are listed, and
           not used
  data     npz with x (batch x inputs) and y: batch classes or one-hot rows for
           softmax-cross-entropy, batch x outputs numbers for the other losses, absent for sum; of
           any type of floats or integers, or bool. Or an npy with x alone, and y in another with
           --labels. Or a table with one sample on each line: the inputs and the target; separated by commas,
           semicolons (then with decimal commas, too), tabs or blanks. An npy of as many columns is
           read as a table is
  output   safetensors with the same names and shapes, and x for the gradient in the inputs

Losses, summed over the batch:
  sum                    sum of all outputs
  squared-error          sum of (out - y)^2
  softmax-cross-entropy  sum of -ln softmax(out)[y]
  sigmoid-cross-entropy  sum of softplus(out) - y out

Examples:
  pushpull gradient --layers 5,8,8,3 --activation relu --loss softmax-cross-entropy \\
      --weights w.safetensors --data d.npz --output g.safetensors
  pushpull gradient --layers 784,512,512,10 --activation tanh --loss softmax-cross-entropy \\
      --reduction mean --mode checkpointed --memory 4MB \\
      --weights w.safetensors --data d.npz --output g.safetensors --json

With --json, stdout is one object: loss, mode, way (how the mode was carried out), flops and calls
of elementary functions (exact), peak_bytes (the most that engines and gradients take at once;
weights and data are not among it).
Exit codes: 0 done, 1 the work failed, 2 wrong options or files.";

const FIGURES: &str = "\
Output: a picture (PNG) and its numbers (CSV) for every figure; FIGURES.md with the claims, their
measurements and verdicts. All experiments take a minute or two. They need the repository's data
sets (data/).

Examples:
  pushpull figures
  pushpull figures --only depth,activations --output figures --json

Exit codes: 0 done, 1 the work failed, 2 wrong options or files.";

/// The program.
#[derive(Debug, Parser)]
#[command(name = "pushpull", version, about = ABOUT, after_help = AFTER, max_term_width = 120, allow_negative_numbers = true)]
pub struct Options {
    /// Print results as JSON
    #[arg(long, global = true)]
    pub json: bool,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// The gradient of a network saved elsewhere, in any mode
    #[command(after_help = GRADIENT)]
    Gradient(Box<Gradient>),
    /// What a saved network answers: outputs, classes, probabilities
    #[command(after_help = predict::PREDICT)]
    Predict(Box<predict::Predict>),
    /// How good a saved network is on samples: loss, score, confusion matrix
    #[command(after_help = predict::EVALUATE)]
    Evaluate(Box<predict::Evaluate>),
    /// What every mode costs for a network of your own: flops, bytes, time
    #[command(after_help = compare::AFTER)]
    Compare(Box<compare::Compare>),
    /// Train a network by mini-batches, with checkpoints, or search for one
    #[command(after_help = train::AFTER)]
    Train(Box<train::Train>),
    /// The lecture's figures and claims, measured on this machine
    #[command(after_help = FIGURES)]
    Figures(Figures),
    /// The fastest way to a derivative within a budget of memory; the cheapest order of a chain of Jacobians
    #[command(after_help = plan::AFTER)]
    Plan(Box<plan::Plan>),
    /// The primal, tangent and adjoint programs side by side, with what every instruction costs
    #[command(after_help = explain::AFTER)]
    Explain(Box<explain::Explain>),
    /// What happens to the gradient inside a network, block by block, and where the first NaN came from
    #[command(after_help = xray::AFTER)]
    Xray(Box<xray::Xray>),
}

/// `pushpull figures`.
#[derive(Debug, Args)]
pub struct Figures {
    /// Only these experiments (all): linear, approximation, starts, descent, noise, cost, projection, activations, depth
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub only: Vec<String>,
    /// Smaller experiments, which run in seconds
    #[arg(long)]
    pub quick: bool,
    /// Directory of the figures
    #[arg(long, value_name = "DIR", default_value = "pushpull-figures")]
    pub output: PathBuf,
}

/// A fully-connected network.
#[derive(Debug, Args)]
pub struct Net {
    /// Widths of the network: inputs, hidden layers, outputs [default: those of the weights]
    #[arg(long, value_name = "WIDTHS", value_parser = widths)]
    pub layers: Option<Widths>,
    /// The activation after every layer but the last; or one for each, as relu,tanh
    #[arg(long, value_name = "NAMES", value_delimiter = ',', action = ArgAction::Set, required = true, value_parser = chosen::<Activation>())]
    pub activation: Vec<Activation>,
    /// The loss after the last layer
    #[arg(long, value_parser = chosen::<Loss>())]
    pub loss: Loss,
    #[command(flatten)]
    pub names: Names,
}

/// How the tensors in a weights file are assigned to layers.
#[derive(Debug, Default, Args)]
pub struct Names {
    /// Rename a layer of the weights to change its place in the order; with an empty name, leave it out. May be repeated
    #[arg(long, value_name = "OLD=NEW", value_parser = renamed)]
    pub map: Vec<(String, String)>,
    /// The weights are stored inputs x outputs, as Keras does; not needed where the shapes tell
    #[arg(long)]
    pub transpose: bool,
}

impl Net {
    /// The network, its widths those of the weights where no --layers says them; and the weights, open.
    pub fn network(
        &self,
        reduction: Reduction,
        weights: Option<&Path>,
    ) -> Result<(Network, Option<Weights>), Fault> {
        let layers = self.layers.as_ref();
        let network = |widths, biases, classes| Network {
            widths,
            biases,
            classes,
            activations: self.activation.clone(),
            loss: self.loss,
            mean: reduction == Reduction::Mean,
        };
        if let Some(layers) = layers {
            network(layers.0.clone(), Vec::new(), None).check()?;
        }
        let weights = weights.map(|path| self.names.open(path, layers));
        let weights = weights.transpose()?;
        let (widths, biases) = match (layers, &weights) {
            (_, Some(weights)) => (weights.widths(), weights.biases()),
            (Some(layers), None) => (layers.0.clone(), Vec::new()),
            (None, None) => return Err(no_widths()),
        };
        let classes = weights.as_ref().and_then(Weights::classes);
        let network = network(widths, biases, classes.map(<[String]>::to_vec));
        network.check()?;
        Ok((network, weights))
    }
}

/// The refusal of a network without widths.
pub fn no_widths() -> Fault {
    Fault::option(
        "--layers",
        "the widths of the network, the inputs first",
        "none",
        "give them as in --layers 5,8,8,3, or --weights, which have them",
    )
}

impl Names {
    /// Opens weights, and says what of them is not used.
    pub fn open(&self, path: &Path, layers: Option<&Widths>) -> Result<Weights, Fault> {
        let weights = Weights::open(
            path,
            &Wanted {
                widths: layers.map(|layers| layers.0.clone()),
                renamed: self.map.clone(),
                transposed: self.transpose,
            },
        )?;
        crate::screen::remark(weights.said());
        Ok(weights)
    }
}

/// How a table is read.
#[derive(Debug, Default, Args)]
pub struct Columns {
    /// Whether the first line of a table names its columns; auto: if there is no number in it
    #[arg(long, value_enum, value_name = "WHICH", default_value_t = Named::Auto)]
    pub header: Named,
    /// The column of the target in a table, by name or number from 1; once for each
    /// [default: as a header says that has label, class, target or y; else the last]
    #[arg(long, value_name = "NAME|INDEX")]
    pub target: Vec<String>,
    /// The targets, where --data is an .npy of inputs alone (.npy)
    #[arg(long, value_name = "FILE", conflicts_with = "target")]
    pub labels: Option<PathBuf>,
    /// What to do with empty fields of a table
    #[arg(long, value_enum, value_name = "HOW", default_value_t = Gaps::Refuse)]
    pub missing: Gaps,
}

/// Whether a first line is a header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Named {
    /// If there is no number in it
    #[default]
    Auto,
    /// It names the columns
    Yes,
    /// It is a sample
    No,
}

/// What becomes of missing values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Gaps {
    /// The file is refused
    #[default]
    Refuse,
    /// They are replaced by the mean of their column
    Mean,
    /// Their line is left out
    Drop,
}

impl Columns {
    /// The files that a command reads: these, and that of the labels.
    pub fn files<'a>(&'a self, own: &[&'a Path]) -> Vec<&'a Path> {
        let labels = self.labels.as_deref();
        own.iter().copied().chain(labels).collect()
    }

    /// The same for the reader of files.
    pub fn reading(&self, batch: Option<usize>) -> Reading {
        Reading {
            batch,
            inputs_alone: false,
            header: match self.header {
                Named::Auto => Header::Auto,
                Named::Yes => Header::Yes,
                Named::No => Header::No,
            },
            targets: self
                .target
                .iter()
                .map(|target| match target.parse() {
                    Ok(index) => Target::Index(index),
                    Err(_) => Target::Name(target.clone()),
                })
                .collect(),
            labels: self.labels.clone(),
            missing: match self.missing {
                Gaps::Refuse => Missing::Refuse,
                Gaps::Mean => Missing::Mean,
                Gaps::Drop => Missing::Drop,
            },
            classes: None,
        }
    }
}

/// `encoder.fc=0`
fn renamed(text: &str) -> Result<(String, String), ValueError> {
    match text.split_once('=') {
        Some((old, new)) if !old.is_empty() => Ok((old.into(), new.into())),
        _ => Err(ValueError {
            expected: "OLD=NEW, as in encoder.fc=0",
        }),
    }
}

/// What becomes of the samples' losses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Reduction {
    /// They are added
    Sum,
    /// Their sum is divided by the batch
    Mean,
}

/// How a gradient is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// Record, then pull back
    Reverse,
    /// Push tangent matrices, a chunk of unit vectors at a time
    Forward,
    /// Push tangents kept as Kronecker products; the inputs' by forward mode
    Structured,
    /// Reverse mode that keeps some values and computes the others again
    Checkpointed,
    /// The way that is predicted to be the fastest within --memory
    Auto,
}

impl Mode {
    /// The name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reverse => "reverse",
            Self::Forward => "forward",
            Self::Structured => "structured",
            Self::Checkpointed => "checkpointed",
            Self::Auto => "auto",
        }
    }
}

#[derive(Debug, Args)]
pub struct Gradient {
    #[command(flatten)]
    pub net: Net,
    /// Add the samples' losses, or divide by the batch
    #[arg(long, value_enum, default_value_t = Reduction::Sum)]
    pub reduction: Reduction,
    /// The network's weights (safetensors)
    #[arg(long, value_name = "FILE")]
    pub weights: PathBuf,
    /// The data (npz, npy, csv, tsv, txt; tables also .gz, or - for standard input)
    #[arg(long, value_name = "FILE")]
    pub data: PathBuf,
    #[command(flatten)]
    pub columns: Columns,
    /// The type of numbers [default: f64 if any weights are, else f32]
    #[arg(long, value_enum)]
    pub dtype: Option<Precision>,
    /// Do not compute the gradient in the inputs
    #[arg(long)]
    pub no_x: bool,
    /// How the gradient is computed
    #[arg(long, value_enum, default_value_t = Mode::Reverse)]
    pub mode: Mode,
    /// With checkpointed: values kept between layers, at most; by default the square root of their number
    #[arg(long, value_name = "N", value_parser = count, conflicts_with = "memory")]
    pub slots: Option<usize>,
    /// With checkpointed or auto: the most bytes that engines and gradients may take, such as 500MB or 64KiB
    #[arg(long, value_name = "BYTES", value_parser = bytes)]
    pub memory: Option<usize>,
    /// File for the gradient (safetensors)
    #[arg(long, value_name = "FILE")]
    pub output: PathBuf,
}

/// A type of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Precision {
    F32,
    F64,
}

impl Precision {
    /// What was asked for; else that of the weights, f64 where some are.
    pub fn of(asked: Option<Self>, weights: &Weights) -> Self {
        asked.unwrap_or(match weights.kind() {
            Kind::F32 => Self::F32,
            _ => Self::F64,
        })
    }
}

/// `5,8,8,3`: one option, so that a second one is a slip and not a longer network.
#[derive(Clone, Debug, PartialEq)]
pub struct Widths(pub Vec<usize>);

fn widths(text: &str) -> Result<Widths, ValueError> {
    values::widths(text).map(Widths)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_options_are_consistent_and_modes_are_named_as_they_are_typed() {
        Options::command().debug_assert();
        for mode in Mode::value_variants() {
            assert_eq!(Mode::from_str(mode.name(), false), Ok(*mode));
        }
    }
}
