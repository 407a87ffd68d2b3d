//! What a computation costs, in exact counts.

use std::iter::Sum;
use std::ops::{Add, AddAssign, Mul};

/// Counted work: `+ - * /` are one flop each, a fused multiply-add two, a sum of k products 2k, negation, absolute
/// value, comparison and copying none; elementary functions are counted apart, as calls.
///
/// ```
/// use pushpull_core::Cost;
/// let product = Cost::flops(2 * 3 * 4);
/// assert_eq!(product + Cost::calls(3) * 2, Cost { flops: 24, calls: 6 });
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Cost {
    /// Floating-point operations.
    pub flops: u64,
    /// Calls of elementary functions (exp, ln, tanh, sqrt, ...).
    pub calls: u64,
}

impl Cost {
    /// No work.
    pub const ZERO: Self = Self { flops: 0, calls: 0 };

    /// Only flops.
    pub const fn flops(n: usize) -> Self {
        Self {
            flops: n as u64,
            calls: 0,
        }
    }

    /// Only calls.
    pub const fn calls(n: usize) -> Self {
        Self {
            flops: 0,
            calls: n as u64,
        }
    }

    /// A product of m x k by k x n: 2 m k n.
    pub const fn product(m: usize, k: usize, n: usize) -> Self {
        Self::flops(2 * m * k * n)
    }
}

impl Add for Cost {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self {
            flops: self.flops + other.flops,
            calls: self.calls + other.calls,
        }
    }
}

impl AddAssign for Cost {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Mul<usize> for Cost {
    type Output = Self;
    fn mul(self, n: usize) -> Self {
        Self {
            flops: self.flops * n as u64,
            calls: self.calls * n as u64,
        }
    }
}

impl Sum for Cost {
    fn sum<I: Iterator<Item = Self>>(costs: I) -> Self {
        costs.fold(Self::ZERO, Add::add)
    }
}
