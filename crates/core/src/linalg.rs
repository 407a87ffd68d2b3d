//! Matrix products and the few sums that go with them: the only file that calls a GEMM kernel.
//!
//! A product of m x k by k x n costs 2 m k n flops; adding it to what is there costs m n more.

use std::cell::RefCell;
use std::ops::Range;

use faer::linalg::matmul::matmul;
use faer::{MatMut as FaerMut, MatRef as FaerRef, Par};

pub use crate::finite::first_not_finite;
use crate::team::by_columns;
use crate::{Accum, Counted, Dual, Mat, MatMut, Real};

/// A factor of a product: a matrix, as it is or transposed.
#[derive(Clone, Copy, Debug)]
pub struct Factor<'a, T> {
    mat: Mat<'a, T>,
    transposed: bool,
}

impl<'a, T> Mat<'a, T> {
    /// This matrix, transposed, as a factor of a product.
    pub const fn t(self) -> Factor<'a, T> {
        Factor {
            mat: self,
            transposed: true,
        }
    }
}

impl<'a, T> From<Mat<'a, T>> for Factor<'a, T> {
    fn from(mat: Mat<'a, T>) -> Self {
        Self {
            mat,
            transposed: false,
        }
    }
}

impl<T> Factor<'_, T> {
    /// (rows, columns) as the product sees them.
    const fn shape(&self) -> (usize, usize) {
        if self.transposed {
            (self.mat.ncols(), self.mat.nrows())
        } else {
            (self.mat.nrows(), self.mat.ncols())
        }
    }

    /// The columns of a range, as the product sees them.
    fn cols(self, range: Range<usize>) -> Self {
        let mat = if self.transposed {
            self.mat.rows(range)
        } else {
            self.mat.cols(range)
        };
        Self { mat, ..self }
    }

    /// (distance between rows, distance between columns).
    const fn steps(&self) -> (usize, usize) {
        if self.transposed {
            (self.mat.stride(), 1)
        } else {
            (1, self.mat.stride())
        }
    }
}

/// How a scalar multiplies matrices; see [`product`].
pub trait Product: Sized {
    /// `c (+)= a b`, shapes already checked.
    fn product(c: MatMut<'_, Self>, acc: Accum, a: Factor<'_, Self>, b: Factor<'_, Self>);

    /// Lends the buffer in which a product of duals splits its factors into planes of this scalar.
    fn with_planes<R>(lend: impl FnOnce(&mut Vec<Self>) -> R) -> R {
        lend(&mut Vec::new())
    }
}

/// `c = a b` or `c += a b`.
///
/// # Panics
/// If the shapes do not fit; a block declares its shapes, and the graph checks them before anything runs.
///
/// ```
/// use pushpull_core::{Accum, Mat, MatMut, linalg};
/// let (a, b) = ([1.0, 2.0, 3.0, 4.0], [1.0, 0.0, 1.0, 1.0]);
/// let mut c = [f64::NAN; 4];
/// linalg::product(MatMut::new(&mut c, 2, 2), Accum::Set, Mat::new(&a, 2, 2).t(), Mat::new(&b, 2, 2));
/// assert_eq!(c, [1.0, 3.0, 3.0, 7.0]);
/// ```
#[inline]
pub fn product<'a, T: Real>(
    c: MatMut<'_, T>,
    acc: Accum,
    a: impl Into<Factor<'a, T>>,
    b: impl Into<Factor<'a, T>>,
) {
    let (a, b) = (a.into(), b.into());
    let ((m, k), (k_b, n)) = (a.shape(), b.shape());
    assert!(
        (c.nrows(), c.ncols(), k) == (m, n, k_b),
        "product of {m} x {k} by {k_b} x {n} into {} x {}",
        c.nrows(),
        c.ncols()
    );
    T::product(c, acc, a, b);
}

/// Products with at most this many multiply-adds are plain loops: below it a kernel's packing costs more than the
/// arithmetic (measured with `cargo bench --bench kernels`).
const PLAIN_LIMIT: usize = 64;

/// Multiply-adds from which a product is shared with the team: below, the hand-off costs more than it saves (measured
/// with the example `gradient` of `pushpull-bench` on two threads).
const SHARED_FROM: usize = 1 << 17;

fn faer_view<'a, T>(factor: Factor<'a, T>) -> FaerRef<'a, T, usize, usize, isize, isize> {
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

fn native<T: Real + faer::traits::ComplexField>(
    mut c: MatMut<'_, T>,
    acc: Accum,
    a: Factor<'_, T>,
    b: Factor<'_, T>,
) {
    let ((m, k), n) = (a.shape(), c.ncols());
    if m * k * n <= PLAIN_LIMIT {
        return plain(c, acc, a, b);
    }
    let stride = c.stride();
    let target = FaerMut::from_column_major_slice_with_stride_mut(c.data_mut(), m, n, stride);
    let beta = match acc {
        Accum::Set => faer::Accum::Replace,
        Accum::Add => faer::Accum::Add,
    };
    matmul(target, beta, faer_view(a), faer_view(b), T::one(), Par::Seq);
}

/// The definition of a product, for scalars that no kernel knows and for products too small for one.
fn plain<T: Real>(mut c: MatMut<'_, T>, acc: Accum, a: Factor<'_, T>, b: Factor<'_, T>) {
    let (m, k) = a.shape();
    let ((a_row, a_col), (b_row, b_col)) = (a.steps(), b.steps());
    let (a, b) = (a.mat.data(), b.mat.data());
    for j in 0..c.ncols() {
        for (i, c) in c.col_mut(j)[..m].iter_mut().enumerate() {
            let mut sum = T::zero();
            for l in 0..k {
                sum = a[i * a_row + l * a_col].mul_add(b[l * b_row + j * b_col], sum);
            }
            match acc {
                Accum::Set => *c = sum,
                Accum::Add => *c += sum,
            }
        }
    }
}

macro_rules! product_by_kernel {
    ($t:ident) => {
        impl Product for $t {
            fn product(c: MatMut<'_, Self>, acc: Accum, a: Factor<'_, Self>, b: Factor<'_, Self>) {
                if c.ncols() * a.shape().0 * a.shape().1 < SHARED_FROM {
                    return native(c, acc, a, b);
                }
                by_columns(c, |columns, c| native(c, acc, a, b.cols(columns)));
            }

            fn with_planes<R>(lend: impl FnOnce(&mut Vec<Self>) -> R) -> R {
                thread_local! {
                    // Grows to the largest product of duals on this thread and stays: the kernel's buffer, not the
                    // engine's.
                    static PLANES: RefCell<Vec<$t>> = const { RefCell::new(Vec::new()) };
                }
                PLANES.with_borrow_mut(lend)
            }
        }
    };
}

product_by_kernel!(f32);
product_by_kernel!(f64);

impl<T: Real> Product for Dual<T> {
    fn product(c: MatMut<'_, Self>, acc: Accum, a: Factor<'_, Self>, b: Factor<'_, Self>) {
        T::with_planes(|planes| by_planes(planes, c, acc, a, b));
    }
}

impl<T: Real> Product for Counted<T> {
    fn product(c: MatMut<'_, Self>, acc: Accum, a: Factor<'_, Self>, b: Factor<'_, Self>) {
        plain(c, acc, a, b);
    }
}

/// (A + A' e)(B + B' e) = A B + (A' B + A B') e: three products of real matrices, each at the kernel's speed, after
/// splitting the duals into planes.
fn by_planes<T: Real>(
    planes: &mut Vec<T>,
    mut c: MatMut<'_, Dual<T>>,
    acc: Accum,
    a: Factor<'_, Dual<T>>,
    b: Factor<'_, Dual<T>>,
) {
    let ((m, k), n) = (a.shape(), c.ncols());
    if m * k * n <= PLAIN_LIMIT {
        return plain(c, acc, a, b);
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
    T::product(MatMut::new(c_value, m, n), Accum::Set, a0, b0);
    T::product(MatMut::new(c_slope, m, n), Accum::Set, a1, b0);
    T::product(MatMut::new(c_slope, m, n), Accum::Add, a0, b1);
    for (j, (value, slope)) in c_value
        .chunks_exact(m)
        .zip(c_slope.chunks_exact(m))
        .enumerate()
    {
        for ((c, &value), &slope) in c.col_mut(j).iter_mut().zip(value).zip(slope) {
            match acc {
                Accum::Set => *c = Dual::new(value, slope),
                Accum::Add => *c += Dual::new(value, slope),
            }
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

/// `y[:, j] += bias` for every column: one flop an entry.
pub fn add_to_columns<T: Real>(y: &mut MatMut<'_, T>, bias: &[T]) {
    for j in 0..y.ncols() {
        for (y, &bias) in y.col_mut(j).iter_mut().zip(bias) {
            *y += bias;
        }
    }
}

/// `sums (+)= y 1`, the sum of each row: one flop an entry.
pub fn row_sums<T: Real>(y: Mat<'_, T>, acc: Accum, sums: &mut [T]) {
    if acc == Accum::Set {
        sums.fill(T::zero());
    }
    for column in y.columns() {
        for (sum, &y) in sums.iter_mut().zip(column) {
            *sum += y;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::product;
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
