//! A question to forward mode: its settings, and what it takes, known before it is prepared.

use std::fmt;

use pushpull_core::program::Program;
use pushpull_core::siblings::memory;
use pushpull_core::siblings::work::{Item, Work};
use pushpull_core::{Cost, Error, Graph, Prediction, Question, Result, Scalar, Team, Wrt};

use crate::setting::{Purpose, Setting};
use crate::{Chunk, Forward};

/// A question to forward mode about a graph and a batch, with its settings: made by [`Forward::plan`]. It holds no numbers;
/// [`Plan::prediction`] says what the answer takes, its text is the program that runs, [`Plan::prepare`] allocates.
///
/// For every chunk of directions the primal runs once, and every block pushes the tangents that arrive and starts its own:
///
/// ```text
/// flops  = sum over chunks of primal + sum over blocks of jvp_input(seeds from earlier blocks) + unit_params(own)
///          + n_outputs B seeds at the output, + n_outputs B          (the sums of a gradient)
/// bytes  = values + the tangents alive at once + p + scratch
/// ```
///
/// | question | prepared for | results |
/// |---|---|---|
/// | [`Question::Gradient`] | [`Forward::value_and_gradient`] | the engine's own |
/// | [`Question::Jvp`] | [`Forward::jvp`], along directions in what [`Plan::wrt`] says | output and tangents; none in [`Forward::jvp_into`] |
/// | [`Question::JacobianParams`] | [`Forward::jacobian_params`] | `n_outputs B` x `n_params` |
/// | [`Question::JacobianInputs`] | [`Forward::jacobian_inputs`] | `n_outputs B` x `n_inputs` |
///
/// ```
/// use pushpull_core::{Mlp, Question, blocks::Activation};
/// use pushpull_forward_mode::{Chunk, Forward};
/// let graph = Mlp::new(&[2, 3, 1], Activation::Tanh).build()?;
/// let plan = Forward::plan(&graph, 5, Question::Gradient).chunk(Chunk::Full);
/// let program = plan.to_string();
/// let tangents: Vec<&str> = program.lines().filter(|line| line.starts_with('Ŵ')).collect();
/// assert_eq!(tangents.len(), 4);
/// assert!(tangents[1].starts_with("Ŵ@h2 = [∂h1 h2]·Ŵ@h1 "));
/// let cotangents = Forward::plan(&graph, 5, Question::Vjp(1)).prepare::<f64>();
/// assert!(cotangents.unwrap_err().to_string().contains("question"));
/// # Ok::<(), pushpull_core::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Plan {
    graph: Graph,
    batch: usize,
    question: Question,
    wrt: Wrt,
    chunk: Chunk,
    threads: usize,
}

impl Plan {
    pub(crate) fn new(graph: &Graph, batch: usize, question: Question) -> Self {
        Self {
            graph: graph.clone(),
            batch,
            question,
            wrt: Wrt::PARAMS,
            chunk: Chunk::Auto,
            threads: 1,
        }
    }

    /// How many directions are carried at once; [`Chunk::Auto`] where nothing is said.
    pub const fn chunk(mut self, chunk: Chunk) -> Self {
        self.chunk = chunk;
        self
    }

    /// What the directions of a jvp lie in; the parameters where nothing is said.
    pub const fn wrt(mut self, wrt: Wrt) -> Self {
        self.wrt = wrt;
        self
    }

    /// Threads of the engine, the caller's among them; 1 where nothing is said. The bits are the same for any number.
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
            Err(Error::setting("Forward", "wrt", expected, got))
        };
        let Wrt { params, inputs } = self.wrt;
        match self.question {
            Question::Gradient if self.wrt != Wrt::PARAMS => {
                wrt("the parameters; the inputs' gradient is the sum of JacobianInputs' rows")
            }
            Question::Gradient => Ok(Purpose::Gradient),
            Question::Jvp(_) if self.wrt == Wrt::NOTHING => wrt("parameters, inputs or both"),
            Question::Jvp(0) => Err(Error::setting("Forward", "directions", "at least 1", 0)),
            Question::JacobianParams if !params => wrt("the parameters, or both"),
            // Where nothing is said, wrt names the parameters, and the question the inputs.
            Question::JacobianInputs if self.wrt == Wrt::NOTHING => wrt("the inputs, or both"),
            Question::Jvp(seeds) => Ok(Purpose::Jvp {
                seeds,
                params,
                inputs,
            }),
            Question::JacobianParams => Ok(Purpose::JacobianParams),
            Question::JacobianInputs => Ok(Purpose::JacobianInputs),
            other => {
                let expected = "gradient, jvp, jacobian-params or jacobian-inputs";
                Err(Error::setting("Forward", "question", expected, other))
            }
        }
    }

    fn setting<T>(&self) -> Result<(Setting, Purpose)> {
        Team::check("Forward", self.threads)?;
        let setting = Setting::new::<T>(&self.graph, self.batch, self.chunk)?;
        Ok((setting, self.purpose()?))
    }

    /// The engine, prepared: every shape is checked and all memory allocated here.
    ///
    /// # Errors
    /// [`Error::EmptyBatch`], [`Error::TooLarge`] before anything is allocated; [`Error::Setting`] for a question that forward
    /// mode does not answer, for threads and a chunk of zero.
    pub fn prepare<T: Scalar>(&self) -> Result<Forward<T>> {
        let (setting, purpose) = self.setting::<T>()?;
        Forward::with(setting, purpose, self.threads)
    }

    /// What the answer takes at a scalar, exactly, without preparing it.
    ///
    /// # Errors
    /// As [`Plan::prepare`].
    pub fn prediction<T: Scalar>(&self) -> Result<Prediction> {
        let (setting, purpose) = self.setting::<T>()?;
        setting.predicted::<T>(purpose)
    }

    /// What the answer does, as a list.
    ///
    /// # Errors
    /// As [`Plan::prepare`], but for numbers that this machine cannot hold.
    pub fn work<T: Scalar>(&self) -> Result<Work> {
        let (setting, purpose) = self.setting::<T>()?;
        setting.work::<T>(purpose)
    }

    /// The program that runs at a scalar, of directions for as many as are carried at once: its text is the lecture's tangent
    /// program.
    ///
    /// # Errors
    /// As [`Plan::work`].
    ///
    /// ```
    /// use pushpull_core::{Mlp, Question, blocks::Activation};
    /// use pushpull_forward_mode::{Chunk, Forward};
    /// let graph = Mlp::new(&[2, 3, 1], Activation::Tanh).build()?;
    /// let plan = Forward::plan(&graph, 5, Question::Gradient).chunk(Chunk::Full);
    /// let lines = plan.program::<f64>()?.lines();
    /// let tangents: Vec<String> = lines.into_iter().filter(|line| line.contains('Ŵ')).collect();
    /// assert_eq!(tangents, [
    ///     "Ŵ@h1 = ∂w1 h1",
    ///     "Ŵ@h2 = [∂h1 h2]·Ŵ@h1",
    ///     "Ŵ@h3 = [∂h2 h3]·Ŵ@h2",
    ///     "Ŵ@h3 = ∂w2 h3",
    ///     "∇w y = ⟨Ŵ@h3, 1⟩",
    /// ]);
    /// # Ok::<(), pushpull_core::Error>(())
    /// ```
    pub fn program<T>(&self) -> Result<Program> {
        let (setting, purpose) = self.setting::<T>()?;
        Ok(setting.program(purpose)?.0)
    }

    /// Directions that are carried at once, at a scalar; 1 where there is no answer.
    pub fn width<T>(&self) -> usize {
        let all = match self.question {
            Question::Jvp(seeds) => seeds,
            Question::JacobianInputs => self.graph.n_inputs(),
            _ => self.graph.n_params(),
        };
        Setting::new::<T>(&self.graph, self.batch, self.chunk)
            .map_or(1, |setting| setting.width(all))
    }
}

/// The program in f64, or why there is none.
impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.program::<f64>() {
            Ok(program) => program.fmt(f),
            Err(fault) => fault.fmt(f),
        }
    }
}

impl<T: Scalar> Forward<T> {
    /// The exact cost of [`Forward::value_and_gradient`]: the sweeps of all chunks, and the sums at the end.
    pub fn cost(&self) -> Cost {
        // It was emitted when the engine was prepared: a graph and a batch that cannot be are refused there.
        let counted = self.setting.counted::<T>(Purpose::Gradient);
        counted.unwrap_or_default().0
    }
}

impl Setting {
    /// Work and evaluations of blocks, of all sweeps.
    fn counted<T: Scalar>(&self, purpose: Purpose) -> Result<(Cost, u64)> {
        let (mut cost, mut evaluations) = (Cost::ZERO, 0_u64);
        for (program, times) in self.programs(purpose)? {
            cost += program.cost::<T>() * times;
            let all = program.evaluations().saturating_mul(times as u64);
            evaluations = evaluations.saturating_add(all);
        }
        Ok((cost, evaluations))
    }

    /// The prediction of a question.
    fn predicted<T: Scalar>(&self, purpose: Purpose) -> Result<Prediction> {
        let placed = self.placed::<T>(purpose)?;
        let (cost, evaluations) = self.counted::<T>(purpose)?;
        let gradient = match purpose {
            Purpose::Gradient => self.graph.n_params(),
            _ => 0,
        };
        let numbers = [placed.code.len(), placed.code.scratch_len(), gradient];
        let numbers = numbers.into_iter().fold(0, usize::saturating_add);
        let results = memory::elements(&[self.results(purpose), size_of::<T>()]);
        let prediction = Prediction {
            cost,
            evaluations,
            buffers: memory::elements(&[numbers, size_of::<T>()]),
            plan: placed.held(),
            run: results,
            results,
        };
        prediction.counted(purpose, "ask for fewer directions, or use a smaller batch")
    }

    /// Numbers in the matrices that a run hands to the caller.
    fn results(&self, purpose: Purpose) -> usize {
        let graph = &self.graph;
        let outputs = memory::elements(&[graph.n_outputs(), self.batch]);
        match purpose {
            Purpose::Gradient => 0,
            Purpose::Jvp { seeds, .. } => memory::elements(&[outputs, seeds.saturating_add(1)]),
            Purpose::JacobianParams => memory::elements(&[outputs, graph.n_params()]),
            Purpose::JacobianInputs => memory::elements(&[outputs, graph.n_inputs()]),
        }
    }

    /// What a question does, as a list: its programs, the checks before, and the matrix that a Jacobian is allocated in.
    fn work<T: Scalar>(&self, purpose: Purpose) -> Result<Work> {
        let (graph, mut work) = (&self.graph, Work::default());
        // A list is exact while 64 bits hold its numbers, whatever this machine does.
        let results = memory::elements(&[self.results(purpose), size_of::<T>()]);
        if results == usize::MAX {
            memory::fits::<T>(purpose, results, "ask for fewer directions")?;
        }
        for (program, times) in self.programs(purpose)? {
            work.extend(&program.work(), times as u64);
        }
        match purpose {
            Purpose::JacobianParams | Purpose::JacobianInputs => {
                work.add(Item::Fresh(self.results(purpose)), 1);
            }
            Purpose::Jvp {
                seeds,
                params: true,
                ..
            } => {
                work.add(Item::Read(memory::elements(&[graph.n_params(), seeds])), 1);
            }
            Purpose::Gradient | Purpose::Jvp { .. } => {}
        }
        work.add(Item::Read(graph.n_params()), 1);
        work.add(
            Item::Read(memory::elements(&[graph.n_inputs(), self.batch])),
            1,
        );
        Ok(work)
    }
}
