//! A block that is given by its formula and the list of its partial derivatives.

use std::fmt::Debug;

use super::chain;
use crate::linalg::{sum_columns_into, sum_columns_scratch};
use crate::{
    Accum, Block, Cost, Counted, Dims, Dual, Keeps, Mat, MatMut, Op, ParamShape, Point, Real,
    Singular, Spec, Steep, count,
};

/// A block `h = f(x, w)` written for one sample: what it computes, and which of its partial derivatives are not zero. Whatever
/// implements this is a [`Block`]: its products with both Jacobians, from either side, follow from the one list, for batches,
/// several seeds and shared weights, with sums over samples in a fixed tree, and with its exact cost.
///
/// The list has the same entries whatever the numbers are; an entry that is named twice counts twice. It is asked once a
/// sample and map, so a map takes as long as the list is: for a block of small Jacobians, or of sparse ones. A block with
/// matrices implements [`Block`] itself, on kernels.
///
/// With B samples, S seeds, `f` and `L` the costs of formula and list, `X` and `W` the entries by x and by w, and
/// `t = ceil(B / 32)`:
///
/// | map | formula | flops |
/// |---|---|---|
/// | forward | `h = f(x, w)` | `B f` |
/// | jvp_input | `h_dot_i = sum_k (dh_i/dx_k) x_dot_k` | `B (L + 2 X S)` |
/// | vjp_input | `x_bar_k = sum_i (dh_i/dx_k) h_bar_i` | `B (L + 2 X S)` |
/// | jvp_params | `h_dot_i (+)= sum_k (dh_i/dw_k) w_dot_k` | `B (L + 2 W S)` |
/// | vjp_params | `w_bar_k (+)= sum_i (dh_i/dw_k) h_bar_i` | `B (L + 2 W) + (t - 1) p`, adding: `+ p` |
/// | unit_params | the columns of dh/dw | `B (L + 2 W) S` |
///
/// ```
/// use pushpull_core::blocks::{Partials, Sum};
/// use pushpull_core::{Builder, Dims, Real};
///
/// /// h_i = w_i x_i^2
/// #[derive(Debug)]
/// struct Parabolas(usize);
///
/// impl Partials for Parabolas {
///     fn dims(&self) -> Dims {
///         Dims { n_in: self.0, n_out: self.0, n_params: self.0 }
///     }
///     fn f<T: Real>(&self, w: &[T], x: &[T], h: &mut [T]) {
///         (0..self.0).for_each(|i| h[i] = w[i] * x[i] * x[i]);
///     }
///     fn partials<T: Real>(&self, w: &[T], x: &[T], mut by_x: impl FnMut(usize, usize, T), mut by_w: impl FnMut(usize, usize, T)) {
///         for i in 0..self.0 {
///             by_x(i, i, (w[i] + w[i]) * x[i]); // dh_i / dx_i
///             by_w(i, i, x[i] * x[i]); // dh_i / dw_i
///         }
///     }
/// }
///
/// let mut net = Builder::new();
/// let x = net.input("x", 2);
/// let h = net.named("parabolas", Parabolas(2), x);
/// let y = net.block(Sum, h);
/// assert_eq!(net.build(y)?.n_params(), 2); // a debug build has checked the list
/// # Ok::<(), pushpull_core::Error>(())
/// ```
pub trait Partials: Debug + Send + Sync + 'static {
    /// A short name in lower case.
    fn name(&self) -> &str {
        "block"
    }

    /// The sizes d, o, p.
    fn dims(&self) -> Dims;

    /// The matrices of the parameters, in flat order, each column by column.
    fn params(&self) -> Vec<ParamShape> {
        match Partials::dims(self).n_params {
            0 => Vec::new(),
            n => vec![ParamShape::weight("params", n, 1)],
        }
    }

    /// The sample's `h = f(x, w)`: p and d numbers to o. It writes every entry of `h`.
    fn f<T: Real>(&self, w: &[T], x: &[T], h: &mut [T]);

    /// Every partial derivative that is not zero throughout: `by_x(i, k, dh_i/dx_k)` and `by_w(i, k, dh_i/dw_k)`.
    fn partials<T: Real>(
        &self,
        w: &[T],
        x: &[T],
        by_x: impl FnMut(usize, usize, T),
        by_w: impl FnMut(usize, usize, T),
    );

    /// Where the partial derivatives are finite ([`Spec::singular`]). Where not everywhere, a look at the second derivatives'
    /// allocates.
    fn singular(&self) -> Singular {
        Singular::Never
    }
}

/// An entry of the list that nobody asks for.
fn nobody<T>(_: usize, _: usize, _: T) {}

/// What the list costs, and how many entries it has by x and by w.
fn listed<T: Real>(block: &impl Partials) -> (Cost, usize, usize) {
    let Dims { n_in, n_params, .. } = Partials::dims(block);
    let (w, x) = (
        vec![T::from_f64(0.5); n_params],
        vec![T::from_f64(0.5); n_in],
    );
    let (mut by_x, mut by_w) = (0, 0);
    let ((), cost) = count(|| block.partials(&w, &x, |_, _, _| by_x += 1, |_, _, _| by_w += 1));
    (cost, by_x, by_w)
}

/// The cost of a map in operations of the parts of `T`.
fn cost<T: Real>(block: &impl Partials, op: Op, batch: usize, seeds: usize) -> Cost {
    let Dims {
        n_in,
        n_out,
        n_params,
    } = Partials::dims(block);
    let half = T::from_f64(0.5);
    if op == Op::Forward {
        let (w, x, mut h) = (vec![half; n_params], vec![half; n_in], vec![half; n_out]);
        return count(|| block.f(&w, &x, &mut h)).1 * batch;
    }
    let (list, by_x, by_w) = listed::<T>(block);
    let entry = count(|| half + chain(half, half)).1;
    let addition = count(|| half + half).1;
    match op {
        Op::Forward => Cost::ZERO,
        Op::JvpInput | Op::VjpInput => (list + entry * (by_x * seeds)) * batch,
        Op::JvpParams(_) => (list + entry * (by_w * seeds)) * batch,
        Op::UnitParams(_) => (list + entry * by_w) * (batch * seeds),
        Op::VjpParams(acc) => {
            let joined = batch.div_ceil(crate::linalg::LEAF).saturating_sub(1)
                + usize::from(acc == Accum::Add);
            (list + entry * by_w) * batch + addition * (joined * n_params)
        }
    }
}

impl<B: Partials> Spec for B {
    fn name(&self) -> &str {
        Partials::name(self)
    }

    fn dims(&self) -> Dims {
        Partials::dims(self)
    }

    fn keeps(&self) -> Keeps {
        Keeps::X
    }

    fn params(&self) -> Vec<ParamShape> {
        Partials::params(self)
    }

    fn cost(&self, op: Op, batch: usize, seeds: usize) -> Option<Cost> {
        Some(cost::<Counted<f64>>(self, op, batch, seeds))
    }

    fn dual_cost(&self, op: Op, batch: usize, seeds: usize) -> Option<Cost> {
        Some(cost::<Dual<Counted<f64>>>(self, op, batch, seeds))
    }

    fn scratch_len(&self, op: Op, batch: usize, _: usize) -> usize {
        let n_params = Partials::dims(self).n_params;
        match op {
            Op::UnitParams(_) => n_params,
            Op::VjpParams(acc) => sum_columns_scratch(batch, acc, n_params),
            _ => 0,
        }
    }

    fn singular(&self) -> Singular {
        Partials::singular(self)
    }
}

impl<T: Real, B: Partials> Block<T> for B {
    fn forward(&self, params: &[T], x: Mat<'_, T>, mut y: MatMut<'_, T>, _: &mut [T]) {
        for (j, x) in x.columns().enumerate() {
            self.f(params, x, y.col_mut(j));
        }
    }

    fn jvp_input(
        &self,
        at: &Point<'_, T>,
        x_dot: Mat<'_, T>,
        mut y_dot: MatMut<'_, T>,
        _: &mut [T],
    ) {
        y_dot.fill(T::zero());
        for sample in 0..at.batch {
            let push = |i: usize, k: usize, slope: T| {
                for j in (sample..x_dot.ncols()).step_by(at.batch) {
                    y_dot.col_mut(j)[i] += chain(slope, x_dot.col(j)[k]);
                }
            };
            self.partials(at.params, at.x.col(sample), push, nobody);
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
        for sample in 0..at.batch {
            let pull = |i: usize, k: usize, slope: T| {
                for j in (sample..y_bar.ncols()).step_by(at.batch) {
                    x_bar.col_mut(j)[k] += chain(slope, y_bar.col(j)[i]);
                }
            };
            self.partials(at.params, at.x.col(sample), pull, nobody);
        }
    }

    fn jvp_params(
        &self,
        at: &Point<'_, T>,
        params_dot: Mat<'_, T>,
        acc: Accum,
        mut y_dot: MatMut<'_, T>,
        _: &mut [T],
    ) {
        if acc == Accum::Set {
            y_dot.fill(T::zero());
        }
        for sample in 0..at.batch {
            let push = |i: usize, k: usize, slope: T| {
                for seed in 0..params_dot.ncols() {
                    let column = y_dot.col_mut(seed * at.batch + sample);
                    column[i] += chain(slope, params_dot.col(seed)[k]);
                }
            };
            self.partials(at.params, at.x.col(sample), nobody, push);
        }
    }

    fn vjp_params(
        &self,
        at: &Point<'_, T>,
        y_bar: Mat<'_, T>,
        acc: Accum,
        params_bar: &mut [T],
        scratch: &mut [T],
    ) {
        sum_columns_into(at.batch, acc, params_bar, scratch, &mut |samples, sums| {
            sums.fill(T::zero());
            for sample in samples {
                let pull =
                    |i: usize, k: usize, slope: T| sums[k] += chain(slope, y_bar.col(sample)[i]);
                self.partials(at.params, at.x.col(sample), nobody, pull);
            }
        });
    }

    fn singular_at(&self, at: &Point<'_, T>, second: bool, found: &mut dyn FnMut(Steep)) {
        for sample in 0..at.batch {
            let (w, x) = (at.params, at.x.col(sample));
            let mut entries = Vec::new();
            let mut look = |output: usize, input: Option<usize>, finite: bool| {
                if !finite {
                    entries.push((output, input));
                }
            };
            if second {
                // All that the slopes depend on moves at once: where one of their derivatives is infinite, so is the sum.
                let moving = |numbers: &[T]| -> Vec<Dual<T>> {
                    numbers.iter().map(|&x| Dual::new(x, T::one())).collect()
                };
                let seen = std::cell::RefCell::new(&mut look);
                let finite =
                    |slope: Dual<T>| slope.value.is_finite() && slope.derivative.is_finite();
                self.partials(
                    &moving(w),
                    &moving(x),
                    |i, k, slope| (seen.borrow_mut())(i, Some(k), finite(slope)),
                    |i, _, slope| (seen.borrow_mut())(i, None, finite(slope)),
                );
            } else {
                let seen = std::cell::RefCell::new(&mut look);
                self.partials(
                    w,
                    x,
                    |i, k, slope| (seen.borrow_mut())(i, Some(k), slope.is_finite()),
                    |i, _, slope| (seen.borrow_mut())(i, None, slope.is_finite()),
                );
            }
            for (output, input) in entries {
                found(Steep {
                    sample,
                    output,
                    input,
                    at: x[input.unwrap_or(0)].to_f64(),
                });
            }
        }
    }
}
