//! Our own product, for the sizes at which a library spends its time on preparation.
//!
//! Rows are cut into panels of one or two vectors, the contraction into blocks. A block of a panel of `a` is copied
//! row after row into a buffer, where its vectors lie one behind the other; then, for a few columns of `c` at a time,
//! the sums stay in registers while the block runs through them. Each entry of `c` is one chain of fused
//! multiply-adds in the order of the contraction, cut only where the contracted length says so: the bits of a column
//! do not depend on the columns beside it.

use std::cell::RefCell;
use std::ops::Range;

use pulp::{Arch, Simd, WithSimd};

use super::{Factor, Onto};
use crate::{MatMut, Real};

/// Contracted entries that run through the registers at once: a panel of two vectors is then 24 KiB with AVX-512.
const DEPTH: usize = 192;

/// Vectors of rows that are packed at once: the strided reads of a large matrix then fetch whole runs of a column.
const ROWS: usize = 8;

/// Columns that all packed panels meet before the next columns: their block of `b` stays near.
const COLUMNS: usize = 256;

/// A float as the lanes of this processor's vectors.
pub trait Lanes: Real {
    /// A vector of them.
    type Vector<S: Simd>: Copy;

    /// Lanes of a vector.
    fn lanes<S: Simd>() -> usize;
    /// The same number in every lane.
    fn splat<S: Simd>(simd: S, x: Self) -> Self::Vector<S>;
    /// `a * b + c`
    fn fma<S: Simd>(
        simd: S,
        a: Self::Vector<S>,
        b: Self::Vector<S>,
        c: Self::Vector<S>,
    ) -> Self::Vector<S>;
    /// `a + b`
    fn sum<S: Simd>(simd: S, a: Self::Vector<S>, b: Self::Vector<S>) -> Self::Vector<S>;
    /// The slice as vectors, and the rest.
    fn vectors<S: Simd>(slice: &[Self]) -> (&[Self::Vector<S>], &[Self]);
    /// The slice as vectors, and the rest.
    fn vectors_mut<S: Simd>(slice: &mut [Self]) -> (&mut [Self::Vector<S>], &mut [Self]);
    /// The slice, which is no longer than a vector, with zeros behind.
    fn load_part<S: Simd>(simd: S, slice: &[Self]) -> Self::Vector<S>;
    /// The first lanes into a slice no longer than a vector.
    fn store_part<S: Simd>(simd: S, slice: &mut [Self], vector: Self::Vector<S>);
    /// Lends this thread's buffer for packed panels.
    fn with_packed(lend: impl FnOnce(&mut Vec<Self>));
}

macro_rules! lanes {
    ($t:ident $vector:ident $lanes:ident $splat:ident $mul_add:ident $add:ident $vectors:ident $vectors_mut:ident
     $load:ident $store:ident) => {
        impl Lanes for $t {
            type Vector<S: Simd> = S::$vector;

            #[inline(always)]
            fn lanes<S: Simd>() -> usize {
                S::$lanes
            }
            #[inline(always)]
            fn splat<S: Simd>(simd: S, x: Self) -> S::$vector {
                simd.$splat(x)
            }
            #[inline(always)]
            fn fma<S: Simd>(simd: S, a: S::$vector, b: S::$vector, c: S::$vector) -> S::$vector {
                simd.$mul_add(a, b, c)
            }
            #[inline(always)]
            fn sum<S: Simd>(simd: S, a: S::$vector, b: S::$vector) -> S::$vector {
                simd.$add(a, b)
            }
            #[inline(always)]
            fn vectors<S: Simd>(slice: &[Self]) -> (&[S::$vector], &[Self]) {
                S::$vectors(slice)
            }
            #[inline(always)]
            fn vectors_mut<S: Simd>(slice: &mut [Self]) -> (&mut [S::$vector], &mut [Self]) {
                S::$vectors_mut(slice)
            }
            #[inline(always)]
            fn load_part<S: Simd>(simd: S, slice: &[Self]) -> S::$vector {
                simd.$load(slice)
            }
            #[inline(always)]
            fn store_part<S: Simd>(simd: S, slice: &mut [Self], vector: S::$vector) {
                simd.$store(slice, vector);
            }
            fn with_packed(lend: impl FnOnce(&mut Vec<Self>)) {
                thread_local! {
                    static PACKED: RefCell<Vec<$t>> = const { RefCell::new(Vec::new()) };
                }
                PACKED.with_borrow_mut(lend);
            }
        }
    };
}

lanes!(f32 f32s F32_LANES splat_f32s mul_add_e_f32s add_f32s as_simd_f32s as_mut_simd_f32s
    partial_load_f32s partial_store_f32s);
lanes!(f64 f64s F64_LANES splat_f64s mul_add_e_f64s add_f64s as_simd_f64s as_mut_simd_f64s
    partial_load_f64s partial_store_f64s);

/// `c = onto + a b`
pub(super) fn product<T: Lanes>(
    c: MatMut<'_, T>,
    onto: Onto<'_, T>,
    a: Factor<'_, T>,
    b: Factor<'_, T>,
) {
    T::with_packed(|packed| {
        Arch::new().dispatch(Tiles {
            c,
            onto,
            a,
            b,
            packed,
        })
    });
}

struct Tiles<'a, T> {
    c: MatMut<'a, T>,
    onto: Onto<'a, T>,
    a: Factor<'a, T>,
    b: Factor<'a, T>,
    packed: &'a mut Vec<T>,
}

impl<T: Lanes> WithSimd for Tiles<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        if self.b.transposed {
            self.run::<S, true>(simd);
        } else {
            self.run::<S, false>(simd);
        }
    }
}

impl<T: Lanes> Tiles<'_, T> {
    #[inline(always)]
    fn run<S: Simd, const B_T: bool>(mut self, simd: S) {
        let (m, k) = self.a.shape();
        let lanes = T::lanes::<S>();
        let room = ROWS * lanes * DEPTH;
        if self.packed.len() < room {
            self.packed.resize(room, T::zero());
        }
        let cuts = k.div_ceil(DEPTH).max(1);
        for cut in 0..cuts {
            let depth = k * cut / cuts..k * (cut + 1) / cuts;
            if cut > 0 {
                self.onto = Onto::Itself;
            }
            for first in (0..m).step_by(ROWS * lanes) {
                self.rows::<S, B_T>(simd, first..m.min(first + ROWS * lanes), depth.clone());
            }
        }
    }

    /// Some panels of rows: all packed, then multiplied.
    #[inline(always)]
    fn rows<S: Simd, const B_T: bool>(&mut self, simd: S, rows: Range<usize>, depth: Range<usize>) {
        let lanes = T::lanes::<S>();
        let panels = || rows.clone().step_by(2 * lanes);
        let mut packed = &mut self.packed[..];
        for first in panels() {
            let rows = first..rows.end.min(first + 2 * lanes);
            let two = rows.len() > lanes;
            let len = depth.len() * lanes * if two { 2 } else { 1 };
            let (panel, rest) = packed.split_at_mut(len);
            packed = rest;
            if self.a.transposed {
                pack_transposed(self.a, rows.clone(), depth.clone(), panel);
            } else if two {
                pack::<T, S, 2>(simd, self.a, rows.clone(), depth.clone(), panel);
            } else {
                pack::<T, S, 1>(simd, self.a, rows.clone(), depth.clone(), panel);
            }
        }
        let n = self.c.ncols();
        for column in (0..n).step_by(COLUMNS) {
            let columns = column..n.min(column + COLUMNS);
            let mut packed = &self.packed[..];
            for first in panels() {
                let rows = first..rows.end.min(first + 2 * lanes);
                let two = rows.len() > lanes;
                let len = depth.len() * lanes * if two { 2 } else { 1 };
                let (panel, rest) = packed.split_at(len);
                packed = rest;
                let c = self.c.rb_mut();
                let (onto, b, columns, start) = (self.onto, self.b, columns.clone(), depth.start);
                if !two {
                    Block::<T, S, 1>::new(c, onto, panel, b, rows, start)
                        .columns::<8, B_T>(simd, columns);
                } else if S::REGISTER_COUNT < 32 {
                    Block::<T, S, 2>::new(c, onto, panel, b, rows, start)
                        .columns::<4, B_T>(simd, columns);
                } else {
                    Block::<T, S, 2>::new(c, onto, panel, b, rows, start)
                        .columns::<8, B_T>(simd, columns);
                }
            }
        }
    }
}

/// A packed panel on its way through the columns.
struct Block<'a, T: Lanes, S: Simd, const R: usize> {
    c: MatMut<'a, T>,
    onto: Onto<'a, T>,
    panel: &'a [[T::Vector<S>; R]],
    b: &'a [T],
    b_stride: usize,
    rows: Range<usize>,
    first: usize,
}

impl<'a, T: Lanes, S: Simd, const R: usize> Block<'a, T, S, R> {
    #[inline(always)]
    fn new(
        c: MatMut<'a, T>,
        onto: Onto<'a, T>,
        panel: &'a [T],
        b: Factor<'a, T>,
        rows: Range<usize>,
        first: usize,
    ) -> Self {
        let (panel, _) = T::vectors::<S>(panel);
        let (panel, _) = panel.as_chunks::<R>();
        let (b, b_stride) = (b.mat.data(), b.mat.stride());
        Self {
            c,
            onto,
            panel,
            b,
            b_stride,
            rows,
            first,
        }
    }

    /// The columns of a range, C at a time.
    #[inline(always)]
    fn columns<const C: usize, const B_T: bool>(mut self, simd: S, columns: Range<usize>) {
        let mut j = columns.start;
        while columns.end - j >= C {
            self.tile::<C, B_T>(simd, j);
            j += C;
        }
        while columns.end - j >= 4 {
            self.tile::<4, B_T>(simd, j);
            j += 4;
        }
        while j < columns.end {
            self.tile::<1, B_T>(simd, j);
            j += 1;
        }
    }

    /// Columns j, .., j + C - 1.
    #[inline(always)]
    fn tile<const C: usize, const B_T: bool>(&mut self, simd: S, j: usize) {
        let mut sums = [[T::splat(simd, T::zero()); R]; C];
        if B_T {
            let rows = self.b[self.first * self.b_stride + j..].chunks(self.b_stride);
            for (a, row) in self.panel.iter().zip(rows) {
                let Some(row) = row.first_chunk::<C>() else {
                    break;
                };
                for c in 0..C {
                    let b = T::splat(simd, row[c]);
                    for r in 0..R {
                        sums[c][r] = T::fma(simd, a[r], b, sums[c][r]);
                    }
                }
            }
        } else {
            let mut columns = [&self.b[..0]; C];
            for c in 0..C {
                columns[c] = &self.b[(j + c) * self.b_stride + self.first..][..self.panel.len()];
            }
            for (l, a) in self.panel.iter().enumerate() {
                for c in 0..C {
                    let b = T::splat(simd, columns[c][l]);
                    for r in 0..R {
                        sums[c][r] = T::fma(simd, a[r], b, sums[c][r]);
                    }
                }
            }
        }
        let lanes = T::lanes::<S>();
        for c in 0..C {
            let column = &mut self.c.col_mut(j + c)[self.rows.clone()];
            if column.len() == R * lanes {
                let (column, _) = T::vectors_mut::<S>(column);
                for r in 0..R {
                    column[r] = match self.onto {
                        Onto::Zero => sums[c][r],
                        Onto::Itself => T::sum(simd, column[r], sums[c][r]),
                        Onto::Column(start) => {
                            let (start, _) = T::vectors::<S>(&start[self.rows.clone()]);
                            T::sum(simd, start[r], sums[c][r])
                        }
                    };
                }
            } else {
                let n = column.len();
                for r in 0..R {
                    let part = (r * lanes).min(n)..((r + 1) * lanes).min(n);
                    let before = match self.onto {
                        Onto::Zero => T::splat(simd, T::zero()),
                        Onto::Itself => T::load_part(simd, &column[part.clone()]),
                        Onto::Column(start) => {
                            T::load_part(simd, &start[self.rows.clone()][part.clone()])
                        }
                    };
                    T::store_part(simd, &mut column[part], T::sum(simd, before, sums[c][r]));
                }
            }
        }
    }
}

/// Rows of a matrix into a panel. Lanes beyond the rows hold whatever follows in memory: they are never stored.
#[inline(always)]
fn pack<T: Lanes, S: Simd, const R: usize>(
    simd: S,
    a: Factor<'_, T>,
    rows: Range<usize>,
    depth: Range<usize>,
    panel: &mut [T],
) {
    let (data, stride, lanes) = (a.mat.data(), a.mat.stride(), T::lanes::<S>());
    let (panel, _) = T::vectors_mut::<S>(panel);
    for (l, panel) in depth.zip(panel.chunks_exact_mut(R)) {
        let start = l * stride + rows.start;
        if let Some(row) = data.get(start..start + R * lanes) {
            let (row, _) = T::vectors::<S>(row);
            panel.copy_from_slice(row);
        } else {
            let row = &data[start..l * stride + rows.end];
            for (r, vector) in panel.iter_mut().enumerate() {
                let part = (r * lanes).min(row.len())..((r + 1) * lanes).min(row.len());
                *vector = T::load_part(simd, &row[part]);
            }
        }
    }
}

/// Columns of a matrix into the rows of a panel, four at a time.
#[inline(always)]
fn pack_transposed<T: Lanes>(
    a: Factor<'_, T>,
    rows: Range<usize>,
    depth: Range<usize>,
    panel: &mut [T],
) {
    let (data, stride, width) = (a.mat.data(), a.mat.stride(), panel.len() / depth.len());
    if rows.len() < width {
        panel.fill(T::zero());
    }
    let column = |r: usize| &data[(rows.start + r) * stride..][depth.clone()];
    let fours = rows.len() / 4 * 4;
    for at in (0..fours).step_by(4) {
        let columns = [column(at), column(at + 1), column(at + 2), column(at + 3)];
        let chunks = columns.map(|column| column.as_chunks::<4>().0);
        let chunks = chunks[0]
            .iter()
            .zip(chunks[1])
            .zip(chunks[2].iter().zip(chunks[3]));
        for (((a, b), (c, d)), rows) in chunks.zip(panel.chunks_exact_mut(4 * width)) {
            let mixed = [
                [a[0], b[0], c[0], d[0]],
                [a[1], b[1], c[1], d[1]],
                [a[2], b[2], c[2], d[2]],
                [a[3], b[3], c[3], d[3]],
            ];
            for (row, mixed) in rows.chunks_exact_mut(width).zip(&mixed) {
                row[at..at + 4].copy_from_slice(mixed);
            }
        }
        for l in depth.len() / 4 * 4..depth.len() {
            for c in 0..4 {
                panel[l * width + at + c] = columns[c][l];
            }
        }
    }
    for r in fours..rows.len() {
        for (row, &x) in panel.chunks_exact_mut(width).zip(column(r)) {
            row[r] = x;
        }
    }
}
