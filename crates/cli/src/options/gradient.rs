//! The options of `pushpull gradient`.

use std::path::PathBuf;

use clap::Args;
use pushpull_files::values::{bytes, count};

use super::columns::Columns;
use super::mode::Mode;
use super::net::Net;
use super::precision::Precision;
use super::reduction::Reduction;

pub const AFTER: &str = "\
Files:
  weights  safetensors: the state dict of alternating layers, <name>.weight (outputs x inputs) and
           <name>.bias or none, of float16, bfloat16, float32 or float64. Their order is found by
           shapes, among equal ones by the natural order of names; other tensors are listed, and
           not used
  data     npz with x (batch x inputs) and y: batch classes or one-hot rows for
           softmax-cross-entropy, batch x outputs numbers for the other losses, absent for sum; of
           any type of floats or integers, or bool. Or an npy with x alone, and y in another with
           --labels. Or a table with one sample on each line: the inputs and the target, with
           commas, semicolons (then decimal commas are read, too), tabs or blanks between them. An
           npy that has a column for the target is read as a table is. Classes may be words where
           the weights have their names, as those of `pushpull train` do
  output   safetensors with the same names and shapes, and x for the gradient in the inputs

Losses, summed over the batch:
  sum                    sum of all outputs
  squared-error          sum of (out - y)^2
  softmax-cross-entropy  sum of -ln softmax(out)[y]
  sigmoid-cross-entropy  sum of softplus(out) - y out

Examples:
  pushpull gradient --layers 5,8,8,3 --activation relu \\
      --loss softmax-cross-entropy --weights w.safetensors --data d.npz \\
      --output g.safetensors
  pushpull gradient --layers 784,512,512,10 --activation tanh \\
      --loss softmax-cross-entropy --reduction mean --mode checkpointed \\
      --memory 4MB --weights w.safetensors --data d.npz \\
      --output g.safetensors --json

With --json, stdout is one object: loss, mode, way (how the mode was carried out), flops and calls
of elementary functions (exact), peak_bytes (the most that engines and gradients take at once;
weights and data are not among it).
Exit codes: 0 done, 1 the work failed, 2 wrong options or files.";

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
    #[arg(long, value_name = "BYTES", allow_hyphen_values = true, value_parser = bytes)]
    pub memory: Option<usize>,
    /// File for the gradient (safetensors)
    #[arg(long, value_name = "FILE")]
    pub output: PathBuf,
}
