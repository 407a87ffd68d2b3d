//! The cross-entropy of independent yes-or-no answers, from logits.

use super::{jvp_by_gradient, steep_gradient, vjp_by_gradient, vjp_by_gradient_dot};
use crate::blocks::any_width::{any_width, first};
use crate::blocks::chain;
use crate::blocks::softmax::dot;
use crate::linalg::total;
use crate::planes::{Cotangents, DotPoint, Planes, PlanesMut};
use crate::{
    Block, Cost, Dims, Keeps, Mat, MatMut, Op, Point, Real, SecondOrder, Singular, Spec, Steep,
};

/// `y = sum_i softplus(z_i) - t_i z_i` for the stacked `[z; t]`: logits over targets in [0, 1], n rows each. That is
/// `-sum t ln s + (1 - t) ln(1 - s)` with `s = sigmoid(z)`. No parameters; finite and accurate for every finite z, and 0
/// for an infinite one that is sure and right.
///
/// The gradient is `[s - t; -z]`. `forward` keeps it: 2n numbers, as many as x; s costs no call beside the softplus,
/// and the derivative maps call no elementary function. With B samples, S seeds:
///
/// | map | formula | flops | calls |
/// |---|---|---|---|
/// | forward | `y = sum softplus(z) - t z`, and the gradient | `7nB` | `2nB` |
/// | jvp_input | `y_dot = <gradient, x_dot>` | `4nBS` | 0 |
/// | vjp_input | `x_bar = gradient y_bar` | `2nBS` | 0 |
///
/// A record keeps the gradient, `2nB` numbers. No scratch memory.
///
/// ```
/// use pushpull_core::{Block, Mat, MatMut, blocks::SigmoidCrossEntropy};
/// let (mut y, mut extra) = ([0.0], [0.0; 4]);
/// let logits_and_target = [1e3, -1e3, 0.25, 0.0];
/// SigmoidCrossEntropy::new(2).forward(&[], Mat::new(&logits_and_target, 4, 1), MatMut::new(&mut y, 1, 1), &mut extra);
/// assert_eq!(y, [0.75 * 1e3]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigmoidCrossEntropy {
    n: usize,
}

any_width!(SigmoidCrossEntropy, |rows| SigmoidCrossEntropy::new(first(
    rows
)));

impl SigmoidCrossEntropy {
    /// The cross-entropy of `n` answers.
    pub const fn new(n: usize) -> Self {
        Self { n }
    }
}

/// (softplus(z) - t z, sigmoid(z) - t) with one exponential and one logarithm: 7 flops, 2 calls.
///
/// With `e = e^-|z|`, softplus(z) is `max(z, 0) + ln(1 + e)`, and sigmoid(-|z|) is `e / (1 + e)`. For z > 0 the z is taken
/// together with -t z, and the 1 of the slope with -t, so that a sure and right answer keeps its tiny loss and slope. Both branches
/// are smooth through z = 0, so a dual number may take either.
#[inline(always)]
fn term<T: Real>(z: T, t: T) -> (T, T) {
    let positive = z > T::zero();
    let e = if positive { -z } else { z }.exp();
    let one = T::one();
    let wrong = if positive { one - t } else { T::zero() - t };
    let unsure = e / (one + e);
    let slope = if positive {
        wrong - unsure
    } else {
        wrong + unsure
    };
    (e.ln_1p() + chain(z, wrong), slope)
}

impl Spec for SigmoidCrossEntropy {
    fn name(&self) -> &str {
        "sigmoid-cross-entropy"
    }

    fn dims(&self) -> Dims {
        Dims {
            n_in: self.n.saturating_mul(2),
            n_out: 1,
            n_params: 0,
        }
    }

    fn keeps(&self) -> Keeps {
        Keeps {
            extra: self.n.saturating_mul(2),
            ..Keeps::NOTHING
        }
    }

    fn cost(&self, op: Op, batch: usize, seeds: usize) -> Option<Cost> {
        let n = self.n * batch;
        Some(match op {
            Op::Forward => Cost::flops(7 * n) + Cost::calls(2 * n),
            Op::JvpInput => Cost::flops(4 * n * seeds),
            Op::VjpInput => Cost::flops(2 * n * seeds),
            _ => Cost::ZERO,
        })
    }

    fn singular(&self) -> Singular {
        Singular::WithOutput
    }
}

impl<T: Real> Block<T> for SigmoidCrossEntropy {
    fn singular_at(&self, at: &Point<'_, T>, _: bool, found: &mut dyn FnMut(Steep)) {
        steep_gradient(at, self.n, found);
    }

    fn forward(&self, _: &[T], x: Mat<'_, T>, mut y: MatMut<'_, T>, extra: &mut [T]) {
        for (j, column) in x.columns().enumerate() {
            let (logits, targets) = column.split_at(self.n);
            let gradient = &mut extra[j * 2 * self.n..][..2 * self.n];
            let (z_slopes, t_slopes) = gradient.split_at_mut(self.n);
            y.col_mut(j)[0] = T::zero()
                + total(self.n, |i| {
                    let (value, slope) = term(logits[i], targets[i]);
                    z_slopes[i] = slope;
                    t_slopes[i] = -logits[i];
                    value
                });
        }
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

impl<T: Real> SecondOrder<T> for SigmoidCrossEntropy {
    /// The derivative of the gradient `[s - t; -z]` is `[s (1 - s) z_dot - t_dot; -z_dot]`.
    fn forward_dot(
        &self,
        _: &[T],
        _: Option<&[T]>,
        x: Planes<'_, T>,
        y: PlanesMut<'_, T>,
        [extra, extra_dot]: [&mut [T]; 2],
        _: &mut [T],
    ) {
        let (value, mut dots) = y.split();
        self.forward(&[], x.value, value, extra);
        let Some(x_dot) = x.dot else {
            extra_dot.fill(T::zero());
            return dots.fill(T::zero());
        };
        for (j, x_dot) in x_dot.columns().enumerate() {
            let (z_dot, t_dot) = x_dot.split_at(self.n);
            let slopes = &mut extra_dot[j * 2 * self.n..][..2 * self.n];
            let (z_slopes, t_slopes) = slopes.split_at_mut(self.n);
            let directions = x.value.col(j).iter().zip(z_dot.iter().zip(t_dot));
            for ((z_slope, t_slope), (&z, (&z_dot, &t_dot))) in
                z_slopes.iter_mut().zip(t_slopes).zip(directions)
            {
                *z_slope = chain(z.sigmoid() * (-z).sigmoid(), z_dot) - t_dot;
                *t_slope = -z_dot;
            }
            dots.col_mut(j)[0] = dot(&extra[j * 2 * self.n..][..2 * self.n], x_dot);
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
    use super::SigmoidCrossEntropy;
    use crate::{Block, Dual, Mat, MatMut};

    fn run(z: f64, t: f64) -> (f64, [f64; 2]) {
        let (mut y, mut gradient) = ([f64::NAN], [f64::NAN; 2]);
        let target = MatMut::new(&mut y, 1, 1);
        SigmoidCrossEntropy::new(1).forward(&[], Mat::new(&[z, t], 2, 1), target, &mut gradient);
        (y[0], gradient)
    }

    #[test]
    fn far_logits_give_accurate_values_and_gradients() {
        assert_eq!(run(1e3, 0.0), (1e3, [1.0, -1e3]));
        assert_eq!(run(-1e3, 1.0), (1e3, [-1.0, 1e3]));
        assert_eq!(run(1e3, 1.0), (0.0, [0.0, -1e3]));
        assert_eq!(run(50.0, 1.0).0, (-50f64).exp());
        assert_eq!(run(-50.0, 0.0), ((-50f64).exp(), [(-50f64).exp(), 50.0]));
        assert_eq!(run(50.0, 1.0).1, [-(-50f64).exp(), -50.0]);
    }

    #[test]
    fn it_is_smooth_through_zero_at_dual_numbers() {
        let x = [Dual::new(0.0, 1.0), Dual::constant(0.25)];
        let (mut y, mut extra) = ([Dual::constant(0.0)], [Dual::constant(0.0); 2]);
        let target = MatMut::new(&mut y, 1, 1);
        SigmoidCrossEntropy::new(1).forward(&[], Mat::new(&x, 2, 1), target, &mut extra);
        assert_eq!(y[0], Dual::new(2f64.ln(), 0.25));
        assert_eq!(extra[0], Dual::new(0.25, 0.25)); // the second derivative is s (1 - s)
    }
}
