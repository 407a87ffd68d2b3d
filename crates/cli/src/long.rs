//! Runs that take long: what they are predicted to take is said before they start, with what would be faster, and they show
//! how far they are.

use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use pushpull_bench::progress::Progress;

use crate::screen;

mod forecast;

pub use forecast::{explanation, gradient, inside, training};

/// Seconds from which on a run is a long one.
const LONG: f64 = 60.0;

/// Another run that would do.
#[derive(Clone, Debug, PartialEq)]
pub struct Faster {
    /// What the user has to ask for.
    how: String,
    /// What that is predicted to take, where it is known.
    seconds: Option<f64>,
}

impl Faster {
    pub fn new(how: impl Into<String>, seconds: impl Into<Option<f64>>) -> Self {
        Self {
            how: how.into(),
            seconds: seconds.into(),
        }
    }
}

/// What is predicted for a run, and what would be faster.
#[derive(Clone, Debug, PartialEq)]
pub struct Forecast {
    pub what: String,
    pub seconds: f64,
    /// Where the seconds are from, if not from this machine.
    pub source: Option<&'static str>,
    pub faster: Vec<Faster>,
}

impl Forecast {
    /// What is to be said before the run: nothing of a short one. Other ways are named where they save a fifth, the fastest first.
    pub fn words(&self) -> Option<String> {
        if self.seconds.is_nan() || self.seconds <= LONG {
            return None;
        }
        let mut worth: Vec<&Faster> = self
            .faster
            .iter()
            .filter(|other| {
                other
                    .seconds
                    .is_none_or(|seconds| seconds < 0.8 * self.seconds)
            })
            .collect();
        let seconds = |other: &Faster| other.seconds.unwrap_or(f64::INFINITY);
        worth.sort_by(|a, b| seconds(a).total_cmp(&seconds(b)));
        let words: Vec<String> = worth
            .iter()
            .map(|other| match other.seconds {
                Some(seconds) => format!("{} ({})", other.how, span(seconds)),
                None => other.how.clone(),
            })
            .collect();
        let faster = match words.is_empty() {
            true => String::new(),
            false => format!("; faster: {}", words.join(", or ")),
        };
        Some(format!(
            "{}: predicted to take {}{}{faster}",
            self.what,
            span(self.seconds),
            self.source
                .map(|source| format!(", {source}"))
                .unwrap_or_default()
        ))
    }

    /// Says it on stderr, and shows how far the run is until what it gives is dropped.
    #[must_use]
    pub fn wait(&self) -> Option<Waiting> {
        self.announce().then(|| Waiting::start(self))
    }

    /// Says it on stderr; whether there was anything to say.
    pub fn announce(&self) -> bool {
        let words = self.words();
        screen::remark(words.as_slice());
        words.is_some()
    }
}

/// A time as people say it.
fn span(seconds: f64) -> String {
    let whole = |seconds: f64, unit: f64| (seconds / unit).round();
    match seconds {
        s if s < 1.0 => "less than a second".into(),
        s if s < 90.0 => format!("about {s:.0} s"),
        s if s < 90.0 * 60.0 => format!("about {} min", whole(s, 60.0)),
        s if s < 48.0 * 3600.0 => format!("about {} h", whole(s, 3600.0)),
        s => format!("about {} days", whole(s, 86_400.0)),
    }
}

/// Shows how far a run is by its prediction, from a thread of its own: the run itself is one call.
#[derive(Debug)]
pub struct Waiting {
    done: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Waiting {
    fn start(forecast: &Forecast) -> Self {
        let (done, waits) = mpsc::channel();
        let (what, seconds) = (forecast.what.clone(), forecast.seconds);
        let show = move || {
            let mut progress = Progress::start("running", seconds);
            // A bar moves, a log gets a line now and then.
            let pause = match progress.is_bar() {
                true => Duration::from_secs(1),
                false => Duration::from_secs(30),
            };
            let (began, mut shown) = (Instant::now(), 0.0);
            loop {
                progress.begin(&what);
                if waits.recv_timeout(pause) != Err(RecvTimeoutError::Timeout) {
                    break;
                }
                // A prediction that was too low leaves a little for ever.
                let now = began.elapsed().as_secs_f64().min(0.99 * seconds);
                progress.finish(now - shown);
                shown = now;
            }
            progress.end();
        };
        let thread = std::thread::Builder::new().spawn(show).ok();
        Self {
            done: Some(done),
            thread,
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        drop(self.done.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forecast(seconds: f64) -> Forecast {
        Forecast {
            what: "gradient by forward chunked".into(),
            seconds,
            source: None,
            faster: vec![
                Faster::new("--dtype f32", 0.6 * seconds),
                Faster::new("--mode reverse", 0.3),
                Faster::new("--mode structured", 0.9 * seconds),
                Faster::new("a smaller --batch", None),
            ],
        }
    }

    #[test]
    fn a_minute_is_short_and_more_is_long() {
        for short in [0.0, 1.0, 60.0, f64::NAN] {
            assert_eq!(forecast(short).words(), None, "{short}");
        }
        assert!(forecast(60.1).words().is_some());
        assert!(forecast(f64::INFINITY).words().is_some());
    }

    #[test]
    fn what_would_be_faster_is_named_fastest_first_with_its_time() {
        assert_eq!(
            forecast(600.0).words().unwrap(),
            "gradient by forward chunked: predicted to take about 10 min; faster: --mode reverse (less than a second), \
             or --dtype f32 (about 6 min), or a smaller --batch"
        );
        let alone = Forecast {
            faster: Vec::new(),
            ..forecast(7.3e5)
        };
        let words = "gradient by forward chunked: predicted to take about 8 days";
        assert_eq!(alone.words().unwrap(), words);
        let told = Forecast {
            source: Some("a rough figure"),
            ..alone
        };
        assert_eq!(told.words().unwrap(), format!("{words}, a rough figure"));
    }

    #[test]
    fn waiting_ends_with_the_run() {
        let waiting = Waiting::start(&forecast(600.0));
        assert!(waiting.thread.is_some());
        drop(waiting);
    }
}
