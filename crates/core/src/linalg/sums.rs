//! Sums in a fixed tree, and the sums of rows and columns that go with products.
//!
//! Added one after the other, n numbers lose up to (n - 1) u of the sum of their sizes, u the unit roundoff; and where
//! they are alike, as the terms of a mean are, the roundings have one sign and n / 4 of them are really lost. Here leaves of
//! at most [`LEAF`] terms are added in order, and the leaves in pairs, the pairs in pairs, and so on:
//!
//! ```text
//! error <= (LEAF - 1 + ceil(log2(n / LEAF))) u (|x_1| + .. + |x_n|)
//! ```
//!
//! to first order in u (Higham, "Accuracy and Stability of Numerical Algorithms", 2nd edition, section 4.2: each term
//! meets as many roundings as lie between it and the root). That is 46 u for a million terms. The tree depends on n
//! alone, not on the threads, the vectors or where the numbers lie, so neither do the bits.

use std::array::from_fn;
use std::ops::Range;

use pulp::NullaryFnOnce;

use crate::blocks::chain;
use crate::team::by_columns;
use crate::vector::widest;
use crate::{Accum, Mat, MatMut, Real};

/// Terms that are added one after the other, at most.
///
/// Of 32 equal terms 8 u are lost at most, measured over all of them; so a million of them stay below 1e-6 in f32.
pub const LEAF: usize = 32;

/// Sums side by side in a leaf of an inner product.
const LANES: usize = 8;

/// Rows that are summed at a time: a branch of the tree holds so many partial sums on the stack.
const STRIP: usize = 64;

/// Entries from which choosing vectors pays.
const WORTH: usize = 64;

/// Entries from which sums are shared with the team.
const SHARED_FROM: usize = 1 << 14;

/// How many of n terms, more than `leaf`, the left branch takes: the largest number of leaves that is a power of two
/// and leaves something to the right one.
pub(super) const fn left_branch(n: usize, leaf: usize) -> usize {
    leaf << (n.div_ceil(leaf) - 1).ilog2()
}

/// Leaves of at most [`LEAF`] indices out of n, in order, joined in the fixed tree. A loop and not a recursion: so it is compiled
/// into the vector code that calls it.
#[inline(always)]
fn tree<T: Real>(n: usize, mut leaf: impl FnMut(Range<usize>) -> T) -> T {
    // Left branches that wait for the right ones, the larger first: a power of two of leaves each, all different.
    let mut waiting = [T::zero(); (usize::BITS - LEAF.ilog2()) as usize];
    let mut branches = 0;
    for (i, first) in (0..n).step_by(LEAF).enumerate() {
        let mut sum = leaf(first..n.min(first + LEAF));
        for _ in 0..i.trailing_ones() {
            branches -= 1;
            sum = waiting[branches] + sum;
        }
        waiting[branches] = sum;
        branches += 1;
    }
    let left = &waiting[..branches];
    left.iter()
        .rev()
        .copied()
        .reduce(|right, left| left + right)
        .unwrap_or(T::zero())
}

/// The sum of `term(0)`, .., `term(n - 1)` in a fixed tree: n - 1 flops beside what the terms take, which are asked for in
/// this order. A sum that starts at a number costs the n-th: `start + total(n, ..)`.
///
/// The error is at most `(31 + ceil(log2(n / 32))) u` times the sum of the terms' sizes, to first order in the unit
/// roundoff u: it grows with log n (Higham, "Accuracy and Stability of Numerical Algorithms", section 4.2). The tree
/// depends on n alone.
///
/// ```
/// use pushpull_core::linalg::total;
/// let tenth = 0.1_f32;
/// let in_order = (0..1_000_000).fold(0.0, |sum, _| sum + tenth);
/// assert_eq!(in_order, 100_958.34); // 1 % too much
/// assert!((total(1_000_000, |_| tenth) - 100_000.0).abs() < 0.05);
/// ```
#[inline]
pub fn total<T: Real>(n: usize, mut term: impl FnMut(usize) -> T) -> T {
    if n == 0 {
        return T::zero();
    }
    let mut leaf = |range: Range<usize>| {
        let first = term(range.start);
        (range.start + 1..range.end).fold(first, |sum, i| sum + term(i))
    };
    if n <= LEAF {
        return leaf(0..n);
    }
    tree(n, leaf)
}

/// The sum of all entries in a fixed tree, each column's first: one flop an entry. The error is that of [`total`] for the
/// rows, and for the columns.
///
/// ```
/// use pushpull_core::{Mat, linalg::sum};
/// assert_eq!(sum(Mat::new(&[1.0, 2.0, 10.0, 20.0], 2, 2)), 33.0);
/// ```
#[inline]
pub fn sum<T: Real>(mat: Mat<'_, T>) -> T {
    T::zero()
        + total(mat.ncols(), |j| {
            let column = mat.col(j);
            total(column.len(), |i| column[i])
        })
}

/// `<slopes, seed>` in a fixed tree, 2n flops, where zero seeds count for nothing.
#[inline(always)]
pub(crate) fn dot<T: Real>(slopes: &[T], seed: &[T]) -> T {
    inner(slopes, seed, chain)
}

/// The sum of `term(x_i, y_i)` in a fixed tree.
#[inline(always)]
pub(super) fn inner<T: Real>(x: &[T], y: &[T], term: impl Fn(T, T) -> T + Copy) -> T {
    match x.len().min(y.len()) {
        0 => T::zero(),
        n @ ..=LEAF => T::zero() + leaf_of_inner(&x[..n], &y[..n], term),
        n => T::zero() + tree(n, |range| leaf_of_inner(&x[range.clone()], &y[range], term)),
    }
}

/// At most [`LEAF`] terms, in [`LANES`] sums that are added in pairs: a sum alone waits for each of its additions.
#[inline(always)]
fn leaf_of_inner<T: Real>(x: &[T], y: &[T], term: impl Fn(T, T) -> T) -> T {
    let (first, x_left) = x.as_chunks::<LANES>();
    let (second, y_left) = y.as_chunks::<LANES>();
    let ([first, x_lanes @ ..], [second, y_lanes @ ..]) = (first, second) else {
        return total(x.len(), |i| term(x[i], y[i]));
    };
    let mut sums: [T; LANES] = from_fn(|k| term(first[k], second[k]));
    for (x, y) in x_lanes.iter().zip(y_lanes) {
        for k in 0..LANES {
            sums[k] += term(x[k], y[k]);
        }
    }
    for ((sum, &x), &y) in sums.iter_mut().zip(x_left).zip(y_left) {
        *sum += term(x, y);
    }
    let [a, b, c, d, e, f, g, h] = sums;
    ((a + e) + (c + g)) + ((b + f) + (d + h))
}

/// `y[:, j] += bias` for every column: one flop an entry.
pub fn add_to_columns<T: Real>(y: &mut MatMut<'_, T>, bias: &[T]) {
    for j in 0..y.ncols() {
        for (y, &bias) in y.col_mut(j).iter_mut().zip(bias) {
            *y += bias;
        }
    }
}

/// `sums (+)= c_0 + .. + c_(n-1)` for n columns in a fixed tree, row by row as [`total`] has it: n - 1 flops a row, adding
/// n. `leaf(columns, rows, sums)` assigns the sum of a few columns, in order, in a range of rows; nothing is allocated.
///
/// ```
/// use pushpull_core::{Accum, linalg::sum_columns};
/// // Rows 0 and 1 of columns j: j and 10 j.
/// let mut sums = [5.0, 5.0];
/// sum_columns(4, Accum::Add, &mut sums, |columns, rows, sums| {
///     for (i, sum) in rows.zip(sums) {
///         *sum = columns.clone().map(|j| [1.0, 10.0][i] * j as f64).sum();
///     }
/// });
/// assert_eq!(sums, [11.0, 65.0]);
/// ```
pub fn sum_columns<T: Real>(
    n: usize,
    acc: Accum,
    sums: &mut [T],
    leaf: impl Fn(Range<usize>, Range<usize>, &mut [T]),
) {
    if n == 0 {
        if acc == Accum::Set {
            sums.fill(T::zero());
        }
        return;
    }
    for (strip, sums) in sums.chunks_mut(STRIP).enumerate() {
        let rows = strip * STRIP..strip * STRIP + sums.len();
        match acc {
            Accum::Set => branch(0..n, &rows, sums, &leaf),
            Accum::Add => {
                let mut partial = [T::zero(); STRIP];
                let partial = &mut partial[..sums.len()];
                branch(0..n, &rows, partial, &leaf);
                add(sums, partial);
            }
        }
    }
}

/// Numbers of scratch memory that [`sum_columns_into`] needs for n columns of so many rows.
pub const fn sum_columns_scratch(n: usize, acc: Accum, rows: usize) -> usize {
    let levels = n.div_ceil(LEAF).next_power_of_two().ilog2() as usize;
    rows.saturating_mul(levels + matches!(acc, Accum::Add) as usize)
}

/// The same as [`sum_columns`] for sums whose rows cannot be asked for a few at a time: the branches of the tree lie in
/// scratch memory, [`sum_columns_scratch`] numbers. `leaf(columns, sums)` assigns.
///
/// ```
/// use pushpull_core::Accum;
/// use pushpull_core::linalg::{sum_columns_into, sum_columns_scratch};
/// // Of columns j: j and 10 j.
/// let (mut sums, mut scratch) = ([5.0, 5.0], vec![0.0; sum_columns_scratch(100, Accum::Add, 2)]);
/// sum_columns_into(100, Accum::Add, &mut sums, &mut scratch, &mut |columns, sums| {
///     let sum: f64 = columns.map(|j| j as f64).sum();
///     sums.copy_from_slice(&[sum, 10.0 * sum]);
/// });
/// assert_eq!(sums, [4955.0, 49505.0]);
/// ```
pub fn sum_columns_into<T: Real>(
    n: usize,
    acc: Accum,
    sums: &mut [T],
    scratch: &mut [T],
    leaf: &mut impl FnMut(Range<usize>, &mut [T]),
) {
    match acc {
        _ if n == 0 && acc == Accum::Add => {}
        _ if n == 0 => sums.fill(T::zero()),
        Accum::Set => branch_into(0..n, sums, scratch, leaf),
        Accum::Add => {
            let (partial, scratch) = scratch.split_at_mut(sums.len());
            branch_into(0..n, partial, scratch, leaf);
            add(sums, partial);
        }
    }
}

fn branch_into<T: Real>(
    columns: Range<usize>,
    sums: &mut [T],
    scratch: &mut [T],
    leaf: &mut impl FnMut(Range<usize>, &mut [T]),
) {
    if columns.len() <= LEAF {
        return leaf(columns, sums);
    }
    let middle = columns.start + left_branch(columns.len(), LEAF);
    branch_into(columns.start..middle, sums, scratch, leaf);
    let (right, scratch) = scratch.split_at_mut(sums.len());
    branch_into(middle..columns.end, right, scratch, leaf);
    add(sums, right);
}

/// Assigns the sum of some columns.
fn branch<T: Real>(
    columns: Range<usize>,
    rows: &Range<usize>,
    sums: &mut [T],
    leaf: &impl Fn(Range<usize>, Range<usize>, &mut [T]),
) {
    if columns.len() <= LEAF {
        return leaf(columns, rows.clone(), sums);
    }
    let middle = columns.start + left_branch(columns.len(), LEAF);
    branch(columns.start..middle, rows, sums, leaf);
    let mut right = [T::zero(); STRIP];
    let right = &mut right[..sums.len()];
    branch(middle..columns.end, rows, right, leaf);
    add(sums, right);
}

fn add<T: Real>(to: &mut [T], from: &[T]) {
    to.iter_mut().zip(from).for_each(|(to, &from)| *to += from);
}

/// `sums (+)= y 1`, the sum of each row in a fixed tree: one flop an entry. The error of a row is that of [`total`].
pub fn row_sums<T: Real>(y: Mat<'_, T>, acc: Accum, sums: &mut [T]) {
    let (rows, columns) = y.shape();
    let entries = rows * columns;
    if columns == 1 {
        for (sum, &y) in sums.iter_mut().zip(y.col(0)) {
            *sum = if acc == Accum::Set { T::zero() } else { *sum } + y;
        }
        return;
    }
    if entries < WORTH {
        for (i, sum) in sums.iter_mut().enumerate() {
            let start = if acc == Accum::Set { T::zero() } else { *sum };
            *sum = start + total(columns, |j| y.col(j)[i]);
        }
        return;
    }
    if acc == Accum::Set {
        sums.fill(T::zero());
        if columns <= LEAF {
            return widest::<T, _>(true, RowSums { y, sums });
        }
    }
    let by_rows = |y: Mat<'_, T>, sums: &mut [T]| {
        sum_columns(columns, Accum::Add, sums, |columns, rows, sums| {
            let y = y.rows(rows).cols(columns);
            sums.copy_from_slice(y.col(0));
            widest::<T, _>(
                true,
                RowSums {
                    y: y.cols(1..y.ncols()),
                    sums,
                },
            );
        });
    };
    if entries < SHARED_FROM {
        return by_rows(y, sums);
    }
    // One row of sums: its columns are cut, never the columns that are summed.
    by_columns([MatMut::new(sums, 1, rows)], &|range, [mut part]| {
        if let Some(sums) = part.as_mut_slice() {
            by_rows(y.rows(range), sums);
        }
    });
}

struct RowSums<'a, T> {
    y: Mat<'a, T>,
    sums: &'a mut [T],
}

impl<T: Real> NullaryFnOnce for RowSums<'_, T> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        for j in 0..self.y.ncols() {
            for (sum, &y) in self.sums.iter_mut().zip(self.y.col(j)) {
                *sum += y;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{LEAF, dot, row_sums, sum, sum_columns, total};
    use crate::{Accum, Cost, Counted, Mat, Real, count};

    /// How far a sum of n times `x` is off, in unit roundoffs of it.
    fn error(n: usize, x: f32, sum: impl Fn(&[f32]) -> f32) -> f64 {
        let exact = n as f64 * f64::from(x);
        (f64::from(sum(&vec![x; n])) - exact).abs() / exact / f32::UNIT_ROUNDOFF
    }

    /// Whether equal terms, whose roundings have one sign, lose no more than a quarter of a leaf and one rounding a level.
    fn grows_with_the_logarithm(sum: impl Fn(&[f32]) -> f32) -> bool {
        [1_000, 10_000, 100_000, 1_000_000].into_iter().all(|n| {
            let levels = (n as f64 / LEAF as f64).log2().ceil();
            [0.1, 0.3, 1.1, 1.7, 1e-3]
                .into_iter()
                .all(|x| error(n, x, &sum) <= LEAF as f64 / 4.0 + 1.0 + levels)
        })
    }

    #[test]
    fn the_error_of_every_sum_grows_with_the_logarithm_of_its_length() {
        assert!(grows_with_the_logarithm(|x| total(x.len(), |i| x[i])));
        assert!(grows_with_the_logarithm(|x| sum(Mat::from(x))));
        assert!(grows_with_the_logarithm(|x| sum(Mat::new(x, 1, x.len()))));
        assert!(grows_with_the_logarithm(|x| {
            sum(Mat::new(x, 8, x.len() / 8)) // a thousand is 8 times 125
        }));
        assert!(grows_with_the_logarithm(|x| dot(x, &vec![1.0; x.len()])));
        for rows in [1, 8] {
            assert!(grows_with_the_logarithm(|x| {
                let all: Vec<f32> = x.iter().flat_map(|&x| vec![x; rows]).collect();
                let mut sums = vec![f32::NAN; rows];
                row_sums(Mat::new(&all, rows, x.len()), Accum::Set, &mut sums);
                sums[rows - 1]
            }));
        }
    }

    #[test]
    fn the_tree_is_that_of_the_sums_of_columns() {
        for n in [1, 32, 33, 64, 65, 96, 97, 160, 1_000, 1_025, 7_777] {
            let x: Vec<f32> = (0..n).map(|i| (1.0 + 1.7 * i as f32).sin()).collect();
            let mut sums = [f32::NAN];
            sum_columns(n, Accum::Set, &mut sums, |columns, _, sums| {
                sums[0] = x[columns.start];
                columns.skip(1).for_each(|j| sums[0] += x[j]);
            });
            assert_eq!(total(n, |i| x[i]).to_bits(), sums[0].to_bits(), "{n}");
        }
    }

    #[test]
    fn a_sum_in_order_is_caught() {
        assert!(!grows_with_the_logarithm(|x| x.iter().sum()));
        // Nor do long leaves, or a tree of a few long branches, go through.
        assert!(!grows_with_the_logarithm(|x| {
            x.chunks(512).map(|leaf| leaf.iter().sum::<f32>()).sum()
        }));
    }

    #[test]
    fn what_is_added_to_meets_one_rounding_for_all() {
        // 2^24 and 64 halves: in order, none of them would be seen.
        let y = [0.5_f32; 128];
        for rows in [1, 2] {
            let mut sums = vec![16_777_216.0; rows];
            row_sums(Mat::new(&y, rows, 64), Accum::Add, &mut sums);
            assert!(sums.iter().all(|&sum| sum == 16_777_248.0));
        }
    }

    #[test]
    fn rows_are_summed_and_added() {
        for (m, n) in [(3, 5), (40, 33), (1, 100), (130, 70), (70, 1)] {
            let y: Vec<f32> = (0..m * n).map(|i| (i % 17) as f32).collect();
            let mut sums = vec![f32::NAN; m];
            row_sums(Mat::new(&y, m, n), Accum::Set, &mut sums);
            row_sums(Mat::new(&y, m, n), Accum::Add, &mut sums);
            for (i, sum) in sums.iter().enumerate() {
                assert_eq!(*sum, 2.0 * (0..n).map(|j| y[j * m + i]).sum::<f32>());
            }
        }
    }

    #[test]
    fn a_stride_changes_no_bit() {
        let y: Vec<f32> = (0..1_000).map(|i| (1.0 + 1.7 * i as f32).sin()).collect();
        let spread: Vec<f32> = y.iter().flat_map(|&y| [y, 9.0, 9.0]).collect();
        let apart = Mat::with_stride(&spread, 1, 1_000, 3);
        assert_eq!(sum(apart), sum(Mat::new(&y, 1, 1_000)));
        let (mut a, mut b) = ([0.0], [0.0]);
        row_sums(apart, Accum::Set, &mut a);
        row_sums(Mat::new(&y, 1, 1_000), Accum::Set, &mut b);
        assert_eq!(a, b);
    }

    #[test]
    fn the_tree_costs_no_operation() {
        for n in [0, 1, 2, 31, 32, 33, 64, 65, 1_000] {
            let x = vec![Counted(0.5_f64); 2 * n];
            let flops = |run: &dyn Fn()| count(run).1;
            let total = flops(&|| {
                total(n, |i| x[i]);
            });
            assert_eq!(total, Cost::flops(n.saturating_sub(1)));
            let matrix = flops(&|| {
                sum(Mat::new(&x, 2, n));
            });
            assert_eq!(matrix, Cost::flops(2 * n.max(1) - usize::from(n == 0)));
            let inner = flops(&|| {
                dot(&x[..n], &x[..n]);
            });
            assert_eq!(inner, Cost::flops(2 * n));
            for acc in [Accum::Set, Accum::Add] {
                let rows = flops(&|| row_sums(Mat::new(&x, 2, n), acc, &mut [Counted(0.0); 2]));
                assert_eq!(rows, Cost::flops(2 * n.max(1)), "{n} columns, {acc:?}");
            }
            let columns = flops(&|| {
                let leaf = |columns: std::ops::Range<usize>, _, sums: &mut [Counted<f64>]| {
                    sums[0] = x[columns.start];
                    columns.skip(1).for_each(|j| sums[0] += x[j]);
                };
                sum_columns(n, Accum::Set, &mut [Counted(0.0)], leaf);
            });
            assert_eq!(columns, Cost::flops(n.saturating_sub(1)));
        }
    }
}
