//! The options of `pushpull plan`.

use std::path::PathBuf;

use clap::{ArgAction, Args};
use pushpull_core::blocks::{Activation, Loss};
use pushpull_files::values::{bytes, count};
use pushpull_planner::Question;

use super::choice::chosen;
use super::columns::Columns;
use super::names::Names;
use super::precision::Precision;
use super::reduction::Reduction;
use super::widths::{Widths, widths};

pub const AFTER: &str = "\
Questions, about the sum of all losses over the batch or, without --loss, about the outputs:
  gradient          the value and its gradient in the parameters, as `pushpull gradient --no-x
                    --mode auto` answers it; --with-x adds the gradient in the inputs
  jvp:K             the tangents of the outputs along K directions in the parameters
  vjp:K             K cotangents of the outputs pulled back to the parameters
  jacobian-params   all outputs by all parameters
  jacobian-inputs   all outputs by all inputs
  gradient-norms    how long each sample's gradient in the parameters is
  hessian-vector:K  the Hessian in the parameters times K directions

Flops, calls and bytes are exact. Times are predicted from what this machine was measured to take
for each block, which takes a second the first time. They are kept in the file that PUSHPULL_CALIBRATION
names, without it in pushpull/calibration.txt in XDG_CACHE_HOME or ~/.cache; with \"\" they are not kept.
A question that no way answers within --memory is refused, and the smallest sufficient budget is named.

Chain files: a line `m n E` for each factor of a chain of Jacobians, in the order of evaluation:
its outputs, its inputs, and what one tangent or adjoint through it costs. Blank lines and what follows
a # are skipped. stdout is one line of four whole numbers: the cost of the cheapest bracketing, of
all tangents, of all adjoints, and of all factors accumulated first and then multiplied in the best order.

Examples:
  pushpull plan --layers 64,128,128,10 --activation relu \\
      --loss softmax-cross-entropy --batch 32 --memory 500MB
  pushpull plan --layers 64,8,64 --activation tanh \\
      --question jacobian-inputs --json
  pushpull plan --chain chain.txt

Exit codes: 0 done, 1 the work failed, 2 wrong options or files, or no way within --memory.";

#[derive(Debug, Args)]
pub struct Plan {
    /// Widths of the network: inputs, hidden layers, outputs
    #[arg(long, value_name = "WIDTHS", allow_hyphen_values = true, value_parser = widths, required_unless_present_any = ["chain", "weights"])]
    pub layers: Option<Widths>,
    /// The network's weights (safetensors), for their widths
    #[arg(long, value_name = "FILE")]
    pub weights: Option<PathBuf>,
    #[command(flatten)]
    pub names: Names,
    /// The activation after every layer but the last; or one for each, as relu,tanh
    #[arg(long, value_name = "NAMES", value_delimiter = ',', action = ArgAction::Set, required_unless_present = "chain", value_parser = chosen::<Activation>())]
    pub activation: Vec<Activation>,
    /// The loss after the last layer [default: none, the question is about the outputs]
    #[arg(long, value_parser = chosen::<Loss>())]
    pub loss: Option<Loss>,
    /// Samples of a batch [default: 32, or all samples of the data]
    #[arg(long, value_name = "N", value_parser = count)]
    pub batch: Option<usize>,
    /// Samples to plan for (npz, npy, csv, tsv, txt; tables also .gz, or - for standard input): they have to fit the network, and their number is the batch
    #[arg(long, value_name = "FILE")]
    pub data: Option<PathBuf>,
    #[command(flatten)]
    pub columns: Columns,
    /// Add the samples' losses, or divide by the batch
    #[arg(long, value_enum, default_value_t = Reduction::Sum, requires = "loss")]
    pub reduction: Reduction,
    /// The type of numbers [default: f32 where all weights are narrower than f64, else f64]
    #[arg(long, value_enum)]
    pub dtype: Option<Precision>,
    /// Threads of the run; its flops are the same, and times are predicted for one thread
    #[arg(long, value_name = "N", value_parser = count, default_value = "1")]
    pub threads: usize,
    /// What is to be computed
    #[arg(long, default_value = "gradient")]
    pub question: Question,
    /// With the question gradient: that in the inputs, too, as `pushpull gradient` gives it without --no-x
    #[arg(long)]
    pub with_x: bool,
    /// The most bytes that the answer may take, such as 500MB or 64KiB [default: what the machine has]
    #[arg(long, value_name = "BYTES", allow_hyphen_values = true, value_parser = bytes)]
    pub memory: Option<usize>,
    /// Plan a chain of factors, a line `m n E` each, and nothing else
    #[arg(long, value_name = "FILE", conflicts_with_all = ["layers", "weights", "activation", "loss", "batch", "data", "dtype", "threads", "question", "memory", "with_x", "reduction"])]
    pub chain: Option<PathBuf>,
}
