//! What reverse mode takes, known before it is prepared.

use pushpull_core::{AnyBlock, Cost, Dual, Error, Graph, Op, Prediction, Result, Scalar, memory};

use crate::adjoint::Adjoint;
use crate::checkpoint::Schedule;
use crate::hessian_vector::offers_planes;
use crate::program::Program;
use crate::reverse::Bytes;
use crate::second::{Duals, Plan, along_params};
use crate::{HessianVector, Reverse, Store};

/// Both programs without their numbers: what is prepared and what is predicted follow from the same.
#[derive(Clone, Debug)]
pub(crate) struct Programs {
    pub program: Program,
    pub adjoint: Adjoint,
}

/// Numbers of each kind that the programs need.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lens {
    pub record: usize,
    pub cotangents: usize,
    pub seed: usize,
    pub scratch: usize,
    pub gradient: usize,
}

impl Programs {
    /// The programs of a graph for batches, with `seeds` cotangents side by side.
    pub(crate) fn new<T>(graph: &Graph, batch: usize, store: Store, seeds: usize) -> Result<Self> {
        // A batch of none is refused by the primal.
        let adjoint = Adjoint::new(graph, batch.max(1), at_least_one(seeds)?)?;
        let besides = adjoint.besides(graph.n_outputs(), batch);
        let program = Program::new::<T>(graph, batch, store, besides)?;
        Self { program, adjoint }.checked::<T>()
    }

    /// The programs of a schedule of the caller's, for one cotangent.
    pub(crate) fn scheduled<T>(graph: &Graph, batch: usize, schedule: &Schedule) -> Result<Self> {
        let program = Program::scheduled(graph, batch, schedule)?;
        let adjoint = Adjoint::new(graph, batch, 1)?;
        Self { program, adjoint }.checked::<T>()
    }

    fn checked<T>(self) -> Result<Self> {
        let lens = self.lens();
        let parts = [
            lens.record,
            lens.cotangents,
            lens.seed,
            lens.scratch,
            lens.gradient,
        ];
        let total = parts.into_iter().fold(0, usize::saturating_add);
        memory::fits::<T>("reverse mode's record", total, "use a smaller batch")?;
        Ok(self)
    }

    pub(crate) fn lens(&self) -> Lens {
        let (graph, batch) = (self.program.graph(), self.program.batch());
        Lens {
            record: self.program.len(),
            cotangents: self.adjoint.len(),
            seed: memory::elements(&[graph.n_outputs(), batch, self.adjoint.seeds()]),
            scratch: self.adjoint.scratch_len(),
            gradient: graph.n_params(),
        }
    }

    /// A question about `all` cotangents, of this cost in all and with so many numbers of results and of further matrices.
    pub(crate) fn predicted<T>(
        &self,
        all: usize,
        cost: Cost,
        results: usize,
        further: usize,
    ) -> Result<Prediction> {
        let bytes = |numbers: usize| memory::elements(&[numbers, size_of::<T>()]);
        let prediction = Prediction {
            cost,
            evaluations: self.program.evaluations(self.groups(all)),
            buffers: self.lens().bytes::<T>().total(),
            plan: self.program.held().saturating_add(self.adjoint.held()),
            run: bytes(results.saturating_add(further)),
            results: bytes(results),
        };
        let what = format_args!("reverse mode for {all} cotangents");
        prediction.counted(what, "ask for fewer, or use a smaller batch")
    }

    /// Groups of cotangents that are pulled back one after the other.
    fn groups(&self, all: usize) -> usize {
        all.div_ceil(self.adjoint.seeds())
    }

    /// The primal, as often as checkpoints ask for it, and a pullback for every group of `all` cotangents.
    pub(crate) fn grouped<T: Scalar>(&self, all: usize, pullback: impl Fn(usize) -> Cost) -> Cost {
        let side = self.adjoint.seeds();
        let (full, rest) = (all / side, all % side);
        let rest = if rest > 0 { pullback(rest) } else { Cost::ZERO };
        let full = if full > 0 {
            pullback(side) * full
        } else {
            Cost::ZERO
        };
        self.program.cost::<T>(self.groups(all)) + full + rest
    }
}

impl Lens {
    pub(crate) const fn bytes<T>(&self) -> Bytes {
        let size = size_of::<T>();
        Bytes {
            record: self.record.saturating_mul(size),
            cotangents: self.cotangents.saturating_mul(size),
            gradient: self.gradient.saturating_mul(size),
            scratch: self.seed.saturating_add(self.scratch).saturating_mul(size),
        }
    }
}

pub(crate) fn at_least_one(seeds: usize) -> Result<usize> {
    if seeds > 0 {
        return Ok(seeds);
    }
    Err(Error::Setting {
        name: "Reverse".into(),
        setting: "seeds".into(),
        expected: "at least 1".into(),
        got: "0".into(),
    })
}

impl<T: Scalar> Reverse<T> {
    /// What [`Reverse::value_and_gradient`] takes, without preparing it: the primal, the sum of the outputs and the
    /// adjoint program.
    ///
    /// ```text
    /// flops = sum over blocks of forward + vjp_params + vjp_input (but where nothing lies before), + n_outputs B,
    ///         + an addition for every entry where a cotangent meets another
    /// bytes = what the blocks keep + the cotangents alive at once + p + n_outputs B + scratch
    /// ```
    ///
    /// With checkpoints, a stage's forward counts as often as its schedule runs it, and what is kept is the schedule's peak
    /// ([`crate::checkpoint`]). The other questions' primal runs once for every group of cotangents then.
    ///
    /// # Errors
    /// As [`Reverse::new`].
    ///
    /// ```
    /// use pushpull_core::{Mlp, blocks::{Activation, Loss}};
    /// use pushpull_reverse_mode::{Reverse, Store};
    /// let graph = Mlp::new(&[4, 8, 1], Activation::Tanh).loss(Loss::SquaredError).build()?;
    /// let predicted = Reverse::<f32>::predict_gradient(&graph, 10, Store::All)?;
    /// let prepared = Reverse::<f32>::new(&graph, 10, Store::All, 1)?;
    /// assert_eq!(predicted.cost, prepared.cost());
    /// assert_eq!(predicted.buffers, prepared.bytes().total());
    /// # Ok::<(), pushpull_core::Error>(())
    /// ```
    pub fn predict_gradient(graph: &Graph, batch: usize, store: Store) -> Result<Prediction> {
        let programs = Programs::new::<T>(graph, batch, store, 1)?;
        let pulled = programs.adjoint.cost::<T>(batch, 1, true, false);
        let outputs = T::additions(memory::elements(&[graph.n_outputs(), batch]));
        let cost = programs.program.cost::<T>(1) + outputs + pulled;
        programs.predicted::<T>(1, cost, 0, 0)
    }

    /// What [`Reverse::vjp`] takes for `cotangents` of them, on an engine that pulls back `seeds` side by side
    /// ([`Reverse::seeds`]): the primal once, and for every group of cotangents the adjoint program, with respect to
    /// parameters and inputs. The results are n_params x S and n_inputs x B S.
    ///
    /// # Errors
    /// As [`Reverse::new`] and [`Reverse::seeds`].
    pub fn predict_vjp(
        graph: &Graph,
        batch: usize,
        store: Store,
        seeds: usize,
        cotangents: usize,
    ) -> Result<Prediction> {
        let programs = Programs::new::<T>(graph, batch, store, seeds)?;
        let adjoint = &programs.adjoint;
        let cost = programs.grouped::<T>(cotangents, |seeds| {
            adjoint.cost::<T>(batch, seeds, true, true)
        });
        let inputs = memory::elements(&[graph.n_inputs(), batch]);
        let results = memory::elements(&[graph.n_params().saturating_add(inputs), cotangents]);
        programs.predicted::<T>(cotangents, cost, results, 0)
    }

    /// What [`Reverse::jacobian_params`] takes on an engine that pulls back `seeds` outputs side by side: the primal once,
    /// and for every group of outputs the adjoint program, with the parameters' maps sample by sample. Beside the
    /// Jacobian, n_outputs B by n_params, a run needs the rows of one group.
    ///
    /// # Errors
    /// As [`Reverse::new`] and [`Reverse::seeds`].
    pub fn predict_jacobian_params(
        graph: &Graph,
        batch: usize,
        store: Store,
        seeds: usize,
    ) -> Result<Prediction> {
        let programs = Programs::new::<T>(graph, batch, store, seeds)?;
        let (results, further) = rows(graph, batch, seeds, graph.n_params());
        let cost = programs.jacobian_params_cost::<T>();
        programs.predicted::<T>(graph.n_outputs(), cost, results, further)
    }

    /// What [`Reverse::jacobian_inputs`] takes on an engine that pulls back `seeds` outputs side by side: the primal once,
    /// and for every group of outputs the blocks' `vjp_input`. Beside the Jacobian, n_outputs B by n_inputs, a run needs
    /// the rows of one group.
    ///
    /// # Errors
    /// As [`Reverse::new`] and [`Reverse::seeds`].
    pub fn predict_jacobian_inputs(
        graph: &Graph,
        batch: usize,
        store: Store,
        seeds: usize,
    ) -> Result<Prediction> {
        let programs = Programs::new::<T>(graph, batch, store, seeds)?;
        let (results, further) = rows(graph, batch, seeds, graph.n_inputs());
        let adjoint = &programs.adjoint;
        let cost = programs.grouped::<T>(graph.n_outputs(), |seeds| {
            adjoint.cost::<T>(batch, seeds, false, true)
        });
        programs.predicted::<T>(graph.n_outputs(), cost, results, further)
    }
}

impl<T: Scalar> HessianVector<T>
where
    Dual<T>: Scalar,
{
    /// What `products` calls of [`HessianVector::hessian_vector`] take, or one of [`HessianVector::hessian_vectors`] with
    /// as many directions in the parameters, without preparing it. On planes each block runs its maps with their
    /// derivatives, for a linear layer of m x n between two others
    ///
    /// ```text
    /// flops = 6 mnB + 6 mnB + 4 mnB + additions        [Y Y_dot], [X_bar X_bar_dot], W_bar_dot
    /// bytes = twice the record and the cotangents of a gradient + 2 n_outputs B + 2 p + scratch
    /// ```
    ///
    /// counted for each block by running it on a small batch; by duals it is a gradient at duals.
    ///
    /// # Errors
    /// As [`HessianVector::new`].
    ///
    /// ```
    /// use pushpull_core::{Mlp, blocks::{Activation, Loss}};
    /// use pushpull_reverse_mode::{HessianVector, Store};
    /// let graph = Mlp::new(&[4, 8, 1], Activation::Tanh).loss(Loss::SquaredError).build()?;
    /// let predicted = HessianVector::<f32>::predict(&graph, 10, Store::All, 1)?;
    /// let prepared = HessianVector::<f32>::new(&graph, 10, Store::All, 1)?;
    /// assert_eq!(predicted.cost, prepared.cost(false));
    /// assert_eq!(predicted.buffers, prepared.bytes());
    /// # Ok::<(), pushpull_core::Error>(())
    /// ```
    pub fn predict(
        graph: &Graph,
        batch: usize,
        store: Store,
        products: usize,
    ) -> Result<Prediction> {
        if !offers_planes(graph, store) {
            return Self::predict_by_duals(graph, batch, store, products);
        }
        let plan = Plan::new(graph, batch)?;
        let twice = memory::elements(&[2, graph.n_params()]);
        let one = Prediction {
            cost: along_params::<T>(&plan, false),
            evaluations: plan.steps.len() as u64,
            buffers: memory::elements(&[plan.numbers().saturating_add(twice), size_of::<T>()]),
            plan: plan.held(),
            ..Prediction::default()
        };
        products_of(one, products)
    }

    /// The same for [`HessianVector::by_duals`].
    ///
    /// # Errors
    /// As [`HessianVector::by_duals`].
    pub fn predict_by_duals(
        graph: &Graph,
        batch: usize,
        store: Store,
        products: usize,
    ) -> Result<Prediction> {
        let one = Duals::<T>::predict(graph, batch, store)?;
        let one = Prediction {
            buffers: one.buffers.saturating_add(memory::elements(&[
                2,
                graph.n_params(),
                size_of::<T>(),
            ])),
            ..one
        };
        products_of(one, products)
    }
}

/// So many products of one prepared engine.
fn products_of(one: Prediction, products: usize) -> Result<Prediction> {
    let what = format_args!("{products} products with the Hessian");
    one.times(products)
        .counted(what, "ask for fewer, or use a smaller batch")
}

impl Programs {
    /// The cost of a Jacobian in the parameters.
    fn jacobian_params_cost<T: Scalar>(&self) -> Cost {
        let batch = self.program.batch();
        // One sample at a time: its row of the Jacobian is its own.
        let by_samples =
            |block: &dyn AnyBlock, acc| T::cost(block, Op::VjpParams(acc), 1, 1) * batch;
        self.grouped::<T>(self.program.graph().n_outputs(), |seeds| {
            self.adjoint
                .cost_with::<T>(batch, seeds, true, false, by_samples)
        })
    }
}

/// Numbers in a Jacobian with `columns` columns, and in the rows of a group of outputs.
fn rows(graph: &Graph, batch: usize, seeds: usize, columns: usize) -> (usize, usize) {
    let n_outputs = graph.n_outputs();
    let group = seeds.min(n_outputs);
    (
        memory::elements(&[n_outputs, batch, columns]),
        memory::elements(&[group, batch, columns]),
    )
}
