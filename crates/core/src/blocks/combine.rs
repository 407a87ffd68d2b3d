//! Sums and products of stacked inputs: where branches of a graph meet.

use super::chain;
use super::steep::not_finite;
use crate::blocks::any_width::{any_width, first};
use crate::linalg::sum_columns;
use crate::planes::{Cotangents, DotPoint, PlanesMut};
use crate::{
    Accum, Block, Cost, Dims, Error, Keeps, Mat, MatMut, Op, Point, Real, Result, SecondOrder,
    Singular, Spec, Steep,
};

/// `y_i = sum_k x_(kn + i)`: the sum of `terms` inputs of n rows each, stacked. No parameters; the Jacobian is
/// `[I I .. I]`.
///
/// With n rows, K terms, B samples, S seeds:
///
/// | map | formula | flops |
/// |---|---|---|
/// | forward | `y = x_1 + .. + x_K` | `(K - 1) nB` |
/// | jvp_input | `y_dot = x_dot_1 + .. + x_dot_K` | `(K - 1) nBS` |
/// | vjp_input | `x_bar_k = y_bar` | 0 |
///
/// A record keeps nothing of it. No scratch memory.
///
/// ```
/// use pushpull_core::{Block, Mat, MatMut, blocks::Add};
/// let mut y = [0.0; 2];
/// Add::new(2, 2).forward(&[], Mat::new(&[1.0, 2.0, 10.0, 20.0], 4, 1), MatMut::new(&mut y, 2, 1), &mut []);
/// assert_eq!(y, [11.0, 22.0]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Add {
    n: usize,
    terms: usize,
}

any_width!(Add, |rows| Add::new(first(rows), rows.len()));

impl Add {
    /// The sum of `terms` inputs of `n` rows, at least one.
    pub const fn new(n: usize, terms: usize) -> Self {
        Self { n, terms }
    }
}

impl Spec for Add {
    fn name(&self) -> &str {
        "add"
    }

    fn dims(&self) -> Dims {
        Dims {
            n_in: self.n.saturating_mul(self.terms),
            n_out: self.n,
            n_params: 0,
        }
    }

    fn keeps(&self) -> Keeps {
        Keeps::NOTHING
    }

    fn cost(&self, op: Op, batch: usize, seeds: usize) -> Option<Cost> {
        let primal = Cost::flops(self.terms.saturating_sub(1) * self.n * batch);
        Some(match op {
            Op::Forward => primal,
            Op::JvpInput => primal * seeds,
            _ => Cost::ZERO,
        })
    }

    fn validate(&self) -> Result<()> {
        if self.terms > 0 {
            return Ok(());
        }
        Err(Error::setting(
            self.name(),
            "terms",
            "at least 1",
            self.terms,
        ))
    }
}

impl<T: Real> Block<T> for Add {
    fn forward(&self, _: &[T], x: Mat<'_, T>, mut y: MatMut<'_, T>, _: &mut [T]) {
        for (j, column) in x.columns().enumerate() {
            let terms = Mat::new(column, self.n, self.terms);
            sum_columns(self.terms, Accum::Set, y.col_mut(j), |some, rows, sums| {
                let terms = terms.rows(rows);
                sums.copy_from_slice(terms.col(some.start));
                for k in some.skip(1) {
                    let entries = sums.iter_mut().zip(terms.col(k));
                    entries.for_each(|(sum, &x)| *sum += x);
                }
            });
        }
    }

    /// A linear map is its own derivative.
    fn jvp_input(&self, _: &Point<'_, T>, x_dot: Mat<'_, T>, y_dot: MatMut<'_, T>, _: &mut [T]) {
        self.forward(&[], x_dot, y_dot, &mut []);
    }

    fn vjp_input(
        &self,
        _: &Point<'_, T>,
        y_bar: Mat<'_, T>,
        mut x_bar: MatMut<'_, T>,
        _: &mut [T],
    ) {
        for (j, column) in y_bar.columns().enumerate() {
            for term in x_bar.col_mut(j).chunks_exact_mut(self.n) {
                term.copy_from_slice(column);
            }
        }
    }

    fn second(&self) -> Option<&dyn SecondOrder<T>> {
        Some(self)
    }
}

impl<T: Real> SecondOrder<T> for Add {}

/// `y_i = a_i b_i` for the stacked input `[a; b]`: gates, masks, squares. No parameters; the Jacobian is
/// `[diag(b) diag(a)]`.
///
/// With n rows of output, B samples, S seeds:
///
/// | map | formula | flops |
/// |---|---|---|
/// | forward | `y = a * b` | `nB` |
/// | jvp_input | `y_dot = b * a_dot + a * b_dot` | `3nBS` |
/// | vjp_input | `a_bar = b * y_bar`, `b_bar = a * y_bar` | `2nBS` |
///
/// A record keeps x, `2nB` numbers. No scratch memory.
///
/// ```
/// use pushpull_core::{Block, Mat, MatMut, blocks::Mul};
/// let mut y = [0.0; 2];
/// Mul::new(2).forward(&[], Mat::new(&[1.0, 2.0, 10.0, 20.0], 4, 1), MatMut::new(&mut y, 2, 1), &mut []);
/// assert_eq!(y, [10.0, 40.0]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mul {
    n: usize,
}

any_width!(Mul, |rows| Mul::new(first(rows)));

impl Mul {
    /// The product of two inputs of `n` rows.
    pub const fn new(n: usize) -> Self {
        Self { n }
    }
}

impl Spec for Mul {
    fn name(&self) -> &str {
        "mul"
    }

    fn dims(&self) -> Dims {
        Dims {
            n_in: self.n.saturating_mul(2),
            n_out: self.n,
            n_params: 0,
        }
    }

    fn keeps(&self) -> Keeps {
        Keeps::X
    }

    fn cost(&self, op: Op, batch: usize, seeds: usize) -> Option<Cost> {
        let primal = Cost::flops(self.n * batch);
        Some(match op {
            Op::Forward => primal,
            Op::JvpInput => primal * (3 * seeds),
            Op::VjpInput => primal * (2 * seeds),
            _ => Cost::ZERO,
        })
    }

    fn singular(&self) -> Singular {
        Singular::WithInput
    }
}

impl<T: Real> Block<T> for Mul {
    fn forward(&self, _: &[T], x: Mat<'_, T>, mut y: MatMut<'_, T>, _: &mut [T]) {
        for (j, column) in x.columns().enumerate() {
            let (a, b) = column.split_at(self.n);
            for (y, (&a, &b)) in y.col_mut(j).iter_mut().zip(a.iter().zip(b)) {
                *y = a * b;
            }
        }
    }

    fn jvp_input(
        &self,
        at: &Point<'_, T>,
        x_dot: Mat<'_, T>,
        mut y_dot: MatMut<'_, T>,
        _: &mut [T],
    ) {
        for (column, x_dot) in x_dot.columns().enumerate() {
            let (a, b) = at.x_of(column).split_at(self.n);
            let (a_dot, b_dot) = x_dot.split_at(self.n);
            let pairs = a.iter().zip(b).zip(a_dot.iter().zip(b_dot));
            for (y_dot, ((&a, &b), (&a_dot, &b_dot))) in y_dot.col_mut(column).iter_mut().zip(pairs)
            {
                *y_dot = chain(b, a_dot) + chain(a, b_dot);
            }
        }
    }

    fn vjp_input(
        &self,
        at: &Point<'_, T>,
        y_bar: Mat<'_, T>,
        mut x_bar: MatMut<'_, T>,
        _: &mut [T],
    ) {
        for (column, y_bar) in y_bar.columns().enumerate() {
            let (a, b) = at.x_of(column).split_at(self.n);
            let (a_bar, b_bar) = x_bar.col_mut(column).split_at_mut(self.n);
            let factors = a.iter().zip(b).zip(y_bar);
            for ((a_bar, b_bar), ((&a, &b), &y_bar)) in a_bar.iter_mut().zip(b_bar).zip(factors) {
                (*a_bar, *b_bar) = (chain(b, y_bar), chain(a, y_bar));
            }
        }
    }

    /// A factor is the other's slope.
    fn singular_at(&self, at: &Point<'_, T>, _: bool, found: &mut dyn FnMut(Steep)) {
        not_finite(at.x, |sample, row, value| {
            found(Steep {
                sample,
                output: row % self.n,
                input: Some((row + self.n) % (2 * self.n)),
                at: value,
            });
        });
    }

    fn second(&self) -> Option<&dyn SecondOrder<T>> {
        Some(self)
    }
}

impl<T: Real> SecondOrder<T> for Mul {
    /// `a_bar_dot = b * y_bar_dot + b_dot * y_bar`, and b's likewise.
    fn vjp_input_dot(
        &self,
        at: &DotPoint<'_, T>,
        y_bar: Cotangents<'_, T>,
        x_bar: PlanesMut<'_, T>,
        scratch: &mut [T],
    ) {
        let (value, mut dot) = x_bar.split();
        self.vjp_input(&at.point(), y_bar.value(), value, scratch);
        self.vjp_input(&at.point(), y_bar.dot(), dot.rb_mut(), scratch);
        let Some(x_dot) = at.x.dot else { return };
        for (j, y_bar) in y_bar.value().columns().enumerate() {
            let (a_dot, b_dot) = x_dot.col(j).split_at(self.n);
            let (a_bar_dot, b_bar_dot) = dot.col_mut(j).split_at_mut(self.n);
            let factors = a_dot.iter().zip(b_dot).zip(y_bar);
            for ((a_bar_dot, b_bar_dot), ((&a_dot, &b_dot), &y_bar)) in
                a_bar_dot.iter_mut().zip(b_bar_dot).zip(factors)
            {
                *a_bar_dot += chain(b_dot, y_bar);
                *b_bar_dot += chain(a_dot, y_bar);
            }
        }
    }
}
