//! Second derivatives at work: Newton's method by conjugate gradients on the breast cancer data. A step solves
//! `(H + damping I) step = -gradient` with products `H v` alone: the Hessian itself is never made.
//!
//! `cargo run --release --example second_order`

use pushpull::blocks::{Activation, Loss};
use pushpull::nalgebra::{DMatrix, DVector};
use pushpull::{HessianVector, Init, Mlp, Reverse};
use pushpull_bench::data::{self, Dataset};

/// `step` with `(H + damping I) step = -gradient`, to a tenth of the gradient's length: as exact as a step far from the
/// minimum deserves.
fn newton_step(
    hessian: &mut HessianVector<f64>,
    params: &DVector<f64>,
    x: &DMatrix<f64>,
    gradient: &DVector<f64>,
    damping: f64,
) -> Result<(DVector<f64>, usize), pushpull::Error> {
    let mut step = DVector::zeros(params.len());
    let (mut residual, mut direction) = (-gradient, -gradient);
    for products in 0..50 {
        let before = residual.norm_squared();
        if before.sqrt() <= 0.1 * gradient.norm() {
            return Ok((step, products));
        }
        let (_, product) = hessian.hessian_vector(params.as_slice(), x, direction.as_slice())?;
        let product = DVector::from_column_slice(product) + &direction * damping;
        let curvature = direction.dot(&product);
        // Along a direction that bends down, Newton's model has no minimum: what there is so far is the step.
        if curvature <= 0.0 {
            let step = if products == 0 { direction } else { step };
            return Ok((step, products + 1));
        }
        let length = before / curvature;
        step += &direction * length;
        residual -= product * length;
        direction = &residual + &direction * (residual.norm_squared() / before);
    }
    Ok((step, 50))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let data = Dataset::breast_cancer(&data::directory())?.standardised();
    let batch = data.batch(0, 400)?;
    let features = batch.inputs.nrows();
    let graph = Mlp::new(&[features, 8, 1], Activation::Tanh)
        .loss(Loss::SigmoidCrossEntropy)
        .build()?;
    let x = DMatrix::from_fn(features + 1, 400, |i, j| {
        if i < features {
            batch.inputs[(i, j)]
        } else {
            batch.targets[(0, j)]
        }
    });
    let start: Vec<f64> = graph.layout().init(Init::Glorot, 1);
    let mut reverse = Reverse::new(&graph, 400)?;
    let mut hessian = HessianVector::new(&graph, 400)?;
    let (mut params, mut damping) = (DVector::from_vec(start), 1.0);
    let (first, _) = reverse.value_and_gradient(params.as_slice(), &x)?;
    let mut value = first;

    println!(
        "{} parameters, {} bytes for products",
        graph.n_params(),
        hessian.bytes()
    );
    println!("step   loss       |gradient|   curvature along it   products");
    for step in 1..=15 {
        let (_, gradient) = reverse.value_and_gradient(params.as_slice(), &x)?;
        let gradient = DVector::from_column_slice(gradient);
        let (_, along) = hessian.hessian_vector(params.as_slice(), &x, gradient.as_slice())?;
        let curvature = gradient.dot(&DVector::from_column_slice(along)) / gradient.norm_squared();
        let (delta, products) = newton_step(&mut hessian, &params, &x, &gradient, damping)?;
        let trial = &params + delta;
        let (reached, _) = reverse.value_and_gradient(trial.as_slice(), &x)?;
        if reached < value {
            (params, value, damping) = (trial, reached, damping / 4.0);
        } else {
            damping *= 8.0;
        }
        println!(
            "{step:4}   {value:8.4}   {:10.3e}   {curvature:18.3e}   {products:8}",
            gradient.norm()
        );
    }
    assert!(value < 0.2 * first, "Newton's steps lower the loss");
    Ok(())
}
