//! The options of `pushpull explain`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use pushpull_files::values::count;

use super::columns::Columns;
use super::net::Net;
use super::precision::Precision;

pub const AFTER: &str = "\
The text has three columns, each in the order in which its program runs: the primal program, the
tangent program of forward mode (all columns of the lecture's tangent matrices at once), the adjoint
program of reverse mode. Each line is one instruction, with the shape of what it writes (rows x samples;
of tangents, rows x samples x columns), its flops and calls of elementary functions for the whole batch, both exact,
and the bytes that it writes. Under them, what the engines hold at once, and equation 17 for the
parameters of every layer: the product, and the multiply-adds of its brackets for one sample.

With --weights and --data the programs are run, and under each instruction stands what it wrote, row
by row: a calculation by hand is checked line by line. Of the samples the first 8 are run, or as many as
--batch says. Their files are those of `pushpull gradient`.

Examples:
  pushpull explain --layers 4,8,3 --activation tanh \\
      --loss softmax-cross-entropy
  pushpull explain --layers 64,128,128,10 --activation relu \\
      --loss softmax-cross-entropy --batch 32 --dtype f32 --format dot \\
      | dot -Tsvg > programs.svg
  pushpull explain --layers 2,2,1 --activation tanh --loss squared-error \\
      --weights model.safetensors --data sample.csv

Exit codes: 0 done, 1 the work failed, 2 wrong options or files.";

/// How it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Three columns
    Text,
    /// A drawing for Graphviz
    Dot,
    /// Everything, as JSON for other programs
    Json,
}

#[derive(Debug, Args)]
pub struct Explain {
    #[command(flatten)]
    pub net: Net,
    /// Samples of a batch [default: 1; of data the first 8]
    #[arg(long, value_name = "N", value_parser = count)]
    pub batch: Option<usize>,
    /// Weights to run it with: shows what each instruction writes
    #[arg(long, value_name = "FILE")]
    pub weights: Option<PathBuf>,
    /// Samples to run it on
    #[arg(long, value_name = "FILE", requires = "weights")]
    pub data: Option<PathBuf>,
    #[command(flatten)]
    pub columns: Columns,
    /// The type of numbers
    #[arg(long, value_enum, default_value_t = Precision::F64)]
    pub dtype: Precision,
    /// The form of the output; --json is the same as --format json
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}
