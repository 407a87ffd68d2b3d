//! A scalar function on every entry: the activation functions of the lecture, and a user's own.

use std::fmt::Debug;

use crate::planes::{Cotangents, DotPoint, PlanesMut};
use crate::vector::{Pair, Single, Triple, pairs, singles, triples};
use crate::vector_planes::{Pull, pull};
use crate::{
    Block, Cost, Counted, Dims, Dual, InputJacobian, Keeps, Mat, MatMut, Op, Point, Real, Singular,
    Spec, Steep, count,
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

    /// Its derivative from the *output*, where that is possible: then the input need not be stored, and the output can
    /// take its place. `Some` for every argument or for none.
    fn df_from_output<T: Real>(&self, y: T) -> Option<T> {
        let _ = y;
        None
    }

    /// Where its derivative is finite.
    fn singular(&self) -> Singular {
        Singular::Never
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
/// A record keeps `nB` numbers, y where the derivative can be had from it, else x. Scratch memory: the slopes, `nB` numbers
/// for several seeds and none for one. The costs of the ready-made functions, (flops, calls) an entry:
///
/// | function | f | f' | from |
/// |---|---|---|---|
/// | identity | 0, 0 | 0, 0 | y |
/// | sigmoid | 2, 1 | 2, 0 | y |
/// | tanh | 0, 1 | 2, 0 | y |
/// | relu | 0, 0 | 0, 0 | y |
/// | leaky-relu | 1, 0 | 0, 0 | y |
/// | elu | 1, 1 | 1, 0 | y |
/// | softplus | 1, 2 | 0, 1 | y |
/// | silu | 3, 1 | 7, 2 | x |
/// | gelu | 3, 1 | 7, 2 | x |
/// | exp | 0, 1 | 0, 0 | y |
/// | ln | 0, 1 | 1, 0 | x |
/// | sin | 0, 1 | 0, 1 | x |
/// | square | 1, 0 | 1, 0 | x |
///
/// A derivative that can be had from the output is, and the block then runs in place. A zero seed gives an exact zero.
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

    /// Whether the derivative is taken from the output.
    fn uses_output(&self) -> bool {
        self.function.df_from_output(0.5_f64).is_some()
    }

    /// What the derivative is taken from.
    #[inline(always)]
    fn kept<'a, T: Real>(&self, at: &Point<'a, T>) -> Mat<'a, T> {
        if self.uses_output() { at.y } else { at.x }
    }

    /// The derivative at a kept number.
    #[inline(always)]
    fn slope_of<T: Real>(&self, kept: T) -> T {
        match self.function.df_from_output(kept) {
            Some(slope) => slope,
            None => self.function.df(kept),
        }
    }

    /// Each slope of the batch into `scratch`, once for all seeds.
    fn slopes<'a, T: Real>(&self, at: &Point<'_, T>, scratch: &'a mut [T]) -> Mat<'a, T> {
        let mut slopes = MatMut::new(scratch, self.n, at.batch);
        pairs(slopes.rb_mut(), self.kept(at), Slope(self));
        slopes.into_mat()
    }
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
        if self.uses_output() {
            Keeps::Y
        } else {
            Keeps::X
        }
    }

    fn cost(&self, op: Op, batch: usize, seeds: usize) -> Option<Cost> {
        let x = Counted(0.5);
        let entry = match op {
            Op::Forward => count(|| self.function.f(x)).1,
            Op::JvpInput | Op::VjpInput => {
                let slope = || {
                    self.function
                        .df_from_output(x)
                        .unwrap_or_else(|| self.function.df(x))
                };
                let slope = if self.uses_output() {
                    count(slope).1
                } else {
                    count(|| self.function.df(x)).1
                };
                slope + Cost::flops(seeds)
            }
            Op::JvpParams(_) | Op::VjpParams(_) | Op::UnitParams(_) => Cost::ZERO,
        };
        Some(entry * (self.n * batch))
    }

    fn kinks(&self) -> Vec<(f64, f64, f64)> {
        self.function.kinks()
    }

    fn scratch_len(&self, op: Op, batch: usize, seeds: usize) -> usize {
        // The slopes, where several seeds share them.
        if matches!(op, Op::JvpInput | Op::VjpInput) && seeds > 1 {
            self.n * batch
        } else {
            0
        }
    }

    fn in_place(&self) -> bool {
        self.uses_output()
    }

    fn planes(&self) -> bool {
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
impl<T: Real, F: Elementwise> Pair<T> for Slope<'_, F> {
    #[inline(always)]
    fn at(&self, y: &mut T, kept: T) {
        *y = self.0.slope_of(kept);
    }
}
impl<T: Real, F: Elementwise> Pair<T> for Pushed<'_, F> {
    #[inline(always)]
    fn at(&self, y: &mut T, kept: T) {
        *y = chain(self.0.slope_of(kept), *y);
    }
}
impl<T: Real, F: Elementwise> Triple<T> for Pushed<'_, F> {
    #[inline(always)]
    fn at(&self, y: &mut T, seed: T, kept: T) {
        *y = chain(self.0.slope_of(kept), seed);
    }
}
/// f'(kept) * y_bar at duals: `f'(x) y_bar`, and `f'(x) y_bar_dot + f''(x) x_dot y_bar`.
impl<T: Real, F: Elementwise> Pull<T> for Pushed<'_, F> {
    #[inline(always)]
    fn at(&self, kept: Dual<T>, y_bar: Dual<T>) -> Dual<T> {
        chain(self.0.slope_of(kept), y_bar)
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
    fn forward(&self, _: &[T], x: Mat<'_, T>, y: MatMut<'_, T>, _: &mut [T]) {
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
        if seeds == 1 {
            return triples(y_dot, x_dot, self.kept(at), Pushed(self));
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
        singular::search(self, self.kept(at), second, found);
    }

    fn forward_in_place(&self, _: &[T], xy: MatMut<'_, T>, _: &mut [T]) {
        singles(xy, Value(self));
    }

    fn jvp_input_in_place(&self, at: &Point<'_, T>, mut dot: MatMut<'_, T>, scratch: &mut [T]) {
        let seeds = dot.ncols() / at.batch;
        if seeds == 1 {
            return pairs(dot, self.kept(at), Pushed(self));
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

    /// f'' is the derivative of what computes f', run at duals.
    fn vjp_input_dot(
        &self,
        at: &DotPoint<'_, T>,
        y_bar: Cotangents<'_, T>,
        x_bar: PlanesMut<'_, T>,
        scratch: &mut [T],
    ) {
        let kept = if self.uses_output() { at.y } else { at.x };
        let Some(dot) = kept.dot else {
            return self.vjp_input(&at.point(), y_bar.both(), x_bar.both(), scratch);
        };
        let y_bar = [y_bar.value(), y_bar.dot()];
        pull(x_bar.split(), [kept.value, dot], y_bar, Pushed(self));
    }
}
