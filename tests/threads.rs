//! The number of threads changes no bit, in either mode, and no use of threads ends in a deadlock.

mod common;

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, ThreadId};

use common::case::Case;
use common::recipe::{Recipe, Step, recipe};
use common::scenarios::scenarios;
use common::seeds;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use pushpull::blocks::{Activation, Elementwise, Linear, Loss, Map, Partials};
use pushpull::nalgebra::DMatrix;
use pushpull::{
    Builder, Chunk, Dims, Dual, Error, Forward, Graph, HessianVector, Init, Mat, Mlp, Primal,
    Question, Real, Reverse, Scalar, Structured, Team,
};

/// Every number that the engines give at a number of threads, as bits.
fn answers<T: Scalar>(case: &Case<T>, threads: usize) -> Vec<u64>
where
    Dual<T>: Scalar,
{
    let (graph, batch, params, x) = (&case.graph, case.batch, &case.params, &case.x);
    let mut numbers: Vec<T> = Vec::new();
    let mut primal = Primal::new(graph, batch)
        .and_then(|primal| primal.with_threads(threads))
        .unwrap();
    numbers.extend(primal.run(params, x).unwrap().columns().flatten());
    let mut forward = Forward::plan(graph, batch, Question::Gradient)
        .chunk(Chunk::Fixed(19))
        .threads(threads)
        .prepare()
        .unwrap();
    let (value, gradient) = forward.value_and_gradient(params, x).unwrap();
    numbers.push(value);
    numbers.extend(gradient);
    numbers.extend(forward.jacobian_inputs(params, x).unwrap().iter());
    let mut structured = Structured::plan(graph, batch)
        .chunk(Chunk::Fixed(7))
        .threads(threads)
        .prepare()
        .unwrap();
    numbers.extend(structured.value_and_gradient(params, x).unwrap().1);
    let mut hessian = HessianVector::plan(graph, batch)
        .threads(threads)
        .prepare()
        .unwrap();
    numbers.extend(hessian.hessian_vector(params, x, params).unwrap().1);
    let mut reverse = Reverse::plan(graph, batch, Question::Gradient)
        .threads(threads)
        .prepare()
        .unwrap();
    let mut x_bar = DMatrix::from_element(graph.n_inputs(), batch, T::zero());
    let (value, gradient) = reverse.value_and_gradients(params, x, &mut x_bar).unwrap();
    numbers.push(value);
    numbers.extend(gradient);
    numbers.extend(x_bar.iter());
    numbers.extend(reverse.gradient_norms(params, x).unwrap());
    let mut reverse = Reverse::plan(graph, batch, Question::Vjp(2))
        .seeds(2)
        .threads(threads)
        .prepare()
        .unwrap();
    numbers.extend(reverse.jacobian_params(params, x).unwrap().iter());
    numbers.extend(reverse.jacobian_inputs(params, x).unwrap().iter());
    numbers.into_iter().map(|x| x.to_f64().to_bits()).collect()
}

fn same<T: Scalar>(case: &Case<T>) -> Result<(), String>
where
    Dual<T>: Scalar,
{
    let alone = answers(case, 1);
    for threads in 2..=4 {
        let together = answers(case, threads);
        if let Some(i) = (0..alone.len()).find(|&i| alone[i] != together[i]) {
            let of = |bits: &[u64]| f64::from_bits(bits[i]);
            return Err(format!(
                "number {i} is {:e} at 1 thread and {:e} at {threads}",
                of(&alone),
                of(&together)
            ));
        }
    }
    Ok(())
}

fn both(recipe: &Recipe) -> Result<(), String> {
    same(&Case::<f64>::new(recipe))?;
    same(&Case::<f32>::new(recipe))
}

proptest! {
    #![proptest_config(seeds::config(48, "tests/proptest-regressions/threads.txt"))]

    /// So many samples that products of a few rows are worth a cut, and a wide layer, so that the graph is worth sharing.
    #[test]
    fn a_random_graph_gives_the_same_bits(recipe in recipe(), batch in 1000_usize..3000) {
        let mut recipe = Recipe { batch, ..recipe };
        for width in [600, 3] {
            recipe.steps.push(Step::Linear { width, bias: true });
        }
        gradients(&Case::<f64>::new(&recipe)).map_err(TestCaseError::fail)?;
        gradients(&Case::<f32>::new(&recipe)).map_err(TestCaseError::fail)?;
    }

    /// Layers wide enough that every product and every elementwise loop is cut, at shapes without a pattern.
    #[test]
    fn a_wide_network_gives_the_same_bits(
        n in (30_usize..160, 60_usize..200, 1_usize..140), batch in 30_usize..170, tanh in any::<bool>(), seed in 0_u64..99,
    ) {
        let activation = if tanh { Activation::Tanh } else { Activation::Relu };
        let net = Mlp::new(&[n.0, n.1, n.1, 320, n.2], activation).loss(Loss::SoftmaxCrossEntropy);
        let graph = net.build().unwrap();
        gradients(&Case::<f32>::of(graph.clone(), batch, seed)).map_err(TestCaseError::fail)?;
        gradients(&Case::<f64>::of(graph, batch, seed)).map_err(TestCaseError::fail)?;
    }
}

/// Products so large that another kernel takes them, whose parts are narrower than what it takes.
#[test]
fn large_layers_give_the_same_bits() {
    let net = Mlp::new(&[330, 470, 410, 5], Activation::Tanh).loss(Loss::SoftmaxCrossEntropy);
    let graph = net.build().unwrap();
    gradients(&Case::<f32>::of(graph.clone(), 259, 3)).unwrap();
    gradients(&Case::<f64>::of(graph, 259, 3)).unwrap();
}

/// A transposed left factor of few rows: the library multiplies some columns otherwise apart than together.
#[test]
fn few_inputs_give_the_same_bits() {
    for inputs in [2, 3, 5, 8, 10, 16] {
        for hidden in [98, 170] {
            let net = Mlp::new(&[inputs, hidden, 512, 3], Activation::Tanh);
            let graph = net.loss(Loss::SquaredError).build().unwrap();
            let batch = (1 << 17) / (inputs * hidden) + 30;
            gradients(&Case::<f32>::of(graph.clone(), batch, 1)).unwrap();
            gradients(&Case::<f64>::of(graph, batch, 1)).unwrap();
        }
    }
}

/// Batches that leave a few columns over when they are cut among two to four threads.
#[test]
fn rests_of_a_cut_give_the_same_bits() {
    let net = Mlp::new(&[30, 112, 112, 300, 2], Activation::Relu).loss(Loss::SoftmaxCrossEntropy);
    let graph = net.build().unwrap();
    for batch in 33..75 {
        gradients(&Case::<f32>::of(graph.clone(), batch, 0)).unwrap();
    }
}

/// The gradient in parameters and inputs, and one direction, at 1 to 4 threads, of a network that is shared among them.
fn gradients<T: Scalar>(case: &Case<T>) -> Result<(), String> {
    let (graph, batch, params, x) = (&case.graph, case.batch, &case.params, &case.x);
    if !Team::of_graph("test", 2, graph, batch).unwrap().shares() {
        return Err(format!("nothing is shared of {graph:?}, {batch} samples"));
    }
    let w = DMatrix::from_fn(graph.n_params(), 1, |i, _| T::from_f64((i as f64).sin()));
    let run = |threads| {
        let mut x_bar = DMatrix::from_element(graph.n_inputs(), batch, T::zero());
        let mut reverse = Reverse::plan(graph, batch, Question::Gradient)
            .threads(threads)
            .prepare()
            .unwrap();
        let (value, gradient) = reverse.value_and_gradients(params, x, &mut x_bar).unwrap();
        let first = (value, gradient.to_vec());
        let mut forward = Forward::plan(graph, batch, Question::Jvp(1))
            .threads(threads)
            .prepare()
            .unwrap();
        let y_dot = forward.jvp(params, x, Some(Mat::from(&w)), None).unwrap();
        (first, x_bar, y_dot)
    };
    let alone = run(1);
    match (2..=4).find(|&threads| run(threads) != alone) {
        None => Ok(()),
        Some(threads) => Err(format!("other bits at {threads} threads")),
    }
}

#[test]
fn every_named_graph_gives_the_same_bits() {
    for scenario in scenarios() {
        both(&scenario.recipe).unwrap_or_else(|fault| panic!("{}: {fault}", scenario.name));
    }
}

/// A block of one's own with much to do for a sample, that knows nothing of threads but who called it.
#[derive(Debug)]
struct Slow {
    n: usize,
    callers: Arc<Mutex<HashSet<ThreadId>>>,
}

impl Partials for Slow {
    fn dims(&self) -> Dims {
        Dims {
            n_in: self.n,
            n_out: self.n,
            n_params: 1,
        }
    }
    fn f<T: Real>(&self, w: &[T], x: &[T], h: &mut [T]) {
        self.callers.lock().unwrap().insert(thread::current().id());
        for i in 0..self.n {
            h[i] = (0..200).fold(x[i], |x, _| (w[0] * x).sin());
        }
    }
    fn partials<T: Real>(
        &self,
        w: &[T],
        x: &[T],
        mut by_x: impl FnMut(usize, usize, T),
        mut by_w: impl FnMut(usize, usize, T),
    ) {
        self.callers.lock().unwrap().insert(thread::current().id());
        for i in 0..self.n {
            let (mut x, mut in_x, mut in_w) = (x[i], T::one(), T::zero());
            for _ in 0..200 {
                let slope = (w[0] * x).cos();
                (in_x, in_w) = (slope * w[0] * in_x, slope * (x + w[0] * in_w));
                x = (w[0] * x).sin();
            }
            by_x(i, i, in_x);
            by_w(i, 0, in_w);
        }
    }
}

/// The columns of a block that shares nothing itself are cut: forward, and forward and back.
#[test]
fn a_block_of_ones_own_is_cut_by_columns() {
    let callers = Arc::new(Mutex::new(HashSet::new()));
    let block = || Slow {
        n: 3,
        callers: Arc::clone(&callers),
    };
    let mut net = Builder::new();
    let x = net.input("x", 3);
    let h = net.named("slow", block(), x);
    let h = net.again("slow again", h, "slow");
    let y = net.block(pushpull::blocks::Sum, h);
    let graph = net.build(y).unwrap();
    let case = Case::<f64>::of(graph, 600, 1);
    same(&case).unwrap();
    let (graph, batch, params, x) = (&case.graph, case.batch, &case.params, &case.x);
    let seen = |threads: usize| {
        let plan = Reverse::plan(graph, batch, Question::Gradient);
        let mut reverse = plan.threads(threads).prepare().unwrap();
        callers.lock().unwrap().clear();
        reverse.value_and_gradient(params, x).unwrap();
        callers.lock().unwrap().len()
    };
    assert_eq!((seen(1), seen(2)), (1, 2));
}

#[test]
fn a_number_of_threads_out_of_range_is_named() {
    let graph = wide(Activation::Tanh);
    for threads in [0, 257, usize::MAX] {
        let faults = [
            Reverse::plan(&graph, 1, Question::Gradient)
                .threads(threads)
                .prepare::<f64>()
                .err(),
            Forward::plan(&graph, 1, Question::Gradient)
                .chunk(Chunk::Fixed(1))
                .threads(threads)
                .prepare::<f64>()
                .err(),
            Primal::<f64>::new(&graph, 1)
                .and_then(|primal| primal.with_threads(threads))
                .err(),
        ];
        for fault in faults {
            let Some(Error::Setting { setting, got, .. }) = fault else {
                panic!("{threads} threads are no fault")
            };
            assert_eq!((setting, got), ("threads".into(), threads.to_string()));
        }
    }
}

/// A network whose products are all shared.
fn wide(activation: Activation) -> Graph {
    Mlp::new(&[96, 128, 64], activation)
        .loss(Loss::SquaredError)
        .build()
        .unwrap()
}

#[test]
fn engines_on_several_user_threads_and_clones_that_share_workers_agree() {
    let case = Case::<f32>::of(wide(Activation::Tanh), 128, 7);
    let mut engine = Reverse::new(&case.graph, case.batch).unwrap();
    let expected = engine.value_and_gradient(&case.params, &case.x).unwrap();
    let expected = (expected.0, expected.1.to_vec());
    let shared = Reverse::plan(&case.graph, case.batch, Question::Gradient)
        .threads(3)
        .prepare()
        .unwrap();
    thread::scope(|scope| {
        for user in 0..4 {
            let (case, shared, expected) = (&case, &shared, &expected);
            scope.spawn(move || {
                // Two users have workers of their own, two share those of one engine.
                let mut engine = if user < 2 {
                    Reverse::plan(&case.graph, case.batch, Question::Gradient)
                        .threads(2)
                        .prepare()
                        .unwrap()
                } else {
                    shared.clone()
                };
                for _ in 0..50 {
                    let (value, gradient) =
                        engine.value_and_gradient(&case.params, &case.x).unwrap();
                    assert_eq!((value, gradient.to_vec()), *expected);
                }
            });
        }
    });
}

/// A function that panics while it is told to.
#[derive(Clone, Debug)]
struct Fragile;

static BROKEN: AtomicBool = AtomicBool::new(false);

impl Elementwise for Fragile {
    fn f<T: Real>(&self, x: T) -> T {
        // One of the last entries only, so that the part of a worker is hit.
        assert!(
            !BROKEN.load(Ordering::Relaxed) || x.to_f64() < 1e3,
            "told to"
        );
        x
    }
    fn df<T: Real>(&self, _: T) -> T {
        T::one()
    }
}

#[test]
fn a_block_that_panics_leaves_the_engine_usable() {
    let (n, batch) = (128, 160);
    let mut b = Builder::new();
    let x = b.input("x", n);
    let h = b.block(Linear::new(n, n), x);
    let h = b.block(Map::new(Fragile, n), h);
    let graph = b.build(h).unwrap();
    let params: Vec<f64> = graph.layout().init(Init::Glorot, 5);
    for (column, threads) in [(0, 1), (0, 2), (batch - 1, 2), (batch - 1, 4)] {
        let mut x = DMatrix::from_element(n, batch, 0.5);
        x.column_mut(column).fill(1e6);
        let mut engine = Reverse::plan(&graph, batch, Question::Gradient)
            .threads(threads)
            .prepare()
            .unwrap();
        let (value, gradient) = engine.value_and_gradient(&params, &x).unwrap();
        let before = (value, gradient.to_vec());
        BROKEN.store(true, Ordering::Relaxed);
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            engine.value_and_gradient(&params, &x).is_ok()
        }));
        BROKEN.store(false, Ordering::Relaxed);
        let payload = outcome.unwrap_err();
        assert_eq!(payload.downcast_ref::<&str>(), Some(&"told to"));
        let (value, gradient) = engine.value_and_gradient(&params, &x).unwrap();
        assert_eq!((value, gradient.to_vec()), before, "{threads} threads");
    }
}
