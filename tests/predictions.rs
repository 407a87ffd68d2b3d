//! What is predicted before an engine is prepared is what happens: operations against a scalar that counts, bytes against
//! the counting allocator, on named graphs and graphs at random, for every engine and question.

mod common;

use std::cell::RefCell;

use common::case::Case;
use common::meter::Meter;
use common::recipe::{Recipe, recipe};
use common::scenarios::scenarios;
use common::seeds;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use pushpull::blocks::{Activation, Loss};
use pushpull::nalgebra::DMatrix;
use pushpull::{
    Chunk, Counted, Dual, Forward, ForwardOverForward, HessianVector, Mat, MatMut, MixedMode, Mlp,
    Prediction, Primal, Question, Reverse, Scalar, Structured, Wrt,
};
use pushpull_bench::alloc::{CountingAllocator, measure};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// Holds every engine and question on a graph against its prediction.
fn exact<T: Scalar>(
    meter: Meter,
    case: &mut Case<T>,
    width: usize,
    seeds: usize,
) -> Result<(), String>
where
    Dual<T>: Scalar,
{
    let (params_dot, x_dot, y_bar) = (case.params_dot(seeds), case.x_dot(seeds), case.y_bar(seeds));
    let (graph, batch, params, x) = (&case.graph, case.batch, &case.params[..], &case.x);
    let text = |error: pushpull::Error| error.to_string();

    let predicted = Primal::<T>::predict(graph, batch).map_err(text)?;
    let prepare = || Primal::<T>::new(graph, batch).unwrap();
    meter.check("primal", predicted, prepare, |primal| {
        primal.run(params, x).map(|_| ()).unwrap()
    })?;

    for chunk in [Chunk::Full, Chunk::Auto, Chunk::Fixed(width)] {
        let what = |question: &str| format!("forward, {question}, {chunk:?}");
        meter.check(
            &what("gradient"),
            Forward::plan(graph, batch, Question::Gradient)
                .chunk(chunk)
                .prediction::<T>()
                .map_err(text)?,
            || {
                Forward::plan(graph, batch, Question::Gradient)
                    .chunk(chunk)
                    .prepare::<T>()
                    .unwrap()
            },
            |engine| engine.value_and_gradient(params, x).map(|_| ()).unwrap(),
        )?;
        for (in_params, in_inputs) in [(true, true), (true, false), (false, true)] {
            let dots = (
                in_params.then(|| Mat::from(&params_dot)),
                in_inputs.then(|| Mat::from(&x_dot)),
            );
            meter.check(
                &what(&format!("jvp of {seeds}, {in_params} {in_inputs}")),
                Forward::plan(graph, batch, Question::Jvp(seeds))
                    .chunk(chunk)
                    .wrt(Wrt {
                        params: in_params,
                        inputs: in_inputs,
                    })
                    .prediction::<T>()
                    .map_err(text)?,
                || {
                    Forward::plan(graph, batch, Question::Jvp(seeds))
                        .chunk(chunk)
                        .wrt(Wrt {
                            params: in_params,
                            inputs: in_inputs,
                        })
                        .prepare::<T>()
                        .unwrap()
                },
                |engine| engine.jvp(params, x, dots.0, dots.1).unwrap(),
            )?;
        }
        meter.check(
            &what("Jacobian in the parameters"),
            Forward::plan(graph, batch, Question::JacobianParams)
                .chunk(chunk)
                .prediction::<T>()
                .map_err(text)?,
            || {
                Forward::plan(graph, batch, Question::JacobianParams)
                    .chunk(chunk)
                    .prepare::<T>()
                    .unwrap()
            },
            |engine| engine.jacobian_params(params, x).unwrap(),
        )?;
        meter.check(
            &what("Jacobian in the inputs"),
            Forward::plan(graph, batch, Question::JacobianInputs)
                .chunk(chunk)
                .prediction::<T>()
                .map_err(text)?,
            || {
                Forward::plan(graph, batch, Question::JacobianInputs)
                    .chunk(chunk)
                    .prepare::<T>()
                    .unwrap()
            },
            |engine| engine.jacobian_inputs(params, x).unwrap(),
        )?;
        meter.check(
            &format!("structured, {chunk:?}"),
            Structured::plan(graph, batch)
                .chunk(chunk)
                .prediction::<T>()
                .map_err(text)?,
            || {
                Structured::plan(graph, batch)
                    .chunk(chunk)
                    .prepare::<T>()
                    .unwrap()
            },
            |engine| engine.value_and_gradient(params, x).map(|_| ()).unwrap(),
        )?;
    }
    meter.check(
        "forward over forward",
        ForwardOverForward::plan(graph, batch)
            .prediction::<T>()
            .map_err(text)?,
        || ForwardOverForward::<T>::new(graph, batch).unwrap(),
        |engine| {
            engine
                .hessian_vector(params, x, params)
                .map(|_| ())
                .unwrap()
        },
    )?;

    let reverse = || Reverse::<T>::new(graph, batch).unwrap();
    meter.check(
        "reverse, gradient",
        Reverse::plan(graph, batch, Question::Gradient)
            .prediction::<T>()
            .map_err(text)?,
        reverse,
        |engine| engine.value_and_gradient(params, x).map(|_| ()).unwrap(),
    )?;
    meter.check(
        "reverse, norms of gradients",
        Reverse::plan(graph, batch, Question::GradientNorms)
            .prediction::<T>()
            .map_err(text)?,
        || {
            Reverse::plan(graph, batch, Question::GradientNorms)
                .prepare::<T>()
                .unwrap()
        },
        |engine| engine.gradient_norms(params, x).unwrap(),
    )?;
    for side in [1, 2, seeds] {
        let prepare = || case.side_by_side(side);
        let what = |question: &str| format!("reverse, {question}, {side} side by side");
        meter.check(
            &what(&format!("vjp of {seeds}")),
            Reverse::plan(graph, batch, Question::Vjp(seeds))
                .wrt(Wrt::BOTH)
                .seeds(side)
                .prediction::<T>()
                .map_err(text)?,
            prepare,
            |engine| engine.vjp(params, x, &y_bar).unwrap(),
        )?;
        meter.check(
            &what("Jacobian in the parameters"),
            Reverse::plan(graph, batch, Question::JacobianParams)
                .seeds(side)
                .prediction::<T>()
                .map_err(text)?,
            prepare,
            |engine| engine.jacobian_params(params, x).unwrap(),
        )?;
        meter.check(
            &what("Jacobian in the inputs"),
            Reverse::plan(graph, batch, Question::JacobianInputs)
                .seeds(side)
                .prediction::<T>()
                .map_err(text)?,
            prepare,
            |engine| engine.jacobian_inputs(params, x).unwrap(),
        )?;
    }

    second(meter, case, seeds)?;
    mixed(meter, case)
}

/// Products of the Hessian with one direction, and with several at once.
fn second<T: Scalar>(meter: Meter, case: &Case<T>, seeds: usize) -> Result<(), String>
where
    Dual<T>: Scalar,
{
    let (graph, batch, params, x) = (&case.graph, case.batch, &case.params[..], &case.x);
    let directions = DMatrix::from_fn(graph.n_params(), seeds, |i, j| {
        T::from_f64((i + 2 * j) as f64 / 7.0)
    });
    // Prepared outside of what is measured: it is the caller's.
    let products = RefCell::new(directions.clone());
    let plan = || HessianVector::plan(graph, batch);
    for (what, plan) in [("H v", plan()), ("H v by duals", plan().by_duals())] {
        let prepare = || plan.prepare::<T>().unwrap();
        let predicted = |n| {
            let predicted = plan.clone().products(n).prediction::<T>();
            predicted.map_err(|e| e.to_string())
        };
        meter.check(what, predicted(1)?, prepare, |engine| {
            engine
                .hessian_vector(params, x, params)
                .map(|_| ())
                .unwrap()
        })?;
        meter.check(what, predicted(seeds)?, prepare, |engine| {
            let (mut into, dot) = (products.borrow_mut(), Some(Mat::from(&directions)));
            let into = Some(MatMut::from(&mut *into));
            engine
                .hessian_vectors(params, x, dot, None, into, None)
                .map(|_| ())
                .unwrap()
        })?;
    }
    Ok(())
}

/// The Jacobian of a chain by its cheapest bracketing; most graphs at random are none.
fn mixed<T: Scalar>(meter: Meter, case: &Case<T>) -> Result<(), String> {
    let (graph, batch) = (&case.graph, case.batch);
    match MixedMode::plan(graph, batch).prediction::<T>() {
        Err(pushpull::Error::NotAChain { .. }) => Ok(()),
        Err(fault) => Err(fault.to_string()),
        Ok(predicted) => meter.check(
            "mixed mode",
            predicted,
            || MixedMode::<T>::new(graph, batch).unwrap(),
            |engine| engine.jacobian_inputs(&case.params, &case.x).unwrap(),
        ),
    }
}

/// `case` of a recipe at each scalar.
fn everything(recipe: &Recipe, width: usize, seeds: usize) -> Result<(), String> {
    exact::<Counted<f64>>(Meter::Operations, &mut Case::new(recipe), width, seeds)?;
    exact::<f64>(Meter::Bytes, &mut Case::new(recipe), width, seeds)?;
    exact::<f32>(Meter::Bytes, &mut Case::new(recipe), width, seeds)
}

proptest! {
    #![proptest_config(seeds::config(256, "tests/proptest-regressions/predictions.txt"))]

    #[test]
    fn predictions_are_exact_on_random_graphs(recipe in recipe(), width in 1..30_usize, seeds in 1..5_usize) {
        everything(&recipe, width, seeds).map_err(TestCaseError::fail)?;
    }
}

#[test]
fn predictions_are_exact_on_named_graphs() {
    for scenario in scenarios() {
        everything(&scenario.recipe, 7, 3)
            .unwrap_or_else(|fault| panic!("{}: {fault}", scenario.name));
    }
}

/// Beyond the batches on which maps are counted as they are, and with widths that the GEMM library packs.
#[test]
fn predictions_are_exact_on_larger_networks() {
    let loss = Mlp::new(&[20, 70, 33, 5], Activation::Gelu).loss(Loss::SoftmaxCrossEntropy);
    let chain = Mlp::new(&[24, 3, 40, 2, 9], Activation::Tanh);
    for net in [loss, chain] {
        let graph = net.build().unwrap();
        for batch in [17, 40] {
            let of = || graph.clone();
            exact::<Counted<f64>>(Meter::Operations, &mut Case::of(of(), batch, 1), 100, 2)
                .unwrap();
            exact::<f64>(Meter::Bytes, &mut Case::of(of(), batch, 1), 100, 2).unwrap();
            exact::<f32>(Meter::Bytes, &mut Case::of(of(), batch, 1), 100, 2).unwrap();
        }
    }
}

/// Where the numbers outweigh what planning needs in passing, the peak of preparing *and* running is the predicted one.
#[test]
fn the_peak_of_preparing_and_running_is_predicted() {
    let graph = Mlp::new(&[64, 96, 96, 10], Activation::Tanh)
        .build()
        .unwrap();
    let case = Case::<f32>::of(graph.clone(), 128, 3);
    let (params, x) = (&case.params[..], &case.x);
    let gradient = || {
        let mut engine = Reverse::new(&graph, 128).unwrap();
        engine.value_and_gradient(params, x).map(|_| ()).unwrap();
    };
    let jacobian = || {
        let mut engine = Forward::plan(&graph, 128, Question::JacobianInputs)
            .chunk(Chunk::Fixed(5))
            .prepare()
            .unwrap();
        drop(engine.jacobian_inputs(params, x).unwrap());
    };
    let predictions = [
        Reverse::plan(&graph, 128, Question::Gradient)
            .prediction::<f32>()
            .unwrap(),
        Forward::plan(&graph, 128, Question::JacobianInputs)
            .chunk(Chunk::Fixed(5))
            .prediction::<f32>()
            .unwrap(),
    ];
    let runs: [&dyn Fn(); 2] = [&gradient, &jacobian];
    for (run, predicted) in runs.into_iter().zip(predictions) {
        run();
        let (_, seen) = measure(run).unwrap();
        assert_eq!(seen.peak_bytes, predicted.peak() as u64);
        assert_eq!(seen.kept_bytes, 0);
    }
}

/// A checker that cannot fail proves nothing: each part of a prediction, one off.
#[test]
fn a_wrong_prediction_is_caught() {
    let graph = Mlp::new(&[3, 4, 2], Activation::Tanh).build().unwrap();
    let right = Reverse::plan(&graph, 5, Question::JacobianParams)
        .seeds(2)
        .prediction::<f64>()
        .unwrap();
    let held = |meter, predicted| {
        // At Counted and at f64 the same engine, but the bytes of a number are the same too.
        let case = Case::<Counted<f64>>::of(graph.clone(), 5, 1);
        let prepare = || {
            Reverse::plan(&graph, 5, Question::Vjp(2))
                .seeds(2)
                .prepare()
                .unwrap()
        };
        Meter::check(
            meter,
            "planted",
            predicted,
            prepare,
            |engine: &mut Reverse<Counted<f64>>| {
                engine.jacobian_params(&case.params, &case.x).unwrap()
            },
        )
    };
    for meter in [Meter::Operations, Meter::Bytes] {
        assert_eq!(held(meter, right), Ok(()));
    }
    type Fault = (Meter, fn(&mut Prediction));
    let faults: [Fault; 6] = [
        (Meter::Operations, |p| p.cost.flops += 1),
        (Meter::Operations, |p| p.cost.calls -= 1),
        (Meter::Bytes, |p| p.buffers += 8),
        (Meter::Bytes, |p| p.plan -= 1),
        (Meter::Bytes, |p| p.run -= 8),
        (Meter::Bytes, |p| p.results += 8),
    ];
    for (i, (meter, fault)) in faults.into_iter().enumerate() {
        let mut wrong = right;
        fault(&mut wrong);
        assert!(held(meter, wrong).is_err(), "fault {i} was not caught");
    }
}
