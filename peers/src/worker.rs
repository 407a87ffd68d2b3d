//! The worker's side of the protocol, for the libraries written in Rust.

use std::io::{BufRead, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use crate::peers::{Library, Prepared, Refusal};
use crate::protocol::{Answer, Ask, Job, write_numbers};

/// Runs shorter than this are preceded by one that is not timed: what ran before has taken the caches.
const WARM: Duration = Duration::from_millis(100);

/// Answers until the input ends.
///
/// # Errors
/// Input that is not the protocol's, output that nobody reads.
pub fn serve(
    library: &Library,
    input: impl BufRead,
    mut output: impl Write,
) -> std::io::Result<()> {
    let mut say = |answer: &Answer| -> std::io::Result<()> {
        let line = serde_json::to_string(answer)?;
        writeln!(output, "{line}")?;
        output.flush()
    };
    say(&Answer::Ready {
        version: library.version().into(),
    })?;
    let mut prepared: Option<Prepared> = None;
    for line in input.lines() {
        let ask: Ask = serde_json::from_str(&line?)?;
        let answer = match ask {
            Ask::Prepare(job) => {
                prepared = None;
                match prepare(library, &job) {
                    Ok(ready) => {
                        let (value, form) = (ready.value, ready.form.clone());
                        prepared = Some(ready);
                        Answer::Prepared { value, form }
                    }
                    Err(refusal) => Answer::Refused {
                        why: refusal.to_string(),
                    },
                }
            }
            Ask::Time { repeats } => match &mut prepared {
                Some(prepared) => Answer::Timed {
                    seconds: time(prepared, repeats),
                },
                None => Answer::Refused {
                    why: "nothing is prepared".into(),
                },
            },
            Ask::Forget => {
                prepared = None;
                Answer::Forgotten
            }
        };
        say(&answer)?;
    }
    Ok(())
}

/// A library that panics refuses; its worker lives on.
fn prepare(library: &Library, job: &Job) -> Result<Prepared, Refusal> {
    let attempt = || -> Result<Prepared, Refusal> {
        let mut prepared = (library.prepare)(job)?;
        write_numbers(&job.result, &prepared.result)?;
        prepared.result = Vec::new();
        let since = Instant::now();
        (prepared.run)();
        prepared.short = since.elapsed() < WARM;
        Ok(prepared)
    };
    catch_unwind(AssertUnwindSafe(attempt)).unwrap_or_else(|panic| {
        let words = panic
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned()));
        Err(Refusal::new(format!(
            "panicked: {}",
            words.unwrap_or_default()
        )))
    })
}

/// Seconds of one of `repeats` runs.
fn time(prepared: &mut Prepared, repeats: u64) -> f64 {
    if prepared.short {
        (prepared.run)();
    }
    let since = Instant::now();
    for _ in 0..repeats {
        (prepared.run)();
    }
    since.elapsed().as_secs_f64() / repeats as f64
}
