//! The adjoint program: which cotangent lies where, and in which order blocks pull it back.

use std::ops::Range;
use std::sync::Arc;

use pushpull_core::primal::disjoint;
use pushpull_core::{Accum, AnyBlock, Block, Cost, Mat, MatMut, Op, Point, Real, Scalar, memory};

use crate::checkpoint::pieces::Pieces;

mod plan;
pub(crate) use plan::unused;
mod work;

/// One node's step, with everything about the node resolved. Ranges lie in the arena of cotangents and are sized for all
/// seeds.
#[derive(Clone, Debug)]
struct Step {
    node: usize,
    block: Arc<dyn AnyBlock>,
    n_in: usize,
    n_out: usize,
    params: Range<usize>,
    /// Where the node's own cotangent lies; the output's is the caller's.
    y_bar: Option<Range<usize>>,
    /// Where `vjp_input` writes.
    target: Target,
    /// Where the rows of a target that is not the source's own cotangent go afterwards.
    scatter: Vec<Scatter>,
    /// `Set` at the first use of the node's parameters, `Add` at further ones; `None` without parameters.
    first: Option<Accum>,
    /// Whether the node's value depends on parameters, and whether on inputs.
    by_params: bool,
    by_inputs: bool,
    /// Whether some source's cotangent is needed for parameters' sake, and whether for inputs' sake.
    pulls_for_params: bool,
    pulls_for_inputs: bool,
}

/// Where a node's input cotangent is written.
#[derive(Clone, Debug)]
enum Target {
    /// Nobody wants it.
    Nowhere,
    /// Over the node's own cotangent.
    InPlace,
    /// Into the arena: either the source's own cotangent or a stack that is scattered.
    Arena(Range<usize>),
    /// Into the caller's `x_bar`, straight, at the rows of this input.
    Input(Range<usize>),
}

/// One part of a stacked cotangent on its way to its source.
#[derive(Clone, Debug)]
struct Scatter {
    rows: Range<usize>,
    to: Destination,
    acc: Accum,
}

#[derive(Clone, Debug)]
enum Destination {
    Arena(Range<usize>),
    Input(Range<usize>),
}

/// The adjoint program of a graph for a batch and a number of seeds.
#[derive(Clone, Debug)]
pub(crate) struct Adjoint {
    steps: Vec<Step>,
    /// Parameters that the output does not depend on: exact zeros.
    unused: Vec<Range<usize>>,
    /// Rows of inputs that no step assigns: exact zeros.
    unassigned: Vec<Range<usize>>,
    len: usize,
    scratch: usize,
    seeds: usize,
}

/// Cotangents that a pullback is asked for. A column of `params` is one seed's.
pub(crate) struct Wanted<'a, T> {
    pub params: Option<(Accum, MatMut<'a, T>)>,
    pub inputs: Option<MatMut<'a, T>>,
}

impl Step {
    /// The node's own cotangent.
    #[inline]
    fn own<'a, T>(&self, cotangents: &'a [T], y_bar: Mat<'a, T>) -> Mat<'a, T> {
        match &self.y_bar {
            Some(range) => Mat::new(&cotangents[range.clone()], self.n_out, y_bar.ncols()),
            None => y_bar,
        }
    }
}

impl Adjoint {
    /// Numbers that the arena of cotangents holds.
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// Numbers of scratch memory.
    pub(crate) const fn scratch_len(&self) -> usize {
        self.scratch
    }

    /// Numbers of all buffers of an engine but the record and the gradient: the caller's cotangent of the output, those
    /// alive at once, scratch memory.
    pub(crate) fn besides(&self, n_outputs: usize, batch: usize) -> usize {
        let seed = memory::elements(&[n_outputs, batch, self.seeds]);
        seed.saturating_add(self.len).saturating_add(self.scratch)
    }

    /// Seeds that fit side by side.
    pub(crate) const fn seeds(&self) -> usize {
        self.seeds
    }

    /// The steps of some nodes.
    pub(crate) fn steps_of(&self, nodes: &Range<usize>) -> Range<usize> {
        let after = |node: usize| self.steps.partition_point(|step| step.node >= node);
        after(nodes.end)..after(nodes.start)
    }

    /// Exact zeros for the inputs that no step assigns.
    pub(crate) fn begin<T: Scalar>(&self, x_bar: &mut Option<MatMut<'_, T>>) {
        if let Some(x_bar) = x_bar {
            for rows in &self.unassigned {
                x_bar.rb_mut().rows(rows.clone()).fill(T::zero());
            }
        }
    }

    /// Steps of the adjoint program for the cotangent `y_bar` of the output, n_outputs x batch S with S at most `seeds()`.
    /// `at` says where a node's derivative is taken; `params_of` does what is wanted with a node's parameters, given its
    /// cotangent.
    #[allow(clippy::too_many_arguments)] // The primal's numbers and the cotangents' are two arenas, borrowed apart.
    #[inline]
    pub(crate) fn sweep<'a, T: Scalar>(
        &self,
        steps: Range<usize>,
        at: impl Fn(usize) -> Point<'a, T>,
        y_bar: Mat<'_, T>,
        cotangents: &mut [T],
        scratch: &mut [T],
        wants_params: bool,
        x_bar: &mut Option<MatMut<'_, T>>,
        params_of: &mut impl FnMut(&Visit<'_, T>, Mat<'_, T>, &mut [T]),
    ) {
        let columns = y_bar.ncols();
        let wants_inputs = x_bar.is_some();
        for step in &self.steps[steps] {
            if !(wants_params && step.by_params || wants_inputs && step.by_inputs) {
                continue;
            }
            let block = T::of(&*step.block);
            let at = at(step.node);
            if let (true, Some(first)) = (wants_params, step.first) {
                let visit = Visit {
                    block,
                    params: &step.params,
                    at: &at,
                    first,
                };
                params_of(&visit, step.own(cotangents, y_bar), scratch);
            }
            if !(wants_params && step.pulls_for_params || wants_inputs && step.pulls_for_inputs) {
                continue;
            }
            match (&step.target, &step.y_bar) {
                (Target::Nowhere, _) | (Target::InPlace, None) => {}
                (Target::InPlace, Some(own)) => {
                    let own = MatMut::new(&mut cotangents[own.clone()], step.n_out, columns);
                    block.vjp_input_in_place(&at, own, scratch);
                }
                (Target::Arena(target), Some(own)) => {
                    let [own, target] = disjoint(cotangents, [own, target]);
                    let own = Mat::new(own, step.n_out, columns);
                    block.vjp_input(&at, own, MatMut::new(target, step.n_in, columns), scratch);
                }
                (Target::Arena(target), None) => {
                    let target = MatMut::new(&mut cotangents[target.clone()], step.n_in, columns);
                    block.vjp_input(&at, y_bar, target, scratch);
                }
                (Target::Input(rows), _) => {
                    if let Some(x_bar) = x_bar {
                        let (own, target) = (step.own(cotangents, y_bar), x_bar.rb_mut());
                        block.vjp_input(&at, own, target.rows(rows.clone()), scratch);
                    }
                }
            }
            if let Target::Arena(stack) = &step.target {
                for part in &step.scatter {
                    match &part.to {
                        Destination::Arena(to) => {
                            let [stack, to] = disjoint(cotangents, [stack, to]);
                            let from = Mat::new(stack, step.n_in, columns).rows(part.rows.clone());
                            deliver(from, part.acc, MatMut::new(to, part.rows.len(), columns));
                        }
                        Destination::Input(rows) => {
                            if let Some(x_bar) = x_bar {
                                let stack =
                                    Mat::new(&cotangents[stack.clone()], step.n_in, columns);
                                deliver(
                                    stack.rows(part.rows.clone()),
                                    part.acc,
                                    x_bar.rb_mut().rows(rows.clone()),
                                );
                            }
                        }
                    }
                }
            }
        }
    }

    /// Runs the program and accumulates the parameters' cotangents, a column a seed.
    #[allow(clippy::too_many_arguments)]
    pub(crate) fn pullback<T: Scalar>(
        &self,
        pieces: &mut Pieces,
        params: &[T],
        x: Mat<'_, T>,
        record: &mut [T],
        y_bar: Mat<'_, T>,
        cotangents: &mut [T],
        scratch: &mut [T],
        mut wanted: Wanted<'_, T>,
    ) {
        let batch = pieces.batch();
        if let Some((Accum::Set, params_bar)) = &mut wanted.params {
            for range in &self.unused {
                params_bar.rb_mut().rows(range.clone()).fill(T::zero());
            }
        }
        let wants_params = wanted.params.is_some();
        let mut params_bar = wanted.params;
        let each = |visit: &Visit<'_, T>, own: Mat<'_, T>, scratch: &mut [T]| {
            let Some((acc, params_bar)) = &mut params_bar else {
                return;
            };
            // Adding to what the caller has, every use adds; else the first use of shared parameters sets.
            let acc = if *acc == Accum::Add {
                Accum::Add
            } else {
                visit.first
            };
            for seed in 0..params_bar.ncols() {
                let own = own.cols(seed * batch..(seed + 1) * batch);
                let target = &mut params_bar.col_mut(seed)[visit.params.clone()];
                visit.block.vjp_params(visit.at, own, acc, target, scratch);
            }
        };
        pieces.pull(
            self,
            params,
            x,
            record,
            y_bar,
            cotangents,
            scratch,
            wants_params,
            wanted.inputs,
            each,
        );
    }

    /// Heap bytes that the plan itself keeps.
    pub(crate) fn held(&self) -> usize {
        let scatter = self.steps.iter().map(|step| memory::held(&step.scatter));
        let lists = memory::held(&self.unused) + memory::held(&self.unassigned);
        memory::held(&self.steps) + lists + scatter.sum::<usize>()
    }

    /// The exact cost of one pullback that sets.
    pub(crate) fn cost<T: Scalar>(
        &self,
        batch: usize,
        seeds: usize,
        wants_params: bool,
        wants_inputs: bool,
    ) -> Cost {
        let whole = |block: &dyn AnyBlock, acc| T::cost(block, Op::VjpParams(acc), batch, 1);
        self.cost_with::<T>(batch, seeds, wants_params, wants_inputs, whole)
    }

    /// The same where one seed of a block's parameters takes `params(block, acc)`.
    pub(crate) fn cost_with<T: Scalar>(
        &self,
        batch: usize,
        seeds: usize,
        wants_params: bool,
        wants_inputs: bool,
        params: impl Fn(&dyn AnyBlock, Accum) -> Cost,
    ) -> Cost {
        let mut total = Cost::ZERO;
        for step in &self.steps {
            let block = &*step.block;
            if let (true, Some(acc)) = (wants_params, step.first) {
                total += params(block, acc) * seeds;
            }
            if !(wants_params && step.pulls_for_params || wants_inputs && step.pulls_for_inputs) {
                continue;
            }
            total += T::cost(block, Op::VjpInput, batch, seeds);
            for part in step.scatter.iter().filter(|part| part.acc == Accum::Add) {
                if wants_inputs || matches!(part.to, Destination::Arena(_)) {
                    total += T::additions(memory::elements(&[part.rows.len(), batch, seeds]));
                }
            }
        }
        total
    }
}

/// A node on the way of the adjoint program.
pub(crate) struct Visit<'a, T: Real> {
    pub block: &'a dyn Block<T>,
    /// Its parameters within the flat vector.
    pub params: &'a Range<usize>,
    pub at: &'a Point<'a, T>,
    /// `Set` if no later use of the same parameters was visited before.
    pub first: Accum,
}

/// Copies or adds a part of a stacked cotangent to its source's.
fn deliver<T: Scalar>(from: Mat<'_, T>, acc: Accum, mut to: MatMut<'_, T>) {
    match acc {
        Accum::Set => to.copy_from(from),
        Accum::Add => {
            for j in 0..from.ncols() {
                for (to, &from) in to.col_mut(j).iter_mut().zip(from.col(j)) {
                    *to += from;
                }
            }
        }
    }
}
