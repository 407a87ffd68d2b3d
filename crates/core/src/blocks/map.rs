//! A scalar function on every entry: the activation functions of the lecture, and a user's own.

use std::fmt::Debug;

use crate::planes::{Cotangents, DotPoint, Planes, PlanesMut};
use crate::vector::{Pair, Single, Triple, Twin, TwinPair};
use crate::vector::{pairs, singles, triples, twin_pairs, twins};
use crate::vector_planes::{Pull, Push, pull, push};
use crate::{
    Block, Cost, Counted, Dims, Dual, InPlace, InputJacobian, Keeps, Mat, MatMut, Op, Point, Real,
    SecondOrder, Singular, Spec, Steep, count,
};

mod functions;
mod more;
mod singular;
mod with_constant;
pub use functions::*;
pub use more::*;
pub use with_constant::*;

/// A scalar function with its derivative: all that a nonlinearity of one's own needs.
///
/// ```
/// use pushpull_core::{Real, blocks::{Elementwise, Map}};
/// #[derive(Clone, Debug)]
/// struct Cube;
/// impl Elementwise for Cube {
///     fn f<T: Real>(&self, x: T) -> T { x * x * x }
///     fn df<T: Real>(&self, x: T) -> T { T::from_f64(3.0) * x * x }
/// }
/// let block = Map::new(Cube, 8); // ready for a graph
/// # let _ = block;
/// ```
///
/// # At a kink
/// A kink has a derivative to the left and one to the right, and every number between them is a subderivative (Clarke
/// 1975). Here it has *one* derivative, the same in both modes, at every scalar and in every spelling:
///
/// | function | derivative at its kink |
/// |---|---|
/// | [`Relu`] | 0 at 0, as most frameworks |
/// | [`LeakyRelu`] | `slope` at 0, the one to the left |
/// | [`Elu`], alpha other than 1 | `alpha` at 0, the one to the left |
/// | `x.abs()` | 0 at 0, half way |
/// | `a.max(b)`, `a.min(b)` | at a tie the derivative of `b`, the second: `x.max(0)` has 0, `zero.max(x)` has 1 |
/// | `if x > 0 { f } else { g }` | at 0 that of `g`, the branch taken |
/// | a composition | what the chain rule makes of these: `(x + x.abs()) / 2` has 1/2, `x * (x > 0)` has 0 |
///
/// The chain rule over such values need not give a subderivative of the whole: `relu(x) - relu(-x)` is x, and gets 0 at
/// 0 (Kakade and Lee 2018, arXiv 1809.08530). It is right wherever no entry sits on a kink, which is almost everywhere
/// (Bolte and Pauwels 2020, arXiv 2006.02080); `pushpull_laws::kinks` finds the entries that do and says how far the
/// gradient depends on the choice.
///
/// A function of one's own states in `df` the value that its `f` has at dual numbers, and lists the place in `kinks`.
pub trait Elementwise: Clone + Debug + Send + Sync + 'static {
    /// A short name in lower case.
    fn name(&self) -> &str {
        "map"
    }

    /// The function.
    fn f<T: Real>(&self, x: T) -> T;

    /// Its derivative. At a kink: one value, the same everywhere.
    fn df<T: Real>(&self, x: T) -> T;

    /// Its derivative from the *output*, where nothing is lost by that: then the input need not be stored, and the output
    /// can take its place. `Some` for every argument or for none.
    ///
    /// Where the function saturates, many inputs have one output, and the derivative is lost with them: `1 - y^2` is no
    /// derivative of tanh beyond 5. Then [`Elementwise::f_and_df`] is the way.
    fn df_from_output<T: Real>(&self, y: T) -> Option<T> {
        let _ = y;
        None
    }

    /// Where its derivative is finite.
    fn singular(&self) -> Singular {
        Singular::Never
    }

    /// Both at once, where they share most of their work: then the derivative is stored, and neither input nor output
    /// need be. `Some` for every argument or for none; looked at where [`Elementwise::df_from_output`] gives none.
    fn f_and_df<T: Real>(&self, x: T) -> Option<(T, T)> {
        let _ = x;
        None
    }

    /// Every kink, as (x, derivative to the left, derivative to the right).
    fn kinks(&self) -> Vec<(f64, f64, f64)> {
        Vec::new()
    }

    /// A fault in the function's own settings.
    ///
    /// # Errors
    /// [`crate::Error::Setting`]
    fn validate(&self) -> crate::Result<()> {
        Ok(())
    }
}

/// `y_i = f(x_i)` (lecture, equation 14). No parameters; the Jacobian is diagonal (equation 19).
///
/// With n rows, B samples, S seeds, and the flops and calls of `f` and `df` counted by running them:
///
/// | map | formula | cost |
/// |---|---|---|
/// | forward | `y = f(x)` | `nB f` |
/// | jvp_input | `y_dot = f'(x) * x_dot` | `nB df + nBS` flops |
/// | vjp_input | `x_bar = f'(x) * y_bar` | `nB df + nBS` flops |
///
/// A record keeps `nB` numbers, whichever gives the derivative without loss and for least work: y, else the slope itself,
/// computed beside y ([`Elementwise::f_and_df`]), else x. Keeping y costs no memory where the next block keeps its input
/// anyway, as a linear one does; the slope or x are `nB` numbers more. A primal alone computes and keeps no slope. With y or the slope the block runs in place.
/// Scratch memory: the slopes, `nB` numbers for several seeds, none for one or where they are kept. The costs of the
/// ready-made functions, (flops, calls) an entry; a call that gives value and slope is one:
///
/// | function | f | f' | from |
/// |---|---|---|---|
/// | identity | 0, 0 | 0, 0 | y |
/// | sigmoid | 0, 1 | 0, 0 | slope |
/// | tanh | 0, 1 | 0, 0 | slope |
/// | relu | 0, 0 | 0, 0 | y |
/// | leaky-relu | 1, 0 | 0, 0 | y |
/// | elu | 0, 1 | 0, 0 | slope |
/// | softplus | 0, 1 | 0, 0 | slope |
/// | silu | 0, 1 | 0, 0 | slope |
/// | gelu | 0, 1 | 0, 0 | slope |
/// | exp | 0, 1 | 0, 0 | y |
/// | ln | 0, 1 | 2, 0 | x |
/// | sin | 0, 1 | 0, 1 | x |
/// | square | 1, 0 | 1, 0 | x |
///
/// A zero seed gives an exact zero.
///
/// # How exact
/// Bounds of the errors over the whole range, every exponent and both signs, subnormal numbers, zeros and infinities, in
/// units in the last place of the result. In every form: out of place and in place, forward and back, for one seed and
/// several, at dual numbers, on planes. Those of f32 are a tenth above the largest error of any number from 2^-14 to 2^8 and of
/// every 61st elsewhere, those of f64 a quarter above the largest of 200,000 drawn ones, by the sweep in
/// `map/tests/dense.rs`; the tests hold a sparser sweep, and the numbers of the largest errors, to them. Where silu' and gelu',
/// silu'' and gelu'' pass a root, what is left of their terms is less than a quarter of them, and the error is in units of
/// that quarter.
///
/// | function | value, f32 | slope, f32 | second, f32 | value, f64 | slope, f64 | second, f64 |
/// |---|---|---|---|---|---|---|
/// | identity | 0.0 | 0.0 | 0.0 | 0.0 | 0.0 | 0.0 |
/// | sigmoid | 2.7 | 5.5 | 7.3 | 2.8 | 5.2 | 7.1 |
/// | tanh | 2.8 | 5.5 | 8.7 | 3.1 | 5.8 | 8.3 |
/// | relu | 0.0 | 0.0 | 0.0 | 0.0 | 0.0 | 0.0 |
/// | leaky-relu | 1.0 | 0.5 | 0.0 | 0.5 | 0.0 | 0.0 |
/// | elu | 1.2 | 1.2 | 1.2 | 1.4 | 1.2 | 1.2 |
/// | softplus | 1.9 | 2.7 | 5.5 | 2.0 | 2.8 | 5.2 |
/// | silu | 3.8 | 6.4 | 10.7 | 3.7 | 5.6 | 9.7 |
/// | gelu | 5.4 | 12.6 | 6.6 | 5.7 | 10.5 | 6.1 |
/// | exp | 1.2 | 1.2 | 1.2 | 1.2 | 1.2 | 1.2 |
/// | ln | 1.0 | 0.5 | 1.5 | 1.0 | 0.5 | 1.5 |
/// | sin | 0.7 | 0.7 | 0.7 | 0.7 | 0.7 | 0.7 |
/// | square | 0.5 | 0.0 | 0.0 | 0.5 | 0.0 | 0.0 |
/// | abs | 0.0 | 0.0 | 0.0 | 0.0 | 0.0 | 0.0 |
/// | sqrt | 0.5 | 1.6 | 5.2 | 0.5 | 1.6 | 5.2 |
/// | recip | 0.5 | 2.1 | 4.0 | 0.5 | 2.1 | 4.3 |
/// | cos | 0.7 | 0.7 | 0.7 | 0.7 | 0.7 | 0.7 |
/// | shift | 0.5 | 0.0 | 0.0 | 0.5 | 0.0 | 0.0 |
///
/// Sine and cosine are the standard library's. Elu's row is that of alpha 1; another costs one rounding more. At minus
/// infinity sigmoid, elu, softplus, silu and gelu have slope 0, at plus infinity sigmoid and tanh; there softplus, silu and
/// gelu have slope 1. NaN gives NaN, in the value and in the slope; only a slope that is the same everywhere (identity,
/// shift, the second derivative of a square) does not depend on where it is taken.
#[derive(Clone, Debug)]
pub struct Map<F> {
    function: F,
    n: usize,
}

impl<F: Elementwise> Map<F> {
    /// `function` on `n` rows.
    pub const fn new(function: F, n: usize) -> Self {
        Self { function, n }
    }

    /// What the derivative is taken from.
    #[inline(always)]
    fn kept(&self) -> Kept {
        if self.function.df_from_output(0.5_f64).is_some() {
            Kept::Output
        } else if self.function.f_and_df(0.5_f64).is_some() {
            Kept::Slope
        } else {
            Kept::Input
        }
    }

    /// The numbers that the derivative is taken from.
    #[inline(always)]
    fn numbers<'a, T: Real>(&self, at: &Point<'a, T>) -> Mat<'a, T> {
        match self.kept() {
            Kept::Input => at.x,
            Kept::Output => at.y,
            Kept::Slope => Mat::new(at.extra, self.n, at.batch),
        }
    }

    /// The derivative at a kept input or output.
    #[inline(always)]
    fn slope<T: Real>(&self, kept: T) -> T {
        match self.function.df_from_output(kept) {
            Some(slope) => slope,
            None => self.function.df(kept),
        }
    }

    /// The function and its derivative.
    #[inline(always)]
    fn both<T: Real>(&self, x: T) -> (T, T) {
        match self.function.f_and_df(x) {
            Some(both) => both,
            None => (self.function.f(x), self.function.df(x)),
        }
    }

    /// Each slope of the batch: those that are kept, or computed into `scratch` once for all seeds.
    fn slopes<'a, T: Real>(&self, at: &Point<'a, T>, scratch: &'a mut [T]) -> Mat<'a, T> {
        if self.kept() == Kept::Slope {
            return self.numbers(at);
        }
        let mut slopes = MatMut::new(scratch, self.n, at.batch);
        pairs(slopes.rb_mut(), self.numbers(at), Slope(self));
        slopes.into_mat()
    }

    /// Whether the derivative maps look for all slopes before they go through the seeds.
    fn needs_slopes(&self, seeds: usize) -> bool {
        seeds > 1 || self.kept() == Kept::Slope
    }
}

/// What a record keeps of a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kept {
    Input,
    Output,
    Slope,
}

/// `slope * seed`, where a zero seed is a structural zero: it stays exactly zero, whatever the slope is. One flop.
///
/// ```
/// use pushpull_core::blocks::chain;
/// assert_eq!(chain(f64::INFINITY, 0.0), 0.0);
/// assert_eq!(chain(2.0, 3.0), 6.0);
/// ```
#[inline(always)]
pub fn chain<T: Real>(slope: T, seed: T) -> T {
    let product = slope * seed;
    if seed.is_zero() { T::zero() } else { product }
}

/// `seed / b`, where a zero seed is a structural zero. One flop.
#[inline(always)]
pub(super) fn divided<T: Real>(seed: T, b: T) -> T {
    let quotient = seed / b;
    if seed.is_zero() { T::zero() } else { quotient }
}

impl<F: Elementwise> Spec for Map<F> {
    fn name(&self) -> &str {
        self.function.name()
    }

    fn dims(&self) -> Dims {
        Dims {
            n_in: self.n,
            n_out: self.n,
            n_params: 0,
        }
    }

    fn keeps(&self) -> Keeps {
        match self.kept() {
            Kept::Input => Keeps::X,
            Kept::Output => Keeps::Y,
            Kept::Slope => Keeps {
                extra: self.n,
                ..Keeps::NOTHING
            },
        }
    }

    fn cost(&self, op: Op, batch: usize, seeds: usize) -> Option<Cost> {
        let x = Counted(0.5);
        let kept = self.kept();
        let entry = match op {
            Op::Forward if kept == Kept::Slope => count(|| self.both(x)).1,
            Op::Forward => count(|| self.function.f(x)).1,
            Op::JvpInput | Op::VjpInput if kept == Kept::Slope => Cost::flops(seeds),
            Op::JvpInput | Op::VjpInput => count(|| self.slope(x)).1 + Cost::flops(seeds),
            Op::JvpParams(_) | Op::VjpParams(_) | Op::UnitParams(_) => Cost::ZERO,
        };
        Some(entry * (self.n * batch))
    }

    fn kinks(&self) -> Vec<(f64, f64, f64)> {
        self.function.kinks()
    }

    fn scratch_len(&self, op: Op, batch: usize, seeds: usize) -> usize {
        // The slopes, where several seeds share them and they are not kept.
        let shared = seeds > 1 && self.kept() != Kept::Slope;
        if matches!(op, Op::JvpInput | Op::VjpInput) && shared {
            self.n.saturating_mul(batch)
        } else {
            0
        }
    }

    fn optional_extra(&self) -> bool {
        true
    }

    fn shares(&self) -> bool {
        true
    }

    fn input_jacobian(&self) -> InputJacobian {
        InputJacobian::Diagonal
    }

    fn singular(&self) -> Singular {
        self.function.singular()
    }

    fn validate(&self) -> crate::Result<()> {
        self.function.validate()
    }
}

/// y = f(x), or y = f(y).
struct Value<'m, F>(&'m Map<F>);
/// y = f(x), z = f'(x), or the same of y.
struct Both<'m, F>(&'m Map<F>);
/// y = f'(kept)
struct Slope<'m, F>(&'m Map<F>);
/// y = f'(kept) * seed, or y = f'(kept) * y
struct Pushed<'m, F>(&'m Map<F>);
/// y = slope * seed, or y = slope * y
struct Scaled;

impl<T: Real, F: Elementwise> Single<T> for Value<'_, F> {
    #[inline(always)]
    fn at(&self, y: &mut T) {
        *y = self.0.function.f(*y);
    }
}
impl<T: Real, F: Elementwise> Pair<T> for Value<'_, F> {
    #[inline(always)]
    fn at(&self, y: &mut T, x: T) {
        *y = self.0.function.f(x);
    }
}
impl<T: Real, F: Elementwise> Twin<T> for Both<'_, F> {
    #[inline(always)]
    fn at(&self, y: &mut T, slope: &mut T) {
        (*y, *slope) = self.0.both(*y);
    }
}
impl<T: Real, F: Elementwise> TwinPair<T> for Both<'_, F> {
    #[inline(always)]
    fn at(&self, y: &mut T, slope: &mut T, x: T) {
        (*y, *slope) = self.0.both(x);
    }
}
/// f and f' at duals: `f'(x) x_dot` and `f''(x) x_dot` beside them.
impl<T: Real, F: Elementwise> Push<T> for Both<'_, F> {
    #[inline(always)]
    fn at(&self, x: Dual<T>) -> (Dual<T>, Dual<T>) {
        self.0.both(x)
    }
}
impl<T: Real, F: Elementwise> Pair<T> for Slope<'_, F> {
    #[inline(always)]
    fn at(&self, y: &mut T, kept: T) {
        *y = self.0.slope(kept);
    }
}
impl<T: Real, F: Elementwise> Pair<T> for Pushed<'_, F> {
    #[inline(always)]
    fn at(&self, y: &mut T, kept: T) {
        *y = chain(self.0.slope(kept), *y);
    }
}
impl<T: Real, F: Elementwise> Triple<T> for Pushed<'_, F> {
    #[inline(always)]
    fn at(&self, y: &mut T, seed: T, kept: T) {
        *y = chain(self.0.slope(kept), seed);
    }
}
/// f'(kept) * y_bar at duals: `f'(x) y_bar`, and `f'(x) y_bar_dot + f''(x) x_dot y_bar`.
impl<T: Real, F: Elementwise> Pull<T> for Pushed<'_, F> {
    #[inline(always)]
    fn at(&self, kept: Dual<T>, y_bar: Dual<T>) -> Dual<T> {
        chain(self.0.slope(kept), y_bar)
    }
}
/// The same at duals, of a slope with its derivative.
impl<T: Real> Pull<T> for Scaled {
    #[inline(always)]
    fn at(&self, slope: Dual<T>, y_bar: Dual<T>) -> Dual<T> {
        chain(slope, y_bar)
    }
}
impl<T: Real> Pair<T> for Scaled {
    #[inline(always)]
    fn at(&self, y: &mut T, slope: T) {
        *y = chain(slope, *y);
    }
}
impl<T: Real> Triple<T> for Scaled {
    #[inline(always)]
    fn at(&self, y: &mut T, seed: T, slope: T) {
        *y = chain(slope, seed);
    }
}

impl<T: Real, F: Elementwise> Block<T> for Map<F> {
    fn forward(&self, _: &[T], x: Mat<'_, T>, y: MatMut<'_, T>, extra: &mut [T]) {
        if self.kept() == Kept::Slope && !extra.is_empty() {
            let slopes = MatMut::new(extra, self.n, x.ncols());
            return twin_pairs(y, slopes, x, Both(self));
        }
        pairs(y, x, Value(self));
    }

    fn jvp_input(
        &self,
        at: &Point<'_, T>,
        x_dot: Mat<'_, T>,
        mut y_dot: MatMut<'_, T>,
        scratch: &mut [T],
    ) {
        let seeds = x_dot.ncols() / at.batch;
        if !self.needs_slopes(seeds) {
            return triples(y_dot, x_dot, self.numbers(at), Pushed(self));
        }
        let slopes = self.slopes(at, scratch);
        for columns in (0..seeds).map(|seed| seed * at.batch..(seed + 1) * at.batch) {
            triples(
                y_dot.rb_mut().cols(columns.clone()),
                x_dot.cols(columns),
                slopes,
                Scaled,
            );
        }
    }

    /// A diagonal matrix is its own transpose.
    fn vjp_input(
        &self,
        at: &Point<'_, T>,
        y_bar: Mat<'_, T>,
        x_bar: MatMut<'_, T>,
        scratch: &mut [T],
    ) {
        self.jvp_input(at, y_bar, x_bar, scratch);
    }

    fn singular_at(&self, at: &Point<'_, T>, second: bool, found: &mut dyn FnMut(Steep)) {
        singular::search(self, self.numbers(at), second, found);
    }

    fn in_place(&self) -> Option<&dyn InPlace<T>> {
        (self.kept() != Kept::Input).then_some(self)
    }

    fn second(&self) -> Option<&dyn SecondOrder<T>> {
        Some(self)
    }
}

impl<T: Real, F: Elementwise> InPlace<T> for Map<F> {
    fn forward_in_place(&self, _: &[T], xy: MatMut<'_, T>, extra: &mut [T]) {
        if self.kept() == Kept::Slope && !extra.is_empty() {
            let slopes = MatMut::new(extra, self.n, xy.ncols());
            return twins(xy, slopes, Both(self));
        }
        singles(xy, Value(self));
    }

    fn jvp_input_in_place(&self, at: &Point<'_, T>, mut dot: MatMut<'_, T>, scratch: &mut [T]) {
        let seeds = dot.ncols() / at.batch;
        if !self.needs_slopes(seeds) {
            return pairs(dot, self.numbers(at), Pushed(self));
        }
        let slopes = self.slopes(at, scratch);
        for seed in 0..seeds {
            let columns = seed * at.batch..(seed + 1) * at.batch;
            pairs(dot.rb_mut().cols(columns), slopes, Scaled);
        }
    }

    fn vjp_input_in_place(&self, at: &Point<'_, T>, bar: MatMut<'_, T>, scratch: &mut [T]) {
        self.jvp_input_in_place(at, bar, scratch);
    }
}

impl<T: Real, F: Elementwise> SecondOrder<T> for Map<F> {
    /// Of a kept slope, the derivative is written beside it.
    fn forward_dot(
        &self,
        params: &[T],
        _: Option<&[T]>,
        x: Planes<'_, T>,
        y: PlanesMut<'_, T>,
        [extra, extra_dot]: [&mut [T]; 2],
        scratch: &mut [T],
    ) {
        let (mut y, mut y_dot) = y.split();
        let batch = y.ncols();
        let Some(x_dot) = x.dot else {
            self.forward(params, x.value, y, extra);
            y_dot.fill(T::zero());
            return extra_dot.fill(T::zero());
        };
        if self.kept() == Kept::Slope {
            let slopes = [extra, extra_dot].map(|numbers| MatMut::new(numbers, self.n, batch));
            return push((y, y_dot), slopes.into(), [x.value, x_dot], Both(self));
        }
        self.forward(params, x.value, y.rb_mut(), extra);
        let at = Point {
            params,
            x: x.value,
            y: y.rb(),
            extra,
            batch,
        };
        self.jvp_input(&at, x_dot, y_dot, scratch);
    }

    /// f'' is the derivative of what computes f', run at duals.
    fn vjp_input_dot(
        &self,
        at: &DotPoint<'_, T>,
        y_bar: Cotangents<'_, T>,
        x_bar: PlanesMut<'_, T>,
        scratch: &mut [T],
    ) {
        let bars = [y_bar.value(), y_bar.dot()];
        let kept = match self.kept() {
            Kept::Input => at.x,
            Kept::Output => at.y,
            Kept::Slope => {
                let slopes = [at.extra, at.extra_dot];
                let slopes = slopes.map(|numbers| Mat::new(numbers, self.n, at.batch));
                return pull(x_bar.split(), slopes, bars, Scaled);
            }
        };
        let Some(dot) = kept.dot else {
            return self.vjp_input(&at.point(), y_bar.both(), x_bar.both(), scratch);
        };
        pull(x_bar.split(), [kept.value, dot], bars, Pushed(self));
    }
}

#[cfg(test)]
mod tests;
