//! Blocks of both factors, copied into the order in which they are read.

use std::ops::Range;

use super::{Factor, Lanes, PANELS};
use crate::Mat;

/// Rows of the left factor as panels: of one column of the block after the other, whole vectors, with zeros behind the
/// last row.
#[inline(always)]
pub(super) fn pack_left<S: Copy, T: Lanes<S>, const H: usize>(
    simd: S,
    a: Factor<'_, T>,
    rows: Range<usize>,
    depth: Range<usize>,
    to: &mut Vec<T>,
) {
    let (lanes, full) = (T::LANES, H * T::LANES);
    let len = depth.len();
    let room = PANELS * full * len;
    if to.len() < room {
        to.resize(room, T::zero());
    }
    let whole = rows.len() / full;
    if !a.transposed {
        // A column's entries for all panels in one go: what is far away is then fetched in long runs.
        let (to, _) = T::vectors_mut(to).as_chunks_mut::<H>();
        for l in 0..len {
            let column = &a.mat.col(depth.start + l)[rows.clone()];
            let (panels, _) = T::vectors(column).as_chunks::<H>();
            for (panel, from) in panels.iter().enumerate() {
                to[panel * len + l] = *from;
            }
        }
    }
    let packed = if a.transposed { 0 } else { whole };
    for (panel, first) in rows.clone().step_by(full).enumerate().skip(packed) {
        let rows = first..rows.end.min(first + full);
        let height = rows.len().next_multiple_of(lanes);
        let to = &mut to[panel * full * len..][..height * len];
        if a.transposed {
            for (v, first) in rows.clone().step_by(lanes).enumerate() {
                let rows = first..rows.end.min(first + lanes);
                let to = &mut to[v * lanes..];
                transpose(simd, a.mat, rows, depth.clone(), to, height);
            }
        } else {
            for (to, l) in to.chunks_exact_mut(height).zip(depth.clone()) {
                to[..rows.len()].copy_from_slice(&a.mat.col(l)[rows.clone()]);
                to[rows.len()..].fill(T::zero());
            }
        }
    }
}

/// Columns of `a` as rows of vectors, `step` apart; zeros where it has no more columns.
#[inline(always)]
fn transpose<S: Copy, T: Lanes<S>>(
    simd: S,
    a: Mat<'_, T>,
    columns: Range<usize>,
    depth: Range<usize>,
    to: &mut [T],
    step: usize,
) {
    let lanes = T::LANES;
    let mut done = 0;
    while columns.len() == lanes && done + lanes <= depth.len() {
        let from = &a.data()[columns.start * a.stride() + depth.start + done..];
        T::transpose(simd, from, a.stride(), &mut to[done * step..], step);
        done += lanes;
    }
    for l in done..depth.len() {
        let to = &mut to[l * step..][..lanes];
        for (i, to) in to.iter_mut().enumerate() {
            let column = columns.start + i;
            *to = if column < columns.end {
                a.col(column)[depth.start + l]
            } else {
                T::zero()
            };
        }
    }
}

/// Columns of the right factor as tiles: of one row of the block after the other, W entries, with zeros behind
/// the last column.
#[inline(always)]
pub(super) fn pack_right<S: Copy, T: Lanes<S>, const W: usize>(
    simd: S,
    b: Factor<'_, T>,
    depth: Range<usize>,
    columns: Range<usize>,
    to: &mut Vec<T>,
) {
    let len = depth.len();
    let room = columns.len().div_ceil(W) * W * len;
    if to.len() < room {
        to.resize(room, T::zero());
    }
    let (to, _) = to.as_chunks_mut::<W>();
    for (first, to) in columns.clone().step_by(W).zip(to.chunks_exact_mut(len)) {
        let columns = first..columns.end.min(first + W);
        let width = columns.len();
        if b.transposed {
            for (to, l) in to.iter_mut().zip(depth.clone()) {
                let row = &b.mat.col(l)[columns.clone()];
                if width == W {
                    to.copy_from_slice(row);
                } else {
                    to[..width].copy_from_slice(row);
                    to[width..].fill(T::zero());
                }
            }
        } else {
            let mut done = 0;
            // By vectors where one holds a row of the tile: not six columns in f64 with AVX2.
            while W <= T::LANES && width == W && done + T::LANES <= len {
                let from = &b.mat.data()[first * b.mat.stride() + depth.start + done..];
                T::narrow(simd, from, b.mat.stride(), &mut to[done..done + T::LANES]);
                done += T::LANES;
            }
            for (to, l) in to[done..].iter_mut().zip(depth.start + done..) {
                for (j, to) in to.iter_mut().enumerate() {
                    *to = if j < width {
                        b.mat.col(first + j)[l]
                    } else {
                        T::zero()
                    };
                }
            }
        }
    }
}
