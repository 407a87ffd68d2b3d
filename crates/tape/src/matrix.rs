//! Products, rearrangements and sums of matrices.

use std::ops::{Bound, RangeBounds};
use std::panic::Location;
use std::sync::Arc;

use pushpull_core::Scalar;
use pushpull_core::blocks::{
    Abs, Extent, Map, MatMul, Max, Norm, Scale, Submatrix, Sum, Sums, Transpose,
};

use crate::error::shown;
use crate::{Error, Var};

/// A range of `n` rows or columns as numbers.
fn resolve(range: impl RangeBounds<usize>, n: usize) -> std::ops::Range<usize> {
    let start = match range.start_bound() {
        Bound::Included(&start) => start,
        Bound::Excluded(&start) => start.saturating_add(1),
        Bound::Unbounded => 0,
    };
    let end = match range.end_bound() {
        Bound::Included(&end) => end.saturating_add(1),
        Bound::Excluded(&end) => end,
        Bound::Unbounded => n,
    };
    start..end
}

impl<'t, T: Scalar> Var<'t, T> {
    /// The matrix product: m x k by k x n.
    ///
    /// ```
    /// use nalgebra::dmatrix;
    /// let tape = pushpull_tape::Tape::new();
    /// let (a, b) = (tape.variable(dmatrix![1.0, 2.0]), tape.variable(dmatrix![3.0; 4.0]));
    /// assert_eq!(a.matmul(b).value()?, dmatrix![11.0]);
    /// assert!(a.matmul(a).value().unwrap_err().to_string().contains("matmul of 1 x 2 and 1 x 2"));
    /// # Ok::<(), pushpull_tape::Error>(())
    /// ```
    #[track_caller]
    pub fn matmul(self, other: Self) -> Self {
        let (at, inner) = (Location::caller(), self.inner());
        let ((m, k), (rows, n)) = (self.shape(), other.shape());
        if self.is_faulty() || other.is_faulty() || k == rows {
            let block = Arc::new(MatMul::new(m, k, n));
            return inner.push(block, &[self, other], (m, n), false, at);
        }
        inner.fail(Error::Shapes {
            op: "matmul".into(),
            left: shown((m, k)),
            right: shown((rows, n)),
            expected: "as many columns on the left as rows on the right".into(),
            at,
        })
    }

    /// The transpose.
    #[track_caller]
    pub fn t(self) -> Self {
        let (nrows, ncols) = self.shape();
        let at = Location::caller();
        if self.is_faulty() {
            return self;
        }
        let block = Arc::new(Transpose::new(nrows, ncols));
        self.inner().push(block, &[self], (ncols, nrows), false, at)
    }

    /// The same numbers, column by column, in another shape: nothing is recorded, and a derivative with respect to it is one
    /// with respect to the value that it was made of.
    ///
    /// ```
    /// use nalgebra::dmatrix;
    /// let tape = pushpull_tape::Tape::new();
    /// let a = tape.variable(dmatrix![1.0, 3.0, 5.0; 2.0, 4.0, 6.0]);
    /// assert_eq!(a.reshape(3, 2).value()?, dmatrix![1.0, 4.0; 2.0, 5.0; 3.0, 6.0]);
    /// # Ok::<(), pushpull_tape::Error>(())
    /// ```
    #[track_caller]
    pub fn reshape(self, nrows: usize, ncols: usize) -> Self {
        if self.is_faulty() {
            return self;
        }
        if nrows.checked_mul(ncols) != Some(self.len()) {
            return self.inner().fail(Error::Shapes {
                op: "reshape".into(),
                left: shown(self.shape()),
                right: shown((nrows, ncols)),
                expected: "as many entries".into(),
                at: Location::caller(),
            });
        }
        Self::new(self.inner(), self.entry(), (nrows, ncols))
    }

    /// All entries as one column.
    #[track_caller]
    pub fn flatten(self) -> Self {
        self.reshape(self.len(), usize::from(!self.is_faulty()))
    }

    /// Rows and columns of ranges.
    ///
    /// ```
    /// use nalgebra::dmatrix;
    /// let tape = pushpull_tape::Tape::new();
    /// let a = tape.variable(dmatrix![1.0, 2.0, 3.0; 4.0, 5.0, 6.0]);
    /// assert_eq!(a.slice(1.., ..2).value()?, dmatrix![4.0, 5.0]);
    /// # Ok::<(), pushpull_tape::Error>(())
    /// ```
    #[track_caller]
    pub fn slice(self, rows: impl RangeBounds<usize>, columns: impl RangeBounds<usize>) -> Self {
        let at = Location::caller();
        if self.is_faulty() {
            return self;
        }
        let (nrows, ncols) = self.shape();
        let (rows, columns) = (resolve(rows, nrows), resolve(columns, ncols));
        let shape = (rows.len(), columns.len());
        let block = Arc::new(Submatrix::new(nrows, ncols, rows, columns));
        self.inner().push(block, &[self], shape, false, at)
    }

    /// Row `i`.
    #[track_caller]
    pub fn row(self, i: usize) -> Self {
        self.slice(i..i.saturating_add(1), ..)
    }

    /// Column `j`.
    #[track_caller]
    pub fn column(self, j: usize) -> Self {
        self.slice(.., j..j.saturating_add(1))
    }

    /// The sum of all entries.
    #[track_caller]
    pub fn sum(self) -> Self {
        let at = Location::caller();
        if self.is_faulty() {
            return self;
        }
        let block = Arc::new(Sum::new(self.len()));
        self.inner().push(block, &[self], (1, 1), false, at)
    }

    /// The sum of each row: a column.
    #[track_caller]
    pub fn row_sums(self) -> Self {
        self.sums(Extent::Column, Location::caller())
    }

    /// The sum of each column: a row.
    #[track_caller]
    pub fn column_sums(self) -> Self {
        self.sums(Extent::Row, Location::caller())
    }

    fn sums(self, to: Extent, at: &'static Location<'static>) -> Self {
        if self.is_faulty() {
            return self;
        }
        let (nrows, ncols) = self.shape();
        let shape = match to {
            Extent::Column => (nrows, 1),
            Extent::Row => (1, ncols),
            Extent::Scalar => (1, 1),
        };
        let block = Arc::new(Sums::new(nrows, ncols, to));
        self.inner().push(block, &[self], shape, false, at)
    }

    /// The mean of all entries.
    #[track_caller]
    pub fn mean(self) -> Self {
        let (n, at) = (self.len(), Location::caller());
        self.sum().on(|one| Scale::divided(one, n as f64), at)
    }

    /// The mean of each column: a row.
    #[track_caller]
    pub fn column_means(self) -> Self {
        let (n, at) = (self.nrows(), Location::caller());
        let sums = self.sums(Extent::Row, at);
        sums.on(|len| Scale::divided(len, n as f64), at)
    }

    /// The mean of each row: a column.
    #[track_caller]
    pub fn row_means(self) -> Self {
        let (n, at) = (self.ncols(), Location::caller());
        let sums = self.sums(Extent::Column, at);
        sums.on(|len| Scale::divided(len, n as f64), at)
    }

    /// The largest entry; its derivative goes to the first of the largest. NaN wherever one stands.
    #[track_caller]
    pub fn max(self) -> Self {
        self.flatten()
            .by_columns(Max::new(self.len()), Location::caller())
    }

    /// The largest entry of each column: a row.
    #[track_caller]
    pub fn column_max(self) -> Self {
        self.by_columns(Max::new(self.nrows()), Location::caller())
    }

    /// The square root of the sum of squares: the Euclidean norm of a column, Frobenius' norm of a matrix. Its derivative at 0
    /// is 0.
    ///
    /// ```
    /// use nalgebra::dmatrix;
    /// let tape = pushpull_tape::Tape::new();
    /// let x = tape.variable(dmatrix![3.0, -4.0]);
    /// assert_eq!((x.norm().number()?, x.norm_1().number()?, x.norm_max().number()?), (5.0, 7.0, 4.0));
    /// # Ok::<(), pushpull_tape::Error>(())
    /// ```
    #[track_caller]
    pub fn norm(self) -> Self {
        self.flatten()
            .by_columns(Norm::new(self.len()), Location::caller())
    }

    /// The Euclidean norm of each column: a row.
    #[track_caller]
    pub fn column_norms(self) -> Self {
        self.by_columns(Norm::new(self.nrows()), Location::caller())
    }

    /// The sum of the absolute values of all entries.
    #[track_caller]
    pub fn norm_1(self) -> Self {
        self.on(|n| Map::new(Abs, n), Location::caller()).sum()
    }

    /// The largest absolute value of an entry.
    #[track_caller]
    pub fn norm_max(self) -> Self {
        self.on(|n| Map::new(Abs, n), Location::caller()).max()
    }
}
