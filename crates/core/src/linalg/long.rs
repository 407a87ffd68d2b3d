//! Long contractions, cut into leaves whose products are added in the fixed tree of sums.
//!
//! A kernel adds the terms of an entry one after the other, so its error grows with the contracted length. Up to
//! [`SAMPLES`] contracted columns or [`FEATURES`] rows that is left as it is, at the kernel's full speed. Beyond,
//!
//! - leaves of [`LEAF`] terms are multiplied by themselves, of which
//! - [`RUN`] terms are added by the kernel onto each other, where the result lies, and
//! - the runs are added in pairs, the pairs in pairs, and so on, as in [`total`](super::total).
//!
//! So an entry's error is at most `(LEAF + RUN / LEAF + ceil(log2(k / RUN))) u` times the sum of the sizes of its k terms,
//! to first order in the unit roundoff u: 52 u for a million. What is cut depends on the shape and on what is transposed,
//! never on the threads.

use std::ops::Range;

use pulp::NullaryFnOnce;

use super::plain::by_definition;
use super::sums::{LEAF, inner, left_branch};
use super::{Factor, Kernel, Native, Onto, by_kernel, library, sum_columns};
use crate::vector::widest;
use crate::{Accum, Mat, MatMut, Real};

/// Columns of the right factor's matrix, as samples are, that a kernel may contract at once.
const SAMPLES: usize = 256;

/// Rows of the right factor's matrix, as features are, that a kernel may contract at once.
const FEATURES: usize = 1024;

/// Terms of leaves that are added one after the other.
const RUN: usize = 8 * LEAF;

/// Terms up to which a product is made tile by tile: the partial sums of a tile stay near.
const GROUP: usize = 16 * RUN;

/// What the columns of a tile are a multiple of: see [`crate::team`].
const COLUMNS: usize = 8;

/// Columns of a tile, about, if so many are left: the left factor is read once for each tile of columns.
const WIDTH: usize = 128;

/// Rows of a tile, about: those of a piece of the library's. They are few enough for what lies behind a leaf's terms in the left
/// factor, and is read with them, to be near still when the next leaf asks for it.
const HEIGHT: usize = library::ROWS;

/// Whether a product is cut.
#[inline(always)]
pub(super) fn fits<T>(depth: usize, b: &Factor<'_, T>) -> bool {
    depth > if b.transposed { SAMPLES } else { FEATURES }
}

/// `c = onto + a b`
pub(super) fn product<T: Native>(
    c: MatMut<'_, T>,
    onto: Onto<'_, T>,
    a: Factor<'_, T>,
    b: Factor<'_, T>,
) {
    if c.nrows() == 1 || c.ncols() == 1 {
        return with_vector(c, onto, a, b);
    }
    let needed = spare(a.shape().1, c.nrows(), c.ncols());
    T::with_partials(|partials| {
        if partials.len() < needed {
            partials.resize(needed, T::zero());
        }
        branch(c, onto, a, b, &mut partials[..needed]);
    });
}

/// Columns of a tile. A rest that is no tile of its own joins the last one.
fn width(n: usize) -> usize {
    (n.min(WIDTH) / COLUMNS * COLUMNS).max(COLUMNS)
}

/// Numbers that [`branch`] needs for partial results: a matrix for each level of the tree above a group, and a tile for each
/// below.
fn spare(k: usize, m: usize, n: usize) -> usize {
    if k <= RUN {
        return 0;
    }
    // The last tile takes the rest.
    let largest = (m.min(2 * HEIGHT - 1), n.min(2 * width(n) - 1));
    if k <= GROUP && largest != (m, n) {
        return spare(k, largest.0, largest.1);
    }
    let left = left_branch(k, RUN);
    spare(left, m, n).max(m * n + spare(k - left, m, n))
}

/// Parts of `n` things, `each` of them; the last part has the rest.
fn parts(n: usize, each: usize) -> impl Iterator<Item = Range<usize>> {
    let parts = (n / each).max(1);
    (0..parts).map(move |i| i * each..if i + 1 == parts { n } else { (i + 1) * each })
}

/// `c = onto + a b`, with partial results in `spare`.
fn branch<T: Native>(
    mut c: MatMut<'_, T>,
    onto: Onto<'_, T>,
    a: Factor<'_, T>,
    b: Factor<'_, T>,
    spare: &mut [T],
) {
    let (k, m, n) = (a.shape().1, c.nrows(), c.ncols());
    if k <= RUN {
        return run(c, onto, a, b);
    }
    let width = width(n);
    if k <= GROUP && (m >= 2 * HEIGHT || n >= 2 * width) {
        for rows in parts(m, HEIGHT) {
            let mut c = c.rb_mut().rows(rows.clone());
            let (a, onto) = (a.rows(rows.clone()), onto.rows(rows));
            for columns in parts(n, width) {
                let c = c.rb_mut().cols(columns.clone());
                branch(c, onto, a, b.cols(columns), spare);
            }
        }
        return;
    }
    let left = left_branch(k, RUN);
    branch(c.rb_mut(), onto, a.cols(0..left), b.rows(0..left), spare);
    let (right, spare) = spare.split_at_mut(m * n);
    let target = MatMut::new(&mut *right, m, n);
    branch(target, Onto::Zero, a.cols(left..k), b.rows(left..k), spare);
    for (j, right) in right.chunks_exact(m.max(1)).enumerate() {
        for (c, &right) in c.col_mut(j).iter_mut().zip(right) {
            *c += right;
        }
    }
}

/// The leaves of a run, one after the other.
fn run<T: Native>(mut c: MatMut<'_, T>, onto: Onto<'_, T>, a: Factor<'_, T>, b: Factor<'_, T>) {
    let k = a.shape().1;
    for first in (0..k).step_by(LEAF) {
        let leaf: Range<usize> = first..k.min(first + LEAF);
        let onto = if first == 0 { onto } else { Onto::Itself };
        let (a, b) = (a.cols(leaf.clone()), b.rows(leaf));
        by_kernel(Kernel::Library, c.rb_mut(), onto, a, b);
    }
}

/// The product with a row or a column: the library would add its terms to what is there one by one.
fn with_vector<T: Real>(
    mut c: MatMut<'_, T>,
    onto: Onto<'_, T>,
    a: Factor<'_, T>,
    b: Factor<'_, T>,
) {
    let k = a.shape().1;
    // A row is the column of the transposed product.
    let (matrix, vector) = if c.nrows() == 1 {
        (b.turned(), a.turned())
    } else {
        (a, b)
    };
    let (step, numbers) = (vector.steps().0, vector.mat.data());
    let Some(sums) = c.as_mut_slice().filter(|_| step == 1 || !matrix.transposed) else {
        return by_definition(c, onto, a, b);
    };
    if let Onto::Column(column) = onto {
        match column {
            &[one] => sums.fill(one),
            column => sums.copy_from_slice(column),
        }
    }
    let acc = match onto {
        Onto::Zero => Accum::Set,
        Onto::Itself | Onto::Column(_) => Accum::Add,
    };
    let Some(matrix) = matrix.columns() else {
        // Its rows lie in one piece.
        let (rows, vector) = (matrix.mat, &numbers[..k]);
        return widest::<T, _>(
            true,
            Inner {
                rows,
                vector,
                acc,
                sums,
            },
        );
    };
    sum_columns(k, acc, sums, |columns, rows, sums| {
        widest::<T, _>(
            true,
            Weighed {
                matrix: matrix.rows(rows).cols(columns.clone()),
                weights: &numbers[columns.start * step..],
                step,
                sums,
            },
        );
    });
}

/// Assigns the sum of some columns, each times a number.
struct Weighed<'a, T> {
    matrix: Mat<'a, T>,
    weights: &'a [T],
    step: usize,
    sums: &'a mut [T],
}

impl<T: Real> NullaryFnOnce for Weighed<'_, T> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        for l in 0..self.matrix.ncols() {
            let (column, weight) = (self.matrix.col(l), self.weights[l * self.step]);
            for (sum, &entry) in self.sums.iter_mut().zip(column) {
                let product = entry * weight;
                *sum = if l == 0 { product } else { *sum + product };
            }
        }
    }
}

/// The inner products of the rows of a matrix, which are the columns of another, with a vector.
struct Inner<'a, T> {
    rows: Mat<'a, T>,
    vector: &'a [T],
    acc: Accum,
    sums: &'a mut [T],
}

impl<T: Real> NullaryFnOnce for Inner<'_, T> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        for (j, sum) in self.sums.iter_mut().enumerate() {
            let product = inner(self.vector, self.rows.col(j), |a, b| a * b);
            *sum = match self.acc {
                Accum::Set => product,
                Accum::Add => *sum + product,
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{FEATURES, GROUP, HEIGHT, RUN, SAMPLES, WIDTH, by_definition, fits};
    use crate::linalg::{Factor, Kernel, Onto, product, product_by};
    use crate::{Counted, Dual, Mat, MatMut, Real};

    /// The largest error of a product of `m x k` by `k x n` in units of roundoff of the terms' sizes.
    fn error<T: Real>((m, k, n): (usize, usize, usize), term: impl Fn(usize) -> f64) -> f64 {
        let numbers = |len: usize| -> Vec<T> { (0..len).map(|i| T::from_f64(term(i))).collect() };
        let (a, b) = (numbers(m * k), numbers(n * k));
        let bias = numbers(m);
        let mut c = vec![T::zero(); m * n];
        let (left, right) = (Mat::new(&a, m, k), Mat::new(&b, n, k).t());
        product(MatMut::new(&mut c, m, n), Onto::Column(&bias), left, right);
        let mut worst = 0.0_f64;
        // Some entries, the last among them.
        for at in (0..m * n).step_by(1 + m * n / 7).chain([m * n - 1]) {
            let (i, j) = (at % m, at / m);
            let terms = (0..k).map(|l| a[l * m + i].to_f64() * b[l * n + j].to_f64());
            let (mut exact, mut size) = (bias[i].to_f64(), bias[i].to_f64().abs());
            terms.for_each(|term| (exact, size) = (exact + term, size + term.abs()));
            worst = worst.max((c[at].to_f64() - exact).abs() / size / T::UNIT_ROUNDOFF);
        }
        worst
    }

    fn levels(k: usize) -> f64 {
        (k as f64 / RUN as f64).log2().ceil().max(0.0)
    }

    #[test]
    fn the_error_grows_with_the_logarithm_of_the_contracted_length() {
        for k in [300, 1_000, 10_000, 100_000] {
            for (m, n) in [(1, 1), (4, 3)] {
                for x in [0.1, 0.3, 1.1, 1.7] {
                    let off = error::<f32>((m, k, n), |_| x);
                    assert!(off <= 12.0 + levels(k), "{m} x {k} x {n}: {off} u");
                    let off = error::<Dual<f32>>((m, k, n), |_| x);
                    assert!(off <= 12.0 + levels(k), "{m} x {k} x {n}, duals: {off} u");
                }
                let off = error::<f32>((m, k, n), |i| (1.0 + 1.7 * i as f64).sin());
                assert!(off <= 4.0, "{m} x {k} x {n}: {off} u");
                let off = error::<Counted<f32>>((m, k, n), |_| 0.1);
                assert!(off <= 12.0 + levels(k), "{m} x {k} x {n}, counted: {off} u");
            }
        }
        assert!(error::<f32>((1, 1_000_000, 1), |_| 0.1) <= 12.0 + levels(1_000_000));
    }

    #[test]
    fn a_long_row_multiplies_as_the_definition_does_one_column_or_many() {
        let number = |i: usize| (0.4 + 1.7 * i as f64).sin();
        for k in [FEATURES + 1, 5 * RUN + 7] {
            let a: Vec<f64> = (0..2 * k).map(number).collect();
            let b: Vec<f64> = (0..3 * k).map(|i| number(i + 1)).collect();
            let right = Mat::new(&b, k, 3);
            // Side by side, as a column, and with a gap between its numbers.
            let lefts = [
                Factor::from(Mat::new(&a[..k], 1, k)),
                Mat::new(&a[..k], k, 1).t(),
                Mat::with_stride(&a, 1, k, 2).into(),
            ];
            for left in lefts {
                for onto in [Onto::Zero, Onto::Itself, Onto::Column(&[0.25])] {
                    let (mut c, mut expected) = ([0.5; 3], [0.5; 3]);
                    product(MatMut::new(&mut c, 1, 3), onto, left, right);
                    by_definition(MatMut::new(&mut expected, 1, 3), onto, left, right.into());
                    for (c, expected) in c.iter().zip(expected) {
                        assert!(
                            (c - expected).abs() < 1e-15 * k as f64,
                            "{k}: {c}, {expected}"
                        );
                    }
                    let mut alone = [0.5];
                    product(MatMut::new(&mut alone, 1, 1), onto, left, right.cols(2..3));
                    assert_eq!(alone[0], c[2]);
                }
            }
        }
    }

    #[test]
    fn a_product_that_is_not_cut_is_caught() {
        let (k, x) = (100_000, vec![0.1_f32; 100_000]);
        let mut c = [0.0];
        let (a, b) = (Mat::new(&x, 1, k), Mat::new(&x, 1, k));
        product_by(
            Kernel::Library,
            MatMut::new(&mut c, 1, 1),
            Onto::Zero,
            a,
            b.t(),
        );
        let exact = k as f64 * f64::from(0.1_f32).powi(2);
        let off = (f64::from(c[0]) - exact).abs() / exact / f32::UNIT_ROUNDOFF;
        assert!(off > 12.0 + levels(k), "{off} u");
    }

    #[test]
    fn every_cut_multiplies_like_the_definition_and_a_column_does_not_see_its_neighbours() {
        // One run, several, a group and more; tiles of rows and columns with a rest, below a group and above.
        for (m, k, n) in [
            (3, SAMPLES + 1, 5),
            (20, 3 * RUN + 7, 20),
            (2, GROUP + RUN + 1, 3),
            (1_030, 2 * RUN + 1, 2 * WIDTH + 9),
            (2 * HEIGHT + 8, GROUP + 1, 2 * WIDTH + 40),
        ] {
            let number = |i: usize, of: f64| (of + 1.7 * i as f64).sin();
            let a: Vec<f64> = (0..m * k).map(|i| number(i, 0.3)).collect();
            let b: Vec<f64> = (0..n * k).map(|i| number(i, 0.9)).collect();
            let turned = |of: &[f64], rows| Mat::new(of, rows, k).to_dmatrix().transpose();
            let (a_t, right) = (turned(&a, m), Mat::new(&b, n, k));
            for left in [Factor::from(Mat::new(&a, m, k)), Mat::from(&a_t).t()] {
                let start: Vec<f64> = (0..m * n).map(|i| number(i, 0.5)).collect();
                for onto in [Onto::Zero, Onto::Itself, Onto::Column(&start[..m])] {
                    let (mut c, mut expected) = (start.clone(), start.clone());
                    assert!(fits(k, &right.t()));
                    product(MatMut::new(&mut c, m, n), onto, left, right.t());
                    let target = MatMut::new(&mut expected, m, n);
                    product_by(Kernel::Library, target, onto, left, right.t());
                    let close =
                        |(c, expected): (&f64, &f64)| (c - expected).abs() < 1e-15 * k as f64;
                    assert!(c.iter().zip(&expected).all(close), "{m} x {k} x {n}");
                    let columns = n - 2..n;
                    let mut alone = start[m * columns.start..].to_vec();
                    let part = right.rows(columns.clone()).t();
                    product(MatMut::new(&mut alone, m, 2), onto, left, part);
                    assert_eq!(alone, c[m * columns.start..]);
                }
            }
        }
    }
}
