//! A question to reverse mode: its settings, and what it takes, known before it is prepared.

use std::fmt;

use pushpull_core::program::Program;
use pushpull_core::siblings::memory;
use pushpull_core::siblings::work::Work;
use pushpull_core::{Cost, Error, Graph, Prediction, Question, Result, Scalar, Team, Wrt};

use crate::checkpoint::Schedule;
use crate::placed::{Asked, Placed};
use crate::purpose::Purpose;
use crate::reverse::at_least_one;
use crate::takes::{Pull, Takes};
use crate::{Reverse, Store};

/// A question to reverse mode about a graph and a batch, with its settings: made by [`Reverse::plan`]. It holds no numbers;
/// [`Plan::prediction`] says what the answer takes, its text is the program that runs, [`Plan::prepare`] allocates.
///
/// A gradient is the primal, the sum of the outputs and the adjoint program:
///
/// ```text
/// flops = sum over blocks of forward + vjp_params + vjp_input (but where nothing lies before), + n_outputs B,
///         + an addition for every entry where a cotangent meets another
/// bytes = what the blocks keep + the cotangents alive at once + p + n_outputs B + scratch
/// ```
///
/// The other questions record once, and run the adjoint program for every group of [`Plan::seeds`] cotangents. With
/// checkpoints, a stage's forward counts as often as its schedule runs it, what is kept is the schedule's peak
/// ([`crate::checkpoint`]), and a group starts from the input.
///
/// | question | prepared for | results |
/// |---|---|---|
/// | [`Question::Gradient`] | [`Reverse::value_and_gradient`], with respect to both [`Reverse::value_and_gradients`] | the engine's own, and the caller's `x_bar` |
/// | [`Question::Vjp`] | [`Reverse::vjp`], [`crate::Record::pullback`] | what [`Plan::wrt`] asks for, `n_params` x k and `n_inputs` x `B` k; none in `pullback`, which writes to the caller's |
/// | [`Question::JacobianParams`] | [`Reverse::jacobian_params`] | `n_outputs B` x `n_params`, beside the rows of one group; none in [`Reverse::jacobian_params_into`], which writes to the caller's |
/// | [`Question::JacobianInputs`] | [`Reverse::jacobian_inputs`] | `n_outputs B` x `n_inputs`, beside the rows of one group; none in [`Reverse::jacobian_inputs_into`] |
/// | [`Question::GradientNorms`] | [`Reverse::gradient_norms`] | `B` |
///
/// ```
/// use pushpull_core::{Mlp, Question, blocks::{Activation, Loss}};
/// use pushpull_reverse_mode::{Reverse, Store};
/// let graph = Mlp::new(&[4, 8, 8, 1], Activation::Tanh).loss(Loss::SquaredError).build()?;
/// let plan = Reverse::plan(&graph, 10, Question::Gradient).checkpointing(Store::Slots(3));
/// let (predicted, prepared) = (plan.prediction::<f32>()?, plan.prepare::<f32>()?);
/// assert_eq!((predicted.cost, predicted.evaluations), (prepared.cost(), prepared.evaluations()));
/// assert_eq!(predicted.buffers, prepared.bytes().total());
/// assert!(plan.to_string().contains("h̃3 = "));
/// # Ok::<(), pushpull_core::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Plan {
    graph: Graph,
    batch: usize,
    question: Question,
    wrt: Wrt,
    kept: Kept,
    seeds: usize,
    threads: usize,
}

/// What says which values are kept.
#[derive(Clone, Debug)]
enum Kept {
    Store(Store),
    Schedule(Schedule),
}

impl Plan {
    pub(crate) fn new(graph: &Graph, batch: usize, question: Question) -> Self {
        Self {
            graph: graph.clone(),
            batch,
            question,
            wrt: Wrt::PARAMS,
            kept: Kept::Store(Store::All),
            seeds: 1,
            threads: 1,
        }
    }

    /// What the record keeps; [`Store::All`] where nothing is said.
    pub fn checkpointing(mut self, store: Store) -> Self {
        self.kept = Kept::Store(store);
        self
    }

    /// A schedule of your own choice, made for the graph's [`crate::checkpoint::Chain::of`].
    ///
    /// ```
    /// use pushpull_core::{Mlp, Question, blocks::Activation};
    /// use pushpull_reverse_mode::{Reverse, checkpoint::{Chain, even}};
    /// let graph = Mlp::new(&[3; 21], Activation::Tanh).build()?;
    /// let chain = Chain::of(&graph, 4)?;
    /// let schedule = even(&chain, 5);
    /// let reverse = Reverse::plan(&graph, 4, Question::Gradient).schedule(&schedule).prepare::<f64>()?;
    /// // The record, and two neighbouring cotangents.
    /// assert_eq!(reverse.bytes().arena, 8 * (schedule.peak() + 2 * 3 * 4));
    /// # Ok::<(), pushpull_core::Error>(())
    /// ```
    pub fn schedule(mut self, schedule: &Schedule) -> Self {
        self.kept = Kept::Schedule(schedule.clone());
        self
    }

    /// What a gradient and vjps are with respect to; the parameters where nothing is said.
    pub const fn wrt(mut self, wrt: Wrt) -> Self {
        self.wrt = wrt;
        self
    }

    /// Cotangents that are pulled back side by side, where there are several: the rows of a Jacobian then share each block's
    /// product. A byte budget covers them all. 1 where nothing is said.
    pub const fn seeds(mut self, seeds: usize) -> Self {
        self.seeds = seeds;
        self
    }

    /// Threads of the engine, the caller's among them, unless the network is so small that sharing it would not pay; 1 where
    /// nothing is said. The bits are the same for any number.
    pub const fn threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// The question.
    pub const fn question(&self) -> Question {
        self.question
    }

    fn purpose(&self) -> Result<Purpose> {
        let wrt = |expected: &str| {
            let got = format_args!("{:?}", self.wrt);
            Err(Error::setting("Reverse", "wrt", expected, got))
        };
        let Wrt { params, inputs } = self.wrt;
        match self.question {
            Question::Gradient if !params => {
                wrt("the parameters, or both; a vjp can be with respect to the inputs alone")
            }
            Question::Gradient => Ok(Purpose::Gradient { inputs }),
            Question::GradientNorms if self.wrt != Wrt::PARAMS => wrt("the parameters"),
            Question::GradientNorms => Ok(Purpose::Norms),
            Question::Vjp(_) if self.wrt == Wrt::NOTHING => wrt("parameters, inputs or both"),
            Question::Vjp(0) => Err(Error::setting("Reverse", "cotangents", "at least 1", 0)),
            Question::JacobianParams if !params => wrt("the parameters, or both"),
            // Where nothing is said, wrt names the parameters, and the question the inputs.
            Question::JacobianInputs if self.wrt == Wrt::NOTHING => wrt("the inputs, or both"),
            Question::Vjp(_) | Question::JacobianParams | Question::JacobianInputs => {
                Ok(Purpose::Record)
            }
            other => {
                let expected = "gradient, vjp, jacobian-params, jacobian-inputs or gradient-norms";
                Err(Error::setting("Reverse", "question", expected, other))
            }
        }
    }

    /// The cotangents of the question, and how they are pulled back; `None` for a gradient and for norms of gradients.
    fn pulls(&self) -> Option<(usize, Pull)> {
        let outputs = self.graph.n_outputs();
        match self.question {
            Question::Vjp(cotangents) => {
                let Wrt { params, inputs } = self.wrt;
                Some((cotangents, Pull::Cotangents { params, inputs }))
            }
            Question::JacobianParams => Some((outputs, Pull::Rows { inputs: false })),
            Question::JacobianInputs => Some((outputs, Pull::Rows { inputs: true })),
            _ => None,
        }
    }

    fn placed<T>(&self) -> Result<Placed> {
        Team::check("Reverse", self.threads)?;
        let (purpose, seeds) = (self.purpose()?, at_least_one(self.seeds)?);
        let asked = Asked::new(&self.graph, self.batch, seeds, purpose)?;
        match &self.kept {
            Kept::Store(store) => asked.placed::<T>(*store),
            Kept::Schedule(schedule) => asked.by_schedule::<T>(schedule),
        }
    }

    /// The engine, prepared: every shape is checked and all memory allocated here, and `threads - 1` workers are started.
    ///
    /// # Errors
    /// [`Error::EmptyBatch`], [`Error::TooLarge`] before anything is allocated; [`Error::Setting`] for a question that reverse
    /// mode does not answer, for no seeds, for threads as [`pushpull_core::Team::new`], for a schedule of other
    /// stages; [`Error::Budget`] with the smallest that does; [`Error::NoCut`] for slots where no cut of the graph saves
    /// memory.
    pub fn prepare<T: Scalar>(&self) -> Result<Reverse<T>> {
        let placed = self.placed::<T>()?;
        let store = match self.kept {
            Kept::Store(store) => Some(store),
            Kept::Schedule(_) => None,
        };
        Reverse::with(
            &self.graph,
            (self.batch, self.seeds),
            placed,
            store,
            self.threads,
        )
    }

    /// What the answer takes at a scalar, exactly, without preparing it.
    ///
    /// # Errors
    /// As [`Plan::prepare`].
    pub fn prediction<T: Scalar>(&self) -> Result<Prediction> {
        let (graph, placed) = (&self.graph, self.placed::<T>()?);
        let takes = self.takes(&placed);
        if placed.purpose == Purpose::Norms {
            let results = memory::elements(&[self.batch, size_of::<T>()]);
            let one = Prediction {
                cost: takes.norms::<T>()?,
                evaluations: takes.evaluations(1),
                run: results,
                results,
                ..placed.kept::<T>(0)
            };
            return one.counted("norms of gradients by reverse mode", "use a smaller batch");
        }
        let Some((all, pull)) = self.pulls() else {
            let one = Prediction {
                cost: takes.gradient::<T>(self.wrt.inputs)?,
                evaluations: takes.evaluations(1),
                ..placed.kept::<T>(graph.n_params())
            };
            return one.counted("a gradient by reverse mode", "use a smaller batch");
        };
        let bytes = |numbers: usize| memory::elements(&[numbers, size_of::<T>()]);
        let (results, beside) = self.results(all, pull);
        let prediction = Prediction {
            cost: takes.pullbacks::<T>(all, pull)?,
            evaluations: takes.evaluations(all),
            run: bytes(results.saturating_add(beside)),
            results: bytes(results),
            ..placed.kept::<T>(0)
        };
        let what = format_args!("reverse mode for {all} cotangents");
        prediction.counted(what, "ask for fewer, or use a smaller batch")
    }

    /// Numbers of results, and of what a run needs to make them.
    fn results(&self, all: usize, pull: Pull) -> (usize, usize) {
        let (n_params, n_inputs) = (self.graph.n_params(), self.graph.n_inputs());
        match pull {
            Pull::Cotangents { params, inputs } => {
                let params = if params { n_params } else { 0 };
                let inputs = if inputs { n_inputs } else { 0 };
                let inputs = memory::elements(&[inputs, self.batch]);
                (memory::elements(&[params.saturating_add(inputs), all]), 0)
            }
            Pull::Rows { inputs } => {
                let columns = if inputs { n_inputs } else { n_params };
                let rows = |outputs| memory::elements(&[outputs, self.batch, columns]);
                (rows(all), rows(self.seeds.min(all)))
            }
        }
    }

    /// What the answer does, as a list.
    ///
    /// # Errors
    /// As [`Plan::prepare`].
    pub fn work<T: Scalar>(&self) -> Result<Work> {
        let placed = self.placed::<T>()?;
        let takes = self.takes(&placed);
        match self.pulls() {
            None if placed.purpose == Purpose::Norms => takes.norms_work(),
            None => takes.gradient_work(),
            Some((all, pull)) => takes.pullbacks_work(all, pull),
        }
    }

    fn takes<'p>(&'p self, placed: &'p Placed) -> Takes<'p> {
        Takes {
            graph: &self.graph,
            batch: self.batch,
            side: self.seeds,
            staged: placed.staged.as_deref(),
        }
    }

    /// The program, with all recorded: the lecture's primal program, then the adjoint program; of questions with cotangents, a
    /// path for each kind of them.
    ///
    /// # Errors
    /// [`Error::EmptyBatch`]; [`Error::Setting`] as [`Plan::prepare`].
    ///
    /// ```
    /// use pushpull_core::{Mlp, Question, blocks::Activation};
    /// use pushpull_reverse_mode::Reverse;
    /// let graph = Mlp::new(&[2, 3, 1], Activation::Tanh).build()?;
    /// let lines = Reverse::plan(&graph, 5, Question::Gradient).program()?.lines();
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
    pub fn program(&self) -> Result<Program> {
        let seeds = at_least_one(self.seeds)?;
        let program = self.purpose()?.program(&self.graph, self.batch, seeds)?;
        program.countable::<u8>("reverse mode's program", "use a smaller batch")?;
        Ok(program)
    }
}

/// The program, or why there is none.
impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.program() {
            Ok(program) => program.fmt(f),
            Err(fault) => fault.fmt(f),
        }
    }
}

impl Placed {
    /// What an engine keeps: its buffers and so many numbers besides.
    fn kept<T>(&self, besides: usize) -> Prediction {
        let (arena, scratch) = self.numbers();
        let numbers = arena.saturating_add(scratch).saturating_add(besides);
        Prediction {
            buffers: memory::elements(&[numbers, size_of::<T>()]),
            plan: self.held(),
            ..Prediction::default()
        }
    }
}

impl<T: Scalar> Reverse<T> {
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

    /// The exact cost of [`Reverse::value_and_gradient`]: the primal, what is computed again, the sum of the outputs, the
    /// adjoint program.
    pub fn cost(&self) -> Cost {
        // It was emitted when the engine was prepared: what cannot be counted is refused there.
        self.takes().gradient::<T>(false).unwrap_or_default()
    }
}
