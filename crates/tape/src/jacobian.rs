//! A Jacobian of a matrix with respect to a matrix.

use nalgebra::DMatrix;
use pushpull_core::Scalar;

use crate::Connection;

/// All entries of a matrix h with respect to all of a matrix w: a tensor of four indices.
///
/// ```
/// use nalgebra::DMatrix;
/// let tape = pushpull_tape::Tape::new();
/// // The lecture's h = x w, x 3 x 4 and w 4 x 5.
/// let x = tape.constant(DMatrix::from_fn(3, 4, |i, j| (i + 10 * j) as f64));
/// let w = tape.variable(DMatrix::from_element(4, 5, 1.0));
/// let jacobian = tape.jacobian(&x.matmul(w), &w)?;
/// assert_eq!(jacobian.shape(), (3, 5, 4, 5));
/// assert_eq!(jacobian.get(2, 1, 3, 1), 32.0); // dh[2, 1] / dw[3, 1] = x[2, 3]
/// assert_eq!((jacobian.matrix().shape(), jacobian.row_major().shape()), ((15, 20), (15, 20)));
/// # Ok::<(), pushpull_tape::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Jacobian<T: nalgebra::Scalar> {
    matrix: DMatrix<T>,
    of: (usize, usize),
    by: (usize, usize),
    connection: Connection,
}

impl<T: Scalar> Jacobian<T> {
    pub(crate) const fn new(
        matrix: DMatrix<T>,
        of: (usize, usize),
        by: (usize, usize),
        connection: Connection,
    ) -> Self {
        Self {
            matrix,
            of,
            by,
            connection,
        }
    }

    /// Rows and columns of h, rows and columns of w.
    pub const fn shape(&self) -> (usize, usize, usize, usize) {
        (self.of.0, self.of.1, self.by.0, self.by.1)
    }

    /// dh(i, j) / dw(k, l).
    ///
    /// # Panics
    /// If an index is too large.
    ///
    /// ```should_panic
    /// let tape = pushpull_tape::Tape::new();
    /// let w = tape.variable(nalgebra::DMatrix::from_element(3, 2, 1.0));
    /// if let Ok(jacobian) = tape.jacobian(&(w * 2.0), &w) {
    ///     jacobian.get(3, 0, 0, 1); // of 3 x 2 by 3 x 2: there is no fourth row
    /// }
    /// ```
    pub fn get(&self, i: usize, j: usize, k: usize, l: usize) -> T {
        let (of, by) = (self.of, self.by);
        assert!(
            i < of.0 && j < of.1 && k < by.0 && l < by.1,
            "an entry of a Jacobian of {} x {} by {} x {}: expected indices below these, got ({i}, {j}, {k}, {l})",
            of.0,
            of.1,
            by.0,
            by.1
        );
        self.matrix[(i + j * of.0, k + l * by.0)]
    }

    /// Flattened column by column on both sides, as nalgebra stores matrices: row `i + j rows(h)`, column `k + l rows(w)`. What
    /// a Jacobian of the two as columns is.
    pub const fn matrix(&self) -> &DMatrix<T> {
        &self.matrix
    }

    /// Flattened row by row on both sides, as `tf.reshape` does it: row `i columns(h) + j`, column `k columns(w) + l`.
    pub fn row_major(&self) -> DMatrix<T> {
        let (of, by) = (self.of.1, self.by.1);
        DMatrix::from_fn(self.matrix.nrows(), self.matrix.ncols(), |row, column| {
            self.get(row / of, row % of, column / by, column % by)
        })
    }

    /// Whether h depends on w.
    pub const fn connection(&self) -> Connection {
        self.connection
    }
}
