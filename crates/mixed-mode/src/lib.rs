//! Mixed mode: a Jacobian as a chain of products, bracketed in the cheapest way.
//!
//! The lecture unrolls a gradient into a product of local Jacobians (equation 17). For a chain of blocks `h_i = f_i(h_(i-1), w_i)`, the
//! Jacobian of the output h_l with respect to the input h_0 is
//!
//! `J = J_l J_(l-1) .. J_1`, `J_i = d h_i / d h_(i-1)`, n_i x n_(i-1) for each sample.
//!
//! A product of matrices is associative: brackets do not change it, but they change the work. *Forward mode* is the
//! bracketing `J_l (.. (J_2 (J_1 I)))`, whose products all have n_0 columns; *reverse mode* is `(((I J_l) J_(l-1)) ..) J_1`, whose
//! products all have n_l rows. There are many other bracketings, and where the chain has a narrow layer between wide ones,
//! neither of the two is the cheapest: a part that ends or starts in the narrow layer has few rows or few columns, and its
//! Jacobian is cheap. Mixed mode searches all bracketings, and runs the best.
//!
//! # What is searched
//! [`Bracketing`] takes the cost of every block from its [`Spec`](pushpull_core::Spec), and finds the least number of flops by dynamic
//! programming over the ranges of blocks. With B samples, the Jacobian of a range with n inputs and m outputs is the cheapest of
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
//! where `jvp_input(B, S)` is the cost that the block declares for B samples and S seeds (tangents pushed at once). A Jacobian that does
//! not depend on the sample (of a linear layer, a sum, a selection of rows, and products of these) is made once for the whole
//! batch: then B is 1. To push through several blocks is to push through one after the other, so this list is complete. If flops are
//! equal, fewer calls of elementary functions decide, then fewer entries copied. The bracketing's cost is exactly what
//! [`Counted`](pushpull_core::Counted) counts.
//!
//! The Jacobian here is in the inputs; the structure of Jacobians in the *parameters* (Kronecker products) is not used.
//!
//! # How it is run
//! [`MixedMode`] runs the primal program and keeps what the steps will read, then computes the parts from the smallest on, in buffers
//! that were allocated beforehand. The Jacobians of a batch are stored as tangents are, in column `seed * batch + sample`, or
//! transposed as cotangents are; so pushing or pulling through a block, or a product with a linear layer, is one call for the whole
//! batch. The last step writes into the matrix that is returned.
//!
//! A product of Jacobians follows IEEE arithmetic: where a derivative is infinite, it may be multiplied by zeros that forward or
//! reverse mode alone would not have met, and the result is NaN.
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
