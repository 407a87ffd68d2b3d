//! The GEMM library: faer's product on one thread.

use std::ops::Range;

use faer::linalg::matmul::matmul;
use faer::prelude::ReborrowMut;
use faer::traits::ComplexField;
use faer::{MatMut as FaerMut, MatRef as FaerRef, Par};

use super::{Factor, Onto};
use crate::{MatMut, Real};

/// Entries of the left factor from which it is cut: a piece of it then stays near while the right factor passes
/// (measured: docs/performance.md, "The kernel").
const LARGE: usize = 1 << 13;

/// Rows of a piece: whole tiles of the library's kernels, six vectors in f32 and twice that in f64.
pub(super) const ROWS: usize = 96;

/// Fewer rows than these are no piece of their own, and are not shared among threads where the left factor is transposed:
/// with up to 10 of them the library multiplied some columns otherwise apart than together (measured: lengths of 98 and
/// 170, widths of 16 to 100).
pub(super) const FEW: usize = 16;

/// Depth of a piece, at most. Columns are not cut, and have no say.
const DEPTH: usize = 384;

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
    let mut target = FaerMut::from_column_major_slice_with_stride_mut(c.data_mut(), m, n, stride);
    let (a, b) = (view(a), view(b));
    let k = a.ncols();
    if m * k < LARGE {
        return matmul(target, beta, a, b, T::one(), Par::Seq);
    }
    for (first, rows) in heights(m) {
        let mut target = target.rb_mut().subrows_mut(first, rows);
        for depth in depths(k) {
            let beta = if depth.start == 0 {
                beta
            } else {
                faer::Accum::Add
            };
            let a = a.submatrix(first, depth.start, rows, depth.len());
            let b = b.subrows(depth.start, depth.len());
            matmul(target.rb_mut(), beta, a, b, T::one(), Par::Seq);
        }
    }
}

/// Where pieces of [`ROWS`] rows begin, and their rows; a rest of few rows joins the last piece.
fn heights(m: usize) -> impl Iterator<Item = (usize, usize)> {
    let n = (m / ROWS + usize::from(m % ROWS >= FEW)).max(1);
    (0..n).map(move |i| {
        let first = i * ROWS;
        let end = if i + 1 == n { m } else { first + ROWS };
        (first, end - first)
    })
}

/// Equal pieces of at most [`DEPTH`].
fn depths(k: usize) -> impl Iterator<Item = Range<usize>> {
    let n = k.div_ceil(DEPTH);
    (0..n).map(move |i| k * i / n..k * (i + 1) / n)
}
