//! What a tape takes as a variable or a constant.

use nalgebra::{DMatrix, DVector, Scalar};

/// A matrix that is handed over, or lent for as long as the tape lives: then it cannot change between recording and asking.
///
/// ```
/// use nalgebra::dmatrix;
/// let lent = dmatrix![1.0, 2.0];
/// let tape = pushpull_tape::Tape::new();
/// let (a, b) = (tape.variable(&lent), tape.constant(dmatrix![3.0, 4.0]));
/// assert_eq!((a + b).value()?, dmatrix![4.0, 6.0]);
/// # Ok::<(), pushpull_tape::Error>(())
/// ```
pub trait Leaf<'p, T> {
    /// Rows and columns.
    fn shape(&self) -> (usize, usize);
    /// The entries, column by column.
    fn entries(&self) -> &[T];
}

macro_rules! leaf {
    ($($t:ty: $shape:expr, $entries:expr;)*) => {$(
        impl<'p, T: Scalar> Leaf<'p, T> for $t {
            fn shape(&self) -> (usize, usize) {
                let shape: fn(&$t) -> (usize, usize) = $shape;
                shape(self)
            }
            fn entries(&self) -> &[T] {
                let entries: for<'a> fn(&'a $t) -> &'a [T] = $entries;
                entries(self)
            }
        }
    )*};
}

leaf! {
    DMatrix<T>: |m| (m.nrows(), m.ncols()), |m| m.as_slice();
    &'p DMatrix<T>: |m| (m.nrows(), m.ncols()), |m| m.as_slice();
    DVector<T>: |v| (v.len(), 1), |v| v.as_slice();
    &'p DVector<T>: |v| (v.len(), 1), |v| v.as_slice();
    &'p [T]: |v| (v.len(), 1), |v| v;
    &'p Vec<T>: |v| (v.len(), 1), |v| v.as_slice();
}
