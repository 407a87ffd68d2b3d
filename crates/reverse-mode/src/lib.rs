//! Reverse mode: record the primal program, then run the adjoint program over what it kept.
//!
//! The lecture's algorithm (slides "Reverse-mode autodiff"):
//!
//! 1. Compute the output of all layers, storing each intermediate value. Set `h~ = 1`.
//! 2. Going in reverse, `i = l, .., 1`, the gradient of the parameters of layer i is `[dh_i/dw_i]' h~`.
//! 3. `h~` becomes `[dh_i/dh_(i-1)]' h~`.
//!
//! [`textbook`] is that and nothing else, on plain matrices.
//!
//! [`Reverse`] prepares both programs for a graph and a batch: all memory is allocated there, and its size is the memory
//! figure. [`Reverse::record`] runs step 1 and hands out a [`Record`], [`Record::pullback`] runs steps 2 and 3, for one or
//! several cotangents side by side. A value is stored only if a block's [`pushpull_core::Keeps`] asks for it, and the
//! cotangent of an input that nobody asked for is never computed.
//!
//! The cost, in the counts of [`pushpull_core::Cost`]: the primal, plus for every block its `vjp_params` and, unless it
//! is the first, its `vjp_input`. That is about twice the primal again, whatever the number of parameters.
//!
//! [`Store`] says what the record keeps: all, or some of it, and the rest is computed again ([`checkpoint`]).
//!
//! [`HessianVector`] differentiates both programs once more, along directions: second derivatives.

pub mod checkpoint;
mod emit;
mod hessian_vector;
mod jacobian;
mod placed;
mod plan;
mod prepared;
mod programs;
mod purpose;
mod record;
mod reverse;
mod second;
mod takes;
pub mod textbook;
mod wanted;

pub use hessian_vector::HessianVector;
pub use plan::Plan;
pub use pushpull_core::{Error, Result};
pub use record::Record;
pub use reverse::{Bytes, Reverse, Store};
pub use second::HessianVectorPlan;
