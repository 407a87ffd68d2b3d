//! The options of `pushpull compare`.

use std::path::PathBuf;

use clap::{ArgAction, Args, ValueEnum};
use pushpull_bench::grid;
use pushpull_core::blocks::{Activation, Loss};
use pushpull_files::values::{ValueError, count, seconds};

use super::choice::chosen;
use super::columns::Columns;
use super::names::Names;
use super::precision::Precision;
use super::widths::{Widths, widths};

pub const AFTER: &str = "\
What is compared is the gradient with respect to all parameters. Several networks (--layers once for
each), batches and types are a sweep: every combination is measured, and drawn against what varies.

Modes are timed in interleaved rounds. One that is too slow for that is run once; one that would take
longer than the time left is predicted from its flops and the measured rate of others, not run,
and marked so: ~ in the table, hollow and dotted in the picture, `predicted` in the column source.
--patience SECONDS runs what is predicted to take no longer than that, however many there are.

Data: an npz or a table as for `pushpull gradient`. Without data, the data are made by a formula.

Output: in a directory compare.png and its numbers, compare.csv; or a picture of any name in .png or
.svg, its numbers beside it in .csv: a row for each mode and configuration, times in seconds (_s),
memory in bytes. Of one configuration, the picture shows time against flops.

With --json, stdout is one object: the setting, modes and files of one configuration; of several,
configurations (a list of settings with their modes) and files.

Examples:
  pushpull compare --layers 64,128,128,10 --activation relu \\
      --loss softmax-cross-entropy --batch 32
  pushpull compare --layers 64,16,10 --layers 64,64,10 --layers 64,256,10 \\
      --activation relu --loss softmax-cross-entropy --batch 1,32 \\
      --dtype f32,f64 --output sweep.svg --size 1600x900
  pushpull compare --layers 64,32,10 --activation tanh \\
      --loss softmax-cross-entropy --data data/digits.csv.gz \\
      --batch 1,16,256 --against batch --json

Exit codes: 0 done, 1 the work failed, 2 wrong options or files, 130 interrupted.";

/// What the points of the picture are spread by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Against {
    /// The number of parameters
    Params,
    /// The widest hidden layer
    Width,
    /// The number of layers
    Depth,
    /// Samples of a batch
    Batch,
}

impl From<Against> for grid::Against {
    fn from(against: Against) -> Self {
        match against {
            Against::Params => Self::Params,
            Against::Width => Self::Width,
            Against::Depth => Self::Depth,
            Against::Batch => Self::Batch,
        }
    }
}

#[derive(Debug, Args)]
pub struct Compare {
    /// Widths of a network: inputs, hidden layers, outputs; once for each network [default: those of the weights]
    #[arg(long, value_name = "WIDTHS", allow_hyphen_values = true, value_parser = widths)]
    pub layers: Vec<Widths>,
    /// The activation after every layer but the last; or one for each, as relu,tanh
    #[arg(long, value_name = "NAMES", value_delimiter = ',', action = ArgAction::Set, required = true, value_parser = chosen::<Activation>())]
    pub activation: Vec<Activation>,
    /// The loss after the last layer
    #[arg(long, value_parser = chosen::<Loss>())]
    pub loss: Loss,
    #[command(flatten)]
    pub names: Names,
    /// Samples of a batch; several as in 1,16,256 [default: 32, or all samples of the data]
    #[arg(long, value_name = "N,..", allow_hyphen_values = true, value_parser = count, value_delimiter = ',')]
    pub batch: Vec<usize>,
    /// The network's weights (safetensors) [default: drawn]
    #[arg(long, value_name = "FILE")]
    pub weights: Option<PathBuf>,
    /// Samples to run on (npz, npy, csv, tsv, txt; tables also .gz, or - for standard input)
    #[arg(long, value_name = "FILE")]
    pub data: Option<PathBuf>,
    #[command(flatten)]
    pub columns: Columns,
    /// The type of numbers; both as in f32,f64
    #[arg(
        long,
        value_enum,
        value_name = "TYPE,..",
        value_delimiter = ',',
        default_value = "f64"
    )]
    pub dtype: Vec<Precision>,
    /// Threads of every mode
    #[arg(long, value_name = "N", value_parser = count, default_value = "1")]
    pub threads: usize,
    /// Seconds that the measurements of all configurations may take, about
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = "30")]
    pub seconds: f64,
    /// Run each mode that is predicted to take no longer than this, beyond --seconds, too
    #[arg(long, value_name = "SECONDS", value_parser = patience)]
    pub patience: Option<f64>,
    /// What a sweep is drawn against [default: what varies]
    #[arg(long, value_enum)]
    pub against: Option<Against>,
    /// Directory of the picture and the table, or the picture itself: .png or .svg, the table beside it; repeat it
    #[arg(long, value_name = "DIR|PICTURE", default_value = "pushpull-compare")]
    pub output: Vec<PathBuf>,
    /// Width and height of the picture in pixels
    #[arg(long, value_name = "WxH", allow_hyphen_values = true, value_parser = size, default_value = "1200x800")]
    pub size: Size,
}

/// Pixels, across and down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size(pub u32, pub u32);

/// `1200x800`
fn size(text: &str) -> Result<Size, ValueError> {
    const SIDES: std::ops::RangeInclusive<u32> = 300..=4000;
    let number = |text: &str| text.trim().parse::<u32>().ok();
    let sides = text.to_lowercase();
    let sides = sides.split_once('x');
    match sides.map(|(width, height)| (number(width), number(height))) {
        Some((Some(width), Some(height)))
            if SIDES.contains(&width)
                && SIDES.contains(&height)
                && width <= 3 * height
                && 3 * height <= 5 * width =>
        {
            Ok(Size(width, height))
        }
        _ => Err(ValueError {
            expected: "width x height in pixels as in 1200x800: each 300 to 4000, the width at most 3 times the height and \
                       the height at most 5/3 of the width",
        }),
    }
}

/// Seconds, up to a week.
fn patience(text: &str) -> Result<f64, ValueError> {
    const WEEK: f64 = 7.0 * 24.0 * 3600.0;
    match text.parse::<f64>() {
        Ok(seconds) if (0.01..=WEEK).contains(&seconds) => Ok(seconds),
        _ => Err(ValueError {
            expected: "seconds from 0.01 to 604800 (a week), such as 600",
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_pixels_that_a_picture_can_have() {
        assert_eq!(size("1200x800"), Ok(Size(1200, 800)));
        assert_eq!(size("600X1000"), Ok(Size(600, 1000)));
        for wrong in [
            "1200",
            "1200x",
            "x800",
            "0x0",
            "10x10",
            "5000x4000",
            "1200x300",
            "300x600",
            "-1x5",
            "1e3x800",
        ] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
    }
}
