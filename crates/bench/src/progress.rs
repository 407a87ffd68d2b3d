//! One line on stderr that says what is running, how long it has taken and about how long the rest will take.
//!
//! On a terminal the line is drawn over itself; elsewhere (a log of a CI run) each step is a line of its own. Results
//! never go this way: stdout is theirs. A stderr that cannot be written to is ignored, because no measurement should
//! end for want of a reader.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

/// The widest line that an 80-column terminal shows without wrapping; a wrapped line cannot be drawn over.
const WIDTH: usize = 79;

/// Progress through steps of known weight (any unit: seconds expected, flops, or 1 for each).
///
/// ```
/// let mut progress = pushpull_bench::progress::Progress::start("width", 2.0);
/// progress.begin("64-8-10 reverse");
/// progress.finish(0.5);
/// progress.begin("64-128-10 reverse");
/// progress.finish(1.5);
/// progress.end();
/// ```
#[derive(Debug)]
pub struct Progress<W: Write = io::Stderr> {
    out: W,
    terminal: bool,
    title: String,
    total: f64,
    done: f64,
    since: Instant,
}

impl Progress {
    /// Starts the clock and writes to stderr. `total` is the sum of the weights of all steps.
    pub fn start(title: impl Into<String>, total: f64) -> Self {
        let out = io::stderr();
        let terminal = out.is_terminal();
        Self::on(out, terminal, title, total)
    }
}

impl<W: Write> Progress<W> {
    /// As [`Progress::start`], onto any writer; `terminal` says whether a line may be drawn over.
    pub fn on(out: W, terminal: bool, title: impl Into<String>, total: f64) -> Self {
        Self {
            out,
            terminal,
            title: title.into(),
            total,
            done: 0.0,
            since: Instant::now(),
        }
    }

    /// Shows the step that is about to run.
    pub fn begin(&mut self, step: &str) {
        let line = line(
            &self.title,
            step,
            self.done / self.total,
            self.since.elapsed(),
        );
        let _ = if self.terminal {
            write!(self.out, "\r{line:<WIDTH$}")
        } else {
            writeln!(self.out, "{line}")
        };
        let _ = self.out.flush();
    }

    /// Counts a step of this weight as done.
    pub fn finish(&mut self, weight: f64) {
        self.done += weight;
    }

    /// The last line: how long it all took.
    pub fn end(mut self) {
        let text = format!("{}: done in {}", self.title, clock(self.since.elapsed()));
        let _ = if self.terminal {
            writeln!(self.out, "\r{text:<WIDTH$}")
        } else {
            writeln!(self.out, "{text}")
        };
        let _ = self.out.flush();
    }
}

/// `width  41 %  0:12, about 0:17 left  64-128-10 reverse`. The rest is `elapsed (1 - share) / share`: as fast as
/// until now.
fn line(title: &str, step: &str, share: f64, elapsed: Duration) -> String {
    let share = if share.is_finite() {
        share.clamp(0.0, 1.0)
    } else {
        0.0
    };
    let rest = Duration::try_from_secs_f64(elapsed.as_secs_f64() * (1.0 - share) / share);
    let rest = match rest {
        Ok(rest) if share > 0.0 => format!("about {} left", clock(rest)),
        _ => "rest unknown".into(),
    };
    let text = format!(
        "{title} {:3.0} %  {}, {rest}  {step}",
        100.0 * share,
        clock(elapsed)
    );
    // Line breaks and the like would end the one line; a step's name may come from a file.
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(WIDTH)
        .collect()
}

/// `0:07`, `12:30`, `1:00:05`.
fn clock(time: Duration) -> String {
    let s = time.as_secs_f64().round() as u64;
    if s < 3600 {
        format!("{}:{:02}", s / 60, s % 60)
    } else {
        format!("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_estimate_is_proportional_and_never_wild() {
        let ten = Duration::from_secs(10);
        assert_eq!(
            line("width", "64-8-10", 0.25, ten),
            "width  25 %  0:10, about 0:30 left  64-8-10"
        );
        assert_eq!(
            line("width", "a", 0.0, ten),
            "width   0 %  0:10, rest unknown  a"
        );
        assert_eq!(
            line("width", "a", 7.0, ten),
            "width 100 %  0:10, about 0:00 left  a"
        );
        for odd in [f64::NAN, f64::INFINITY, -1.0, 1e-300] {
            assert!(line("w", "a", odd, ten).contains("rest unknown"), "{odd}");
        }
        assert_eq!(
            line("w", &"x\n".repeat(100), 0.5, ten).chars().count(),
            WIDTH
        );
        assert!(!line("w", "x\ny", 0.5, ten).contains('\n'));
        assert_eq!(clock(Duration::from_secs(3605)), "1:00:05");
    }

    #[test]
    fn a_log_gets_lines_and_a_terminal_one_line() {
        let run = |terminal| {
            let mut out = Vec::new();
            let mut progress = Progress::on(&mut out, terminal, "depth", 2.0);
            progress.begin("first");
            progress.finish(1.0);
            progress.begin("second");
            progress.finish(1.0);
            progress.end();
            String::from_utf8(out).unwrap()
        };
        let log = run(false);
        assert_eq!(log.lines().count(), 3);
        assert!(log.contains("depth  50 %") && !log.contains('\r'), "{log}");
        let screen = run(true);
        assert_eq!(
            (screen.matches('\n').count(), screen.matches('\r').count()),
            (1, 3)
        );
    }
}
