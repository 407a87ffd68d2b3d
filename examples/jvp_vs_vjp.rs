//! One direction pushed forward against one cotangent pulled back: the same Jacobian from both sides, and what each
//! side is cheap for.
//!
//! `cargo run --release --example jvp_vs_vjp`

use pushpull::blocks::Activation;
use pushpull::nalgebra::DMatrix;
use pushpull::{Forward, Init, Mat, Mlp, Prediction, Primal, Question, Reverse, Wrt};
use pushpull_bench::data::{self, Dataset};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // 64 pixels to 10 logits, one digit. The output is not a number but a vector: its Jacobian is 10 x 2410 in the
    // parameters and 10 x 64 in the pixels.
    let x = Dataset::digits(&data::directory())?
        .standardised()
        .batch(0, 1)?
        .inputs;
    let graph = Mlp::new(&[64, 32, 10], Activation::Tanh).build()?;
    let params: Vec<f64> = graph.layout().init(Init::Glorot, 1);
    let mut forward = Forward::new(&graph, 1)?;
    let mut reverse = Reverse::new(&graph, 1)?;

    // Any direction and any cotangent will do, as long as they are not special.
    let numbers =
        |n: usize, from: f64| DMatrix::from_fn(n, 1, |i, _| (from + 1.7 * i as f64).sin());
    let (params_dot, x_dot) = (numbers(graph.n_params(), 0.3), numbers(64, 0.6));
    let y_bar = numbers(10, 0.9);

    let (y, y_dot) = forward.jvp(
        &params,
        &x,
        Some(Mat::from(&params_dot)),
        Some(Mat::from(&x_dot)),
    )?;
    let (params_bar, x_bar) = reverse.vjp(&params, &x, &y_bar)?;
    let at_the_output = y_bar.dot(&y_dot);
    let at_the_start = params_bar.dot(&params_dot) + x_bar.dot(&x_dot);
    println!(
        "the output, {} logits, along one direction: y_dot = J (w_dot, x_dot)",
        y.len()
    );
    println!("  <y_bar, J (w_dot, x_dot)>  = {at_the_output:.15}");
    println!("  <J' y_bar, (w_dot, x_dot)> = {at_the_start:.15}");
    assert!((at_the_output - at_the_start).abs() < 1e-12 * y_bar.norm() * y_dot.norm());

    // A direction is a column of J, a cotangent a row: unit vectors give the Jacobian itself, whichever way.
    let (columns, rows) = (
        forward.jacobian_inputs(&params, &x)?,
        reverse.jacobian_inputs(&params, &x)?,
    );
    assert!((&columns - &rows).amax() < 1e-13);

    let flops = |cost: Result<Prediction, pushpull::Error>| cost.map(|cost| cost.cost.flops);
    let asked = |question| Forward::plan(&graph, 1, question).wrt(Wrt::BOTH);
    let jvp = flops(asked(Question::Jvp(1)).prediction::<f64>())?;
    let pushed = flops(asked(Question::JacobianInputs).prediction::<f64>())?;
    let asked = |question| Reverse::plan(&graph, 1, question).wrt(Wrt::BOTH);
    let vjp = flops(asked(Question::Vjp(1)).prediction::<f64>())?;
    let pulled = flops(asked(Question::JacobianInputs).prediction::<f64>())?;
    let primal = Primal::<f64>::new(&graph, 1)?.cost().flops;
    let row = |what: &str, flops: u64| {
        println!(
            "  {what:<52} {flops:>8}  {:>6.1}",
            flops as f64 / primal as f64
        )
    };
    println!("counted flops, and as a multiple of the primal:");
    row("primal", primal);
    row("one jvp: 10 outputs along 1 direction", jvp);
    row("one vjp: 1 cotangent to 2410 parameters and 64 pixels", vjp);
    row("Jacobian in the pixels, 64 columns pushed", pushed);
    row("Jacobian in the pixels, 10 rows pulled", pulled);
    row(
        "gradient of the sum, 2410 columns pushed",
        forward.cost().flops,
    );
    row("gradient of the sum, 1 row pulled", reverse.cost().flops);

    // One direction costs about as much as one cotangent; the question is how many of them are needed.
    assert!(jvp < 4 * primal && vjp < 4 * primal);
    assert!(pulled < pushed);
    assert!(reverse.cost().flops * 100 < forward.cost().flops);
    Ok(())
}
