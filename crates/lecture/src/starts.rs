//! A network of three nodes from many starts.

use nalgebra::dmatrix;
use pushpull_bench::claims::{Claim, Verdict};
use pushpull_bench::sweep::Extent;
use pushpull_core::Init;
use pushpull_core::blocks::{Activation, Loss};
use pushpull_plot::{Axis, LineChart, Series, number};
use pushpull_train::{Model, Optimiser, Samples, Settings, Training};

use crate::network::{gradient, norm, stacked};
use crate::{Fault, Figure};

/// Where the four points of exclusive or cannot be told apart any better.
const SOLVED: f64 = 1e-2;

/// Final mean loss and the norm of the gradient there.
fn descend(samples: &Samples, model: &Model, seed: u64, steps: u64) -> Result<(f64, f64), Fault> {
    let settings = Settings {
        epochs: steps,
        batch: samples.len(),
        optimiser: Optimiser::sgd(0.1),
        init: Init::Uniform(2.0),
        seed,
        ..Settings::default()
    };
    let mut training = Training::<f64>::new(model, settings, samples, None)?;
    while training.step()?.is_some() {}
    let loss = model.metrics(training.params(), samples)?.loss;
    let slope = gradient(model.objective(), training.params(), &stacked(samples))?;
    Ok((loss, norm(slope) / samples.len() as f64))
}

pub(crate) fn run(extent: Extent) -> Result<Vec<Figure>, Fault> {
    let (starts, steps) = match extent {
        Extent::Full => (200, 5000),
        Extent::Quick => (24, 1500),
    };
    let samples = Samples::new(
        dmatrix![-1.0, -1.0, 1.0, 1.0; -1.0, 1.0, -1.0, 1.0],
        dmatrix![-1.0, 1.0, 1.0, -1.0],
    )?;
    let model = Model::mlp(&[2, 2, 1], Activation::Tanh, Loss::SquaredError)?;
    let mut ends = Vec::new();
    for seed in 0..starts {
        ends.push(descend(&samples, &model, seed, steps)?);
    }
    let losses: Vec<f64> = ends.iter().map(|end| end.0).collect();
    let most = losses.iter().copied().fold(0.1, f64::max);
    let mut chart = LineChart::new(
        "Final error of gradient descent from many random starts",
        Axis::linear("final mean squared error"),
        Axis::linear("starts (count)"),
    );
    chart.subtitle = format!(
        "Exclusive or by 2-2-1 (three nodes), tanh: {starts} uniform starts on [-2, 2], {steps} steps of gradient descent at rate 0.1"
    );
    chart.series.push(Series::histogram(
        "runs (count above)",
        &losses,
        (0.0, most),
        40,
    ));
    let solved = losses.iter().filter(|&&loss| loss < SOLVED).count();
    let caught = ends
        .iter()
        .filter(|&&(loss, slope)| loss > 0.1 && slope < 1e-2)
        .count();
    chart.notes.push(format!(
        "The leftmost column, errors below {}, is the global minimum. The others are local minima and flat places, where the gradient is nearly zero although the error is not.",
        number(most / 40.0)
    ));
    let n = ends.len();
    let claim = Claim {
        words: "The problem is not convex, has local minima and saddle points, and the end depends on the start; training even three nodes is NP-hard (\"Computational complexity\").",
        measured: format!(
            "{solved} of {n} starts reach the global minimum (loss below {SOLVED}); {caught} end above 0.1 with a gradient below 0.01, so they are stuck. That it is NP-hard is a theorem (Blum and Rivest 1989); no run can show it."
        ),
        verdict: if solved > 0 && caught > 0 {
            Verdict::Held
        } else {
            Verdict::Failed
        },
    };
    Ok(vec![Figure {
        name: "starts",
        chart,
        caption: format!(
            "Final mean squared error of a network of three nodes on exclusive or, from {n} random starts: {solved} of them end at the global minimum (below {SOLVED}), {} do not. The runs differ only in their start.",
            n - solved
        ),
        claims: vec![claim],
    }])
}
