//! Matrix views over slices, column-major, a sample a column.
//!
//! Own views, because nalgebra's views of dynamic stride have no safe flat slice. They convert to nalgebra and to the
//! GEMM library without a copy.

use std::fmt;
use std::ops::Range;

use nalgebra::{DMatrix, DMatrixView, DVector, Dyn, Scalar as Element};

use crate::{Error, Result};

/// A read-only view: entry (i, j) lies at `j * stride + i`.
pub struct Mat<'a, T> {
    data: &'a [T],
    nrows: usize,
    ncols: usize,
    stride: usize,
}

/// A writable view: entry (i, j) lies at `j * stride + i`.
pub struct MatMut<'a, T> {
    data: &'a mut [T],
    nrows: usize,
    ncols: usize,
    stride: usize,
}

// Not derived: a view is copied whatever its elements are.
impl<T> Clone for Mat<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Mat<'_, T> {}

/// Numbers that a view of this shape spans.
const fn span(nrows: usize, ncols: usize, stride: usize) -> usize {
    if nrows == 0 || ncols == 0 {
        0
    } else {
        (ncols - 1) * stride + nrows
    }
}

impl<'a, T> Mat<'a, T> {
    /// A view of the first `nrows * ncols` numbers of `data`, column by column.
    ///
    /// # Panics
    /// If `data` is shorter; [`Mat::from_slice`] returns an error instead.
    #[inline]
    pub fn new(data: &'a [T], nrows: usize, ncols: usize) -> Self {
        Self::with_stride(data, nrows, ncols, nrows)
    }

    /// A view whose columns start `stride` numbers apart.
    ///
    /// # Panics
    /// If `data` is too short or `stride < nrows`.
    #[inline]
    pub fn with_stride(data: &'a [T], nrows: usize, ncols: usize, stride: usize) -> Self {
        assert!(
            stride >= nrows,
            "columns of {nrows} rows overlap at stride {stride}"
        );
        Self {
            data: &data[..span(nrows, ncols, stride)],
            nrows,
            ncols,
            stride,
        }
    }

    /// A view of all of `data`, column by column.
    ///
    /// # Errors
    /// [`Error::Shape`] unless `data` holds exactly `nrows * ncols` numbers.
    ///
    /// ```
    /// use pushpull_core::Mat;
    /// let x = Mat::from_slice(&[1.0, 2.0, 3.0, 4.0], 2, 2)?;
    /// assert_eq!(x.col(1), [3.0, 4.0]);
    /// assert!(Mat::from_slice(&[1.0, 2.0, 3.0], 2, 2).is_err());
    /// # Ok::<(), pushpull_core::Error>(())
    /// ```
    pub fn from_slice(data: &'a [T], nrows: usize, ncols: usize) -> Result<Self> {
        if nrows.checked_mul(ncols) != Some(data.len()) {
            return Err(Error::Shape {
                name: "matrix view".into(),
                expected: format!("{nrows} x {ncols} numbers"),
                got: format!("{}", data.len()),
                remedy: "hand in the matrix column by column, complete".into(),
            });
        }
        Ok(Self::new(data, nrows, ncols))
    }

    /// A view of nothing.
    pub const fn empty() -> Self {
        Self {
            data: &[],
            nrows: 0,
            ncols: 0,
            stride: 0,
        }
    }

    /// Number of rows.
    #[inline]
    pub const fn nrows(&self) -> usize {
        self.nrows
    }
    /// Number of columns.
    #[inline]
    pub const fn ncols(&self) -> usize {
        self.ncols
    }
    /// Distance between the starts of two columns.
    #[inline]
    pub const fn stride(&self) -> usize {
        self.stride
    }
    /// The numbers from the first entry to the last, with whatever lies between columns.
    #[inline]
    pub const fn data(&self) -> &'a [T] {
        self.data
    }
    /// All entries column by column, if no gap lies between the columns.
    #[inline]
    pub fn as_slice(&self) -> Option<&'a [T]> {
        (self.stride == self.nrows || self.ncols <= 1).then_some(self.data)
    }

    /// Column `j`.
    #[inline]
    pub fn col(&self, j: usize) -> &'a [T] {
        &self.data[j * self.stride..][..self.nrows]
    }
    /// The columns in order.
    pub fn columns(self) -> impl ExactSizeIterator<Item = &'a [T]> {
        (0..self.ncols).map(move |j| self.col(j))
    }
    /// The columns of a range.
    #[inline]
    pub fn cols(self, range: Range<usize>) -> Self {
        let ncols = range.len();
        let start = if ncols == 0 {
            0
        } else {
            range.start * self.stride
        };
        Self::with_stride(&self.data[start..], self.nrows, ncols, self.stride)
    }
    /// The rows of a range.
    #[inline]
    pub fn rows(self, range: Range<usize>) -> Self {
        let start = if self.ncols == 0 { 0 } else { range.start };
        Self::with_stride(&self.data[start..], range.len(), self.ncols, self.stride)
    }
}

impl<T: Copy> Mat<'_, T> {
    /// Entry (i, j).
    #[inline]
    pub fn get(&self, i: usize, j: usize) -> T {
        self.col(j)[i]
    }
}

impl<'a, T: Element> Mat<'a, T> {
    /// The same entries as a nalgebra view, no copy.
    pub fn to_nalgebra(self) -> DMatrixView<'a, T> {
        DMatrixView::from_slice_with_strides_generic(
            self.data,
            Dyn(self.nrows),
            Dyn(self.ncols),
            nalgebra::Const::<1>,
            Dyn(self.stride),
        )
    }

    /// A copy that owns its entries.
    pub fn to_dmatrix(self) -> DMatrix<T> {
        // Allocated once, at its size.
        let mut entries = Vec::with_capacity(self.nrows * self.ncols);
        self.columns()
            .for_each(|column| entries.extend_from_slice(column));
        DMatrix::from_vec(self.nrows, self.ncols, entries)
    }
}

impl<'a, T> From<&'a DMatrix<T>> for Mat<'a, T> {
    fn from(matrix: &'a DMatrix<T>) -> Self {
        Self::new(
            matrix.data.as_slice(),
            matrix.data_shape().0,
            matrix.data_shape().1,
        )
    }
}

impl<'a, T> From<&'a DVector<T>> for Mat<'a, T> {
    /// One column.
    fn from(vector: &'a DVector<T>) -> Self {
        let data = vector.data.as_slice();
        Self::new(data, data.len(), 1)
    }
}

impl<'a, T> From<&'a [T]> for Mat<'a, T> {
    /// One column.
    fn from(column: &'a [T]) -> Self {
        Self::new(column, column.len(), 1)
    }
}

impl<'a, T> From<&'a Vec<T>> for Mat<'a, T> {
    /// One column.
    fn from(column: &'a Vec<T>) -> Self {
        Self::from(column.as_slice())
    }
}

/// The shape of a matrix without asking its elements for anything.
trait DataShape {
    fn data_shape(&self) -> (usize, usize);
}

impl<T> DataShape for DMatrix<T> {
    fn data_shape(&self) -> (usize, usize) {
        use nalgebra::RawStorage;
        let (rows, columns) = self.data.shape();
        (rows.0, columns.0)
    }
}

impl<'a, T> MatMut<'a, T> {
    /// A view of the first `nrows * ncols` numbers of `data`, column by column.
    ///
    /// # Panics
    /// If `data` is shorter.
    #[inline]
    pub fn new(data: &'a mut [T], nrows: usize, ncols: usize) -> Self {
        Self::with_stride(data, nrows, ncols, nrows)
    }

    /// A view whose columns start `stride` numbers apart.
    ///
    /// # Panics
    /// If `data` is too short or `stride < nrows`.
    #[inline]
    pub fn with_stride(data: &'a mut [T], nrows: usize, ncols: usize, stride: usize) -> Self {
        assert!(
            stride >= nrows,
            "columns of {nrows} rows overlap at stride {stride}"
        );
        Self {
            data: &mut data[..span(nrows, ncols, stride)],
            nrows,
            ncols,
            stride,
        }
    }

    /// Number of rows.
    #[inline]
    pub const fn nrows(&self) -> usize {
        self.nrows
    }
    /// Number of columns.
    #[inline]
    pub const fn ncols(&self) -> usize {
        self.ncols
    }
    /// Distance between the starts of two columns.
    #[inline]
    pub const fn stride(&self) -> usize {
        self.stride
    }
    /// The numbers from the first entry to the last, with whatever lies between columns.
    #[inline]
    pub fn data_mut(&mut self) -> &mut [T] {
        self.data
    }
    /// All entries column by column, if no gap lies between the columns.
    #[inline]
    pub fn as_mut_slice(&mut self) -> Option<&mut [T]> {
        if self.stride == self.nrows || self.ncols <= 1 {
            Some(self.data)
        } else {
            None
        }
    }
    /// Column `j`.
    #[inline]
    pub fn col_mut(&mut self, j: usize) -> &mut [T] {
        &mut self.data[j * self.stride..][..self.nrows]
    }
    /// The same view for reading.
    #[inline]
    pub fn rb(&self) -> Mat<'_, T> {
        Mat {
            data: self.data,
            nrows: self.nrows,
            ncols: self.ncols,
            stride: self.stride,
        }
    }
    /// The same view for reading, as long as this one would have lived.
    #[inline]
    pub fn into_mat(self) -> Mat<'a, T> {
        Mat {
            data: self.data,
            nrows: self.nrows,
            ncols: self.ncols,
            stride: self.stride,
        }
    }
    /// The same view again, for a shorter time.
    #[inline]
    pub fn rb_mut(&mut self) -> MatMut<'_, T> {
        MatMut {
            data: self.data,
            nrows: self.nrows,
            ncols: self.ncols,
            stride: self.stride,
        }
    }
    /// The columns of a range.
    #[inline]
    pub fn cols(self, range: Range<usize>) -> Self {
        let ncols = range.len();
        let start = if ncols == 0 {
            0
        } else {
            range.start * self.stride
        };
        Self::with_stride(&mut self.data[start..], self.nrows, ncols, self.stride)
    }
    /// The rows of a range.
    #[inline]
    pub fn rows(self, range: Range<usize>) -> Self {
        let start = if self.ncols == 0 { 0 } else { range.start };
        Self::with_stride(
            &mut self.data[start..],
            range.len(),
            self.ncols,
            self.stride,
        )
    }
}

impl<'a, T> MatMut<'a, T> {
    /// The columns before `at`, and those from it on.
    ///
    /// ```
    /// use pushpull_core::MatMut;
    /// let mut data = [1.0, 2.0, 3.0];
    /// let (mut left, right) = MatMut::new(&mut data, 1, 3).split_cols(1);
    /// left.copy_from(right.rb().cols(1..2));
    /// assert_eq!(data, [3.0, 2.0, 3.0]);
    /// ```
    pub fn split_cols(self, at: usize) -> (Self, Self) {
        let (nrows, stride, after) = (self.nrows, self.stride, self.ncols - at);
        let (left, right) = self.data.split_at_mut((at * stride).min(self.data.len()));
        (
            Self::with_stride(left, nrows, at, stride),
            Self::with_stride(right, nrows, after, stride),
        )
    }
}

impl<T: Copy> MatMut<'_, T> {
    /// Every entry becomes `value`.
    pub fn fill(&mut self, value: T) {
        for j in 0..self.ncols {
            self.col_mut(j).fill(value);
        }
    }

    /// The entries of `source`, which has the same shape.
    pub fn copy_from(&mut self, source: Mat<'_, T>) {
        // Short columns go row by row: a call of the system's copy for each of them would take longer than the copying.
        if self.nrows < 8 {
            for i in 0..self.nrows {
                for j in 0..self.ncols {
                    self.data[j * self.stride + i] = source.data[j * source.stride + i];
                }
            }
            return;
        }
        for j in 0..self.ncols {
            self.col_mut(j).copy_from_slice(source.col(j));
        }
    }
}

impl<'a, T> From<&'a mut DMatrix<T>> for MatMut<'a, T> {
    fn from(matrix: &'a mut DMatrix<T>) -> Self {
        let (nrows, ncols) = matrix.data_shape();
        Self::new(matrix.data.as_mut_slice(), nrows, ncols)
    }
}

impl<T: fmt::Debug> fmt::Debug for Mat<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.columns()).finish()
    }
}

impl<T: fmt::Debug> fmt::Debug for MatMut<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.rb().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use nalgebra::DMatrix;

    use super::{Mat, MatMut};

    #[test]
    fn sub_views_share_the_numbers() {
        let data: Vec<f64> = (0..12).map(f64::from).collect();
        let matrix = Mat::new(&data, 4, 3);
        let inner = matrix.rows(1..3).cols(1..3);
        assert_eq!(
            inner.to_dmatrix(),
            DMatrix::from_row_slice(2, 2, &[5.0, 9.0, 6.0, 10.0])
        );
        assert_eq!(inner.to_nalgebra().clone_owned(), inner.to_dmatrix());
        assert_eq!(inner.as_slice(), None);
        assert_eq!(matrix.cols(3..3).ncols(), 0);
        assert_eq!(matrix.as_slice(), Some(&data[..]));
    }

    #[test]
    fn writing_through_a_view_leaves_the_gaps_alone() {
        let mut data = [0; 12];
        MatMut::new(&mut data, 4, 3).rows(1..3).fill(7);
        assert_eq!(data, [0, 7, 7, 0, 0, 7, 7, 0, 0, 7, 7, 0]);
    }

    #[test]
    fn nalgebra_converts_both_ways() {
        let mut matrix = DMatrix::from_row_slice(2, 3, &[1, 2, 3, 4, 5, 6]);
        assert_eq!(Mat::from(&matrix).col(1), [2, 5]);
        MatMut::from(&mut matrix).col_mut(1)[0] = 9;
        assert_eq!(matrix[(0, 1)], 9);
    }
}
