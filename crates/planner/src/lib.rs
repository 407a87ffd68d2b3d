//! Which way to a derivative is the fastest within a budget of memory: predicted for every candidate, picked, and run.
//!
//! ```
//! use pushpull_core::{Mlp, blocks::{Activation, Loss}};
//! use pushpull_planner::{Answer, Budget, Plan, Question};
//! let graph = Mlp::new(&[4, 16, 1], Activation::Tanh).loss(Loss::SquaredError).build()?;
//! let mut plan = Plan::<f64>::new(&graph, 8, Question::Gradient, Budget::Unlimited)?;
//! println!("{plan}"); // the table of candidates, and why one was picked
//! let (params, x) = (vec![0.1; graph.n_params()], nalgebra::DMatrix::from_element(5, 8, 0.5));
//! let Answer::Gradient(value, gradient) = plan.run(&params, &x)? else { unreachable!() };
//! assert!(value.is_finite() && gradient.len() == graph.n_params());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The questions and their candidates
//! | question | forward | reverse | mixed |
//! |---|---|---|---|
//! | [`Question::Gradient`] | tangents of unit vectors: dense, in chunks, structured | record and pullback, with checkpoints | - |
//! | [`Question::Jvp`] | k directions: at once, in chunks | the Jacobian's rows, times the directions | - |
//! | [`Question::Vjp`] | the Jacobian's columns, times the cotangents | k cotangents, side by side | - |
//! | [`Question::JacobianParams`] | columns: at once, in chunks | rows, side by side | - |
//! | [`Question::JacobianInputs`] | columns: at once, in chunks | rows, side by side | the cheapest bracketing of a chain |
//! | [`Question::GradientNorms`] | - | factors of each sample's gradient | - |
//! | [`Question::HessianVector`] | forward over forward | on planes, or by duals | - |
//!
//! # How a time is predicted
//! Each engine lists what it would do ([`pushpull_core::siblings::work::Work`]): which maps of which blocks with how many samples and
//! seeds (tangents or cotangents at once), how often, and its own products, copies and sums. A [`Calibration`] holds the measured time
//! of each on this machine, with operands in the fastest cache that they fit in. If the whole computation uses more memory, the
//! operands lie in a slower cache or in main memory, and every byte adds the difference:
//!
//! `seconds = sum over items of times (measured(item, width) + bytes(item) (s(bytes in use) - s(bytes(item))))`,
//!
//! where s(W) is the time per byte, in seconds, of a loop over W bytes. Flops and bytes are exact and come from the engines'
//! own predictions ([`pushpull_core::Prediction`]).

mod calibration;
mod candidate;
mod engine;
mod error;
mod plan;
mod prepared;
mod question;
mod survey;
mod time;

#[doc(hidden)]
pub use calibration::Timed;
pub use calibration::{CacheError, Calibration};
pub use candidate::{Candidate, Way};
pub use error::PlanError;
pub use plan::{Plan, Planned};
pub use prepared::Prepared;
pub use pushpull_core::question::{Question, QuestionError};
pub use pushpull_core::{Error, Result};
pub use question::{Answer, Budget, Seeds};
pub use survey::predictions;
