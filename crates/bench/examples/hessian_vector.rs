//! What a Hessian-vector product costs beside a gradient: ratios within interleaved rounds, one thread.
//!
//! `cargo run --release -p pushpull-bench --example hessian_vector`

use std::hint::black_box;
use std::time::Instant;

use nalgebra::DMatrix;
use pushpull_core::blocks::{Activation, Loss};
use pushpull_core::{Dual, Error, Init, Mlp, Scalar};
use pushpull_reverse_mode::{HessianVector, Reverse, Store};

const ROUNDS: usize = 60;

/// Seconds of ten runs.
fn ten(run: &mut dyn FnMut()) -> f64 {
    let start = Instant::now();
    (0..10).for_each(|_| run());
    start.elapsed().as_secs_f64()
}

/// The lower quartile, the median and the upper quartile.
fn quartiles(mut numbers: Vec<f64>) -> [f64; 3] {
    numbers.sort_by(f64::total_cmp);
    [1, 2, 3].map(|quarter| numbers[quarter * numbers.len() / 4])
}

fn compare<T: Scalar>(widths: &[usize], activation: Activation, batch: usize) -> Result<(), Error>
where
    Dual<T>: Scalar,
{
    let net = Mlp::new(widths, activation).loss(Loss::SoftmaxCrossEntropy);
    let graph = net.build()?;
    let params: Vec<T> = graph.layout().init(Init::Glorot, 1);
    let direction: Vec<T> = graph.layout().init(Init::Glorot, 2);
    let (inputs, classes) = (widths[0], widths[widths.len() - 1]);
    let x = DMatrix::from_fn(graph.n_inputs(), batch, |i, j| {
        T::from_f64(match i.checked_sub(inputs) {
            None => ((i * 7 + j * 13) as f64).sin(),
            Some(class) => f64::from(u8::from(class == j % classes)),
        })
    });
    let mut reverse = Reverse::new(&graph, batch, Store::All, 1)?;
    let mut planes = HessianVector::new(&graph, batch, Store::All, 1)?;
    let mut duals = HessianVector::by_duals(&graph, batch, Store::All, 1)?;
    let mut gradients = Vec::new();
    let mut ratios = [const { Vec::new() }; 3];
    for _ in 0..ROUNDS {
        let gradient = ten(&mut || {
            black_box(reverse.value_and_gradient(&params, &x).is_ok());
        });
        let products = [
            ten(&mut || {
                black_box(planes.hessian_vector(&params, &x, &direction).is_ok());
            }),
            ten(&mut || {
                let both = planes.gradient_and_hessian_vector(&params, &x, &direction);
                black_box(both.is_ok());
            }),
            ten(&mut || {
                black_box(duals.hessian_vector(&params, &x, &direction).is_ok());
            }),
        ];
        gradients.push(gradient * 1e5);
        for (ratios, product) in ratios.iter_mut().zip(products) {
            ratios.push(product / gradient);
        }
    }
    let [_, gradient, _] = quartiles(gradients);
    let [product, both, by_duals] = ratios.map(quartiles);
    let flops = planes.cost(false).flops as f64 / reverse.cost().flops as f64;
    println!(
        "{widths:?} {activation} batch {batch} {}: gradient {gradient:.1} us; H v over it (quartiles) {product:.3?}, in \
         flops {flops:.3?}; with the gradient {both:.3?}; by duals {by_duals:.3?}",
        T::NAME,
    );
    Ok(())
}

fn main() -> Result<(), Error> {
    for activation in [Activation::Relu, Activation::Tanh] {
        compare::<f32>(&[64, 128, 128, 10], activation, 128)?;
        compare::<f64>(&[64, 128, 128, 10], activation, 128)?;
    }
    Ok(())
}
