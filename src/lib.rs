//! Forward- and reverse-mode automatic differentiation over one definition of a block.
//!
//! ```
//! # use pushpull::{Init, Mlp, Reverse, blocks::Activation, dmatrix};
//! let graph = Mlp::new(&[2, 16, 1], Activation::Tanh).build()?;
//! let (params, mut reverse) = (graph.layout().init::<f64>(Init::Glorot, 1), Reverse::new(&graph, 1)?);
//! let (value, gradient) = reverse.value_and_gradient(&params, &dmatrix![0.5; -1.0])?;
//! # assert!(value.is_finite() && gradient.len() == params.len());
//! # Ok::<(), pushpull::Error>(())
//! ```
//!
//! A network is a composition of blocks `h = f(x, w)` ([`Mlp`], or a [`Builder`] for any graph). One definition of a block
//! serves every way of running the chain rule: [`Forward`] pushes tangent matrices through the graph, [`Reverse`] records it and
//! pulls cotangents back, and both predict their cost, in counted operations and in bytes, before they run:
//!
//! ```
//! use pushpull::blocks::{Activation, Loss};
//! use pushpull::{Forward, Init, Mlp, Question, Reverse, dmatrix};
//!
//! let graph = Mlp::new(&[2, 16, 1], Activation::Tanh).loss(Loss::SquaredError).build()?;
//! let params: Vec<f64> = graph.layout().init(Init::Glorot, 1);
//! let data = dmatrix![0.0, 1.0, 0.5; 1.0, 0.0, 0.5; 1.0, 1.0, 0.0]; // a sample a column: x, x, target
//! let (mut forward, mut reverse) = (Forward::new(&graph, 3)?, Reverse::new(&graph, 3)?);
//! let (value, pushed) = forward.value_and_gradient(&params, &data)?;
//! let (same, pulled) = reverse.value_and_gradient(&params, &data)?;
//! assert!((value - same).abs() < 1e-12 && pushed.iter().zip(pulled).all(|(a, b)| (a - b).abs() < 1e-12));
//! let plans = (Forward::plan(&graph, 3, Question::Gradient), Reverse::plan(&graph, 3, Question::Gradient));
//! println!("forward: {}\nreverse: {}", plans.0.prediction::<f64>()?, plans.1.prediction::<f64>()?);
//! # Ok::<(), pushpull::Error>(())
//! ```
//!
//! # Features
//! | feature | what | default |
//! |---|---|---|
//! | `tape` | ordinary code, recorded as it runs | yes |
//! | `planner` | the fastest way to a derivative within a budget of memory | yes |
//! | `mixed` | Jacobians by the cheapest bracketing | yes |
//! | `train` | mini-batches, optimisers, checkpoints, model selection | |
//! | `laws` | the laws of a block, checked on random data; depends on proptest | |
//! | `explain` | programs as text, JSON and drawings, with costs | |
//! | `xray` | the size of a gradient and what changes it, block by block | |

pub use nalgebra;
pub use pushpull_core::{
    Accum, AnyBlock, Block, Builder, Cost, Counted, Dims, Dual, Engine, Error, Graph, InPlace,
    Init, InputJacobian, Keeps, Layout, Mat, MatMut, Mlp, Op, ParamJacobian, ParamShape, Point,
    Prediction, Primal, Question, Real, Role, Rounded, Scalar, SecondOrder, Singular, Spec, Steep,
    Team, Value, Wrt, assert_cost, blocks, certificate, cost, count, graph, linalg, planes,
};
pub use pushpull_forward_mode::{Chunk, Forward, ForwardOverForward, Structured};
#[cfg(feature = "mixed")]
pub use pushpull_mixed_mode::{
    ChainError, ChainFactor, ChainPlan, DenseChain, MixedMode, plan_chain,
};
#[cfg(feature = "planner")]
pub use pushpull_planner::{
    Answer, Budget, Calibration, Candidate, Plan, PlanError, Planned, Prepared, Seeds, Way,
};
pub use pushpull_reverse_mode::{HessianVector, Record, Reverse, Store, checkpoint};

#[cfg(feature = "explain")]
pub use pushpull_explain as explain;
#[cfg(feature = "laws")]
pub use pushpull_laws as laws;
/// Ordinary code, recorded as it runs: [`tape::Tape`].
#[cfg(feature = "tape")]
pub use pushpull_tape as tape;
#[cfg(feature = "train")]
pub use pushpull_train as train;
#[cfg(feature = "xray")]
pub use pushpull_xray as xray;

/// A matrix, row by row: nalgebra's macro of this name for those who have no nalgebra of their own.
///
/// ```
/// use pushpull::dmatrix;
/// let matrix = dmatrix![1.0, 2.0; 3.0, 4.0; 5.0, 6.0];
/// assert_eq!((matrix.shape(), matrix[(2, 0)]), ((3, 2), 5.0));
/// ```
///
/// Rows of different lengths do not compile:
///
/// ```compile_fail
/// pushpull::dmatrix![1.0, 2.0; 3.0];
/// ```
#[macro_export]
macro_rules! dmatrix {
    ($($($entry:expr),+ $(,)?);+ $(;)?) => {
        $crate::from_rows([$([$($entry),+]),+])
    };
}

/// What [`dmatrix!`] calls.
#[doc(hidden)]
pub fn from_rows<T: nalgebra::Scalar, const R: usize, const C: usize>(
    rows: [[T; C]; R],
) -> nalgebra::DMatrix<T> {
    nalgebra::DMatrix::from_row_iterator(R, C, rows.into_iter().flatten())
}

pub mod tutorial;

/// The slides' two algorithms line by line, on plain matrices: to be read, and to check engines with.
pub mod textbook {
    pub use pushpull_core::textbook::{Applied, primal, stack, values};
    pub use pushpull_forward_mode::textbook as forward_mode;
    pub use pushpull_reverse_mode::textbook as reverse_mode;
}

/// The README's example is a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
