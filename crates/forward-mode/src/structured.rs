//! Structured forward mode: the lecture's tangent matrices in the form in which they are sparse.

use pushpull_core::linalg::{first_not_finite, sum};
use pushpull_core::program::Machine;
use pushpull_core::siblings::memory;
use pushpull_core::{Cost, Engine, Graph, Mat, Prediction, Result, Scalar, Team, Wrt};

use crate::forward::Bytes;
use crate::{Chunk, Forward};

mod design;
mod draft;
mod moves;
mod occurrence;
mod program;
mod term;
mod work;

use design::Design;
use moves::{Action, Place};
use program::chunks;

/// Forward mode with structured tangents, for a graph and a batch, at the scalar `T`.
///
/// For one sample x and a linear block `h = W x + b`, the tangent matrix that the lecture starts is
///
/// ```text
/// dh/dvec(W) = x' (x) I,    since  vec(W_dot x) = (x' (x) I) vec(W_dot)
/// ```
///
/// ((x) is the Kronecker product). Pushing it through a later block multiplies from the left alone:
/// `J (x' (x) I) = x' (x) J`. So at every block up the network the tangent matrix is `x' (x) A` with
/// `A = dh_i/dh`, and pushing the n_out columns of A carries what n_out n_in columns did. Nothing is approximated and
/// nothing goes backwards: the blocks' `jvp_input` pushes A, from the first block to the last. For the sum of the
/// outputs over the batch, with `a_s = A_s' 1` at the output,
///
/// ```text
/// W_bar = sum_s a_s x_s' = [a_1 .. a_B] X',    b_bar = sum_s a_s
/// ```
///
/// one matrix product for each linear block. A starts as I and keeps its structure: a diagonal Jacobian makes it a
/// diagonal, and a block whose Jacobian is its own matrix makes `W diag(d)` of that, without a product.
///
/// Any graph: fan-in stacks A, fan-out adds it, and a term belongs to an *occurrence* of parameters, so shared ones add
/// in the product above. A block whose parameter Jacobian is diagonal starts from I too; one that declares none starts
/// the unit vectors of all its parameters, as [`crate::Forward`] does. Stopped gradients, constant inputs and unused
/// parameters give exact zeros.
///
/// What it takes, before it is prepared, and its settings: [`Structured::plan`].
///
/// The primal runs once for the whole batch and its values are kept, for the x above. The tangents of a [`Chunk`] of
/// *samples* are pushed at a time: `Auto` as many as keep them in the cache, `Full` all, `Fixed(n)` n.
///
/// ```
/// use nalgebra::dmatrix;
/// use pushpull_core::{Builder, blocks::{Linear, Square}};
/// use pushpull_forward_mode::Structured;
/// let mut b = Builder::new();
/// let x = b.input("x", 1);
/// let h = b.block(Linear::without_bias(1, 1), x);
/// let y = b.map(Square, h);
/// let graph = b.build(y)?;
/// let mut forward = Structured::new(&graph, 2)?;
/// // y = (3 x1)^2 + (3 x2)^2; dy/dw = 2 w (x1^2 + x2^2)
/// let (value, gradient) = forward.value_and_gradient(&[3.0], &dmatrix![1.0, 2.0])?;
/// assert_eq!((value, gradient), (45.0, &[30.0][..]));
/// # Ok::<(), pushpull_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Structured<T> {
    design: Design,
    primal: Machine<T>,
    tangents: Vec<T>,
    /// For each occurrence, columns x batch: the output's tangent, summed over the outputs.
    sums: Vec<Vec<T>>,
    gradient: Vec<T>,
    scratch: Vec<T>,
    team: Team,
}

/// A gradient by structured tangents, for a graph and a batch, with its settings: made by [`Structured::plan`]. It holds no
/// numbers.
///
/// What it takes: the primal, the moves of all chunks of samples, the products at the end, and the sum of the outputs. A move
/// costs the `jvp_input` of its columns, or an entry of `W diag(d)` a flop; a product `2 m n B` for m x n parameters. The
/// bytes are the primal's values, all kept, the tangents of a chunk and those of the batch at the output, the gradient and
/// scratch.
///
/// ```
/// use pushpull_core::{Mlp, blocks::{Activation, Loss}};
/// use pushpull_forward_mode::{Chunk, Structured};
/// let graph = Mlp::new(&[4, 8, 1], Activation::Tanh).loss(Loss::SquaredError).build()?;
/// let plan = Structured::plan(&graph, 10).chunk(Chunk::Full);
/// let (predicted, prepared) = (plan.prediction::<f32>()?, plan.prepare::<f32>()?);
/// assert_eq!(predicted.cost, prepared.cost());
/// assert_eq!(predicted.buffers, prepared.bytes().total());
/// # Ok::<(), pushpull_core::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct StructuredPlan {
    graph: Graph,
    batch: usize,
    chunk: Chunk,
    threads: usize,
}

impl StructuredPlan {
    /// How many *samples* are carried at once; [`Chunk::Auto`] where nothing is said.
    pub const fn chunk(mut self, chunk: Chunk) -> Self {
        self.chunk = chunk;
        self
    }

    /// Threads of the engine, the caller's among them; 1 where nothing is said. The bits are the same for any number.
    pub const fn threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// The engine, prepared: every shape is checked and all memory allocated here.
    ///
    /// # Errors
    /// [`crate::Error::EmptyBatch`], [`crate::Error::TooLarge`] before anything is allocated, [`crate::Error::Setting`] for
    /// threads and a chunk of zero.
    pub fn prepare<T: Scalar>(&self) -> Result<Structured<T>> {
        let (batch, team) = (self.batch, Team::new("Structured", self.threads)?);
        let (design, primal) = Design::new::<T>(&self.graph, batch, self.chunk)?;
        let lens = design.lens(&primal);
        Ok(Structured {
            primal: Machine::new(primal).shared_by(&team),
            tangents: vec![T::zero(); design.chunk_tangents()],
            sums: design
                .occurrences
                .iter()
                .map(|occurrence| vec![T::zero(); occurrence.columns * batch])
                .collect(),
            // Parameters that no occurrence assigns keep these zeros.
            gradient: vec![T::zero(); lens.gradient],
            scratch: vec![T::zero(); lens.scratch],
            design,
            team,
        })
    }

    /// What [`Structured::value_and_gradient`] takes at a scalar, exactly, without preparing it.
    ///
    /// # Errors
    /// As [`StructuredPlan::prepare`].
    pub fn prediction<T: Scalar>(&self) -> Result<Prediction> {
        let (design, primal) = Design::new::<T>(&self.graph, self.batch, self.chunk)?;
        // The outer vector of the sums is no number.
        let sums = design.occurrences.len() * size_of::<Vec<T>>();
        let prediction = Prediction {
            cost: design.cost(&primal),
            evaluations: self.graph.nodes().len() as u64,
            buffers: memory::elements(&[design.lens(&primal).total(), size_of::<T>()]),
            plan: design.held(&primal) + sums,
            ..Prediction::default()
        };
        prediction.counted(
            "a gradient by structured forward mode",
            "use a smaller batch",
        )
    }

    /// Samples whose tangents are carried at once.
    ///
    /// # Errors
    /// As [`StructuredPlan::prepare`].
    pub fn samples<T>(&self) -> Result<usize> {
        let (design, _) = Design::new::<T>(&self.graph, self.batch, self.chunk)?;
        Ok(design.programs.first().map_or(1, |program| program.samples))
    }
}

impl Structured<f64> {
    /// A gradient with its settings. The scalar is named where it matters, in [`StructuredPlan::prediction`] and
    /// [`StructuredPlan::prepare`].
    pub fn plan(graph: &Graph, batch: usize) -> StructuredPlan {
        StructuredPlan {
            graph: graph.clone(),
            batch,
            chunk: Chunk::Auto,
            threads: 1,
        }
    }
}

impl<T: Scalar> Structured<T> {
    /// Prepares gradients for batches of `batch` samples, with the settings that [`Structured::plan`] starts from.
    ///
    /// # Errors
    /// As [`StructuredPlan::prepare`].
    pub fn new(graph: &Graph, batch: usize) -> Result<Self> {
        Structured::plan(graph, batch).prepare()
    }

    /// The graph.
    pub const fn graph(&self) -> &Graph {
        self.primal.code().graph()
    }

    /// Samples of a batch.
    pub const fn batch(&self) -> usize {
        self.primal.code().batch()
    }

    /// Samples whose tangents are carried at once.
    pub fn chunk_samples(&self) -> usize {
        self.design
            .programs
            .first()
            .map_or(0, |program| program.samples)
    }

    /// The sum of all outputs over the batch, and its gradient with respect to the parameters. Allocates nothing.
    ///
    /// # Errors
    /// As [`Graph::check`] and [`Graph::check_slopes`].
    pub fn value_and_gradient<'a>(
        &mut self,
        params: &[T],
        x: impl Into<Mat<'a, T>>,
    ) -> Result<(T, &[T])> {
        let x = x.into();
        self.primal.code().graph().check(params, x, self.batch())?;
        let team = self.team.clone();
        let value = team.run(|| self.run(params, x))?;
        if first_not_finite(Mat::from(&self.gradient)).is_some() {
            self.again(params, x)?;
        }
        Ok((value, &self.gradient))
    }

    /// Entries that have left the range of numbers on their way, by dense tangents, which can start small.
    #[cold]
    fn again(&mut self, params: &[T], x: Mat<'_, T>) -> Result<()> {
        let mut dense = Forward::new(self.graph(), self.batch())?;
        let (_, again) = T::uncounted(|| dense.value_and_gradient(params, x))?;
        for (entry, &again) in self.gradient.iter_mut().zip(again) {
            if !entry.is_finite() {
                *entry = again;
            }
        }
        Ok(())
    }

    /// The value; the gradient lies in its buffer then.
    fn run(&mut self, params: &[T], x: Mat<'_, T>) -> Result<T> {
        let batch = self.batch();
        let doubt = self.primal.record(params, x);
        self.graph().settle(params, x, doubt, Wrt::PARAMS)?;
        let nodes = self.primal.code().graph().nodes();
        for (chunk, program) in chunks(&self.design.programs, batch) {
            for step in &program.moves {
                let at = self.primal.point(step.node, params, x);
                let sums = match step.does {
                    Action::Collect { occurrence, .. } => &mut self.sums[occurrence][..],
                    _ => &mut [],
                };
                step.run(
                    &nodes[step.node],
                    &at.samples(chunk.clone()),
                    &mut self.tangents,
                    sums,
                    Place {
                        arena: &program.arena,
                        samples: chunk.clone(),
                        scratch: &mut self.scratch,
                    },
                );
            }
        }
        for (occurrence, sums) in self.design.occurrences.iter().zip(&self.sums) {
            let node = &nodes[occurrence.node];
            let at = self.primal.point(occurrence.node, params, x);
            let sums = Mat::new(sums, occurrence.columns, batch);
            let target = &mut self.gradient[node.params.clone()];
            occurrence.contract(node, &at, sums, target, &mut self.scratch);
        }
        Ok(sum(self.primal.output()))
    }

    /// Bytes of all buffers. The tangents are those of a chunk, and at the output those of the batch.
    pub fn bytes(&self) -> Bytes {
        let size = size_of::<T>();
        let sums: usize = self.sums.iter().map(Vec::len).sum();
        Bytes {
            arena: (self.primal.code().len() + self.tangents.len() + sums) * size,
            gradient: self.gradient.len() * size,
            scratch: self.scratch.len() * size,
        }
    }

    /// The exact cost of [`Structured::value_and_gradient`]: the primal, the moves of all chunks, the products at the
    /// end, and the sum of the outputs.
    pub fn cost(&self) -> Cost {
        self.design.cost(self.primal.code())
    }
}

impl<T: Scalar> Engine<T> for Structured<T> {
    fn name(&self) -> &'static str {
        "Structured"
    }

    fn value_and_gradient(&mut self, params: &[T], x: Mat<'_, T>) -> Result<(T, &[T])> {
        Self::value_and_gradient(self, params, x)
    }
}
