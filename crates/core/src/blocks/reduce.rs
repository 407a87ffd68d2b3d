//! One number of many: the largest, the Euclidean norm, the logarithm of the sum of exponentials.

use super::chain;
use super::loss::{jvp_by_gradient, steep_gradient, vjp_by_gradient, vjp_by_gradient_dot};
use super::softmax::{dot, largest, times_jacobian};
use crate::blocks::any_width::{all, any_width};
use crate::linalg::{norm, total};
use crate::planes::{Cotangents, DotPoint, Planes, PlanesMut};
use crate::{
    Block, Cost, Dims, Keeps, Mat, MatMut, Op, Point, Real, SecondOrder, Singular, Spec, Steep,
};

macro_rules! one_of {
    ($text:literal, |$n:pat_param| $keeps:expr) => {
        fn name(&self) -> &str {
            $text
        }

        fn dims(&self) -> Dims {
            Dims {
                n_in: self.n,
                n_out: 1,
                n_params: 0,
            }
        }

        fn keeps(&self) -> Keeps {
            let $n = self.n;
            $keeps
        }
    };
}

/// The maps of a block of one output that keeps its gradient.
macro_rules! by_gradient {
    () => {
        fn jvp_input(
            &self,
            at: &Point<'_, T>,
            x_dot: Mat<'_, T>,
            y_dot: MatMut<'_, T>,
            _: &mut [T],
        ) {
            jvp_by_gradient(at, x_dot, y_dot);
        }

        fn vjp_input(
            &self,
            at: &Point<'_, T>,
            y_bar: Mat<'_, T>,
            x_bar: MatMut<'_, T>,
            _: &mut [T],
        ) {
            vjp_by_gradient(at, y_bar, x_bar);
        }

        fn singular_at(&self, at: &Point<'_, T>, _: bool, found: &mut dyn FnMut(Steep)) {
            steep_gradient(at, self.n, found);
        }
    };
}

/// The derivative of its pullback along a direction.
macro_rules! by_gradient_dot {
    () => {
        fn vjp_input_dot(
            &self,
            at: &DotPoint<'_, T>,
            y_bar: Cotangents<'_, T>,
            x_bar: PlanesMut<'_, T>,
            _: &mut [T],
        ) {
            vjp_by_gradient_dot(at, y_bar, x_bar);
        }
    };
}

/// `y = max_i x_i`. No parameters; the Jacobian is the unit row of the largest entry, of the first among equals.
///
/// | map | formula | flops |
/// |---|---|---|
/// | forward | `y = x_k`, k the first of the largest | 0 |
/// | jvp_input | `y_dot = x_dot_k` | 0 |
/// | vjp_input | `x_bar = y_bar e_k` | 0 |
///
/// NaN wherever it stands gives NaN, and its slope is NaN. A record keeps x, nB numbers for n rows and B samples. No
/// scratch memory.
///
/// ```
/// use pushpull_core::{Block, Mat, MatMut, blocks::Max};
/// let mut y = [0.0];
/// Max::new(3).forward(&[], Mat::new(&[1.0, 4.0, 2.0], 3, 1), MatMut::new(&mut y, 1, 1), &mut []);
/// assert_eq!(y, [4.0]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Max {
    n: usize,
}

any_width!(Max, |rows| Max::new(all(rows)));

impl Max {
    /// The largest of `n` rows.
    pub const fn new(n: usize) -> Self {
        Self { n }
    }
}

impl Spec for Max {
    one_of!("max", |_| Keeps::X);

    fn cost(&self, _: Op, _: usize, _: usize) -> Option<Cost> {
        Some(Cost::ZERO)
    }
}

impl<T: Real> Block<T> for Max {
    fn forward(&self, _: &[T], x: Mat<'_, T>, mut y: MatMut<'_, T>, _: &mut [T]) {
        for (j, x) in x.columns().enumerate() {
            y.col_mut(j)[0] = x[largest(x)];
        }
    }

    fn jvp_input(
        &self,
        at: &Point<'_, T>,
        x_dot: Mat<'_, T>,
        mut y_dot: MatMut<'_, T>,
        _: &mut [T],
    ) {
        for (column, x_dot) in x_dot.columns().enumerate() {
            let x = at.x_of(column);
            let k = largest(x);
            y_dot.col_mut(column)[0] = through(x[k], x_dot[k]);
        }
    }

    fn vjp_input(
        &self,
        at: &Point<'_, T>,
        y_bar: Mat<'_, T>,
        mut x_bar: MatMut<'_, T>,
        _: &mut [T],
    ) {
        x_bar.fill(T::zero());
        for (column, y_bar) in y_bar.columns().enumerate() {
            let x = at.x_of(column);
            let k = largest(x);
            x_bar.col_mut(column)[k] = through(x[k], y_bar[0]);
        }
    }

    fn second(&self) -> Option<&dyn SecondOrder<T>> {
        Some(self)
    }
}

impl<T: Real> SecondOrder<T> for Max {}

/// A seed that passes the chosen entry: unchanged, or NaN where that is NaN.
fn through<T: Real>(chosen: T, seed: T) -> T {
    if chosen.is_nan() {
        chain(chosen.stopped(), seed)
    } else {
        seed
    }
}

/// `y = sqrt(sum_i x_i^2)`, the Euclidean norm; of a matrix as a column, Frobenius' norm. No parameters; the Jacobian is
/// the row `u'` with `u = x / y`, and 0 at x = 0.
///
/// Where the sum of squares would overflow or lose digits, the entries are first divided by the largest one's power of two, so that the norm
/// is right for every x whose norm is a number at all. `forward` keeps u, which the derivative maps need alone:
///
/// | map | formula | flops | calls |
/// |---|---|---|---|
/// | forward | `y = sqrt(<x, x>)`, `u = x / y` | `3nB` | `B` |
/// | jvp_input | `y_dot = <u, x_dot>` | `2nBS` | 0 |
/// | vjp_input | `x_bar = u y_bar` | `nBS` | 0 |
///
/// with n rows, B samples, S seeds; `(4n + 1) B` flops more where it is scaled. A record keeps u, `nB` numbers. No scratch
/// memory. The second derivative at 0 is 0.
///
/// ```
/// use pushpull_core::{Block, Mat, MatMut, blocks::Norm};
/// let (mut y, mut u) = ([0.0_f64], [0.0_f64; 2]);
/// Norm::new(2).forward(&[], Mat::new(&[3e200, 4e200], 2, 1), MatMut::new(&mut y, 1, 1), &mut u);
/// assert!((y[0] / 5e200 - 1.0).abs() < 1e-15 && (u[0] - 0.6).abs() < 1e-15 && (u[1] - 0.8).abs() < 1e-15);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Norm {
    n: usize,
}

any_width!(Norm, |rows| Norm::new(all(rows)));

impl Norm {
    /// The norm of `n` rows.
    pub const fn new(n: usize) -> Self {
        Self { n }
    }
}

impl Spec for Norm {
    one_of!("norm", |extra| Keeps {
        extra,
        ..Keeps::NOTHING
    });

    fn cost(&self, op: Op, batch: usize, seeds: usize) -> Option<Cost> {
        let entries = Cost::flops(self.n * batch);
        Some(match op {
            Op::Forward => entries * 3 + Cost::calls(batch),
            Op::JvpInput => entries * (2 * seeds),
            Op::VjpInput => entries * seeds,
            _ => Cost::ZERO,
        })
    }

    fn singular(&self) -> Singular {
        Singular::WithOutput
    }
}

impl<T: Real> Block<T> for Norm {
    fn forward(&self, _: &[T], x: Mat<'_, T>, mut y: MatMut<'_, T>, extra: &mut [T]) {
        for ((j, x), u) in x.columns().enumerate().zip(extra.chunks_exact_mut(self.n)) {
            let (scale, norm) = norm(x);
            let nowhere = norm.to_f64() == 0.0;
            let scaled = scale.to_f64() != 1.0;
            y.col_mut(j)[0] = if scaled { scale * norm } else { norm };
            for (u, &x) in u.iter_mut().zip(x) {
                let part = if scaled { x / scale } else { x } / norm;
                *u = if nowhere { T::zero() } else { part };
            }
        }
    }
    by_gradient!();

    fn second(&self) -> Option<&dyn SecondOrder<T>> {
        Some(self)
    }
}

impl<T: Real> SecondOrder<T> for Norm {
    /// `u_dot = (x_dot - u <u, x_dot>) / y`, `y_dot = <u, x_dot>`.
    fn forward_dot(
        &self,
        _: &[T],
        _: Option<&[T]>,
        x: Planes<'_, T>,
        y: PlanesMut<'_, T>,
        [extra, extra_dot]: [&mut [T]; 2],
        _: &mut [T],
    ) {
        let (mut value, mut dots) = y.split();
        self.forward(&[], x.value, value.rb_mut(), extra);
        let kept = extra
            .chunks_exact(self.n)
            .zip(extra_dot.chunks_exact_mut(self.n));
        for (j, (u, u_dot)) in kept.enumerate() {
            let norm = value.rb().get(0, j);
            let Some(x_dot) = x.dot.map(|dot| dot.col(j)) else {
                u_dot.fill(T::zero());
                dots.col_mut(j)[0] = T::zero();
                continue;
            };
            let along = dot(u, x_dot);
            dots.col_mut(j)[0] = along;
            let nowhere = norm.to_f64() == 0.0;
            for ((u_dot, &u), &x_dot) in u_dot.iter_mut().zip(u).zip(x_dot) {
                let turned = (x_dot - chain(u, along)) / norm;
                *u_dot = if nowhere { T::zero() } else { turned };
            }
        }
    }

    by_gradient_dot!();
}

/// `y = ln sum_i e^(x_i)`, finite for every finite x. No parameters; the Jacobian is the row `p'`, the softmax of x, taken
/// from the entries less the largest.
///
/// With n rows, B samples, S seeds:
///
/// | map | formula | flops | calls |
/// |---|---|---|---|
/// | forward | `y = max + ln_1p(s)`, s the sum of the others' `e^(x - max)`; `p = e^(x - max) / (1 + s)` | `3nB` | `nB` |
/// | jvp_input | `y_dot = <p, x_dot>` | `2nBS` | 0 |
/// | vjp_input | `x_bar = p y_bar` | `nBS` | 0 |
///
/// An entry of minus infinity has p = 0; where all are, y is minus infinity and every p is 0, since nothing is summed. Entries of
/// plus infinity share the 1. A record keeps p, `nB` numbers. No scratch memory.
///
/// ```
/// use pushpull_core::{Block, Mat, MatMut, blocks::LogSumExp};
/// let (mut y, mut p) = ([0.0], [0.0; 2]);
/// LogSumExp::new(2).forward(&[], Mat::new(&[1e3, -1e3], 2, 1), MatMut::new(&mut y, 1, 1), &mut p);
/// assert_eq!((y, p), ([1e3], [1.0, 0.0]));
/// LogSumExp::new(2).forward(&[], Mat::new(&[1e17, 1e17], 2, 1), MatMut::new(&mut y, 1, 1), &mut p);
/// assert_eq!(p, [0.5, 0.5]);
/// LogSumExp::new(2).forward(&[], Mat::new(&[f64::INFINITY; 2], 2, 1), MatMut::new(&mut y, 1, 1), &mut p);
/// assert_eq!((y, p), ([f64::INFINITY], [0.5, 0.5]));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogSumExp {
    n: usize,
}

any_width!(LogSumExp, |rows| LogSumExp::new(all(rows)));

impl LogSumExp {
    /// Over `n` rows.
    pub const fn new(n: usize) -> Self {
        Self { n }
    }
}

impl Spec for LogSumExp {
    one_of!("log-sum-exp", |extra| Keeps {
        extra,
        ..Keeps::NOTHING
    });

    fn cost(&self, op: Op, batch: usize, seeds: usize) -> Option<Cost> {
        let entries = Cost::flops(self.n * batch);
        Some(match op {
            Op::Forward => entries * 3 + Cost::calls(self.n * batch),
            Op::JvpInput => entries * (2 * seeds),
            Op::VjpInput => entries * seeds,
            _ => Cost::ZERO,
        })
    }

    fn singular(&self) -> Singular {
        Singular::WithOutput
    }
}

impl<T: Real> Block<T> for LogSumExp {
    fn forward(&self, _: &[T], x: Mat<'_, T>, mut y: MatMut<'_, T>, extra: &mut [T]) {
        for ((j, x), p) in x.columns().enumerate().zip(extra.chunks_exact_mut(self.n)) {
            let at = largest(x);
            let max = x[at];
            if max.is_nan() || max.to_f64() == f64::NEG_INFINITY {
                y.col_mut(j)[0] = max;
                p.fill(if max.is_nan() { max } else { T::zero() });
                continue;
            }
            if max.to_f64() == f64::INFINITY {
                // All that is infinite weighs the same, and nothing else counts.
                let largest = |x: &T| x.to_f64() == f64::INFINITY;
                let share = T::from_f64(1.0 / x.iter().filter(|x| largest(x)).count() as f64);
                y.col_mut(j)[0] = max;
                for (p, x) in p.iter_mut().zip(x) {
                    *p = if largest(x) { share } else { T::zero() };
                }
                continue;
            }
            let others = total(self.n, |i| {
                if i == at {
                    p[i] = T::one();
                    T::zero()
                } else {
                    p[i] = (x[i] - max).exp();
                    p[i]
                }
            });
            y.col_mut(j)[0] = max + others.ln_1p();
            let all = T::one() + others;
            p.iter_mut().for_each(|p| *p /= all);
        }
    }
    by_gradient!();

    fn second(&self) -> Option<&dyn SecondOrder<T>> {
        Some(self)
    }
}

impl<T: Real> SecondOrder<T> for LogSumExp {
    /// `p_dot = p (x_dot - <p, x_dot>)`, `y_dot = <p, x_dot>`.
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
        let kept = extra
            .chunks_exact(self.n)
            .zip(extra_dot.chunks_exact_mut(self.n));
        for (j, (p, p_dot)) in kept.enumerate() {
            let Some(x_dot) = x.dot.map(|dot| dot.col(j)) else {
                p_dot.fill(T::zero());
                dots.col_mut(j)[0] = T::zero();
                continue;
            };
            dots.col_mut(j)[0] = dot(p, x_dot);
            p_dot.copy_from_slice(x_dot);
            times_jacobian(p, p_dot);
        }
    }

    by_gradient_dot!();
}

#[cfg(test)]
mod tests {
    use super::{LogSumExp, Max, Norm};
    use crate::{Block, Mat, MatMut, Point, Real};

    /// The value and the gradient.
    fn run<T: Real>(block: &impl Block<T>, x: &[T]) -> (T, Vec<T>) {
        let (n, mut y) = (x.len(), [T::zero()]);
        let mut extra = vec![T::zero(); block.keeps().extra];
        block.forward(
            &[],
            Mat::new(x, n, 1),
            MatMut::new(&mut y, 1, 1),
            &mut extra,
        );
        let mut x_bar = vec![T::zero(); n];
        let at = Point {
            params: &[],
            x: Mat::new(x, n, 1),
            y: Mat::new(&y, 1, 1),
            extra: &extra,
            batch: 1,
        };
        block.vjp_input(
            &at,
            Mat::new(&[T::one()], 1, 1),
            MatMut::new(&mut x_bar, n, 1),
            &mut [],
        );
        (y[0], x_bar)
    }

    #[test]
    fn log_sum_exp_has_the_softmax_as_its_slope_at_every_size() {
        for x in [1e3_f32, 1e7, 3e7, 3e38, -3e38] {
            assert_eq!(run(&LogSumExp::new(2), &[x, x]).1, [0.5, 0.5]);
        }
        for x in [1e16_f64, -1e300] {
            assert_eq!(run(&LogSumExp::new(2), &[x, x]).1, [0.5, 0.5]);
        }
        let none = f64::NEG_INFINITY;
        assert_eq!(run(&LogSumExp::new(2), &[none, 3.0]), (3.0, vec![0.0, 1.0]));
        assert_eq!(
            run(&LogSumExp::new(2), &[none, none]),
            (none, vec![0.0, 0.0])
        );
        assert!(
            run(&LogSumExp::new(2), &[1.0, f64::NAN])
                .1
                .iter()
                .all(|p| p.is_nan())
        );
    }

    #[test]
    fn a_norm_without_digits_of_its_own_has_exact_slopes() {
        let (_, u) = run(&Norm::new(3), &[1e-44_f32, 0.0, -1e-44]);
        assert_eq!(u, [0.5_f32.sqrt(), 0.0, -0.5_f32.sqrt()]);
        let (_, u) = run(
            &Norm::new(2),
            &[3.0 * f64::from_bits(1), 4.0 * f64::from_bits(1)],
        );
        assert_eq!(u, [0.6, 0.8]);
    }

    #[test]
    fn the_norm_of_one_entry_is_its_size_and_its_slope_one() {
        for x in [1e-23_f32, 3e-23, 1e20, f32::MAX, f32::from_bits(1)] {
            assert_eq!(run(&Norm::new(1), &[x]), (x, vec![1.0]));
            assert_eq!(run(&Norm::new(1), &[-x]), (x, vec![-1.0]));
        }
        for x in [1e-170_f64, 3e-162, 1e160, f64::MAX, f64::from_bits(1)] {
            assert_eq!(run(&Norm::new(1), &[x]), (x, vec![1.0]));
        }
        assert_eq!(
            run(&Norm::new(2), &[3e-200, 4e-200]),
            (5e-200, vec![0.6, 0.8])
        );
        assert_eq!(run(&Norm::new(2), &[0.0, -0.0]), (0.0, vec![0.0, 0.0]));
        assert_eq!(
            run(&Norm::new(2), &[f64::NEG_INFINITY, 0.0]).0,
            f64::INFINITY
        );
        assert!(run(&Norm::new(2), &[f64::INFINITY, f64::NAN]).0.is_nan());
    }

    #[test]
    fn nan_is_the_largest_wherever_it_stands() {
        for at in 0..3 {
            let mut x = [1.0, 3.0, 2.0];
            x[at] = f64::NAN;
            let (y, x_bar) = run(&Max::new(3), &x);
            assert!(y.is_nan() && x_bar[at].is_nan());
        }
        assert_eq!(
            run(&Max::new(3), &[1.0, 3.0, 3.0]),
            (3.0, vec![0.0, 1.0, 0.0])
        );
    }
}
