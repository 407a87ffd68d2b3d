//! What can go wrong, in one line each: where, what was expected, what came, what to do.

use std::path::PathBuf;
use std::process::ExitCode;

use pushpull_core::siblings::words::{Line, cut};
use pushpull_files::FileError;
use pushpull_mixed_mode::ChainError;
use pushpull_planner::PlanError;
use pushpull_train::{CheckpointFault, TrainError};

/// What to do about numbers that are none any more.
pub const RANGE: &str = "a number left the range of its type or the domain of a function; scale the inputs, or use --dtype f64";

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// A file that was not read or not written.
    #[error(transparent)]
    File(#[from] FileError),
    /// An option that does not fit the others, or no machine.
    #[error("{option}: expected {expected}, got {got}; {remedy}")]
    Option {
        option: &'static str,
        expected: String,
        got: String,
        remedy: String,
    },
    /// A graph, batch or budget that an engine refuses.
    #[error(transparent)]
    Engine(#[from] pushpull_core::Error),
    /// A question that the planner has no way for.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// A file that is no chain of factors.
    #[error("{file}: {shown}", file = .file.display(), shown = shown(.fault))]
    Chain { file: PathBuf, fault: ChainError },
    /// A training run that cannot start or go on.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// A data set of the repository that cannot be read.
    #[error(transparent)]
    Data(#[from] pushpull_data::DataError),
    /// A picture that could not be drawn.
    #[error(transparent)]
    Plot(#[from] pushpull_plot::PlotError),
    /// A figure of the lecture that could not be made.
    #[error(transparent)]
    Figure(Box<pushpull_lecture::Fault>),
    /// The user asked for an end.
    #[error("interrupted; {remedy}")]
    Interrupted { remedy: String },
    /// A search that ends without a score.
    #[error(
        "--search: expected a trial with a score, got none of {trials}, and no file is written; the first: {first}"
    )]
    NoScore {
        trials: usize,
        first: Box<TrainError>,
    },
    /// Finite numbers that led to others.
    #[error("{what}: expected a finite number, got {got}; {remedy}")]
    NotFinite {
        what: String,
        got: String,
        remedy: &'static str,
    },
}

impl From<pushpull_lecture::Fault> for Fault {
    fn from(fault: pushpull_lecture::Fault) -> Self {
        Self::Figure(Box::new(fault))
    }
}

impl Fault {
    /// A fault of an option.
    pub fn option(
        option: &'static str,
        expected: impl Into<String>,
        got: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self::Option {
            option,
            expected: expected.into(),
            got: got.into(),
            remedy: remedy.into(),
        }
    }

    /// 2 where other options or other files would do, 1 where the work itself failed. `--help` lists them.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.code())
    }

    fn code(&self) -> u8 {
        match self {
            Self::Engine(
                pushpull_core::Error::Singular { .. } | pushpull_core::Error::Undefined { .. },
            )
            | Self::File(FileError::Write { .. }) => 1,
            Self::File(_)
            | Self::Option { .. }
            | Self::Engine(_)
            | Self::Plan(_)
            | Self::Chain { .. }
            | Self::Data(_) => 2,
            Self::Figure(fault) if matches!(**fault, pushpull_lecture::Fault::Data(_)) => 2,
            Self::Train(
                TrainError::Diverged { .. }
                | TrainError::NoDerivative { .. }
                | TrainError::Shadow { .. }
                | TrainError::Checkpoint {
                    fault: CheckpointFault::Refused { .. },
                    ..
                },
            ) => 1,
            Self::Train(_) => 2,
            // As a shell says of what Ctrl-C ended.
            Self::Interrupted { .. } => 130,
            Self::Plot(_) | Self::Figure(_) | Self::NoScore { .. } | Self::NotFinite { .. } => 1,
        }
    }
}

/// A fault for other programs: its words, in those of the options, and the exit code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{words}")]
pub struct Failed {
    /// On one line.
    pub words: String,
    /// 2 where other options or other files would do, 1 where the work itself failed.
    pub code: u8,
}

impl From<Fault> for Failed {
    fn from(fault: Fault) -> Self {
        Self {
            words: Line(words(&fault)).to_string(),
            code: fault.code(),
        }
    }
}

/// What is wrong with a chain, fit for one line of a terminal: its text may come out of a binary file.
fn shown(fault: &ChainError) -> String {
    cut(Line(fault).to_string(), 400)
}

/// Remedies of the libraries that name their types, and the options that are meant.
const OPTIONS: [(&str, &str); 13] = [
    ("or train in f64", "or use --dtype f64"),
    (
        "carry fewer samples at once with Chunk::Auto or Chunk::Fixed(n), or take Forward, which chunks directions",
        "use --mode forward, or a smaller --batch",
    ),
    (
        "carry fewer directions at once with Chunk::Auto or Chunk::Fixed(n)",
        "use --mode reverse, or a smaller --batch",
    ),
    (
        "use Store::All, or Store::Bytes with room for the whole record",
        "use --mode reverse",
    ),
    ("use a smaller batch", "use a smaller --batch"),
    (
        "take another value there with a `Where` block (tape: `select`)",
        "give other weights or samples",
    ),
    ("Reverse: threads must be", "--threads: expected"),
    ("Forward: threads must be", "--threads: expected"),
    ("Primal: threads must be", "--threads: expected"),
    ("--threads: threads must be", "--threads: expected"),
    ("Reverse: a budget of", "checkpointed: a budget of"),
    // A number of bytes that is beyond 64 bits.
    (
        "needs 18446744073709551615 bytes",
        "needs more than 18446744073709551615 bytes",
    ),
    (
        "explain a narrower network or a smaller batch",
        "use narrower --layers or a smaller --batch",
    ),
];

/// Settings of a run by the names that training has for them, and the options that say them.
const SETTINGS: [(&str, &str); 14] = [
    ("the batch size:", "--batch:"),
    ("the validation share:", "--valid:"),
    ("the learning rate:", "--rate:"),
    ("the learning rates:", "--rates:"),
    ("the momentum:", "--momentum:"),
    ("the decay:", "--decay:"),
    ("the L1 penalty:", "--l1:"),
    ("the L2 penalty:", "--l2:"),
    ("the patience:", "--patience:"),
    ("the epochs of a search:", "--epochs:"),
    ("the trials of a search:", "--trials:"),
    (
        "the directions of a forward gradient:",
        "--mode forward-gradient:<directions>:",
    ),
    ("the loss:", "--loss:"),
    ("the mode under a shadow check:", "--mode, with --shadow:"),
];

/// A text of a library with the remedies that are options here.
pub fn in_options(text: String) -> String {
    let replaced = |text: String, (library, option): &(&str, &str)| text.replace(library, option);
    OPTIONS.iter().fold(text, replaced)
}

/// A fault in the words of the options.
pub fn words(fault: &Fault) -> String {
    let text = in_options(fault.to_string());
    let said = SETTINGS
        .iter()
        .find(|(setting, _)| text.starts_with(setting));
    match (fault, said) {
        (Fault::Train(_), Some((setting, option))) => text.replacen(setting, option, 1),
        (Fault::Plan(PlanError::OverBudget { .. }), _) => format!("--memory: {text}"),
        _ if text.starts_with("--threads: expected") => {
            format!("{text}; more threads than the machine has cores are of no use")
        }
        _ => text,
    }
}

/// The same for a command that takes all samples of its data at once and has no `--batch`.
pub fn words_without_batch(fault: &Fault) -> String {
    words(fault).replace("a smaller --batch", "fewer samples in --data")
}

#[cfg(test)]
mod tests {
    use super::*;
    use pushpull_core::Question;
    use pushpull_core::blocks::Activation;
    use pushpull_forward_mode::{Chunk, Forward};

    #[test]
    fn a_fault_names_options_and_no_types_of_a_library() {
        let graph = pushpull_core::Mlp::new(&[1000, 1000], Activation::Tanh)
            .build()
            .unwrap();
        let plan = Forward::plan(&graph, 1 << 20, Question::Gradient).chunk(Chunk::Full);
        let fault = Fault::from(plan.prepare::<f64>().unwrap_err());
        assert!(fault.to_string().contains("Chunk::"), "{fault}");
        assert!(
            !words(&fault).contains("::") && words(&fault).contains("--mode"),
            "{}",
            words(&fault)
        );
    }
}
