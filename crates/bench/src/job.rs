//! One computation, prepared: what is timed, what its memory is measured on, and what is counted are the same thing.

use nalgebra::DMatrix;
use pushpull_core::{Cost, Dual, Graph, Mat, Primal, Question, Scalar};
use pushpull_forward_mode::{Chunk, Forward, Structured};
use pushpull_planner::{PlanError, Prepared, Seeds, Way};

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
/// As the engines' `prepare`, and a first run's faults in the data.
pub fn prepare<'a, T: Scalar>(task: Task, subject: &'a Subject<T>) -> Result<Job<'a>, PlanError>
where
    Dual<T>: Scalar,
{
    let Subject {
        graph,
        params,
        x,
        params_dot,
        y_bar,
    } = subject;
    let batch = x.ncols();
    // What `check` accepts once cannot fail later: shapes are fixed and the data does not change.
    graph.check(params, x.into(), batch)?;
    let forward = |question| {
        let plan = Forward::plan(graph, batch, question).chunk(task.chunk);
        (question, Way::ForwardChunked(plan.width::<T>()))
    };
    let (question, way) = match task.mode {
        Mode::Primal => {
            let mut engine = Primal::new(graph, batch)?;
            return Ok(Job {
                cost: engine.cost(),
                run: Box::new(move || sink(engine.run(params, x))),
                chunk: None,
            });
        }
        Mode::Forward => forward(Question::Gradient),
        Mode::ForwardStructured => {
            let plan = Structured::plan(graph, batch).chunk(task.chunk);
            let way = Way::ForwardStructured(plan.samples::<T>()?);
            (Question::Gradient, way)
        }
        Mode::Reverse => (Question::Gradient, Way::Reverse(1)),
        Mode::Jvp => forward(Question::Jvp(1)),
        Mode::Vjp => (Question::Vjp(1), Way::Reverse(1)),
        Mode::JacobianForward => forward(Question::JacobianInputs),
        Mode::JacobianReverse => {
            let side = SIDE_BY_SIDE.min(graph.n_outputs());
            (Question::JacobianInputs, Way::Reverse(side))
        }
    };
    let seeds = match question {
        Question::Jvp(_) => Seeds::Directions(Mat::from(params_dot)),
        Question::Vjp(_) => Seeds::Cotangents(Mat::from(y_bar)),
        _ => Seeds::None,
    };
    let mut prepared = Prepared::new(graph, batch, question, way)?;
    Ok(Job {
        cost: way.prediction::<T>(graph, batch, question)?.cost,
        run: Box::new(move || sink(prepared.run(params, x, seeds))),
        chunk: match way {
            Way::ForwardChunked(n) | Way::ForwardStructured(n) => Some(n),
            _ => None,
        },
    })
}

/// Keeps the optimiser from leaving a result out, and a fault from going unseen.
fn sink<R, E: std::fmt::Debug>(result: Result<R, E>) {
    let result = std::hint::black_box(result);
    debug_assert!(result.is_ok(), "a checked run failed: {:?}", result.err());
}
