//! What the lecture says about the two modes, as far as it can be counted instead of timed.

mod common;

use pushpull::blocks::{Activation, Loss};
use pushpull::{Chunk, Forward, Graph, Mlp, Primal, Question, Reverse, Wrt};
use pushpull_bench::fit::PowerLaw;

fn digits_net(width: usize) -> Graph {
    let net = Mlp::new(&[64, width, 10], Activation::Tanh).loss(Loss::SoftmaxCrossEntropy);
    net.build().unwrap()
}

fn deep_net(depth: usize) -> Graph {
    Mlp::new(&vec![16; depth + 1], Activation::Tanh)
        .loss(Loss::Sum)
        .build()
        .unwrap()
}

const BATCH: usize = 32;
const WIDTHS: [usize; 5] = [14, 64, 256, 1024, 4096];

fn primal_flops(graph: &Graph) -> f64 {
    Primal::<f64>::new(graph, BATCH).unwrap().cost().flops as f64
}

/// "The main operation required by forward-mode autodiff [..] scales linearly in the number of parameters."
#[test]
fn forward_mode_s_work_is_linear_in_the_parameters() {
    let points = WIDTHS.map(|width| {
        let graph = digits_net(width);
        // The count does not depend on the chunk's buffers, but on its number of primal sweeps: so one cheap chunk.
        let forward = Forward::plan(&graph, BATCH, Question::Gradient)
            .chunk(Chunk::Fixed(256))
            .prepare::<f64>()
            .unwrap();
        let ratio = forward.cost().flops as f64 / primal_flops(&graph);
        ((graph.n_params() as f64).ln(), ratio.ln())
    });
    // The fit over all of p >= 1000: for the smallest networks the loss is still a visible part.
    let (p, ratio): (Vec<f64>, Vec<f64>) = points
        .iter()
        .map(|(p, ratio)| (p.exp(), ratio.exp()))
        .unzip();
    let slope = PowerLaw::fit(&p, &ratio).unwrap().slope;
    assert!((slope - 1.0).abs() < 0.05, "{slope}: {points:?}");
}

/// "The reverse program only requires matrix-vector products that do not scale in the number of parameters": the adjoint
/// program is at most twice the primal and a few percent, for every size.
#[test]
fn reverse_mode_s_work_relative_to_the_primal_does_not_grow() {
    let ratios = WIDTHS.map(|width| {
        let graph = digits_net(width);
        let vjp = Reverse::plan(&graph, BATCH, Question::Vjp(1)).prediction::<f64>();
        vjp.unwrap().cost.flops as f64 / primal_flops(&graph) - 1.0
    });
    assert!(
        ratios.iter().all(|ratio| (1.0..2.1).contains(ratio)),
        "{ratios:?}"
    );
    assert!((ratios[0] - ratios[4]).abs() < 0.1, "{ratios:?}");
}

/// "Reverse-mode autodiff requires a lot of memory, because we need to store all intermediate outputs."
#[test]
fn the_record_grows_with_depth_and_forward_mode_s_buffers_do_not() {
    let depths = [2, 4, 8, 16, 32, 64];
    let records = depths.map(|depth| {
        Reverse::<f64>::new(&deep_net(depth), BATCH)
            .unwrap()
            .bytes()
            .arena
    });
    // A layer's input and the slope of its activation: 16 numbers a sample each.
    for (pair, depths) in records.windows(2).zip(depths.windows(2)) {
        assert_eq!(
            pair[1] - pair[0],
            (depths[1] - depths[0]) * (16 + 16) * BATCH * 8
        );
    }
    let forward = depths.map(|depth| {
        let directions = Forward::plan(&deep_net(depth), BATCH, Question::Jvp(3))
            .chunk(Chunk::Full)
            .wrt(Wrt::BOTH)
            .prepare::<f64>();
        directions.unwrap().bytes().arena
    });
    assert!(
        forward.iter().all(|bytes| *bytes == forward[0]),
        "{forward:?}"
    );
    let chunks = depths.map(|depth| {
        let engine = Forward::plan(&deep_net(depth), BATCH, Question::Gradient)
            .chunk(Chunk::Fixed(8))
            .prepare::<f64>()
            .unwrap();
        engine.bytes().arena
    });
    assert!(chunks.iter().all(|bytes| *bytes == chunks[0]), "{chunks:?}");
}

/// The full tangent matrix is o x p, so forward mode's memory does grow with the parameters unless it is cut up.
#[test]
fn a_full_tangent_matrix_grows_with_the_parameters_and_a_chunk_does_not() {
    let full = |depth| {
        Forward::plan(&deep_net(depth), BATCH, Question::Gradient)
            .chunk(Chunk::Full)
            .prepare::<f64>()
            .unwrap()
    };
    let (few, many) = (full(4), full(16));
    let (p, q) = (few.graph().n_params(), many.graph().n_params());
    let ratio = many.bytes().arena as f64 / few.bytes().arena as f64;
    assert!(
        (ratio - q as f64 / p as f64).abs() < 0.2 * ratio,
        "{ratio} for {p} and {q}"
    );
}

/// A Jacobian takes one adjoint sweep an output, or one tangent an input.
#[test]
fn a_jacobian_costs_a_sweep_an_output_in_reverse_and_a_tangent_an_input_forward() {
    let net = |outputs| {
        Mlp::new(&[16, 32, outputs], Activation::Tanh)
            .build()
            .unwrap()
    };
    for outputs in [1, 4, 16] {
        let graph = net(outputs);
        let primal = Primal::<f64>::new(&graph, 1).unwrap().cost().flops as f64;
        let pulled = |cotangents| {
            let plan = Reverse::plan(&graph, 1, Question::Vjp(cotangents)).wrt(Wrt::INPUTS);
            plan.seeds(outputs).prediction::<f64>().unwrap().cost.flops as f64 - primal
        };
        let (one, all) = (pulled(1), pulled(outputs));
        assert!(all <= outputs as f64 * one && all > 0.9 * outputs as f64 * one);
        let pushed = |directions| {
            let plan = Forward::plan(&graph, 1, Question::Jvp(directions)).wrt(Wrt::INPUTS);
            let plan = plan.chunk(Chunk::Full);
            plan.prediction::<f64>().unwrap().cost.flops as f64 - primal
        };
        let (column, columns) = (pushed(1), pushed(16));
        assert!(columns <= 16.0 * column && columns > 0.9 * 16.0 * column);
    }
}
