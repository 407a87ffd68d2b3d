//! Which kernel computes a product of `f32` or `f64`.

use std::cell::RefCell;

use super::lent::lent;
#[cfg(target_arch = "x86_64")]
use super::panels;
use super::plain::plain;
use super::{Factor, Onto, Product, SHARED_FROM, check, library, long};
use crate::MatMut;
#[cfg(not(target_arch = "x86_64"))]
use crate::Real;
use crate::team::by_columns;

/// [`Product::PLAIN`] of the numbers that kernels know, and of duals of them.
pub(super) const PLAIN_LIMIT: usize = 8;

/// What computes a product of `f32` or `f64`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kernel {
    /// Three loops.
    Plain,
    /// The GEMM library.
    Library,
    /// Packed panels of our own; the library where the processor has neither AVX-512 nor AVX2.
    Panels,
}

impl Kernel {
    /// Every kernel.
    pub const ALL: [Self; 3] = [Self::Plain, Self::Library, Self::Panels];

    /// The kernel for a product of `rows` x `depth` by `depth` x `columns`. The number of threads has no say: a product
    /// that is shared keeps the kernel of the whole, and so its bits.
    pub fn of(rows: usize, depth: usize, columns: usize) -> Self {
        if rows.saturating_mul(depth) <= PLAIN_LIMIT {
            return Self::Plain;
        }
        #[cfg(target_arch = "x86_64")]
        if panels::fits(rows, depth, columns) {
            return Self::Panels;
        }
        // Whose panels there are decides on the columns.
        #[cfg(not(target_arch = "x86_64"))]
        let _ = columns;
        Self::Library
    }
}

/// A scalar that kernels know: `f32` or `f64`.
#[cfg(target_arch = "x86_64")]
pub trait Native: panels::Panelled {}

/// A scalar that kernels know: `f32` or `f64`.
#[cfg(not(target_arch = "x86_64"))]
pub trait Native: Real + faer::traits::ComplexField {}

impl Native for f32 {}
impl Native for f64 {}

/// [`product`](super::product) by a kernel of one's choice, to compare them.
///
/// # Panics
/// As [`product`](super::product).
///
/// ```
/// use pushpull_core::{Accum, Mat, MatMut, linalg::{Kernel, product_by}};
/// for kernel in Kernel::ALL {
///     let mut c = [0.0_f32];
///     product_by(kernel, MatMut::new(&mut c, 1, 1), Accum::Set, Mat::new(&[2.0, 3.0], 1, 2), Mat::new(&[5.0, 7.0], 2, 1));
///     assert_eq!(c, [31.0]);
/// }
/// ```
pub fn product_by<'a, T: Native>(
    kernel: Kernel,
    c: MatMut<'_, T>,
    onto: impl Into<Onto<'a, T>>,
    a: impl Into<Factor<'a, T>>,
    b: impl Into<Factor<'a, T>>,
) {
    let (onto, a, b) = (onto.into(), a.into(), b.into());
    check(&c, &onto, &a, &b);
    by_kernel(kernel, c, onto, a, b);
}

pub(super) fn by_kernel<T: Native>(
    kernel: Kernel,
    c: MatMut<'_, T>,
    onto: Onto<'_, T>,
    a: Factor<'_, T>,
    b: Factor<'_, T>,
) {
    match kernel {
        Kernel::Plain => plain(c, onto, a, b),
        // A WebAssembly module is small first: there the library brings a hundred kilobytes and no vectors.
        _ if cfg!(target_family = "wasm") => plain(c, onto, a, b),
        Kernel::Library => library::product(c, onto, a, b),
        #[cfg(target_arch = "x86_64")]
        Kernel::Panels => panels::product(c, onto, a, b),
        #[cfg(not(target_arch = "x86_64"))]
        Kernel::Panels => library::product(c, onto, a, b),
    }
}

macro_rules! product_by_kernel {
    ($t:ident) => {
        impl Product for $t {
            const PLAIN: usize = PLAIN_LIMIT;

            fn product(
                c: MatMut<'_, Self>,
                onto: Onto<'_, Self>,
                a: Factor<'_, Self>,
                b: Factor<'_, Self>,
            ) {
                let ((m, k), n) = (a.shape(), c.ncols());
                let (kernel, long) = (Kernel::of(m, k, n), long::fits(k, &b));
                let alone = |c: MatMut<'_, Self>, b: Factor<'_, Self>| {
                    if long {
                        long::product(c, onto, a, b);
                    } else {
                        by_kernel(kernel, c, onto, a, b);
                    }
                };
                let few = a.transposed && m < library::FEW;
                if few || n * m * k < SHARED_FROM {
                    return alone(c, b);
                }
                by_columns([c], &|columns, [c]| alone(c, b.cols(columns)));
            }

            fn with_planes<R>(lend: impl FnOnce(&mut Vec<Self>) -> R) -> R {
                thread_local! {
                    // Grows to the largest product of duals on this thread and stays: the kernel's buffer, not the
                    // engine's.
                    static PLANES: RefCell<Vec<$t>> = const { RefCell::new(Vec::new()) };
                }
                lent(&PLANES, lend)
            }

            fn with_partials<R>(lend: impl FnOnce(&mut Vec<Self>) -> R) -> R {
                thread_local! {
                    // Grows to the largest long product on this thread and stays: the kernel's buffer as well.
                    static PARTIALS: RefCell<Vec<$t>> = const { RefCell::new(Vec::new()) };
                }
                lent(&PARTIALS, lend)
            }
        }
    };
}

product_by_kernel!(f32);
product_by_kernel!(f64);
