//! The libraries written in Rust: one file each, behind a feature each.

#[cfg(feature = "burn")]
mod burn;
#[cfg(feature = "candle")]
mod candle;
#[cfg(feature = "dfdx")]
mod dfdx;
#[cfg(feature = "echidna")]
mod echidna;
#[cfg(feature = "num-dual")]
mod num_dual;
pub mod pushpull;
#[cfg(any(feature = "echidna", feature = "num-dual"))]
mod scalar;

use std::fmt;

use crate::protocol::Job;

/// A library that a worker can time.
pub struct Library {
    /// As in the table.
    pub name: &'static str,
    /// Its package.
    package: &'static str,
    /// Whether its runs belong inside the thread pool, where entering it costs nothing.
    pub pooled: bool,
    /// Prepares a job and computes its result.
    pub prepare: fn(&Job) -> Result<Prepared, Refusal>,
}

/// A job that can be timed.
pub struct Prepared {
    /// The loss, 0 where the task has none.
    pub value: f64,
    /// The derivatives, empty where the task has none.
    pub result: Vec<f64>,
    /// How it is computed, in words.
    pub form: String,
    /// One run.
    pub run: Box<dyn FnMut()>,
    /// Whether a run is so short that one to warm up costs nothing.
    pub short: bool,
}

impl Prepared {
    /// A job whose result is known and that `compute` computes again.
    pub fn of<R>(
        form: &str,
        value: f64,
        result: Vec<f64>,
        mut compute: impl FnMut() -> R + 'static,
    ) -> Self {
        let run = move || {
            std::hint::black_box(compute());
        };
        Self {
            value,
            result,
            form: form.into(),
            run: Box::new(run),
            short: true,
        }
    }
}

/// Why a job is not timed.
#[derive(Debug)]
pub struct Refusal(String);

impl Refusal {
    pub fn new(why: impl Into<String>) -> Self {
        Self(why.into())
    }

    /// A task that the library has no function for.
    pub fn task(job: &Job) -> Self {
        Self(format!("offers no {}", job.task))
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<E: std::error::Error> From<E> for Refusal {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

/// Every library of this build, pushpull first.
pub const LIBRARIES: &[Library] = &[
    Library {
        name: "pushpull",
        package: "pushpull",
        pooled: false,
        prepare: pushpull::prepare,
    },
    #[cfg(feature = "dfdx")]
    Library {
        name: "dfdx",
        package: "dfdx",
        pooled: true,
        prepare: dfdx::prepare,
    },
    #[cfg(feature = "candle")]
    Library {
        name: "candle",
        package: "candle-core",
        pooled: true,
        prepare: candle::prepare,
    },
    #[cfg(feature = "burn")]
    Library {
        name: "burn",
        package: "burn",
        pooled: true,
        prepare: burn::prepare,
    },
    #[cfg(feature = "num-dual")]
    Library {
        name: "num-dual",
        package: "num-dual",
        pooled: false,
        prepare: num_dual::prepare,
    },
    #[cfg(feature = "echidna")]
    Library {
        name: "echidna",
        package: "echidna",
        pooled: false,
        prepare: echidna::prepare,
    },
];

impl Library {
    /// The library of a name, unless this build is without it.
    pub fn called(name: &str) -> Option<&'static Self> {
        LIBRARIES.iter().find(|library| library.name == name)
    }

    /// The locked version.
    pub fn version(&self) -> &'static str {
        let lock = include_str!("../../Cargo.lock");
        let head = format!("name = \"{}\"\nversion = \"", self.package);
        let rest = lock.split_once(&head).map_or("", |(_, rest)| rest);
        rest.split_once('"').map_or("", |(version, _)| version)
    }
}
