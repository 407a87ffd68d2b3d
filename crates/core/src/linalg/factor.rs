//! The factors of a product.

use std::ops::Range;

use crate::Mat;

/// A factor of a product: a matrix, as it is or transposed.
#[derive(Clone, Copy, Debug)]
pub struct Factor<'a, T> {
    pub(super) mat: Mat<'a, T>,
    pub(super) transposed: bool,
}

impl<'a, T> Mat<'a, T> {
    /// This matrix, transposed, as a factor of a product.
    pub const fn t(self) -> Factor<'a, T> {
        Factor {
            mat: self,
            transposed: true,
        }
    }
}

impl<'a, T> From<Mat<'a, T>> for Factor<'a, T> {
    fn from(mat: Mat<'a, T>) -> Self {
        Self {
            mat,
            transposed: false,
        }
    }
}

impl<'a, T> Factor<'a, T> {
    /// (rows, columns) as the product sees them.
    pub(super) const fn shape(&self) -> (usize, usize) {
        if self.transposed {
            (self.mat.ncols(), self.mat.nrows())
        } else {
            (self.mat.nrows(), self.mat.ncols())
        }
    }

    /// The rows of a range, as the product sees them.
    pub(super) fn rows(self, range: Range<usize>) -> Self {
        let mat = if self.transposed {
            self.mat.cols(range)
        } else {
            self.mat.rows(range)
        };
        Self { mat, ..self }
    }

    /// The columns of a range, as the product sees them.
    pub(super) fn cols(self, range: Range<usize>) -> Self {
        let mat = if self.transposed {
            self.mat.rows(range)
        } else {
            self.mat.cols(range)
        };
        Self { mat, ..self }
    }

    /// The transposed factor.
    pub(super) const fn turned(self) -> Self {
        Self {
            mat: self.mat,
            transposed: !self.transposed,
        }
    }

    /// The matrix whose columns are the factor's, where they lie in one piece.
    pub(super) const fn columns(self) -> Option<Mat<'a, T>> {
        if self.transposed {
            None
        } else {
            Some(self.mat)
        }
    }

    /// The same, written down number by number where it is called: a plain copy would be made before a branch that does
    /// not need it.
    #[inline(always)]
    pub(super) fn afresh(self) -> Self {
        let (nrows, ncols) = (self.mat.nrows(), self.mat.ncols());
        Self {
            mat: Mat::with_stride(self.mat.data(), nrows, ncols, self.mat.stride()),
            ..self
        }
    }

    /// (distance between rows, distance between columns).
    pub(super) const fn steps(&self) -> (usize, usize) {
        if self.transposed {
            (self.mat.stride(), 1)
        } else {
            (1, self.mat.stride())
        }
    }
}
