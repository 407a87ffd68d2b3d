//! A way, prepared.

use nalgebra::DMatrix;
use pushpull_core::linalg::product;
use pushpull_core::siblings::{given, memory};
use pushpull_core::{Accum, Dual, Graph, Mat, MatMut, Result, Scalar};

use crate::engine::{ByJacobian, Chosen};
use crate::{Answer, PlanError, Question, Seeds, Way};

/// A way to the answer of a question, prepared for a graph and a batch: its engine, and where the answer goes. A [`crate::Plan`]
/// prepares the way that it picks; this is for the others, and for other scalars, such as
/// [`Counted`](pushpull_core::Counted).
///
/// ```
/// use pushpull_core::{Counted, Mlp, blocks::{Activation, Loss}, count};
/// use pushpull_planner::{Budget, Plan, Prepared, Question, Seeds};
/// let graph = Mlp::new(&[4, 8, 1], Activation::Tanh).loss(Loss::SquaredError).build()?;
/// let plan = Plan::<f64>::new(&graph, 10, Question::Gradient, Budget::Unlimited)?;
/// let (params, x) = (vec![Counted(0.1); graph.n_params()], nalgebra::DMatrix::from_element(5, 10, Counted(0.5)));
/// for candidate in plan.candidates().iter().filter(|candidate| candidate.is_feasible()) {
///     let mut prepared = Prepared::new(&graph, 10, Question::Gradient, candidate.way)?;
///     let (_, counted) = count(|| prepared.run(&params, &x, Seeds::None).is_ok());
///     assert_eq!(candidate.prediction.map(|prediction| prediction.cost), Some(counted));
/// }
/// # Ok::<(), pushpull_planner::PlanError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Prepared<T: nalgebra::Scalar> {
    question: Question,
    engine: Chosen<T>,
    by_jacobian: Option<ByJacobian>,
    /// Of a sample, and samples.
    outputs: (usize, usize),
    /// What a jvp, vjp or Hessian-vector product is written to.
    target: DMatrix<T>,
}

/// Rows and columns of what is written to, where a run does not make its own result.
pub(crate) fn target_shape(graph: &Graph, batch: usize, question: Question) -> (usize, usize) {
    match question {
        Question::Jvp(k) => (graph.n_outputs(), batch.saturating_mul(k)),
        Question::Vjp(k) | Question::HessianVector(k) => (graph.n_params(), k),
        _ => (0, 0),
    }
}

/// Refuses a question whose seeds, which somebody has to hand in, or whose answer cannot fit: it could never be run.
pub(crate) fn allowed<T>(graph: &Graph, batch: usize, question: Question) -> Result<()> {
    let (rows, columns) = target_shape(graph, batch, question);
    let given = match question {
        Question::Vjp(k) => memory::elements(&[graph.n_outputs(), batch, k]),
        other => memory::elements(&[graph.n_params(), other.seeds().unwrap_or(0)]),
    };
    let numbers = memory::elements(&[rows, columns]).saturating_add(given);
    let what = format_args!("the seeds and the answer of {question}");
    memory::fits::<T>(what, numbers, "ask for fewer at once")
}

impl<T: Scalar> Prepared<T>
where
    Dual<T>: Scalar,
{
    /// Prepares a way of a question: all memory is allocated here, but a Jacobian's own.
    ///
    /// # Errors
    /// As the engine's own; [`pushpull_core::Error::Setting`] for a way that does not lead to the question's answer.
    pub fn new(graph: &Graph, batch: usize, question: Question, way: Way) -> Result<Self> {
        Self::on_threads(graph, batch, question, way, 1)
    }

    /// The same on some threads, the caller's among them: the same bits.
    ///
    /// # Errors
    /// As [`Prepared::new`]; [`pushpull_core::Error::Setting`] as [`pushpull_core::Team::new`].
    pub fn on_threads(
        graph: &Graph,
        batch: usize,
        question: Question,
        way: Way,
        threads: usize,
    ) -> Result<Self> {
        let plan = way.plan(graph, batch, question)?.threads(threads);
        allowed::<T>(graph, batch, question)?;
        let (rows, columns) = target_shape(graph, batch, question);
        let engine = plan.prepare()?;
        Ok(Self {
            question,
            engine,
            by_jacobian: way.by_jacobian(question),
            outputs: (graph.n_outputs(), batch),
            target: DMatrix::from_element(rows, columns, T::zero()),
        })
    }

    /// Answers the question.
    ///
    /// # Errors
    /// As [`crate::Plan::run_with`].
    pub fn run<'a>(
        &'a mut self,
        params: &'a [T],
        x: impl Into<Mat<'a, T>>,
        seeds: Seeds<'_, T>,
    ) -> std::result::Result<Answer<'a, T>, PlanError> {
        let x = x.into();
        let Self {
            question,
            engine,
            by_jacobian,
            outputs,
            target,
        } = self;
        let (question, by_jacobian) = (*question, *by_jacobian);
        let directions = || match seeds {
            Seeds::Directions(directions) => Ok(directions),
            other => Err(wrong(question, "directions in the parameters", &other)),
        };
        let cotangents = || match seeds {
            Seeds::Cotangents(cotangents) => Ok(cotangents),
            other => Err(wrong(question, "cotangents of the output", &other)),
        };
        if let (None, false) = (question.seeds(), matches!(seeds, Seeds::None)) {
            return Err(wrong(question, "no seeds", &seeds));
        }
        let engine = engine.as_dyn();
        Ok(match (question, by_jacobian) {
            (Question::Gradient, _) => {
                let (value, gradient) = engine.value_and_gradient(params, x)?;
                Answer::Gradient(value, gradient)
            }
            (Question::Jvp(_), None) => {
                engine.jvp_into(params, x, directions()?, MatMut::from(&mut *target))?;
                Answer::Tangents(target)
            }
            (Question::Jvp(k), Some(_)) => {
                let directions = directions()?;
                shaped(question, directions, (params.len(), k))?;
                let jacobian = engine.jacobian_params(params, x)?;
                // A column of y_dot is a sample's outputs, so a seed's columns are a column of the Jacobian's rows.
                let tall = MatMut::new(target.as_mut_slice(), jacobian.nrows(), k);
                product(tall, Accum::Set, Mat::from(&jacobian), directions);
                Answer::Tangents(target)
            }
            (Question::Vjp(_), None) => {
                engine.vjp_into(params, x, cotangents()?, MatMut::from(&mut *target))?;
                Answer::Cotangents(target)
            }
            (Question::Vjp(k), Some(_)) => {
                let (y_bar, (outputs, batch)) = (cotangents()?, *outputs);
                shaped(question, y_bar, (outputs, batch * k))?;
                let jacobian = engine.jacobian_params(params, x)?;
                // Gaps between the columns would part a seed's outputs.
                let owned = (y_bar.stride() != outputs).then(|| y_bar.to_dmatrix());
                let data = owned
                    .as_ref()
                    .map_or(y_bar.data(), |owned| owned.as_slice());
                let tall = Mat::new(&data[..outputs * batch * k], outputs * batch, k);
                let params_bar = MatMut::from(&mut *target);
                product(params_bar, Accum::Set, Mat::from(&jacobian).t(), tall);
                Answer::Cotangents(target)
            }
            (Question::JacobianParams, _) => Answer::Jacobian(engine.jacobian_params(params, x)?),
            (Question::JacobianInputs, _) => Answer::Jacobian(engine.jacobian_inputs(params, x)?),
            (Question::GradientNorms, _) => Answer::Norms(engine.gradient_norms(params, x)?),
            // `Prepared::new` refuses a question that is not known here.
            _ => {
                let (directions, n_params) = (directions()?, params.len());
                shaped(
                    question,
                    directions,
                    (n_params, question.seeds().unwrap_or(0)),
                )?;
                let products = MatMut::from(&mut *target);
                let value = engine.hessian_vectors_into(params, x, directions, products)?;
                Answer::Products(value, target)
            }
        })
    }
}

/// The refusal of seeds of the wrong kind.
fn wrong<T>(question: Question, expected: &'static str, got: &Seeds<'_, T>) -> PlanError {
    PlanError::Seeds {
        question,
        expected,
        got: match got {
            Seeds::None => "none",
            Seeds::Directions(_) => "directions",
            Seeds::Cotangents(_) => "cotangents",
        },
        remedy: "give them to Plan::run_with, or ask another question",
    }
}

/// Whether seeds have the shape that the question says.
fn shaped<T: Scalar>(
    question: Question,
    seeds: Mat<'_, T>,
    expected: (usize, usize),
) -> Result<()> {
    let remedy = "give a direction as one column in the parameters and one column for each sample in the outputs";
    let name = format_args!("the seeds of {question}");
    given::shaped(name, seeds.shape(), expected, remedy)?;
    given::finite(name, seeds)?;
    Ok(())
}
