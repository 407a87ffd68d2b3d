//! Parameters as values of their own, and as something added to a value.

use crate::blocks::any_width::{all, any_width};
use crate::linalg::sum_columns;
use crate::{
    Accum, Block, Cost, Dims, InputJacobian, Keeps, Mat, MatMut, Op, ParamJacobian, ParamShape,
    Point, Real, SecondOrder, Spec,
};

/// `y = w`, whatever x is: a parameter as a value of a graph, for blocks that take parameters among their inputs, such as
/// [`crate::blocks::MatMul`]. It reads one row, whose numbers do not matter: every block has an input. The Jacobian is
/// zero in x, and the identity in w.
///
/// With n parameters, B samples, S seeds:
///
/// | map | formula | flops |
/// |---|---|---|
/// | forward | `y = w` | 0 |
/// | jvp_input | `y_dot = 0` | 0 |
/// | vjp_input | `x_bar = 0` | 0 |
/// | jvp_params | `y_dot (+)= w_dot` | 0, adding: `nBS` |
/// | vjp_params | `w_bar (+)= y_bar 1` | `n(B - 1)`, adding: `nB` |
/// | unit_params | `e_i` | 0, adding: `BS` |
///
/// A record keeps nothing of it. No scratch memory.
///
/// ```
/// use pushpull_core::{Block, Mat, MatMut, blocks::Parameter};
/// let mut y = [0.0; 2];
/// Parameter::new(2, 1).forward(&[3.0, 5.0], Mat::new(&[7.0], 1, 1), MatMut::new(&mut y, 2, 1), &mut []);
/// assert_eq!(y, [3.0, 5.0]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    nrows: usize,
    ncols: usize,
}

impl Parameter {
    /// A parameter matrix of `nrows` x `ncols`, as one column.
    pub const fn new(nrows: usize, ncols: usize) -> Self {
        Self { nrows, ncols }
    }

    const fn n(&self) -> usize {
        self.nrows.saturating_mul(self.ncols)
    }
}

/// What both blocks cost in their parameters, whose Jacobian is the identity.
fn identity_cost(n: usize, op: Op, batch: usize, seeds: usize) -> Cost {
    match op {
        Op::JvpParams(Accum::Add) => Cost::flops(n * batch * seeds),
        Op::VjpParams(Accum::Set) => Cost::flops(n * batch.saturating_sub(1)),
        Op::VjpParams(Accum::Add) => Cost::flops(n * batch),
        Op::UnitParams(Accum::Add) => Cost::flops(batch * seeds),
        _ => Cost::ZERO,
    }
}

fn push_identity<T: Real>(batch: usize, dots: Mat<'_, T>, acc: Accum, mut y_dot: MatMut<'_, T>) {
    for column in 0..y_dot.ncols() {
        let dot = dots.col(column / batch);
        match acc {
            Accum::Set => y_dot.col_mut(column).copy_from_slice(dot),
            Accum::Add => add(y_dot.col_mut(column), dot),
        }
    }
}

fn pull_identity<T: Real>(y_bar: Mat<'_, T>, acc: Accum, params_bar: &mut [T]) {
    sum_columns(y_bar.ncols(), acc, params_bar, |columns, rows, sums| {
        let y_bar = y_bar.rows(rows);
        sums.copy_from_slice(y_bar.col(columns.start));
        for j in columns.skip(1) {
            add(sums, y_bar.col(j));
        }
    });
}

fn unit_identity<T: Real>(batch: usize, first: usize, acc: Accum, mut y_dot: MatMut<'_, T>) {
    if acc == Accum::Set {
        y_dot.fill(T::zero());
    }
    for column in 0..y_dot.ncols() {
        let entry = &mut y_dot.col_mut(column)[first + column / batch];
        match acc {
            Accum::Set => *entry = T::one(),
            Accum::Add => *entry += T::one(),
        }
    }
}

fn add<T: Real>(to: &mut [T], from: &[T]) {
    to.iter_mut().zip(from).for_each(|(to, &from)| *to += from);
}

impl Spec for Parameter {
    fn name(&self) -> &str {
        "parameter"
    }

    fn dims(&self) -> Dims {
        Dims {
            n_in: 1,
            n_out: self.n(),
            n_params: self.n(),
        }
    }

    fn keeps(&self) -> Keeps {
        Keeps::NOTHING
    }

    fn params(&self) -> Vec<ParamShape> {
        vec![ParamShape::weight("value", self.nrows, self.ncols)]
    }

    fn cost(&self, op: Op, batch: usize, seeds: usize) -> Option<Cost> {
        Some(identity_cost(self.n(), op, batch, seeds))
    }

    fn scratch_len(&self, _: Op, _: usize, _: usize) -> usize {
        0
    }

    fn param_jacobian(&self) -> ParamJacobian {
        ParamJacobian::Diagonal
    }
}

impl<T: Real> Block<T> for Parameter {
    fn forward(&self, params: &[T], _: Mat<'_, T>, mut y: MatMut<'_, T>, _: &mut [T]) {
        for j in 0..y.ncols() {
            y.col_mut(j).copy_from_slice(params);
        }
    }

    fn jvp_input(&self, _: &Point<'_, T>, _: Mat<'_, T>, mut y_dot: MatMut<'_, T>, _: &mut [T]) {
        y_dot.fill(T::zero());
    }

    fn vjp_input(&self, _: &Point<'_, T>, _: Mat<'_, T>, mut x_bar: MatMut<'_, T>, _: &mut [T]) {
        x_bar.fill(T::zero());
    }

    fn jvp_params(
        &self,
        at: &Point<'_, T>,
        params_dot: Mat<'_, T>,
        acc: Accum,
        y_dot: MatMut<'_, T>,
        _: &mut [T],
    ) {
        push_identity(at.batch, params_dot, acc, y_dot);
    }

    fn vjp_params(
        &self,
        _: &Point<'_, T>,
        y_bar: Mat<'_, T>,
        acc: Accum,
        params_bar: &mut [T],
        _: &mut [T],
    ) {
        pull_identity(y_bar, acc, params_bar);
    }

    fn unit_params(
        &self,
        at: &Point<'_, T>,
        first: usize,
        acc: Accum,
        y_dot: MatMut<'_, T>,
        _: &mut [T],
    ) {
        unit_identity(at.batch, first, acc, y_dot);
    }

    fn second(&self) -> Option<&dyn SecondOrder<T>> {
        Some(self)
    }
}

impl<T: Real> SecondOrder<T> for Parameter {}

/// `y = x + b`, the bias alone: at b = 0 its gradient is that of whatever value it is put behind. The Jacobian is the
/// identity in x and in b.
///
/// With n rows, B samples, S seeds:
///
/// | map | formula | flops |
/// |---|---|---|
/// | forward | `y = x + b` | `nB` |
/// | jvp_input | `y_dot = x_dot` | 0 |
/// | vjp_input | `x_bar = y_bar` | 0 |
/// | jvp_params | `y_dot (+)= b_dot` | 0, adding: `nBS` |
/// | vjp_params | `b_bar (+)= y_bar 1` | `n(B - 1)`, adding: `nB` |
/// | unit_params | `e_i` | 0, adding: `BS` |
///
/// A record keeps nothing of it. No scratch memory.
///
/// ```
/// use pushpull_core::{Block, Mat, MatMut, blocks::Bias};
/// let mut y = [0.0; 2];
/// Bias::new(2).forward(&[3.0, 5.0], Mat::new(&[1.0, 1.0], 2, 1), MatMut::new(&mut y, 2, 1), &mut []);
/// assert_eq!(y, [4.0, 6.0]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bias {
    n: usize,
}

any_width!(Bias, |rows| Bias::new(all(rows)));

impl Bias {
    /// `n` rows, each with its own number added.
    pub const fn new(n: usize) -> Self {
        Self { n }
    }
}

impl Spec for Bias {
    fn name(&self) -> &str {
        "bias"
    }

    fn dims(&self) -> Dims {
        Dims {
            n_in: self.n,
            n_out: self.n,
            n_params: self.n,
        }
    }

    fn keeps(&self) -> Keeps {
        Keeps::NOTHING
    }

    fn params(&self) -> Vec<ParamShape> {
        vec![ParamShape::bias("bias", self.n)]
    }

    fn cost(&self, op: Op, batch: usize, seeds: usize) -> Option<Cost> {
        Some(match op {
            Op::Forward => Cost::flops(self.n * batch),
            _ => identity_cost(self.n, op, batch, seeds),
        })
    }

    fn scratch_len(&self, _: Op, _: usize, _: usize) -> usize {
        0
    }

    fn input_jacobian(&self) -> InputJacobian {
        InputJacobian::Identity
    }

    fn param_jacobian(&self) -> ParamJacobian {
        ParamJacobian::Diagonal
    }
}

impl<T: Real> Block<T> for Bias {
    fn forward(&self, params: &[T], x: Mat<'_, T>, mut y: MatMut<'_, T>, _: &mut [T]) {
        for (j, x) in x.columns().enumerate() {
            let entries = y.col_mut(j).iter_mut().zip(x.iter().zip(params));
            entries.for_each(|(y, (&x, &b))| *y = x + b);
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

    fn jvp_params(
        &self,
        at: &Point<'_, T>,
        params_dot: Mat<'_, T>,
        acc: Accum,
        y_dot: MatMut<'_, T>,
        _: &mut [T],
    ) {
        push_identity(at.batch, params_dot, acc, y_dot);
    }

    fn vjp_params(
        &self,
        _: &Point<'_, T>,
        y_bar: Mat<'_, T>,
        acc: Accum,
        params_bar: &mut [T],
        _: &mut [T],
    ) {
        pull_identity(y_bar, acc, params_bar);
    }

    fn unit_params(
        &self,
        at: &Point<'_, T>,
        first: usize,
        acc: Accum,
        y_dot: MatMut<'_, T>,
        _: &mut [T],
    ) {
        unit_identity(at.batch, first, acc, y_dot);
    }

    fn second(&self) -> Option<&dyn SecondOrder<T>> {
        Some(self)
    }
}

impl<T: Real> SecondOrder<T> for Bias {}
