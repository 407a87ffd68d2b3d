//! What the user sees: results on stdout, faults on stderr, colours on a terminal alone.

use std::io::{self, ErrorKind, IsTerminal, Write};

use pushpull_files::{FileError, Line};
use terminal_size::{Width, terminal_size_of};

use crate::fault::{Fault, words, words_without_batch};
use crate::options::Command;

/// Writes a result to stdout. A reader that has seen enough is no fault.
pub fn say(text: &str) -> Result<(), Fault> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(unsaid(error)),
        _ => Ok(()),
    }
}

/// A result as one line of JSON.
pub fn json(result: &impl serde::Serialize) -> Result<String, Fault> {
    match serde_json::to_string(result) {
        Ok(text) => Ok(text + "\n"),
        Err(error) => Err(unsaid(error)),
    }
}

fn unsaid(error: impl ToString) -> Fault {
    FileError::write("stdout".as_ref(), error).into()
}

/// Writes a fault of a command to stderr, on one line: its parts may be from a file, or be the name of one.
pub fn complain(fault: &Fault, command: &Command) {
    let mut err = io::stderr().lock();
    let (on, off) = if coloured(&err) {
        ("\u{1b}[1;31m", "\u{1b}[0m")
    } else {
        ("", "")
    };
    let words = match command.has_batch() {
        true => words(fault),
        false => words_without_batch(fault),
    };
    // Where stderr is gone there is nobody to tell.
    let _ = writeln!(err, "{on}error:{off} {}", Line(words));
}

/// Says on stderr what was found in a file, a line each.
pub fn remark(lines: &[String]) {
    let mut err = io::stderr().lock();
    for line in lines {
        let _ = writeln!(err, "{}", Line(line));
    }
}

/// Words that stand out on a terminal.
pub fn bold(text: &str) -> String {
    if coloured(&io::stdout()) {
        format!("\u{1b}[1m{text}\u{1b}[0m")
    } else {
        text.to_owned()
    }
}

/// Places on a line of stdout: those of `COLUMNS`, else of the terminal, 80 where it does not say, and as many as a wide table takes
/// in a file.
pub fn columns() -> usize {
    let said = std::env::var("COLUMNS")
        .ok()
        .and_then(|columns| columns.parse().ok());
    let own = || terminal_size_of(io::stdout()).map(|(Width(columns), _)| columns.into());
    let usual = if io::stdout().is_terminal() { 80 } else { 160 };
    let known = said.filter(|&columns: &usize| columns > 0).or_else(own);
    let known = known.filter(|&columns| columns > 0).unwrap_or(usual);
    // A format takes no greater width.
    known.min(u16::MAX.into())
}

/// Whether this goes to a terminal whose user has not asked for plain text (no-color.org).
fn coloured(stream: &impl IsTerminal) -> bool {
    let plain = std::env::var_os("NO_COLOR").is_some_and(|set| !set.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    stream.is_terminal() && !plain && !dumb
}
