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
    run: Run,
}

impl Experiment {
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
        run: linear::run,
    },
    Experiment {
        name: "approximation",
        about: "error against hidden units, for bounded, unbounded and polynomial activations",
        run: approximation::run,
    },
    Experiment {
        name: "starts",
        about: "a network of three nodes from many starts: where gradient descent ends",
        run: starts::run,
    },
    Experiment {
        name: "descent",
        about: "gradient descent and SGD on two parameters, and on digits for several batch sizes",
        run: descent::run,
    },
    Experiment {
        name: "noise",
        about: "the noise of a mini-batch gradient against the size of the batch",
        run: noise::run,
    },
    Experiment {
        name: "cost",
        about: "the cost of a step against the size of the data set",
        run: cost::run,
    },
    Experiment {
        name: "projection",
        about: "the Jacobian of a linear projection, and why its vjp is cheap; shared weights",
        run: projection::run,
    },
    Experiment {
        name: "activations",
        about: "activation functions and their derivatives",
        run: activations::run,
    },
    Experiment {
        name: "depth",
        about: "vanishing and exploding gradients, layer by layer and against depth",
        run: depth::run,
    },
];

/// The experiment of a name.
pub fn named(name: &str) -> Option<&'static Experiment> {
    EXPERIMENTS
        .iter()
        .find(|experiment| experiment.name == name)
}
