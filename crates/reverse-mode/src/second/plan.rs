//! Products with the Hessian: their settings, and what they take, known before they are prepared.

use pushpull_core::siblings::memory;
use pushpull_core::siblings::work::{Item, Work};
use pushpull_core::{Dual, Graph, Prediction, Result, Scalar, Team};

use super::{Along, Duals, Planes};
use crate::hessian_vector::Way;
use crate::{HessianVector, Store};

/// Products with the Hessian for a graph and a batch, with their settings: made by [`HessianVector::plan`]. It holds no
/// numbers.
///
/// On planes each block runs its maps with their derivatives, for a linear layer of m x n between two others
///
/// ```text
/// flops = 6 mnB + 6 mnB + 4 mnB + additions        [Y Y_dot], [X_bar X_bar_dot], W_bar_dot
/// bytes = twice the record and the cotangents of a gradient + 2 n_outputs B + 2 p + scratch
/// ```
///
/// counted for each block by running it on a small batch; by duals it is a gradient at duals.
///
/// ```
/// use pushpull_core::{Mlp, blocks::{Activation, Loss}};
/// use pushpull_reverse_mode::HessianVector;
/// let graph = Mlp::new(&[4, 8, 1], Activation::Tanh).loss(Loss::SquaredError).build()?;
/// let plan = HessianVector::plan(&graph, 10);
/// let (predicted, prepared) = (plan.prediction::<f32>()?, plan.prepare::<f32>()?);
/// assert_eq!(predicted.cost, prepared.cost(false));
/// assert_eq!(predicted.buffers, prepared.bytes());
/// # Ok::<(), pushpull_core::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct HessianVectorPlan {
    graph: Graph,
    batch: usize,
    store: Store,
    by_duals: bool,
    products: usize,
    threads: usize,
}

impl HessianVectorPlan {
    pub(crate) fn new(graph: &Graph, batch: usize) -> Self {
        Self {
            graph: graph.clone(),
            batch,
            store: Store::All,
            by_duals: false,
            products: 1,
            threads: 1,
        }
    }

    /// What the record keeps; [`Store::All`] where nothing is said. Planes keep all: anything else runs by duals.
    pub const fn checkpointing(mut self, store: Store) -> Self {
        self.store = store;
        self
    }

    /// The way by duals, whatever the blocks offer: to hold the ways against each other.
    pub const fn by_duals(mut self) -> Self {
        self.by_duals = true;
        self
    }

    /// Products that a prediction is of: as many calls of [`HessianVector::hessian_vector`], or one of
    /// [`HessianVector::hessian_vectors`] with as many directions in the parameters. 1 where nothing is said.
    pub const fn products(mut self, products: usize) -> Self {
        self.products = products;
        self
    }

    /// Threads of the engine, as [`crate::Plan::threads`].
    pub const fn threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// Whether it runs on planes: every block offers it, all is kept, and nothing else was asked for.
    pub fn on_planes(&self) -> bool {
        let offered = || self.graph.nodes().iter().all(|node| node.block.planes());
        !self.by_duals && self.store == Store::All && offered()
    }

    /// The engine, prepared: every shape is checked and all memory allocated here.
    ///
    /// # Errors
    /// As [`crate::Plan::prepare`].
    pub fn prepare<T: Scalar>(&self) -> Result<HessianVector<T>>
    where
        Dual<T>: Scalar,
    {
        let (graph, batch, threads) = (&self.graph, self.batch, self.threads);
        let way = if self.on_planes() {
            Way::Planes(
                Planes::new(graph, batch, Along::hessian_vector(false))?,
                Team::of_graph("HessianVector", threads, graph, batch)?,
            )
        } else {
            Way::Duals(Duals::new(graph, batch, self.store, threads)?)
        };
        Ok(HessianVector::with(graph, batch, way))
    }

    /// What the products take at a scalar, exactly, without preparing them.
    ///
    /// # Errors
    /// As [`HessianVectorPlan::prepare`].
    pub fn prediction<T: Scalar>(&self) -> Result<Prediction>
    where
        Dual<T>: Scalar,
    {
        let (graph, batch, products) = (&self.graph, self.batch, self.products);
        let twice = memory::elements(&[2, graph.n_params()]);
        let one = if self.on_planes() {
            let asked = Along::hessian_vector(false);
            let (program, code) = (asked.program(graph, batch)?, asked.code::<T>(graph, batch)?);
            let numbers = code.len().saturating_add(code.scratch_len());
            Prediction {
                cost: program.cost::<T>(),
                evaluations: program.evaluations(),
                buffers: memory::elements(&[numbers.saturating_add(twice), size_of::<T>()]),
                plan: code.held(),
                ..Prediction::default()
            }
        } else {
            let one = Duals::<T>::predict(graph, batch, self.store)?;
            let twice = memory::elements(&[twice, size_of::<T>()]);
            Prediction {
                buffers: one.buffers.saturating_add(twice),
                ..one
            }
        };
        let what = format_args!("{products} products with the Hessian");
        one.times(products)
            .counted(what, "ask for fewer, or use a smaller batch")
    }

    /// What the products do, as a list: on planes operations at the scalar, by duals at duals.
    ///
    /// # Errors
    /// As [`HessianVectorPlan::prepare`].
    pub fn work<T: Scalar>(&self) -> Result<Work>
    where
        Dual<T>: Scalar,
    {
        let (graph, batch) = (&self.graph, self.batch);
        let once = if self.on_planes() {
            let mut once = Along::hessian_vector(false).program(graph, batch)?.work();
            once.add(Item::Read(graph.n_params()), 2);
            once.add(Item::Read(memory::elements(&[graph.n_inputs(), batch])), 1);
            once
        } else {
            let mut once = Duals::<T>::work(graph, batch, self.store)?;
            // Parameters and data become duals, and the gradient's derivatives are taken out.
            once.add(Item::Moved(memory::elements(&[2, graph.n_params()])), 2);
            once
        };
        let mut work = Work::default();
        work.extend(&once, self.products as u64);
        Ok(work)
    }
}
