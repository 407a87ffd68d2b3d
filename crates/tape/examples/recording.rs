//! What recording costs beyond an operation's arithmetic, and what replaying costs beside a graph built by hand: both in one
//! run, interleaved, as ratios and nanoseconds.
//!
//! `cargo run --release -p pushpull-tape --example recording`

use std::hint::black_box;

use nalgebra::DMatrix;
use pushpull_bench::rounds::{Effort, interleaved};
use pushpull_core::blocks::{
    Add, Broadcast, Extent, Linear, Map, MatMul, Mul, Parameter, Sum, Tanh,
};
use pushpull_core::{Block, Builder, Graph, Mat, MatMut};
use pushpull_planner::Question;
use pushpull_reverse_mode::Reverse;
use pushpull_tape::{Mode, Tape, Var};

/// Operations on one tape, so that its own making counts little.
const OPERATIONS: usize = 1000;
const N: usize = 8;

type Run<'a> = Box<dyn FnMut() + 'a>;

/// Operations of one kind recorded on a fresh tape, and their arithmetic alone on buffers that are there.
fn pair<'a>(
    block: &'a dyn Block<f64>,
    x: &'a [f64],
    operation: impl for<'t> Fn(Var<'t, f64>, Var<'t, f64>) -> Var<'t, f64> + 'a,
    matrices: &'a [DMatrix<f64>; 2],
) -> [Run<'a>; 2] {
    let mut y = [0.0; N * N];
    [
        Box::new(move || {
            let tape = Tape::new();
            let (a, b) = (tape.variable(&matrices[0]), tape.variable(&matrices[1]));
            for _ in 0..OPERATIONS {
                black_box(operation(a, b));
            }
        }),
        Box::new(move || {
            for _ in 0..OPERATIONS {
                let x = Mat::new(black_box(x), x.len(), 1);
                block.forward(&[], x, MatMut::new(&mut y, N * N, 1), &mut []);
                black_box(&y);
            }
        }),
    ]
}

/// tanh(W h + b), `depth` times on `batch` columns, and its sum, built by hand of the same blocks.
fn same_blocks(n: usize, batch: usize, depth: usize) -> pushpull_core::Result<Graph> {
    let mut net = Builder::new();
    let (ground, x) = (net.constant("ground", 1), net.constant("x", n * batch));
    let w = net.block(Parameter::new(n, n), ground);
    let b = net.block(Parameter::new(n, 1), ground);
    let mut h = x;
    for _ in 0..depth {
        let product = net.block(MatMul::new(n, n, batch), [w, h]);
        let over = net.block(Broadcast::new(n, batch, Extent::Column), b);
        let sum = net.block(Add::new(n * batch, 2), [product, over]);
        h = net.map(Tanh, sum);
    }
    let y = net.block(Sum::new(n * batch), h);
    net.build(y)
}

/// The same function as the layers of a network, a sample a column.
fn layers(n: usize, depth: usize) -> pushpull_core::Result<Graph> {
    let mut net = Builder::new();
    let mut h = net.constant("x", n);
    for layer in 0..depth {
        h = match layer {
            0 => net.named("layer0", Linear::new(n, n), h),
            _ => net.again(format!("layer{layer}"), h, "layer0"),
        };
        h = net.map(Tanh, h);
    }
    let y = net.block(Sum::new(n), h);
    net.build(y)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let effort = Effort {
        rounds: 21,
        slice: 4e-3,
    };
    let number = |i: usize, j: usize| ((3 * i + 5 * j) % 11) as f64 / 11.0 - 0.5;
    let matrices = [
        DMatrix::from_fn(N, N, number),
        DMatrix::from_fn(N, N, |i, j| number(j, i) + 0.01),
    ];
    let stacked: Vec<f64> = matrices
        .iter()
        .flat_map(|m| m.as_slice().iter().copied())
        .collect();
    let (add, mul, matmul, tanh) = (
        Add::new(N * N, 2),
        Mul::new(N * N),
        MatMul::new(N, N, N),
        Map::new(Tanh, N * N),
    );
    let mut runs: Vec<Run<'_>> = Vec::new();
    runs.extend(pair(&add, &stacked, |a, b| a + b, &matrices));
    runs.extend(pair(&mul, &stacked, |a, b| a * b, &matrices));
    // B before A on the tape: the operands do not lie side by side and are stacked.
    runs.extend(pair(&matmul, &stacked, |a, b| b.matmul(a), &matrices));
    runs.extend(pair(&tanh, &stacked[..N * N], |a, _| a.tanh(), &matrices));
    let times = interleaved(&mut runs, effort);
    println!("recording an operation of {N} x {N} matrices, f64:");
    for (name, pair) in ["add", "mul", "matmul, stacked", "tanh"]
        .into_iter()
        .zip(times.chunks_exact(2))
    {
        let [recorded, alone] =
            [&pair[0], &pair[1]].map(|times| times.median() * 1e9 / OPERATIONS as f64);
        println!(
            "  {name:16} {recorded:6.0} ns, its arithmetic {alone:5.0} ns: {:4.0} ns beyond it, {:.2} times",
            recorded - alone,
            pair[0].over(&pair[1])[1]
        );
    }

    println!("a gradient replayed over one of a graph built by hand (quartiles of the ratio):");
    for (n, batch, depth) in [(8, 1, 20), (16, 16, 10), (64, 32, 6), (128, 128, 3)] {
        let (weight, bias) = (
            DMatrix::from_fn(n, n, number) / n as f64,
            DMatrix::from_fn(n, 1, number),
        );
        let x = DMatrix::from_fn(n, batch, number);
        let tape = Tape::new();
        let (w, b, input) = (
            tape.variable(&weight),
            tape.variable(&bias),
            tape.constant(&x),
        );
        let mut h = input;
        for _ in 0..depth {
            h = (w.matmul(h) + b).tanh();
        }
        let program = tape.program(&h.sum(), &[&w, &b])?;
        let mut replay = program.prepare(Question::Gradient, Mode::Reverse)?;
        let (by_hand, network) = (same_blocks(n, batch, depth)?, layers(n, depth)?);
        let mut engine = Reverse::new(&by_hand, 1)?;
        let mut batched = Reverse::new(&network, batch)?;
        let params: Vec<f64> = weight.iter().chain(bias.iter()).copied().collect();
        let column: Vec<f64> = std::iter::once(0.0).chain(x.iter().copied()).collect();
        let value = replay.gradient()?.value();
        let (same, gradient) = batched.value_and_gradient(&params, &x)?;
        assert!((value - same).abs() < 1e-9 * (1.0 + value.abs()));
        let apart = gradient
            .iter()
            .zip(replay.gradient()?.flat())
            .map(|(a, b)| (a - b).abs());
        assert!(apart.fold(0.0, f64::max) < 1e-9);
        let mut runs: Vec<Run<'_>> = vec![
            Box::new(|| assert!(replay.gradient().is_ok())),
            Box::new(|| assert!(engine.value_and_gradient(&params, &column[..]).is_ok())),
            Box::new(|| assert!(batched.value_and_gradient(&params, &x).is_ok())),
        ];
        let times = interleaved(&mut runs, effort);
        let show = |[low, middle, high]: [f64; 3]| format!("{middle:.2} ({low:.2} to {high:.2})");
        println!(
            "  {n:3} x {batch:3}, {depth:2} layers: {:7.1} us, {} of the same blocks, {} of Linear on a batch",
            times[0].median() * 1e6,
            show(times[0].over(&times[1])),
            show(times[0].over(&times[2]))
        );
    }
    Ok(())
}
