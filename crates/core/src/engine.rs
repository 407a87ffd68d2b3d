//! What every engine can be asked, whichever it is.

use std::fmt;
use std::ops::Range;

use nalgebra::DMatrix;

use crate::{Error, Mat, MatMut, Result, Scalar};

/// A prepared engine, whichever it is: what chooses one at run time holds a `dyn Engine<T>`. The engines' own methods of
/// these names take more kinds of matrices. A question that an engine does not answer is [`Error::Setting`].
///
/// Shapes, for B samples: `params` n_params, `x` n_inputs x B.
///
/// ```
/// use pushpull_core::{Engine, Error, Mat, Result};
/// /// f(w) = w'w, its gradient by hand.
/// #[derive(Debug)]
/// struct ByHand(Vec<f64>);
/// impl Engine<f64> for ByHand {
///     fn name(&self) -> &'static str {
///         "ByHand"
///     }
///     fn value_and_gradient(&mut self, params: &[f64], _: Mat<'_, f64>) -> Result<(f64, &[f64])> {
///         self.0 = params.iter().map(|w| 2.0 * w).collect();
///         Ok((params.iter().map(|w| w * w).sum(), &self.0))
///     }
/// }
/// let engine: &mut dyn Engine<f64> = &mut ByHand(Vec::new());
/// assert_eq!(engine.value_and_gradient(&[3.0], Mat::empty())?, (9.0, &[6.0][..]));
/// assert!(matches!(engine.jacobian_params(&[3.0], Mat::empty()), Err(Error::Setting { .. })));
/// # Ok::<(), Error>(())
/// ```
pub trait Engine<T: Scalar>: fmt::Debug {
    /// The type's name, for errors.
    fn name(&self) -> &'static str;

    /// The sum of all outputs, and its gradient by the parameters.
    ///
    /// # Errors
    /// The engine's own.
    fn value_and_gradient(&mut self, params: &[T], x: Mat<'_, T>) -> Result<(T, &[T])> {
        let _ = (params, x);
        Err(refused(self.name(), "a gradient"))
    }

    /// The same, and `tell` is told of each part of the gradient as soon as it is final: which parameters, and their numbers. All
    /// parameters are told of, each once; by an engine that does not know better, of all at the end.
    ///
    /// # Errors
    /// The engine's own; then what was told does not count.
    fn value_and_gradient_in_parts(
        &mut self,
        params: &[T],
        x: Mat<'_, T>,
        tell: &mut dyn FnMut(Range<usize>, &[T]),
    ) -> Result<(T, &[T])> {
        let (value, gradient) = self.value_and_gradient(params, x)?;
        tell(0..gradient.len(), gradient);
        Ok((value, gradient))
    }

    /// The output's tangents along directions in the parameters (n_params x S), written to `y_dot` (n_outputs x B S).
    ///
    /// # Errors
    /// The engine's own.
    fn jvp_into(
        &mut self,
        params: &[T],
        x: Mat<'_, T>,
        params_dot: Mat<'_, T>,
        y_dot: MatMut<'_, T>,
    ) -> Result<()> {
        let _ = (params, x, params_dot, y_dot);
        Err(refused(self.name(), "a jvp"))
    }

    /// Cotangents of the output (n_outputs x B S) pulled back to the parameters, written to `params_bar` (n_params x S).
    ///
    /// # Errors
    /// The engine's own.
    fn vjp_into(
        &mut self,
        params: &[T],
        x: Mat<'_, T>,
        y_bar: Mat<'_, T>,
        params_bar: MatMut<'_, T>,
    ) -> Result<()> {
        let _ = (params, x, y_bar, params_bar);
        Err(refused(self.name(), "a vjp"))
    }

    /// The Jacobian of all outputs by the parameters: row `sample * n_outputs + output`.
    ///
    /// # Errors
    /// The engine's own.
    fn jacobian_params(&mut self, params: &[T], x: Mat<'_, T>) -> Result<DMatrix<T>> {
        let _ = (params, x);
        Err(refused(self.name(), "a Jacobian by the parameters"))
    }

    /// The Jacobian of all outputs by the inputs, sample by sample: row `sample * n_outputs + output`.
    ///
    /// # Errors
    /// The engine's own.
    fn jacobian_inputs(&mut self, params: &[T], x: Mat<'_, T>) -> Result<DMatrix<T>> {
        let _ = (params, x);
        Err(refused(self.name(), "a Jacobian by the inputs"))
    }

    /// The Euclidean norm of each sample's gradient by the parameters, of the sum of its outputs.
    ///
    /// # Errors
    /// The engine's own.
    fn gradient_norms(&mut self, params: &[T], x: Mat<'_, T>) -> Result<Vec<T>> {
        let _ = (params, x);
        Err(refused(self.name(), "norms of gradients"))
    }

    /// The sum of all outputs; its Hessian in the parameters times directions (n_params x S) is written to `products`, of the
    /// same shape.
    ///
    /// # Errors
    /// The engine's own.
    fn hessian_vectors_into(
        &mut self,
        params: &[T],
        x: Mat<'_, T>,
        directions: Mat<'_, T>,
        products: MatMut<'_, T>,
    ) -> Result<T> {
        let _ = (params, x, directions, products);
        Err(refused(self.name(), "products with the Hessian"))
    }
}

fn refused(name: &str, question: &str) -> Error {
    Error::setting(name, "question", "one that this engine answers", question)
}
