//! The engine: both programs prepared for a graph and a batch.

use std::ops::Range;

use nalgebra::DMatrix;
use pushpull_core::linalg::first_not_finite;
use pushpull_core::program::{all_finite, gradient_finite, in_range};
use pushpull_core::siblings::memory;
use pushpull_core::{
    Accum, Engine, Error, Graph, Mat, MatMut, Question, Result, Scalar, Team, Wrt,
};

use crate::checkpoint::Schedule;
use crate::placed::{Asked, Placed};
use crate::prepared::Prepared;
use crate::purpose::Purpose;
use crate::record::fits;
use crate::{Plan, Record};

/// Which intermediates the record keeps. What is not kept is computed again from the last value before it that is, by a
/// schedule of least work ([`crate::checkpoint`]): the same bits, in less memory. A graph is cut for it where one node
/// carries everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Store {
    /// All that the blocks' derivative maps read.
    #[default]
    All,
    /// At most so many boundaries between stages, the caller's input among them, and the record of one stage. For equal
    /// stages this is the binomial schedule, [`crate::checkpoint::advances`].
    Slots(usize),
    /// At most so many bytes for everything that [`Reverse::bytes`] reports but the gradient: record and boundaries,
    /// cotangents, the seed and the blocks' scratch memory. Parameters, inputs and gradient are not counted, nor are the
    /// plans. Boundaries and whole records are kept, and all if all fits.
    Bytes(usize),
}

/// Bytes of an engine's buffers, all allocated when it is prepared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Bytes {
    /// The record of the primal program and the cotangents, those alive at once. With checkpoints, the most of either; a
    /// record's has a copy of the output besides.
    pub arena: usize,
    /// The gradient.
    pub gradient: usize,
    /// The blocks' scratch memory.
    pub scratch: usize,
}

impl Bytes {
    /// All of them.
    pub const fn total(&self) -> usize {
        let kept = self.arena.saturating_add(self.gradient);
        kept.saturating_add(self.scratch)
    }
}

/// Reverse mode for a graph and a batch, at the scalar `T`.
///
/// What a question takes, before anything is prepared, and its settings: [`Reverse::plan`].
///
/// The objective is the lecture's last block: the *sum* of all outputs over the whole batch. A mean is a scale of it.
///
/// ```
/// use nalgebra::dmatrix;
/// use pushpull_core::{Builder, blocks::{Linear, Square}};
/// use pushpull_reverse_mode::Reverse;
/// let mut b = Builder::new();
/// let x = b.input("x", 1);
/// let h = b.block(Linear::without_bias(1, 1), x);
/// let y = b.map(Square, h);
/// let graph = b.build(y)?;
/// let mut reverse = Reverse::new(&graph, 2)?;
/// // y = (3 x1)^2 + (3 x2)^2; dy/dw = 2 w (x1^2 + x2^2)
/// let (value, gradient) = reverse.value_and_gradient(&[3.0], &dmatrix![1.0, 2.0])?;
/// assert_eq!((value, gradient), (45.0, &[30.0][..]));
/// # Ok::<(), pushpull_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Reverse<T> {
    pub(crate) graph: Graph,
    batch: usize,
    seeds: usize,
    pub(crate) prepared: Prepared<T>,
    /// Of a question for it.
    pub(crate) gradient: Vec<T>,
    pub(crate) team: Team,
    /// What was asked for; `None` with a schedule of the caller's.
    store: Option<Store>,
}

impl Reverse<f64> {
    /// A question to reverse mode: its settings, what it takes, its program, its engine. The scalar is named where it
    /// matters, in [`Plan::prediction`] and [`Plan::prepare`].
    ///
    /// ```
    /// use nalgebra::dmatrix;
    /// use pushpull_core::{Builder, Question, blocks::{Linear, Tanh}};
    /// use pushpull_reverse_mode::{Reverse, Store};
    /// let mut b = Builder::new();
    /// let mut h = b.input("x", 2);
    /// for _ in 0..30 {
    ///     h = b.block(Linear::new(2, 2), h);
    ///     h = b.map(Tanh, h);
    /// }
    /// let graph = b.build(h)?;
    /// let (params, x) = (vec![0.5; graph.n_params()], dmatrix![0.1, 0.2; 0.3, 0.4]);
    /// let mut all = Reverse::new(&graph, 2)?;
    /// let plan = Reverse::plan(&graph, 2, Question::Gradient).checkpointing(Store::Bytes(512));
    /// let mut some = plan.prepare()?;
    /// assert_eq!(all.value_and_gradient(&params, &x)?, some.value_and_gradient(&params, &x)?);
    /// assert!(some.bytes().total() - some.bytes().gradient <= 512);
    /// # Ok::<(), pushpull_core::Error>(())
    /// ```
    pub fn plan(graph: &Graph, batch: usize, question: Question) -> Plan {
        Plan::new(graph, batch, question)
    }
}

impl<T: Scalar> Reverse<T> {
    /// Prepares gradients with respect to the parameters for batches of `batch` samples, with the settings that a [`Plan`]
    /// starts from: every shape is checked and all memory allocated here. Another question prepares itself when it is first
    /// asked.
    ///
    /// # Errors
    /// [`crate::Error::EmptyBatch`], [`crate::Error::TooLarge`] before anything is allocated.
    pub fn new(graph: &Graph, batch: usize) -> Result<Self> {
        Plan::new(graph, batch, Question::Gradient).prepare()
    }

    /// The engine of a plan. More columns may be worth sharing where one seed's are not.
    pub(crate) fn with(
        graph: &Graph,
        (batch, seeds): (usize, usize),
        placed: Placed,
        store: Option<Store>,
        threads: usize,
    ) -> Result<Self> {
        let mut team = Team::of_graph("Reverse", threads, graph, batch)?;
        let gradient = matches!(placed.purpose, Purpose::Gradient { .. });
        if !gradient && !team.shares() {
            let columns = memory::elements(&[batch, seeds]);
            team = Team::of_graph("Reverse", threads, graph, columns)?;
        }
        Ok(Self {
            prepared: Prepared::new(placed, &team),
            team,
            gradient: if gradient {
                graph.layout().zeros()
            } else {
                Vec::new()
            },
            graph: graph.clone(),
            seeds,
            batch,
            store,
        })
    }

    fn placed(&self, purpose: Purpose) -> Result<Placed> {
        let asked = Asked::new(&self.graph, self.batch, self.seeds, purpose)?;
        match (self.store, self.schedule()) {
            (None, Some(schedule)) => asked.by_schedule::<T>(schedule),
            (store, _) => asked.placed::<T>(store.unwrap_or_default()),
        }
    }

    /// Allocates the buffers for a question, unless they are there.
    pub(crate) fn prepare(&mut self, purpose: Purpose) -> Result<()> {
        if self.prepared.purpose != purpose {
            // One question is prepared at a time: the buffers of the one before go first.
            let placed = self.placed(purpose)?;
            self.prepared.machine.release();
            self.prepared = Prepared::new(placed, &self.team);
        }
        if matches!(purpose, Purpose::Gradient { .. }) && self.gradient.is_empty() {
            self.gradient = self.graph.layout().zeros();
        }
        Ok(())
    }

    /// The graph.
    pub const fn graph(&self) -> &Graph {
        &self.graph
    }

    /// Samples of a batch.
    pub const fn batch(&self) -> usize {
        self.batch
    }

    /// Cotangents that are pulled back side by side.
    pub(crate) const fn side(&self) -> usize {
        self.seeds
    }

    /// Runs the primal program and keeps what the adjoint program will read. The record borrows the parameters, so they
    /// cannot change between recording and pulling back. Allocates nothing, but the first time after a gradient.
    ///
    /// # Errors
    /// As [`Graph::check`].
    pub fn record<'t>(
        &'t mut self,
        params: &'t [T],
        x: impl Into<Mat<'t, T>>,
    ) -> Result<Record<'t, T>> {
        let x = x.into();
        let (graph, batch) = (self.graph(), self.batch());
        graph.check(params, x, batch)?;
        self.prepare(Purpose::Record)?;
        let Self { prepared, team, .. } = self;
        let doubt = team.run(|| prepared.record(params, x))?;
        Ok(Record {
            engine: self,
            params,
            x,
            doubt,
        })
    }

    /// The sum of all outputs over the batch, and its gradient with respect to the parameters. Allocates nothing, but the
    /// first time after another question.
    ///
    /// # Errors
    /// As [`Graph::check`] and [`Graph::check_slopes`].
    pub fn value_and_gradient<'a>(
        &mut self,
        params: &'a [T],
        x: impl Into<Mat<'a, T>>,
    ) -> Result<(T, &[T])> {
        let value = self.differentiate(params, x.into(), None, Wrt::PARAMS)?;
        Ok((value, &self.gradient))
    }

    /// As [`Reverse::value_and_gradient`], with the gradient with respect to the inputs (n_inputs x batch) written to
    /// `x_bar`; prepared by a plan with respect to both ([`Plan::wrt`]), else when it is first asked.
    ///
    /// # Errors
    /// As [`Graph::check`] and [`Graph::check_slopes`]; [`crate::Error::Shape`] for `x_bar`.
    pub fn value_and_gradients<'a>(
        &mut self,
        params: &'a [T],
        x: impl Into<Mat<'a, T>>,
        x_bar: &mut DMatrix<T>,
    ) -> Result<(T, &[T])> {
        let value = self.differentiate(params, x.into(), Some(x_bar.into()), Wrt::BOTH)?;
        Ok((value, &self.gradient))
    }

    /// Both programs in a row: the value is returned, the gradient is left in its buffer. `wrt`: by what slopes have to be
    /// finite; at duals the direction counts too.
    pub(crate) fn differentiate(
        &mut self,
        params: &[T],
        x: Mat<'_, T>,
        x_bar: Option<MatMut<'_, T>>,
        wrt: Wrt,
    ) -> Result<T> {
        self.graph.check(params, x, self.batch)?;
        if let Some(x_bar) = &x_bar {
            fits("x_bar", x_bar, (x.nrows(), self.batch))?;
        }
        self.prepare(Purpose::Gradient {
            inputs: x_bar.is_some(),
        })?;
        let Self {
            graph,
            prepared,
            gradient,
            team,
            ..
        } = self;
        let check = |doubt| graph.settle(params, x, doubt, wrt);
        let (mut value, n_params) = (T::zero(), gradient.len());
        let bars = [
            MatMut::new(gradient, n_params, 1),
            x_bar.unwrap_or_else(|| MatMut::new(&mut [], 0, 0)),
        ];
        let finite = |[params_bar, x_bar]: &[MatMut<'_, T>; 2]| {
            gradient_finite(graph, params_bar.rb()) && first_not_finite(x_bar.rb()).is_none()
        };
        in_range(bars, finite, |bars, unit| {
            value = team.run(|| prepared.gradient(params, x, bars, unit, check))?;
            Ok(())
        })?;
        Ok(value)
    }

    /// The Euclidean norm of each sample's gradient by the parameters, of the sum of its outputs: what clipping and sampling
    /// by importance ask for. Of a linear layer the gradient is an outer product, whose norm is the product of the norms, so
    /// it is not formed (Goodfellow, "Efficient Per-Example Gradient Computations", 2015, arXiv:1510.01799); of another block
    /// with parameters, or of one that is used more than once, the samples' gradients are formed for that block alone.
    ///
    /// # Errors
    /// As [`Graph::check`] and [`Graph::check_slopes`]; [`crate::Error::TooLarge`] the first time after another question.
    ///
    /// ```
    /// use nalgebra::dmatrix;
    /// use pushpull_core::{Builder, blocks::Linear};
    /// use pushpull_reverse_mode::Reverse;
    /// let mut b = Builder::new();
    /// let x = b.input("x", 2);
    /// let y = b.block(Linear::without_bias(2, 1), x);
    /// let graph = b.build(y)?;
    /// // dy/dw = x, sample by sample
    /// let norms = Reverse::new(&graph, 2)?.gradient_norms(&[1.0, 1.0], &dmatrix![3.0, 5.0; 4.0, 12.0])?;
    /// assert_eq!(norms, [5.0, 13.0]);
    /// # Ok::<(), pushpull_core::Error>(())
    /// ```
    pub fn gradient_norms<'a>(&mut self, params: &[T], x: impl Into<Mat<'a, T>>) -> Result<Vec<T>> {
        let x = x.into();
        self.graph.check(params, x, self.batch)?;
        self.prepare(Purpose::Norms)?;
        let mut norms = vec![T::zero(); self.batch];
        let Self {
            graph,
            prepared,
            team,
            batch,
            ..
        } = self;
        let check = |doubt| graph.settle(params, x, doubt, Wrt::PARAMS);
        let to = MatMut::new(&mut norms, 1, *batch);
        in_range([to], all_finite, |[to], unit| {
            team.run(|| prepared.norms(params, x, to, unit, check))
        })?;
        Ok(norms)
    }

    /// Vector-Jacobian products for one or several cotangents `y_bar` of the output, n_outputs x batch S, column
    /// `seed * batch + sample`: with respect to the parameters (n_params x S, summed over the batch) and to the inputs
    /// (n_inputs x batch S).
    ///
    /// # Errors
    /// As [`Graph::check`] and [`Record::pullback`]; [`crate::Error::TooLarge`].
    pub fn vjp<'a>(
        &mut self,
        params: &'a [T],
        x: impl Into<Mat<'a, T>>,
        y_bar: impl Into<Mat<'a, T>>,
    ) -> Result<(DMatrix<T>, DMatrix<T>)> {
        let (graph, batch, x, y_bar) = (self.graph(), self.batch(), x.into(), y_bar.into());
        let (n_params, n_inputs) = (graph.n_params(), graph.n_inputs());
        let seeds = y_bar.ncols() / batch;
        let total = memory::elements(&[n_params, seeds])
            .saturating_add(memory::elements(&[n_inputs, y_bar.ncols()]));
        memory::fits::<T>(
            "the cotangents of parameters and inputs",
            total,
            "ask for fewer seeds at once",
        )?;
        let mut params_bar = DMatrix::from_element(n_params, seeds, T::zero());
        let mut x_bar = DMatrix::from_element(n_inputs, y_bar.ncols(), T::zero());
        let mut record = self.record(params, x)?;
        record.pullback(
            y_bar,
            Accum::Set,
            Some((&mut params_bar).into()),
            Some((&mut x_bar).into()),
        )?;
        Ok((params_bar, x_bar))
    }

    /// Bytes of all buffers, as prepared for the question asked last.
    pub fn bytes(&self) -> Bytes {
        let (code, size) = (self.prepared.machine.code(), size_of::<T>());
        Bytes {
            arena: code.len() * size,
            gradient: self.gradient.len() * size,
            scratch: code.scratch_len() * size,
        }
    }

    /// The schedule of checkpoints; `None` if all is kept.
    pub fn schedule(&self) -> Option<&Schedule> {
        self.prepared
            .staged
            .as_ref()
            .map(|staged| staged.schedule())
    }
}

impl<T: Scalar> Engine<T> for Reverse<T> {
    fn name(&self) -> &'static str {
        "Reverse"
    }

    fn value_and_gradient(&mut self, params: &[T], x: Mat<'_, T>) -> Result<(T, &[T])> {
        Self::value_and_gradient(self, params, x)
    }

    fn value_and_gradient_in_parts(
        &mut self,
        params: &[T],
        x: Mat<'_, T>,
        tell: &mut dyn FnMut(Range<usize>, &[T]),
    ) -> Result<(T, &[T])> {
        Self::value_and_gradient_in_parts(self, params, x, tell)
    }

    fn vjp_into(
        &mut self,
        params: &[T],
        x: Mat<'_, T>,
        y_bar: Mat<'_, T>,
        params_bar: MatMut<'_, T>,
    ) -> Result<()> {
        let mut record = self.record(params, x)?;
        record.pullback(y_bar, Accum::Set, Some(params_bar), None)
    }

    fn jacobian_params(&mut self, params: &[T], x: Mat<'_, T>) -> Result<DMatrix<T>> {
        Self::jacobian_params(self, params, x)
    }

    fn jacobian_inputs(&mut self, params: &[T], x: Mat<'_, T>) -> Result<DMatrix<T>> {
        Self::jacobian_inputs(self, params, x)
    }

    fn gradient_norms(&mut self, params: &[T], x: Mat<'_, T>) -> Result<Vec<T>> {
        Self::gradient_norms(self, params, x)
    }
}

pub(crate) fn at_least_one(seeds: usize) -> Result<usize> {
    if seeds > 0 {
        return Ok(seeds);
    }
    Err(Error::setting("Reverse", "seeds", "at least 1", 0))
}
