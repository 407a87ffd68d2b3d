//! Error against hidden units.

use nalgebra::DMatrix;
use pushpull_bench::claims::{Claim, Verdict};
use pushpull_bench::sweep::Extent;
use pushpull_core::blocks::{Activation, Loss};
use pushpull_plot::{Axis, LineChart, Series};
use pushpull_train::{Model, Optimiser, Samples, Settings, Training};

use crate::network::{of, short};
use crate::{Fault, Figure};

/// Points of [-1, 1].
const POINTS: usize = 128;

/// The given function.
fn target(x: f64) -> f64 {
    (3.0 * x).sin() + 0.5 * (8.0 * x).cos()
}

fn samples() -> Result<Samples, Fault> {
    let at = |j: usize| 2.0 * j as f64 / (POINTS - 1) as f64 - 1.0;
    let inputs = DMatrix::from_fn(1, POINTS, |_, j| at(j));
    let targets = DMatrix::from_fn(1, POINTS, |_, j| target(at(j)));
    Ok(Samples::new(inputs, targets)?)
}

/// The largest error of the best of several starts. A start that diverges is none.
fn error(units: usize, activation: Activation, epochs: u64, starts: u64) -> Result<f64, Fault> {
    let samples = samples()?;
    let model = Model::mlp(&[1, units, 1], activation, Loss::SquaredError)?;
    let mut best = f64::INFINITY;
    for seed in 0..starts {
        let settings = Settings {
            epochs,
            batch: 32,
            optimiser: Optimiser::adam(0.01),
            seed,
            ..Settings::default()
        };
        let mut training = Training::<f64>::new(&model, settings, &samples, None)?;
        // Kinks have to spread over the interval before they can bend: as wide as the data, and a few of its turns.
        let mut params = training.params().to_vec();
        for (i, param) in params.iter_mut().take(2 * units).enumerate() {
            let place = ((i % units) as f64 + 0.5) / units as f64;
            *param = if i < units {
                4.0
            } else {
                -4.0 * (2.0 * place - 1.0)
            };
        }
        training.start_from(&params)?;
        if training.run(&mut ()).is_err() {
            continue;
        }
        let y = model.outputs(training.params(), samples.inputs())?;
        best = best.min((y - samples.targets()).amax());
    }
    Ok(best)
}

pub(crate) fn run(extent: Extent) -> Result<Vec<Figure>, Fault> {
    let (units, epochs, starts): (&[usize], _, _) = match extent {
        Extent::Full => (&[1, 2, 4, 8, 16, 32, 64], 3000, 3),
        Extent::Quick => (&[1, 4, 16], 400, 1),
    };
    let mut chart = LineChart::new(
        "Error against hidden units",
        Axis::log2("hidden units p (count)"),
        Axis::log("largest error on the interval"),
    );
    chart.subtitle = "One hidden layer fitted to sin(3 x) + cos(8 x) / 2 on [-1, 1]".into();
    let mut ends = Vec::new();
    for (activation, remark) in [
        (Activation::Tanh, "bounded"),
        (Activation::Relu, "not bounded"),
        (Activation::Square, "not bounded, a polynomial"),
    ] {
        let mut points = Vec::new();
        for &p in units {
            points.push((p as f64, error(p, activation, epochs, starts)?));
        }
        points.retain(|point| point.1.is_finite());
        if let (Some(first), Some(last)) = (points.first(), points.last()) {
            ends.push((first.1, last.1));
            chart
                .series
                .push(of(activation, Series::new(activation.name(), points)).remark(remark));
        }
    }
    let runs = match starts {
        1 => "one start".to_owned(),
        _ => format!("the best of {starts} starts"),
    };
    chart.notes.push(format!(
        "Adam at 0.01, {epochs} epochs, mini-batches of 32, {runs}, {POINTS} points. The theorem says that a good network exists; the errors here are those of the networks that training found."
    ));
    let fall = |i: usize| ends.get(i).map_or(f64::NAN, |(first, last)| first / last);
    let last = |i: usize| ends.get(i).map_or(f64::NAN, |end: &(f64, f64)| end.1);
    let claim = Claim {
        words: "With enough hidden units one hidden layer approximates arbitrarily well a continuous function, for any bounded activation that is not constant (theorem 1.1).",
        measured: format!(
            "From {} to {} units the largest error falls {} times for tanh, to {}; {} times for ReLU, which is not bounded, to {}; {} times for the square, to {}: not being a polynomial is what matters (Leshno et al. 1993), being bounded is not.",
            units[0],
            units[units.len() - 1],
            short(fall(0)),
            short(last(0)),
            short(fall(1)),
            short(last(1)),
            short(fall(2)),
            short(last(2)),
        ),
        // The condition on the slide is more than is needed.
        verdict: match (fall(0) > 5.0, fall(1) > 5.0 && last(2) > 3.0 * last(1)) {
            (true, true) => Verdict::InPart,
            (true, false) => Verdict::Held,
            _ => Verdict::Failed,
        },
    };
    Ok(vec![Figure {
        name: "approximation",
        chart,
        caption: "The largest error of a fitted network against its hidden units: it falls for tanh and for ReLU; a layer of squares stays a polynomial of degree two, however wide.".into(),
        claims: vec![claim],
    }])
}
