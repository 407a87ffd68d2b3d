//! Checkpointed reverse mode does what is predicted: operations against a scalar that counts, evaluations against blocks
//! that count, bytes against the counting allocator.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use common::case::Case;
use common::checkpoints::{smallest, stores};
use common::recipe::{Recipe, recipe};
use common::scenarios::scenarios;
use common::seeds;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use pushpull::blocks::{Activation, Linear, Loss, Tanh};
use pushpull::checkpoint::{Chain, Family, advances, even, pareto, square_root};
use pushpull::nalgebra::DMatrix;
use pushpull::{
    Block, Builder, Cost, Counted, Dims, Error, Graph, HessianVector, Init, Keeps, Mat, MatMut,
    Mlp, Point, Question, Real, Reverse, Spec, Store, count,
};
use pushpull_bench::alloc::{CountingAllocator, measure};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

fn same<V: PartialEq + std::fmt::Debug>(what: &str, got: V, predicted: V) -> Result<(), String> {
    if got == predicted {
        return Ok(());
    }
    Err(format!("{what}: {got:?}, predicted {predicted:?}"))
}

/// Operations and bytes of every store against what is predicted before it is prepared.
fn exact(recipe: &Recipe) -> Result<(), String> {
    let case = Case::<Counted<f64>>::new(recipe);
    let (graph, batch, params, x) = (&case.graph, case.batch, &case.params[..], &case.x);
    let text = |error: Error| error.to_string();
    for store in stores(&case, None)? {
        let what = |question: &str| format!("{question}, {store:?}");
        let predicted = Reverse::plan(graph, batch, Question::Gradient)
            .checkpointing(store)
            .prediction::<Counted<f64>>();
        let predicted = predicted.map_err(text)?;
        let prepare = || {
            Reverse::plan(graph, batch, Question::Gradient)
                .checkpointing(store)
                .prepare::<Counted<f64>>()
                .unwrap()
        };
        let (mut engine, prepared) = measure(prepare).map_err(|error| error.to_string())?;
        same(
            &what("bytes kept"),
            prepared.kept_bytes,
            predicted.prepared() as i64,
        )?;
        same(&what("buffers"), engine.bytes().total(), predicted.buffers)?;
        same(
            &what("evaluations"),
            engine.evaluations(),
            predicted.evaluations,
        )?;
        let mut gradient = || engine.value_and_gradient(params, x).map(|_| ()).unwrap();
        gradient();
        let (((), counted), ran) = measure(|| count(&mut gradient)).map_err(|e| e.to_string())?;
        same(&what("gradient"), counted, predicted.cost)?;
        same(&what("allocations of a run"), ran.count, 0)?;

        let plan = Reverse::plan(graph, batch, Question::GradientNorms).checkpointing(store);
        if let Ok(mut engine) = plan.prepare::<Counted<f64>>() {
            let (norms, counted) = count(|| engine.gradient_norms(params, x).unwrap());
            let predicted = plan.prediction::<Counted<f64>>().map_err(text)?;
            same(&what("norms of gradients"), counted, predicted.cost)?;
            let mut all = Reverse::new(graph, batch).map_err(text)?;
            let kept = all.gradient_norms(params, x).map_err(text)?;
            same(&what("norms, all kept"), norms, kept)?;
        }
        for side in [1, 2] {
            let plan = |question| {
                let plan = Reverse::plan(graph, batch, question).checkpointing(store);
                plan.seeds(side)
            };
            let Ok(mut engine) = plan(Question::Vjp(side)).prepare::<Counted<f64>>() else {
                continue;
            };
            let rows = [false, true].map(|of_params| {
                count(|| {
                    if of_params {
                        engine.jacobian_params(params, x).map(|_| ())
                    } else {
                        engine.jacobian_inputs(params, x).map(|_| ())
                    }
                })
                .1
            });
            let of = |predicted: Result<pushpull::Prediction, Error>| {
                predicted.map(|predicted| predicted.cost).map_err(text)
            };
            for (k, question) in [Question::JacobianInputs, Question::JacobianParams]
                .into_iter()
                .enumerate()
            {
                let predicted = plan(question).prediction::<Counted<f64>>();
                same(&what(question.name()), rows[k], of(predicted)?)?;
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(seeds::config(256, "tests/proptest-regressions/checkpoints.txt"))]

    #[test]
    fn every_prediction_is_exact(recipe in recipe()) {
        exact(&recipe).map_err(TestCaseError::fail)?;
    }
}

#[test]
fn every_prediction_is_exact_on_named_graphs() {
    for scenario in scenarios() {
        exact(&scenario.recipe).unwrap_or_else(|fault| panic!("{}: {fault}", scenario.name));
    }
}

/// A block `y = w x` that counts how often it is evaluated.
#[derive(Debug)]
struct Tally {
    width: usize,
    runs: Arc<AtomicU64>,
}

impl Spec for Tally {
    fn dims(&self) -> Dims {
        Dims {
            n_in: self.width,
            n_out: self.width,
            n_params: 1,
        }
    }
    fn keeps(&self) -> Keeps {
        Keeps::X
    }
    fn cost(&self, _: pushpull::Op, _: usize, _: usize) -> Option<Cost> {
        Some(Cost::flops(1)) // counted without running it
    }
}

impl<T: Real> Block<T> for Tally {
    fn forward(&self, params: &[T], x: Mat<'_, T>, mut y: MatMut<'_, T>, _: &mut [T]) {
        self.runs.fetch_add(1, Relaxed);
        self.times(params, x, &mut y);
    }
    fn jvp_input(&self, at: &Point<'_, T>, x: Mat<'_, T>, mut y: MatMut<'_, T>, _: &mut [T]) {
        self.times(at.params, x, &mut y);
    }
    fn vjp_input(&self, at: &Point<'_, T>, y: Mat<'_, T>, mut x: MatMut<'_, T>, _: &mut [T]) {
        self.times(at.params, y, &mut x);
    }
    fn jvp_params(
        &self,
        at: &Point<'_, T>,
        params: Mat<'_, T>,
        acc: pushpull::Accum,
        mut y: MatMut<'_, T>,
        _: &mut [T],
    ) {
        for j in 0..y.ncols() {
            let w = params.get(0, j / at.batch);
            for (y, &x) in y.col_mut(j).iter_mut().zip(at.x_of(j)) {
                let old = if acc == pushpull::Accum::Add {
                    *y
                } else {
                    T::zero()
                };
                *y = old + w * x;
            }
        }
    }
    fn vjp_params(
        &self,
        at: &Point<'_, T>,
        y: Mat<'_, T>,
        acc: pushpull::Accum,
        params: &mut [T],
        _: &mut [T],
    ) {
        if acc == pushpull::Accum::Set {
            params[0] = T::zero();
        }
        for (x, y) in at.x.columns().zip(y.columns()) {
            x.iter().zip(y).for_each(|(&x, &y)| params[0] += x * y);
        }
    }
}

impl Tally {
    fn times<T: Real>(&self, params: &[T], from: Mat<'_, T>, to: &mut MatMut<'_, T>) {
        for j in 0..from.ncols() {
            let entries = to.col_mut(j).iter_mut().zip(from.col(j));
            entries.for_each(|(to, &from)| *to = params[0] * from);
        }
    }
}

#[test]
fn equal_blocks_are_evaluated_as_often_as_the_binomial_optimum_says() {
    for (blocks, slots, optimum) in [(10, 3, 15), (64, 5, 172), (100, 10, 222)] {
        let runs = Arc::new(AtomicU64::new(0));
        let mut b = Builder::new();
        let mut h = b.input("x", 2);
        for _ in 0..blocks {
            h = b.block(
                Tally {
                    width: 2,
                    runs: Arc::clone(&runs),
                },
                h,
            );
        }
        let graph = b.build(h).unwrap();
        let mut engine = Reverse::plan(&graph, 1, Question::Gradient)
            .checkpointing(Store::Slots(slots))
            .prepare::<f64>()
            .unwrap();
        runs.store(0, Relaxed);
        let params = vec![1.0; graph.n_params()];
        let (value, gradient) = engine.value_and_gradient(&params, &[3.0, 4.0][..]).unwrap();
        assert_eq!((value, gradient), (7.0, &vec![7.0; blocks][..]));
        assert_eq!(runs.load(Relaxed), optimum + blocks as u64);
        assert_eq!(advances(blocks, slots), Some(optimum));
        assert_eq!(engine.evaluations(), optimum + blocks as u64);
        assert!(engine.schedule().unwrap().slots() <= slots);
    }
}

fn deep(layers: usize, width: usize) -> Graph {
    let net = Mlp::new(&vec![width; layers + 1], Activation::Tanh);
    net.loss(Loss::SquaredError).build().unwrap()
}

#[test]
fn rules_of_thumb_run_too_and_hold_what_they_say() {
    let (graph, batch) = (deep(40, 6), 5);
    let chain = Chain::of(&graph, batch).unwrap();
    let params: Vec<f64> = graph.layout().init(Init::Glorot, 3);
    let x = DMatrix::from_fn(graph.n_inputs(), batch, |i, j| {
        ((i + 3 * j) % 5) as f64 / 5.0
    });
    let mut all = Reverse::new(&graph, batch).unwrap();
    let want = all.value_and_gradient(&params, &x).unwrap();
    let curves = [Family::Optimal, Family::Even].map(|family| pareto(&chain, family, 6));
    let of_curves = curves
        .iter()
        .flatten()
        .map(|outcome| outcome.schedule.clone());
    let mut besides = None;
    for schedule in of_curves.chain([even(&chain, 7), square_root(&chain)]) {
        let prepare = || {
            Reverse::plan(&graph, batch, Question::Gradient)
                .schedule(&schedule)
                .prepare()
                .unwrap()
        };
        let (mut engine, prepared) = measure(prepare).unwrap();
        assert_eq!(engine.value_and_gradient(&params, &x).unwrap(), want);
        // The record with its checkpoints, and what every schedule needs: the output and cotangents.
        let numbers = engine.bytes().arena / 8 - schedule.peak();
        assert_eq!(*besides.get_or_insert(numbers), numbers);
        assert!(numbers < 6 * batch * 6, "{numbers}");
        assert_eq!(engine.evaluations(), schedule.evaluations());
        // Single precision takes half the numbers' bytes and the same plan: what is left is the plan.
        let single = || {
            Reverse::plan(&graph, batch, Question::Gradient)
                .schedule(&schedule)
                .prepare::<f32>()
                .unwrap()
        };
        let (_, single) = measure(single).unwrap();
        let difference = (prepared.bytes - single.bytes) as usize;
        assert_eq!(2 * difference, engine.bytes().total());
    }
}

/// Each layer of a chain is told of when it is done, whatever is kept.
#[test]
fn parts_of_a_gradient_are_told_of_layer_by_layer() {
    let graph = deep(6, 3);
    let params = vec![0.3; graph.n_params()];
    let x = DMatrix::from_element(graph.n_inputs(), 2, 0.5);
    for store in [Store::All, Store::Slots(1), Store::Slots(2)] {
        let plan = Reverse::plan(&graph, 2, Question::Gradient).checkpointing(store);
        let (mut engine, mut parts) = (plan.prepare::<f64>().unwrap(), Vec::new());
        let tell = |part: std::ops::Range<usize>, _: &[f64]| parts.push(part);
        engine
            .value_and_gradient_in_parts(&params, &x, tell)
            .unwrap();
        let layers: Vec<_> = (0..6)
            .rev()
            .map(|layer| 12 * layer..12 * (layer + 1))
            .collect();
        assert_eq!(parts, layers, "{store:?}");
    }
}

/// The cotangent of the first layer is 1e60 at first, which f32 does not hold: that part is computed again, and told of once.
#[test]
fn a_part_that_overflows_at_first_is_told_of_when_it_is_known() {
    let mut b = Builder::new();
    let mut h = b.input("x", 1);
    for _ in 0..3 {
        h = b.block(Linear::without_bias(1, 1), h);
    }
    let graph = b.build(h).unwrap();
    let (params, x) = ([1.0_f32, 1e30, 1e30], DMatrix::from_element(1, 1, 1e-30));
    let mut parts = Vec::new();
    let mut engine = Reverse::plan(&graph, 1, Question::Gradient)
        .prepare::<f32>()
        .unwrap();
    let tell = |part: std::ops::Range<usize>, numbers: &[f32]| parts.push((part, numbers[0]));
    let (_, gradient) = engine
        .value_and_gradient_in_parts(&params, &x, tell)
        .unwrap();
    let near = |number: f32, exact: f32| (number / exact - 1.0).abs() < 1e-5;
    assert!(near(gradient[0], 1e30) && near(gradient[1], 1.0) && near(gradient[2], 1.0));
    let gradient = [gradient[0], gradient[1], gradient[2]];
    assert_eq!(
        parts,
        [
            (2..3, gradient[2]),
            (1..2, gradient[1]),
            (0..1, gradient[0])
        ]
    );
}

#[test]
fn second_derivatives_run_with_checkpoints_too() {
    let (graph, batch) = (deep(12, 3), 2);
    let params: Vec<f64> = graph.layout().init(Init::Glorot, 3);
    let x = DMatrix::from_element(graph.n_inputs(), batch, 0.25);
    let mut all = HessianVector::plan(&graph, batch)
        .by_duals()
        .prepare()
        .unwrap();
    let mut some = HessianVector::plan(&graph, batch)
        .checkpointing(Store::Slots(3))
        .prepare()
        .unwrap();
    assert!(!some.on_planes());
    let want = all
        .gradient_and_hessian_vector(&params, &x, &params)
        .unwrap();
    assert_eq!(
        some.gradient_and_hessian_vector(&params, &x, &params)
            .unwrap(),
        want
    );
}

#[test]
fn frozen_layers_are_run_once_and_never_recorded() {
    let mut b = Builder::new();
    let mut h = b.constant("x", 4);
    for _ in 0..5 {
        h = b.map(Tanh, h);
    }
    for _ in 0..6 {
        h = b.block(Linear::new(4, 4), h);
        h = b.map(Tanh, h);
    }
    let case = Case::<f64>::of(b.build(h).unwrap(), 3, 1);
    let chain = Chain::of(&case.graph, 3).unwrap();
    // Maps that keep their slope alone run in one another's place, and behind a layer in its: no cut lies between.
    assert_eq!((chain.frozen(), chain.stages().len()), (1, 7));
    let least = smallest(&case, None).unwrap();
    for store in [Store::Slots(1), Store::Slots(3), Store::Bytes(least)] {
        let engine = Reverse::plan(&case.graph, 3, Question::Gradient)
            .checkpointing(store)
            .prepare::<f64>()
            .unwrap();
        let runs = engine.schedule().unwrap().runs();
        assert_eq!(runs[..1], [1], "{store:?}");
    }
    // A schedule that pulls back other stages would leave some out, or pull back what was not recorded.
    let mut b = Builder::new();
    let mut h = b.input("x", 4);
    for _ in 0..7 {
        h = b.block(Linear::new(4, 4), h);
        h = b.map(Tanh, h);
    }
    let all = b.build(h).unwrap();
    let whole = Chain::of(&all, 3).unwrap();
    assert_eq!((whole.frozen(), whole.stages().len()), (0, 7));
    for (graph, foreign) in [(&all, &chain), (&case.graph, &whole)] {
        let fault = Reverse::plan(graph, 3, Question::Gradient)
            .schedule(&square_root(foreign))
            .prepare::<f64>()
            .unwrap_err();
        assert!(matches!(fault, Error::Setting { .. }), "{fault}");
        assert!(fault.to_string().contains("are not pulled back"), "{fault}");
    }
}

#[test]
fn threads_change_no_bits() {
    let (graph, batch) = (deep(20, 96), 64);
    let params: Vec<f32> = graph.layout().init(Init::Glorot, 3);
    let x = DMatrix::from_fn(graph.n_inputs(), batch, |i, j| {
        ((i * 7 + j) % 11) as f32 / 11.0
    });
    let mut one = Reverse::new(&graph, batch).unwrap();
    let mut two = Reverse::plan(&graph, batch, Question::Gradient)
        .checkpointing(Store::Slots(3))
        .threads(2)
        .prepare()
        .unwrap();
    let want = one.value_and_gradient(&params, &x).unwrap();
    assert_eq!(two.value_and_gradient(&params, &x).unwrap(), want);
}
