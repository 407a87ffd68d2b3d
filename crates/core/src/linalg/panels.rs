//! Our own product of a large left factor, for processors with AVX-512 or AVX2.
//!
//! The contraction is cut into blocks, and a block of rows of the left factor is copied into panels of three vectors,
//! which lie one behind the other and stay near. For eight columns at a time the sums of a panel stay in registers
//! while a block runs through them: eleven loads feed twenty-four fused multiply-adds. AVX2 has half the registers: there
//! panels of two vectors meet six columns, eight loads for twelve. Each entry is one chain of them in the order of the
//! contraction, cut only where the contracted length says so: the bits of a column do not depend on the columns beside it.
//! The plan is that of Goto and van de Geijn, "Anatomy of high-performance matrix multiplication" (2008).

use std::cell::RefCell;
use std::ops::Range;

use pulp::x86::{V3, V4};
use pulp::{NullaryFnOnce, Simd};

use super::{Factor, Onto};
use crate::MatMut;

mod ahead;
mod lanes;
mod pack;

use ahead::Ahead;
use lanes::Lanes;
use pack::{pack_left, pack_right};

/// Contracted entries that run through the registers at once, at most: eight columns of them are half of the nearest
/// cache in f32.
const DEPTH: usize = 512;

/// Panels of rows that are packed at once: with a block of the contraction they fill half of a core's second cache.
const PANELS: usize = 4;

/// Columns of the right factor that are packed at once.
const COLUMNS: usize = 1024;

/// Rows, contracted entries and columns from which this kernel is the faster one: fewer columns do not pay for packing
/// the left factor (measured: docs/performance.md, "The kernel").
const LEAST: usize = 256;

/// And entries of the left factor, with AVX-512: a smaller one stays near without being packed.
const LARGE: usize = 1 << 17;

/// And multiply-adds, with AVX2, where the library reaches as much until the factors leave the caches.
const LONG: usize = 1 << 28;

/// Whether a product is large enough, and this processor has the instructions.
pub(super) fn fits(rows: usize, depth: usize, columns: usize) -> bool {
    if rows.min(depth).min(columns) < LEAST {
        return false;
    }
    let entries = rows.saturating_mul(depth);
    if V4::is_available() {
        entries >= LARGE
    } else {
        entries.saturating_mul(columns) >= LONG && V3::is_available()
    }
}

/// A float with the vectors of both instruction sets.
pub trait Panelled: Lanes<V3> + Lanes<V4> {}

impl Panelled for f32 {}
impl Panelled for f64 {}

/// This thread's buffers; they grow to the largest blocks and stay.
#[derive(Debug)]
pub struct Packed<T> {
    left: Vec<T>,
    right: Vec<T>,
}

impl<T> Default for Packed<T> {
    fn default() -> Self {
        Self::NEW
    }
}

impl<T> Packed<T> {
    const NEW: Self = Self {
        left: Vec::new(),
        right: Vec::new(),
    };
}

/// `c = onto + a b`; by the library where the processor lacks the instructions or nothing is to be summed.
pub(super) fn product<T: Panelled>(
    c: MatMut<'_, T>,
    onto: Onto<'_, T>,
    a: Factor<'_, T>,
    b: Factor<'_, T>,
) {
    match (V4::try_new(), V3::try_new()) {
        _ if a.shape().1 == 0 => super::library::product(c, onto, a, b),
        (Some(simd), _) => by_panels::<_, _, 3, 8>(simd, c, onto, a, b),
        (_, Some(simd)) => by_panels::<_, _, 2, 6>(simd, c, onto, a, b),
        _ => super::library::product(c, onto, a, b),
    }
}

/// Panels are H vectors high, and the sums of W columns are in registers at a time.
fn by_panels<S: Simd, T: Lanes<S>, const H: usize, const W: usize>(
    simd: S,
    c: MatMut<'_, T>,
    onto: Onto<'_, T>,
    a: Factor<'_, T>,
    b: Factor<'_, T>,
) {
    T::with_packed(|packed| {
        simd.vectorize(Task::<_, _, H, W> {
            simd,
            c,
            onto,
            a,
            b,
            packed,
        });
    });
}

struct Task<'a, S, T, const H: usize, const W: usize> {
    simd: S,
    c: MatMut<'a, T>,
    onto: Onto<'a, T>,
    a: Factor<'a, T>,
    b: Factor<'a, T>,
    packed: &'a mut Packed<T>,
}

impl<S: Simd, T: Lanes<S>, const H: usize, const W: usize> NullaryFnOnce for Task<'_, S, T, H, W> {
    type Output = ();

    #[inline(always)]
    fn call(mut self) {
        let ((m, k), n) = (self.a.shape(), self.c.ncols());
        let cuts = k.div_ceil(DEPTH);
        let height = PANELS * H * T::LANES;
        for first in (0..n).step_by(COLUMNS) {
            let columns = first..n.min(first + COLUMNS);
            for cut in 0..cuts {
                let depth = k * cut / cuts..k * (cut + 1) / cuts;
                let onto = if cut == 0 { self.onto } else { Onto::Itself };
                pack_right::<_, _, W>(
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
                    pack_left::<_, _, H>(
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

impl<S: Simd, T: Lanes<S>, const H: usize, const W: usize> Task<'_, S, T, H, W> {
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
        let full = H * T::LANES;
        let tiles = self.packed.right.as_chunks::<W>().0.chunks_exact(len);
        let share = ahead.share(columns.len().div_ceil(W) * rows.len().div_ceil(full));
        for (first, b) in columns.clone().step_by(W).zip(tiles) {
            let columns = first..columns.end.min(first + W);
            for (panel, first) in rows.clone().step_by(full).enumerate() {
                let rows = first..rows.end.min(first + full);
                ahead.fetch(share);
                let a = &self.packed.left[panel * full * len..];
                let (simd, c, columns) = (self.simd, &mut self.c, columns.clone());
                match rows.len().div_ceil(T::LANES) {
                    3 => tile::<S, T, 3, W>(simd, c, onto, rows, columns, a, b),
                    2 => tile::<S, T, 2, W>(simd, c, onto, rows, columns, a, b),
                    _ => tile::<S, T, 1, W>(simd, c, onto, rows, columns, a, b),
                }
            }
        }
    }
}

/// A panel of `V` vectors by a tile.
#[inline(always)]
fn tile<S: Simd, T: Lanes<S>, const V: usize, const W: usize>(
    simd: S,
    c: &mut MatMut<'_, T>,
    onto: Onto<'_, T>,
    rows: Range<usize>,
    columns: Range<usize>,
    a: &[T],
    b: &[[T; W]],
) {
    let sums = sums::<S, T, V, W>(simd, T::vectors(a).as_chunks::<V>().0, b);
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
fn sums<S: Simd, T: Lanes<S>, const V: usize, const W: usize>(
    simd: S,
    a: &[[T::Vector; V]],
    b: &[[T; W]],
) -> [[T::Vector; V]; W] {
    let mut sums = [[T::splat(simd, T::zero()); V]; W];
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
