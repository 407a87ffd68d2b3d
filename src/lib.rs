//! Forward- and reverse-mode automatic differentiation over one definition of a block.
//!
//! A network is a composition of blocks `h = f(x, w)`. One definition of a block serves every way of running the chain
//! rule: [`Forward`] pushes tangent matrices through the graph, [`Reverse`] records it and pulls cotangents back, and
//! both know what they cost, in counted operations and in bytes.
//!
//! ```
//! use pushpull::blocks::{Linear, SquaredError, Tanh};
//! use pushpull::nalgebra::dmatrix;
//! use pushpull::{Builder, Forward, Init, Reverse};
//!
//! let mut net = Builder::new();
//! let (x, target) = (net.input("x", 2), net.constant("target", 1));
//! let h = net.named("layer0", Linear::new(2, 16), x);
//! let h = net.map(Tanh, h);
//! let h = net.named("layer1", Linear::new(16, 1), h);
//! let loss = net.block(SquaredError::new(1), [h, target]);
//! let graph = net.build(loss)?;
//!
//! let params: Vec<f64> = graph.layout().init(Init::Glorot, 1);
//! let data = dmatrix![0.0, 1.0, 0.5; 1.0, 0.0, 0.5; 1.0, 1.0, 0.0]; // a sample a column: x, x, target
//! let (mut forward, mut reverse) = (Forward::new(&graph, 3)?, Reverse::new(&graph, 3)?);
//! let (value, pushed) = forward.value_and_gradient(&params, &data)?;
//! let (_, pulled) = reverse.value_and_gradient(&params, &data)?;
//! assert!(pushed.iter().zip(pulled).all(|(a, b)| (a - b).abs() < 1e-12));
//! println!("loss {value}: {} flops forward, {} in reverse", forward.cost().flops, reverse.cost().flops);
//! # Ok::<(), pushpull::Error>(())
//! ```

pub use nalgebra;
pub use pushpull_core::{
    Accum, AnyBlock, Block, Builder, Cost, Counted, Dims, Dual, Error, Graph, Init, InputJacobian,
    Keeps, Layout, Mat, MatMut, Mlp, Op, ParamJacobian, ParamShape, Point, Prediction, Primal,
    Real, Result, Role, Rounded, Scalar, Singular, Spec, Steep, Team, Var, Wrt, assert_cost,
    blocks, certificate, cost, count, graph, linalg, planes,
};
pub use pushpull_forward_mode::{Chunk, Forward, ForwardOverForward, Structured};
pub use pushpull_mixed_mode::{
    ChainError, ChainFactor, ChainPlan, DenseChain, MixedMode, plan_chain,
};
pub use pushpull_planner::{
    Answer, Budget, Calibration, Candidate, Plan, PlanError, Planned, Prepared, Question, Seeds,
    Way,
};
pub use pushpull_reverse_mode::{HessianVector, Record, Reverse, Store, checkpoint};
/// Ordinary code, recorded as it runs: [`tape::Tape`].
pub use pushpull_tape as tape;

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
