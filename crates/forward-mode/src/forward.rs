//! The engine: the tangents of a graph prepared for a batch.

use std::ops::Range;

use nalgebra::DMatrix;
use pushpull_core::program::{Asked, Frame, Given, Machine, all_finite, in_range};
use pushpull_core::siblings::{given, memory};
use pushpull_core::{Engine, Graph, Mat, MatMut, Question, Result, Scalar, Team, Wrt};

use crate::Plan;
use crate::chunk::pieces;
use crate::setting::{Placed, Purpose, REMEDY, Setting};

/// Bytes of an engine's buffers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Bytes {
    /// Values and tangent matrices, those alive at once.
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

/// A planned question with its numbers.
#[derive(Clone, Debug)]
pub(crate) struct Prepared<T> {
    purpose: Purpose,
    pub chunks: Vec<(Range<usize>, usize)>,
    pub machine: Machine<T>,
}

/// Forward mode for a graph and a batch, at the scalar `T`.
///
/// What a question takes, before anything is prepared, and its settings: [`Forward::plan`].
///
/// The objective is the lecture's last block: the *sum* of all outputs over the whole batch. A mean is a scale of it.
///
/// ```
/// use nalgebra::dmatrix;
/// use pushpull_core::{Builder, blocks::{Linear, Square}};
/// use pushpull_forward_mode::Forward;
/// let mut b = Builder::new();
/// let x = b.input("x", 1);
/// let h = b.block(Linear::without_bias(1, 1), x);
/// let y = b.map(Square, h);
/// let graph = b.build(y)?;
/// let mut forward = Forward::new(&graph, 2)?;
/// // y = (3 x1)^2 + (3 x2)^2; dy/dw = 2 w (x1^2 + x2^2)
/// let (value, gradient) = forward.value_and_gradient(&[3.0], &dmatrix![1.0, 2.0])?;
/// assert_eq!((value, gradient), (45.0, &[30.0][..]));
/// # Ok::<(), pushpull_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Forward<T> {
    pub(crate) setting: Setting,
    /// Of a gradient; empty where none was asked for.
    gradient: Vec<T>,
    pub(crate) prepared: Prepared<T>,
    pub(crate) team: Team,
}

impl Forward<f64> {
    /// A question to forward mode: its settings, what it takes, its program, its engine. The scalar is named where it
    /// matters, in [`Plan::prediction`] and [`Plan::prepare`].
    ///
    /// ```
    /// use pushpull_core::{Mlp, Question, blocks::{Activation, Loss}};
    /// use pushpull_forward_mode::{Chunk, Forward};
    /// let graph = Mlp::new(&[4, 8, 1], Activation::Tanh).loss(Loss::SquaredError).build()?;
    /// let plan = Forward::plan(&graph, 10, Question::Gradient).chunk(Chunk::Full);
    /// let (predicted, prepared) = (plan.prediction::<f32>()?, plan.prepare::<f32>()?);
    /// assert_eq!(predicted.cost, prepared.cost());
    /// assert_eq!(predicted.buffers, prepared.bytes().total());
    /// # Ok::<(), pushpull_core::Error>(())
    /// ```
    pub fn plan(graph: &Graph, batch: usize, question: Question) -> Plan {
        Plan::new(graph, batch, question)
    }
}

impl<T: Scalar> Forward<T> {
    /// Prepares full gradients for batches of `batch` samples, with the settings that a [`Plan`] starts from: every shape is
    /// checked and all memory allocated here. A first jvp or Jacobian prepares itself in the same way.
    ///
    /// # Errors
    /// [`pushpull_core::Error::EmptyBatch`], [`pushpull_core::Error::TooLarge`] before anything is allocated.
    pub fn new(graph: &Graph, batch: usize) -> Result<Self> {
        Plan::new(graph, batch, Question::Gradient).prepare()
    }

    /// The engine of a plan.
    pub(crate) fn with(setting: Setting, purpose: Purpose, threads: usize) -> Result<Self> {
        let placed = setting.placed::<T>(purpose)?;
        let gradient = match purpose {
            Purpose::Gradient => setting.graph.n_params(),
            _ => 0,
        };
        let team = Team::new("Forward", threads)?;
        Ok(Self {
            gradient: vec![T::zero(); gradient],
            prepared: Prepared::new(placed, &team),
            team,
            setting,
        })
    }

    /// The graph.
    pub const fn graph(&self) -> &Graph {
        &self.setting.graph
    }

    /// Samples of a batch.
    pub const fn batch(&self) -> usize {
        self.setting.batch
    }

    /// Directions that a full gradient carries at once.
    pub fn chunk_width(&self) -> usize {
        self.setting.width(self.graph().n_params())
    }

    /// Allocates the buffers for a question, unless they are there.
    pub(crate) fn prepare(&mut self, purpose: Purpose) -> Result<()> {
        if self.prepared.purpose != purpose {
            // One question is prepared at a time: the buffers of the one before go first.
            let placed = self.setting.placed::<T>(purpose)?;
            self.prepared.machine.release();
            self.prepared = Prepared::new(placed, &self.team);
        }
        Ok(())
    }

    /// The sum of all outputs over the batch, and its gradient with respect to the parameters. Allocates nothing (but
    /// the first time after another question).
    ///
    /// # Errors
    /// As [`Graph::check`] and [`Graph::check_slopes`].
    pub fn value_and_gradient<'a>(
        &mut self,
        params: &[T],
        x: impl Into<Mat<'a, T>>,
    ) -> Result<(T, &[T])> {
        let (x, batch, n_params) = (x.into(), self.batch(), self.graph().n_params());
        self.graph().check(params, x, batch)?;
        self.prepare(Purpose::Gradient)?;
        if self.gradient.len() != n_params {
            self.gradient = self.graph().layout().zeros();
        }
        let mut value = T::zero();
        let Self {
            setting,
            gradient,
            prepared,
            team,
        } = self;
        let Prepared {
            chunks, machine, ..
        } = prepared;
        for (path, chunk) in sweeps(chunks) {
            let target = MatMut::new(&mut gradient[chunk.clone()], chunk.len(), 1);
            in_range([target], all_finite, |[target], unit| {
                let value = MatMut::new(std::slice::from_mut(&mut value), 1, 1);
                let mut frame = Frame::new(machine.code(), params, x)
                    .ask(Asked::ParamsBar, target)
                    .ask(Asked::Value, value)
                    .shift(chunk.start)
                    .unit(unit);
                let check = |doubt| setting.check(params, x, Wrt::PARAMS, chunk.start, doubt);
                team.run(|| machine.run(path, &mut frame, check))
            })?;
        }
        Ok((value, &self.gradient))
    }

    /// Jacobian-vector products along one or several directions, in the parameters (`params_dot`, n_params x S), in the
    /// inputs (`x_dot`, n_inputs x batch S, column `seed * batch + sample`), or in both: the output, n_outputs x batch,
    /// and its tangents, n_outputs x batch S.
    ///
    /// # Errors
    /// As [`Graph::check`] and [`Graph::check_slopes`]; [`pushpull_core::Error::Shape`],
    /// [`pushpull_core::Error::NotFinite`] for the directions;
    /// [`pushpull_core::Error::TooLarge`].
    ///
    /// ```
    /// use nalgebra::dmatrix;
    /// use pushpull_core::{Builder, Mat, blocks::Linear};
    /// use pushpull_forward_mode::Forward;
    /// let mut b = Builder::new();
    /// let x = b.input("x", 2);
    /// let y = b.block(Linear::without_bias(2, 1), x);
    /// let graph = b.build(y)?;
    /// let mut forward = Forward::new(&graph, 1)?;
    /// let (w_dot, x_dot) = (dmatrix![1.0; 0.0], dmatrix![0.0; 1.0]);
    /// let (y, y_dot) = forward.jvp(&[3.0, 5.0], &dmatrix![10.0; 20.0], Some(Mat::from(&w_dot)), Some(Mat::from(&x_dot)))?;
    /// assert_eq!((y, y_dot), (dmatrix![130.0], dmatrix![15.0])); // 10 from w, 5 from x
    /// # Ok::<(), pushpull_core::Error>(())
    /// ```
    pub fn jvp<'a>(
        &mut self,
        params: &[T],
        x: impl Into<Mat<'a, T>>,
        params_dot: Option<Mat<'_, T>>,
        x_dot: Option<Mat<'_, T>>,
    ) -> Result<(DMatrix<T>, DMatrix<T>)> {
        let (n_outputs, batch) = (self.graph().n_outputs(), self.batch());
        let seeds = match (params_dot, x_dot) {
            (Some(params_dot), _) => params_dot.ncols(),
            (None, Some(x_dot)) => x_dot.ncols() / batch,
            (None, None) => 0,
        };
        memory::fits::<T>(
            "the output's tangents",
            memory::elements(&[n_outputs, batch, seeds]),
            REMEDY,
        )?;
        let mut y_dot = DMatrix::from_element(n_outputs, batch * seeds, T::zero());
        let y = self.jvp_into(params, x.into(), params_dot, x_dot, (&mut y_dot).into())?;
        Ok((y.to_dmatrix(), y_dot))
    }

    /// As [`Forward::jvp`], with the tangents written to `y_dot`; the output is returned. Allocates nothing, but the
    /// first time after another question or another number of directions.
    ///
    /// # Errors
    /// As [`Forward::jvp`]; then nothing is written.
    pub fn jvp_into<'a>(
        &mut self,
        params: &[T],
        x: impl Into<Mat<'a, T>>,
        params_dot: Option<Mat<'_, T>>,
        x_dot: Option<Mat<'_, T>>,
        mut y_dot: MatMut<'_, T>,
    ) -> Result<Mat<'_, T>> {
        let (x, batch, graph) = (x.into(), self.batch(), self.graph());
        graph.check(params, x, batch)?;
        let seeds = y_dot.ncols() / batch;
        let remedy = "give a direction as one column in the parameters and one column for each sample in the inputs and outputs";
        let of_outputs = (graph.n_outputs(), batch.saturating_mul(seeds.max(1)));
        given::shaped("y_dot", y_dot.shape(), of_outputs, remedy)?;
        let directions = [
            ("params_dot", params_dot, graph.n_params(), 1),
            ("x_dot", x_dot, graph.n_inputs(), batch),
        ];
        for (name, direction, rows, columns) in directions {
            let Some(direction) = direction else { continue };
            let expected = (rows, columns.saturating_mul(seeds));
            given::shaped(name, direction.shape(), expected, remedy)?;
            given::finite(name, direction)?;
        }
        let width = self.setting.width(seeds);
        let wrt = Wrt {
            params: params_dot.is_some(),
            inputs: x_dot.is_some(),
        };
        self.prepare(Purpose::Jvp {
            seeds: width,
            params: wrt.params,
            inputs: wrt.inputs,
        })?;
        let Self {
            setting,
            prepared,
            team,
            ..
        } = self;
        let machine = &mut prepared.machine;
        for group in pieces(seeds, width) {
            let columns = group.start * batch..group.end * batch;
            let mut frame = Frame::new(machine.code(), params, x)
                .ask(Asked::YDot, y_dot.rb_mut().cols(columns.clone()))
                .seeds(group.len());
            if let Some(x_dot) = x_dot {
                frame = frame.give(Given::XDot, x_dot.cols(columns));
            }
            if let Some(params_dot) = params_dot {
                frame = frame.give(Given::ParamsDot, params_dot.cols(group.clone()));
            }
            let check = |doubt| setting.check(params, x, wrt, group.start, doubt);
            team.run(|| machine.run(0, &mut frame, check))?;
        }
        Ok(self.prepared.machine.output())
    }

    /// Bytes of all buffers, as prepared for the question asked last.
    pub const fn bytes(&self) -> Bytes {
        let (code, size) = (self.prepared.machine.code(), size_of::<T>());
        Bytes {
            arena: code.len() * size,
            gradient: self.gradient.len() * size,
            scratch: code.scratch_len() * size,
        }
    }
}

impl<T: Scalar> Prepared<T> {
    fn new(placed: Placed, team: &Team) -> Self {
        Self {
            purpose: placed.purpose,
            chunks: placed.chunks,
            machine: Machine::new(placed.code).shared_by(team),
        }
    }
}

/// The sweeps of a question in chunks, in order: the path of each, and its seeds.
pub(crate) fn sweeps(
    chunks: &[(Range<usize>, usize)],
) -> impl Iterator<Item = (usize, Range<usize>)> {
    let alike = |(path, (first, times)): (usize, &(Range<usize>, usize))| {
        let (start, len) = (first.start, first.len());
        (0..*times).map(move |k| (path, start + k * len..start + (k + 1) * len))
    };
    chunks.iter().enumerate().flat_map(alike)
}

impl<T: Scalar> Engine<T> for Forward<T> {
    fn name(&self) -> &'static str {
        "Forward"
    }

    fn value_and_gradient(&mut self, params: &[T], x: Mat<'_, T>) -> Result<(T, &[T])> {
        Self::value_and_gradient(self, params, x)
    }

    fn jvp_into(
        &mut self,
        params: &[T],
        x: Mat<'_, T>,
        params_dot: Mat<'_, T>,
        y_dot: MatMut<'_, T>,
    ) -> Result<()> {
        Self::jvp_into(self, params, x, Some(params_dot), None, y_dot).map(drop)
    }

    fn jacobian_params(&mut self, params: &[T], x: Mat<'_, T>) -> Result<DMatrix<T>> {
        Self::jacobian_params(self, params, x)
    }

    fn jacobian_inputs(&mut self, params: &[T], x: Mat<'_, T>) -> Result<DMatrix<T>> {
        Self::jacobian_inputs(self, params, x)
    }
}
