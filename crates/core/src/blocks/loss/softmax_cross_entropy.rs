//! The cross-entropy of a softmax, from logits.

use super::{jvp_by_gradient, steep_gradient, vjp_by_gradient, vjp_by_gradient_dot};
use crate::blocks::any_width::{any_width, first};
use crate::blocks::chain;
use crate::blocks::softmax::{Exponential, dot, largest_number, times_jacobian, zero_at};
use crate::linalg::{sum, total};
use crate::planes::{Cotangents, DotPoint, Planes, PlanesMut};
use crate::team::by_columns;
use crate::vector::{Single, singles};
use crate::{
    Block, Cost, Dims, Keeps, Mat, MatMut, Op, Point, Real, SecondOrder, Singular, Spec, Steep,
};

/// Numbers kept from which samples are shared with the team: about two microseconds of exponentials.
const SHARED_FROM: usize = 1 << 11;

/// Logits that are gathered before they are exponentiated: some vectors full.
const GATHERED: usize = 256;

/// `y = -sum_i t_i ln softmax(z)_i` for the stacked `[z; t]`: logits over target probabilities, n rows each. The
/// targets need not sum to 1. No parameters; accurate for every finite z, also where the difference of two logits
/// overflows, and for a z of minus infinity whose target is 0: a target of 0 is a structural zero.
///
/// With `l = -ln softmax(z)` and `p = softmax(z)`, the gradient is `[p sum(t) - t; l]`. `forward` has all of it at
/// hand and keeps it: 2n numbers, as many as x, and the derivative maps call no elementary function, however many
/// seeds there are. With B samples, S seeds:
///
/// | map | formula | flops | calls |
/// |---|---|---|---|
/// | forward | `y = <t, l>`, and the gradient | `8nB` | `(n + 1) B` |
/// | jvp_input | `y_dot = <gradient, x_dot>` | `4nBS` | 0 |
/// | vjp_input | `x_bar = gradient y_bar` | `2nBS` | 0 |
///
/// A record keeps the gradient, `2nB` numbers. No scratch memory.
///
/// ```
/// use pushpull_core::{Block, Mat, MatMut, blocks::SoftmaxCrossEntropy};
/// let (mut y, mut extra) = ([0.0], [0.0; 4]);
/// let logits_and_target = [1e3, -1e3, 0.25, 0.75];
/// SoftmaxCrossEntropy::new(2).forward(&[], Mat::new(&logits_and_target, 4, 1), MatMut::new(&mut y, 1, 1), &mut extra);
/// assert_eq!(y, [0.75 * 2e3]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SoftmaxCrossEntropy {
    n: usize,
}

any_width!(SoftmaxCrossEntropy, |rows| SoftmaxCrossEntropy::new(first(
    rows
)));

impl SoftmaxCrossEntropy {
    /// The cross-entropy of `n` classes.
    pub const fn new(n: usize) -> Self {
        Self { n }
    }

    /// [`Block::forward`] of some samples.
    fn columns<T: Real>(&self, x: Mat<'_, T>, mut y: MatMut<'_, T>, extra: &mut [T]) {
        let n = self.n;
        // y holds the sums of the other exponentials until their logarithms are taken.
        if 2 * n > GATHERED || x.ncols() == 1 {
            for (j, (x, gradient)) in x.columns().zip(extra.chunks_exact_mut(2 * n)).enumerate() {
                let ((z, t), (p, l)) = (x.split_at(n), gradient.split_at_mut(n));
                let at = shift_into(z, l, p);
                singles(MatMut::new(p, n, 1), Exponential);
                let sums = Sums::new(p, at, t);
                y.col_mut(j)[0] = sums.others;
                for (i, (p, &t)) in p.iter_mut().zip(t).enumerate() {
                    if T::VECTORS || i != at {
                        *p = sums.slope(*p, t);
                    }
                }
                p[at] = sums.own;
            }
        } else {
            // Ten classes alone fill no vector: the exponentials of several samples are done in one loop.
            let (mut gathered, mut rows) = ([T::zero(); GATHERED], [0; GATHERED]);
            let together = GATHERED / n;
            for (part, extra) in extra.chunks_mut(together * 2 * n).enumerate() {
                let (first, samples) = (part * together, extra.len() / (2 * n));
                let x = x.cols(first..first + samples);
                let powers = &mut gathered[..samples * n];
                let each = extra
                    .chunks_exact_mut(2 * n)
                    .zip(powers.chunks_exact_mut(n));
                for ((x, (gradient, powers)), at) in x.columns().zip(each).zip(&mut rows) {
                    *at = shift_into(&x[..n], &mut gradient[n..], powers);
                }
                singles(MatMut::new(powers, samples * n, 1), Exponential);
                let each = extra
                    .chunks_exact_mut(2 * n)
                    .zip(powers.chunks_exact_mut(n));
                for (j, (x, (gradient, powers))) in (first..).zip(x.columns().zip(each)) {
                    let (at, t) = (rows[j - first], &x[n..]);
                    let sums = Sums::new(powers, at, t);
                    y.col_mut(j)[0] = sums.others;
                    let each = gradient.iter_mut().zip(powers).zip(t);
                    for (i, ((p, &mut power), &t)) in each.enumerate() {
                        if T::VECTORS || i != at {
                            *p = sums.slope(power, t);
                        }
                    }
                    gradient[at] = sums.own;
                }
            }
        }
        singles(y.rb_mut(), LogOnePlus);
        for (j, (x, gradient)) in x.columns().zip(extra.chunks_exact_mut(2 * n)).enumerate() {
            let y = &mut y.col_mut(j)[0];
            let (log_sum, l, t) = (*y, &mut gradient[n..], &x[n..]);
            *y = T::zero()
                + total(n, |i| {
                    l[i] = log_sum - l[i];
                    chain(l[i], t[i])
                });
            if y.to_f64() == f64::INFINITY {
                *y = far_apart(&x[..n], t, log_sum);
            }
        }
    }
}

/// y = ln(1 + y)
struct LogOnePlus;

impl<T: Real> Single<T> for LogOnePlus {
    #[inline(always)]
    fn at(&self, y: &mut T) {
        *y = y.ln_1p();
    }
}

/// The logits less the largest into both targets; its row, where exactly 0 is left. A processor does the largest one's
/// difference too, where a branch at it, in another row of each sample, would take longer; a count leaves it out.
fn shift_into<T: Real>(z: &[T], l: &mut [T], powers: &mut [T]) -> usize {
    let at = largest_number(z);
    let max = z[at];
    for (i, ((l, power), &z)) in l.iter_mut().zip(&mut *powers).zip(z).enumerate() {
        if T::VECTORS || i != at {
            *l = z - max;
            *power = *l;
        }
    }
    (l[at], powers[at]) = (zero_at(max), zero_at(max));
    at
}

/// The loss of logits whose difference may overflow where the targets' share of it does not.
#[cold]
fn far_apart<T: Real>(z: &[T], t: &[T], log_sum: T) -> T {
    let max = z[largest_number(z)];
    T::zero()
        + total(z.len(), |i| {
            chain(log_sum, t[i]) + (chain(max, t[i]) - chain(z[i], t[i]))
        })
}

/// What the gradient by the logits is made of.
struct Sums<T> {
    /// The sum of the exponentials but the largest one's.
    others: T,
    /// The sum of the targets over that of all exponentials.
    scale: T,
    /// The slope of the largest one.
    own: T,
}

impl<T: Real> Sums<T> {
    /// The largest one's exponential is 1, and is taken out of `powers`. Its p may be next to 1, where `p sum(t) - t` would
    /// lose all its digits: its slope is what the others leave, the sum of their targets less that of their p.
    #[inline(always)]
    fn new(powers: &mut [T], at: usize, t: &[T]) -> Self {
        let largest = std::mem::replace(&mut powers[at], T::zero());
        let others = total(powers.len(), |i| powers[i]);
        let other_targets = total(t.len(), |i| {
            let target = t[i];
            if i == at { T::zero() } else { target }
        });
        let scale = (other_targets + t[at]) / (T::one() + others);
        let own = -others * scale + other_targets;
        Self {
            others,
            scale,
            // NaN is the largest wherever it stands, and stays NaN.
            own: if largest.is_nan() { largest } else { own },
        }
    }

    /// `p sum(t) - t` of another logit.
    #[inline(always)]
    fn slope(&self, power: T, t: T) -> T {
        power * self.scale - t
    }
}

impl Spec for SoftmaxCrossEntropy {
    fn name(&self) -> &str {
        "softmax-cross-entropy"
    }

    fn dims(&self) -> Dims {
        Dims {
            n_in: self.n.saturating_mul(2),
            n_out: 1,
            n_params: 0,
        }
    }

    fn shares(&self) -> bool {
        true
    }

    fn keeps(&self) -> Keeps {
        Keeps {
            extra: self.n.saturating_mul(2),
            ..Keeps::NOTHING
        }
    }

    fn cost(&self, op: Op, batch: usize, seeds: usize) -> Option<Cost> {
        let n = self.n;
        Some(match op {
            // n - 1 shifts and sums of exponentials, 1 + the sum; l, <t, l> and sum(t); sum(t) / sum and p sum(t) - t.
            Op::Forward => (Cost::flops(8 * n) + Cost::calls(n + 1)) * batch,
            Op::JvpInput => Cost::flops(4 * n * batch * seeds),
            Op::VjpInput => Cost::flops(2 * n * batch * seeds),
            _ => Cost::ZERO,
        })
    }

    fn dot_scratch_len(&self, _: usize) -> usize {
        self.n
    }

    fn singular(&self) -> Singular {
        Singular::WithOutput
    }
}

impl<T: Real> Block<T> for SoftmaxCrossEntropy {
    /// By the logits; by a target at a logit of minus infinity the slope *is* infinite, and no target is differentiated by.
    fn singular_at(&self, at: &Point<'_, T>, _: bool, found: &mut dyn FnMut(Steep)) {
        steep_gradient(at, self.n, found);
    }

    fn forward(&self, _: &[T], x: Mat<'_, T>, y: MatMut<'_, T>, extra: &mut [T]) {
        if extra.len() < SHARED_FROM {
            return self.columns(x, y, extra);
        }
        let extra = MatMut::new(extra, 2 * self.n, x.ncols());
        by_columns([y, extra], &|columns, [y, mut extra]| {
            if let Some(extra) = extra.as_mut_slice() {
                self.columns(x.cols(columns), y, extra);
            }
        });
    }

    fn jvp_input(&self, at: &Point<'_, T>, x_dot: Mat<'_, T>, y_dot: MatMut<'_, T>, _: &mut [T]) {
        jvp_by_gradient(at, x_dot, y_dot);
    }

    fn vjp_input(&self, at: &Point<'_, T>, y_bar: Mat<'_, T>, x_bar: MatMut<'_, T>, _: &mut [T]) {
        vjp_by_gradient(at, y_bar, x_bar);
    }

    fn second(&self) -> Option<&dyn SecondOrder<T>> {
        Some(self)
    }
}

impl<T: Real> SecondOrder<T> for SoftmaxCrossEntropy {
    /// With `m = <p, z_dot>`: `l_dot = m - z_dot`, and of the logits' gradient `p sum(t) - t` the derivative is
    /// `p * (z_dot - m) sum(t) + p sum(t_dot) - t_dot`.
    fn forward_dot(
        &self,
        _: &[T],
        _: Option<&[T]>,
        x: Planes<'_, T>,
        y: PlanesMut<'_, T>,
        [extra, extra_dot]: [&mut [T]; 2],
        scratch: &mut [T],
    ) {
        let (value, mut dots) = y.split();
        self.forward(&[], x.value, value, extra);
        let Some(x_dot) = x.dot else {
            extra_dot.fill(T::zero());
            return dots.fill(T::zero());
        };
        let p = &mut scratch[..self.n];
        let sum = |entries: &[T]| sum(Mat::from(entries));
        for (j, x_dot) in x_dot.columns().enumerate() {
            let gradient = &extra[j * 2 * self.n..][..2 * self.n];
            for (p, &l) in p.iter_mut().zip(&gradient[self.n..]) {
                *p = (-l).exp();
            }
            let (z_dot, t_dot) = x_dot.split_at(self.n);
            let (total, total_dot) = (sum(&x.value.col(j)[self.n..]), sum(t_dot));
            let mean = dot(p, z_dot);
            let (z_slopes, t_slopes) =
                extra_dot[j * 2 * self.n..][..2 * self.n].split_at_mut(self.n);
            z_slopes.copy_from_slice(z_dot);
            times_jacobian(p, z_slopes);
            let slopes = z_slopes.iter_mut().zip(t_slopes).zip(&*p);
            for (((z_slope, t_slope), &p), (&z_dot, &t_dot)) in slopes.zip(z_dot.iter().zip(t_dot))
            {
                *t_slope = mean - z_dot;
                *z_slope = chain(total, *z_slope) + chain(p, total_dot) - t_dot;
            }
            dots.col_mut(j)[0] = dot(gradient, x_dot);
        }
    }

    fn vjp_input_dot(
        &self,
        at: &DotPoint<'_, T>,
        y_bar: Cotangents<'_, T>,
        x_bar: PlanesMut<'_, T>,
        _: &mut [T],
    ) {
        vjp_by_gradient_dot(at, y_bar, x_bar);
    }
}

#[cfg(test)]
mod tests {
    use super::SoftmaxCrossEntropy;
    use crate::{Block, Mat, MatMut};

    fn run(x: [f64; 4]) -> (f64, [f64; 4]) {
        let (mut y, mut gradient) = ([f64::NAN], [f64::NAN; 4]);
        let target = MatMut::new(&mut y, 1, 1);
        SoftmaxCrossEntropy::new(2).forward(&[], Mat::new(&x, 4, 1), target, &mut gradient);
        (y[0], gradient)
    }

    #[test]
    fn a_sure_and_right_prediction_keeps_its_tiny_loss() {
        let (loss, gradient) = run([50.0, 0.0, 1.0, 0.0]);
        assert_eq!(loss, (-50f64).exp());
        assert_eq!(gradient[2..], [(-50f64).exp(), 50.0]);
        // Not 1 - 1, which is 0.
        let p = (-50f64).exp();
        assert_eq!(gradient[..2], [-p, p]);
    }

    #[test]
    fn a_difference_that_overflows_is_no_loss_that_does() {
        let (loss, gradient) = run([1e308, -1e308, 0.75, 0.25]);
        assert_eq!((loss, &gradient[..2]), (5e307, &[0.25, -0.25][..]));
    }

    #[test]
    fn a_logit_that_is_nan_has_no_gradient_whatever_its_target() {
        for target in [0.0, 1.0] {
            assert!(run([f64::NAN, 0.0, target, 1.0]).1[0].is_nan());
        }
    }

    #[test]
    fn far_and_equal_logits_give_finite_values_and_gradients() {
        assert_eq!(run([-1e3, 1e3, 1.0, 0.0]), (2e3, [-1.0, 1.0, 2e3, 0.0]));
        let (loss, gradient) = run([1e3, 1e3, 0.5, 0.5]);
        assert_eq!(loss, 2f64.ln());
        assert_eq!(gradient[..2], [0.0, 0.0]);
    }
}
