//! What reverse mode takes, known before it is prepared.

use pushpull_core::program::Program;
use pushpull_core::work::{Item, Work};
use pushpull_core::{Cost, Dual, Graph, Prediction, Result, Scalar, memory};

use crate::hessian_vector::offers_planes;
use crate::plan::{Asked, Plan};
use crate::prepared::Question;
use crate::reverse::at_least_one;
use crate::second::{Along, Duals};
use crate::takes::{Pull, Takes};
use crate::{HessianVector, Reverse, Store};

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
        gradient::<T>(graph, batch, store, false)
    }

    /// What [`Reverse::value_and_gradients`] takes on an engine of [`Reverse::for_gradients`]: as a gradient, and `vjp_input` of
    /// the blocks that read inputs. The inputs' gradient is the caller's.
    ///
    /// # Errors
    /// As [`Reverse::new`].
    pub fn predict_gradients(graph: &Graph, batch: usize, store: Store) -> Result<Prediction> {
        gradient::<T>(graph, batch, store, true)
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
        let pull = Pull::Cotangents {
            params: true,
            inputs: true,
        };
        let inputs = memory::elements(&[graph.n_inputs(), batch]);
        let results = memory::elements(&[graph.n_params().saturating_add(inputs), cotangents]);
        pulled::<T>(graph, batch, store, seeds, (cotangents, pull), (results, 0))
    }

    /// What recording and [`crate::Tape::pullback`] take, with respect to the parameters alone and into the caller's
    /// matrix, for `cotangents` of them on an engine that pulls back `seeds` side by side.
    ///
    /// # Errors
    /// As [`Reverse::new`] and [`Reverse::seeds`].
    pub fn predict_params_vjp(
        graph: &Graph,
        batch: usize,
        store: Store,
        seeds: usize,
        cotangents: usize,
    ) -> Result<Prediction> {
        let pull = Pull::Cotangents {
            params: true,
            inputs: false,
        };
        pulled::<T>(graph, batch, store, seeds, (cotangents, pull), (0, 0))
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
        let (pull, columns) = (Pull::Rows { inputs: false }, graph.n_params());
        let all = (graph.n_outputs(), pull);
        let numbers = rows(graph, batch, seeds, columns);
        pulled::<T>(graph, batch, store, seeds, all, numbers)
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
        let (pull, columns) = (Pull::Rows { inputs: true }, graph.n_inputs());
        let all = (graph.n_outputs(), pull);
        let numbers = rows(graph, batch, seeds, columns);
        pulled::<T>(graph, batch, store, seeds, all, numbers)
    }

    /// The program of [`Reverse::value_and_gradient`] with all recorded, as it runs: its text is the lecture's primal program,
    /// then the adjoint program.
    ///
    /// # Errors
    /// [`crate::Error::EmptyBatch`]
    ///
    /// ```
    /// use pushpull_core::{Mlp, blocks::Activation};
    /// use pushpull_reverse_mode::Reverse;
    /// let graph = Mlp::new(&[2, 3, 1], Activation::Tanh).build()?;
    /// let lines = Reverse::<f64>::gradient_program(&graph, 5)?.lines();
    /// assert_eq!(lines, [
    ///     "h1 = layer0(x, w1)",
    ///     "h2 = tanh0(h1)",
    ///     "h3 = layer1(h2, w2)",
    ///     "check h3",
    ///     "y = ⟨h3, 1⟩",
    ///     "h̃3 = 1",
    ///     "∇w2 y = [∂w2ᵀ h3]·h̃3",
    ///     "h̃2 = [∂h2ᵀ h3]·h̃3",
    ///     "h̃1 = [∂h1ᵀ h2]·h̃2",
    ///     "∇w1 y = [∂w1ᵀ h1]·h̃1",
    /// ]);
    /// # Ok::<(), pushpull_core::Error>(())
    /// ```
    pub fn gradient_program(graph: &Graph, batch: usize) -> Result<Program> {
        Question::Gradient { inputs: false }.program(graph, batch, 1)
    }

    /// What [`Reverse::value_and_gradient`] does.
    ///
    /// # Errors
    /// As [`Reverse::new`].
    pub fn gradient_work(graph: &Graph, batch: usize, store: Store) -> Result<Work> {
        let question = Question::Gradient { inputs: false };
        let plan = Asked::new(graph, batch, 1, question)?.plan::<T>(store)?;
        plan.takes(graph, batch, 1).gradient_work()
    }

    /// What recording and pulling back `seeds` cotangents does, `side` of them side by side.
    ///
    /// # Errors
    /// As [`Reverse::new`].
    pub fn vjp_work(
        graph: &Graph,
        batch: usize,
        store: Store,
        seeds: usize,
        side: usize,
    ) -> Result<Work> {
        let pull = Pull::Cotangents {
            params: true,
            inputs: false,
        };
        pulled_work::<T>(graph, batch, store, side, (seeds, pull))
    }

    /// What [`Reverse::jacobian_params`] does with `side` outputs side by side.
    ///
    /// # Errors
    /// As [`Reverse::new`].
    pub fn jacobian_params_work(
        graph: &Graph,
        batch: usize,
        store: Store,
        side: usize,
    ) -> Result<Work> {
        let pull = Pull::Rows { inputs: false };
        pulled_work::<T>(graph, batch, store, side, (graph.n_outputs(), pull))
    }

    /// What [`Reverse::jacobian_inputs`] does with `side` outputs side by side.
    ///
    /// # Errors
    /// As [`Reverse::new`].
    pub fn jacobian_inputs_work(
        graph: &Graph,
        batch: usize,
        store: Store,
        side: usize,
    ) -> Result<Work> {
        let pull = Pull::Rows { inputs: true };
        pulled_work::<T>(graph, batch, store, side, (graph.n_outputs(), pull))
    }

    fn takes(&self) -> Takes<'_> {
        Takes {
            graph: self.graph(),
            batch: self.batch(),
            side: self.side(),
            staged: self.prepared.staged.as_deref(),
        }
    }

    /// Blocks that [`Reverse::value_and_gradient`] evaluates: as many as there are, and those that are computed again.
    pub fn evaluations(&self) -> u64 {
        self.takes().evaluations(1)
    }

    // The programs below were emitted when the engine was prepared: what cannot be counted is refused there.

    /// The exact cost of [`Reverse::value_and_gradient`]: the primal, what is computed again, the sum of the outputs, the
    /// adjoint program.
    pub fn cost(&self) -> Cost {
        self.takes().gradient::<T>(false).unwrap_or_default()
    }

    /// The exact cost of [`Reverse::jacobian_inputs`]: the primal once, and a pullback for every group of outputs; with
    /// checkpoints, the primal for every group.
    pub fn jacobian_inputs_cost(&self) -> Cost {
        let (all, pull) = (self.graph().n_outputs(), Pull::Rows { inputs: true });
        self.takes().pullbacks::<T>(all, pull).unwrap_or_default()
    }

    /// The exact cost of [`Reverse::record`]: with checkpoints, up to the first pullback.
    pub fn primal_cost(&self) -> Cost {
        self.takes().record::<T>().unwrap_or_default()
    }

    /// The exact cost of one pullback of `seeds` cotangents, as many as fit side by side at most, and of what is computed
    /// again for it. With checkpoints, a second pullback of one tape costs [`Reverse::primal_cost`] more, for it starts
    /// from the input.
    pub fn pullback_cost(&self, seeds: usize, params: bool, inputs: bool) -> Cost {
        let pull = Pull::Cotangents { params, inputs };
        self.takes().pullback::<T>(seeds, pull).unwrap_or_default()
    }
}

impl Plan {
    fn takes<'p>(&'p self, graph: &'p Graph, batch: usize, side: usize) -> Takes<'p> {
        Takes {
            graph,
            batch,
            side,
            staged: self.staged.as_deref(),
        }
    }
}

/// A gradient, with that of the inputs or without.
fn gradient<T: Scalar>(
    graph: &Graph,
    batch: usize,
    store: Store,
    inputs: bool,
) -> Result<Prediction> {
    let question = Question::Gradient { inputs };
    let plan = Asked::new(graph, batch, 1, question)?.plan::<T>(store)?;
    let takes = plan.takes(graph, batch, 1);
    let one = Prediction {
        cost: takes.gradient::<T>(inputs)?,
        evaluations: takes.evaluations(1),
        ..prepared::<T>(&plan, graph.n_params())
    };
    one.counted("a gradient by reverse mode", "use a smaller batch")
}

/// What an engine keeps: the buffers of a plan and so many numbers besides.
fn prepared<T>(plan: &Plan, besides: usize) -> Prediction {
    let (arena, scratch) = plan.numbers();
    let numbers = arena.saturating_add(scratch).saturating_add(besides);
    Prediction {
        buffers: memory::elements(&[numbers, size_of::<T>()]),
        plan: plan.held(),
        ..Prediction::default()
    }
}

/// A record and pullbacks of so many cotangents, `side` of them side by side, with so many numbers of results and of further
/// matrices.
fn pulled<T: Scalar>(
    graph: &Graph,
    batch: usize,
    store: Store,
    side: usize,
    (all, pull): (usize, Pull),
    (results, further): (usize, usize),
) -> Result<Prediction> {
    let plan = Asked::new(graph, batch, at_least_one(side)?, Question::Tape)?.plan::<T>(store)?;
    let takes = plan.takes(graph, batch, side);
    let bytes = |numbers: usize| memory::elements(&[numbers, size_of::<T>()]);
    let prediction = Prediction {
        cost: takes.pullbacks::<T>(all, pull)?,
        evaluations: takes.evaluations(all),
        run: bytes(results.saturating_add(further)),
        results: bytes(results),
        ..prepared::<T>(&plan, 0)
    };
    let what = format_args!("reverse mode for {all} cotangents");
    prediction.counted(what, "ask for fewer, or use a smaller batch")
}

/// What the same does, as a list.
fn pulled_work<T: Scalar>(
    graph: &Graph,
    batch: usize,
    store: Store,
    side: usize,
    (all, pull): (usize, Pull),
) -> Result<Work> {
    let plan = Asked::new(graph, batch, at_least_one(side)?, Question::Tape)?.plan::<T>(store)?;
    plan.takes(graph, batch, side).pullbacks_work(all, pull)
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
        let asked = Along::hessian_vector(false);
        let (program, code) = (asked.program(graph, batch)?, asked.code::<T>(graph, batch)?);
        let twice = memory::elements(&[2, graph.n_params()]);
        let one = Prediction {
            cost: program.cost::<T>(),
            evaluations: program.evaluations(),
            buffers: memory::elements(&[
                code.len()
                    .saturating_add(code.scratch_len())
                    .saturating_add(twice),
                size_of::<T>(),
            ]),
            plan: code.held(),
            ..Prediction::default()
        };
        products_of(one, products)
    }

    /// What one [`HessianVector::hessian_vector`] does on planes.
    ///
    /// # Errors
    /// As [`HessianVector::new`].
    pub fn work(graph: &Graph, batch: usize) -> Result<Work> {
        let mut work = Along::hessian_vector(false).program(graph, batch)?.work();
        work.add(Item::Read(graph.n_params()), 2);
        work.add(Item::Read(memory::elements(&[graph.n_inputs(), batch])), 1);
        Ok(work)
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

/// Numbers in a Jacobian with `columns` columns, and in the rows of a group of outputs.
fn rows(graph: &Graph, batch: usize, seeds: usize, columns: usize) -> (usize, usize) {
    let n_outputs = graph.n_outputs();
    let group = seeds.min(n_outputs);
    (
        memory::elements(&[n_outputs, batch, columns]),
        memory::elements(&[group, batch, columns]),
    )
}
