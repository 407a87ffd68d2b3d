//! Our own product of a large left factor, for processors with AVX-512.
//!
//! The contraction is cut into blocks, and a block of rows of the left factor is copied into panels of three vectors,
//! which lie one behind the other and stay near. For eight columns at a time the sums of a panel stay in registers
//! while a block runs through them: eleven loads feed twenty-four fused multiply-adds. Each entry is one chain of them
//! in the order of the contraction, cut only where the contracted length says so: the bits of a column do not depend on
//! the columns beside it. The plan is that of Goto and van de Geijn, "Anatomy of high-performance matrix
//! multiplication" (2008).

use std::cell::RefCell;
use std::ops::Range;

use pulp::NullaryFnOnce;
use pulp::x86::V4;

use super::{Factor, Onto};
use crate::MatMut;

mod ahead;
mod lanes;
mod pack;

use ahead::Ahead;
pub use lanes::Lanes;
use pack::{pack_left, pack_right};

/// Contracted entries that run through the registers at once, at most: eight columns of them are half of the nearest
/// cache in f32.
const DEPTH: usize = 512;

/// Panels of rows that are packed at once: with a block of the contraction they fill half of a core's second cache.
const PANELS: usize = 4;

/// Vectors of a panel.
const HEIGHT: usize = 3;

/// Columns whose sums are in registers at a time.
const WIDTH: usize = 8;

/// Columns of the right factor that are packed at once.
const COLUMNS: usize = 1024;

/// Rows, contracted entries and columns from which this kernel is the faster one: fewer columns do not pay for packing
/// the left factor (measured: docs/performance.md, "The kernel").
const LEAST: usize = 256;

/// And entries of the left factor: a smaller one stays near without being packed.
const LARGE: usize = 1 << 17;

/// Whether a product is large enough, and this processor has the instructions.
pub(super) fn fits(rows: usize, depth: usize, columns: usize) -> bool {
    let least = rows.min(depth).min(columns);
    least >= LEAST && rows * depth >= LARGE && V4::is_available()
}

/// This thread's buffers; they grow to the largest blocks and stay.
#[derive(Debug)]
pub struct Packed<T> {
    left: Vec<T>,
    right: Vec<[T; WIDTH]>,
}

impl<T> Packed<T> {
    const NEW: Self = Self {
        left: Vec::new(),
        right: Vec::new(),
    };
}

/// `c = onto + a b`; by the library where the processor lacks the instructions or nothing is to be summed.
pub(super) fn product<T: Lanes>(
    c: MatMut<'_, T>,
    onto: Onto<'_, T>,
    a: Factor<'_, T>,
    b: Factor<'_, T>,
) {
    let (Some(simd), 1..) = (V4::try_new(), a.shape().1) else {
        return super::library::product(c, onto, a, b);
    };
    T::with_packed(|packed| {
        simd.vectorize(Task {
            simd,
            c,
            onto,
            a,
            b,
            packed,
        });
    });
}

struct Task<'a, T> {
    simd: V4,
    c: MatMut<'a, T>,
    onto: Onto<'a, T>,
    a: Factor<'a, T>,
    b: Factor<'a, T>,
    packed: &'a mut Packed<T>,
}

impl<T: Lanes> NullaryFnOnce for Task<'_, T> {
    type Output = ();

    #[inline(always)]
    fn call(mut self) {
        let ((m, k), n) = (self.a.shape(), self.c.ncols());
        let cuts = k.div_ceil(DEPTH);
        let height = PANELS * HEIGHT * T::LANES;
        for first in (0..n).step_by(COLUMNS) {
            let columns = first..n.min(first + COLUMNS);
            for cut in 0..cuts {
                let depth = k * cut / cuts..k * (cut + 1) / cuts;
                let onto = if cut == 0 { self.onto } else { Onto::Itself };
                pack_right(
                    self.simd,
                    self.b,
                    depth.clone(),
                    columns.clone(),
                    &mut self.packed.right,
                );
                for first in (0..m).step_by(height) {
                    let rows = first..m.min(first + height);
                    let next = rows.end..m.min(rows.end + height);
                    let ahead = Ahead::new(self.a, next, depth.clone());
                    pack_left(
                        self.simd,
                        self.a,
                        rows.clone(),
                        depth.clone(),
                        &mut self.packed.left,
                    );
                    self.block(onto, rows, depth.len(), columns.clone(), ahead);
                }
            }
        }
    }
}

impl<T: Lanes> Task<'_, T> {
    /// What is packed of both factors, multiplied: a tile of the right one meets all panels of the left one.
    #[inline(always)]
    fn block(
        &mut self,
        onto: Onto<'_, T>,
        rows: Range<usize>,
        len: usize,
        columns: Range<usize>,
        mut ahead: Ahead<'_, T>,
    ) {
        let full = HEIGHT * T::LANES;
        let tiles = self.packed.right.chunks_exact(len);
        let share = ahead.share(columns.len().div_ceil(WIDTH) * rows.len().div_ceil(full));
        for (first, b) in columns.clone().step_by(WIDTH).zip(tiles) {
            let columns = first..columns.end.min(first + WIDTH);
            for (panel, first) in rows.clone().step_by(full).enumerate() {
                let rows = first..rows.end.min(first + full);
                ahead.fetch(share);
                let a = &self.packed.left[panel * full * len..];
                let (simd, c, columns) = (self.simd, &mut self.c, columns.clone());
                match rows.len().div_ceil(T::LANES) {
                    3 => tile::<T, 3>(simd, c, onto, rows, columns, a, b),
                    2 => tile::<T, 2>(simd, c, onto, rows, columns, a, b),
                    _ => tile::<T, 1>(simd, c, onto, rows, columns, a, b),
                }
            }
        }
    }
}

/// A panel of `V` vectors by a tile.
#[inline(always)]
fn tile<T: Lanes, const V: usize>(
    simd: V4,
    c: &mut MatMut<'_, T>,
    onto: Onto<'_, T>,
    rows: Range<usize>,
    columns: Range<usize>,
    a: &[T],
    b: &[[T; WIDTH]],
) {
    let sums = sums::<T, V>(simd, T::vectors(a).as_chunks::<V>().0, b);
    for (j, sums) in columns.zip(&sums) {
        let sums = T::numbers(sums);
        let c = &mut c.col_mut(j)[rows.clone()];
        match onto {
            Onto::Zero => c.copy_from_slice(&sums[..c.len()]),
            Onto::Itself => c.iter_mut().zip(sums).for_each(|(c, &sum)| *c += sum),
            Onto::Column(column) => {
                let sums = column[rows.clone()].iter().zip(sums);
                c.iter_mut()
                    .zip(sums)
                    .for_each(|(c, (&column, &sum))| *c = column + sum);
            }
        }
    }
}

/// The sums of a panel and a tile, in registers.
#[inline(always)]
fn sums<T: Lanes, const V: usize>(
    simd: V4,
    a: &[[T::Vector; V]],
    b: &[[T; WIDTH]],
) -> [[T::Vector; V]; WIDTH] {
    let mut sums = [[T::splat(simd, T::zero()); V]; WIDTH];
    for (a, b) in a.iter().zip(b) {
        for (sums, b) in sums.iter_mut().zip(b) {
            let b = T::splat(simd, *b);
            for (sum, a) in sums.iter_mut().zip(a) {
                *sum = T::fma(simd, *a, b, *sum);
            }
        }
    }
    sums
}
