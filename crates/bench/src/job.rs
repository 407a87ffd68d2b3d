//! One computation, prepared: what is timed, what its memory is measured on, and what is counted are the same thing.

use nalgebra::DMatrix;
use pushpull_core::{Accum, Cost, Error, Graph, Mat, MatMut, Primal, Question, Scalar};
use pushpull_forward_mode::{Chunk, Forward, Structured};
use pushpull_reverse_mode::Reverse;

use crate::record::Mode;

/// A computation and how it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Task {
    /// What is computed.
    pub mode: Mode,
    /// The directions that forward mode carries at once; with structured tangents, the samples.
    pub chunk: Chunk,
}

impl Task {
    /// A task without a say in the chunk.
    pub const fn new(mode: Mode) -> Self {
        Self {
            mode,
            chunk: Chunk::Auto,
        }
    }

    /// Forward mode with a chunk.
    pub const fn forward(chunk: Chunk) -> Self {
        Self {
            mode: Mode::Forward,
            chunk,
        }
    }
}

/// What a task works on: a network at a point, with a direction for the parameters and a cotangent for the output.
#[derive(Clone, Debug)]
pub struct Subject<T> {
    /// The network.
    pub graph: Graph,
    /// Its parameters.
    pub params: Vec<T>,
    /// n_inputs x batch
    pub x: DMatrix<T>,
    /// n_params x 1
    pub params_dot: DMatrix<T>,
    /// n_outputs x batch
    pub y_bar: DMatrix<T>,
}

/// A prepared computation.
pub struct Job<'a> {
    /// Runs it once.
    pub run: Box<dyn FnMut() + 'a>,
    /// Its exact cost by the formulas.
    pub cost: Cost,
    /// The directions, or with structured tangents the samples, carried at once, where there are any.
    pub chunk: Option<usize>,
}

impl std::fmt::Debug for Job<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Job")
            .field("cost", &self.cost)
            .field("chunk", &self.chunk)
            .finish_non_exhaustive()
    }
}

/// Cotangents that Jacobian rows are pulled back with, side by side: each block's product is then shared.
const SIDE_BY_SIDE: usize = 64;

/// Prepares a task. Everything that it allocates is allocated here, but a Jacobian's own matrix.
///
/// # Errors
/// As the engines' `new`, and a first run's faults in the data.
pub fn prepare<'a, T: Scalar>(task: Task, subject: &'a Subject<T>) -> Result<Job<'a>, Error> {
    let Subject {
        graph,
        params,
        x,
        params_dot,
        y_bar,
    } = subject;
    let batch = x.ncols();
    let job = |run: Box<dyn FnMut() + 'a>, cost, chunk| Ok(Job { run, cost, chunk });
    // What `check` accepts once cannot fail later: shapes are fixed and the data does not change.
    graph.check(params, x.into(), batch)?;
    let forward = |question| Forward::plan(graph, batch, question).chunk(task.chunk);
    match task.mode {
        Mode::Primal => {
            let mut engine = Primal::new(graph, batch)?;
            let cost = engine.cost();
            job(Box::new(move || sink(engine.run(params, x))), cost, None)
        }
        Mode::Forward => {
            let plan = forward(Question::Gradient);
            let (cost, width) = (plan.prediction::<T>()?.cost, plan.width::<T>());
            let mut engine = plan.prepare::<T>()?;
            let run = move || sink(engine.value_and_gradient(params, x));
            job(Box::new(run), cost, Some(width))
        }
        Mode::ForwardStructured => {
            let plan = Structured::plan(graph, batch).chunk(task.chunk);
            let (cost, samples) = (plan.prediction::<T>()?.cost, plan.samples::<T>()?);
            let mut engine = plan.prepare::<T>()?;
            let run = move || sink(engine.value_and_gradient(params, x));
            job(Box::new(run), cost, Some(samples))
        }
        Mode::Reverse => {
            let mut engine = Reverse::new(graph, batch)?;
            let cost = engine.cost();
            let run = move || sink(engine.value_and_gradient(params, x));
            job(Box::new(run), cost, None)
        }
        Mode::Jvp => {
            let plan = Forward::plan(graph, batch, Question::Jvp(1));
            let (cost, mut engine) = (plan.prediction::<T>()?.cost, plan.prepare::<T>()?);
            let mut y_dot = vec![T::zero(); graph.n_outputs() * batch];
            let run = move || {
                let y_dot = MatMut::new(&mut y_dot, graph.n_outputs(), batch);
                sink(engine.jvp_into(params, x, Some(Mat::from(params_dot)), None, y_dot));
            };
            job(Box::new(run), cost, Some(1))
        }
        Mode::Vjp => {
            let plan = Reverse::plan(graph, batch, Question::Vjp(1));
            let (cost, mut engine) = (plan.prediction::<T>()?.cost, plan.prepare::<T>()?);
            let mut params_bar = vec![T::zero(); graph.n_params()];
            let run = move || {
                let pulled = engine.record(params, x).and_then(|mut record| {
                    let params_bar = MatMut::new(&mut params_bar, graph.n_params(), 1);
                    record.pullback(y_bar, Accum::Set, Some(params_bar), None)
                });
                sink(pulled);
            };
            job(Box::new(run), cost, None)
        }
        Mode::JacobianForward => {
            let plan = forward(Question::JacobianInputs);
            let (cost, width) = (plan.prediction::<T>()?.cost, plan.width::<T>());
            let mut engine = plan.prepare::<T>()?;
            let run = move || sink(engine.jacobian_inputs(params, x));
            job(Box::new(run), cost, Some(width))
        }
        Mode::JacobianReverse => {
            let seeds = SIDE_BY_SIDE.min(graph.n_outputs());
            let plan = Reverse::plan(graph, batch, Question::JacobianInputs).seeds(seeds);
            let (cost, mut engine) = (plan.prediction::<T>()?.cost, plan.prepare::<T>()?);
            let run = move || sink(engine.jacobian_inputs(params, x));
            job(Box::new(run), cost, Some(seeds))
        }
    }
}

/// Keeps the optimiser from leaving a result out, and a fault from going unseen.
fn sink<R, E: std::fmt::Debug>(result: Result<R, E>) {
    let result = std::hint::black_box(result);
    debug_assert!(result.is_ok(), "a checked run failed: {:?}", result.err());
}
