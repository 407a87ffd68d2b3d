//! Matrix products and the few sums that go with them: the only module that calls a GEMM kernel.
//!
//! A product of m x k by k x n costs 2 m k n flops; adding it to what is there costs m n more.

use std::ops::Range;

pub use crate::finite::first_not_finite;
use crate::{Accum, Cost, Counted, Dual, MatMut, Real, Rounded};

mod diagonals;
mod factor;
mod kernel;
mod lent;
mod library;
mod long;
mod norm;
#[cfg(target_arch = "x86_64")]
mod panels;
mod plain;
mod planes;
mod sums;

pub use diagonals::times_diagonals;
pub use factor::Factor;
pub use kernel::{Kernel, Native, product_by};
use kernel::{PLAIN_LIMIT, by_kernel};
pub(crate) use norm::{length, norm};
use plain::plain;
pub(crate) use sums::dot;
pub use sums::{
    LEAF, add_to_columns, row_sums, sum, sum_columns, sum_columns_into, sum_columns_scratch, total,
};

/// What a product is added to.
#[derive(Clone, Copy, Debug)]
pub enum Onto<'a, T> {
    /// Nothing: it is assigned.
    Zero,
    /// What is there.
    Itself,
    /// This column, in every column: a bias.
    Column(&'a [T]),
}

impl<T> Onto<'_, T> {
    /// The rows of a range.
    fn rows(self, range: Range<usize>) -> Self {
        match self {
            Self::Column(column) => Self::Column(&column[range]),
            other => other,
        }
    }
}

impl<T> From<Accum> for Onto<'_, T> {
    fn from(acc: Accum) -> Self {
        match acc {
            Accum::Set => Self::Zero,
            Accum::Add => Self::Itself,
        }
    }
}

/// How a scalar multiplies matrices; see [`product`].
pub trait Product: Sized {
    /// Entries of the left factor up to which [`product`] goes by the definition: calling a kernel costs more than a
    /// sample's arithmetic (measured with `cargo bench --bench kernels`).
    const PLAIN: usize = 0;

    /// `c = onto + a b`, shapes already checked.
    fn product(c: MatMut<'_, Self>, onto: Onto<'_, Self>, a: Factor<'_, Self>, b: Factor<'_, Self>);

    /// Lends the buffer in which a product of duals splits its factors into planes of this scalar.
    fn with_planes<R>(lend: impl FnOnce(&mut Vec<Self>) -> R) -> R {
        lend(&mut Vec::new())
    }

    /// Lends the buffer in which a product of a long contraction keeps partial results.
    fn with_partials<R>(lend: impl FnOnce(&mut Vec<Self>) -> R) -> R {
        lend(&mut Vec::new())
    }
}

/// `c = a b`, `c += a b`, or `c = column 1' + a b`.
///
/// # Panics
/// If the shapes do not fit; a block declares its shapes, and the graph checks them before anything runs.
///
/// ```
/// use pushpull_core::{Accum, Mat, MatMut, linalg::{Onto, product}};
/// let (a, b) = ([1.0, 2.0, 3.0, 4.0], [1.0, 0.0, 1.0, 1.0]);
/// let (a, b) = (Mat::new(&a, 2, 2), Mat::new(&b, 2, 2));
/// let mut c = [f64::NAN; 4];
/// product(MatMut::new(&mut c, 2, 2), Accum::Set, a.t(), b);
/// assert_eq!(c, [1.0, 3.0, 3.0, 7.0]);
/// product(MatMut::new(&mut c, 2, 2), Onto::Column(&[10.0, 20.0]), a, b);
/// assert_eq!(c, [11.0, 22.0, 14.0, 26.0]);
/// ```
#[inline(always)]
pub fn product<'a, T: Real>(
    mut c: MatMut<'_, T>,
    onto: impl Into<Onto<'a, T>>,
    a: impl Into<Factor<'a, T>>,
    b: impl Into<Factor<'a, T>>,
) {
    let (onto, a, b) = (onto.into(), a.into(), b.into());
    check(&c, &onto, &a, &b);
    let (m, k) = a.shape();
    if m * k <= T::PLAIN && m * k * c.ncols() < SHARED_FROM {
        // Here and not behind a call: writing the views down to pass them on takes as long as the smallest products.
        return plain(c.rb_mut(), onto, a, b);
    }
    T::product(c, onto, a.afresh(), b.afresh());
}

#[inline(always)]
fn check<T>(c: &MatMut<'_, T>, onto: &Onto<'_, T>, a: &Factor<'_, T>, b: &Factor<'_, T>) {
    let ((m, k), (k_b, n)) = (a.shape(), b.shape());
    assert!(
        (c.nrows(), c.ncols(), k) == (m, n, k_b),
        "product of {m} x {k} by {k_b} x {n} into {} x {}",
        c.nrows(),
        c.ncols()
    );
    if let Onto::Column(column) = onto {
        assert!(
            column.len() == m,
            "a column of {} onto {m} rows",
            column.len()
        );
    }
}

/// Multiply-adds from which a product is shared with the team: below, the hand-off costs more than it saves (measured
/// with the example `gradient` of `pushpull-bench` on two threads).
const SHARED_FROM: usize = 1 << 17;

/// The cost of a product of m x k by k x n duals, added onto something or not: three products of their planes and a sum,
/// or two operations of a dual an entry where no kernel is called.
pub const fn dual_product_cost(m: usize, k: usize, n: usize, onto: bool) -> Cost {
    let entries = m.saturating_mul(n);
    let onto = if onto { 2 } else { 0 };
    let summed = if m.saturating_mul(k) <= PLAIN_LIMIT {
        0
    } else {
        1
    };
    let added = entries.saturating_mul(onto + summed);
    Cost::flops(
        entries
            .saturating_mul(k)
            .saturating_mul(6)
            .saturating_add(added),
    )
}

impl<T: Real> Product for Dual<T> {
    const PLAIN: usize = PLAIN_LIMIT;

    fn product(
        c: MatMut<'_, Self>,
        onto: Onto<'_, Self>,
        a: Factor<'_, Self>,
        b: Factor<'_, Self>,
    ) {
        T::with_planes(|planes| planes::product(planes, c, onto, a, b));
    }
}

impl<T: Real> Product for Counted<T> {
    fn product(
        c: MatMut<'_, Self>,
        onto: Onto<'_, Self>,
        a: Factor<'_, Self>,
        b: Factor<'_, Self>,
    ) {
        plain::by_definition(c, onto, a, b);
    }
}

impl Product for Rounded {
    fn product(
        mut c: MatMut<'_, Self>,
        onto: Onto<'_, Self>,
        a: Factor<'_, Self>,
        b: Factor<'_, Self>,
    ) {
        let (m, k) = a.shape();
        let ((a_row, a_col), (b_row, b_col)) = (a.steps(), b.steps());
        let (a, b) = (a.mat.data(), b.mat.data());
        for j in 0..c.ncols() {
            for (i, c) in c.col_mut(j)[..m].iter_mut().enumerate() {
                let pairs = (0..k).map(|l| (a[i * a_row + l * a_col], b[l * b_row + j * b_col]));
                let start = match onto {
                    Onto::Zero => None,
                    Onto::Itself => Some(*c),
                    Onto::Column(column) => Some(column[i]),
                };
                *c = Self::sum_of_products(start, pairs);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Factor, Kernel, Native, Onto, product, product_by};
    use crate::{Accum, Cost, Counted, Dual, Mat, MatMut, Real, count};

    /// Numbers without a pattern that a wrong index could survive.
    fn numbers<T: Real>(n: usize, seed: f64) -> Vec<T> {
        (0..n)
            .map(|i| T::from_f64((seed + 1.7 * i as f64).sin()))
            .collect()
    }

    fn agree<T: Real>(m: usize, k: usize, n: usize, tolerance: f64) {
        for (a_t, b_t) in [(false, false), (true, false), (false, true)] {
            let ((ar, ac), (br, bc)) = (
                if a_t { (k, m) } else { (m, k) },
                if b_t { (n, k) } else { (k, n) },
            );
            // Strides longer than the columns, so that gaps count.
            let (a, b) = (
                numbers::<T>((ar + 1) * ac, 0.3),
                numbers::<T>((br + 2) * bc, 0.9),
            );
            let (a, b) = (
                Mat::with_stride(&a, ar, ac, ar + 1),
                Mat::with_stride(&b, br, bc, br + 2),
            );
            let start = numbers::<T>((m + 3) * n, 0.1);
            for acc in [Accum::Set, Accum::Add] {
                let mut c = start.clone();
                let target = MatMut::with_stride(&mut c, m, n, m + 3);
                match (a_t, b_t) {
                    (false, false) => product(target, acc, a, b),
                    (true, _) => product(target, acc, a.t(), b),
                    (_, true) => product(target, acc, a, b.t()),
                }
                for j in 0..n {
                    for i in 0..m {
                        let entry = |l| {
                            let a = if a_t { a.get(l, i) } else { a.get(i, l) };
                            let b = if b_t { b.get(j, l) } else { b.get(l, j) };
                            a.to_f64() * b.to_f64()
                        };
                        let before = if acc == Accum::Add {
                            start[j * (m + 3) + i].to_f64()
                        } else {
                            0.0
                        };
                        let expected = before + (0..k).map(entry).sum::<f64>();
                        let got = c[j * (m + 3) + i].to_f64();
                        assert!(
                            (got - expected).abs() <= tolerance * k as f64,
                            "({i}, {j}): {got} for {expected}"
                        );
                    }
                    let gap = j * (m + 3) + m..((j + 1) * (m + 3));
                    assert_eq!(c[gap.clone()], start[gap], "the gap after column {j}");
                }
            }
        }
    }

    #[test]
    fn every_scalar_multiplies_like_the_definition() {
        for (m, k, n) in [
            (1, 1, 1),
            (2, 3, 4),
            (5, 1, 9),
            (17, 33, 8),
            (40, 7, 1),
            (1, 50, 3),
        ] {
            agree::<f32>(m, k, n, 1e-6);
            agree::<f64>(m, k, n, 1e-15);
            agree::<Counted<f64>>(m, k, n, 1e-15);
            agree::<Dual<f64>>(m, k, n, 1e-15);
        }
    }

    #[test]
    fn every_kernel_multiplies_like_the_definition_and_a_column_does_not_see_its_neighbours() {
        fn check<T: Native>(tolerance: f64) {
            // Around the edges of vectors and of the cuts of large products.
            for (m, k, n) in [
                (1, 3, 5),
                (7, 2, 3),
                (16, 16, 32),
                (17, 5, 13),
                (35, 193, 9),
                (129, 70, 31),
                (10, 400, 261),
                (300, 900, 12),
                (20, 0, 5),
                (50, 1030, 27),
                (210, 20, 1050),
            ] {
                let (w, x) = (numbers::<T>(m * k, 0.3), numbers::<T>(k * n, 0.9));
                let (w_t, x_t) = (
                    Mat::new(&w, m, k).to_dmatrix().transpose(),
                    Mat::new(&x, k, n).to_dmatrix().transpose(),
                );
                let bias = numbers::<T>(m, 0.5);
                let lefts = [Factor::from(Mat::new(&w, m, k)), Mat::from(&w_t).t()];
                let rights = [Factor::from(Mat::new(&x, k, n)), Mat::from(&x_t).t()];
                for (a, b) in [
                    (lefts[0], rights[0]),
                    (lefts[1], rights[0]),
                    (lefts[0], rights[1]),
                    (lefts[1], rights[1]),
                ] {
                    let mut expected = vec![T::zero(); m * n];
                    let onto = Onto::Column(&bias);
                    product_by(Kernel::Plain, MatMut::new(&mut expected, m, n), onto, a, b);
                    for kernel in Kernel::ALL {
                        let mut c = vec![T::zero(); m * n];
                        product_by(kernel, MatMut::new(&mut c, m, n), onto, a, b);
                        for (c, expected) in c.iter().zip(&expected) {
                            let error = (c.to_f64() - expected.to_f64()).abs();
                            assert!(error <= tolerance * k as f64, "{kernel:?}, {m} x {k} x {n}");
                        }
                        // Never one column: the library then takes another way.
                        for columns in [0..2, n / 2..n, n - 2..n] {
                            let part = if b.transposed {
                                b.mat.rows(columns.clone()).t()
                            } else {
                                b.mat.cols(columns.clone()).into()
                            };
                            let mut alone = vec![T::zero(); m * columns.len()];
                            let target = MatMut::new(&mut alone, m, columns.len());
                            product_by(kernel, target, onto, a, part);
                            assert_eq!(alone, c[m * columns.start..m * columns.end]);
                        }
                    }
                }
            }
        }
        check::<f32>(1e-6);
        check::<f64>(1e-15);
    }

    #[test]
    fn the_product_of_duals_follows_the_product_rule() {
        let (m, k, n) = (9, 8, 7);
        let dual = |seed: f64, len: usize| -> Vec<Dual<f64>> {
            let pairs = numbers::<f64>(len, seed)
                .into_iter()
                .zip(numbers::<f64>(len, seed + 0.5));
            pairs
                .map(|(value, derivative)| Dual { value, derivative })
                .collect()
        };
        let (a, b) = (dual(0.2, m * k), dual(0.8, k * n));
        let mut c = vec![Dual::new(f64::NAN, f64::NAN); m * n];
        product(
            MatMut::new(&mut c, m, n),
            Accum::Set,
            Mat::new(&a, m, k),
            Mat::new(&b, k, n),
        );
        for j in 0..n {
            for i in 0..m {
                let expected = (0..k).fold(Dual::constant(0.0), |sum, l| {
                    sum + a[l * m + i] * b[j * k + l]
                });
                assert!((c[j * m + i].derivative - expected.derivative).abs() < 1e-14);
            }
        }
    }

    #[test]
    fn a_product_counts_two_flops_a_term_and_one_an_addition() {
        let (a, b) = (numbers::<Counted<f64>>(6, 0.0), numbers(12, 1.0));
        let mut c = vec![Counted(0.0); 8];
        let mut run = |acc| {
            count(|| {
                product(
                    MatMut::new(&mut c, 2, 4),
                    acc,
                    Mat::new(&a, 2, 3),
                    Mat::new(&b, 3, 4),
                )
            })
            .1
        };
        assert_eq!(run(Accum::Set), Cost::product(2, 3, 4));
        assert_eq!(run(Accum::Add), Cost::product(2, 3, 4) + Cost::flops(2 * 4));
    }
}
