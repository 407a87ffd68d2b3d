//! What forward mode takes, known before it is prepared.

use pushpull_core::program::Program;
use pushpull_core::work::{Item, Work};
use pushpull_core::{Cost, Graph, Prediction, Result, Scalar, memory};

use crate::plan::{Question, Setting};
use crate::{Chunk, Forward};

impl<T: Scalar> Forward<T> {
    /// What [`Forward::value_and_gradient`] takes on an engine of [`Forward::new`], without preparing it. For every chunk
    /// of parameters the primal, for every block the tangents that it pushes or starts, and the sum of what arrives:
    ///
    /// ```text
    /// flops  = sum over chunks of primal + sum over blocks of jvp_input(seeds from earlier blocks) + unit_params(own)
    ///          + n_outputs B seeds at the output, + n_outputs B
    /// bytes  = values + the tangents alive at once + p + scratch
    /// ```
    ///
    /// # Errors
    /// As [`Forward::new`].
    ///
    /// ```
    /// use pushpull_core::{Mlp, blocks::{Activation, Loss}};
    /// use pushpull_forward_mode::{Chunk, Forward};
    /// let graph = Mlp::new(&[4, 8, 1], Activation::Tanh).loss(Loss::SquaredError).build()?;
    /// let predicted = Forward::<f32>::predict_gradient(&graph, 10, Chunk::Full)?;
    /// let prepared = Forward::<f32>::new(&graph, 10, Chunk::Full, 1)?;
    /// assert_eq!(predicted.cost, prepared.cost());
    /// assert_eq!(predicted.buffers, prepared.bytes().total());
    /// # Ok::<(), pushpull_core::Error>(())
    /// ```
    pub fn predict_gradient(graph: &Graph, batch: usize, chunk: Chunk) -> Result<Prediction> {
        Setting::new::<T>(graph, batch, chunk)?.predicted::<T>(Question::Gradient)
    }

    /// What [`Forward::jvp`] takes along `seeds` directions, in the parameters, the inputs or both, on an engine of
    /// [`Forward::for_jvp`]. [`Forward::jvp_into`] takes the same without the `results`. For every group of directions
    /// the primal, and for every block `jvp_input` and `jvp_params` of them.
    ///
    /// # Errors
    /// As [`Forward::new`].
    pub fn predict_jvp(
        graph: &Graph,
        batch: usize,
        chunk: Chunk,
        seeds: usize,
        params: bool,
        inputs: bool,
    ) -> Result<Prediction> {
        let question = Question::Jvp {
            seeds,
            params,
            inputs,
        };
        Setting::new::<T>(graph, batch, chunk)?.predicted::<T>(question)
    }

    /// What [`Forward::jacobian_params`] takes on an engine of [`Forward::for_params`]: as a gradient, without the sums
    /// and with the Jacobian, `n_outputs B` by `n_params`.
    ///
    /// # Errors
    /// As [`Forward::new`].
    pub fn predict_jacobian_params(
        graph: &Graph,
        batch: usize,
        chunk: Chunk,
    ) -> Result<Prediction> {
        Setting::new::<T>(graph, batch, chunk)?.predicted::<T>(Question::JacobianParams)
    }

    /// What [`Forward::jacobian_inputs`] takes on an engine of [`Forward::for_inputs`]: for every chunk of the inputs'
    /// unit vectors the primal, and for every block `jvp_input` of those that arrive; the Jacobian is `n_outputs B` by
    /// `n_inputs`.
    ///
    /// # Errors
    /// As [`Forward::new`].
    pub fn predict_jacobian_inputs(
        graph: &Graph,
        batch: usize,
        chunk: Chunk,
    ) -> Result<Prediction> {
        Setting::new::<T>(graph, batch, chunk)?.predicted::<T>(Question::JacobianInputs)
    }

    /// The program of [`Forward::value_and_gradient`], as it runs: its text is the lecture's tangent program.
    ///
    /// # Errors
    /// As [`Forward::predict_gradient`], but for numbers that this machine cannot hold.
    ///
    /// ```
    /// use pushpull_core::{Mlp, blocks::Activation};
    /// use pushpull_forward_mode::{Chunk, Forward};
    /// let graph = Mlp::new(&[2, 3, 1], Activation::Tanh).build()?;
    /// let program = Forward::<f64>::gradient_program(&graph, 5, Chunk::Full)?;
    /// let tangents: Vec<String> = program.lines().into_iter().filter(|line| line.contains('Ŵ')).collect();
    /// assert_eq!(tangents, [
    ///     "Ŵ@h1 = ∂w1 h1",
    ///     "Ŵ@h2 = [∂h1 h2]·Ŵ@h1",
    ///     "Ŵ@h3 = [∂h2 h3]·Ŵ@h2",
    ///     "Ŵ@h3 = ∂w2 h3",
    ///     "∇w y = ⟨Ŵ@h3, 1⟩",
    /// ]);
    /// println!("{program}");
    /// # Ok::<(), pushpull_core::Error>(())
    /// ```
    pub fn gradient_program(graph: &Graph, batch: usize, chunk: Chunk) -> Result<Program> {
        let setting = Setting::new::<T>(graph, batch, chunk)?;
        Ok(setting.program(Question::Gradient)?.0)
    }

    /// What [`Forward::value_and_gradient`] does.
    ///
    /// # Errors
    /// As [`Forward::predict_gradient`], but for numbers that this machine cannot hold.
    pub fn gradient_work(graph: &Graph, batch: usize, chunk: Chunk) -> Result<Work> {
        Setting::new::<T>(graph, batch, chunk)?.work::<T>(Question::Gradient)
    }

    /// What [`Forward::jacobian_params`] does.
    ///
    /// # Errors
    /// As [`Forward::gradient_work`].
    pub fn jacobian_params_work(graph: &Graph, batch: usize, chunk: Chunk) -> Result<Work> {
        Setting::new::<T>(graph, batch, chunk)?.work::<T>(Question::JacobianParams)
    }

    /// What [`Forward::jacobian_inputs`] does.
    ///
    /// # Errors
    /// As [`Forward::gradient_work`].
    pub fn jacobian_inputs_work(graph: &Graph, batch: usize, chunk: Chunk) -> Result<Work> {
        Setting::new::<T>(graph, batch, chunk)?.work::<T>(Question::JacobianInputs)
    }

    /// What [`Forward::jvp_into`] does along `seeds` directions.
    ///
    /// # Errors
    /// As [`Forward::gradient_work`]; [`pushpull_core::Error::TooLarge`] for more directions than can be counted.
    pub fn jvp_work(
        graph: &Graph,
        batch: usize,
        chunk: Chunk,
        seeds: usize,
        (params, inputs): (bool, bool),
    ) -> Result<Work> {
        let question = Question::Jvp {
            seeds,
            params,
            inputs,
        };
        Setting::new::<T>(graph, batch, chunk)?.work::<T>(question)
    }

    /// Directions that a chunk carries at once, out of `all`.
    pub fn width(graph: &Graph, batch: usize, chunk: Chunk, all: usize) -> usize {
        Setting::new::<T>(graph, batch, chunk).map_or(1, |setting| setting.width(all))
    }

    /// The exact cost of [`Forward::value_and_gradient`]: the sweeps of all chunks, and the sums at the end.
    pub fn cost(&self) -> Cost {
        self.cost_of(Question::Gradient)
    }

    /// The exact cost of [`Forward::jacobian_params`].
    pub fn jacobian_params_cost(&self) -> Cost {
        self.cost_of(Question::JacobianParams)
    }

    /// The exact cost of [`Forward::jacobian_inputs`].
    pub fn jacobian_inputs_cost(&self) -> Cost {
        self.cost_of(Question::JacobianInputs)
    }

    /// The exact cost of [`Forward::jvp`] along `seeds` directions.
    pub fn jvp_cost(&self, seeds: usize, params: bool, inputs: bool) -> Cost {
        self.cost_of(Question::Jvp {
            seeds,
            params,
            inputs,
        })
    }

    fn cost_of(&self, question: Question) -> Cost {
        // It was emitted when the engine was prepared: a graph and a batch that cannot be are refused there.
        let programs = self.setting.programs(question).unwrap_or_default();
        programs
            .iter()
            .map(|(program, times)| program.cost::<T>() * *times)
            .sum()
    }
}

impl Setting {
    /// The prediction of a question.
    fn predicted<T: Scalar>(&self, question: Question) -> Result<Prediction> {
        let plan = self.plan::<T>(question)?;
        let (mut cost, mut evaluations) = (Cost::ZERO, 0_u64);
        for (program, times) in self.programs(question)? {
            cost += program.cost::<T>() * times;
            let all = program.evaluations().saturating_mul(times as u64);
            evaluations = evaluations.saturating_add(all);
        }
        let gradient = match question {
            Question::Gradient => self.graph.n_params(),
            _ => 0,
        };
        let numbers = [plan.code.len(), plan.code.scratch_len(), gradient];
        let numbers = numbers.into_iter().fold(0, usize::saturating_add);
        let results = memory::elements(&[self.results(question), size_of::<T>()]);
        let prediction = Prediction {
            cost,
            evaluations,
            buffers: memory::elements(&[numbers, size_of::<T>()]),
            plan: plan.held(),
            run: results,
            results,
        };
        prediction.counted(question, "ask for fewer directions, or use a smaller batch")
    }

    /// Numbers in the matrices that a run hands to the caller.
    fn results(&self, question: Question) -> usize {
        let graph = &self.graph;
        let outputs = memory::elements(&[graph.n_outputs(), self.batch]);
        match question {
            Question::Gradient => 0,
            Question::Jvp { seeds, .. } => memory::elements(&[outputs, seeds.saturating_add(1)]),
            Question::JacobianParams => memory::elements(&[outputs, graph.n_params()]),
            Question::JacobianInputs => memory::elements(&[outputs, graph.n_inputs()]),
        }
    }

    /// What a question does, as a list: its programs, the checks before, and the matrix that a Jacobian is allocated in.
    fn work<T: Scalar>(&self, question: Question) -> Result<Work> {
        let (graph, mut work) = (&self.graph, Work::default());
        // A list is exact while 64 bits hold its numbers, whatever this machine does.
        let results = memory::elements(&[self.results(question), size_of::<T>()]);
        if results == usize::MAX {
            memory::fits::<T>(question, results, "ask for fewer directions")?;
        }
        for (program, times) in self.programs(question)? {
            work.extend(&program.work(), times as u64);
        }
        match question {
            Question::JacobianParams | Question::JacobianInputs => {
                work.add(Item::Fresh(self.results(question)), 1);
            }
            Question::Jvp {
                seeds,
                params: true,
                ..
            } => {
                work.add(Item::Read(memory::elements(&[graph.n_params(), seeds])), 1);
            }
            Question::Gradient | Question::Jvp { .. } => {}
        }
        work.add(Item::Read(graph.n_params()), 1);
        work.add(
            Item::Read(memory::elements(&[graph.n_inputs(), self.batch])),
            1,
        );
        Ok(work)
    }
}
