//! What both modes do to a graph, written as the lecture writes it: the primal program, the tangent program of forward mode
//! and the adjoint program of reverse mode, an instruction a line, each with its shape, flops and bytes; and equation 17
//! with the cost of its brackets.
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
//! Nothing here is estimated, and no rule of a derivative is written here: these are the instructions of the programs that the
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
//! Bytes written are not bytes held: values die, and maps work in place. What an engine holds at once is its own
//! prediction, [`Takes::peak_bytes`].
//!
//! # How values are called
//! The k-th block writes `hk` and its parameters are `wk`; blocks that share parameters share the first one's name. Ŵ@hk is
//! the tangent matrix at the k-th block, a column a parameter before it and of its own; h̃k the cotangent of `hk`, as on the slides.
//! Several sources of a block are stacked, as `(h1, x)`. `check` is where an engine stops if a derivative does not exist. In a chain the lecture has one h̃; in a graph a
//! value has its own, and where a value is read more than once the cotangents add.

mod dot;
mod equation;
mod explanation;
mod instruction;
mod names;
mod text;

pub use equation::Unrolled;
pub use explanation::{Explanation, Takes};
pub use instruction::{Instruction, Program};
