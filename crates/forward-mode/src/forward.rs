//! The engine: the tangents of a graph prepared for a batch.

use std::ops::Range;

use nalgebra::DMatrix;
use pushpull_core::linalg::{first_not_finite, sum};
use pushpull_core::primal::PrimalPlan;
use pushpull_core::{Error, Graph, Mat, MatMut, Result, Scalar, Team, memory};

use crate::Chunk;
use crate::chunk::{alike, pieces};
use crate::predict::Asked;
use crate::sweep::{Question, Seeds, Sweep};

const REMEDY: &str = "carry fewer directions at once with Chunk::Auto or Chunk::Fixed(n)";

/// Bytes of an engine's buffers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Bytes {
    /// The values of the primal program alive at once.
    pub primal: usize,
    /// The tangent matrices alive at once.
    pub tangents: usize,
    /// The gradient.
    pub gradient: usize,
    /// The blocks' scratch memory.
    pub scratch: usize,
}

impl Bytes {
    /// All of them.
    pub const fn total(&self) -> usize {
        let kept = self.primal.saturating_add(self.tangents);
        kept.saturating_add(self.gradient)
            .saturating_add(self.scratch)
    }
}

/// A plan with its buffers.
#[derive(Clone, Debug)]
pub(crate) struct Prepared<T> {
    question: Question,
    sweep: Sweep,
    tangents: Vec<T>,
    scratch: Vec<T>,
}

/// Forward mode for a graph and a batch, at the scalar `T`.
///
/// What each question takes, before anything is prepared: [`Forward::predict_gradient`], [`Forward::predict_jvp`],
/// [`Forward::predict_jacobian_params`], [`Forward::predict_jacobian_inputs`], with the formulas.
///
/// The objective is the lecture's last block: the *sum* of all outputs over the whole batch. A mean is a scale of it.
///
/// ```
/// use nalgebra::dmatrix;
/// use pushpull_core::{Builder, blocks::{Linear, Square}};
/// use pushpull_forward_mode::{Chunk, Forward};
/// let mut b = Builder::new();
/// let x = b.input("x", 1);
/// let h = b.block(Linear::without_bias(1, 1), x);
/// let y = b.map(Square, h);
/// let graph = b.build(y)?;
/// let mut forward = Forward::new(&graph, 2, Chunk::Auto, 1)?;
/// // y = (3 x1)^2 + (3 x2)^2; dy/dw = 2 w (x1^2 + x2^2)
/// let (value, gradient) = forward.value_and_gradient(&[3.0], &dmatrix![1.0, 2.0])?;
/// assert_eq!((value, gradient), (45.0, &[30.0][..]));
/// # Ok::<(), pushpull_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Forward<T> {
    pub(crate) plan: PrimalPlan,
    chunk: Chunk,
    /// Bytes that one direction takes in the widest pair of neighbouring tangent matrices, at most.
    pair_bytes: usize,
    width: usize,
    /// Whether the gradient's buffer is prepared.
    wants_gradient: bool,
    primal: Vec<T>,
    gradient: Vec<T>,
    spans: Vec<Range<usize>>,
    prepared: Option<Prepared<T>>,
    team: Team,
}

impl<T: Scalar> Forward<T> {
    /// Prepares full gradients for batches of `batch` samples: every shape is checked and all memory allocated here.
    /// A first jvp or Jacobian prepares itself in the same way.
    ///
    /// # Errors
    /// [`Error::EmptyBatch`], [`Error::TooLarge`] before anything is allocated, [`Error::Setting`] for `threads` or a
    /// chunk of zero.
    pub fn new(graph: &Graph, batch: usize, chunk: Chunk, threads: usize) -> Result<Self> {
        Self::draft(graph, batch, chunk, Asked::Gradient)?
            .with_threads(threads)?
            .allocated()
    }

    /// An engine that is prepared for directions alone: no gradient, no chunk of unit vectors. Its memory is that of
    /// `seeds` directions at once.
    ///
    /// # Errors
    /// As [`Forward::new`].
    pub fn for_directions(
        graph: &Graph,
        batch: usize,
        seeds: usize,
        params: bool,
        inputs: bool,
    ) -> Result<Self> {
        Self::for_jvp(graph, batch, Chunk::Fixed(seeds), seeds, params, inputs)
    }

    /// An engine that is prepared for jvps along `seeds` directions, of which a chunk is carried at once.
    ///
    /// # Errors
    /// As [`Forward::new`].
    pub fn for_jvp(
        graph: &Graph,
        batch: usize,
        chunk: Chunk,
        seeds: usize,
        params: bool,
        inputs: bool,
    ) -> Result<Self> {
        let asked = Asked::Jvp {
            seeds,
            params,
            inputs,
        };
        Self::draft(graph, batch, chunk, asked)?.allocated()
    }

    /// An engine that is prepared for Jacobians with respect to the parameters alone: no gradient.
    ///
    /// # Errors
    /// As [`Forward::new`].
    pub fn for_params(graph: &Graph, batch: usize, chunk: Chunk) -> Result<Self> {
        Self::draft(graph, batch, chunk, Asked::JacobianParams)?.allocated()
    }

    /// An engine that is prepared for Jacobians with respect to the inputs alone.
    ///
    /// # Errors
    /// As [`Forward::new`].
    pub fn for_inputs(graph: &Graph, batch: usize, chunk: Chunk) -> Result<Self> {
        Self::draft(graph, batch, chunk, Asked::JacobianInputs)?.allocated()
    }

    /// The same engine on `threads` threads, the caller's among them: the same bits.
    ///
    /// # Errors
    /// [`Error::Setting`] as [`Team::new`].
    pub fn with_threads(mut self, threads: usize) -> Result<Self> {
        self.team = Team::new("Forward", threads)?;
        Ok(self)
    }

    /// An engine planned for a question, without any number.
    pub(crate) fn draft(graph: &Graph, batch: usize, chunk: Chunk, asked: Asked) -> Result<Self> {
        let mut engine = Self::bare(graph, batch, chunk)?;
        let question = match asked {
            Asked::Gradient | Asked::JacobianParams => Question::UnitParams(0..graph.n_params()),
            Asked::JacobianInputs => Question::UnitInputs(0..graph.n_inputs()),
            Asked::Jvp {
                seeds,
                params,
                inputs,
            } => Question::Directions {
                seeds: engine.width_of(seeds),
                params,
                inputs,
            },
        };
        engine.wants_gradient = asked == Asked::Gradient;
        engine.prepared = Some(engine.planned(question)?);
        Ok(engine)
    }

    /// The plan of a question, without its numbers.
    fn planned(&self, question: Question) -> Result<Prepared<T>> {
        let chunks = self.chunks(&question).into_iter().map(|(chunk, _)| chunk);
        let sweep = Sweep::new::<T>(&self.plan, chunks, REMEDY)?;
        let lens = [
            self.plan.len(),
            sweep.len(),
            sweep.scratch_len(),
            self.graph().n_params(),
        ];
        let total = lens.into_iter().fold(0, usize::saturating_add);
        memory::fits::<T>("forward mode's values and tangents", total, REMEDY)?;
        Ok(Prepared {
            sweep,
            question,
            tangents: Vec::new(),
            scratch: Vec::new(),
        })
    }

    /// Numbers of each kind that the engine allocates as it is planned.
    pub(crate) fn lens(&self) -> Bytes {
        let sweep = self.prepared.as_ref().map(|prepared| &prepared.sweep);
        Bytes {
            primal: self.plan.len(),
            tangents: sweep.map_or(0, Sweep::len),
            gradient: if self.wants_gradient {
                self.graph().n_params()
            } else {
                0
            },
            scratch: sweep.map_or(0, Sweep::scratch_len),
        }
    }

    /// Heap bytes that the plans themselves keep.
    pub(crate) fn held(&self) -> usize {
        let sweep = self.prepared.as_ref().map_or(0, |p| p.sweep.held());
        self.plan.held() + memory::held(&self.spans) + sweep
    }

    /// The planned engine with all its numbers.
    fn allocated(mut self) -> Result<Self> {
        let lens = self.lens();
        self.primal = vec![T::zero(); lens.primal];
        self.gradient = vec![T::zero(); lens.gradient];
        if let Some(prepared) = &mut self.prepared {
            prepared.tangents = vec![T::zero(); lens.tangents];
            prepared.scratch = vec![T::zero(); lens.scratch];
        }
        Ok(self)
    }

    /// An engine without buffers.
    fn bare(graph: &Graph, batch: usize, chunk: Chunk) -> Result<Self> {
        if chunk == Chunk::Fixed(0) {
            return Err(setting("Forward", "chunk", "at least 1", 0));
        }
        let n = graph.nodes().len();
        let plan = PrimalPlan::new(graph, batch, n, Some)?;
        let pair = graph
            .nodes()
            .iter()
            .map(|node| node.dims().n_in.saturating_add(node.dims().n_out))
            .max();
        let pair_bytes = memory::elements(&[pair.unwrap_or(0), batch, size_of::<T>()]);
        memory::fits::<T>(
            "forward mode's values",
            plan.len().saturating_add(graph.n_params()),
            "use a smaller batch",
        )?;
        Ok(Self {
            primal: Vec::new(),
            gradient: Vec::new(),
            spans: vec![0..0; n],
            prepared: None,
            wants_gradient: false,
            team: Team::alone(),
            width: chunk.width(graph.n_params(), pair_bytes),
            plan,
            chunk,
            pair_bytes,
        })
    }

    /// The graph.
    pub const fn graph(&self) -> &Graph {
        self.plan.graph()
    }

    /// Samples of a batch.
    pub const fn batch(&self) -> usize {
        self.plan.batch()
    }

    /// Directions that a full gradient carries at once.
    pub const fn chunk_width(&self) -> usize {
        self.width
    }

    /// Allocates the buffers for a question, unless they are there. The question covers all its chunks.
    pub(crate) fn prepare(&mut self, question: Question) -> Result<()> {
        if self
            .prepared
            .as_ref()
            .is_some_and(|prepared| prepared.question == question)
        {
            return Ok(());
        }
        let mut prepared = self.planned(question)?;
        // The buffers of the question before go first: one question is prepared at a time.
        self.prepared = None;
        prepared.tangents = vec![T::zero(); prepared.sweep.len()];
        prepared.scratch = vec![T::zero(); prepared.sweep.scratch_len()];
        self.prepared = Some(prepared);
        Ok(())
    }

    /// The chunks of a question, one sweep each, with how many of them are alike.
    pub(crate) fn chunks(&self, question: &Question) -> Vec<(Question, usize)> {
        let graph = self.graph();
        match question {
            Question::UnitParams(all) => {
                let nodes = graph.nodes().iter().map(|node| node.params.clone());
                let pieces = alike(all.len(), self.width, nodes);
                let unit = |(piece, n)| (Question::UnitParams(piece), n);
                pieces.into_iter().map(unit).collect()
            }
            Question::UnitInputs(all) => {
                let inputs = graph.inputs().iter().map(|input| input.rows.clone());
                let pieces = alike(all.len(), self.width_of(all.len()), inputs);
                let unit = |(piece, n)| (Question::UnitInputs(piece), n);
                pieces.into_iter().map(unit).collect()
            }
            Question::Directions { .. } => vec![(question.clone(), 1)],
        }
    }

    /// Unit vectors of the inputs that a Jacobian carries at once.
    pub fn width_of_inputs(&self) -> usize {
        self.width_of(self.graph().n_inputs())
    }

    /// Directions other than parameters that are carried at once, out of `all`.
    pub(crate) fn width_of(&self, all: usize) -> usize {
        self.chunk.width(all, self.pair_bytes)
    }

    /// Runs one sweep of the prepared question and hands the output's tangents to `receive`, with the range of seeds
    /// that they belong to. The `first` sweep of a question looks whether there are derivatives at all.
    ///
    /// # Errors
    /// As [`Graph::check_slopes`]; then nothing is received.
    pub(crate) fn sweep(
        &mut self,
        params: &[T],
        x: Mat<'_, T>,
        seeds: &Seeds<'_, T>,
        first: bool,
        receive: impl FnOnce(Mat<'_, T>, Range<usize>, Mat<'_, T>),
    ) -> Result<()> {
        let Prepared {
            sweep,
            tangents,
            scratch,
            ..
        } = match &mut self.prepared {
            Some(prepared) => prepared,
            None => return Ok(()),
        };
        let (y_dot, doubt) = self.team.run(|| {
            sweep.run(
                &self.plan,
                params,
                x,
                seeds,
                &mut self.primal,
                tangents,
                scratch,
                &mut self.spans,
            )
        });
        if first && doubt.meets(seeds.wrt()) {
            self.plan
                .graph()
                .check_slopes(params, x, seeds.wrt(), T::DUAL)?;
        }
        let span = self.spans.last().cloned().unwrap_or(0..0);
        receive(self.plan.output(&self.primal), span, y_dot);
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
        self.prepare(Question::UnitParams(0..n_params))?;
        if self.gradient.len() != n_params {
            self.gradient = self.graph().layout().zeros();
        }
        let mut gradient = std::mem::take(&mut self.gradient);
        let mut value = T::zero();
        let mut chunks = (0..n_params.max(1)).step_by(self.width);
        let outcome = chunks.try_for_each(|first| {
            let chunk = first..n_params.min(first + self.width);
            let last = chunk.end == n_params;
            let target = &mut gradient[chunk.clone()];
            // Parameters that the output does not depend on get exact zeros.
            target.fill(T::zero());
            let seeds = Seeds::UnitParams(chunk);
            self.sweep(params, x, &seeds, first == 0, |y, span, y_dot| {
                for (k, seed) in span.enumerate() {
                    target[seed] = sum(y_dot.cols(k * batch..(k + 1) * batch));
                }
                if last {
                    value = sum(y);
                }
            })
        });
        self.gradient = gradient;
        outcome?;
        Ok((value, &self.gradient))
    }

    /// Jacobian-vector products along one or several directions, in the parameters (`params_dot`, n_params x S), in the
    /// inputs (`x_dot`, n_inputs x batch S, column `seed * batch + sample`), or in both: the output, n_outputs x batch,
    /// and its tangents, n_outputs x batch S.
    ///
    /// # Errors
    /// As [`Graph::check`] and [`Graph::check_slopes`]; [`Error::Shape`], [`Error::NotFinite`] for the directions;
    /// [`Error::TooLarge`].
    ///
    /// ```
    /// use nalgebra::dmatrix;
    /// use pushpull_core::{Builder, Mat, blocks::Linear};
    /// use pushpull_forward_mode::{Chunk, Forward};
    /// let mut b = Builder::new();
    /// let x = b.input("x", 2);
    /// let y = b.block(Linear::without_bias(2, 1), x);
    /// let graph = b.build(y)?;
    /// let mut forward = Forward::new(&graph, 1, Chunk::Auto, 1)?;
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
        let fits = |name: &str, got: (usize, usize), expected: (usize, usize)| {
            let remedy = "a direction is a column in the parameters and one column a sample in the inputs and outputs";
            if got == expected {
                Ok(())
            } else {
                Err(Error::matrix(name, expected, got, remedy))
            }
        };
        fits(
            "y_dot",
            (y_dot.nrows(), y_dot.ncols()),
            (graph.n_outputs(), batch.saturating_mul(seeds.max(1))),
        )?;
        let directions = [
            ("params_dot", params_dot, graph.n_params(), 1),
            ("x_dot", x_dot, graph.n_inputs(), batch),
        ];
        for (name, direction, rows, columns) in directions {
            let Some(direction) = direction else { continue };
            fits(
                name,
                (direction.nrows(), direction.ncols()),
                (rows, columns.saturating_mul(seeds)),
            )?;
            if let Some((i, j)) = first_not_finite(direction) {
                let value = direction.get(i, j).to_string();
                return Err(Error::NotFinite {
                    name: name.into(),
                    entry: format!("[{i}, {j}]"),
                    value,
                });
            }
        }
        let width = self.width_of(seeds);
        let (params_given, inputs_given) = (params_dot.is_some(), x_dot.is_some());
        self.prepare(Question::Directions {
            seeds: width,
            params: params_given,
            inputs: inputs_given,
        })?;
        for group in pieces(seeds, width) {
            let first = group.start == 0;
            let columns = group.start * batch..group.end * batch;
            let seeds = Seeds::Directions {
                seeds: group.len(),
                params: params_dot.map(|dot| dot.cols(group)),
                inputs: x_dot.map(|dot| dot.cols(columns.clone())),
            };
            let mut target = y_dot.rb_mut().cols(columns);
            self.sweep(params, x, &seeds, first, |_, span, tangent| {
                // No seed arrives where the output depends on nothing that was pushed.
                if span.is_empty() {
                    target.fill(T::zero())
                } else {
                    target.copy_from(tangent)
                }
            })?;
        }
        Ok(self.plan.output(&self.primal))
    }

    /// Bytes of all buffers, as prepared for the question asked last.
    pub fn bytes(&self) -> Bytes {
        let size = size_of::<T>();
        let (tangents, scratch) = self.prepared.as_ref().map_or((0, 0), |prepared| {
            (prepared.tangents.len(), prepared.scratch.len())
        });
        Bytes {
            primal: self.primal.len() * size,
            tangents: tangents * size,
            gradient: self.gradient.len() * size,
            scratch: scratch * size,
        }
    }
}

pub(crate) fn setting(name: &str, setting: &str, expected: &str, got: usize) -> Error {
    Error::Setting {
        name: name.into(),
        setting: setting.into(),
        expected: expected.into(),
        got: got.to_string(),
    }
}
