//! A block's own second derivatives.

use crate::planes::{Cotangents, DotPoint, Planes, PlanesMut};
use crate::{Accum, Block, Mat, Point, Real};

/// Second derivatives of a block on planes: values beside their tangents along a direction, and cotangents beside their
/// derivatives ([`crate::planes`]). A block has them by this trait and says so by [`Block::second`], so what is promised is there.
///
/// As provided the three maps are right for a block whose Jacobian is the same everywhere and that keeps no `extra` numbers, such
/// as a sum:
///
/// ```
/// use pushpull_core::{Block, Dims, Keeps, Mat, MatMut, Point, Real, SecondOrder, Spec};
/// /// h = 3 x
/// #[derive(Debug)]
/// struct Tripled;
/// impl Spec for Tripled {
///     fn dims(&self) -> Dims {
///         Dims { n_in: 1, n_out: 1, n_params: 0 }
///     }
///     fn keeps(&self) -> Keeps {
///         Keeps::NOTHING
///     }
/// }
/// fn tripled<T: Real>(from: Mat<'_, T>, mut to: MatMut<'_, T>) {
///     for j in 0..from.ncols() {
///         to.col_mut(j)[0] = T::from_f64(3.0) * from.col(j)[0];
///     }
/// }
/// impl<T: Real> Block<T> for Tripled {
///     fn forward(&self, _: &[T], x: Mat<'_, T>, y: MatMut<'_, T>, _: &mut [T]) {
///         tripled(x, y);
///     }
///     fn jvp_input(&self, _: &Point<'_, T>, x_dot: Mat<'_, T>, y_dot: MatMut<'_, T>, _: &mut [T]) {
///         tripled(x_dot, y_dot);
///     }
///     fn vjp_input(&self, _: &Point<'_, T>, y_bar: Mat<'_, T>, x_bar: MatMut<'_, T>, _: &mut [T]) {
///         tripled(y_bar, x_bar);
///     }
///     fn second(&self) -> Option<&dyn SecondOrder<T>> {
///         Some(self)
///     }
/// }
/// impl<T: Real> SecondOrder<T> for Tripled {}
/// assert!(Block::<f64>::second(&Tripled).is_some());
/// ```
pub trait SecondOrder<T: Real>: Block<T> {
    /// `y = f(x, w)` and `y_dot = (df/dx) x_dot + (df/dw) params_dot`, one direction; and the `extra` numbers with their
    /// derivatives, all of which are written. At least one of `x.dot` and `params_dot` is there; what is not, is zero.
    ///
    /// Provided by the maps above for a block without `extra` numbers.
    fn forward_dot(
        &self,
        params: &[T],
        params_dot: Option<&[T]>,
        x: Planes<'_, T>,
        y: PlanesMut<'_, T>,
        extra: [&mut [T]; 2],
        scratch: &mut [T],
    ) {
        let [extra, _] = extra;
        let (mut value, dot) = y.split();
        self.forward(params, x.value, value.rb_mut(), extra);
        let at = Point {
            params,
            x: x.value,
            y: value.rb(),
            extra,
            batch: value.ncols(),
        };
        let params_dot = params_dot.map(|dot| Mat::new(dot, dot.len(), 1));
        self.jvp(&at, params_dot, x.dot, dot, scratch);
    }

    /// `x_bar = (df/dx)' y_bar` and its derivative along the direction, with J = df/dx and J_dot its derivative at `at`:
    /// `x_bar_dot = J' y_bar_dot + J_dot' y_bar`.
    ///
    /// Provided for a Jacobian that is the same everywhere.
    fn vjp_input_dot(
        &self,
        at: &DotPoint<'_, T>,
        y_bar: Cotangents<'_, T>,
        x_bar: PlanesMut<'_, T>,
        scratch: &mut [T],
    ) {
        self.vjp_input(&at.point(), y_bar.both(), x_bar.both(), scratch);
    }

    /// The derivative of [`Block::vjp_params`] along the direction, with J = df/dw and J_dot its derivative at `at`:
    /// `params_bar_dot (+)= J' y_bar_dot + J_dot' y_bar`, summed over the batch.
    ///
    /// Provided for a Jacobian that is the same everywhere.
    fn vjp_params_dot(
        &self,
        at: &DotPoint<'_, T>,
        y_bar: Cotangents<'_, T>,
        acc: Accum,
        params_bar_dot: &mut [T],
        scratch: &mut [T],
    ) {
        self.vjp_params(&at.point(), y_bar.dot(), acc, params_bar_dot, scratch);
    }
}
