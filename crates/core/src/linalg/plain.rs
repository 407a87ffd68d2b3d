//! The definition of a product.

use super::{Factor, Onto};
use crate::{MatMut, Real};

/// `c = onto + a b` in three loops: for scalars that no kernel knows, and for products too small for one.
#[inline(always)]
pub(super) fn plain<T: Real>(
    mut c: MatMut<'_, T>,
    onto: Onto<'_, T>,
    a: Factor<'_, T>,
    b: Factor<'_, T>,
) {
    let (m, k) = a.shape();
    let ((a_row, a_col), (b_row, b_col)) = (a.steps(), b.steps());
    let (a, b) = (a.mat.data(), b.mat.data());
    for j in 0..c.ncols() {
        for (i, c) in c.col_mut(j)[..m].iter_mut().enumerate() {
            let mut sum = T::zero();
            for l in 0..k {
                sum = a[i * a_row + l * a_col].mul_add(b[l * b_row + j * b_col], sum);
            }
            *c = match onto {
                Onto::Zero => sum,
                Onto::Itself => *c + sum,
                Onto::Column(column) => column[i] + sum,
            };
        }
    }
}
