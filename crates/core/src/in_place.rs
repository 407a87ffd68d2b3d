//! Maps that overwrite what they read.

use crate::{Block, MatMut, Point, Real};

/// The maps of a block with `n_in == n_out` that does not keep x, written over what they read: its input, or a seed. An engine
/// then needs one buffer where it would need two. A block has them by this trait and says so by [`Block::in_place`], so what is
/// promised is there. They give the bits of the maps that they stand for, and cost the same.
///
/// ```
/// use pushpull_core::{Block, Dims, InPlace, Keeps, Mat, MatMut, Point, Real, Spec};
/// /// h = -x
/// #[derive(Debug)]
/// struct Negated;
/// impl Spec for Negated {
///     fn dims(&self) -> Dims {
///         Dims { n_in: 1, n_out: 1, n_params: 0 }
///     }
///     fn keeps(&self) -> Keeps {
///         Keeps::NOTHING
///     }
/// }
/// fn negate<T: Real>(mut numbers: MatMut<'_, T>) {
///     for j in 0..numbers.ncols() {
///         numbers.col_mut(j)[0] = -numbers.rb().col(j)[0];
///     }
/// }
/// impl<T: Real> Block<T> for Negated {
///     fn forward(&self, _: &[T], x: Mat<'_, T>, mut y: MatMut<'_, T>, _: &mut [T]) {
///         y.copy_from(x);
///         negate(y);
///     }
///     fn jvp_input(&self, _: &Point<'_, T>, x_dot: Mat<'_, T>, mut y_dot: MatMut<'_, T>, _: &mut [T]) {
///         y_dot.copy_from(x_dot);
///         negate(y_dot);
///     }
///     fn vjp_input(&self, _: &Point<'_, T>, y_bar: Mat<'_, T>, mut x_bar: MatMut<'_, T>, _: &mut [T]) {
///         x_bar.copy_from(y_bar);
///         negate(x_bar);
///     }
///     fn in_place(&self) -> Option<&dyn InPlace<T>> {
///         Some(self)
///     }
/// }
/// impl<T: Real> InPlace<T> for Negated {
///     fn forward_in_place(&self, _: &[T], xy: MatMut<'_, T>, _: &mut [T]) {
///         negate(xy);
///     }
///     fn jvp_input_in_place(&self, _: &Point<'_, T>, dot: MatMut<'_, T>, _: &mut [T]) {
///         negate(dot);
///     }
///     fn vjp_input_in_place(&self, _: &Point<'_, T>, bar: MatMut<'_, T>, _: &mut [T]) {
///         negate(bar);
///     }
/// }
/// assert!(Block::<f64>::in_place(&Negated).is_some());
/// ```
pub trait InPlace<T: Real>: Block<T> {
    /// [`Block::forward`] over its own input, n x batch.
    fn forward_in_place(&self, params: &[T], xy: MatMut<'_, T>, extra: &mut [T]);

    /// [`Block::jvp_input`] over its own seed, n x batch S.
    fn jvp_input_in_place(&self, at: &Point<'_, T>, dot: MatMut<'_, T>, scratch: &mut [T]);

    /// [`Block::vjp_input`] over its own seed, n x batch S.
    fn vjp_input_in_place(&self, at: &Point<'_, T>, bar: MatMut<'_, T>, scratch: &mut [T]);
}
