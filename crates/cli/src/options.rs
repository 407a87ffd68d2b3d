//! The options, as `--help` prints them.

use clap::{Parser, Subcommand};

mod choice;
pub mod columns;
pub mod compare;
pub mod explain;
pub mod figures;
pub mod gradient;
pub mod mode;
pub mod names;
pub mod net;
pub mod plan;
pub mod precision;
pub mod predict;
pub mod reduction;
pub mod train;
pub mod widths;
pub mod xray;

const ABOUT: &str = "Gradients of your own networks in every mode of automatic differentiation, and what each mode costs";

const AFTER: &str = "\
Examples:
  pushpull gradient --layers 5,8,8,3 --activation relu \\
      --loss softmax-cross-entropy --weights w.safetensors --data d.npz \\
      --output g.safetensors
  pushpull compare --layers 64,128,128,10 --activation relu \\
      --loss softmax-cross-entropy --batch 32
  pushpull train --set digits --layers 64,128,128,10 --activation relu \\
      --loss softmax-cross-entropy
  pushpull predict --weights w.safetensors --activation relu \\
      --loss softmax-cross-entropy --data new.csv
  pushpull plan --layers 64,128,128,10 --activation relu \\
      --loss softmax-cross-entropy --memory 500MB
  pushpull explain --layers 4,8,3 --activation tanh \\
      --loss softmax-cross-entropy
  pushpull xray --layers 64,32,32,32,10 --activation sigmoid \\
      --loss softmax-cross-entropy
  pushpull figures --only depth

Exit codes:
  0    done
  1    the work failed: a file could not be written, or finite numbers led to NaN or infinity
  2    refused before the work: wrong options, a file that is not what it should be, too little memory
  130  interrupted by Ctrl-C: what was finished is said and written
Results go to stdout, faults and progress to stderr. A command that fails leaves no output file; one that was
interrupted does.";

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
    #[command(after_help = gradient::AFTER)]
    Gradient(Box<gradient::Gradient>),
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
    #[command(after_help = figures::AFTER)]
    Figures(figures::Figures),
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

impl Command {
    /// Whether it has the option `--batch`; the others take all samples of their data.
    pub const fn has_batch(&self) -> bool {
        !matches!(
            self,
            Self::Gradient(_) | Self::Predict(_) | Self::Evaluate(_)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_options_are_consistent() {
        Options::command().debug_assert();
    }

    #[test]
    fn a_command_that_has_a_batch_is_known() {
        let net = ["--activation=tanh", "--loss=sum", "--layers=2,1"];
        for (name, also) in [
            ("gradient", &["--weights=w", "--data=d", "--output=g"][..]),
            ("predict", &["--weights=w", "--data=d"]),
            ("evaluate", &["--weights=w", "--data=d"]),
            ("compare", &[]),
            ("train", &["--set=digits"]),
            ("plan", &[]),
            ("explain", &[]),
            ("xray", &[]),
        ] {
            let typed = [&["pushpull", name][..], &net, also].concat();
            let with = [&typed[..], &["--batch=3"]].concat();
            let options = Options::try_parse_from(&typed).unwrap();
            let known = Options::try_parse_from(&with).is_ok();
            assert_eq!(options.command.has_batch(), known, "{name}");
        }
    }
}
