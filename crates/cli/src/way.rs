//! From a way to the gradients: the engine that is asked, and what it takes.

use nalgebra::DMatrix;
use pushpull_core::siblings::memory;
use pushpull_core::{Cost, Dual, Error, Graph, Scalar, Wrt};
use pushpull_forward_mode::Forward;
use pushpull_planner::{Planned, Question, Timed, Way};
use pushpull_reverse_mode::checkpoint::Chain;
use pushpull_reverse_mode::{Plan as ReversePlan, Reverse, Store};

use crate::auto;
use crate::fault::Fault;
use crate::options::mode::Mode;

type Result<R, E = Error> = std::result::Result<R, E>;

/// Gradients with respect to parameters and inputs.
#[derive(Debug)]
pub struct Gradients<T> {
    /// The sum of the graph's outputs over the batch.
    pub value: T,
    /// In the graph's order.
    pub params: Vec<T>,
    /// n_inputs x batch, exact zeros for targets; where they were asked for.
    pub inputs: Option<DMatrix<T>>,
}

/// Work, and the most bytes that the engines hold at once, the gradients that they hand over among it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Takes {
    pub cost: Cost,
    pub peak_bytes: usize,
}

/// The way of a mode. With a budget, what [`run`] holds at once is within it.
pub fn of<T: Planned>(
    graph: &Graph,
    batch: usize,
    wanted: Wrt,
    mode: Mode,
    slots: Option<usize>,
    budget: Option<usize>,
) -> Result<Way, Fault>
where
    Dual<T>: Timed,
{
    Ok(match (mode, budget) {
        (Mode::Reverse, _) => Way::Reverse(1),
        (Mode::Forward, _) => Way::forward::<T>(graph, batch),
        (Mode::Structured, _) => Way::structured::<T>(graph, batch)?,
        (Mode::Checkpointed, None) => checkpointed(graph, batch, slots)?,
        (Mode::Checkpointed, Some(budget)) => within::<T>(graph, batch, wanted, budget)?,
        (Mode::Auto, budget) => auto::plan::<T>(graph, batch, wanted, budget)?.picked().way,
    })
}

/// Reverse mode with checkpoints, such that everything it holds is within a budget: the schedule is given what plans and
/// gradients leave of it.
fn within<T: Scalar>(graph: &Graph, batch: usize, wanted: Wrt, budget: usize) -> Result<Way, Fault>
where
    Dual<T>: Scalar,
{
    let (way, least) = frugal::<T>(graph, batch, wanted, budget)?;
    if least <= budget {
        return Ok(way);
    }
    Err(Fault::option(
        "--memory",
        format!("at least {least} bytes"),
        budget.to_string(),
        "give that much, or use a smaller --batch",
    ))
}

/// The schedule for a budget with the bytes that it takes in all: where none fits, the one that takes the least.
pub fn frugal<T: Scalar>(
    graph: &Graph,
    batch: usize,
    wanted: Wrt,
    budget: usize,
) -> Result<(Way, usize)>
where
    Dual<T>: Scalar,
{
    let way = |bytes| Way::ReverseCheckpointed(Store::Bytes(bytes), 1);
    let gradient = memory::elements(&[graph.n_params(), size_of::<T>()]);
    let mut bytes = budget;
    // Plans and buffers change with the schedule, so a few corrections may be needed.
    for _ in 0..8 {
        let taken = match both(graph, batch, wanted, way(bytes)).prediction::<T>() {
            Ok(prediction) => prediction.buffers.saturating_sub(gradient),
            Err(Error::Budget { .. }) => break,
            Err(fault) => return Err(fault),
        };
        let peak = predict::<T>(graph, batch, wanted, way(bytes))?.peak_bytes;
        if peak <= budget {
            return Ok((way(bytes), peak));
        }
        // From what the buffers took, which may be less than they were given.
        bytes = bytes.min(taken).saturating_sub(peak - budget);
    }
    if let Err(Error::Budget { smallest, .. }) = predict::<T>(graph, batch, wanted, way(0)) {
        bytes = smallest as usize;
    }
    let least = predict::<T>(graph, batch, wanted, way(bytes))?.peak_bytes;
    Ok((way(bytes), least))
}

/// Checkpoints in so many slots; by default as many as the root of the stages. A graph of one stage has nothing to keep in
/// them, and nothing to compute again.
pub fn checkpointed(graph: &Graph, batch: usize, slots: Option<usize>) -> Result<Way> {
    let stages = Chain::of(graph, batch)?.stages().len();
    if stages < 2 {
        return Ok(Way::ReverseCheckpointed(Store::All, 1));
    }
    let root = (stages as f64).sqrt().ceil() as usize;
    Ok(Way::ReverseCheckpointed(
        Store::Slots(slots.unwrap_or(root)),
        1,
    ))
}

/// The way in words, with its settings.
pub fn words(way: Way) -> String {
    match way {
        Way::ReverseCheckpointed(Store::All, _) => "reverse, all kept: one stage".into(),
        Way::ReverseCheckpointed(Store::Slots(slots), _) => {
            format!("reverse checkpointed, {slots} slots")
        }
        Way::ReverseCheckpointed(Store::Bytes(bytes), _) => {
            format!("reverse checkpointed, {bytes} bytes")
        }
        other => other.to_string(),
    }
}

/// What reverse mode keeps.
pub const fn store(way: Way) -> Store {
    match way {
        Way::ReverseCheckpointed(store, _) => store,
        _ => Store::All,
    }
}

/// The gradients by reverse mode, of parameters and inputs at once, or of parameters alone.
fn both(graph: &Graph, batch: usize, wanted: Wrt, way: Way) -> ReversePlan {
    let plan = Reverse::plan(graph, batch, Question::Gradient).wrt(wanted);
    plan.checkpointing(store(way))
}

/// Numbers of the gradient in the inputs.
fn inputs_of(graph: &Graph, batch: usize, wanted: Wrt) -> usize {
    match wanted.inputs {
        true => memory::elements(&[graph.n_inputs(), batch]),
        false => 0,
    }
}

/// What [`run`] takes.
pub fn predict<T: Scalar>(graph: &Graph, batch: usize, wanted: Wrt, way: Way) -> Result<Takes>
where
    Dual<T>: Scalar,
{
    let bytes = |numbers: usize| memory::elements(&[numbers, size_of::<T>()]);
    let inputs = bytes(inputs_of(graph, batch, wanted));
    if matches!(way, Way::Reverse(_) | Way::ReverseCheckpointed(..)) {
        let both = both(graph, batch, wanted, way).prediction::<T>()?;
        return Ok(Takes {
            cost: both.cost,
            peak_bytes: both.peak().saturating_add(inputs),
        });
    }
    let params = way.prediction::<T>(graph, batch, Question::Gradient)?;
    if !wanted.inputs {
        return Ok(Takes {
            cost: params.cost,
            peak_bytes: params.peak(),
        });
    }
    let columns = Forward::plan(graph, batch, Question::JacobianInputs).prediction::<T>()?;
    // The first engine is gone when the second comes, its gradient stays.
    let second = columns.peak().saturating_add(bytes(graph.n_params()));
    Ok(Takes {
        cost: params.cost + columns.cost,
        peak_bytes: params.peak().max(second),
    })
}

/// Runs a way at a point. Reverse mode gives both gradients at once. Forward mode pushes the parameters' unit vectors, then
/// the inputs': each sample has its own loss, so the Jacobian's rows are the samples' gradients.
pub fn run<T: Scalar>(
    graph: &Graph,
    wanted: Wrt,
    way: Way,
    params: &[T],
    x: &DMatrix<T>,
) -> Result<Gradients<T>>
where
    Dual<T>: Scalar,
{
    let batch = x.ncols();
    if matches!(way, Way::Reverse(_) | Way::ReverseCheckpointed(..)) {
        let mut engine = both(graph, batch, wanted, way).prepare()?;
        if !wanted.inputs {
            let (value, gradient) = engine.value_and_gradient(params, x)?;
            return Ok(Gradients {
                value,
                params: gradient.to_vec(),
                inputs: None,
            });
        }
        let mut inputs = DMatrix::from_element(x.nrows(), batch, T::zero());
        let (value, gradient) = engine.value_and_gradients(params, x, &mut inputs)?;
        return Ok(Gradients {
            value,
            params: gradient.to_vec(),
            inputs: Some(inputs),
        });
    }
    let (value, gradient) = {
        let mut engine = way.engine(graph, batch, Question::Gradient, 1)?;
        let (value, gradient) = engine.value_and_gradient(params, x.into())?;
        (value, gradient.to_vec())
    };
    let inputs = if wanted.inputs {
        let mut engine = Forward::plan(graph, batch, Question::JacobianInputs).prepare()?;
        Some(engine.jacobian_inputs(params, x)?.transpose())
    } else {
        None
    };
    Ok(Gradients {
        value,
        params: gradient,
        inputs,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::Network;
    use pushpull_core::blocks::{Activation, Loss};
    use pushpull_core::{Counted, count};

    /// The flops that are printed are those that a run does.
    #[test]
    fn predicted_work_is_counted_work_in_every_mode() {
        for (loss, mean) in [(Loss::SoftmaxCrossEntropy, true), (Loss::Sum, false)] {
            let network = Network {
                widths: vec![5, 8, 8, 3],
                biases: Vec::new(),
                classes: None,
                activations: vec![Activation::Sigmoid],
                loss,
                mean,
            };
            let graph = network.graph(7).unwrap();
            let params = vec![Counted(0.1); graph.n_params()];
            let x = DMatrix::from_element(graph.n_inputs(), 7, Counted(0.25));
            for way in [
                Way::Reverse(1),
                checkpointed(&graph, 7, None).unwrap(),
                Way::ForwardDense,
                Way::ForwardChunked(9),
                Way::ForwardStructured(3),
            ] {
                let predicted = predict::<Counted<f64>>(&graph, 7, Wrt::BOTH, way).unwrap();
                let (done, counted) = count(|| run(&graph, Wrt::BOTH, way, &params, &x));
                assert!(done.is_ok());
                // A schedule is made from the blocks' costs, and elementwise ones count themselves for it.
                let planned = || {
                    Reverse::plan(&graph, 7, Question::Gradient)
                        .checkpointing(store(way))
                        .prepare::<Counted<f64>>()
                        .is_ok()
                };
                let (_, planning) = count(planned);
                assert_eq!(predicted.cost + planning, counted, "{}", words(way));
            }
        }
    }

    #[test]
    fn a_network_of_one_layer_runs_with_nothing_to_keep() {
        let graph = pushpull_core::Mlp::new(&[2, 1], Activation::Tanh)
            .build()
            .unwrap();
        assert_eq!(checkpointed(&graph, 3, Some(4)).map(store), Ok(Store::All));
    }
}
