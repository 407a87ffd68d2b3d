//! Matrix views over slices, column-major, a sample a column.
//!
//! Own views, because nalgebra's views of dynamic stride have no safe flat slice. They convert to nalgebra and to the
//! GEMM library without a copy.

use std::fmt;
use std::ops::Range;

use nalgebra::{DMatrix, DMatrixView, DVector, Dyn, Scalar as Element};

use crate::{Error, Result};

// What every view holds to, and `team::crew` builds on: `stride >= nrows`, and `data` ends with the last entry, so that no
// `j * stride + i` of an entry wraps. A view without rows has the stride 0.

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

/// Numbers that a view of this shape spans; `None` if they are too many to count.
const fn span(nrows: usize, ncols: usize, stride: usize) -> Option<usize> {
    if nrows == 0 || ncols == 0 {
        return Some(0);
    }
    match (ncols - 1).checked_mul(stride) {
        Some(before) => before.checked_add(nrows),
        None => None,
    }
}

/// The span and the stride of a view over `len` numbers.
#[inline(always)]
fn fitted(len: usize, nrows: usize, ncols: usize, stride: usize) -> (usize, usize) {
    match span(nrows, ncols, stride) {
        Some(span) if span <= len && stride >= nrows => (span, if nrows == 0 { 0 } else { stride }),
        _ => unfit(len, nrows, ncols, stride),
    }
}

// What refuses lies outside of the loops that ask.
#[cold]
#[inline(never)]
fn unfit(len: usize, nrows: usize, ncols: usize, stride: usize) -> ! {
    assert!(
        stride >= nrows,
        "columns of {nrows} rows overlap at stride {stride}"
    );
    panic!("a view of {nrows} x {ncols} at stride {stride} does not fit into {len} numbers")
}

/// The span of a view over `len` numbers without gaps.
#[inline(always)]
fn dense(len: usize, nrows: usize, ncols: usize) -> usize {
    match nrows.checked_mul(ncols) {
        Some(span) if span <= len => span,
        _ => unfit(len, nrows, ncols, nrows),
    }
}

/// The numbers of the columns of a range within a view: as the view's own are there, none of this wraps.
#[inline(always)]
fn columns(
    range: &Range<usize>,
    nrows: usize,
    ncols: usize,
    stride: usize,
) -> (Range<usize>, usize) {
    let columns = within(range, ncols, "columns");
    // Behind the last column there may be no number to start at.
    if columns == 0 || nrows == 0 {
        return (0..0, columns);
    }
    let start = range.start * stride;
    (start..start + (columns - 1) * stride + nrows, columns)
}

/// The numbers of the rows of a range within a view that has `len`, and the stride.
#[inline(always)]
fn rows(
    range: &Range<usize>,
    nrows: usize,
    len: usize,
    stride: usize,
) -> (Range<usize>, usize, usize) {
    let rows = within(range, nrows, "rows");
    if rows == 0 || len == 0 {
        return (0..0, rows, if rows == 0 { 0 } else { stride });
    }
    (range.start..len - (nrows - range.end), rows, stride)
}

/// Numbers before column `j` of `ncols`.
#[inline(always)]
fn before(j: usize, ncols: usize, stride: usize) -> usize {
    if j >= ncols {
        no_column(j, ncols);
    }
    j * stride
}

#[cold]
#[inline(never)]
fn no_column(j: usize, ncols: usize) -> ! {
    panic!("column {j} of a matrix of {ncols} columns")
}

#[cold]
#[inline(never)]
fn misshapen((nrows, ncols): (usize, usize), (rows, columns): (usize, usize)) -> ! {
    panic!("a copy of {rows} x {columns} into {nrows} x {ncols}")
}

/// The length of a range that has to lie within `n` rows or columns.
#[inline(always)]
fn within(range: &Range<usize>, n: usize, what: &str) -> usize {
    if range.start > range.end || range.end > n {
        outside(range, n, what);
    }
    range.end - range.start
}

#[cold]
#[inline(never)]
fn outside(range: &Range<usize>, n: usize, what: &str) -> ! {
    panic!("{what} {range:?} of a matrix of {n} {what}")
}

impl<'a, T> Mat<'a, T> {
    /// A view of the first `nrows * ncols` numbers of `data`, column by column.
    ///
    /// # Panics
    /// If `data` is shorter; [`Mat::from_slice`] returns an error instead.
    #[inline]
    pub fn new(data: &'a [T], nrows: usize, ncols: usize) -> Self {
        let span = dense(data.len(), nrows, ncols);
        Self {
            data: &data[..span],
            nrows,
            ncols,
            stride: nrows,
        }
    }

    /// A view whose columns start `stride` numbers apart.
    ///
    /// # Panics
    /// If `data` is too short or `stride < nrows`.
    #[inline]
    pub fn with_stride(data: &'a [T], nrows: usize, ncols: usize, stride: usize) -> Self {
        let (span, stride) = fitted(data.len(), nrows, ncols, stride);
        Self {
            data: &data[..span],
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
                remedy: "give every entry of the matrix, column by column".into(),
            });
        }
        Ok(Self::new(data, nrows, ncols))
    }

    /// A view of exactly `data`, whose span was worked out before: it ends with the last entry.
    #[inline(always)]
    pub(crate) fn spanning(data: &'a [T], nrows: usize, ncols: usize, stride: usize) -> Self {
        debug_assert_eq!(
            fitted(data.len(), nrows, ncols, stride),
            (data.len(), stride)
        );
        Self {
            data,
            nrows,
            ncols,
            stride,
        }
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
    /// (rows, columns).
    #[inline]
    pub const fn shape(&self) -> (usize, usize) {
        (self.nrows, self.ncols)
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
        self.is_flat().then_some(self.data)
    }

    /// Whether no gap lies between the columns.
    #[inline]
    pub(crate) const fn is_flat(&self) -> bool {
        self.stride == self.nrows || self.ncols <= 1
    }
    /// The same numbers as one column; only where no gap lies between the columns.
    #[inline]
    pub(crate) const fn flat(self) -> Self {
        let len = self.data.len();
        Self {
            nrows: len,
            ncols: 1,
            stride: len,
            ..self
        }
    }
    /// Column `j`.
    ///
    /// # Panics
    /// If there are no more than `j` columns.
    #[inline]
    pub fn col(&self, j: usize) -> &'a [T] {
        let start = before(j, self.ncols, self.stride);
        &self.data[start..][..self.nrows]
    }
    /// The columns in order.
    pub fn columns(self) -> impl ExactSizeIterator<Item = &'a [T]> {
        (0..self.ncols).map(move |j| self.col(j))
    }
    /// The columns of a range.
    ///
    /// # Panics
    /// If the range ends before it starts or behind the last column.
    #[inline]
    pub fn cols(self, range: Range<usize>) -> Self {
        let (numbers, ncols) = columns(&range, self.nrows, self.ncols, self.stride);
        Self {
            data: &self.data[numbers],
            ncols,
            ..self
        }
    }
    /// The rows of a range.
    ///
    /// # Panics
    /// If the range ends before it starts or behind the last row.
    #[inline]
    pub fn rows(self, range: Range<usize>) -> Self {
        let (numbers, nrows, stride) = rows(&range, self.nrows, self.data.len(), self.stride);
        Self {
            data: &self.data[numbers],
            nrows,
            ncols: self.ncols,
            stride,
        }
    }
}

impl<T: Copy> Mat<'_, T> {
    /// Entry (i, j).
    ///
    /// # Panics
    /// If there is none.
    #[inline]
    pub fn get(&self, i: usize, j: usize) -> T {
        self.col(j)[i]
    }
}

impl<'a, T: Element> Mat<'a, T> {
    /// The same entries as a nalgebra view, no copy.
    pub fn to_nalgebra(self) -> DMatrixView<'a, T> {
        // nalgebra adds the stride to the length, which may be too much where the stride says nothing.
        let stride = if self.ncols > 1 {
            self.stride
        } else {
            self.nrows
        };
        DMatrixView::from_slice_with_strides_generic(
            self.data,
            Dyn(self.nrows),
            Dyn(self.ncols),
            nalgebra::Const::<1>,
            Dyn(stride),
        )
    }

    /// A copy that owns its entries.
    pub fn to_dmatrix(self) -> DMatrix<T> {
        // Allocated once, at its size.
        let mut entries = Vec::with_capacity(self.nrows * self.ncols);
        // Columns without rows may be more than one can count through.
        if self.nrows > 0 {
            self.columns()
                .for_each(|column| entries.extend_from_slice(column));
        }
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
        let span = dense(data.len(), nrows, ncols);
        Self {
            data: &mut data[..span],
            nrows,
            ncols,
            stride: nrows,
        }
    }

    /// A view whose columns start `stride` numbers apart.
    ///
    /// # Panics
    /// If `data` is too short or `stride < nrows`.
    #[inline]
    pub fn with_stride(data: &'a mut [T], nrows: usize, ncols: usize, stride: usize) -> Self {
        let (span, stride) = fitted(data.len(), nrows, ncols, stride);
        Self {
            data: &mut data[..span],
            nrows,
            ncols,
            stride,
        }
    }

    /// A view of exactly `data`, as [`Mat::spanning`].
    #[inline(always)]
    pub(crate) fn spanning(data: &'a mut [T], nrows: usize, ncols: usize, stride: usize) -> Self {
        debug_assert_eq!(
            fitted(data.len(), nrows, ncols, stride),
            (data.len(), stride)
        );
        Self {
            data,
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
    /// (rows, columns).
    #[inline]
    pub const fn shape(&self) -> (usize, usize) {
        (self.nrows, self.ncols)
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
    /// The same for as long as the view was borrowed.
    #[inline]
    pub(crate) const fn into_data(self) -> &'a mut [T] {
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
    /// As [`Mat::flat`].
    #[inline]
    pub(crate) const fn flat(self) -> Self {
        let len = self.data.len();
        Self {
            nrows: len,
            ncols: 1,
            stride: len,
            data: self.data,
        }
    }
    /// Column `j`.
    ///
    /// # Panics
    /// If there are no more than `j` columns.
    #[inline]
    pub fn col_mut(&mut self, j: usize) -> &mut [T] {
        let start = before(j, self.ncols, self.stride);
        &mut self.data[start..][..self.nrows]
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
    ///
    /// # Panics
    /// If the range ends before it starts or behind the last column.
    #[inline]
    pub fn cols(self, range: Range<usize>) -> Self {
        let (numbers, ncols) = columns(&range, self.nrows, self.ncols, self.stride);
        Self {
            data: &mut self.data[numbers],
            nrows: self.nrows,
            ncols,
            stride: self.stride,
        }
    }
    /// The rows of a range.
    ///
    /// # Panics
    /// If the range ends before it starts or behind the last row.
    #[inline]
    pub fn rows(self, range: Range<usize>) -> Self {
        let (numbers, nrows, stride) = rows(&range, self.nrows, self.data.len(), self.stride);
        Self {
            data: &mut self.data[numbers],
            nrows,
            ncols: self.ncols,
            stride,
        }
    }
}

impl<'a, T> MatMut<'a, T> {
    /// The columns before `at`, and those from it on.
    ///
    /// # Panics
    /// If there are fewer than `at` columns.
    ///
    /// ```
    /// use pushpull_core::MatMut;
    /// let mut data = [1.0, 2.0, 3.0];
    /// let (mut left, right) = MatMut::new(&mut data, 1, 3).split_cols(1);
    /// left.copy_from(right.rb().cols(1..2));
    /// assert_eq!(data, [3.0, 2.0, 3.0]);
    /// ```
    pub fn split_cols(self, at: usize) -> (Self, Self) {
        let (nrows, stride) = (self.nrows, self.stride);
        let after = within(&(at..self.ncols), self.ncols, "columns");
        // Behind the last column the numbers may end before the next one would start.
        let (left, right) = self
            .data
            .split_at_mut(at.saturating_mul(stride).min(self.data.len()));
        (
            Self::with_stride(left, nrows, at, stride),
            Self::with_stride(right, nrows, after, stride),
        )
    }
}

impl<T: Copy> MatMut<'_, T> {
    /// Every entry becomes `value`.
    pub fn fill(&mut self, value: T) {
        if let Some(all) = self.as_mut_slice() {
            return all.fill(value);
        }
        for j in 0..self.ncols {
            self.col_mut(j).fill(value);
        }
    }

    /// The entries of `source`, which has the same shape.
    ///
    /// # Panics
    /// If it has another.
    pub fn copy_from(&mut self, source: Mat<'_, T>) {
        if (self.nrows, self.ncols) != (source.nrows, source.ncols) {
            misshapen((self.nrows, self.ncols), (source.nrows, source.ncols));
        }
        if self.nrows == 0 {
            return;
        }
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
mod tests;
