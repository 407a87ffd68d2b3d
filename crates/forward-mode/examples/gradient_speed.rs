//! Times full gradients of 64-128-128-10 (relu, softmax cross-entropy, batch 128, f32) by dense and by structured
//! tangents, each with its rate in the engine's own exact flops: `cargo run --release --example gradient_speed`.

use std::time::Instant;

use nalgebra::DMatrix;
use pushpull_core::blocks::{Activation, Loss};
use pushpull_core::{Init, Mlp};
use pushpull_forward_mode::{Chunk, Forward, Structured};

/// The median time of `runs` runs, in seconds.
fn median(runs: usize, mut run: impl FnMut()) -> f64 {
    run();
    let mut times: Vec<f64> = (0..runs)
        .map(|_| {
            let start = Instant::now();
            run();
            start.elapsed().as_secs_f64()
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[runs / 2]
}

fn main() -> Result<(), pushpull_core::Error> {
    let batch = 128;
    let net = Mlp::new(&[64, 128, 128, 10], Activation::Relu).loss(Loss::SoftmaxCrossEntropy);
    let graph = net.build()?;
    let params: Vec<f32> = graph.layout().init(Init::Glorot, 1);
    let x = DMatrix::from_fn(graph.n_inputs(), batch, |i, j| {
        if i < 64 {
            ((7 * i + 3 * j) % 11) as f32 / 11.0 - 0.5
        } else {
            f32::from(u8::from((i + j) % 10 == 0))
        }
    });
    let say = |name: &str, carried: usize, time: f64, flops: u64| {
        let rate = flops as f64 / time / 1e9;
        println!(
            "{name}, {carried} at once: {:.3} ms, {flops} flops, {rate:.1} GFLOP/s",
            time * 1e3
        );
    };
    let chunks: Vec<Chunk> = std::env::args()
        .skip(1)
        .filter_map(|width| width.parse().ok().map(Chunk::Fixed))
        .collect();
    for &chunk in std::iter::once(&Chunk::Auto).chain(&chunks) {
        let mut engine = Structured::new(&graph, batch, chunk, 1)?;
        let time = median(31, || {
            engine
                .value_and_gradient(&params, &x)
                .map(|_| ())
                .expect("checked data");
        });
        say(
            "structured, samples",
            engine.chunk_samples(),
            time,
            engine.cost().flops,
        );
    }
    for &chunk in std::iter::once(&Chunk::Auto).chain(&chunks) {
        let mut engine = Forward::new(&graph, batch, chunk, 1)?;
        let time = median(3, || {
            engine
                .value_and_gradient(&params, &x)
                .map(|_| ())
                .expect("checked data");
        });
        say(
            "dense, directions",
            engine.chunk_width(),
            time,
            engine.cost().flops,
        );
    }
    Ok(())
}
