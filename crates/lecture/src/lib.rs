//! The lecture's figures and claims, each an experiment: on the blocks and engines of this workspace, on real data where the
//! lecture speaks of data, with fixed seeds.
//!
//! An [`Experiment`] gives [`Figure`]s: a chart, a caption that explains it, and the claims that it judges with what was
//! measured. Nothing here prints or knows a path, so a server can show them as well; [`write()`] puts them into a
//! directory's edition, and [`section`] is their part of a report. No derivative rule and no loop of the chain rule lives
//! here.
//!
//! ```
//! use pushpull_bench::sweep::Extent;
//! let experiment = pushpull_lecture::named("activations").unwrap();
//! let figures = experiment.run(Extent::Quick)?;
//! let claim = &figures[0].claims[0];
//! assert!(claim.measured.contains("0.25"), "{}", claim.measured);
//! # Ok::<(), pushpull_lecture::Fault>(())
//! ```

use pushpull_bench::sweep::Extent;

mod activations;
mod approximation;
mod cost;
mod depth;
mod descent;
mod figure;
mod linear;
mod network;
mod noise;
mod projection;
mod starts;
mod wavy;

pub use figure::{Fault, Figure, section, write};
pub use wavy::Wavy;

type Run = fn(Extent) -> Result<Vec<Figure>, Fault>;

/// An experiment of the lecture.
#[derive(Clone, Copy, Debug)]
pub struct Experiment {
    /// Its name.
    pub name: &'static str,
    /// What it shows, in a line.
    pub about: &'static str,
    /// Quick and full.
    seconds: [f64; 2],
    run: Run,
}

impl Experiment {
    /// Seconds that it took on a core of an AMD EPYC: how long experiments are beside each other. Another machine takes longer
    /// or shorter for all of them.
    ///
    /// ```
    /// use pushpull_bench::sweep::Extent;
    /// let noise = pushpull_lecture::named("noise").unwrap();
    /// assert!(noise.seconds(Extent::Quick) < noise.seconds(Extent::Full));
    /// ```
    pub const fn seconds(&self, extent: Extent) -> f64 {
        match extent {
            Extent::Quick => self.seconds[0],
            Extent::Full => self.seconds[1],
        }
    }

    /// Runs it.
    ///
    /// # Errors
    /// [`Fault`]: the shipped data cannot be read, or a run diverged.
    pub fn run(&self, extent: Extent) -> Result<Vec<Figure>, Fault> {
        (self.run)(extent)
    }
}

/// Every experiment, in the order of the slides.
pub const EXPERIMENTS: [Experiment; 9] = [
    Experiment {
        name: "linear",
        about: "what a linear model cannot express, and one hidden layer can",
        seconds: [0.05, 0.15],
        run: linear::run,
    },
    Experiment {
        name: "approximation",
        about: "error against hidden units, for bounded, unbounded and polynomial activations",
        seconds: [0.1, 6.0],
        run: approximation::run,
    },
    Experiment {
        name: "starts",
        about: "a network of three nodes from many starts: where gradient descent ends",
        seconds: [0.1, 2.4],
        run: starts::run,
    },
    Experiment {
        name: "descent",
        about: "gradient descent and SGD on two parameters, and on digits for several batch sizes",
        seconds: [0.55, 4.5],
        run: descent::run,
    },
    Experiment {
        name: "noise",
        about: "the noise of a mini-batch gradient against the size of the batch",
        seconds: [0.42, 9.5],
        run: noise::run,
    },
    Experiment {
        name: "cost",
        about: "the cost of a step against the size of the data set",
        seconds: [0.06, 1.9],
        run: cost::run,
    },
    Experiment {
        name: "projection",
        about: "the Jacobian of a linear projection, and why its vjp is cheap; shared weights",
        seconds: [0.02, 0.02],
        run: projection::run,
    },
    Experiment {
        name: "activations",
        about: "activation functions and their derivatives",
        seconds: [0.04, 0.04],
        run: activations::run,
    },
    Experiment {
        name: "depth",
        about: "vanishing and exploding gradients, layer by layer and against depth",
        seconds: [0.06, 0.14],
        run: depth::run,
    },
];

/// The experiment of a name.
pub fn named(name: &str) -> Option<&'static Experiment> {
    EXPERIMENTS
        .iter()
        .find(|experiment| experiment.name == name)
}
