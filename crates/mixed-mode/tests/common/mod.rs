//! Chains of blocks at random, and their Jacobian by definition.
#![allow(dead_code)] // Every test file uses its part.

#[path = "../../../../tests/common/seeds.rs"]
pub mod seeds;

use std::sync::Arc;

use nalgebra::DMatrix;
use proptest::prelude::*;
use pushpull_core::blocks::{
    Activation, Add, LayerNorm, Linear, LogSoftmax, Mul, Scale, Select, Softmax, Sum,
};
use pushpull_core::{
    Accum, AnyBlock, Block, Builder, Dims, Graph, Init, InputJacobian, Keeps, Mat, MatMut,
    ParamJacobian, Point, Real, Scalar, Spec,
};

/// `y = x W' + x`: Kronecker in its parameters like a linear layer, and yet not its parameters. It declares no cost.
#[derive(Clone, Debug)]
pub struct Residual(pub usize);

impl Spec for Residual {
    fn name(&self) -> &str {
        "residual"
    }
    fn dims(&self) -> Dims {
        Dims {
            n_in: self.0,
            n_out: self.0,
            n_params: self.0 * self.0,
        }
    }
    fn keeps(&self) -> Keeps {
        Keeps::X
    }
    fn param_jacobian(&self) -> ParamJacobian {
        ParamJacobian::Kronecker { bias: false }
    }
}

impl<T: Real> Block<T> for Residual {
    fn forward(&self, params: &[T], x: Mat<'_, T>, mut y: MatMut<'_, T>, _: &mut [T]) {
        y.copy_from(x);
        pushpull_core::linalg::product(y, Accum::Add, Mat::new(params, self.0, self.0), x);
    }
    fn jvp_input(&self, at: &Point<'_, T>, x_dot: Mat<'_, T>, y_dot: MatMut<'_, T>, _: &mut [T]) {
        self.forward(at.params, x_dot, y_dot, &mut []);
    }
    fn vjp_input(
        &self,
        at: &Point<'_, T>,
        y_bar: Mat<'_, T>,
        mut x_bar: MatMut<'_, T>,
        _: &mut [T],
    ) {
        x_bar.copy_from(y_bar);
        let w = Mat::new(at.params, self.0, self.0);
        pushpull_core::linalg::product(x_bar, Accum::Add, w.t(), y_bar);
    }
}

/// `y = x + 1`: its Jacobian is the identity.
#[derive(Clone, Debug)]
pub struct Shift(pub usize);

impl Spec for Shift {
    fn name(&self) -> &str {
        "shift"
    }
    fn dims(&self) -> Dims {
        Dims {
            n_in: self.0,
            n_out: self.0,
            n_params: 0,
        }
    }
    fn keeps(&self) -> Keeps {
        Keeps::NOTHING
    }
    fn input_jacobian(&self) -> InputJacobian {
        InputJacobian::Identity
    }
}

impl<T: Real> Block<T> for Shift {
    fn forward(&self, _: &[T], x: Mat<'_, T>, mut y: MatMut<'_, T>, _: &mut [T]) {
        for (j, column) in x.columns().enumerate() {
            let pairs = y.col_mut(j).iter_mut().zip(column);
            pairs.for_each(|(y, &x)| *y = x + T::one());
        }
    }
    fn jvp_input(
        &self,
        _: &Point<'_, T>,
        x_dot: Mat<'_, T>,
        mut y_dot: MatMut<'_, T>,
        _: &mut [T],
    ) {
        y_dot.copy_from(x_dot);
    }
    fn vjp_input(
        &self,
        _: &Point<'_, T>,
        y_bar: Mat<'_, T>,
        mut x_bar: MatMut<'_, T>,
        _: &mut [T],
    ) {
        x_bar.copy_from(y_bar);
    }
}

/// One block of a random chain: its kind, and a number that it may use.
pub type Link = (u8, usize);

/// Chains of up to `blocks` blocks with an input of 1 to 7 rows.
pub fn links(blocks: usize) -> impl Strategy<Value = (usize, Vec<Link>)> {
    (
        1..8_usize,
        prop::collection::vec((0..14_u8, 1..9_usize), 1..=blocks),
    )
}

/// The block of a link on `n` rows.
fn block(n: usize, (kind, number): Link) -> Arc<dyn AnyBlock> {
    const MAPS: [Activation; 4] = [
        Activation::Tanh,
        Activation::Sin,
        Activation::Relu,
        Activation::Softplus,
    ];
    // A narrow place in every fourth layer.
    let width = if number % 4 == 0 { 1 } else { number };
    match kind {
        0..=2 => Arc::new(Linear::new(n, width)),
        3 => Arc::new(Linear::without_bias(n, width)),
        4..=6 => MAPS[number % 4].block(n),
        7 => Arc::new(Scale::new(n, 0.25 * number as f64)),
        8 => Arc::new(Select::new(n, (0..number).map(|i| (3 * i + 1) % n))),
        9 => match number % 3 {
            0 => Arc::new(LogSoftmax::new(n)),
            _ => Arc::new(Softmax::new(n)),
        },
        10 => Arc::new(LayerNorm::new(n).with_eps(0.1)),
        11 if n.is_multiple_of(2) => Arc::new(Mul::new(n / 2)),
        11 => Arc::new(Add::new(1, n)),
        12 => Arc::new(Residual(n)),
        _ if number > 6 => Arc::new(Sum::new(n)),
        _ => Arc::new(Shift(n)),
    }
}

/// The graph of a chain.
pub fn graph(n_in: usize, links: &[Link]) -> Graph {
    let mut b = Builder::new();
    let mut h = b.input("x", n_in);
    for &link in links {
        h = b.block(block(h.rows(), link), h);
    }
    b.build(h).unwrap()
}

/// Parameters and inputs that follow from a seed.
pub fn numbers<T: Scalar>(graph: &Graph, batch: usize, seed: u64) -> (Vec<T>, DMatrix<T>) {
    let params = graph.layout().init(Init::Uniform(0.8), seed);
    let x = DMatrix::from_fn(graph.n_inputs(), batch, |i, j| {
        T::from_f64((seed as f64 * 0.7 + 1.7 * i as f64 + 2.9 * j as f64).sin())
    });
    (params, x)
}

/// The Jacobian as the product of the blocks' own Jacobians, in double precision, and the same product of their absolute
/// values: the size of the terms that were added up.
pub fn by_definition(
    graph: &Graph,
    params: &[f64],
    x: &DMatrix<f64>,
) -> (DMatrix<f64>, DMatrix<f64>) {
    let (batch, m, n) = (x.ncols(), graph.n_outputs(), graph.n_inputs());
    let mut whole = (DMatrix::zeros(m * batch, n), DMatrix::zeros(m * batch, n));
    for sample in 0..batch {
        let mut h = x.column(sample).into_owned().data.as_vec().clone();
        let (mut jacobian, mut terms) = (DMatrix::identity(n, n), DMatrix::identity(n, n));
        for node in graph.nodes() {
            let (dims, block) = (node.dims(), f64::of(&*node.block));
            let params = &params[node.params.clone()];
            let mut y = vec![0.0; dims.n_out];
            let mut extra = vec![0.0; block.keeps().extra];
            block.forward(
                params,
                Mat::new(&h, dims.n_in, 1),
                MatMut::new(&mut y, dims.n_out, 1),
                &mut extra,
            );
            let at = Point {
                params,
                x: Mat::new(&h, dims.n_in, 1),
                y: Mat::new(&y, dims.n_out, 1),
                extra: &extra,
                batch: 1,
            };
            let mut own = DMatrix::zeros(dims.n_out, dims.n_in);
            let mut scratch = vec![0.0; block.scratch_len(pushpull_core::Op::JvpInput, 1, 1)];
            for column in 0..dims.n_in {
                let mut unit = vec![0.0; dims.n_in];
                unit[column] = 1.0;
                let target = &mut own.as_mut_slice()[column * dims.n_out..][..dims.n_out];
                let target = MatMut::new(target, dims.n_out, 1);
                block.jvp_input(&at, Mat::new(&unit, dims.n_in, 1), target, &mut scratch);
            }
            terms = own_terms(block.name(), params, &y, &extra, &own) * terms;
            jacobian = own * jacobian;
            h = y;
        }
        whole.0.rows_mut(sample * m, m).copy_from(&jacobian);
        whole.1.rows_mut(sample * m, m).copy_from(&terms);
    }
    whole
}

/// The absolute terms that a block's own Jacobian is added up from: they may cancel within an entry.
fn own_terms(
    name: &str,
    params: &[f64],
    y: &[f64],
    extra: &[f64],
    own: &DMatrix<f64>,
) -> DMatrix<f64> {
    let n = y.len();
    let delta = |i: usize, j: usize| f64::from(u8::from(i == j));
    match name {
        "softmax" => DMatrix::from_fn(n, n, |i, j| y[i] * (delta(i, j) + y[j])),
        "log-softmax" => DMatrix::from_fn(n, n, |i, j| delta(i, j) + y[j].exp()),
        "layer-norm" => {
            let (u, inverse_sigma) = (&extra[..n], extra[n]);
            DMatrix::from_fn(n, n, |i, j| {
                let means = (1.0 + (u[i] * u[j]).abs()) / n as f64;
                params[i].abs() * inverse_sigma * (delta(i, j) + means)
            })
        }
        _ => own.abs(),
    }
}
