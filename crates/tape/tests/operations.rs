//! Every operation: its value against nalgebra, its derivatives by both modes against the code run at dual numbers, its
//! second derivatives by both modes.
#![allow(clippy::op_ref)] // Operators take values and references alike; both are tested.

mod common;

use common::{Code, agree, every_way_agrees, numbers};
use nalgebra::DMatrix;
use pushpull_core::Scalar;
use pushpull_core::blocks::{LayerNorm, Linear, SquaredError, Sub};
use pushpull_tape::{Tape, Var};

type M = DMatrix<f64>;

/// a 3 x 4 and b of a shape to choose, within (0.3, 1.7), where every function here is smooth.
fn hold(code: &impl Code, b: (usize, usize), want: impl Fn(&M, &M) -> M) {
    let leaves = [
        numbers(3, 4, 3, (0.3, 1.7)),
        numbers(b.0, b.1, 5, (0.3, 1.7)),
    ];
    let tape = Tape::new();
    let vars = [tape.variable(&leaves[0]), tape.variable(&leaves[1])];
    let got = code.run(&tape, &vars).value().unwrap();
    agree("value", &got, &want(&leaves[0], &leaves[1]), 1e-13);
    every_way_agrees(code, &leaves, 1e-12).unwrap();
}

macro_rules! operations {
    ($($name:ident $b:expr, |$tape:ident, $x:ident, $y:ident| $code:expr, |$p:ident, $q:ident| $want:expr;)*) => {$(
        #[test]
        fn $name() {
            struct It;
            impl Code for It {
                #[allow(unused_variables)]
                fn run<'t, T: Scalar>(&self, $tape: &'t Tape<'_, T>, leaves: &[Var<'t, T>]) -> Var<'t, T> {
                    let ($x, $y) = (leaves[0], leaves[1]);
                    $code
                }
            }
            #[allow(unused_variables)]
            fn want($p: &M, $q: &M) -> M {
                $want
            }
            hold(&It, $b, want);
        }
    )*};
}

fn over(m: &M, shape: (usize, usize)) -> M {
    DMatrix::from_fn(shape.0, shape.1, |i, j| m[(i % m.nrows(), j % m.ncols())])
}

fn soft(m: &M) -> M {
    let mut m = m.map(f64::exp);
    m.column_iter_mut().for_each(|mut column| {
        let sum = column.sum();
        column /= sum;
    });
    m
}

fn one(x: f64) -> M {
    DMatrix::from_element(1, 1, x)
}

operations! {
    add (3, 4), |t, a, b| a + b, |a, b| a + b;
    sub (3, 4), |t, a, b| &a - &b, |a, b| a - b;
    mul (3, 4), |t, a, b| a * &b, |a, b| a.component_mul(b);
    div (3, 4), |t, a, b| &a / b, |a, b| a.component_div(b);
    negative (3, 4), |t, a, b| -a, |a, b| -a;
    with_a_row (1, 4), |t, a, b| a * b, |a, b| a.component_mul(&over(b, (3, 4)));
    with_a_column (3, 1), |t, a, b| b / a, |a, b| over(b, (3, 4)).component_div(a);
    with_a_number (1, 1), |t, a, b| a - b, |a, b| a - over(b, (3, 4));
    a_row_and_a_column (1, 5), |t, a, b| a.column(1) * b, |a, b| a.column(1) * b;
    broadcast (1, 2), |t, a, b| b.broadcast(3, 2), |a, b| over(b, (3, 2));
    constants (3, 4), |t, a, b| (a * T::from_f64(3.0) - T::from_f64(0.5)) / T::from_f64(4.0) + T::from_f64(1.0), |a, b| a.map(|x| (3.0 * x - 0.5) / 4.0 + 1.0);
    matmul (4, 2), |t, a, b| a.matmul(b), |a, b| a * b;
    gram (3, 4), |t, a, b| a.matmul(a.t()), |a, b| a * a.transpose();
    transpose (3, 4), |t, a, b| a.t() * b.t(), |a, b| a.transpose().component_mul(&b.transpose());
    reshape (2, 6), |t, a, b| a.reshape(2, 6) * b, |a, b| a.clone().reshape_generic(nalgebra::Dyn(2), nalgebra::Dyn(6)).component_mul(b);
    flatten (12, 1), |t, a, b| a.flatten() * b, |a, b| DMatrix::from_column_slice(12, 1, a.as_slice()).component_mul(b);
    slice (2, 2), |t, a, b| a.slice(1.., 1..=2) * b, |a, b| a.view((1, 1), (2, 2)).into_owned().component_mul(b);
    row_and_column (3, 4), |t, a, b| a.row(2).matmul(b.t()) * b.column(3).t(), |a, b| over(&DMatrix::from_fn(1, 3, |_, j| a.row(2).dot(&b.row(j)) * b[(j, 3)]), (1, 3));
    hstack (3, 2), |t, a, b| t.hstack(&[b, a, b]).square(), |a, b| DMatrix::from_fn(3, 8, |i, j| if j < 2 { b[(i, j)] } else if j < 6 { a[(i, j - 2)] } else { b[(i, j - 6)] }.powi(2));
    vstack (2, 4), |t, a, b| t.vstack(&[a, b, a]).square(), |a, b| DMatrix::from_fn(8, 4, |i, j| if i < 3 { a[(i, j)] } else if i < 5 { b[(i - 3, j)] } else { a[(i - 5, j)] }.powi(2));
    sum (3, 4), |t, a, b| (a * b).sum(), |a, b| one(a.dot(b));
    row_sums (3, 4), |t, a, b| (a * b).row_sums(), |a, b| DMatrix::from_fn(3, 1, |i, _| a.row(i).dot(&b.row(i)));
    column_sums (3, 4), |t, a, b| (a * b).column_sums(), |a, b| DMatrix::from_fn(1, 4, |_, j| a.column(j).dot(&b.column(j)));
    means (3, 4), |t, a, b| (a * b).mean() + (a * a).column_means() + b.row_means(), |a, b| DMatrix::from_fn(3, 4, |i, j| a.component_mul(b).mean() + a.component_mul(a).column(j).mean() + b.row(i).mean());
    max (3, 4), |t, a, b| (a * b).max(), |a, b| one(a.component_mul(b).max());
    column_max (3, 4), |t, a, b| (a * b).column_max(), |a, b| DMatrix::from_fn(1, 4, |_, j| a.component_mul(b).column(j).max());
    norms (3, 4), |t, a, b| (a - b).norm() * (a * b).norm_1() + a.norm_max(), |a, b| one((a - b).norm() * a.component_mul(b).sum() + a.max());
    column_norms (3, 4), |t, a, b| (a - b).column_norms(), |a, b| DMatrix::from_fn(1, 4, |_, j| (a - b).column(j).norm());
    softmax (3, 4), |t, a, b| a.softmax() * b, |a, b| soft(a).component_mul(b);
    log_softmax (3, 4), |t, a, b| a.log_softmax() * b, |a, b| soft(a).map(f64::ln).component_mul(b);
    log_sum_exp (1, 4), |t, a, b| a.log_sum_exp() * b, |a, b| DMatrix::from_fn(1, 4, |_, j| a.column(j).map(f64::exp).sum().ln() * b[(0, j)]);
    activations (3, 4), |t, a, b| a.tanh() + b.sigmoid() + a.relu() + b.softplus() + a.silu() + b.leaky_relu(0.1) + a.elu(0.5), |a, b| a.zip_map(b, |a, b| {
        let s = |x: f64| 1.0 / (1.0 + (-x).exp());
        a.tanh() + s(b) + a + b.exp().ln_1p() + a * s(a) + b + a
    });
    gelu (3, 4), |t, a, b| (a - b).gelu() + (b - a).gelu(), |a, b| a.zip_map(b, |a, b| {
        // x Phi(x) - x Phi(-x) = x erf(x / sqrt 2)
        (a - b) * pushpull_core::Real::erf((a - b) / 2f64.sqrt())
    });
    functions (3, 4), |t, a, b| a.exp() * b.ln() + a.sin() * b.cos() + a.sqrt() * b.recip() + (a - b).abs() + b.square(), |a, b| a.zip_map(b, |a, b| a.exp() * b.ln() + a.sin() * b.cos() + a.sqrt() / b + (a - b).abs() + b * b);
    a_block_with_parameters (2, 4), |t, a, b| {
        let bias = b.slice(.., ..1);
        t.apply_with(Linear::new(3, 2), &[b.slice(.., 1..).flatten(), bias], a)
    }, |a, b| b.columns(1, 3) * a + b.columns(0, 1) * DMatrix::from_element(1, 4, 1.0);
    a_norm_with_parameters (6, 1), |t, a, b| t.apply_with(LayerNorm::new(3), &[b], a), |a, b| DMatrix::from_fn(3, 4, |i, j| {
        let column = a.column(j);
        let (mean, eps) = (column.mean(), 1e-5);
        let spread = (column.map(|x| (x - mean).powi(2)).mean() + eps).sqrt();
        b[(i, 0)] * (column[i] - mean) / spread + b[(3 + i, 0)]
    });
    a_block_of_several (3, 4), |t, a, b| t.apply_stacked(Sub::new(12), &[a, b], (3, 4)), |a, b| a - b;
    a_loss (3, 4), |t, a, b| t.apply(SquaredError::new(3), t.vstack(&[a, b])), |a, b| DMatrix::from_fn(1, 4, |_, j| {
        (a.column(j) - b.column(j)).norm_squared()
    });
    the_same_value_twice (3, 4), |t, a, b| a * a + (a + a) / a, |a, b| a.map(|x| x * x + 2.0);
}
