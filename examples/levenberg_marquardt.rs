//! A fit by least squares that needs the Jacobian and not only a gradient: Levenberg and Marquardt's method on the
//! diabetes data, for a small network and for a linear model.
//!
//! `cargo run --release --example levenberg_marquardt`

use pushpull::blocks::Activation;
use pushpull::nalgebra::{Cholesky, DMatrix, DVector};
use pushpull::{Forward, Graph, Init, Mlp, Primal, Reverse};
use pushpull_bench::data::{self, Batch, Dataset};

/// Mean squared error of a graph with one output.
fn error(graph: &Graph, params: &[f64], on: &Batch) -> Result<f64, pushpull::Error> {
    let mut primal = Primal::new(graph, on.inputs.ncols())?;
    let y = primal.run(params, &on.inputs)?.to_dmatrix();
    Ok((y - &on.targets).norm_squared() / on.targets.len() as f64)
}

/// Minimises |r(w)|^2, r = f(x, w) - t. A step solves `(J'J + damping I) step = -J'r`: with little damping it is Gauss
/// and Newton's, with much a short step down the gradient. Every accepted step lowers the error.
fn fit(
    graph: &Graph,
    params: &mut Vec<f64>,
    on: &Batch,
    steps: usize,
) -> Result<(), pushpull::Error> {
    // One output: one adjoint sweep gives the whole Jacobian, a row a sample. Forward mode would push every column.
    let mut reverse = Reverse::new(graph, on.inputs.ncols())?;
    let (mut damping, mut current) = (1e-3, error(graph, params, on)?);
    println!("  start     error {current:.4}");
    for step in 1..=steps {
        let y = reverse.record(params, &on.inputs)?.output().to_dmatrix();
        let residuals = (y - &on.targets).transpose();
        let jacobian = reverse.jacobian_params(params, &on.inputs)?;
        let (normal, downhill) = (jacobian.tr_mul(&jacobian), -jacobian.tr_mul(&residuals));
        loop {
            let damped = &normal + DMatrix::identity(normal.nrows(), normal.nrows()) * damping;
            let delta = Cholesky::new(damped).map(|factor| factor.solve(&downhill));
            let trial: Option<Vec<f64>> =
                delta.map(|delta| params.iter().zip(&delta).map(|(w, d)| w + d).collect());
            let reached = trial
                .as_ref()
                .map(|trial| error(graph, trial, on))
                .transpose()?;
            match (trial, reached) {
                (Some(trial), Some(lower)) if lower < current => {
                    (*params, current, damping) = (trial, lower, damping / 5.0);
                    println!("  step {step:2}   error {current:.4}   damping {damping:.0e}");
                    break;
                }
                _ if damping > 1e9 => return Ok(()), // No step downhill is left.
                _ => damping *= 4.0,
            }
        }
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut diabetes = Dataset::diabetes(&data::directory())?.standardised();
    // The target too: an error of 1 is then what the mean alone achieves.
    let (mean, deviation) = (diabetes.targets.mean(), diabetes.targets.variance().sqrt());
    diabetes.targets.apply(|t| *t = (*t - mean) / deviation);
    let (train, test) = (diabetes.batch(0, 342)?, diabetes.batch(342, 100)?);

    let line = Mlp::new(&[10, 1], Activation::Tanh).build()?;
    let network = Mlp::new(&[10, 3, 1], Activation::Tanh).build()?;

    // The Jacobian is the same, whichever mode makes it.
    let params: Vec<f64> = network.layout().init(Init::Glorot, 1);
    let mut forward = Forward::new(&network, 342)?;
    let mut reverse = Reverse::new(&network, 342)?;
    let pushed = forward.jacobian_params(&params, &train.inputs)?;
    let pulled = reverse.jacobian_params(&params, &train.inputs)?;
    assert!((&pushed - &pulled).amax() < 1e-12);
    println!(
        "Jacobian of the residuals: {} x {}",
        pulled.nrows(),
        pulled.ncols()
    );

    let mut reached = Vec::new();
    for (name, graph, steps) in [
        ("a linear model", &line, 2),
        ("a network 10-3-1", &network, 15),
    ] {
        println!("{name}, {} parameters:", graph.n_params());
        let mut params: Vec<f64> = graph.layout().init(Init::Glorot, 1);
        fit(graph, &mut params, &train, steps)?;
        reached.push((
            error(graph, &params, &train)?,
            error(graph, &params, &test)?,
        ));
    }

    // Linear least squares in closed form, as the standard.
    let features = train.inputs.transpose().insert_column(10, 1.0);
    let svd = features.clone().svd(true, true);
    let solution: DVector<f64> = svd.solve(&train.targets.transpose().column(0), 1e-12)?;
    let exact = (features * solution - train.targets.transpose()).norm_squared() / 342.0;
    println!("linear least squares in closed form: error {exact:.4}");
    assert!((reached[0].0 - exact).abs() < 1e-6);
    assert!(
        reached[1].0 < exact,
        "the network fits closer than any linear model"
    );

    println!("error on      342 fitted   100 held out");
    println!(
        "  linear      {:>10.4}   {:>12.4}",
        reached[0].0, reached[0].1
    );
    println!(
        "  network     {:>10.4}   {:>12.4}",
        reached[1].0, reached[1].1
    );
    Ok(())
}
