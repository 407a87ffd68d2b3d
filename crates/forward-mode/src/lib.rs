//! Forward mode: tangent matrices pushed through a graph, block by block.
//!
//! The lecture's algorithm (slide "Forward-mode autodiff (general)"), for each block i:
//!
//! 1. Compute the new output `h_i = f_i(h_(i-1), w_i)`.
//! 2. For `w_i`, start the tangent matrix `W^_i = dh_i/dw_i`.
//! 3. Push the tangent matrices of earlier parameters on: `W^_j = [dh_i/dh_(i-1)] W^_j`, j < i.
//!
//! [`textbook`] is that and nothing else, on plain matrices.
//!
//! At the end the sum of a tangent's entries is its gradient, and earlier values are gone: only two neighbouring
//! tangent matrices are alive at once. The tangent matrix of all parameters has n_out x batch x p entries, so a
//! [`Chunk`] of its columns is carried at a time; each chunk costs one primal sweep.
//!
//! [`Forward`] prepares this for a graph and a batch, and also pushes directions of the user's own (`jvp`) and the unit
//! vectors of the inputs. A column is never pushed through the blocks before its parameter's own, and unit seeds are
//! written, not multiplied.
//!
//! [`Structured`] does the same with tangent matrices in the form in which they are sparse: for one sample the tangent
//! matrix of a linear block is `x' (x) A`, and only A is pushed.
//!
//! The cost, in the counts of [`pushpull_core::Cost`]: for every chunk the primal, and for every block i
//! `jvp_input` with as many seeds as the chunk has parameters before it, which is `2 m n B` a seed for an m x n linear
//! block on B samples.

mod chunk;
mod emit;
mod forward;
mod forward_over_forward;
mod jacobian;
mod plan;
mod programs;
mod seeds;
mod setting;
mod structured;
pub mod textbook;

pub use chunk::Chunk;
pub use forward::{Bytes, Forward};
pub use forward_over_forward::{ForwardOverForward, ForwardOverForwardPlan};
pub use plan::Plan;
pub use pushpull_core::{Error, Result};
pub use structured::{Structured, StructuredPlan};
