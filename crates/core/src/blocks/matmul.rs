//! The product of two matrices that are both values.

use super::steep::not_finite;
use crate::linalg::{dual_product_cost, product};
use crate::planes::{Cotangents, DotPoint, PlanesMut};
use crate::{
    Accum, Block, Cost, Dims, Keeps, Mat, MatMut, Op, Point, Real, SecondOrder, Singular, Spec,
    Steep,
};

/// `Y = A B` for the stacked input `[A; B]`: A (m x k) column by column, then B (k x n); Y (m x n) is a column too. So both
/// factors may depend on anything, and a graph with one sample a graph of matrices. No parameters; the Jacobian is
/// `[B' (x) I, I (x) A]`.
///
/// With B samples, S seeds:
///
/// | map | formula | flops |
/// |---|---|---|
/// | forward | `Y = A B` | `2mknB` |
/// | jvp_input | `Y_dot = A_dot B + A B_dot` | `(4mkn + mn) BS` |
/// | vjp_input | `A_bar = Y_bar B'`, `B_bar = A' Y_bar` | `4mknBS` |
///
/// A record keeps x, `(mk + kn) B` numbers. No scratch memory.
///
/// ```
/// use pushpull_core::{Block, Mat, MatMut, blocks::MatMul};
/// let mut y = [0.0; 2];
/// let x = [1.0, 2.0, 3.0, 4.0, 1.0, -1.0]; // [1 3; 2 4] [1; -1]
/// MatMul::new(2, 2, 1).forward(&[], Mat::new(&x, 6, 1), MatMut::new(&mut y, 2, 1), &mut []);
/// assert_eq!(y, [-2.0, -2.0]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MatMul {
    m: usize,
    k: usize,
    n: usize,
}

impl MatMul {
    /// The product of an m x k by a k x n matrix.
    pub const fn new(m: usize, k: usize, n: usize) -> Self {
        Self { m, k, n }
    }

    const fn left(&self) -> usize {
        self.m.saturating_mul(self.k)
    }

    const fn right(&self) -> usize {
        self.k.saturating_mul(self.n)
    }

    fn factors<'a, T>(&self, column: &'a [T]) -> (Mat<'a, T>, Mat<'a, T>) {
        let (a, b) = column.split_at(self.left());
        (Mat::new(a, self.m, self.k), Mat::new(b, self.k, self.n))
    }

    fn factors_mut<'a, T>(&self, column: &'a mut [T]) -> (MatMut<'a, T>, MatMut<'a, T>) {
        let (a, b) = column.split_at_mut(self.left());
        (
            MatMut::new(a, self.m, self.k),
            MatMut::new(b, self.k, self.n),
        )
    }

    /// `A_bar (+)= Y_bar B'`, `B_bar (+)= A' Y_bar`
    fn pull<T: Real>(&self, x: &[T], y_bar: &[T], acc: Accum, x_bar: &mut [T]) {
        let ((a, b), y_bar) = (self.factors(x), Mat::new(y_bar, self.m, self.n));
        let (a_bar, b_bar) = self.factors_mut(x_bar);
        product(a_bar, acc, y_bar, b.t());
        product(b_bar, acc, a.t(), y_bar);
    }
}

impl Spec for MatMul {
    fn name(&self) -> &str {
        "matmul"
    }

    fn dims(&self) -> Dims {
        Dims {
            n_in: self.left().saturating_add(self.right()),
            n_out: self.m.saturating_mul(self.n),
            n_params: 0,
        }
    }

    fn shares(&self) -> bool {
        true
    }

    fn keeps(&self) -> Keeps {
        Keeps::X
    }

    fn cost(&self, op: Op, batch: usize, seeds: usize) -> Option<Cost> {
        let product = Cost::product(self.m, self.k, self.n) * batch;
        Some(match op {
            Op::Forward => product,
            Op::JvpInput => (product * 2 + Cost::flops(self.m * self.n * batch)) * seeds,
            Op::VjpInput => product * (2 * seeds),
            _ => Cost::ZERO,
        })
    }

    fn dual_cost(&self, op: Op, batch: usize, seeds: usize) -> Option<Cost> {
        let (m, k, n) = (self.m, self.k, self.n);
        Some(match op {
            Op::Forward => dual_product_cost(m, k, n, false) * batch,
            Op::JvpInput => {
                (dual_product_cost(m, k, n, false) + dual_product_cost(m, k, n, true))
                    * (batch * seeds)
            }
            Op::VjpInput => {
                (dual_product_cost(m, n, k, false) + dual_product_cost(k, m, n, false))
                    * (batch * seeds)
            }
            _ => Cost::ZERO,
        })
    }

    fn singular(&self) -> Singular {
        Singular::WithInput
    }
}

impl<T: Real> Block<T> for MatMul {
    /// An entry of a factor is the slope of its row or column of the product by the other's.
    fn singular_at(&self, at: &Point<'_, T>, _: bool, found: &mut dyn FnMut(Steep)) {
        not_finite(at.x, |sample, row, value| {
            let mut slope = |output, input| {
                found(Steep {
                    sample,
                    output,
                    input: Some(input),
                    at: value,
                });
            };
            if let Some(row) = row.checked_sub(self.left()) {
                let (l, j) = (row % self.k, row / self.k);
                (0..self.m).for_each(|i| slope(j * self.m + i, l * self.m + i));
            } else {
                let (i, l) = (row % self.m, row / self.m);
                (0..self.n).for_each(|j| slope(j * self.m + i, self.left() + j * self.k + l));
            }
        });
    }

    fn forward(&self, _: &[T], x: Mat<'_, T>, mut y: MatMut<'_, T>, _: &mut [T]) {
        for (j, column) in x.columns().enumerate() {
            let (a, b) = self.factors(column);
            product(MatMut::new(y.col_mut(j), self.m, self.n), Accum::Set, a, b);
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
            let (a, b) = self.factors(at.x_of(column));
            let (a_dot, b_dot) = self.factors(x_dot);
            let mut y_dot = MatMut::new(y_dot.col_mut(column), self.m, self.n);
            product(y_dot.rb_mut(), Accum::Set, a_dot, b);
            product(y_dot, Accum::Add, a, b_dot);
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
            let x = at.x_of(column);
            self.pull(x, y_bar, Accum::Set, x_bar.col_mut(column));
        }
    }

    fn second(&self) -> Option<&dyn SecondOrder<T>> {
        Some(self)
    }
}

impl<T: Real> SecondOrder<T> for MatMul {
    /// `A_bar_dot = Y_bar_dot B' + Y_bar B_dot'`, `B_bar_dot = A' Y_bar_dot + A_dot' Y_bar`
    fn vjp_input_dot(
        &self,
        at: &DotPoint<'_, T>,
        y_bar: Cotangents<'_, T>,
        x_bar: PlanesMut<'_, T>,
        _: &mut [T],
    ) {
        let (mut value, mut dot) = x_bar.split();
        for j in 0..at.batch {
            let ((x, x_dot), (y_bar, y_bar_dot)) = (at.x.col(j), y_bar.col(j));
            self.pull(x, y_bar, Accum::Set, value.col_mut(j));
            self.pull(x, y_bar_dot, Accum::Set, dot.col_mut(j));
            if let Some(x_dot) = x_dot {
                self.pull(x_dot, y_bar, Accum::Add, dot.col_mut(j));
            }
        }
    }
}
