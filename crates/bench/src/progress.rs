//! One line on stderr that says what is running, how long it has taken and about how long the rest will take.
//!
//! On a terminal the line is a bar that is drawn over itself; elsewhere (a log of a CI run) each step is a line of its own.
//! Results never go this way: stdout is theirs. A stderr that cannot be written to is ignored, because no measurement should
//! end for want of a reader.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// The longest line of a log.
const WIDTH: usize = 79;

/// Parts of a bar: weights are numbers of any unit, a bar counts.
const PARTS: u64 = 10_000;

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
pub struct Progress {
    /// On a terminal.
    bar: Option<ProgressBar>,
    title: String,
    total: f64,
    done: f64,
    since: Instant,
}

impl Progress {
    /// Starts the clock and writes to stderr. `total` is the sum of the weights of all steps.
    pub fn start(title: impl Into<String>, total: f64) -> Self {
        let title = title.into();
        let bar = io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::with_draw_target(Some(PARTS), ProgressDrawTarget::stderr());
            let style = ProgressStyle::with_template(
                "{prefix} {bar:20} {percent:>3} %  {elapsed}, {eta} left  {wide_msg}",
            );
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar.set_prefix(title.clone());
            bar
        });
        Self {
            bar,
            title,
            total,
            done: 0.0,
            since: Instant::now(),
        }
    }

    /// Shows the step that is about to run.
    pub fn begin(&mut self, step: &str) {
        let share = self.done / self.total;
        match &self.bar {
            Some(bar) => {
                bar.set_position((share * PARTS as f64) as u64);
                bar.set_message(plain(step));
            }
            None => log(&line(&self.title, step, share, self.since.elapsed())),
        }
    }

    /// Says on a terminal what of the step is running; a log has a line for the step alone.
    pub fn detail(&mut self, words: &str) {
        if let Some(bar) = &self.bar {
            bar.set_position((self.done / self.total * PARTS as f64) as u64);
            bar.set_message(plain(words));
        }
    }

    /// Whether it is a bar on a terminal, and not lines of a log.
    pub const fn is_bar(&self) -> bool {
        self.bar.is_some()
    }

    /// Counts a step of this weight as done.
    pub fn finish(&mut self, weight: f64) {
        self.done += weight;
    }

    /// The last line: how long it all took.
    pub fn end(self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        let time = clock(self.since.elapsed());
        log(&format!("{}: done in {time}", self.title));
    }
}

fn log(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// Line breaks and the like would end the one line; a step's name may come from a file.
fn plain(text: &str) -> String {
    let printed = |c: char| if c.is_control() { ' ' } else { c };
    text.chars().map(printed).collect()
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
        _ => "time left unknown".into(),
    };
    let text = format!(
        "{title} {:3.0} %  {}, {rest}  {step}",
        100.0 * share,
        clock(elapsed)
    );
    plain(&text).chars().take(WIDTH).collect()
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
            "width   0 %  0:10, time left unknown  a"
        );
        assert_eq!(
            line("width", "a", 7.0, ten),
            "width 100 %  0:10, about 0:00 left  a"
        );
        for odd in [f64::NAN, f64::INFINITY, -1.0, 1e-300] {
            assert!(
                line("w", "a", odd, ten).contains("time left unknown"),
                "{odd}"
            );
        }
        assert_eq!(
            line("w", &"x\n".repeat(100), 0.5, ten).chars().count(),
            WIDTH
        );
        assert!(!line("w", "x\ny", 0.5, ten).contains('\n'));
        assert_eq!(clock(Duration::from_secs(3605)), "1:00:05");
    }
}
