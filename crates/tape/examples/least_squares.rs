//! Least squares of the diabetes data: conjugate gradients on products with the Hessian, which solve it exactly, and the
//! residual's Jacobian, which is the data itself.
//!
//! `cargo run --release -p pushpull-tape --example least_squares`

use nalgebra::DMatrix;
use pushpull_core::Mat;
use pushpull_data::{Dataset, directory};
use pushpull_planner::{Answer, Question, Seeds};
use pushpull_tape::{Mode, Tape};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let data = Dataset::diabetes(&directory())?.standardised();
    let (n, samples) = (data.inputs.nrows(), data.samples());
    let tape = Tape::new();
    let (x, y) = (tape.constant(&data.inputs), tape.constant(&data.targets));
    let (w, b) = (
        tape.variable(DMatrix::zeros(1, n)),
        tape.variable(DMatrix::zeros(1, 1)),
    );
    let residual = w.matmul(x) + b - y;
    let loss = residual.square().sum();
    println!(
        "{samples} samples, {n} features, loss at zero {:.0}",
        loss.number()?
    );

    let jacobian = tape.jacobian(&residual, &w)?;
    assert!((jacobian.matrix() - data.inputs.transpose()).amax() < 1e-12);

    // H d = -g for the quadratic loss, in at most n + 1 steps.
    let program = tape.program(&loss, &[&w, &b])?;
    let mut gradient = program.clone().prepare(Question::Gradient, Mode::Reverse)?;
    let mut hessian = program.prepare(Question::HessianVector(1), Mode::Reverse)?;
    let mut r = -DMatrix::from_column_slice(n + 1, 1, gradient.gradient()?.flat());
    let start = r.norm();
    let (mut step, mut d, mut iterations) = (DMatrix::zeros(n + 1, 1), r.clone(), 0);
    while r.norm() > 1e-10 * start && iterations < 50 {
        let hd = match hessian.run(Seeds::Directions(Mat::from(&d)))? {
            Answer::Products(_, products) => products.clone(),
            other => unreachable!("{other:?}"),
        };
        let alpha = r.norm_squared() / d.dot(&hd);
        step += &d * alpha;
        let before = r.norm_squared();
        r -= hd * alpha;
        d = &r + &d * (r.norm_squared() / before);
        iterations += 1;
    }
    let weights = DMatrix::from_row_slice(1, n, &step.as_slice()[..n]);
    let bias = DMatrix::from_element(1, 1, step[n]);
    gradient.set(w, &weights)?;
    gradient.set(b, &bias)?;
    let pulled = gradient.gradient()?;
    let (left, norm) = (
        pulled.value(),
        pulled.flat().iter().map(|g| g * g).sum::<f64>().sqrt(),
    );
    println!(
        "{iterations} Hessian products: loss {left:.0}, gradient {norm:.1e} (from {start:.1e})"
    );

    // The normal equations, by nalgebra.
    let tall = DMatrix::from_fn(samples, n + 1, |i, j| {
        if j < n { data.inputs[(j, i)] } else { 1.0 }
    });
    let normal = tall.transpose() * &tall;
    let right = tall.transpose() * data.targets.transpose();
    let exact = normal
        .cholesky()
        .ok_or("the features are linearly dependent")?
        .solve(&right);
    let apart = (&exact - &step).norm() / exact.norm();
    println!("relative distance from the normal equations' solution: {apart:.1e}");
    let mean = data.targets.mean();
    let spread: f64 = data.targets.iter().map(|y| (y - mean).powi(2)).sum();
    println!("R^2 = {:.4}", 1.0 - left / spread);
    assert!(apart < 1e-8);
    Ok(())
}
