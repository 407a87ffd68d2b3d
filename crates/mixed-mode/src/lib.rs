//! Mixed mode: a Jacobian as a chain of products, bracketed in the cheapest way.
//!
//! The lecture unrolls a gradient into a product of local Jacobians (equation 17); of a chain of blocks `h_i = f_i(h_(i-1),
//! w_i)`, the Jacobian of the output h_l with respect to the input h_0 is
//!
//! `J = J_l J_(l-1) .. J_1`, `J_i = d h_i / d h_(i-1)`, n_i x n_(i-1) for each sample.
//!
//! A product of matrices is associative: brackets do not change it, but they change the work. *Forward mode* is the
//! bracketing `J_l (.. (J_2 (J_1 I)))`, n_0 columns wide everywhere; *reverse mode* is `(((I J_l) J_(l-1)) ..) J_1`, n_l
//! rows high everywhere. They are two bracketings among many, and where the chain has a narrow place between wide ones,
//! neither is the cheapest: a part that ends or starts in the narrow place has few rows or few columns, and its Jacobian
//! is cheap. Mixed mode searches all bracketings, and runs the best.
//!
//! # What is searched
//! [`Bracketing`] knows of every block what its [`Spec`](pushpull_core::Spec) declares, and finds the least number of flops
//! by dynamic programming over the ranges of blocks. With B samples, a range with n inputs and m outputs is the best of
//!
//! | way | flops |
//! |---|---|
//! | a linear layer: its weights are the Jacobian of every sample | 0 |
//! | a diagonal block: one tangent of ones | `jvp_input(B, 1)` |
//! | another block, by columns or rows | `jvp_input(B, n)` or `vjp_input(B, m)` |
//! | the product of two parts that meet at width k | `2 m k n B` |
//! | a diagonal part times a dense one, or a dense one times a diagonal | `m n B` |
//! | two diagonal parts | `n B` |
//! | the columns of the part below, pushed through the last block | `jvp_input(B, n)`; a diagonal: `jvp_input(B, 1)` |
//! | the rows of the part above, pulled through the first block | `vjp_input(B, m)`; a diagonal: `vjp_input(B, 1)` |
//!
//! where `jvp_input(B, S)` is what the block declares for B samples and S seeds. What does not depend on a sample (a linear
//! layer, a sum, a selection of rows, and products of such) is made once for the whole batch: then B is 1. Passing
//! several blocks matrix-free is passing one after the other, so the ways above are all there are. Equal flops are decided
//! by calls of elementary functions, then by entries copied. The bracketing's cost is what
//! [`Counted`](pushpull_core::Counted) counts, to the integer.
//!
//! The structure of a block's Jacobian in its *parameters* (Kronecker) has no part in this: the Jacobian here is in the
//! inputs.
//!
//! # How it is run
//! [`MixedMode`] runs the primal program and keeps what the steps will read, then makes the parts bottom up in buffers that
//! were placed beforehand. The Jacobians of a batch lie side by side as tangents do, column `seed * batch + sample`, or
//! transposed as cotangents do; so a matrix-free step, or a product with a linear layer, is one call for the whole batch.
//! The last step writes into the matrix that the caller gets.
//!
//! A product of accumulated Jacobians follows IEEE arithmetic: where a derivative is infinite, an infinity meets zeros
//! there that one of the pure modes would not have multiplied.
//!
//! # Without a graph
//! [`DenseChain`] plans a chain of dense matrices given by their sizes; [`plan_chain`] plans a file of factors given by
//! sizes and edges, with tangents and adjoints as choices. Both are pure functions.
//!
//! # Sources
//! A. Griewank and U. Naumann, *Accumulating Jacobians as chained sparse matrix products*, Math. Program. 95 (2003);
//! U. Naumann, *Optimization of generalized Jacobian chain products without memory constraints* (2020).

mod bracket;
mod bracketing;
mod chain;
mod dense;
mod drawing;
mod factor;
mod mixed;
mod program;
mod search;
mod stack;
mod step;
mod table;

pub use bracket::Bracket;
pub use bracketing::Bracketing;
pub use chain::{ChainError, ChainFactor, ChainPlan, plan_chain};
pub use dense::DenseChain;
pub use mixed::{Bytes, MixedMode, MixedPlan};
pub use step::Step;
