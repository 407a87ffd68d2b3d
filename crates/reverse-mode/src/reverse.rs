//! The engine: both programs prepared for a graph and a batch.

use nalgebra::DMatrix;
use pushpull_core::linalg::sum;
use pushpull_core::{Accum, Cost, Graph, Mat, MatMut, Result, Scalar, Team, Wrt, memory};

use crate::Tape;
use crate::adjoint::{Adjoint, Wanted};
use crate::checkpoint::Schedule;
use crate::predict::{Programs, at_least_one};
use crate::program::Program;
use crate::tape::fits;

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
    /// The record of the primal program: what the adjoint program reads. With checkpoints, their most at once with the
    /// records beside them, and a copy of the output.
    pub record: usize,
    /// The cotangents alive at once.
    pub cotangents: usize,
    /// The gradient.
    pub gradient: usize,
    /// The cotangent of the output and the blocks' scratch memory.
    pub scratch: usize,
}

impl Bytes {
    /// All of them.
    pub const fn total(&self) -> usize {
        let kept = self.record.saturating_add(self.cotangents);
        kept.saturating_add(self.gradient)
            .saturating_add(self.scratch)
    }
}

/// Reverse mode for a graph and a batch, at the scalar `T`.
///
/// What each question takes, before anything is prepared: [`Reverse::predict_gradient`], [`Reverse::predict_vjp`],
/// [`Reverse::predict_jacobian_params`], [`Reverse::predict_jacobian_inputs`], with the formulas.
///
/// The objective is the lecture's last block: the *sum* of all outputs over the whole batch. A mean is a scale of it.
///
/// ```
/// use nalgebra::dmatrix;
/// use pushpull_core::{Builder, blocks::{Linear, Square}};
/// use pushpull_reverse_mode::{Reverse, Store};
/// let mut b = Builder::new();
/// let x = b.input("x", 1);
/// let h = b.block(Linear::without_bias(1, 1), x);
/// let y = b.map(Square, h);
/// let graph = b.build(y)?;
/// let mut reverse = Reverse::new(&graph, 2, Store::All, 1)?;
/// // y = (3 x1)^2 + (3 x2)^2; dy/dw = 2 w (x1^2 + x2^2)
/// let (value, gradient) = reverse.value_and_gradient(&[3.0], &dmatrix![1.0, 2.0])?;
/// assert_eq!((value, gradient), (45.0, &[30.0][..]));
/// # Ok::<(), pushpull_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Reverse<T> {
    pub(crate) program: Program,
    pub(crate) adjoint: Adjoint,
    pub(crate) record: Vec<T>,
    pub(crate) cotangents: Vec<T>,
    /// n_outputs x batch S: the seed of a gradient or of Jacobian rows.
    pub(crate) seed: Vec<T>,
    pub(crate) scratch: Vec<T>,
    gradient: Vec<T>,
    pub(crate) team: Team,
    /// What was asked for; `None` with a schedule of the caller's.
    store: Option<Store>,
}

impl<T: Scalar> Reverse<T> {
    /// Prepares both programs for batches of `batch` samples: every shape is checked and all memory allocated here, and
    /// `threads - 1` workers are started, unless the network is so small that sharing it would not pay. The bits are the same
    /// for any number of threads.
    ///
    /// # Errors
    /// [`crate::Error::EmptyBatch`], [`crate::Error::TooLarge`] before anything is allocated, [`crate::Error::Setting`]
    /// for `threads` as [`Team::new`]; [`crate::Error::Budget`] with the smallest that does; [`crate::Error::NoCut`] for
    /// slots where no cut of the graph saves memory.
    ///
    /// ```
    /// use nalgebra::dmatrix;
    /// use pushpull_core::{Builder, blocks::{Linear, Tanh}};
    /// use pushpull_reverse_mode::{Reverse, Store};
    /// let mut b = Builder::new();
    /// let mut h = b.input("x", 2);
    /// for _ in 0..30 {
    ///     h = b.block(Linear::new(2, 2), h);
    ///     h = b.map(Tanh, h);
    /// }
    /// let graph = b.build(h)?;
    /// let (params, x) = (vec![0.5; graph.n_params()], dmatrix![0.1, 0.2; 0.3, 0.4]);
    /// let mut all = Reverse::new(&graph, 2, Store::All, 1)?;
    /// let mut some = Reverse::new(&graph, 2, Store::Bytes(512), 1)?;
    /// assert_eq!(all.value_and_gradient(&params, &x)?, some.value_and_gradient(&params, &x)?);
    /// assert!(some.bytes().total() - some.bytes().gradient <= 512);
    /// # Ok::<(), pushpull_core::Error>(())
    /// ```
    pub fn new(graph: &Graph, batch: usize, store: Store, threads: usize) -> Result<Self> {
        Self::with(
            Programs::new::<T>(graph, batch, store, 1)?,
            Some(store),
            threads,
        )
    }

    /// The engine of a schedule of your own choice, made for the graph's [`crate::checkpoint::Chain::of`].
    ///
    /// # Errors
    /// As [`Reverse::new`]; [`crate::Error::Setting`] for a schedule of another number of stages.
    ///
    /// ```
    /// use pushpull_core::{Mlp, blocks::Activation};
    /// use pushpull_reverse_mode::{Reverse, checkpoint::{Chain, even}};
    /// let graph = Mlp::new(&[3; 21], Activation::Tanh).build()?;
    /// let chain = Chain::of(&graph, 4)?;
    /// let schedule = even(&chain, 5);
    /// let reverse = Reverse::<f64>::with_schedule(&graph, 4, &schedule, 1)?;
    /// assert_eq!(reverse.bytes().record, 8 * (schedule.peak(&chain) + 3 * 4)); // and the output
    /// # Ok::<(), pushpull_core::Error>(())
    /// ```
    pub fn with_schedule(
        graph: &Graph,
        batch: usize,
        schedule: &Schedule,
        threads: usize,
    ) -> Result<Self> {
        Self::with(
            Programs::scheduled::<T>(graph, batch, schedule)?,
            None,
            threads,
        )
    }

    fn with(programs: Programs, store: Option<Store>, threads: usize) -> Result<Self> {
        let lens = programs.lens();
        let Programs { program, adjoint } = programs;
        Ok(Self {
            team: Team::of_graph("Reverse", threads, program.graph(), program.batch())?,
            record: vec![T::zero(); lens.record],
            cotangents: vec![T::zero(); lens.cotangents],
            seed: vec![T::zero(); lens.seed],
            scratch: vec![T::zero(); lens.scratch],
            gradient: vec![T::zero(); lens.gradient],
            program,
            adjoint,
            store,
        })
    }

    /// The same engine, prepared to pull back `seeds` cotangents side by side: Jacobian rows then share each block's
    /// product. A byte budget covers their cotangents too.
    ///
    /// # Errors
    /// [`crate::Error::TooLarge`]; [`crate::Error::Setting`] for zero seeds and as [`Team::new`]; [`crate::Error::Budget`].
    pub fn seeds(mut self, seeds: usize) -> Result<Self> {
        let seeds = at_least_one(seeds)?;
        let (graph, batch) = (self.graph(), self.batch());
        let adjoint = Adjoint::new(graph, batch, seeds)?;
        let seed = memory::elements(&[graph.n_outputs(), batch, seeds]);
        let total = seed.saturating_add(adjoint.len());
        memory::fits::<T>(
            "the cotangents",
            total,
            "pull back fewer seeds side by side",
        )?;
        // What the cotangents take of a byte budget, the record cannot.
        if let Some(store @ Store::Bytes(_)) = self.store {
            let besides = adjoint.besides(graph.n_outputs(), batch);
            self.program = Program::new::<T>(graph, batch, store, besides)?;
            self.record = vec![T::zero(); self.program.len()];
        }
        if !self.team.shares() {
            // More columns may be worth sharing where one seed's are not.
            let (threads, columns) = (self.team.threads(), memory::elements(&[batch, seeds]));
            self.team = Team::of_graph("Reverse", threads, self.program.graph(), columns)?;
        }
        self.adjoint = adjoint;
        self.seed = vec![T::zero(); seed];
        self.cotangents = vec![T::zero(); self.adjoint.len()];
        self.scratch = vec![T::zero(); self.adjoint.scratch_len()];
        Ok(self)
    }

    /// The graph.
    pub const fn graph(&self) -> &Graph {
        self.program.graph()
    }

    /// Samples of a batch.
    pub const fn batch(&self) -> usize {
        self.program.batch()
    }

    /// Runs the primal program and keeps what the adjoint program will read. The tape borrows the parameters, so they
    /// cannot change between recording and pulling back. Allocates nothing.
    ///
    /// # Errors
    /// As [`Graph::check`].
    pub fn record<'t>(
        &'t mut self,
        params: &'t [T],
        x: impl Into<Mat<'t, T>>,
    ) -> Result<Tape<'t, T>> {
        let x = x.into();
        let (graph, batch) = (self.graph(), self.batch());
        graph.check(params, x, batch)?;
        let (program, record) = (&mut self.program, &mut self.record);
        let doubt = self.team.run(|| program.record(params, x, record));
        Ok(Tape {
            engine: self,
            params,
            x,
            doubt,
        })
    }

    /// The sum of all outputs over the batch, and its gradient with respect to the parameters. Allocates nothing.
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
    /// `x_bar`.
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
        let Self {
            program,
            adjoint,
            record,
            cotangents,
            seed,
            scratch,
            gradient,
            team,
            ..
        } = self;
        let (n_outputs, batch) = (program.n_outputs(), program.batch());
        program.graph().check(params, x, batch)?;
        if let Some(x_bar) = &x_bar {
            fits("x_bar", x_bar, (x.nrows(), batch))?;
        }
        // Every output weighs 1.
        let seed = &mut seed[..n_outputs * batch];
        seed.fill(T::one());
        team.run(|| {
            let doubt = program.record(params, x, record);
            if doubt.meets(wrt) {
                program.graph().check_slopes(params, x, wrt, T::DUAL)?;
            }
            let wanted = Wanted {
                params: Some((Accum::Set, MatMut::new(gradient, params.len(), 1))),
                inputs: x_bar,
            };
            let y_bar = Mat::new(seed, n_outputs, batch);
            adjoint.pullback(
                program, params, x, record, y_bar, cotangents, scratch, wanted,
            );
            Ok(sum(program.output(record)))
        })
    }

    /// The gradient that the last run left.
    pub(crate) fn gradient(&self) -> &[T] {
        &self.gradient
    }

    /// Vector-Jacobian products for one or several cotangents `y_bar` of the output, n_outputs x batch S, column
    /// `seed * batch + sample`: with respect to the parameters (n_params x S, summed over the batch) and to the inputs
    /// (n_inputs x batch S).
    ///
    /// # Errors
    /// As [`Graph::check`] and [`Tape::pullback`]; [`crate::Error::TooLarge`].
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
        let mut tape = self.record(params, x)?;
        tape.pullback(
            y_bar,
            Accum::Set,
            Some((&mut params_bar).into()),
            Some((&mut x_bar).into()),
        )?;
        Ok((params_bar, x_bar))
    }

    /// Bytes of all buffers.
    pub const fn bytes(&self) -> Bytes {
        let size = size_of::<T>();
        Bytes {
            record: self.record.len() * size,
            cotangents: self.cotangents.len() * size,
            gradient: self.gradient.len() * size,
            scratch: (self.seed.len() + self.scratch.len()) * size,
        }
    }

    /// Blocks that [`Reverse::value_and_gradient`] evaluates: as many as there are, and those that are computed again.
    pub fn evaluations(&self) -> u64 {
        self.program.evaluations(1)
    }

    /// The schedule of checkpoints; `None` if all is kept.
    pub const fn schedule(&self) -> Option<&Schedule> {
        self.program.schedule()
    }

    /// The exact cost of [`Reverse::value_and_gradient`]: the primal, what is computed again, the sum of the outputs, the
    /// adjoint program.
    pub fn cost(&self) -> Cost {
        let outputs = T::additions(self.graph().n_outputs() * self.batch());
        self.primal_cost() + outputs + self.pullback_cost(1, true, false)
    }

    /// The exact cost of [`Reverse::jacobian_inputs`]: the primal once, and a pullback for every group of outputs; with
    /// checkpoints, the primal for every group.
    pub fn jacobian_inputs_cost(&self) -> Cost {
        let (n_outputs, seeds) = (self.graph().n_outputs(), self.adjoint.seeds());
        let group = |first| {
            let seeds = seeds.min(n_outputs - first);
            self.adjoint.cost::<T>(self.batch(), seeds, false, true)
        };
        let primal = self.program.cost::<T>(n_outputs.div_ceil(seeds));
        primal + (0..n_outputs).step_by(seeds).map(group).sum()
    }

    /// The exact cost of [`Reverse::record`]: with checkpoints, up to the first pullback.
    pub fn primal_cost(&self) -> Cost {
        self.program.primal_cost::<T>()
    }

    /// The exact cost of one pullback of `seeds` cotangents, as many as fit side by side at most, and of what is computed
    /// again for it. With checkpoints, a second pullback of one tape costs [`Reverse::primal_cost`] more, for it starts
    /// from the input.
    pub fn pullback_cost(&self, seeds: usize, params: bool, inputs: bool) -> Cost {
        let adjoint = self.adjoint.cost::<T>(self.batch(), seeds, params, inputs);
        self.program.rerun_cost::<T>() + adjoint
    }
}
