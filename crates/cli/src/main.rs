//! The program `pushpull`: all of it is in the library of this crate.

use std::process::ExitCode;

fn main() -> ExitCode {
    pushpull_cli::main()
}
