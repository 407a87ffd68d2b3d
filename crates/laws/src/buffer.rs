//! Buffers with canaries around them and between their columns.

use pushpull_core::{Mat, MatMut, Real};

/// Numbers before and after every buffer.
const MARGIN: usize = 3;
/// A number that no block has a reason to write, exact in single precision.
const CANARY: f64 = -1_152_921_504_606_846_976.0;

/// What a buffer holds before a map writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fill {
    /// Poison: whatever is computed from it shows.
    Nan,
    /// Ordinary numbers, another one in each entry.
    Numbers,
}

impl Fill {
    /// Entry `i` of the filling.
    pub(crate) fn at(self, i: usize) -> f64 {
        match self {
            Self::Nan => f64::NAN,
            Self::Numbers => 0.75 + 0.375 * ((i * 5) % 11) as f64,
        }
    }

    /// `n` entries of it.
    pub(crate) fn entries<T: Real>(self, n: usize) -> Vec<T> {
        (0..n).map(|i| T::from_f64(self.at(i))).collect()
    }
}

/// A matrix (or, with one column, a slice) in the middle of canaries.
#[derive(Clone, Debug)]
pub(crate) struct Guarded<T> {
    data: Vec<T>,
    nrows: usize,
    ncols: usize,
    stride: usize,
}

impl<T: Real> Guarded<T> {
    /// The `entries` of a matrix, column by column, with `gap` canaries between columns.
    pub(crate) fn matrix(entries: &[T], nrows: usize, gap: usize) -> Self {
        let (ncols, stride) = (entries.len() / nrows.max(1), nrows + gap);
        let mut data = vec![T::from_f64(CANARY); 2 * MARGIN + ncols * stride];
        for (j, column) in entries.chunks_exact(nrows.max(1)).enumerate() {
            data[MARGIN + j * stride..][..nrows].copy_from_slice(column);
        }
        Self {
            data,
            nrows,
            ncols,
            stride,
        }
    }

    /// A slice.
    pub(crate) fn slice(entries: &[T]) -> Self {
        Self::matrix(entries, entries.len(), 0)
    }

    /// The whole matrix.
    pub(crate) fn mat(&self) -> Mat<'_, T> {
        Mat::with_stride(&self.data[MARGIN..], self.nrows, self.ncols, self.stride)
    }

    /// The whole matrix, to be written.
    pub(crate) fn mat_mut(&mut self) -> MatMut<'_, T> {
        MatMut::with_stride(
            &mut self.data[MARGIN..],
            self.nrows,
            self.ncols,
            self.stride,
        )
    }

    /// The only column.
    pub(crate) fn as_slice(&self) -> &[T] {
        &self.data[MARGIN..][..self.nrows]
    }

    /// The only column, to be written.
    pub(crate) fn as_mut_slice(&mut self) -> &mut [T] {
        &mut self.data[MARGIN..][..self.nrows]
    }

    /// The entries column by column.
    pub(crate) fn entries(&self) -> Vec<T> {
        self.mat().columns().flatten().copied().collect()
    }

    /// Whether every canary is alive.
    pub(crate) fn intact(&self) -> bool {
        let canary = T::from_f64(CANARY);
        self.data.iter().enumerate().all(|(i, &number)| {
            let inside = i.checked_sub(MARGIN).is_some_and(|i| {
                i < self.ncols * self.stride && i % self.stride.max(1) < self.nrows
            });
            inside || number == canary
        })
    }

    /// Whether the entries are these, bit by bit.
    pub(crate) fn holds(&self, entries: &[T]) -> bool {
        let bits = |number: &T| number.to_f64().to_bits();
        self.entries().iter().map(bits).eq(entries.iter().map(bits))
    }
}

#[cfg(test)]
mod tests {
    use super::Guarded;

    #[test]
    fn a_number_written_between_columns_kills_a_canary_and_one_written_inside_does_not() {
        let mut buffer = Guarded::matrix(&[1.0, 2.0, 3.0, 4.0], 2, 1);
        assert!(buffer.intact() && buffer.holds(&[1.0, 2.0, 3.0, 4.0]));
        buffer.mat_mut().col_mut(1)[0] = 9.0;
        assert!(buffer.intact() && !buffer.holds(&[1.0, 2.0, 3.0, 4.0]));
        buffer.mat_mut().data_mut()[2] = 0.0;
        assert!(!buffer.intact());
    }
}
