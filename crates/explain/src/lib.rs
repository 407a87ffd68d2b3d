//! What both modes do on a graph, in the lecture's notation: the primal program, the tangent program of forward mode and the
//! adjoint program of reverse mode, one instruction on each line, with its shape, flops and bytes; and equation 17 with the cost of
//! its brackets.
//!
//! ```
//! use pushpull_core::{Mlp, blocks::{Activation, Loss}};
//! use pushpull_explain::Explanation;
//! let graph = Mlp::new(&[2, 3, 1], Activation::Tanh).loss(Loss::Sum).build()?;
//! let told = Explanation::new::<f64>(&graph, 1)?;
//! let lines = |program: &pushpull_explain::Program| -> Vec<String> {
//!     program.instructions.iter().map(|instruction| instruction.text.clone()).collect()
//! };
//! assert_eq!(lines(&told.primal)[..2], ["h1 = layer0(x, w1)", "h2 = tanh0(h1)"]);
//! assert_eq!(lines(&told.tangent)[..2], ["Ŵ@h1 = ∂w1 h1", "Ŵ@h2 = [∂h1 h2]·Ŵ@h1"]);
//! assert_eq!(lines(&told.adjoint)[..2], ["h̃4 = 1", "h̃3 = [∂h3ᵀ h4]·h̃4"]);
//! println!("{told}");
//! # Ok::<(), pushpull_core::Error>(())
//! ```
//!
//! # What the numbers are
//! Nothing here is estimated, and this crate has no derivative rule: these are the instructions of the programs that the
//! engines run ([`pushpull_core::program::Program`]). So the flops and calls of all instructions of the primal and the tangent
//! program add up to what [`pushpull_forward_mode::Plan::prediction`] says for all columns at once, and
//! those of the primal and the adjoint program to [`pushpull_reverse_mode::Plan::prediction`], to the integer.
//!
//! | column | meaning |
//! |---|---|
//! | shape | rows x samples of what the instruction writes; of tangents, x the columns that are carried |
//! | flops, calls | as [`pushpull_core::Cost`] counts them, for the whole batch |
//! | bytes | of what the instruction writes: the numbers of its shape at the scalar |
//!
//! The bytes of all instructions together are more than an engine holds at once, because buffers are used again and some maps work in
//! place. What it holds at most is predicted separately: [`Takes::peak_bytes`].
//!
//! # Names of values
//! The k-th block writes `hk` and its parameters are `wk`; blocks that share parameters use the name of the first. Ŵ@hk is the tangent
//! matrix at the k-th block, with a column for each of its own and all earlier parameters; h̃k is the cotangent of `hk`, as on the
//! slides. Where a block has several inputs they are stacked, as `(h1, x)`. At `check`, an engine stops if a derivative does not exist.
//! The lecture's chain has one h̃; in a graph each value has its own, and the cotangents of a value that is read more than once are
//! added.

mod dot;
mod equation;
mod explanation;
mod instruction;
mod text;

pub use equation::Unrolled;
pub use explanation::{Explanation, Takes};
pub use instruction::{Instruction, Program};
