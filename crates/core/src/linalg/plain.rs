//! The definition of a product.

use super::{Factor, Onto, total};
use crate::{MatMut, Real};

/// `c = onto + a b` in three loops, for products too small for a kernel.
#[inline(always)]
pub(super) fn plain<T: Real>(
    c: MatMut<'_, T>,
    onto: Onto<'_, T>,
    a: Factor<'_, T>,
    b: Factor<'_, T>,
) {
    entries(c, onto, a, b, |k, (a, i, a_step), (b, j, b_step)| {
        let mut sum = T::zero();
        for l in 0..k {
            sum = a[i + l * a_step].mul_add(b[j + l * b_step], sum);
        }
        sum
    });
}

/// The same with every entry summed in the fixed tree, for scalars that no kernel knows: two flops a term.
pub(super) fn by_definition<T: Real>(
    c: MatMut<'_, T>,
    onto: Onto<'_, T>,
    a: Factor<'_, T>,
    b: Factor<'_, T>,
) {
    entries(c, onto, a, b, |k, (a, i, a_step), (b, j, b_step)| {
        T::zero() + total(k, |l| a[i + l * a_step] * b[j + l * b_step])
    });
}

/// Every entry by `sum`, which is given the contracted length, and of both factors where its first term lies and how far
/// from it the next.
#[inline(always)]
fn entries<T: Real>(
    mut c: MatMut<'_, T>,
    onto: Onto<'_, T>,
    a: Factor<'_, T>,
    b: Factor<'_, T>,
    sum: impl Fn(usize, (&[T], usize, usize), (&[T], usize, usize)) -> T,
) {
    let (m, k) = a.shape();
    let ((a_row, a_col), (b_row, b_col)) = (a.steps(), b.steps());
    let (a, b) = (a.mat.data(), b.mat.data());
    for j in 0..c.ncols() {
        for (i, c) in c.col_mut(j)[..m].iter_mut().enumerate() {
            let sum = sum(k, (a, i * a_row, a_col), (b, j * b_col, b_row));
            *c = match onto {
                Onto::Zero => sum,
                Onto::Itself => *c + sum,
                Onto::Column(column) => column[i] + sum,
            };
        }
    }
}
