//! Gradient descent against SGD: as paths, per step, and per second.

use std::time::Instant;

use nalgebra::DMatrix;
use pushpull_bench::claims::{Claim, Verdict};
use pushpull_bench::sweep::Extent;
use pushpull_core::blocks::{Activation, Loss};
use pushpull_data::{Dataset, directory};
use pushpull_plot::{Axis, Colour, Contours, LineChart, Marker, Series};
use pushpull_train::{Model, Optimiser, Samples, Settings, Training};

use crate::network::{SEED, digits, gradient, mean, norm, short, stacked};
use crate::{Fault, Figure};

pub(crate) fn run(extent: Extent) -> Result<Vec<Figure>, Fault> {
    let mut figures = vec![paths(extent)?];
    figures.extend(batch_sizes(extent)?);
    Ok(figures)
}

/// Two parameters: diabetes by the body mass index alone, both standardised.
fn two_parameters() -> Result<(Samples, Model), Fault> {
    let set = Dataset::diabetes(&directory())?;
    let row = |matrix: &DMatrix<f64>, i: usize| matrix.rows(i, 1).into_owned();
    let scaled = |matrix: DMatrix<f64>| pushpull_train::Scaling::of(&matrix).apply(&matrix);
    // The third feature is the body mass index (data/README.md).
    let samples = Samples::new(scaled(row(&set.inputs, 2))?, scaled(row(&set.targets, 0))?)?;
    let model = Model::mlp(&[1, 1], Activation::Identity, Loss::SquaredError)?;
    Ok((samples, model))
}

/// Rate of the runs on digits: the largest of 0.05, 0.02, 0.01 at which no size of block diverges.
const STEP: f64 = 0.01;

const START: [f64; 2] = [-1.0, 1.2];
const RATE: f64 = 0.1;

fn path(
    samples: &Samples,
    model: &Model,
    batch: usize,
    steps: u64,
    seed: u64,
) -> Result<Vec<[f64; 2]>, Fault> {
    let settings = Settings {
        epochs: steps,
        batch,
        optimiser: Optimiser::sgd(RATE),
        seed,
        ..Settings::default()
    };
    let mut training = Training::<f64>::new(model, settings, samples, None)?;
    training.start_from(&START)?;
    let mut path = vec![START];
    while (path.len() as u64) <= steps && training.step()?.is_some() {
        path.push([training.params()[0], training.params()[1]]);
    }
    Ok(path)
}

fn paths(extent: Extent) -> Result<Figure, Fault> {
    let (samples, model) = two_parameters()?;
    let (steps, runs) = match extent {
        Extent::Full => (60, 200),
        Extent::Quick => (30, 20),
    };
    let (n, small) = (samples.len(), 8);
    let full = path(&samples, &model, n, steps, SEED)?;
    let mut stochastic = Vec::new();
    for seed in 0..runs {
        stochastic.push(path(&samples, &model, small, steps, seed)?);
    }
    // Standardised: the optimum is (correlation, 0), and so far from it that descent has long arrived.
    let best = path(&samples, &model, n, 400, SEED)?[400];
    let axis = |low: f64, high: f64| {
        (0..=60)
            .map(|i| low + (high - low) * f64::from(i) / 60.0)
            .collect()
    };
    let x = stacked(&samples);
    let objective = model.objective();
    let mut failed = None;
    let contours = Contours::over(
        axis(-1.3, 1.5),
        axis(-1.0, 1.5),
        (1..12).map(|i| 0.65 + 0.35 * f64::from(i)).collect(),
        |w, b| {
            let value = crate::network::outputs(objective, &[w, b], &x);
            value.map_or_else(
                |fault| {
                    failed = Some(fault);
                    0.0
                },
                |losses| losses.sum() / n as f64,
            )
        },
    );
    if let Some(fault) = failed {
        return Err(fault);
    }
    let mut chart = LineChart::new(
        "Gradient descent and SGD on two parameters",
        Axis::linear("weight w"),
        Axis::linear("bias b"),
    );
    chart.subtitle =
        format!("Diabetes by the body mass index alone, least squares, rate {RATE}, {steps} steps");
    chart.contours = Some(
        contours
            .named("mean squared error")
            .remark("every 0.35, darker is lower"),
    );
    let points = |path: &[[f64; 2]]| path.iter().map(|p| (p[0], p[1])).collect();
    chart.series.push(
        Series::new(
            format!("SGD, mini-batches of {small}"),
            points(&stochastic[0]),
        )
        .colour(Colour::ORANGE)
        .marker(Marker::Circle)
        .marked(1, 0),
    );
    chart.series.push(
        Series::new(format!("full batch, {n} samples"), points(&full))
            .colour(Colour::BLACK)
            .marker(Marker::Square)
            .marked(1, 0),
    );
    chart.series.push(
        Series::new("optimum", vec![(best[0], best[1])])
            .colour(Colour::GREEN)
            .marker(Marker::Diamond)
            .scattered(),
    );
    let from = |p: [f64; 2]| (p[0] - best[0]).hypot(p[1] - best[1]);
    let lasts: Vec<[f64; 2]> = stochastic
        .iter()
        .filter_map(|path| path.last().copied())
        .collect();
    let alone = mean(&lasts.iter().map(|&p| from(p)).collect::<Vec<_>>());
    let middle = [0, 1].map(|i| mean(&lasts.iter().map(|p| p[i]).collect::<Vec<_>>()));
    let together = from(middle);
    let claim = Claim {
        words: "SGD converges to a stationary point on average, although in noisy steps (figure 4).",
        measured: format!(
            "After {steps} steps a run of SGD is {} from the optimum on average over {runs} runs, the mean of their ends {}; gradient descent {}.",
            short(alone),
            short(together),
            short(from(full[steps as usize]))
        ),
        verdict: if together < 0.3 * alone {
            Verdict::Held
        } else {
            Verdict::Failed
        },
    };
    Ok(Figure {
        name: "descent_paths",
        chart,
        caption: "Paths of gradient descent and of SGD over the contours of the objective. SGD's steps are noisy and stay around the optimum; those of gradient descent lead straight to it.".into(),
        claims: vec![claim],
    })
}

/// A run with one size of blocks.
struct Course {
    batch: usize,
    /// (steps, seconds of steps, mean loss over all data, norm of its gradient)
    looks: Vec<(f64, f64, f64, f64)>,
    /// Norm of the gradient of the step's own block, per step.
    norms: Vec<f64>,
}

impl Course {
    /// Trains for so many seconds of steps; looks are not in the time.
    fn run(samples: &Samples, model: &Model, batch: usize, seconds: f64) -> Result<Self, Fault> {
        let settings = Settings {
            epochs: 1 << 20,
            batch,
            optimiser: Optimiser::sgd(STEP),
            seed: SEED,
            ..Settings::default()
        };
        let mut training = Training::<f64>::new(model, settings, samples, None)?;
        let x = stacked(samples);
        let (mut steps, mut spent, mut next) = (0_u64, 0.0, 1.0);
        let (mut looks, mut norms) = (Vec::new(), Vec::new());
        while spent < seconds {
            let since = Instant::now();
            let Some(step) = training.step()? else { break };
            spent += since.elapsed().as_secs_f64();
            // A step that ends an epoch also judges it; that is no part of descent.
            if step.ends_epoch {
                spent -= training
                    .history()
                    .last()
                    .map_or(0.0, |epoch| epoch.evaluation_seconds);
            }
            steps += 1;
            norms.push(step.gradient_norm);
            if steps as f64 >= next {
                let loss = model.metrics(training.params(), samples)?.loss;
                let slope = gradient(model.objective(), training.params(), &x)?;
                looks.push((
                    steps as f64,
                    spent,
                    loss,
                    norm(slope) / samples.len() as f64,
                ));
                next = (next * 1.5).max(next + 1.0);
            }
        }
        Ok(Self {
            batch,
            looks,
            norms,
        })
    }

    fn name(&self, n: usize) -> String {
        match self.batch {
            1 => "M = 1 (online)".into(),
            m if m == n => format!("M = {m} (all)"),
            m => format!("M = {m}"),
        }
    }

    /// The loss of the last look before a limit.
    fn loss_at(&self, limit: f64, of: fn(&(f64, f64, f64, f64)) -> f64) -> f64 {
        let mut before = self.looks.iter().filter(|look| of(look) <= limit);
        before.next_back().map_or(f64::NAN, |look| look.2)
    }
}

fn batch_sizes(extent: Extent) -> Result<Vec<Figure>, Fault> {
    let samples = digits()?;
    let n = samples.len();
    let model = Model::mlp(&[64, 32, 10], Activation::Relu, Loss::SoftmaxCrossEntropy)?;
    let seconds = match extent {
        Extent::Full => 1.5,
        Extent::Quick => 0.05,
    };
    let mut courses = Vec::new();
    for batch in [1, 8, 64, n] {
        courses.push(Course::run(&samples, &model, batch, seconds)?);
    }
    let chart = |title: &str, x: &str, y: &str| {
        let mut chart = LineChart::new(title, Axis::log(x), Axis::log(y));
        chart.subtitle =
            format!("Digits ({n} samples), 64-32-10, ReLU, SGD at {STEP}, f64, 1 thread");
        chart
    };
    let mut per_step = chart(
        "Loss against steps, for several sizes of mini-batches",
        "steps (count)",
        "mean loss over all samples (nats)",
    );
    let mut per_second = chart(
        "Loss against time, for several sizes of mini-batches",
        "time of the steps (s)",
        "mean loss over all samples (nats)",
    );
    let mut norms = chart(
        "Norm of the gradient, per step",
        "steps (count)",
        "norm of the mean gradient",
    );
    for (i, course) in courses.iter().enumerate() {
        let points = |x: fn(&(f64, f64, f64, f64)) -> f64,
                      y: fn(&(f64, f64, f64, f64)) -> f64|
         -> Vec<(f64, f64)> {
            course.looks.iter().map(|look| (x(look), y(look))).collect()
        };
        // Lines that run together are each marked at points of their own.
        let apart = |series: Series| series.marked(courses.len(), i);
        per_step
            .series
            .push(apart(Series::new(course.name(n), points(|l| l.0, |l| l.2))));
        per_second
            .series
            .push(Series::new(course.name(n), points(|l| l.1, |l| l.2)));
        norms.series.push(apart(Series::new(
            format!("all samples, {}", course.name(n)),
            points(|l| l.0, |l| l.3),
        )));
    }
    let eights = &courses[1];
    let noisy: Vec<(f64, f64)> = eights
        .looks
        .iter()
        .filter_map(|look| {
            let own = *eights.norms.get(look.0 as usize - 1)?;
            (own > 0.0).then_some((look.0, own))
        })
        .collect();
    norms.series.push(
        Series::new("the step's own mini-batch, M = 8", noisy)
            .colour(Colour::GREY)
            .marker(Marker::Cross)
            .scattered(),
    );
    norms.notes.push("The norm over all samples has to become small at a stationary point; that of the mini-batch by which a step is made stays noisy.".into());
    let (online, all) = (&courses[0], &courses[3]);
    let per = |course: &Course| course.looks.last().map_or(f64::NAN, |look| look.1 / look.0);
    let common = courses
        .iter()
        .filter_map(|c| c.looks.last())
        .map(|look| look.0)
        .fold(f64::INFINITY, f64::min);
    let (by_step, by_second): (Vec<f64>, Vec<f64>) = courses
        .iter()
        .map(|c| (c.loss_at(common, |l| l.0), c.loss_at(seconds, |l| l.1)))
        .unzip();
    let list = |losses: &[f64]| {
        let words = courses
            .iter()
            .zip(losses)
            .map(|(c, &loss)| format!("{} for {}", short(loss), c.name(n)));
        words.collect::<Vec<_>>().join(", ")
    };
    let first = eights.looks.first().map_or(f64::NAN, |look| look.3);
    let last = eights.looks.last().map_or(f64::NAN, |look| look.3);
    let sizes = Claim {
        words: "Smaller mini-batches are faster, but may need more iterations; larger ones give a more reliable gradient and are slower (\"Extracting batches from the data\").",
        measured: format!(
            "A step takes {} us for one sample and {} us for all {n}. After {common} steps the mean loss is {}; after {seconds} s of steps {}.",
            short(1e6 * per(online)),
            short(1e6 * per(all)),
            list(&by_step),
            list(&by_second)
        ),
        verdict: match (per(online) < per(all), by_second[1] < by_second[3]) {
            (true, true) => Verdict::Held,
            (true, false) => Verdict::InPart,
            _ => Verdict::Failed,
        },
    };
    let stationary = Claim {
        words: "SGD converges to a stationary point in average, albeit with noisy steps (\"Characteristics of stochastic GD\").",
        measured: format!(
            "M = 8: the norm of the gradient over all samples falls from {} to {} in {} steps, {} times.",
            short(first),
            short(last),
            eights.norms.len(),
            short(first / last)
        ),
        verdict: if last < 0.3 * first {
            Verdict::Held
        } else {
            Verdict::Failed
        },
    };
    Ok(vec![
        Figure {
            name: "loss_per_step",
            chart: per_step,
            caption: "Mean loss over all samples against the number of steps, for four sizes of mini-batches. The lines run close together, so each is marked at points of its own.".into(),
            claims: vec![sizes],
        },
        Figure {
            name: "loss_per_second",
            chart: per_second,
            caption: "The same runs against the time that their steps took: while a large batch takes one step, a small one takes many.".into(),
            claims: Vec::new(),
        },
        Figure {
            name: "gradient_norms",
            chart: norms,
            caption: "Norm of the gradient over all samples along the same runs (lines), and norm of the gradient of the mini-batch by which the run with M = 8 steps (crosses).".into(),
            claims: vec![stationary],
        },
    ])
}
