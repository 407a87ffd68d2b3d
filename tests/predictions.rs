//! What is predicted before an engine is prepared is what happens: operations against a scalar that counts, bytes against
//! the counting allocator, on named graphs and graphs at random, for every engine and question.

mod common;

use std::cell::RefCell;

use common::case::Case;
use common::recipe::{Recipe, recipe};
use common::scenarios::scenarios;
use proptest::prelude::*;
use proptest::test_runner::{FileFailurePersistence, TestCaseError};
use pushpull::nalgebra::DMatrix;
use pushpull::{
    Chunk, Counted, Dual, Forward, ForwardOverForward, Graph, HessianVector, Mat, MatMut,
    MixedMode, Prediction, Primal, Reverse, Scalar, Store, Structured, count,
};
use pushpull_bench::alloc::{CountingAllocator, measure};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// What a run is held against.
#[derive(Clone, Copy)]
enum Meter {
    Operations,
    Bytes,
}

impl Meter {
    /// Prepares and runs an engine, and says what the prediction got wrong.
    fn check<E, R>(
        self,
        what: &str,
        predicted: Prediction,
        prepare: impl Fn() -> E,
        run: impl Fn(&mut E) -> R,
    ) -> Result<(), String> {
        let same = |of: &str, predicted: u64, measured: u64| {
            if predicted == measured {
                return Ok(());
            }
            Err(format!(
                "{what}: {predicted} {of} predicted, {measured} measured"
            ))
        };
        // The first run warms the GEMM library's buffers on this thread, which are not the engine's.
        let (_, counted) = {
            let mut engine = prepare();
            count(|| drop(run(&mut engine)))
        };
        match self {
            Self::Operations => {
                same("flops", predicted.cost.flops, counted.flops)?;
                same("calls", predicted.cost.calls, counted.calls)
            }
            Self::Bytes => {
                let (mut engine, prepared) = measure(prepare).map_err(|e| e.to_string())?;
                let (results, ran) = measure(|| run(&mut engine)).map_err(|e| e.to_string())?;
                drop(results);
                let kept = prepared.kept_bytes.try_into().map_err(|_| "freed more")?;
                same("bytes prepared", predicted.prepared() as u64, kept)?;
                same("bytes of a run", predicted.run as u64, ran.peak_bytes)?;
                let results = ran.kept_bytes.try_into().map_err(|_| "freed more")?;
                same("bytes of results", predicted.results as u64, results)
            }
        }
    }
}

/// Holds every engine and question on a graph against its prediction.
fn exact<T: Scalar>(meter: Meter, recipe: &Recipe, width: usize, seeds: usize) -> Result<(), String>
where
    Dual<T>: Scalar,
{
    let mut case = Case::<T>::new(recipe);
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
            Forward::<T>::predict_gradient(graph, batch, chunk).map_err(text)?,
            || Forward::<T>::new(graph, batch, chunk, 1).unwrap(),
            |engine| engine.value_and_gradient(params, x).map(|_| ()).unwrap(),
        )?;
        for (in_params, in_inputs) in [(true, true), (true, false), (false, true)] {
            let dots = (
                in_params.then(|| Mat::from(&params_dot)),
                in_inputs.then(|| Mat::from(&x_dot)),
            );
            meter.check(
                &what(&format!("jvp of {seeds}, {in_params} {in_inputs}")),
                Forward::<T>::predict_jvp(graph, batch, chunk, seeds, in_params, in_inputs)
                    .map_err(text)?,
                || Forward::<T>::for_jvp(graph, batch, chunk, seeds, in_params, in_inputs).unwrap(),
                |engine| engine.jvp(params, x, dots.0, dots.1).unwrap(),
            )?;
        }
        meter.check(
            &what("Jacobian in the parameters"),
            Forward::<T>::predict_jacobian_params(graph, batch, chunk).map_err(text)?,
            || Forward::<T>::for_params(graph, batch, chunk).unwrap(),
            |engine| engine.jacobian_params(params, x).unwrap(),
        )?;
        meter.check(
            &what("Jacobian in the inputs"),
            Forward::<T>::predict_jacobian_inputs(graph, batch, chunk).map_err(text)?,
            || Forward::<T>::for_inputs(graph, batch, chunk).unwrap(),
            |engine| engine.jacobian_inputs(params, x).unwrap(),
        )?;
        meter.check(
            &format!("structured, {chunk:?}"),
            Structured::<T>::predict_gradient(graph, batch, chunk).map_err(text)?,
            || Structured::<T>::new(graph, batch, chunk, 1).unwrap(),
            |engine| engine.value_and_gradient(params, x).map(|_| ()).unwrap(),
        )?;
    }
    meter.check(
        "forward over forward",
        ForwardOverForward::<T>::predict(graph, batch, Chunk::Auto).map_err(text)?,
        || ForwardOverForward::<T>::new(graph, batch, Chunk::Auto, 1).unwrap(),
        |engine| {
            engine
                .hessian_vector(params, x, params)
                .map(|_| ())
                .unwrap()
        },
    )?;

    let reverse = || Reverse::<T>::new(graph, batch, Store::All, 1).unwrap();
    meter.check(
        "reverse, gradient",
        Reverse::<T>::predict_gradient(graph, batch, Store::All).map_err(text)?,
        reverse,
        |engine| engine.value_and_gradient(params, x).map(|_| ()).unwrap(),
    )?;
    for side in [1, 2, seeds] {
        let prepare = || reverse().seeds(side).unwrap();
        let what = |question: &str| format!("reverse, {question}, {side} side by side");
        meter.check(
            &what(&format!("vjp of {seeds}")),
            Reverse::<T>::predict_vjp(graph, batch, Store::All, side, seeds).map_err(text)?,
            prepare,
            |engine| engine.vjp(params, x, &y_bar).unwrap(),
        )?;
        meter.check(
            &what("Jacobian in the parameters"),
            Reverse::<T>::predict_jacobian_params(graph, batch, Store::All, side).map_err(text)?,
            prepare,
            |engine| engine.jacobian_params(params, x).unwrap(),
        )?;
        meter.check(
            &what("Jacobian in the inputs"),
            Reverse::<T>::predict_jacobian_inputs(graph, batch, Store::All, side).map_err(text)?,
            prepare,
            |engine| engine.jacobian_inputs(params, x).unwrap(),
        )?;
    }

    second::<T>(meter, &case, seeds)?;
    mixed::<T>(meter, &case)
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
    type Way<T> = (
        &'static str,
        fn(&Graph, usize, Store, usize) -> pushpull::Result<Prediction>,
        fn(&Graph, usize, Store, usize) -> pushpull::Result<HessianVector<T>>,
    );
    let ways: [Way<T>; 2] = [
        ("H v", HessianVector::<T>::predict, HessianVector::new),
        (
            "H v by duals",
            HessianVector::<T>::predict_by_duals,
            HessianVector::by_duals,
        ),
    ];
    for (what, predict, prepare) in ways {
        let prepare = || prepare(graph, batch, Store::All, 1).unwrap();
        let predicted = |n| predict(graph, batch, Store::All, n).map_err(|e| e.to_string());
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
    match MixedMode::<T>::predict_jacobian_inputs(graph, batch) {
        Err(pushpull::Error::NotAChain { .. }) => Ok(()),
        Err(fault) => Err(fault.to_string()),
        Ok(predicted) => meter.check(
            "mixed mode",
            predicted,
            || MixedMode::<T>::new(graph, batch, 1).unwrap(),
            |engine| engine.jacobian_inputs(&case.params, &case.x).unwrap(),
        ),
    }
}

fn everything(recipe: &Recipe, width: usize, seeds: usize) -> Result<(), String> {
    exact::<Counted<f64>>(Meter::Operations, recipe, width, seeds)?;
    exact::<f64>(Meter::Bytes, recipe, width, seeds)?;
    exact::<f32>(Meter::Bytes, recipe, width, seeds)
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(
            "tests/proptest-regressions/predictions.txt",
        ))),
        ..ProptestConfig::default()
    })]

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
