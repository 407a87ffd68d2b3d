//! Reverse mode with checkpoints: a schedule's stages, and the adjoint program between them.

use std::ops::Range;

use pushpull_core::{Accum, Cost, Graph, Mat, MatMut, Scalar, Wrt, memory};

use crate::adjoint::{Adjoint, Visit, Wanted};
use crate::checkpoint::pieces::Pieces;

/// Both programs, without their numbers.
#[derive(Clone, Debug)]
pub(crate) struct PiecedPlan {
    pub pieces: Box<Pieces>,
    pub adjoint: Adjoint,
}

impl PiecedPlan {
    pub(crate) const fn graph(&self) -> &Graph {
        self.pieces.graph()
    }

    /// Numbers of the record with its checkpoints, of the cotangents and their seed, and of scratch memory.
    fn lens(&self) -> [usize; 4] {
        let (graph, batch) = (self.pieces.graph(), self.pieces.batch());
        let seed = memory::elements(&[graph.n_outputs(), batch, self.adjoint.seeds()]);
        let (record, cotangents) = (self.pieces.len(), self.adjoint.len());
        [record, cotangents, seed, self.adjoint.scratch_len()]
    }

    /// Numbers of the arena and of scratch memory.
    pub(crate) fn numbers(&self) -> (usize, usize) {
        let [record, cotangents, seed, scratch] = self.lens();
        (
            record.saturating_add(cotangents).saturating_add(seed),
            scratch,
        )
    }

    /// Heap bytes that the plan keeps.
    pub(crate) fn held(&self) -> usize {
        size_of::<Pieces>() + self.pieces.held() + self.adjoint.held()
    }

    /// The cost of a gradient without the sum of its value, with that of the inputs or without.
    pub(crate) fn cost<T: Scalar>(&self, inputs: bool) -> Cost {
        let pulled = self.pullback_cost::<T>(1, true, inputs);
        self.pieces.primal_cost::<T>() + pulled
    }

    /// A pullback from a fresh record, with what is computed again for it.
    pub(crate) fn pullback_cost<T: Scalar>(
        &self,
        seeds: usize,
        params: bool,
        inputs: bool,
    ) -> Cost {
        let batch = self.pieces.batch();
        let adjoint = self.adjoint.cost::<T>(batch, seeds, params, inputs);
        self.pieces.rerun_cost::<T>() + adjoint
    }
}

/// The programs with their numbers.
#[derive(Clone, Debug)]
pub(crate) struct Pieced<T> {
    pub plan: PiecedPlan,
    record: Vec<T>,
    cotangents: Vec<T>,
    seed: Vec<T>,
    scratch: Vec<T>,
}

impl<T: Scalar> Pieced<T> {
    pub(crate) fn new(plan: PiecedPlan) -> Self {
        let [record, cotangents, seed, scratch] = plan.lens().map(|len| vec![T::zero(); len]);
        Self {
            plan,
            record,
            cotangents,
            seed,
            scratch,
        }
    }

    pub(crate) fn output(&self) -> Mat<'_, T> {
        self.plan.pieces.result(&self.record)
    }

    /// Runs the primal up to the first pullback. Returns by what derivatives are in doubt.
    pub(crate) fn record(&mut self, params: &[T], x: Mat<'_, T>) -> Wrt {
        self.plan.pieces.primal(params, x, &mut self.record)
    }

    /// Pulls the cotangent of the sum of all outputs back.
    pub(crate) fn pull_ones(
        &mut self,
        params: &[T],
        x: Mat<'_, T>,
        params_bar: MatMut<'_, T>,
        x_bar: Option<MatMut<'_, T>>,
        unit: Option<T>,
    ) {
        let (n_outputs, batch) = (self.plan.graph().n_outputs(), self.plan.pieces.batch());
        let mut seed = std::mem::take(&mut self.seed);
        seed[..n_outputs * batch].fill(unit.unwrap_or_else(T::one));
        let params_bar = Some((Accum::Set, params_bar));
        self.pull(
            params,
            x,
            Mat::new(&seed, n_outputs, batch),
            params_bar,
            x_bar,
        );
        self.seed = seed;
    }

    /// Pulls cotangents back.
    pub(crate) fn pull(
        &mut self,
        params: &[T],
        x: Mat<'_, T>,
        y_bar: Mat<'_, T>,
        params_bar: Option<(Accum, MatMut<'_, T>)>,
        x_bar: Option<MatMut<'_, T>>,
    ) {
        let wanted = Wanted {
            params: params_bar,
            inputs: x_bar,
        };
        self.plan.adjoint.pullback(
            &mut self.plan.pieces,
            params,
            x,
            &mut self.record,
            y_bar,
            &mut self.cotangents,
            &mut self.scratch,
            wanted,
        );
    }

    /// Pulls the unit cotangents of outputs back: a column of `columns` for each output and sample, by parameters or inputs.
    pub(crate) fn rows(
        &mut self,
        params: &[T],
        x: Mat<'_, T>,
        outputs: &Range<usize>,
        inputs: bool,
        mut columns: MatMut<'_, T>,
        unit: Option<T>,
    ) {
        let Self {
            plan: PiecedPlan { pieces, adjoint },
            record,
            cotangents,
            seed,
            scratch,
        } = self;
        let (n_outputs, batch) = (pieces.graph().n_outputs(), pieces.batch());
        seed.fill(T::zero());
        let mut units = MatMut::new(seed, n_outputs, outputs.len() * batch);
        for j in 0..outputs.len() * batch {
            units.col_mut(j)[outputs.start + j / batch] = unit.unwrap_or_else(T::one);
        }
        let y_bar = Mat::new(seed, n_outputs, outputs.len() * batch);
        let (of_params, x_bar) = if inputs {
            (None, Some(columns))
        } else {
            columns.fill(T::zero());
            (Some(columns), None)
        };
        let mut of_params = of_params;
        let wants_params = of_params.is_some();
        let each = |visit: &Visit<'_, T>, own: Mat<'_, T>, scratch: &mut [T]| {
            let Some(columns) = &mut of_params else {
                return;
            };
            for column in 0..own.ncols() {
                let sample = visit.at.sample(column % batch);
                let own = own.cols(column..column + 1);
                let target = &mut columns.col_mut(column)[visit.params.clone()];
                let block = visit.block;
                block.vjp_params(&sample, own, visit.first, target, scratch);
            }
        };
        pieces.pull(
            adjoint,
            params,
            x,
            record,
            y_bar,
            cotangents,
            scratch,
            wants_params,
            x_bar,
            each,
        );
    }
}
