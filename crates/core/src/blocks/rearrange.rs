//! Matrices that are columns of a graph, rearranged: transposed, cut, put on top of one another.

use std::ops::Range;

use crate::{
    Block, Cost, Dims, Error, Keeps, Mat, MatMut, Op, Point, Real, Result, SecondOrder, Spec,
};

/// `Y = X'` for X (nrows x ncols), both column by column. No parameters; the Jacobian is a permutation.
///
/// | map | formula | flops |
/// |---|---|---|
/// | forward | `Y = X'` | 0 |
/// | jvp_input | `Y_dot = X_dot'` | 0 |
/// | vjp_input | `X_bar = Y_bar'` | 0 |
///
/// A record keeps nothing of it. No scratch memory.
///
/// ```
/// use pushpull_core::{Block, Mat, MatMut, blocks::Transpose};
/// let mut y = [0.0; 4];
/// Transpose::new(2, 2).forward(&[], Mat::new(&[1.0, 2.0, 3.0, 4.0], 4, 1), MatMut::new(&mut y, 4, 1), &mut []);
/// assert_eq!(y, [1.0, 3.0, 2.0, 4.0]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transpose {
    nrows: usize,
    ncols: usize,
}

impl Transpose {
    /// The transpose of an `nrows` x `ncols` matrix.
    pub const fn new(nrows: usize, ncols: usize) -> Self {
        Self { nrows, ncols }
    }
}

/// Every column, an `nrows` x `ncols` matrix, transposed.
fn transpose<T: Real>(nrows: usize, ncols: usize, x: Mat<'_, T>, mut y: MatMut<'_, T>) {
    for (j, x) in x.columns().enumerate() {
        for (row, y) in y.col_mut(j).chunks_exact_mut(ncols).enumerate() {
            let entries = y.iter_mut().zip(x[row..].iter().step_by(nrows));
            entries.for_each(|(y, &x)| *y = x);
        }
    }
}

macro_rules! moves_numbers {
    ($name:ident, $text:literal, $n_in:expr, $n_out:expr) => {
        fn name(&self) -> &str {
            $text
        }

        fn dims(&self) -> Dims {
            let (n_in, n_out): (fn(&$name) -> usize, fn(&$name) -> usize) = ($n_in, $n_out);
            Dims {
                n_in: n_in(self),
                n_out: n_out(self),
                n_params: 0,
            }
        }

        fn keeps(&self) -> Keeps {
            Keeps::NOTHING
        }

        fn cost(&self, _: Op, _: usize, _: usize) -> Option<Cost> {
            Some(Cost::ZERO)
        }
    };
}

impl Spec for Transpose {
    moves_numbers!(
        Transpose,
        "transpose",
        |t| t.nrows.saturating_mul(t.ncols),
        |t| t.nrows.saturating_mul(t.ncols)
    );
}

impl<T: Real> Block<T> for Transpose {
    fn forward(&self, _: &[T], x: Mat<'_, T>, y: MatMut<'_, T>, _: &mut [T]) {
        transpose(self.nrows, self.ncols, x, y);
    }

    fn jvp_input(&self, _: &Point<'_, T>, x_dot: Mat<'_, T>, y_dot: MatMut<'_, T>, _: &mut [T]) {
        transpose(self.nrows, self.ncols, x_dot, y_dot);
    }

    fn vjp_input(&self, _: &Point<'_, T>, y_bar: Mat<'_, T>, x_bar: MatMut<'_, T>, _: &mut [T]) {
        transpose(self.ncols, self.nrows, y_bar, x_bar);
    }

    fn second(&self) -> Option<&dyn SecondOrder<T>> {
        Some(self)
    }
}

impl<T: Real> SecondOrder<T> for Transpose {}

/// Rows and columns of ranges of X (nrows x ncols), column by column. No parameters; the Jacobian has one 1 in every row.
///
/// | map | formula | flops |
/// |---|---|---|
/// | forward | `Y = X[rows, columns]` | 0 |
/// | jvp_input | `Y_dot = X_dot[rows, columns]` | 0 |
/// | vjp_input | `X_bar = 0`, `X_bar[rows, columns] = Y_bar` | 0 |
///
/// A record keeps nothing of it. No scratch memory.
///
/// ```
/// use pushpull_core::{Block, Mat, MatMut, Spec, blocks::Submatrix};
/// let mut y = [0.0; 2];
/// Submatrix::new(2, 2, 1..2, 0..2).forward(&[], Mat::new(&[1.0, 2.0, 3.0, 4.0], 4, 1), MatMut::new(&mut y, 2, 1), &mut []);
/// assert_eq!(y, [2.0, 4.0]);
/// assert!(Submatrix::new(2, 2, 0..3, 0..2).validate().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submatrix {
    nrows: usize,
    ncols: usize,
    rows: Range<usize>,
    columns: Range<usize>,
}

impl Submatrix {
    /// `rows` and `columns` of an `nrows` x `ncols` matrix.
    pub const fn new(
        nrows: usize,
        ncols: usize,
        rows: Range<usize>,
        columns: Range<usize>,
    ) -> Self {
        Self {
            nrows,
            ncols,
            rows,
            columns,
        }
    }

    /// Where each column of the part lies in the whole.
    fn places(&self) -> impl Iterator<Item = Range<usize>> {
        let place =
            |column| column * self.nrows + self.rows.start..column * self.nrows + self.rows.end;
        self.columns.clone().map(place)
    }
}

impl Spec for Submatrix {
    moves_numbers!(
        Submatrix,
        "submatrix",
        |s| s.nrows.saturating_mul(s.ncols),
        |s| s.rows.len().saturating_mul(s.columns.len())
    );

    fn validate(&self) -> Result<()> {
        for (setting, range, most) in [
            ("rows", &self.rows, self.nrows),
            ("columns", &self.columns, self.ncols),
        ] {
            if range.end > most || range.is_empty() {
                return Err(Error::setting(
                    self.name(),
                    setting,
                    format!("a range within 0..{most} that is not empty"),
                    format_args!("{range:?}"),
                ));
            }
        }
        Ok(())
    }
}

impl<T: Real> Block<T> for Submatrix {
    fn forward(&self, _: &[T], x: Mat<'_, T>, mut y: MatMut<'_, T>, _: &mut [T]) {
        for (j, x) in x.columns().enumerate() {
            let parts = y.col_mut(j).chunks_exact_mut(self.rows.len());
            parts
                .zip(self.places())
                .for_each(|(y, place)| y.copy_from_slice(&x[place]));
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
        x_bar.fill(T::zero());
        for (j, y_bar) in y_bar.columns().enumerate() {
            let x_bar = x_bar.col_mut(j);
            let parts = y_bar.chunks_exact(self.rows.len());
            parts
                .zip(self.places())
                .for_each(|(y_bar, place)| x_bar[place].copy_from_slice(y_bar));
        }
    }

    fn second(&self) -> Option<&dyn SecondOrder<T>> {
        Some(self)
    }
}

impl<T: Real> SecondOrder<T> for Submatrix {}

/// `Y = [X_1; X_2; ..]`: matrices of the same number of columns on top of one another. The input is all of X_1 column by
/// column, then all of X_2, and so on. (Side by side they need no block: columns after columns is how they are stacked.)
/// No parameters; the Jacobian is a permutation.
///
/// | map | formula | flops |
/// |---|---|---|
/// | forward | `Y = [X_1; X_2; ..]` | 0 |
/// | jvp_input | `Y_dot = [X_dot_1; X_dot_2; ..]` | 0 |
/// | vjp_input | `X_bar_k = the rows of Y_bar that are X_k's` | 0 |
///
/// A record keeps nothing of it. No scratch memory.
///
/// ```
/// use pushpull_core::{Block, Mat, MatMut, blocks::OnTop};
/// let mut y = [0.0; 6];
/// let x = [1.0, 2.0, 3.0, 4.0, 10.0, 20.0]; // [1 3; 2 4] and [10 20]
/// OnTop::new([2, 1], 2).forward(&[], Mat::new(&x, 6, 1), MatMut::new(&mut y, 6, 1), &mut []);
/// assert_eq!(y, [1.0, 2.0, 10.0, 3.0, 4.0, 20.0]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnTop {
    rows: Vec<usize>,
    ncols: usize,
}

impl OnTop {
    /// Matrices of so many `rows` each and of `ncols` columns.
    pub fn new(rows: impl Into<Vec<usize>>, ncols: usize) -> Self {
        Self {
            rows: rows.into(),
            ncols,
        }
    }

    fn height(&self) -> usize {
        self.rows
            .iter()
            .fold(0, |sum, rows| sum.saturating_add(*rows))
    }

    /// For each column of each part: where it lies in the parts, and in the whole.
    fn places(&self) -> impl Iterator<Item = (Range<usize>, Range<usize>)> {
        let (height, mut above, mut part) = (self.height(), 0, 0);
        self.rows.iter().flat_map(move |&rows| {
            let (from, to) = (part, above);
            (above, part) = (above + rows, part + rows * self.ncols);
            (0..self.ncols).map(move |column| {
                let (from, to) = (from + column * rows, to + column * height);
                (from..from + rows, to..to + rows)
            })
        })
    }
}

impl Spec for OnTop {
    moves_numbers!(
        OnTop,
        "on-top",
        |s| s.height().saturating_mul(s.ncols),
        |s| s.height().saturating_mul(s.ncols)
    );
}

impl<T: Real> Block<T> for OnTop {
    fn forward(&self, _: &[T], x: Mat<'_, T>, mut y: MatMut<'_, T>, _: &mut [T]) {
        for (j, x) in x.columns().enumerate() {
            let y = y.col_mut(j);
            self.places()
                .for_each(|(from, to)| y[to].copy_from_slice(&x[from]));
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
            let x_bar = x_bar.col_mut(j);
            self.places()
                .for_each(|(from, to)| x_bar[from].copy_from_slice(&y_bar[to]));
        }
    }

    fn second(&self) -> Option<&dyn SecondOrder<T>> {
        Some(self)
    }
}

impl<T: Real> SecondOrder<T> for OnTop {}
