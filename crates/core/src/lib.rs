//! Everything that forward and reverse mode share, and no engine.
//!
//! A network is a composition of blocks `h = f(x, w)` (lecture, equations 12-14). This crate defines what a block is
//! ([`Block`]), the scalars it runs at ([`Real`]), the ready-made [`blocks`], and the [`Graph`] that composes them.
//! How the chain rule is run over a graph is the business of the crates `pushpull-forward-mode` and
//! `pushpull-reverse-mode`, which see this crate and never each other.
//!
//! # The laws of a block
//! Every engine relies on these, and nothing else:
//!
//! 1. A block is a function of *one* input matrix and its parameters. Column `j` of the output depends on column `j`
//!    of the input alone, and a block holds no data of a sample. Fan-in is stacking and fan-out is summing, both the
//!    graph's work, so no block knows the graph.
//! 2. Input maps (`jvp_input`, `vjp_input`) assign; parameter maps set or add as told ([`Accum`]): adding is weight
//!    sharing. `Set` on NaN equals `Add` on zeros.
//! 3. Tangents and cotangents lie seed after seed: column `seed * batch + sample`.
//! 4. A block writes only its outputs, reads only what [`Spec::keeps`] declares, and allocates nothing. (What a map makes
//!    when it first runs on a thread and keeps, as a product's buffers, is none of its own.)
//! 5. `<y_bar, J v> = <J' y_bar, v>`. The value comes first, the derivative second; a Jacobian is outputs x inputs.
//! 6. A zero seed is a structural zero: it gives exact zeros, even where the derivative is infinite.
//!
//! # Where there is no derivative
//! Where a slope is infinite or NaN, forward mode multiplies it with what arrives from the inputs and reverse mode with
//! what arrives from the output. Either may be a zero, so the two cannot agree by arithmetic. Therefore a block says
//! where its slopes may not be finite ([`Spec::singular`], [`Block::singular_at`]), and an engine that meets such a
//! slope on a path from what it differentiates by to the output returns [`Error::Singular`], whatever the seeds are: the
//! same error from every engine. An output that is NaN or has overflowed is [`Error::Undefined`]. A path through an entry
//! that [`blocks::Where`](struct@blocks::Where) does not select is none: that block is the remedy. Looking is no part of a program's cost, as looking
//! for NaN in the data is none: at most a slope an entry of the few blocks whose slopes have poles.
//!
//! A derivative that leaves the range of numbers on its way although the output does not, and comes back by a slope that is
//! small or 0, would be NaN in one mode alone. What an engine finds not finite it computes again from smaller seeds
//! ([`program::in_range`]), which allocates and is in no prediction; what has left the range for good is infinite or NaN, by
//! the order of its sums. Directions and cotangents of your own are taken as they are, and the products of mixed mode are not
//! computed again.

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
