//! A row, a column or a number repeated over a matrix, and the sums that are its transpose.

use crate::linalg::{row_sums, sum};
use crate::{Accum, Block, Cost, Dims, Keeps, Mat, MatMut, Op, Point, Real, SecondOrder, Spec};

/// What is repeated over a matrix, or what is left when it is summed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Extent {
    /// One column: a number for each row.
    Column,
    /// One row: a number for each column.
    Row,
    /// One number.
    Scalar,
}

impl Extent {
    /// Numbers of it, for a matrix of `nrows` x `ncols`.
    pub const fn len(self, nrows: usize, ncols: usize) -> usize {
        match self {
            Self::Column => nrows,
            Self::Row => ncols,
            Self::Scalar => 1,
        }
    }
}

/// `part` in every place of a matrix of `nrows` rows.
fn spread<T: Real>(extent: Extent, nrows: usize, part: &[T], whole: &mut [T]) {
    for (j, column) in whole.chunks_exact_mut(nrows).enumerate() {
        match extent {
            Extent::Column => column.copy_from_slice(part),
            Extent::Row => column.fill(part[j]),
            Extent::Scalar => column.fill(part[0]),
        }
    }
}

/// The sums of a matrix: an operation an entry.
fn collect<T: Real>(extent: Extent, (nrows, ncols): (usize, usize), whole: &[T], part: &mut [T]) {
    let whole = Mat::new(whole, nrows, ncols);
    match extent {
        Extent::Column => row_sums(whole, Accum::Set, part),
        Extent::Row => {
            let columns = part.iter_mut().zip(whole.columns());
            columns.for_each(|(part, column)| *part = sum(Mat::from(column)));
        }
        Extent::Scalar => part[0] = sum(whole),
    }
}

/// A column, a row or a number repeated over a matrix of m x n, column by column. No parameters; the Jacobian has one 1 in
/// every row.
///
/// With B samples, S seeds:
///
/// | map | formula | flops |
/// |---|---|---|
/// | forward | `Y = x 1'`, `1 x'` or `1 x 1'` | 0 |
/// | jvp_input | the same of `x_dot` | 0 |
/// | vjp_input | `x_bar = Y_bar 1`, `Y_bar' 1` or `1' Y_bar 1` | `mnBS` |
///
/// A record keeps nothing of it. No scratch memory.
///
/// ```
/// use pushpull_core::{Block, Mat, MatMut, blocks::{Broadcast, Extent}};
/// let mut y = [0.0; 4];
/// Broadcast::new(2, 2, Extent::Row).forward(&[], Mat::new(&[1.0, 2.0], 2, 1), MatMut::new(&mut y, 4, 1), &mut []);
/// assert_eq!(y, [1.0, 1.0, 2.0, 2.0]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broadcast {
    nrows: usize,
    ncols: usize,
    from: Extent,
}

impl Broadcast {
    /// Over a matrix of `nrows` x `ncols`.
    pub const fn new(nrows: usize, ncols: usize, from: Extent) -> Self {
        Self { nrows, ncols, from }
    }
}

impl Spec for Broadcast {
    fn name(&self) -> &str {
        "broadcast"
    }

    fn dims(&self) -> Dims {
        Dims {
            n_in: self.from.len(self.nrows, self.ncols),
            n_out: self.nrows.saturating_mul(self.ncols),
            n_params: 0,
        }
    }

    fn keeps(&self) -> Keeps {
        Keeps::NOTHING
    }

    fn cost(&self, op: Op, batch: usize, seeds: usize) -> Option<Cost> {
        Some(match op {
            Op::VjpInput => Cost::flops(self.nrows * self.ncols * batch * seeds),
            _ => Cost::ZERO,
        })
    }
}

impl<T: Real> Block<T> for Broadcast {
    fn forward(&self, _: &[T], x: Mat<'_, T>, mut y: MatMut<'_, T>, _: &mut [T]) {
        for (j, x) in x.columns().enumerate() {
            spread(self.from, self.nrows, x, y.col_mut(j));
        }
    }

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
        for (j, y_bar) in y_bar.columns().enumerate() {
            collect(self.from, (self.nrows, self.ncols), y_bar, x_bar.col_mut(j));
        }
    }

    fn second(&self) -> Option<&dyn SecondOrder<T>> {
        Some(self)
    }
}

impl<T: Real> SecondOrder<T> for Broadcast {}

/// The sums of the rows (a column), of the columns (a row) or of all entries (a number) of a matrix of m x n. No
/// parameters; the Jacobian is the transpose of [`Broadcast`]'s.
///
/// With B samples, S seeds:
///
/// | map | formula | flops |
/// |---|---|---|
/// | forward | `y = X 1`, `X' 1` or `1' X 1` | `mnB` |
/// | jvp_input | the same of `X_dot` | `mnBS` |
/// | vjp_input | `X_bar = y_bar 1'`, `1 y_bar'` or `1 y_bar 1'` | 0 |
///
/// A record keeps nothing of it. No scratch memory.
///
/// ```
/// use pushpull_core::{Block, Mat, MatMut, blocks::{Extent, Sums}};
/// let mut y = [0.0; 2];
/// Sums::new(2, 2, Extent::Column).forward(&[], Mat::new(&[1.0, 2.0, 10.0, 20.0], 4, 1), MatMut::new(&mut y, 2, 1), &mut []);
/// assert_eq!(y, [11.0, 22.0]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sums {
    nrows: usize,
    ncols: usize,
    to: Extent,
}

impl Sums {
    /// Of a matrix of `nrows` x `ncols`; `to` is what is left.
    pub const fn new(nrows: usize, ncols: usize, to: Extent) -> Self {
        Self { nrows, ncols, to }
    }
}

impl Spec for Sums {
    fn name(&self) -> &str {
        "sums"
    }

    fn dims(&self) -> Dims {
        Dims {
            n_in: self.nrows.saturating_mul(self.ncols),
            n_out: self.to.len(self.nrows, self.ncols),
            n_params: 0,
        }
    }

    fn keeps(&self) -> Keeps {
        Keeps::NOTHING
    }

    fn cost(&self, op: Op, batch: usize, seeds: usize) -> Option<Cost> {
        let primal = Cost::flops(self.nrows * self.ncols * batch);
        Some(match op {
            Op::Forward => primal,
            Op::JvpInput => primal * seeds,
            _ => Cost::ZERO,
        })
    }
}

impl<T: Real> Block<T> for Sums {
    fn forward(&self, _: &[T], x: Mat<'_, T>, mut y: MatMut<'_, T>, _: &mut [T]) {
        for (j, x) in x.columns().enumerate() {
            collect(self.to, (self.nrows, self.ncols), x, y.col_mut(j));
        }
    }

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
        for (j, y_bar) in y_bar.columns().enumerate() {
            spread(self.to, self.nrows, y_bar, x_bar.col_mut(j));
        }
    }

    fn second(&self) -> Option<&dyn SecondOrder<T>> {
        Some(self)
    }
}

impl<T: Real> SecondOrder<T> for Sums {}
