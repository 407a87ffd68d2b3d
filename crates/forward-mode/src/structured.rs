//! Structured forward mode: the lecture's tangent matrices in the form in which they are sparse.

use pushpull_core::primal::PrimalPlan;
use pushpull_core::{Cost, Graph, Mat, Result, Scalar, Team, memory};

use crate::Chunk;
use crate::forward::{Bytes, setting, sum};

mod draft;
mod moves;
mod occurrence;
mod program;
mod term;
mod work;

use moves::{Action, Place};
use occurrence::{Occurrence, occurrences, samples};
use program::Program;

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
/// The primal runs once for the whole batch and its values are kept, for the x above. The tangents of a [`Chunk`] of
/// *samples* are pushed at a time: `Auto` as many as keep them in the cache, `Full` all, `Fixed(n)` n.
///
/// ```
/// use nalgebra::dmatrix;
/// use pushpull_core::{Builder, blocks::{Linear, Square}};
/// use pushpull_forward_mode::{Chunk, Structured};
/// let mut b = Builder::new();
/// let x = b.input("x", 1);
/// let h = b.block(Linear::without_bias(1, 1), x);
/// let y = b.map(Square, h);
/// let graph = b.build(y)?;
/// let mut forward = Structured::new(&graph, 2, Chunk::Auto, 1)?;
/// // y = (3 x1)^2 + (3 x2)^2; dy/dw = 2 w (x1^2 + x2^2)
/// let (value, gradient) = forward.value_and_gradient(&[3.0], &dmatrix![1.0, 2.0])?;
/// assert_eq!((value, gradient), (45.0, &[30.0][..]));
/// # Ok::<(), pushpull_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Structured<T> {
    plan: PrimalPlan,
    occurrences: Vec<Occurrence>,
    /// For chunks of the full number of samples, then for what is left of the batch.
    programs: Vec<Program>,
    primal: Vec<T>,
    tangents: Vec<T>,
    /// For each occurrence, columns x batch: the output's tangent, summed over the outputs.
    sums: Vec<Vec<T>>,
    gradient: Vec<T>,
    scratch: Vec<T>,
    team: Team,
}

/// Bytes of tangents that `Chunk::Auto` aims at: half of a core's second-level cache.
const CACHE: usize = 1 << 19;

impl<T: Scalar> Structured<T> {
    /// Prepares gradients for batches of `batch` samples: every shape is checked and all memory allocated here.
    ///
    /// # Errors
    /// [`crate::Error::EmptyBatch`], [`crate::Error::TooLarge`] before anything is allocated, [`crate::Error::Setting`] for `threads` or a
    /// chunk of zero.
    pub fn new(graph: &Graph, batch: usize, chunk: Chunk, threads: usize) -> Result<Self> {
        let team = Team::new("Structured", threads)?;
        if chunk == Chunk::Fixed(0) {
            return Err(setting("Structured", "chunk", "at least 1", 0));
        }
        let (n, activity) = (graph.nodes().len(), graph.activity());
        let plan = PrimalPlan::new(graph, batch, n, |i| activity[i].output.then_some(n))?;
        let occurrences = occurrences(graph);
        let numbers = occurrences
            .iter()
            .map(|occurrence| memory::elements(&[occurrence.columns, batch]))
            .fold(
                plan.len().saturating_add(graph.n_params()),
                usize::saturating_add,
            );
        let remedy = "use a smaller batch";
        memory::fits::<T>("structured forward mode's values", numbers, remedy)?;
        let programs = programs::<T>(graph, &occurrences, batch, chunk)?;
        let tangents = programs.iter().map(|program| program.arena.len()).max();
        let scratch = programs.iter().map(|program| program.scratch);
        let contractions = occurrences
            .iter()
            .map(|occurrence| occurrence.scratch_len(graph, batch));
        let scratch = scratch.chain(contractions).max().unwrap_or(0);
        memory::fits::<T>("structured forward mode's scratch memory", scratch, remedy)?;
        Ok(Self {
            primal: vec![T::zero(); plan.len()],
            tangents: vec![T::zero(); tangents.unwrap_or(0)],
            sums: occurrences
                .iter()
                .map(|occurrence| vec![T::zero(); occurrence.columns * batch])
                .collect(),
            // Parameters that no occurrence assigns keep these zeros.
            gradient: graph.layout().zeros(),
            scratch: vec![T::zero(); scratch],
            plan,
            occurrences,
            programs,
            team,
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

    /// Samples whose tangents are carried at once.
    pub fn chunk_samples(&self) -> usize {
        self.programs.first().map_or(0, |program| program.samples)
    }

    /// The sum of all outputs over the batch, and its gradient with respect to the parameters. Allocates nothing.
    ///
    /// # Errors
    /// As [`Graph::check`].
    pub fn value_and_gradient<'a>(
        &mut self,
        params: &[T],
        x: impl Into<Mat<'a, T>>,
    ) -> Result<(T, &[T])> {
        let x = x.into();
        self.plan.graph().check(params, x, self.batch())?;
        let team = self.team.clone();
        let value = team.run(|| self.run(params, x));
        Ok((value, &self.gradient))
    }

    /// The value; the gradient lies in its buffer then.
    fn run(&mut self, params: &[T], x: Mat<'_, T>) -> T {
        let batch = self.batch();
        self.plan.run(params, x, &mut self.primal);
        let nodes = self.plan.graph().nodes();
        for (chunk, program) in chunks(&self.programs, batch) {
            for step in &program.moves {
                let at = self.plan.point(step.node, params, x, &self.primal);
                let sums = match step.does {
                    Action::Collect { occurrence, .. } => &mut self.sums[occurrence][..],
                    _ => &mut [],
                };
                step.run(
                    &nodes[step.node],
                    &samples(&at, chunk.clone()),
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
        for (occurrence, sums) in self.occurrences.iter().zip(&self.sums) {
            let node = &nodes[occurrence.node];
            let at = self.plan.point(occurrence.node, params, x, &self.primal);
            let sums = Mat::new(sums, occurrence.columns, batch);
            let target = &mut self.gradient[node.params.clone()];
            occurrence.contract(node, &at, sums, target, &mut self.scratch);
        }
        sum(self.plan.output(&self.primal))
    }

    /// Bytes of all buffers. The tangents are those of a chunk, and at the output those of the batch.
    pub fn bytes(&self) -> Bytes {
        let size = size_of::<T>();
        let sums: usize = self.sums.iter().map(Vec::len).sum();
        Bytes {
            primal: self.primal.len() * size,
            tangents: (self.tangents.len() + sums) * size,
            gradient: self.gradient.len() * size,
            scratch: self.scratch.len() * size,
        }
    }

    /// The exact cost of [`Structured::value_and_gradient`]: the primal, the moves of all chunks, the products at the
    /// end, and the sum of the outputs.
    pub fn cost(&self) -> Cost {
        let (graph, batch) = (self.graph(), self.batch());
        let pushed: Cost = self.pushed().sum();
        let contracted = self
            .occurrences
            .iter()
            .map(|occurrence| occurrence.cost(graph, batch));
        let contracted: Cost = contracted.sum();
        self.plan.cost() + pushed + contracted + Cost::flops(graph.n_outputs() * batch)
    }

    /// The cost of the moves of each program, times its chunks.
    fn pushed(&self) -> impl Iterator<Item = Cost> + '_ {
        let runs = |program: &Program| {
            chunks(&self.programs, self.batch())
                .filter(|(chunk, _)| chunk.len() == program.samples)
                .count()
        };
        self.programs
            .iter()
            .map(move |program| program.cost(self.graph()) * runs(program))
    }
}

/// A program for the chunks of a batch, and one for what is left.
fn programs<T>(
    graph: &Graph,
    occurrences: &[Occurrence],
    batch: usize,
    chunk: Chunk,
) -> Result<Vec<Program>> {
    let samples = match chunk {
        Chunk::Full => batch,
        Chunk::Fixed(n) => n.min(batch),
        Chunk::Auto => {
            let one = Program::new::<T>(graph, occurrences, 1)?.arena.len();
            let fit = CACHE / (one * size_of::<T>()).max(1);
            // As few chunks as that takes, then of even length.
            let chunks = batch.div_ceil(fit.clamp(1, batch));
            batch.div_ceil(chunks)
        }
    };
    let rest = batch % samples;
    let mut programs = vec![Program::new::<T>(graph, occurrences, samples)?];
    if rest > 0 {
        programs.push(Program::new::<T>(graph, occurrences, rest)?);
    }
    Ok(programs)
}

/// The chunks of a batch, each with its program.
fn chunks(
    programs: &[Program],
    batch: usize,
) -> impl Iterator<Item = (std::ops::Range<usize>, &Program)> {
    let width = programs[0].samples;
    (0..batch).step_by(width).filter_map(move |first| {
        let chunk = first..batch.min(first + width);
        let program = programs
            .iter()
            .find(|program| program.samples == chunk.len())?;
        Some((chunk, program))
    })
}
