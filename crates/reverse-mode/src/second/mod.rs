//! The ways to a Hessian-vector product, behind [`crate::HessianVector`].

use pushpull_core::{Mat, MatMut, Wrt};

mod duals;
mod emit;
mod plan;
mod planes;

pub(crate) use duals::Duals;
pub use plan::HessianVectorPlan;
pub(crate) use planes::Planes;

/// What is asked along a direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Along {
    /// Whether it is one in the parameters, and one in the inputs.
    pub params: bool,
    pub inputs: bool,
    /// The gradient with respect to the parameters, and its derivative.
    pub gradient: bool,
    pub product: bool,
    /// The derivative of the gradient with respect to the inputs.
    pub x_bar_dot: bool,
}

impl Along {
    /// The Hessian in the parameters times a direction, with the gradient or without.
    pub(crate) const fn hessian_vector(gradient: bool) -> Self {
        Self {
            params: true,
            inputs: false,
            gradient,
            product: true,
            x_bar_dot: false,
        }
    }

    fn of<T>(direction: &Direction<'_, T>, answer: &Answer<'_, T>) -> Self {
        Self {
            params: direction.params.is_some(),
            inputs: direction.inputs.is_some(),
            gradient: answer.params_bar.is_some(),
            product: answer.params_bar_dot.is_some(),
            x_bar_dot: answer.x_bar_dot.is_some(),
        }
    }
}

/// One direction. `None` is a zero.
#[derive(Clone, Copy)]
pub(crate) struct Direction<'a, T> {
    /// n_params numbers.
    pub params: Option<&'a [T]>,
    /// n_inputs x batch
    pub inputs: Option<Mat<'a, T>>,
}

/// Where the results go. What is `None` is not asked for.
pub(crate) struct Answer<'a, T> {
    /// The gradient with respect to the parameters.
    pub params_bar: Option<&'a mut [T]>,
    /// Its derivative along the direction.
    pub params_bar_dot: Option<&'a mut [T]>,
    /// The derivative of the gradient with respect to the inputs, n_inputs x batch.
    pub x_bar_dot: Option<MatMut<'a, T>>,
}

/// By what slopes have to be finite: the direction's own, and those of what is asked for.
pub(crate) fn wrt<T>(direction: &Direction<'_, T>, answer: &Answer<'_, T>) -> Wrt {
    Wrt {
        params: direction.params.is_some()
            || answer.params_bar.is_some()
            || answer.params_bar_dot.is_some(),
        inputs: direction.inputs.is_some() || answer.x_bar_dot.is_some(),
    }
}
