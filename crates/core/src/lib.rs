//! Everything that forward and reverse mode share: numbers, blocks, graphs, programs.
//!
//! A network is a composition of blocks `h = f(x, w)` (lecture, equations 12-14). This crate defines what a block is
//! ([`Block`]), the scalars it runs at ([`Real`]), the ready-made [`blocks`], and the [`Graph`] that composes them.
//! The chain rule over a graph is run by the *engines* of the crates `pushpull-forward-mode` and `pushpull-reverse-mode`, which
//! depend on this crate and never on each other.
//!
//! # The laws of a block
//! Every engine relies on these, and nothing else:
//!
//! 1. A block is a function of *one* input matrix and its parameters. Column `j` of the output depends on column `j`
//!    of the input alone, and a block stores no data of a sample. The graph stacks several inputs into one (fan-in) and adds the
//!    cotangents of a value that is read more than once (fan-out), so no block knows the graph.
//! 2. The maps of a block are its function and its products with its two Jacobians. Input maps (`jvp_input`, `vjp_input`)
//!    overwrite their output; parameter maps overwrite or add, as [`Accum`] says: adding is for shared weights. `Set` on NaN
//!    equals `Add` on zeros.
//! 3. Several tangents or cotangents that are multiplied at once are called seeds. Their columns are ordered seed by seed: column
//!    `seed * batch + sample`.
//! 4. A block writes only its outputs, reads only what [`Spec::keeps`] declares, and allocates nothing. (Buffers that a thread makes
//!    once and keeps, as for a matrix product, do not count.)
//! 5. `<y_bar, J v> = <J' y_bar, v>`. The value comes first, the derivative second; a Jacobian is outputs x inputs.
//! 6. A zero seed is a structural zero: it gives exact zeros, even where the derivative is infinite.
//!
//! # Where there is no derivative
//! Where a slope (the derivative of one entry) is infinite or NaN, forward mode multiplies it by what arrives from the inputs and
//! reverse mode by what arrives from the output. Either may be 0, so the results need not agree. Therefore a block says
//! where its slopes may not be finite ([`Spec::singular`], [`Block::singular_at`]). If such a slope lies on a path from an input or
//! parameter of the derivative to the output, every engine returns the same [`Error::Singular`], whatever the seeds are. An output
//! that is NaN or has overflowed is [`Error::Undefined`]. An entry that [`blocks::Where`](struct@blocks::Where) does not select is on
//! no path, so that block is the remedy. These checks do not count as operations of a program: they take at most one slope per entry,
//! in the few blocks whose slopes have poles.
//!
//! A derivative may overflow on the way and become finite again by a slope that is small or 0; it would then be NaN in one mode
//! only. If an engine finds a derivative that is not finite, it computes it again from smaller seeds ([`program::in_range`]), which
//! allocates and is not predicted; a derivative that is still out of range is infinite or NaN, depending on the order of its sums.
//! Directions and cotangents that you give are not rescaled, and the products of mixed mode are not computed again.

pub mod alloc;
pub mod block;
pub mod blocks;
pub mod certificate;
pub mod cost;
pub mod count;
pub mod dual;
mod elementary;
pub mod engine;
pub mod erase;
pub mod error;
mod finite;
pub mod graph;
mod in_place;
#[cfg(all(feature = "instances", debug_assertions, not(test)))]
mod instances;
pub mod layout;
pub mod linalg;
pub mod mat;
pub mod mlp;
pub mod planes;
mod predict;
pub mod primal;
pub mod program;
pub mod question;
pub mod real;
pub mod rounded;
mod second_order;
#[doc(hidden)]
pub mod siblings;
pub mod team;
pub mod textbook;
mod vector;
mod vector_planes;

pub use block::{
    Accum, Block, Dims, InputJacobian, Keeps, Op, ParamJacobian, Point, Singular, Spec, Steep,
};
pub use cost::Cost;
pub use count::{Counted, count};
pub use dual::Dual;
pub use engine::Engine;
pub use erase::{AnyBlock, Scalar};
pub use error::{Error, Result};
pub use graph::{Builder, Graph, Value, Wrt};
pub use in_place::InPlace;
pub use layout::{Init, Layout, ParamShape, Role};
pub use mat::{Mat, MatMut};
pub use mlp::Mlp;
pub use predict::Prediction;
pub use primal::Primal;
pub use question::Question;
pub use real::Real;
pub use rounded::Rounded;
pub use second_order::SecondOrder;
pub use team::Team;

use siblings::{arena, figures, memory, quiet, work};
