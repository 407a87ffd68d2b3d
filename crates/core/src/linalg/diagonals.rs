//! Products with diagonal matrices, at the width of this processor's vectors.

use pulp::NullaryFnOnce;

use crate::blocks::chain;
use crate::vector::widest;
use crate::{Mat, MatMut, Real};

/// `y = W diag(d)` for every sample, one flop an entry: W is m x n, `diagonals` n x B, and column `k * B + sample` of y is
/// `d_k` times column k of W. Zeros of W are structural: they stay exactly zero whatever d is.
///
/// # Panics
/// If the shapes do not fit.
///
/// ```
/// use pushpull_core::{Mat, MatMut, linalg::times_diagonals};
/// let (weight, diagonals, mut y) = ([1.0, 2.0, 0.0, 4.0], [10.0, f64::INFINITY], [0.0; 4]);
/// times_diagonals(MatMut::new(&mut y, 2, 2), Mat::new(&weight, 2, 2), Mat::new(&diagonals, 2, 1));
/// assert_eq!(y, [10.0, 20.0, 0.0, f64::INFINITY]);
/// ```
pub fn times_diagonals<T: Real>(y: MatMut<'_, T>, weight: Mat<'_, T>, diagonals: Mat<'_, T>) {
    let (m, n) = weight.shape();
    let expected = (m, n, n * diagonals.ncols());
    assert!(
        (y.nrows(), diagonals.nrows(), y.ncols()) == expected,
        "{m} x {n} by diagonals of {}, {} samples, into {} x {}",
        diagonals.nrows(),
        diagonals.ncols(),
        y.nrows(),
        y.ncols()
    );
    widest::<T, _>(
        true,
        Weighed {
            y,
            weight,
            diagonals,
        },
    );
}

struct Weighed<'a, T> {
    y: MatMut<'a, T>,
    weight: Mat<'a, T>,
    diagonals: Mat<'a, T>,
}

impl<T: Real> NullaryFnOnce for Weighed<'_, T> {
    type Output = ();

    #[inline(always)]
    fn call(mut self) {
        let samples = self.diagonals.ncols();
        for (k, weight) in self.weight.columns().enumerate() {
            for sample in 0..samples {
                let slope = self.diagonals.get(k, sample);
                let y = self.y.col_mut(k * samples + sample);
                for (y, &weight) in y.iter_mut().zip(weight) {
                    *y = chain(slope, weight);
                }
            }
        }
    }
}
