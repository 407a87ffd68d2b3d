//! A tape: ordinary code on matrices is recorded as it runs, and then asked for derivatives.
//!
//! ```
//! use nalgebra::dmatrix;
//! use pushpull_tape::Tape;
//! let tape = Tape::new();
//! let (x, w) = (tape.constant(dmatrix![1.0, 2.0]), tape.variable(dmatrix![3.0; 4.0]));
//! let y = x.matmul(w).tanh().sum();
//! let gradient = tape.gradient(&y, &[&w])?;
//! let slope = 1.0 - 11f64.tanh().powi(2);
//! assert!((gradient[0][(1, 0)] - 2.0 * slope).abs() < 1e-12);
//! # Ok::<(), pushpull_tape::Error>(())
//! ```
//!
//! # What is recorded
//! A value is a matrix; on the tape it is one column, its entries column by column. An operation is a
//! [`pushpull_core::Block`] on the columns of its operands, stacked. So a recorded program *is* a [`pushpull_core::Graph`] of
//! one sample, and every question goes to the engines of the two modes, through the planner's
//! [`Prepared`](pushpull_planner::Prepared): this crate holds no derivative rule and runs no chain rule. Control flow is Rust's;
//! what ran is what is recorded.
//!
//! # Who depends on what
//! [`Tape::variable`] is watched, [`Tape::constant`] is not until [`Tape::watch`] is told so. Any watched or computed value can
//! be a source of a derivative. A source that a result does not depend on gets exact zeros, and
//! [`Gradients::connection`] says so. [`Var::stop_gradient`] cuts one path; what runs in [`Tape::stop_recording`] is a constant
//! for good. A tape is persistent: it answers any number of questions, in any order, while more is recorded.
//!
//! # Faults
//! An operator cannot return a `Result`, so a fault travels with the value: shapes that do not match, a value of another tape.
//! Whatever is computed from it carries the first fault on, and the question that depends on it returns it, with the operation,
//! both shapes and the line of the source where it was written. What is lent to a tape cannot be changed while the tape lives:
//!
//! ```compile_fail
//! let mut w = nalgebra::dmatrix![3.0];
//! let tape = pushpull_tape::Tape::new();
//! let v = tape.variable(&w);
//! let y = v * v;
//! w[(0, 0)] = 5.0; // changed between recording and gradient
//! let _ = tape.gradient(&y, &[&v]);
//! ```
//!
//! # Again and again
//! A question of a tape builds a graph, prepares an engine and runs it once. A loop does that once: [`Tape::program`] gives the
//! [`Program`], [`Program::prepare`] a [`Replay`], which runs on new values, allocates nothing and is as fast as the graph.

mod arithmetic;
mod ask;
mod connection;
mod error;
mod functions;
mod gradients;
mod jacobian;
mod leaf;
mod matrix;
mod number;
mod program;
mod replay;
mod state;
mod tape;
mod var;

pub use ask::{Ask, Mode};
pub use connection::Connection;
pub use error::{Error, Result};
pub use gradients::Gradients;
pub use jacobian::Jacobian;
pub use leaf::Leaf;
pub use number::Number;
pub use program::Program;
pub use replay::{Pulled, Replay};
pub use tape::Tape;
pub use var::{Key, Var};
