//! Sums over a million samples in f32 agree with f64, in every mode and at any number of threads.

use pushpull::blocks::{Activation, LayerNorm, Linear, Loss, SquaredError};
use pushpull::nalgebra::DMatrix;
use pushpull::tape::{self, Mode};
use pushpull::{
    Builder, Dual, Forward, ForwardOverForward, Graph, HessianVector, Init, Mlp, Question, Real,
    Reverse, Scalar, Store, Structured,
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const SAMPLES: usize = 1_000_000;

/// What is allowed between f32 and f64, of the larger: 17 roundings.
const CLOSE: f64 = 1e-6;

/// One weight, a bias and a squared error.
fn squared() -> Graph {
    let net = Mlp::new(&[1, 1], Activation::Tanh).loss(Loss::SquaredError);
    net.build().unwrap()
}

/// Inputs and a target: all 0.1 and 0.3, or random numbers.
fn data<T: Scalar>(graph: &Graph, random: bool) -> DMatrix<T> {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    DMatrix::from_fn(graph.n_inputs(), SAMPLES, |i, _| {
        let number: f32 = match (random, i) {
            (true, _) => rng.random_range(-1.0..1.0),
            (false, 0) => 0.1,
            (false, _) => 0.3,
        };
        T::from_f64(f64::from(number))
    })
}

/// Value, gradient and Hessian-vector product by every engine, named.
fn answers<T: Scalar>(graph: &Graph, params: &[f32], random: bool) -> Vec<(String, Vec<f64>)>
where
    Dual<T>: Scalar,
{
    let x = data::<T>(graph, random);
    let params: Vec<T> = params.iter().map(|&w| T::from_f64(f64::from(w))).collect();
    let params = &params[..];
    let mut found = Vec::new();
    let mut keep = |name: &str, value: T, rest: &[T]| {
        let numbers = [value].into_iter().chain(rest.iter().copied());
        found.push((name.into(), numbers.map(Real::to_f64).collect()));
    };
    for store in [Store::All, Store::Slots(1)] {
        let mut engine = Reverse::plan(graph, SAMPLES, Question::Gradient)
            .checkpointing(store)
            .prepare()
            .unwrap();
        let (value, gradient) = engine.value_and_gradient(params, &x).unwrap();
        keep("reverse", value, gradient);
    }
    let mut engine = Forward::new(graph, SAMPLES).unwrap();
    let (value, gradient) = engine.value_and_gradient(params, &x).unwrap();
    keep("forward", value, gradient);
    let mut engine = Structured::new(graph, SAMPLES).unwrap();
    let (value, gradient) = engine.value_and_gradient(params, &x).unwrap();
    keep("structured", value, gradient);
    for by_duals in [false, true] {
        let plan = HessianVector::plan(graph, SAMPLES);
        let plan = if by_duals { plan.by_duals() } else { plan };
        let mut engine = plan.prepare().unwrap();
        let (value, gradient, product) = engine
            .gradient_and_hessian_vector(params, &x, params)
            .unwrap();
        keep("second order, gradient", value, gradient);
        keep("second order", value, product);
    }
    let mut engine = ForwardOverForward::new(graph, SAMPLES).unwrap();
    let (value, product) = engine.hessian_vector(params, &x, params).unwrap();
    keep("second order", value, product);
    found
}

fn near(name: &str, single: &[f64], double: &[f64]) {
    for (i, (single, double)) in single.iter().zip(double).enumerate() {
        assert!(
            (single - double).abs() <= CLOSE * double.abs(),
            "{name}, number {i}: {single} in f32, {double} in f64, {:e} off",
            (single - double).abs() / double.abs()
        );
    }
}

fn every_mode(graph: &Graph, params: &[f32], random: bool) {
    let single = answers::<f32>(graph, params, random);
    let double = answers::<f64>(graph, params, random);
    for ((name, single), (_, double)) in single.iter().zip(&double) {
        near(name, single, double);
    }
    // So the modes agree with each other: each with the first of its kind.
    let (second, first): (Vec<_>, Vec<_>) =
        single.iter().partition(|(name, _)| name == "second order");
    for kind in [first, second] {
        let (_, expected) = kind[0];
        for (name, numbers) in &kind {
            near(name, numbers, expected);
        }
    }
}

/// The data must tell a sum in a tree from one in a row.
#[test]
fn a_sum_in_a_row_would_be_noticed() {
    let graph = squared();
    for random in [false, true] {
        let samples = data::<f32>(&graph, random);
        let losses = samples.column_iter().map(|s| (s[1] - s[0]).powi(2));
        let (row, exact) = losses.fold((0.0_f32, 0.0_f64), |(row, exact), loss| {
            (row + loss, exact + f64::from(loss))
        });
        let off = (f64::from(row) - exact).abs() / exact;
        assert!(off > 2.0 * CLOSE, "{off:e}");
    }
}

#[test]
fn a_million_equal_samples_agree_with_f64_in_every_mode() {
    let sum = Mlp::new(&[1, 1], Activation::Tanh)
        .loss(Loss::Sum)
        .build()
        .unwrap();
    let mut forward = Forward::<f32>::new(&sum, SAMPLES).unwrap();
    let (value, gradient) = forward
        .value_and_gradient(&[1.0, 0.0], &data(&sum, false))
        .unwrap();
    assert!((f64::from(value) - 1e5).abs() <= 0.1 && (f64::from(gradient[0]) - 1e5).abs() <= 0.1);
    assert_eq!(gradient[1], 1e6);
    let squared = squared();
    every_mode(&squared, &[0.7, 0.9], false);
}

#[test]
fn a_million_random_samples_agree_with_f64_in_every_mode() {
    let squared = squared();
    every_mode(&squared, &[0.7, 0.9], true);
}

#[test]
fn parameters_of_every_kind_sum_over_a_million_samples() {
    // A gain and a bias of a row, and a loss of the two rows.
    let mut b = Builder::new();
    let (x, target) = (b.input("x", 1), b.constant("target", 2));
    let h = b.block(Linear::without_bias(1, 2), x);
    let h = b.block(LayerNorm::new(2), h);
    let loss = b.block(SquaredError::new(2), [h, target]);
    let graph = b.build(loss).unwrap();
    let params = [0.3, -0.4, 1.2, 0.8, 0.5, 0.25];
    let x = data::<f32>(&graph, false);
    let exact = {
        let mut engine = Reverse::new(&graph, SAMPLES).unwrap();
        let params = params.map(f64::from);
        engine
            .value_and_gradient(&params, &x.map(f64::from))
            .unwrap()
            .1[2..]
            .to_vec()
    };
    let mut reverse = Reverse::new(&graph, SAMPLES).unwrap();
    let mut structured = Structured::new(&graph, SAMPLES).unwrap();
    for gradient in [
        reverse.value_and_gradient(&params, &x).unwrap().1,
        structured.value_and_gradient(&params, &x).unwrap().1,
    ] {
        let single: Vec<f64> = gradient[2..].iter().copied().map(f64::from).collect();
        near("gain and bias", &single, &exact);
    }
}

#[test]
fn a_tape_sums_a_million_entries() {
    fn run<T: tape::Number>(random: bool, mode: Mode) -> Vec<f64>
    where
        Dual<T>: Scalar,
    {
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let row = DMatrix::from_fn(1, SAMPLES, |_, _| {
            let number: f32 = if random {
                rng.random_range(-1.0..1.0)
            } else {
                0.1
            };
            T::from_f64(f64::from(number))
        });
        let tape = tape::Tape::new();
        let (x, w) = (tape.constant(row), tape.scalar(T::from_f64(0.75)));
        let h = x * w + T::from_f64(0.5);
        let y = h.sum() + h.row_sums() + h.matmul(h.t()) + h.norm();
        let gradient = tape.by(mode).gradient(&y, &[&w]).unwrap();
        vec![y.number().unwrap().to_f64(), gradient[0][(0, 0)].to_f64()]
    }
    for random in [false, true] {
        for mode in [Mode::Forward, Mode::Reverse] {
            let (single, double) = (run::<f32>(random, mode), run::<f64>(random, mode));
            near("tape", &single, &double);
        }
    }
}

#[test]
fn long_sums_have_the_same_bits_at_any_number_of_threads() {
    // Layers large enough to be shared, a single output, and a batch of several runs of leaves.
    let graph = Mlp::new(&[70, 64, 1], Activation::Relu)
        .loss(Loss::SquaredError)
        .build()
        .unwrap();
    let batch = 5_003;
    let params: Vec<f32> = graph.layout().init(Init::Glorot, 3);
    let x = DMatrix::from_fn(graph.n_inputs(), batch, |i, j| {
        ((1 + 3 * i + 7 * j) as f32).sin()
    });
    let run = |threads| {
        let mut numbers: Vec<f32> = Vec::new();
        let mut reverse = Reverse::plan(&graph, batch, Question::Gradient)
            .threads(threads)
            .prepare()
            .unwrap();
        let (value, gradient) = reverse.value_and_gradient(&params, &x).unwrap();
        numbers.push(value);
        numbers.extend(gradient);
        let mut structured = Structured::plan(&graph, batch)
            .threads(threads)
            .prepare()
            .unwrap();
        numbers.extend(structured.value_and_gradient(&params, &x).unwrap().1);
        let mut second = HessianVector::plan(&graph, batch)
            .threads(threads)
            .prepare()
            .unwrap();
        numbers.extend(second.hessian_vector(&params, &x, &params).unwrap().1);
        numbers.into_iter().map(f32::to_bits).collect::<Vec<_>>()
    };
    let alone = run(1);
    assert_eq!(alone, run(2));
    assert_eq!(alone, run(3));
}
