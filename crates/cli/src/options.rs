//! The options, as `--help` prints them.

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use pushpull_core::blocks::{Activation, Loss};
use pushpull_files::values::{self, ValueError, bytes, count, seconds};

use crate::network::Network;

pub mod explain;
pub mod plan;
pub mod train;
pub mod xray;

const ABOUT: &str = "Gradients of your own networks in every mode of automatic differentiation, and what each mode costs";

const AFTER: &str = "\
Examples:
  pushpull gradient --layers 5,8,8,3 --activation relu --loss softmax-cross-entropy \\
      --weights w.safetensors --data d.npz --output g.safetensors
  pushpull compare --layers 64,128,128,10 --activation relu --loss softmax-cross-entropy --batch 32
  pushpull train --set digits --layers 64,128,128,10 --activation relu --loss softmax-cross-entropy
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
  weights  safetensors, as torch.nn.Sequential saves them: <i>.weight (outputs x inputs) and
           <i>.bias, taken in increasing i; all of one type, float32 or float64
  data     npz with x (batch x inputs) of the weights' type, and y: batch integers (int32, int64)
           for softmax-cross-entropy, batch x outputs numbers of the weights' type for the other
           losses, absent for sum; C or Fortran order
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

const COMPARE: &str = "\
What is compared is the gradient with respect to all parameters. Modes are timed in interleaved
rounds. One that is too slow for that is run once; one that would take too long is predicted from
its flops and the measured rate of others, not run, and marked so.

Data: an npz as for `pushpull gradient`, or numbers in a .csv or .csv.gz, a sample a line: the
inputs, then the class or the outputs. Without data made-up numbers are used.

Output: compare.png and its numbers, compare.csv; the table with the setting, modes.csv.

Examples:
  pushpull compare --layers 64,128,128,10 --activation relu --loss softmax-cross-entropy --batch 32
  pushpull compare --layers 64,32,10 --activation tanh --loss softmax-cross-entropy \\
      --data data/digits.csv.gz --json

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
#[command(name = "pushpull", version, about = ABOUT, after_help = AFTER, max_term_width = 120)]
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
    Gradient(Gradient),
    /// What every mode costs for a network of your own: flops, bytes, time
    #[command(after_help = COMPARE)]
    Compare(Compare),
    /// Train a network by mini-batches, with checkpoints, or search for one
    #[command(after_help = train::AFTER)]
    Train(Box<train::Train>),
    /// The lecture's figures and claims, measured on this machine
    #[command(after_help = FIGURES)]
    Figures(Figures),
    /// Which way answers a question fastest within a memory budget; the plan of a chain of factors
    #[command(after_help = plan::AFTER)]
    Plan(plan::Plan),
    /// The primal, tangent and adjoint programs side by side, with what every instruction costs
    #[command(after_help = explain::AFTER)]
    Explain(explain::Explain),
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
    /// Smaller experiments: a look whether everything runs, in seconds
    #[arg(long)]
    pub quick: bool,
    /// Directory of the figures
    #[arg(long, value_name = "DIR", default_value = "pushpull-figures")]
    pub output: PathBuf,
}

/// A fully-connected network.
#[derive(Debug, Args)]
pub struct Net {
    /// Widths of the network: inputs, hidden layers, outputs
    #[arg(long, value_name = "WIDTHS", value_parser = widths)]
    pub layers: Widths,
    /// The activation after every layer but the last
    #[arg(long, value_parser = PossibleValuesParser::new(Activation::ALL.map(Activation::name)).try_map(|name| name.parse::<Activation>()))]
    pub activation: Activation,
    /// The loss after the last layer
    #[arg(long, value_parser = PossibleValuesParser::new(Loss::ALL.map(Loss::name)).try_map(|name| name.parse::<Loss>()))]
    pub loss: Loss,
}

impl Net {
    pub fn network(&self, reduction: Reduction) -> Network {
        Network {
            widths: self.layers.0.clone(),
            activation: self.activation,
            loss: self.loss,
            mean: reduction == Reduction::Mean,
        }
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
    /// The data (npz)
    #[arg(long, value_name = "FILE")]
    pub data: PathBuf,
    /// How the gradient is computed
    #[arg(long, value_enum, default_value_t = Mode::Reverse)]
    pub mode: Mode,
    /// With checkpointed: values kept between layers, at most; by default the square root of their number
    #[arg(long, value_name = "N", value_parser = count, conflicts_with = "memory")]
    pub slots: Option<usize>,
    /// With checkpointed or auto: the most bytes that engines and gradients may take, such as 500MB or 64KiB
    #[arg(long, value_name = "BYTES", value_parser = bytes)]
    pub memory: Option<usize>,
    /// Where the gradient goes (safetensors)
    #[arg(long, value_name = "FILE")]
    pub output: PathBuf,
}

/// A type of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Precision {
    F32,
    F64,
}

#[derive(Debug, Args)]
pub struct Compare {
    #[command(flatten)]
    pub net: Net,
    /// Samples of a batch [default: 32, or all samples of the data]
    #[arg(long, value_name = "N", value_parser = count)]
    pub batch: Option<usize>,
    /// Samples to run on (npz, csv, csv.gz)
    #[arg(long, value_name = "FILE")]
    pub data: Option<PathBuf>,
    /// The type of numbers
    #[arg(long, value_enum, default_value_t = Precision::F64)]
    pub dtype: Precision,
    /// Threads of every mode
    #[arg(long, value_name = "N", value_parser = count, default_value = "1")]
    pub threads: usize,
    /// Seconds that the measurements may take, about
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = "30")]
    pub seconds: f64,
    /// Directory of the picture and the table
    #[arg(long, value_name = "DIR", default_value = "pushpull-compare")]
    pub output: PathBuf,
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
