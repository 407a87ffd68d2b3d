//! A tape records ordinary code on matrices as it runs, and then gives its derivatives, like TensorFlow's `tf.GradientTape`.
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
//! A value is a matrix; on the tape it is one column, which holds the columns of the matrix one after the other. An operation is a
//! [`pushpull_core::Block`] on the stacked columns of its operands. So a recorded program *is* a [`pushpull_core::Graph`] of one
//! sample, and derivatives are computed by the engines of the two modes, through the planner's
//! [`Prepared`](pushpull_planner::Prepared): this crate has no derivative rule and no chain rule of its own. Loops and branches are
//! Rust's; what ran is what is recorded.
//!
//! # What is differentiated
//! A [`Tape::variable`] is watched; a [`Tape::constant`] is watched after [`Tape::watch`]. A derivative may be taken with respect to any
//! watched or computed value (its *source*). If a result does not depend on a source, the derivative is exactly zero, and
//! [`Gradients::connection`] says so. [`Var::stop_gradient`] cuts one path; what is computed in [`Tape::stop_recording`] stays a
//! constant. A tape is persistent: derivatives can be taken any number of times, in any order, while more is recorded.
//!
//! # Errors
//! An operator cannot return a `Result`, so an error (shapes that do not match, a value of another tape) travels with the value.
//! What is computed from it carries the first error on, and a derivative that depends on it returns that error, with the operation,
//! both shapes and the line of the source code.
//!
//! # What does not compile
//! What is lent to a tape cannot be changed while the tape lives. It can be afterwards: a program keeps its own numbers.
//!
//! ```compile_fail,E0502
//! # use nalgebra::dmatrix; use pushpull_tape::Tape;
//! let mut w = dmatrix![3.0];
//! let tape = Tape::new();
//! let v = tape.variable(&w);
//! let y = v * v;
//! w[(0, 0)] = 5.0; // changed between recording and gradient
//! let _ = tape.gradient(&y, &[&v]);
//! ```
//! ```
//! # use nalgebra::dmatrix; use pushpull_tape::Tape;
//! let mut w = dmatrix![3.0];
//! let program = {
//!     let tape = Tape::new();
//!     let v = tape.variable(&w);
//!     let y = v * v;
//!     assert_eq!(tape.gradient(&y, &[&v])?[0], dmatrix![6.0]);
//!     tape.program(&y, &[&v])?
//! };
//! w[(0, 0)] = 5.0;
//! assert_eq!(program.params(), [3.0]);
//! # Ok::<(), pushpull_tape::Error>(())
//! ```
//!
//! A value ends with its tape; the matrix that it holds need not:
//!
//! ```compile_fail,E0597
//! # use nalgebra::dmatrix; use pushpull_tape::Tape;
//! let y = {
//!     let tape = Tape::new();
//!     let x = tape.variable(dmatrix![3.0]);
//!     x * x
//! };
//! assert_eq!(y.value()?, dmatrix![9.0]);
//! # Ok::<(), pushpull_tape::Error>(())
//! ```
//! ```
//! # use nalgebra::dmatrix; use pushpull_tape::Tape;
//! let y = {
//!     let tape = Tape::new();
//!     let x = tape.variable(dmatrix![3.0]);
//!     (x * x).value()?
//! };
//! assert_eq!(y, dmatrix![9.0]);
//! # Ok::<(), pushpull_tape::Error>(())
//! ```
//!
//! Values of two scalars do not mix, and one thread records on a tape; each thread can have a tape of its own:
//!
//! ```compile_fail,E0277
//! # use pushpull_tape::Tape;
//! let (single, double) = (Tape::<f32>::new(), Tape::<f64>::new());
//! let sum = single.scalar(1.0) + double.scalar(1.0);
//! ```
//! ```compile_fail,E0277
//! # use pushpull_tape::Tape;
//! let tape = Tape::<f64>::new();
//! std::thread::scope(|scope| {
//!     scope.spawn(|| tape.scalar(1.0));
//! });
//! ```
//! ```
//! # use pushpull_tape::Tape;
//! let (single, double) = (Tape::<f32>::new(), Tape::<f64>::new());
//! let sum = double.scalar(f64::from(single.scalar(1.0).number()?)) + double.scalar(1.0);
//! assert_eq!(sum.number()?, 2.0);
//! std::thread::scope(|scope| {
//!     scope.spawn(|| {
//!         let tape = Tape::<f64>::new();
//!         tape.scalar(1.0).number()
//!     });
//! });
//! # Ok::<(), pushpull_tape::Error>(())
//! ```
//!
//! # Again and again
//! Each derivative that is asked of a tape builds a graph, prepares an engine and runs it once. In a loop, do that once:
//! [`Tape::program`] gives the [`Program`], [`Program::prepare`] a [`Replay`], which runs on new values, allocates nothing and is as
//! fast as a graph of blocks.

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
