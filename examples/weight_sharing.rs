//! A recurrent network reads a digit row by row. Its cell is used eight times with the same parameters, so its gradient
//! is the sum over the uses; untying them shows each use's part, and how the parts vanish towards the first row.
//!
//! `cargo run --release --example weight_sharing`

use pushpull::blocks::{Linear, SoftmaxCrossEntropy, Tanh};
use pushpull::nalgebra::{DMatrix, DVector};
use pushpull::{Builder, Forward, Graph, Init, Mat, Reverse};
use pushpull_bench::data::{self, Dataset};

const STATE: usize = 16;
const ROWS: [&str; 8] = [
    "row0", "row1", "row2", "row3", "row4", "row5", "row6", "row7",
];

/// `h_t = tanh(W [row_t; h_(t-1)] + b)`, then a linear layer on the last state, then the loss.
fn recurrent(shared: bool) -> Result<Graph, pushpull::Error> {
    let mut net = Builder::new();
    let rows = ROWS.map(|name| net.input(name, 8));
    let (mut h, target) = (net.constant("start", STATE), net.constant("target", 10));
    for (t, row) in rows.into_iter().enumerate() {
        let name = format!("cell{t}");
        h = if shared && t > 0 {
            net.again(name, [row, h], "cell0")
        } else {
            net.named(name, Linear::new(8 + STATE, STATE), [row, h])
        };
        h = net.map(Tanh, h);
    }
    let logits = net.named("readout", Linear::new(STATE, 10), h);
    let loss = net.block(SoftmaxCrossEntropy, [logits, target]);
    net.build(loss)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    const BATCH: usize = 32;
    let digits = Dataset::digits(&data::directory())?
        .standardised()
        .batch(0, BATCH)?;
    let (tied, untied) = (recurrent(true)?, recurrent(false)?);
    println!(
        "parameters: {} tied, {} untied",
        tied.n_params(),
        untied.n_params()
    );

    // The inputs by name, in whatever order; the same stack serves both graphs.
    let start = DMatrix::zeros(STATE, BATCH);
    let mut parts = vec![
        ("start", Mat::from(&start)),
        ("target", Mat::from(&digits.targets)),
    ];
    for (t, name) in ROWS.into_iter().enumerate() {
        parts.push((name, Mat::from(&digits.inputs).rows(8 * t..8 * (t + 1))));
    }
    let x = tied.stack(&parts)?;

    // The same numbers in both: the cell's, eight times over, and the readout's.
    let params: Vec<f64> = tied.layout().init(Init::Glorot, 5);
    let (cell, readout) = params.split_at((8 + STATE) * STATE + STATE);
    let copies = [cell.repeat(8), readout.to_vec()].concat();

    let mut reverse = Reverse::new(&tied, BATCH)?;
    let mut forward = Forward::new(&tied, BATCH)?;
    let (value, pulled) = reverse.value_and_gradient(&params, &x)?;
    let (_, pushed) = forward.value_and_gradient(&params, &x)?;
    let mut apart = Reverse::new(&untied, BATCH)?;
    let (same, parts) = apart.value_and_gradient(&copies, &x)?;
    println!("loss {:.4} a digit, tied and untied", value / BATCH as f64);
    assert!((value - same).abs() < 1e-12 * value);

    let column = |numbers: &[f64]| DVector::from_column_slice(numbers);
    let (pulled, pushed) = (column(&pulled[..cell.len()]), column(&pushed[..cell.len()]));
    let mut sum = DVector::zeros(cell.len());
    println!("gradient of the cell, by use:");
    for (t, part) in parts.chunks_exact(cell.len()).take(8).enumerate() {
        let part = column(part);
        let bar = "#".repeat((2.0 * part.norm()).ceil() as usize);
        println!("  row {t}: norm {:8.4} {bar}", part.norm());
        sum += part;
    }
    println!(
        "  norm of the sum {:.4}, of the tied gradient {:.4}",
        sum.norm(),
        pulled.norm()
    );
    println!(
        "  tied less sum: reverse {:.1e}, forward {:.1e}",
        (&pulled - &sum).amax(),
        (&pushed - &sum).amax()
    );
    assert!((&pulled - &sum).norm() < 1e-12 * sum.norm());
    assert!((&pushed - &sum).norm() < 1e-12 * sum.norm());
    Ok(())
}
