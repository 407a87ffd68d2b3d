//! A block around another one that misbehaves as told: for facts about who calls what, and for planted faults.

use std::sync::Arc;

use pushpull::{
    Accum, AnyBlock, Block, Cost, Dims, InPlace, InputJacobian, Keeps, Mat, MatMut, Op,
    ParamJacobian, ParamShape, Point, Scalar, Spec,
};

/// What is wrong with a block.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fault {
    /// Every map of reverse mode panics.
    NoReverse,
    /// Every map of forward mode panics.
    NoForward,
    /// This map's result is too large by this factor.
    Scaled(Map, f64),
}

/// A derivative map of a block.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Map {
    JvpInput,
    VjpInput,
    JvpParams,
    VjpParams,
}

/// A block with a fault.
#[derive(Clone, Debug)]
pub struct Tampered {
    inner: Arc<dyn AnyBlock>,
    fault: Fault,
}

impl Tampered {
    /// For `build_with`: puts this fault into every block.
    pub fn all(fault: Fault) -> impl Fn(Arc<dyn AnyBlock>) -> Arc<dyn AnyBlock> {
        move |inner| Arc::new(Self { inner, fault })
    }

    fn scaled<T: Scalar>(&self, map: Map, numbers: &mut [T]) {
        if let Fault::Scaled(faulty, factor) = self.fault
            && faulty == map
        {
            numbers
                .iter_mut()
                .for_each(|number| *number *= T::from_f64(factor));
        }
    }

    fn scaled_columns<T: Scalar>(&self, map: Map, mut target: MatMut<'_, T>) {
        for j in 0..target.ncols() {
            self.scaled(map, target.col_mut(j));
        }
    }

    fn forward_mode(&self) {
        assert!(
            self.fault != Fault::NoForward,
            "a map of forward mode was called"
        );
    }

    fn reverse_mode(&self) {
        assert!(
            self.fault != Fault::NoReverse,
            "a map of reverse mode was called"
        );
    }
}

impl Spec for Tampered {
    fn name(&self) -> &str {
        Spec::name(&*self.inner)
    }
    fn dims(&self) -> Dims {
        self.inner.dims()
    }
    fn keeps(&self) -> Keeps {
        self.inner.keeps()
    }
    fn params(&self) -> Vec<ParamShape> {
        self.inner.params()
    }
    fn cost(&self, op: Op, batch: usize, seeds: usize) -> Option<Cost> {
        self.inner.cost(op, batch, seeds)
    }
    fn scratch_len(&self, op: Op, batch: usize, seeds: usize) -> usize {
        self.inner.scratch_len(op, batch, seeds)
    }
    fn input_jacobian(&self) -> InputJacobian {
        self.inner.input_jacobian()
    }
    fn param_jacobian(&self) -> ParamJacobian {
        self.inner.param_jacobian()
    }
    fn surrogate(&self) -> bool {
        matches!(self.fault, Fault::Scaled(..))
    }
    fn validate(&self) -> Result<(), pushpull::Error> {
        self.inner.validate()
    }
}

impl<T: Scalar> Block<T> for Tampered {
    fn forward(&self, params: &[T], x: Mat<'_, T>, y: MatMut<'_, T>, extra: &mut [T]) {
        T::of(&*self.inner).forward(params, x, y, extra);
    }

    fn jvp_input(
        &self,
        at: &Point<'_, T>,
        x_dot: Mat<'_, T>,
        mut y_dot: MatMut<'_, T>,
        scratch: &mut [T],
    ) {
        self.forward_mode();
        T::of(&*self.inner).jvp_input(at, x_dot, y_dot.rb_mut(), scratch);
        self.scaled_columns(Map::JvpInput, y_dot);
    }

    fn vjp_input(
        &self,
        at: &Point<'_, T>,
        y_bar: Mat<'_, T>,
        mut x_bar: MatMut<'_, T>,
        scratch: &mut [T],
    ) {
        self.reverse_mode();
        T::of(&*self.inner).vjp_input(at, y_bar, x_bar.rb_mut(), scratch);
        self.scaled_columns(Map::VjpInput, x_bar);
    }

    fn jvp_params(
        &self,
        at: &Point<'_, T>,
        params_dot: Mat<'_, T>,
        acc: Accum,
        mut y_dot: MatMut<'_, T>,
        scratch: &mut [T],
    ) {
        self.forward_mode();
        T::of(&*self.inner).jvp_params(at, params_dot, acc, y_dot.rb_mut(), scratch);
        self.scaled_columns(Map::JvpParams, y_dot);
    }

    fn vjp_params(
        &self,
        at: &Point<'_, T>,
        y_bar: Mat<'_, T>,
        acc: Accum,
        params_bar: &mut [T],
        scratch: &mut [T],
    ) {
        self.reverse_mode();
        T::of(&*self.inner).vjp_params(at, y_bar, acc, params_bar, scratch);
        self.scaled(Map::VjpParams, params_bar);
    }

    fn unit_params(
        &self,
        at: &Point<'_, T>,
        first: usize,
        acc: Accum,
        mut y_dot: MatMut<'_, T>,
        scratch: &mut [T],
    ) {
        self.forward_mode();
        T::of(&*self.inner).unit_params(at, first, acc, y_dot.rb_mut(), scratch);
        self.scaled_columns(Map::JvpParams, y_dot);
    }

    fn in_place(&self) -> Option<&dyn InPlace<T>> {
        self.inner.overwrites().then_some(self)
    }
}

impl<T: Scalar> InPlace<T> for Tampered {
    fn forward_in_place(&self, params: &[T], xy: MatMut<'_, T>, extra: &mut [T]) {
        if let Some(inner) = T::of(&*self.inner).in_place() {
            inner.forward_in_place(params, xy, extra);
        }
    }

    fn jvp_input_in_place(&self, at: &Point<'_, T>, mut dot: MatMut<'_, T>, scratch: &mut [T]) {
        self.forward_mode();
        if let Some(inner) = T::of(&*self.inner).in_place() {
            inner.jvp_input_in_place(at, dot.rb_mut(), scratch);
        }
        self.scaled_columns(Map::JvpInput, dot);
    }

    fn vjp_input_in_place(&self, at: &Point<'_, T>, mut bar: MatMut<'_, T>, scratch: &mut [T]) {
        self.reverse_mode();
        if let Some(inner) = T::of(&*self.inner).in_place() {
            inner.vjp_input_in_place(at, bar.rb_mut(), scratch);
        }
        self.scaled_columns(Map::VjpInput, bar);
    }
}
