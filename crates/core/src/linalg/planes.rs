//! Products of dual numbers by products of their parts.

use super::{Factor, Onto, PLAIN_LIMIT, plain};
use crate::{Dual, Mat, MatMut, Real};

/// (A + A' e)(B + B' e) = A B + (A' B + A B') e: three products of real matrices, each at the kernel's speed, after
/// splitting the duals into planes.
pub(super) fn product<T: Real>(
    planes: &mut Vec<T>,
    mut c: MatMut<'_, Dual<T>>,
    onto: Onto<'_, Dual<T>>,
    a: Factor<'_, Dual<T>>,
    b: Factor<'_, Dual<T>>,
) {
    let ((m, k), n) = (a.shape(), c.ncols());
    if m * k <= PLAIN_LIMIT {
        return plain(c, onto, a, b);
    }
    let (size_a, size_b, size_c) = (m * k, k * n, m * n);
    let needed = 2 * (size_a + size_b + size_c);
    if planes.len() < needed {
        planes.resize(needed, T::zero());
    }
    let (a_value, rest) = planes.split_at_mut(size_a);
    let (a_slope, rest) = rest.split_at_mut(size_a);
    let (b_value, rest) = rest.split_at_mut(size_b);
    let (b_slope, rest) = rest.split_at_mut(size_b);
    let (c_value, rest) = rest.split_at_mut(size_c);
    let c_slope = &mut rest[..size_c];
    split(a.mat, a_value, a_slope);
    split(b.mat, b_value, b_slope);
    let plane = |factor: &Factor<'_, Dual<T>>, data| Factor {
        mat: Mat::new(data, factor.mat.nrows(), factor.mat.ncols()),
        transposed: factor.transposed,
    };
    let (a0, a1) = (plane(&a, &*a_value), plane(&a, &*a_slope));
    let (b0, b1) = (plane(&b, &*b_value), plane(&b, &*b_slope));
    T::product(MatMut::new(c_value, m, n), Onto::Zero, a0, b0);
    T::product(MatMut::new(c_slope, m, n), Onto::Zero, a1, b0);
    T::product(MatMut::new(c_slope, m, n), Onto::Itself, a0, b1);
    for (j, (value, slope)) in c_value
        .chunks_exact(m)
        .zip(c_slope.chunks_exact(m))
        .enumerate()
    {
        let parts = value.iter().zip(slope);
        for (i, (c, (&value, &slope))) in c.col_mut(j).iter_mut().zip(parts).enumerate() {
            let sum = Dual::new(value, slope);
            *c = match onto {
                Onto::Zero => sum,
                Onto::Itself => *c + sum,
                Onto::Column(column) => column[i] + sum,
            };
        }
    }
}

fn split<T: Real>(mat: Mat<'_, Dual<T>>, value: &mut [T], slope: &mut [T]) {
    let columns = value
        .chunks_exact_mut(mat.nrows())
        .zip(slope.chunks_exact_mut(mat.nrows()));
    for ((value, slope), column) in columns.zip(mat.columns()) {
        for ((value, slope), dual) in value.iter_mut().zip(slope).zip(column) {
            (*value, *slope) = (dual.value, dual.derivative);
        }
    }
}
