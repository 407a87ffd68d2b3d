//! The program `pushpull`: gradients of saved networks in every mode, and what each mode costs on a network of one's own,
//! networks trained, planned for, explained and looked into.
//!
//! As a library it is there for programs that train as `pushpull train` does, but not alone: [`Train`] has the options,
//! [`train_on`] runs them on [`Ranks`].
//!
//! It holds no derivative rule and no chain rule: `network` names the blocks, `way` hands them to the engines. Files are
//! read and written by [`pushpull_files`]. A `fault` says what is wrong in one line.

mod auto;
mod calibration;
mod compare;
mod destination;
mod evaluate;
mod explain;
mod fault;
mod figures;
mod given;
mod gradient;
mod interrupt;
mod long;
mod network;
mod options;
mod plan;
mod predict;
mod ranks;
mod screen;
mod train;
mod way;
mod xray;

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};

use fault::Fault;
use options::{Command, Options};

pub use fault::Failed;
pub use options::train::{AFTER as TRAIN_HELP, Train};
pub use ranks::{Alone, Ranks};
pub use train::train_on;

/// Runs the program.
pub fn main() -> ExitCode {
    // A negative number is the value of an option, so that the fault is that of the option.
    let command =
        Options::command().mut_subcommands(|command| command.allow_negative_numbers(true));
    let options = Options::from_arg_matches(&command.get_matches());
    let options = options.unwrap_or_else(|fault| fault.exit());
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            screen::complain(&fault, &options.command);
            fault.exit_code()
        }
    }
}

fn run(options: &Options) -> Result<(), Fault> {
    let text = match &options.command {
        Command::Gradient(asked) => gradient::run(asked, options.json)?,
        Command::Predict(asked) => predict::run(asked, options.json)?,
        Command::Evaluate(asked) => evaluate::run(asked, options.json)?,
        Command::Compare(asked) => compare::run(asked, options.json)?,
        Command::Train(asked) => train::run(asked, options.json)?,
        Command::Figures(asked) => figures::run(asked, options.json)?,
        Command::Plan(asked) => plan::run(asked, options.json)?,
        Command::Explain(asked) => explain::run(asked, options.json)?,
        Command::Xray(asked) => xray::run(asked, options.json)?,
    };
    screen::say(&text)
}
