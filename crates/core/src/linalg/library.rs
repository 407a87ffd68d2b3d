//! The GEMM library: faer's product on one thread.

use faer::linalg::matmul::matmul;
use faer::traits::ComplexField;
use faer::{MatMut as FaerMut, MatRef as FaerRef, Par};

use super::{Factor, Onto};
use crate::{MatMut, Real};

fn view<'a, T>(factor: Factor<'a, T>) -> FaerRef<'a, T, usize, usize, isize, isize> {
    let mat = factor.mat;
    let view = FaerRef::from_column_major_slice_with_stride(
        mat.data(),
        mat.nrows(),
        mat.ncols(),
        mat.stride(),
    );
    if factor.transposed {
        view.as_dyn_stride().transpose()
    } else {
        view.as_dyn_stride()
    }
}

/// `c = onto + a b`
pub(super) fn product<T: Real + ComplexField>(
    mut c: MatMut<'_, T>,
    onto: Onto<'_, T>,
    a: Factor<'_, T>,
    b: Factor<'_, T>,
) {
    let beta = match onto {
        Onto::Zero => faer::Accum::Replace,
        Onto::Itself => faer::Accum::Add,
        Onto::Column(column) => {
            for j in 0..c.ncols() {
                c.col_mut(j).copy_from_slice(column);
            }
            faer::Accum::Add
        }
    };
    let (m, n, stride) = (c.nrows(), c.ncols(), c.stride());
    let target = FaerMut::from_column_major_slice_with_stride_mut(c.data_mut(), m, n, stride);
    matmul(target, beta, view(a), view(b), T::one(), Par::Seq);
}
