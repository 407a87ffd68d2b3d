//! A way, prepared.

use nalgebra::DMatrix;
use pushpull_core::linalg::product;
use pushpull_core::{Accum, Dual, Graph, Mat, MatMut, Result, Scalar, memory};
use pushpull_forward_mode::{Chunk, Forward, ForwardOverForward, Structured};
use pushpull_mixed_mode::MixedMode;
use pushpull_reverse_mode::{HessianVector, Reverse, Store};

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
    engine: Engine<T>,
    /// What a jvp, vjp or Hessian-vector product is written to.
    target: DMatrix<T>,
}

#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant)] // A box would be heap bytes that no prediction counts.
enum Engine<T: nalgebra::Scalar> {
    Forward(Forward<T>),
    Structured(Structured<T>),
    Reverse(Reverse<T>),
    Mixed(MixedMode<T>),
    Second(HessianVector<T>),
    Pushed(ForwardOverForward<T>),
}

/// The chunk of a forward way.
pub(crate) const fn chunk(way: Way) -> Chunk {
    match way {
        Way::ForwardChunked(n) | Way::ForwardStructured(n) | Way::ForwardOverForward(n) => {
            Chunk::Fixed(n)
        }
        _ => Chunk::Full,
    }
}

/// What a reverse way keeps, and its cotangents side by side.
pub(crate) const fn kept(way: Way) -> (Store, usize) {
    match way {
        Way::Reverse(side) => (Store::All, side),
        Way::ReverseCheckpointed(store, side) => (store, side),
        _ => (Store::All, 1),
    }
}

/// Rows and columns of what is written to, where a run does not make its own result.
pub(crate) fn target_shape(graph: &Graph, batch: usize, question: Question) -> (usize, usize) {
    match question {
        Question::Jvp(k) => (graph.n_outputs(), batch.saturating_mul(k)),
        Question::Vjp(k) | Question::HessianVector(k) => (graph.n_params(), k),
        Question::Gradient | Question::JacobianParams | Question::JacobianInputs => (0, 0),
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
        if !way.answers(question) {
            return Err(pushpull_core::Error::Setting {
                name: "Prepared".into(),
                setting: "way".into(),
                expected: format!("one of the ways to {question}"),
                got: way.to_string(),
            });
        }
        allowed::<T>(graph, batch, question)?;
        let (rows, columns) = target_shape(graph, batch, question);
        let engine = match way {
            Way::ForwardDense | Way::ForwardChunked(_) => {
                let chunk = chunk(way);
                Engine::Forward(match question {
                    Question::Jvp(k) => Forward::for_jvp(graph, batch, chunk, k, true, false)?,
                    Question::JacobianParams | Question::Vjp(_) => {
                        Forward::for_params(graph, batch, chunk)?
                    }
                    Question::JacobianInputs => Forward::for_inputs(graph, batch, chunk)?,
                    Question::Gradient | Question::HessianVector(_) => {
                        Forward::new(graph, batch, chunk, 1)?
                    }
                })
            }
            Way::ForwardStructured(_) => {
                Engine::Structured(Structured::new(graph, batch, chunk(way), 1)?)
            }
            Way::Reverse(_) | Way::ReverseCheckpointed(..) => {
                let (store, side) = kept(way);
                let engine = Reverse::new(graph, batch, store, 1)?;
                Engine::Reverse(match question {
                    Question::Gradient => engine,
                    _ => engine.seeds(side)?,
                })
            }
            Way::Mixed => Engine::Mixed(MixedMode::new(graph, batch, 1)?),
            Way::Planes => Engine::Second(HessianVector::new(graph, batch, Store::All, 1)?),
            Way::Duals => Engine::Second(HessianVector::by_duals(graph, batch, Store::All, 1)?),
            Way::ForwardOverForward(_) => {
                Engine::Pushed(ForwardOverForward::new(graph, batch, chunk(way), 1)?)
            }
        };
        Ok(Self {
            question,
            engine,
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
            target,
        } = self;
        let question = *question;
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
        let (rows, columns) = target.shape();
        Ok(match (question, engine) {
            (Question::Gradient, Engine::Forward(engine)) => {
                let (value, gradient) = engine.value_and_gradient(params, x)?;
                Answer::Gradient(value, gradient)
            }
            (Question::Gradient, Engine::Structured(engine)) => {
                let (value, gradient) = engine.value_and_gradient(params, x)?;
                Answer::Gradient(value, gradient)
            }
            (Question::Gradient, Engine::Reverse(engine)) => {
                let (value, gradient) = engine.value_and_gradient(params, x)?;
                Answer::Gradient(value, gradient)
            }
            (Question::Jvp(_), Engine::Forward(engine)) => {
                let y_dot = MatMut::from(&mut *target);
                engine.jvp_into(params, x, Some(directions()?), None, y_dot)?;
                Answer::Tangents(target)
            }
            (Question::Jvp(k), Engine::Reverse(engine)) => {
                let directions = directions()?;
                shaped(question, directions, (params.len(), k))?;
                let jacobian = engine.jacobian_params(params, x)?;
                // A column of y_dot is a sample's outputs, so a seed's columns are a column of the Jacobian's rows.
                let tall = MatMut::new(target.as_mut_slice(), jacobian.nrows(), k);
                product(tall, Accum::Set, Mat::from(&jacobian), directions);
                Answer::Tangents(target)
            }
            (Question::Vjp(_), Engine::Reverse(engine)) => {
                let mut tape = engine.record(params, x)?;
                let params_bar = MatMut::from(&mut *target);
                tape.pullback(cotangents()?, Accum::Set, Some(params_bar), None)?;
                Answer::Cotangents(target)
            }
            (Question::Vjp(k), Engine::Forward(engine)) => {
                let y_bar = cotangents()?;
                let (outputs, batch) = (engine.graph().n_outputs(), engine.batch());
                shaped(question, y_bar, (outputs, batch * k))?;
                let jacobian = engine.jacobian_params(params, x)?;
                // Gaps between the columns would part a seed's outputs.
                let owned = (y_bar.stride() != outputs).then(|| y_bar.to_dmatrix());
                let data = owned
                    .as_ref()
                    .map_or(y_bar.data(), |owned| owned.as_slice());
                let tall = Mat::new(&data[..outputs * batch * k], outputs * batch, k);
                let params_bar = MatMut::new(target.as_mut_slice(), rows, columns);
                product(params_bar, Accum::Set, Mat::from(&jacobian).t(), tall);
                Answer::Cotangents(target)
            }
            (Question::JacobianParams, Engine::Forward(engine)) => {
                Answer::Jacobian(engine.jacobian_params(params, x)?)
            }
            (Question::JacobianParams, Engine::Reverse(engine)) => {
                Answer::Jacobian(engine.jacobian_params(params, x)?)
            }
            (Question::JacobianInputs, Engine::Forward(engine)) => {
                Answer::Jacobian(engine.jacobian_inputs(params, x)?)
            }
            (Question::JacobianInputs, Engine::Reverse(engine)) => {
                Answer::Jacobian(engine.jacobian_inputs(params, x)?)
            }
            (Question::JacobianInputs, Engine::Mixed(engine)) => {
                Answer::Jacobian(engine.jacobian_inputs(params, x)?)
            }
            (Question::HessianVector(_), Engine::Second(engine)) => {
                let products = Some(MatMut::from(&mut *target));
                let directions = Some(directions()?);
                let value = engine.hessian_vectors(params, x, directions, None, products, None)?;
                Answer::Products(value, target)
            }
            (Question::HessianVector(k), Engine::Pushed(engine)) => {
                let directions = directions()?;
                shaped(question, directions, (params.len(), k))?;
                let mut value = T::zero();
                for (seed, mut to) in target.column_iter_mut().enumerate() {
                    let (sum, hv) = engine.hessian_vector(params, x, directions.col(seed))?;
                    value = sum;
                    to.copy_from_slice(hv);
                }
                Answer::Products(value, target)
            }
            // `Prepared::new` is given a way to its own question.
            (_, engine) => unreachable!("{question} is not answered by {engine:?}"),
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
        remedy: "hand them to Plan::run_with, or ask another question",
    }
}

/// Whether seeds have the shape that the question says.
fn shaped<T: Scalar>(
    question: Question,
    seeds: Mat<'_, T>,
    expected: (usize, usize),
) -> Result<()> {
    let got = (seeds.nrows(), seeds.ncols());
    if got != expected {
        return Err(pushpull_core::Error::matrix(
            format!("the seeds of {question}"),
            expected,
            got,
            "a direction is a column in the parameters and one column a sample in the outputs",
        ));
    }
    if let Some((i, j)) = pushpull_core::linalg::first_not_finite(seeds) {
        return Err(pushpull_core::Error::NotFinite {
            name: format!("the seeds of {question}"),
            entry: format!("[{i}, {j}]"),
            value: seeds.get(i, j).to_string(),
        });
    }
    Ok(())
}
