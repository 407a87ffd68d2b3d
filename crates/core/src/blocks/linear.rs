//! The fully-connected layer.

use super::steep::not_finite;
use crate::linalg::{Onto, add_to_columns, dual_product_cost, product, row_sums};
use crate::planes::{Cotangents, DotOp, DotPoint, Moving, Planes, PlanesMut};
use crate::{
    Accum, Block, Cost, Dims, InputJacobian, Keeps, Mat, MatMut, Op, ParamJacobian, ParamShape,
    Point, Real, SecondOrder, Singular, Spec, Steep,
};

/// `y = W x + b` (lecture, equation 13), or `y = W x` without bias. Parameters: `weight` (n_out x n_in), column by
/// column, then `bias` (n_out).
///
/// With m = n_out, n = n_in, B samples, S seeds:
///
/// | map | formula | flops |
/// |---|---|---|
/// | forward | `Y = W X + b 1'` | `2mnB + mB` |
/// | jvp_input | `Y_dot = W X_dot` | `2mnBS` |
/// | vjp_input | `X_bar = W' Y_bar` | `2mnBS` |
/// | jvp_params | `Y_dot (+)= W_dot X + b_dot 1'` | `(2mnB + mB) S`, adding: `+ mBS` |
/// | vjp_params | `W_bar (+)= Y_bar X'`, `b_bar (+)= Y_bar 1` | `2mnB + mB`, adding: `+ mn` |
/// | unit_params | column of W(r, c): `x_c e_r`; of b(r): `e_r` | 0, adding: `BS` |
///
/// A record keeps x, `nB` numbers, unless it keeps that value for another block already. No scratch memory.
///
/// | forward_dot | `[Y Y_dot] = W [X X_dot] + [b b_dot] 1'`, `+ W_dot X` | `2 (2mnB + mB) + 2mnB + mB` |
/// | vjp_input_dot | `[X_bar_dot X_bar] = W' [Y_bar_dot Y_bar]`, `+ W_dot' Y_bar` | `4mnB + 2mnB + nB` |
/// | vjp_params_dot | `W_bar_dot (+)= [Y_bar_dot Y_bar] [X X_dot]'` | `4mnB + mB`, adding: `+ mn` |
///
/// Without bias every `mB` falls away (but in forward_dot where both W X_dot and W_dot X are there); without a tangent of x
/// or of the parameters so does its product. The Jacobian with respect to W is the lecture's (o, o, d) tensor: `x' (x) I`, and
/// the slide's vjp `x v'` is `v x'` for W of shape o x d.
///
/// ```
/// use pushpull_core::{Block, Mat, MatMut, blocks::Linear};
/// let mut y = [0.0; 2];
/// Linear::new(2, 2).forward(&[1.0, 2.0, 3.0, 4.0, 10.0, 20.0], Mat::new(&[1.0, -1.0], 2, 1), MatMut::new(&mut y, 2, 1), &mut []);
/// assert_eq!(y, [1.0 - 3.0 + 10.0, 2.0 - 4.0 + 20.0]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Linear {
    n_in: usize,
    n_out: usize,
    bias: bool,
}

impl Linear {
    /// `W x + b` from `n_in` to `n_out` features.
    pub const fn new(n_in: usize, n_out: usize) -> Self {
        Self {
            n_in,
            n_out,
            bias: true,
        }
    }

    /// `W x` from `n_in` to `n_out` features.
    pub const fn without_bias(n_in: usize, n_out: usize) -> Self {
        Self {
            n_in,
            n_out,
            bias: false,
        }
    }

    const fn n_weights(&self) -> usize {
        // Saturated: a size that cannot be is refused when memory is asked for, not by a panic here.
        self.n_out.saturating_mul(self.n_in)
    }

    fn weight<'a, T>(&self, params: &'a [T]) -> Mat<'a, T> {
        Mat::new(params, self.n_out, self.n_in)
    }
}

impl Spec for Linear {
    fn name(&self) -> &str {
        "linear"
    }

    fn dims(&self) -> Dims {
        let n_biases = if self.bias { self.n_out } else { 0 };
        Dims {
            n_in: self.n_in,
            n_out: self.n_out,
            n_params: self.n_weights().saturating_add(n_biases),
        }
    }

    fn keeps(&self) -> Keeps {
        Keeps::X
    }

    fn params(&self) -> Vec<ParamShape> {
        let mut shapes = vec![ParamShape::weight("weight", self.n_out, self.n_in)];
        shapes.extend(self.bias.then(|| ParamShape::bias("bias", self.n_out)));
        shapes
    }

    fn cost(&self, op: Op, batch: usize, seeds: usize) -> Option<Cost> {
        let product = Cost::product(self.n_out, self.n_in, batch);
        let outputs = Cost::flops(self.n_out * batch);
        let bias = if self.bias { outputs } else { Cost::ZERO };
        Some(match op {
            Op::Forward => product + bias,
            Op::JvpInput | Op::VjpInput => product * seeds,
            Op::JvpParams(Accum::Set) => (product + bias) * seeds,
            Op::JvpParams(Accum::Add) => (product + bias + outputs) * seeds,
            Op::VjpParams(Accum::Set) => product + bias,
            Op::VjpParams(Accum::Add) => product + bias + Cost::flops(self.n_weights()),
            Op::UnitParams(Accum::Set) => Cost::ZERO,
            Op::UnitParams(Accum::Add) => Cost::flops(batch * seeds),
        })
    }

    fn dual_cost(&self, op: Op, batch: usize, seeds: usize) -> Option<Cost> {
        let (m, n) = (self.n_out, self.n_in);
        let bias = Cost::flops(if self.bias { 2 * m * batch } else { 0 });
        let add = |acc| acc == Accum::Add;
        Some(match op {
            Op::Forward => dual_product_cost(m, n, batch, self.bias),
            Op::JvpInput => dual_product_cost(m, n, batch * seeds, false),
            Op::VjpInput => dual_product_cost(n, m, batch * seeds, false),
            Op::JvpParams(acc) => (dual_product_cost(m, n, batch, add(acc)) + bias) * seeds,
            Op::VjpParams(acc) => dual_product_cost(m, batch, n, add(acc)) + bias,
            Op::UnitParams(acc) => Cost::flops(if add(acc) { 2 * batch * seeds } else { 0 }),
        })
    }

    fn dot_cost(&self, op: DotOp, moving: Moving, batch: usize) -> Option<Cost> {
        let product = Cost::product(self.n_out, self.n_in, batch);
        let own = |cost: Cost| if moving.params { cost } else { Cost::ZERO };
        let sums = |n: usize| Cost::flops(n * batch);
        let planes = if moving.input { 2 } else { 1 };
        let bias = if self.bias {
            sums(self.n_out)
        } else {
            Cost::ZERO
        };
        Some(match op {
            DotOp::Forward => {
                // W_dot X is added where the derivative has a bias or W X_dot already.
                let added = self.bias || moving.input;
                let added = if added { sums(self.n_out) } else { Cost::ZERO };
                (product + bias) * planes + own(product + added)
            }
            DotOp::VjpInput => product * 2 + own(product + sums(self.n_in)),
            DotOp::VjpParams(Accum::Set) => product * planes + bias,
            DotOp::VjpParams(Accum::Add) => product * planes + bias + Cost::flops(self.n_weights()),
        })
    }

    fn shares(&self) -> bool {
        true
    }

    fn scratch_len(&self, _: Op, _: usize, _: usize) -> usize {
        0
    }

    fn input_jacobian(&self) -> InputJacobian {
        InputJacobian::Weight
    }

    fn param_jacobian(&self) -> ParamJacobian {
        ParamJacobian::Kronecker { bias: self.bias }
    }

    fn singular(&self) -> Singular {
        Singular::WithInput
    }
}

impl<T: Real> Block<T> for Linear {
    fn forward(&self, params: &[T], x: Mat<'_, T>, y: MatMut<'_, T>, _: &mut [T]) {
        if self.bias {
            // The product adds onto the bias: one pass over y less than adding it afterwards, and the same count.
            let bias = Onto::Column(&params[self.n_weights()..]);
            product(y, bias, self.weight(params), x);
        } else {
            product(y, Accum::Set, self.weight(params), x);
        }
    }

    fn jvp_input(&self, at: &Point<'_, T>, x_dot: Mat<'_, T>, y_dot: MatMut<'_, T>, _: &mut [T]) {
        product(y_dot, Accum::Set, self.weight(at.params), x_dot);
    }

    fn vjp_input(&self, at: &Point<'_, T>, y_bar: Mat<'_, T>, x_bar: MatMut<'_, T>, _: &mut [T]) {
        product(x_bar, Accum::Set, self.weight(at.params).t(), y_bar);
    }

    fn jvp_params(
        &self,
        at: &Point<'_, T>,
        params_dot: Mat<'_, T>,
        acc: Accum,
        mut y_dot: MatMut<'_, T>,
        _: &mut [T],
    ) {
        for (seed, direction) in params_dot.columns().enumerate() {
            let mut y_dot = y_dot.rb_mut().cols(seed * at.batch..(seed + 1) * at.batch);
            product(y_dot.rb_mut(), acc, self.weight(direction), at.x);
            if self.bias {
                add_to_columns(&mut y_dot, &direction[self.n_weights()..]);
            }
        }
    }

    /// An input is the slope of every output by a parameter.
    fn singular_at(&self, at: &Point<'_, T>, _: bool, found: &mut dyn FnMut(Steep)) {
        // What is not finite in a column of x is so in every row of y: looking at one row is next to nothing.
        if at.y.ncols() > 0 && at.y.columns().all(|y| y[0].is_finite()) {
            return;
        }
        not_finite(at.x, |sample, _, value| {
            for output in 0..self.n_out {
                found(Steep {
                    sample,
                    output,
                    input: None,
                    at: value,
                });
            }
        });
    }

    fn vjp_params(
        &self,
        at: &Point<'_, T>,
        y_bar: Mat<'_, T>,
        acc: Accum,
        params_bar: &mut [T],
        _: &mut [T],
    ) {
        let (weight_bar, bias_bar) = params_bar.split_at_mut(self.n_weights());
        product(
            MatMut::new(weight_bar, self.n_out, self.n_in),
            acc,
            y_bar,
            at.x.t(),
        );
        if self.bias {
            row_sums(y_bar, acc, bias_bar);
        }
    }
    fn unit_params(
        &self,
        at: &Point<'_, T>,
        first: usize,
        acc: Accum,
        mut y_dot: MatMut<'_, T>,
        _: &mut [T],
    ) {
        if acc == Accum::Set {
            y_dot.fill(T::zero());
        }
        for seed in 0..y_dot.ncols() / at.batch {
            let param = first + seed;
            let (row, feature) = (param % self.n_out, param / self.n_out);
            for sample in 0..at.batch {
                let slope = if param < self.n_weights() {
                    at.x.get(feature, sample)
                } else {
                    T::one()
                };
                let entry = &mut y_dot.col_mut(seed * at.batch + sample)[row];
                match acc {
                    Accum::Set => *entry = slope,
                    Accum::Add => *entry += slope,
                }
            }
        }
    }

    fn second(&self) -> Option<&dyn SecondOrder<T>> {
        Some(self)
    }
}

impl<T: Real> SecondOrder<T> for Linear {
    /// `[Y Y_dot] = W [X X_dot]` in one product where X and X_dot lie side by side, and `W_dot X` onto the derivative.
    fn forward_dot(
        &self,
        params: &[T],
        params_dot: Option<&[T]>,
        x: Planes<'_, T>,
        mut y: PlanesMut<'_, T>,
        _: [&mut [T]; 2],
        _: &mut [T],
    ) {
        let (weight, n_weights) = (self.weight(params), self.n_weights());
        let mut acc = Accum::Set;
        if self.bias {
            acc = Accum::Add;
            let (mut value, mut dot) = y.rb_mut().split();
            for j in 0..value.ncols() {
                value.col_mut(j).copy_from_slice(&params[n_weights..]);
                match params_dot {
                    Some(params_dot) => dot.col_mut(j).copy_from_slice(&params_dot[n_weights..]),
                    None => dot.col_mut(j).fill(T::zero()),
                }
            }
        }
        if let Some(both) = x.both {
            product(y.rb_mut().both(), acc, weight, both);
        }
        let (value, mut dot) = y.split();
        if x.both.is_none() {
            product(value, acc, weight, x.value);
            if let Some(x_dot) = x.dot {
                product(dot.rb_mut(), acc, weight, x_dot);
            }
        }
        if x.dot.is_some() {
            acc = Accum::Add;
        }
        if let Some(params_dot) = params_dot {
            product(dot, acc, self.weight(params_dot), x.value);
        }
    }

    /// `[X_bar_dot X_bar] = W' [Y_bar_dot Y_bar]` in one product, and `W_dot' Y_bar` onto the derivative.
    fn vjp_input_dot(
        &self,
        at: &DotPoint<'_, T>,
        y_bar: Cotangents<'_, T>,
        mut x_bar: PlanesMut<'_, T>,
        _: &mut [T],
    ) {
        let weight = self.weight(at.params);
        product(x_bar.rb_mut().both(), Accum::Set, weight.t(), y_bar.both());
        if let Some(params_dot) = at.params_dot {
            let (_, dot) = x_bar.split();
            product(dot, Accum::Add, self.weight(params_dot).t(), y_bar.value());
        }
    }

    /// `W_bar_dot (+)= [Y_bar_dot Y_bar] [X X_dot]'`: one product where X and X_dot lie side by side.
    fn vjp_params_dot(
        &self,
        at: &DotPoint<'_, T>,
        y_bar: Cotangents<'_, T>,
        acc: Accum,
        params_bar_dot: &mut [T],
        _: &mut [T],
    ) {
        let (weight_bar_dot, bias_bar_dot) = params_bar_dot.split_at_mut(self.n_weights());
        let mut target = MatMut::new(weight_bar_dot, self.n_out, self.n_in);
        if let Some(both) = at.x.both {
            product(target, acc, y_bar.both(), both.t());
        } else {
            product(target.rb_mut(), acc, y_bar.dot(), at.x.value.t());
            if let Some(x_dot) = at.x.dot {
                product(target, Accum::Add, y_bar.value(), x_dot.t());
            }
        }
        if self.bias {
            row_sums(y_bar.dot(), acc, bias_bar_dot);
        }
    }
}
