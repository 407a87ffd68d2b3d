//! The bound itself: never passed by right rules, and near enough to see a rule that is 0.1 % wrong.

use nalgebra::DMatrix;
use pushpull_core::blocks::{Activation, Add, LayerNorm, Linear, Loss, Softmax};
use pushpull_core::{Builder, Graph, Init, Mlp, Result, Scalar};
use pushpull_reverse_mode::Reverse;

use super::{Shadow, bound};
use crate::identity::Dot;
use crate::walk::Walk;

/// `depth` residual blocks that share one layer's parameters, normalised: fan-out, fan-in, sharing.
fn residual(width: usize, depth: usize) -> Result<Graph> {
    let mut b = Builder::new();
    let mut h = b.input("x", width);
    let activation: Activation = "gelu".parse()?;
    for i in 0..depth {
        let normal = b.named(format!("normal{i}"), LayerNorm::new(width), h);
        let layer = if i == 0 {
            b.named("layer0", Linear::new(width, width), normal)
        } else {
            b.again(format!("layer{i}"), normal, "layer0")
        };
        let bent = b.block(activation.block(width), layer);
        h = b.named(format!("sum{i}"), Add::new(width, 2), [h, bent]);
    }
    let y = b.block(Softmax::new(width), h);
    let y = b.block(Activation::Square.block(width), y);
    b.build(y)
}

fn networks() -> Result<Vec<(Graph, usize)>> {
    let deep =
        |width: usize, depth: usize, activation| Mlp::new(&vec![width; depth + 1], activation);
    Ok(vec![
        (
            deep(16, 100, Activation::Tanh)
                .loss(Loss::SquaredError)
                .build()?,
            32,
        ),
        (
            deep(16, 60, Activation::Relu)
                .loss(Loss::SquaredError)
                .build()?,
            8,
        ),
        (
            Mlp::new(&[64, 128, 128, 10], Activation::Gelu)
                .loss(Loss::SoftmaxCrossEntropy)
                .build()?,
            64,
        ),
        (residual(12, 20)?, 8),
        (Mlp::new(&[2, 4, 1], Activation::Sigmoid).build()?, 1),
    ])
}

/// (difference, bound, screen) over sum |g d|, of a right gradient.
fn measured<T: Scalar>(graph: &Graph, batch: usize, seed: u64) -> Result<(f64, f64, f64)> {
    let params: Vec<T> = graph.layout().init(Init::Glorot, seed);
    let x = DMatrix::from_fn(graph.n_inputs(), batch, |i, j| {
        // One seed has equal samples: their roundings are equal too.
        let j = if seed == 1 { 0 } else { j };
        T::from_f64((0.37 * i as f64 + 1.91 * j as f64 + seed as f64).sin())
    });
    let mut reverse = Reverse::new(graph, batch)?;
    let gradient = reverse.value_and_gradient(&params, &x)?.1.to_vec();
    let mut shadow = Shadow::new(graph, batch, 1, seed)?;
    let agreement = shadow
        .check_now(&params, &x, &gradient)
        .expect("a right gradient");
    let walk = Walk::new(graph, &params, (&x).into())?;
    let size = Dot::of(&gradient, &shadow.direction).size;
    let apart = (agreement.jvp - agreement.along).abs();
    Ok((
        apart / size,
        bound(&walk, &shadow.direction) / size,
        agreement.bound / size,
    ))
}

#[test]
fn rounding_stays_within_the_bound_and_the_bound_below_a_tenth_of_a_percent() -> Result<()> {
    for (graph, batch) in networks()? {
        for seed in 0..3 {
            let single = measured::<f32>(&graph, batch, seed)?;
            let double = measured::<f64>(&graph, batch, seed)?;
            let n = graph.nodes().len();
            println!("{n} nodes: f32 {single:?}, f64 {double:?}");
            assert!(
                single.0 <= single.1 && double.0 <= double.1 + 1e-12,
                "{n} nodes"
            );
            assert!(
                single.1 < 1e-3 && double.1 < 1e-11,
                "{n} nodes: {single:?}, {double:?}"
            );
        }
    }
    Ok(())
}
