//! Reverse mode: record the primal program, then run the adjoint program over what it kept.
//!
//! The lecture's algorithm (slides "Reverse-mode autodiff"):
//!
//! 1. Compute the output of all layers, storing each intermediate value. Set `h~ = 1`.
//! 2. Going in reverse, `i = l, .., 1`, the gradient of the parameters of layer i is `[dh_i/dw_i]' h~`.
//! 3. `h~` becomes `[dh_i/dh_(i-1)]' h~`.
//!
//! [`textbook`] is exactly that, on plain matrices.
//!
//! [`Reverse`] prepares both programs for a graph and a batch and allocates all memory. [`Reverse::record`] runs step 1 and returns a
//! [`Record`], which holds the kept values; [`Record::pullback`] runs steps 2 and 3, for one or several cotangents at once. A value is
//! kept only if a block's [`pushpull_core::Keeps`] asks for it, and the cotangent of an input is computed only if it is asked for.
//!
//! The cost, as [`pushpull_core::Cost`] counts it: the primal, plus for every block its `vjp_params` and, unless it
//! is the first, its `vjp_input`. That adds about two primals, whatever the number of parameters.
//!
//! [`Store`] says what the record keeps: everything, or a part, so that the rest is computed again ([`checkpoint`]).
//!
//! [`HessianVector`] differentiates both programs once more, along directions: second derivatives.

pub mod checkpoint;
mod emit;
mod hessian_vector;
#[cfg(all(feature = "instances", debug_assertions, not(test)))]
mod instances;
mod jacobian;
mod parts;
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
