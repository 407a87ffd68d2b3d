//! The options of `pushpull figures`.

use std::path::PathBuf;

use clap::Args;

pub const AFTER: &str = "\
Output: a picture (PNG) and its numbers (CSV) for every figure; FIGURES.md with the claims, their
measurements and verdicts. All experiments take about half a minute on a core of an AMD EPYC. They
need the repository's data sets (data/).

Examples:
  pushpull figures
  pushpull figures --only depth,activations --output figures --json

Exit codes: 0 done, 1 the work failed, 2 wrong options or files, 130 interrupted.";

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
