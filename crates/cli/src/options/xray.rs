//! The options of `pushpull xray`.

use std::path::PathBuf;

use clap::Args;
use pushpull_core::Init;
use pushpull_files::values::{count, init, share, whole};

use super::columns::Columns;
use super::net::Net;
use super::precision::Precision;
use super::reduction::Reduction;

pub const AFTER: &str = "\
Columns, for every block with value h, cotangent h~ = d loss / d h over the batch:
  value            root mean square of h
  cotangent        norm of h~
  gradient         norm of the gradient in the block's parameters
  weight gain      norm of what a layer passes on, W' h~, over the norm of h~
  activation gain  the same of an activation: of phi'(u) h~ over h~
  dead             share of the units whose derivative is 0 for every sample
  saturated        share of the entries at which the derivative is at most --flat times the largest
                   that the function has on [-1, 1]
  s max, s min     largest and smallest singular value, over the first --samples samples, of the
                   Jacobian of the last layer's output in h. All are computed while the smaller
                   side is at most --exact; beyond, the largest alone, by jvp and vjp in turn.
Where a number becomes NaN or infinite, the first block and the value that caused it are named.
Exact definitions: the documentation of pushpull-xray.

Data: an npz or a table as for `pushpull gradient`; numbers of a formula without. Weights: safetensors
as for `pushpull gradient`; drawn by --init without.

Output: with --output DIR, xray.png and its numbers, xray.csv: the norms of cotangents and
gradients and the largest singular values, block by block.

Examples:
  pushpull xray --layers 64,32,32,32,32,32,10 --activation sigmoid \\
      --init uniform:0.5 --loss softmax-cross-entropy \\
      --data data/digits.csv.gz --batch 8
  pushpull xray --layers 5,8,8,3 --activation relu \\
      --loss softmax-cross-entropy --weights w.safetensors --data d.npz --json

Exit codes: 0 done, also where NaN was found; 1 the work failed; 2 wrong options or files.";

#[derive(Debug, Args)]
pub struct Xray {
    #[command(flatten)]
    pub net: Net,
    /// Add the samples' losses, or divide by the batch
    #[arg(long, value_enum, default_value_t = Reduction::Sum)]
    pub reduction: Reduction,
    /// The network's weights (safetensors) [default: drawn]
    #[arg(long, value_name = "FILE", conflicts_with_all = ["init", "seed"])]
    pub weights: Option<PathBuf>,
    /// How weights are drawn: glorot, he, or uniform:A on [-A, A]
    #[arg(long, value_parser = init, default_value = "glorot")]
    pub init: Init,
    /// The seed of drawn weights
    #[arg(long, default_value = "1", value_parser = whole::<u64>)]
    pub seed: u64,
    /// Samples to look at (npz, npy, csv, tsv, txt; tables also .gz, or - for standard input)
    #[arg(long, value_name = "FILE")]
    pub data: Option<PathBuf>,
    #[command(flatten)]
    pub columns: Columns,
    /// Samples of a batch [default: 32, or all samples of the data]
    #[arg(long, value_name = "N", value_parser = count)]
    pub batch: Option<usize>,
    /// The type of numbers [default: f32 where all weights are narrower than f64, else f64]
    #[arg(long, value_enum)]
    pub dtype: Option<Precision>,
    /// Samples whose Jacobians are decomposed
    #[arg(long, value_name = "N", value_parser = whole::<usize>, default_value = "4")]
    pub samples: usize,
    /// The most rows or columns for which all singular values are computed
    #[arg(long, value_name = "N", value_parser = whole::<usize>, default_value = "512")]
    pub exact: usize,
    /// The part of a function's largest slope up to which an entry is saturated
    #[arg(long, value_name = "SHARE", value_parser = share, default_value = "0.01")]
    pub flat: f64,
    /// Threads of the gradient; the results are the same to the bit
    #[arg(long, value_name = "N", value_parser = count, default_value = "1")]
    pub threads: usize,
    /// Directory of a picture
    #[arg(long, value_name = "DIR")]
    pub output: Option<PathBuf>,
}
