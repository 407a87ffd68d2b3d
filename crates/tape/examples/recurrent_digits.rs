//! A recurrent network that reads a handwritten digit row by row: the same weights at each of the eight rows, recorded by a
//! loop, then replayed on one batch after another.
//!
//! `cargo run --release -p pushpull-tape --example recurrent_digits`

use nalgebra::DMatrix;
use pushpull_core::blocks::SoftmaxCrossEntropy;
use pushpull_data::{Dataset, directory};
use pushpull_planner::Question;
use pushpull_tape::{Mode, Tape, Var};
use rand::{RngExt, SeedableRng};

const HIDDEN: usize = 24;
const BATCH: usize = 64;
const TRAINED: usize = 1500;

/// The logits of a batch: rows t of all images, one after another.
fn logits<'t>(weights: &[Var<'t, f64>; 5], rows: &[Var<'t, f64>]) -> Var<'t, f64> {
    let [u, w, b, v, c] = *weights;
    let mut h = (u.matmul(rows[0]) + b).tanh();
    for &row in &rows[1..] {
        h = (u.matmul(row) + w.matmul(h) + b).tanh();
    }
    v.matmul(h) + c
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let data = Dataset::digits(&directory())?;
    let pixels = &data.inputs / data.inputs.amax();
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(1);
    let mut start = |m: usize, n: usize| {
        let spread = 2.0 * (3.0 / n as f64).sqrt();
        DMatrix::from_fn(m, n, |_, _| spread * (rng.random::<f64>() - 0.5))
    };
    let mut weights = [
        start(HIDDEN, 8),
        start(HIDDEN, HIDDEN),
        DMatrix::zeros(HIDDEN, 1),
        start(10, HIDDEN),
        DMatrix::zeros(10, 1),
    ];
    // Row t of the images of some samples.
    let row = |t: usize, first: usize, n: usize| pixels.view((8 * t, first), (8, n)).into_owned();

    // Recorded once.
    let tape = Tape::new();
    let vars = weights.each_ref().map(|w| tape.variable(w.clone()));
    let rows: Vec<_> = (0..8).map(|t| tape.constant(row(t, 0, BATCH))).collect();
    let targets = tape.constant(data.targets.columns(0, BATCH).into_owned());
    let stacked = tape.vstack(&[logits(&vars, &rows), targets]);
    let loss = tape.apply(SoftmaxCrossEntropy::new(10), stacked).mean();
    let sources: Vec<_> = vars.iter().collect();
    let program = tape.program(&loss, &sources)?;
    let shared = program.graph().consumers();
    println!(
        "{} operations; the recurrent weight is read {} times",
        program.graph().nodes().len(),
        shared[1].len()
    );

    let mut replay = program.prepare(Question::Gradient, Mode::Reverse)?;
    let mut speed = weights.each_ref().map(|w| w * 0.0);
    for step in 0..1200 {
        let first = rng.random_range(0..TRAINED - BATCH);
        for (t, var) in rows.iter().enumerate() {
            replay.set(var, &row(t, first, BATCH))?;
        }
        replay.set(targets, &data.targets.columns(first, BATCH).into_owned())?;
        for (var, w) in vars.iter().zip(&weights) {
            replay.set(var, w)?;
        }
        let pulled = replay.gradient()?;
        for ((var, w), v) in vars.iter().zip(&mut weights).zip(&mut speed) {
            *v = &*v * 0.9 - pulled.of(var)?.to_dmatrix() * 0.05;
            *w += &*v;
        }
        if step % 300 == 299 {
            println!("  step {:4}: loss {:.4}", step + 1, pulled.value());
        }
    }

    // Held-out digits, on a fresh tape of another batch.
    let n = data.samples() - TRAINED;
    let tape = Tape::new();
    let vars = weights.each_ref().map(|w| tape.constant(w));
    let rows: Vec<_> = (0..8).map(|t| tape.constant(row(t, TRAINED, n))).collect();
    let guess = logits(&vars, &rows).value()?;
    let right =
        (0..n).filter(|&j| guess.column(j).imax() == data.targets.column(TRAINED + j).imax());
    let share = right.count() as f64 / n as f64;
    println!("{:.1} % of {n} held-out digits are right", 100.0 * share);
    assert!(share > 0.8);
    Ok(())
}
