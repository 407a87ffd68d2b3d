//! Forward mode: tangent matrices pushed through a graph, block by block.
//!
//! The lecture's algorithm (slide "Forward-mode autodiff (general)"), for each block i:
//!
//! 1. Compute the new output `h_i = f_i(h_(i-1), w_i)`.
//! 2. For `w_i`, start the tangent matrix `W^_i = dh_i/dw_i`.
//! 3. Push the tangent matrices of earlier parameters on: `W^_j = [dh_i/dh_(i-1)] W^_j`, j < i.
//!
//! [`textbook`] is exactly that, on plain matrices.
//!
//! At the end, the sums of a tangent matrix's columns are the gradient. Only two neighbouring tangent matrices are in memory at
//! once. The tangent matrix of all parameters has n_out x batch x p entries, so it is pushed in chunks, some columns at a time
//! ([`Chunk`]); each chunk costs one run of the primal.
//!
//! [`Forward`] prepares this for a graph and a batch. It also pushes directions that you give (`jvp`) and the unit vectors of the
//! inputs. A column starts at the block of its parameter, not earlier, and the derivative of a block in its own parameters is written
//! directly, without a multiplication.
//!
//! [`Structured`] does the same with tangent matrices as Kronecker products: for one sample, the tangent matrix of a linear block is
//! `x' (x) A`, and only A is pushed.
//!
//! The cost, as [`pushpull_core::Cost`] counts it: for every chunk, the primal and, for every block i, `jvp_input` with one seed for
//! each of the chunk's parameters before block i. That is `2 m n B` per seed for an m x n linear block on B samples.

mod chunk;
mod emit;
mod forward;
mod forward_over_forward;
#[cfg(all(feature = "instances", debug_assertions, not(test)))]
mod instances;
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
