//! Softmax, and what its logarithm and its cross-entropy share with it.

use super::chain;
use crate::blocks::any_width::{all, any_width};
pub(super) use crate::linalg::dot;
use crate::linalg::total;
use crate::planes::{Cotangents, DotPoint, PlanesMut};
use crate::vector::{Single, singles};
use crate::{Block, Cost, Dims, InPlace, Keeps, Mat, MatMut, Op, Point, Real, SecondOrder, Spec};

/// The row of the largest entry, the first of equals; of the first NaN if there is one.
pub(super) fn largest<T: Real>(z: &[T]) -> usize {
    let nan = z.iter().position(|z| z.is_nan());
    nan.unwrap_or_else(|| largest_number(z))
}

/// The row of the largest entry, the first of equals, where any will do if one is NaN: sums of exponentials are then NaN.
pub(super) fn largest_number<T: Real>(z: &[T]) -> usize {
    let Some(&first) = z.first() else { return 0 };
    let mut best = (0, first);
    for (i, &z) in z.iter().enumerate() {
        if z > best.1 {
            best = (i, z);
        }
    }
    best.0
}

/// y = e^y
pub(super) struct Exponential;

impl<T: Real> Single<T> for Exponential {
    #[inline(always)]
    fn at(&self, y: &mut T) {
        *y = y.exp();
    }
}

/// What is left of the largest entry less itself: 0, NaN of NaN.
#[inline(always)]
pub(super) fn zero_at<T: Real>(max: T) -> T {
    if max.is_nan() { max } else { T::zero() }
}

/// Subtracts the largest entry from all and returns its row, where exactly 0 is left: n - 1 flops. Then no exponential
/// overflows, and leaving out that row's 1 lets `ln_1p` see sums far below it.
pub(super) fn shift<T: Real>(z: &mut [T]) -> usize {
    let at = largest_number(z);
    let max = z[at];
    for (i, entry) in z.iter_mut().enumerate() {
        if i == at {
            *entry = zero_at(max);
        } else {
            *entry -= max;
        }
    }
    at
}

/// Subtracts a seed's entry at the largest p from all its entries: n flops. Neither `seed - <p, seed>` nor what it is
/// multiplied by changes, but next to a p of nearly 1 its digits are no longer lost.
pub(super) fn relative_to_largest<T: Real>(p: &[T], seed: &mut [T]) {
    let at = largest_number(p);
    let Some(&pivot) = seed.get(at) else {
        return;
    };
    seed.iter_mut().for_each(|seed| *seed -= pivot);
    // Of an infinite one, too, nothing is left.
    seed[at] = zero_at(pivot);
}

/// `p * (seed - <p, seed>)`, the softmax's Jacobian times a seed: 5n flops.
pub(super) fn times_jacobian<T: Real>(p: &[T], seed: &mut [T]) {
    relative_to_largest(p, seed);
    let inner = dot(p, seed);
    for (seed, &p) in seed.iter_mut().zip(p) {
        *seed = chain(p, *seed - inner);
    }
}

/// `y_i = e^(x_i) / sum_k e^(x_k)`, stable for every finite x. No parameters; the Jacobian `diag(y) - y y'` is
/// symmetric and needs y alone, so the block runs in place.
///
/// With n rows, B samples, S seeds:
///
/// | map | formula | flops | calls |
/// |---|---|---|---|
/// | forward | `y = e^(x - max) / sum` | `(3n - 2) B` | `nB` |
/// | jvp_input | `y_dot = y * (x_dot - <y, x_dot>)` | `5nBS` | 0 |
/// | vjp_input | `x_bar = y * (y_bar - <y, y_bar>)` | `5nBS` | 0 |
///
/// A record keeps y, `nB` numbers. No scratch memory.
///
/// ```
/// use pushpull_core::{Block, Mat, MatMut, blocks::Softmax};
/// let mut y = [0.0; 2];
/// Softmax::new(2).forward(&[], Mat::new(&[1e3, -1e3], 2, 1), MatMut::new(&mut y, 2, 1), &mut []);
/// assert_eq!(y, [1.0, 0.0]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Softmax {
    n: usize,
}

any_width!(Softmax, |rows| Softmax::new(all(rows)));

impl Softmax {
    /// The softmax of `n` rows.
    pub const fn new(n: usize) -> Self {
        Self { n }
    }

    /// The symmetric Jacobian times every seed, over the seeds.
    fn times_jacobian<T: Real>(&self, at: &Point<'_, T>, mut seeds: MatMut<'_, T>) {
        for column in 0..seeds.ncols() {
            times_jacobian(at.y_of(column), seeds.col_mut(column));
        }
    }
}

impl Spec for Softmax {
    fn name(&self) -> &str {
        "softmax"
    }

    fn dims(&self) -> Dims {
        Dims {
            n_in: self.n,
            n_out: self.n,
            n_params: 0,
        }
    }

    fn keeps(&self) -> Keeps {
        Keeps::Y
    }

    fn cost(&self, op: Op, batch: usize, seeds: usize) -> Option<Cost> {
        Some(match op {
            Op::Forward => (forward_cost(self.n) + Cost::calls(self.n)) * batch,
            Op::JvpInput | Op::VjpInput => Cost::flops(5 * self.n * batch * seeds),
            _ => Cost::ZERO,
        })
    }
}

/// Shifts, the sum of the exponentials, one operation an entry; without the exponentials.
pub(super) fn forward_cost(n: usize) -> Cost {
    Cost::flops(2 * n.saturating_sub(1) + n)
}

impl<T: Real> Block<T> for Softmax {
    fn forward(&self, _: &[T], x: Mat<'_, T>, mut y: MatMut<'_, T>, _: &mut [T]) {
        y.copy_from(x);
        self.forward_in_place(&[], y, &mut []);
    }

    fn jvp_input(
        &self,
        at: &Point<'_, T>,
        x_dot: Mat<'_, T>,
        mut y_dot: MatMut<'_, T>,
        _: &mut [T],
    ) {
        y_dot.copy_from(x_dot);
        self.times_jacobian(at, y_dot);
    }

    fn vjp_input(
        &self,
        at: &Point<'_, T>,
        y_bar: Mat<'_, T>,
        mut x_bar: MatMut<'_, T>,
        _: &mut [T],
    ) {
        x_bar.copy_from(y_bar);
        self.times_jacobian(at, x_bar);
    }

    fn in_place(&self) -> Option<&dyn InPlace<T>> {
        Some(self)
    }

    fn second(&self) -> Option<&dyn SecondOrder<T>> {
        Some(self)
    }
}

impl<T: Real> InPlace<T> for Softmax {
    fn forward_in_place(&self, _: &[T], mut xy: MatMut<'_, T>, _: &mut [T]) {
        for j in 0..xy.ncols() {
            shift(xy.col_mut(j));
        }
        singles(xy.rb_mut(), Exponential);
        for j in 0..xy.ncols() {
            let column = xy.col_mut(j);
            let sum = total(column.len(), |i| column[i]);
            column.iter_mut().for_each(|entry| *entry /= sum);
        }
    }

    fn jvp_input_in_place(&self, at: &Point<'_, T>, dot: MatMut<'_, T>, _: &mut [T]) {
        self.times_jacobian(at, dot);
    }

    fn vjp_input_in_place(&self, at: &Point<'_, T>, bar: MatMut<'_, T>, _: &mut [T]) {
        self.times_jacobian(at, bar);
    }
}

impl<T: Real> SecondOrder<T> for Softmax {
    /// With `v = y_bar - <y, y_bar>`: `x_bar = y * v`, `x_bar_dot = y * v_dot + y_dot * v`.
    fn vjp_input_dot(
        &self,
        at: &DotPoint<'_, T>,
        y_bar: Cotangents<'_, T>,
        x_bar: PlanesMut<'_, T>,
        _: &mut [T],
    ) {
        let (mut value, mut dots) = x_bar.split();
        value.copy_from(y_bar.value());
        dots.copy_from(y_bar.dot());
        self.times_jacobian(&at.point(), value.rb_mut());
        self.times_jacobian(&at.point(), dots.rb_mut());
        let Some(y_dot) = at.y.dot else { return };
        for j in 0..at.batch {
            let (y, y_dot, y_bar) = (at.y.value.col(j), y_dot.col(j), y_bar.value().col(j));
            // As in `relative_to_largest`; the entries of y_dot sum to 0.
            let pivot = y_bar
                .get(largest_number(y))
                .copied()
                .unwrap_or_else(T::zero);
            let mean = total(y.len(), |i| chain(y[i], y_bar[i] - pivot));
            let drift = total(y.len(), |i| chain(y_dot[i], y_bar[i] - pivot));
            let entries = dots
                .col_mut(j)
                .iter_mut()
                .zip(y.iter().zip(y_dot))
                .zip(y_bar);
            for ((x_bar_dot, (&y, &y_dot)), &y_bar) in entries {
                *x_bar_dot += chain(y_dot, y_bar - pivot - mean) - chain(y, drift);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Softmax;
    use crate::blocks::LogSoftmax;
    use crate::{Block, Dual, Mat, MatMut, Point};

    const EDGES: [[f64; 3]; 4] = [
        [1e3, -1e3, 0.0],
        [-1e3, -1e3, -1e3],
        [1e3, 1e3, 1e3 - 1.0],
        [7.0, 7.0, 7.0],
    ];

    fn run(block: &impl Block<f64>, x: [f64; 3]) -> ([f64; 3], [f64; 3]) {
        let (mut y, mut x_bar) = ([f64::NAN; 3], [f64::NAN; 3]);
        block.forward(&[], Mat::new(&x, 3, 1), MatMut::new(&mut y, 3, 1), &mut []);
        let at = Point {
            params: &[],
            x: Mat::empty(),
            y: Mat::new(&y, 3, 1),
            extra: &[],
            batch: 1,
        };
        let target = MatMut::new(&mut x_bar, 3, 1);
        block.vjp_input(
            &at,
            Mat::new(&[1.0, 0.5, -2.0], 3, 1),
            target,
            &mut [0.0; 3],
        );
        (y, x_bar)
    }

    #[test]
    fn far_and_equal_logits_give_finite_and_accurate_values_and_derivatives() {
        for x in EDGES {
            let (p, p_bar) = run(&Softmax::new(3), x);
            let (log_p, log_p_bar) = run(&LogSoftmax::new(3), x);
            assert!((p.iter().sum::<f64>() - 1.0).abs() < 1e-15);
            for i in 0..3 {
                assert!((log_p[i].exp() - p[i]).abs() < 1e-15);
                assert!(p_bar[i].is_finite() && log_p_bar[i].is_finite());
            }
            // Both ignore a common shift, so their cotangents have no component along it.
            assert!(p_bar.iter().sum::<f64>().abs() < 1e-15);
            assert!(log_p_bar.iter().sum::<f64>().abs() < 1e-15);
        }
        assert_eq!(run(&LogSoftmax::new(3), EDGES[0]).0, [0.0, -2e3, -1e3]);
    }

    /// `y (1 - y)` of a y next to 1.
    #[test]
    fn a_sure_class_keeps_its_slope() {
        let (x, q) = ([40.0, 0.0], (-40f64).exp());
        for (log, own) in [(false, q), (true, q)] {
            let (mut y, mut y_dot, mut x_bar) = ([0.0; 2], [0.0; 2], [0.0; 2]);
            let block: &dyn Block<f64> = if log {
                &LogSoftmax::new(2)
            } else {
                &Softmax::new(2)
            };
            block.forward(&[], Mat::new(&x, 2, 1), MatMut::new(&mut y, 2, 1), &mut []);
            let at = Point {
                params: &[],
                x: Mat::empty(),
                y: Mat::new(&y, 2, 1),
                extra: &[],
                batch: 1,
            };
            let unit = Mat::new(&[1.0, 0.0], 2, 1);
            block.jvp_input(&at, unit, MatMut::new(&mut y_dot, 2, 1), &mut [0.0; 2]);
            block.vjp_input(&at, unit, MatMut::new(&mut x_bar, 2, 1), &mut [0.0; 2]);
            for got in [y_dot[0], x_bar[0]] {
                assert!(
                    (got / own - 1.0).abs() < 1e-14,
                    "log: {log}, {got:e} for {own:e}"
                );
            }
        }
    }

    #[test]
    fn ties_keep_their_derivative_at_dual_numbers() {
        let x = [1.0, 0.0, 0.0].map(|slope| Dual::new(7.0, slope));
        let mut y = [Dual::constant(f64::NAN); 3];
        Softmax::new(3).forward(&[], Mat::new(&x, 3, 1), MatMut::new(&mut y, 3, 1), &mut []);
        let third = 1.0 / 3.0;
        assert!((y[0].derivative - third * (1.0 - third)).abs() < 1e-16);
        assert!((y[1].derivative + third * third).abs() < 1e-16);
    }
}
