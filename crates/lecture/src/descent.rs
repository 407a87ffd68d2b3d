//! Gradient descent against SGD: as paths, per step, and per second.

use std::time::Instant;

use nalgebra::DMatrix;
use pushpull_bench::claims::{Claim, Verdict};
use pushpull_bench::rounds::quartiles;
use pushpull_bench::sweep::Extent;
use pushpull_core::Question;
use pushpull_core::blocks::{Activation, Loss};
use pushpull_core::siblings::figures::grouped;
use pushpull_data::{Dataset, directory};
use pushpull_plot::{Axis, Colour, Contours, LineChart, Marker, Series};
use pushpull_reverse_mode::Reverse;
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
            "After {steps} steps the distance from the optimum is {} for a run of SGD, on average over {runs} runs; {} for the mean of the points where they end; and {} for gradient descent.",
            short(alone),
            short(together),
            short(from(full[steps as usize]))
        ),
        verdict: Verdict::of(together < 0.3 * alone),
    };
    Ok(Figure {
        name: "descent_paths",
        chart,
        caption: "Paths of gradient descent and of SGD over the contours of the objective. SGD's steps are noisy and stay around the optimum; those of gradient descent lead straight to it.".into(),
        claims: vec![claim],
    })
}

/// How far a run goes: as long as the passes or the seconds are not over.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Budget {
    /// Passes over the data, after which claims are judged: the same flops for every size of blocks, on any machine.
    passes: u64,
    /// Seconds of steps that the pictures show.
    seconds: f64,
}

/// A moment of a run.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Look {
    steps: f64,
    /// Of the steps.
    seconds: f64,
    /// The mean loss over all data.
    loss: f64,
    /// The norm of its gradient.
    slope: f64,
}

/// A run with one size of blocks.
struct Course {
    batch: usize,
    looks: Vec<Look>,
    /// The look after the budget's passes.
    judged: Look,
    /// Norm of the gradient of the step's own block, per step.
    norms: Vec<f64>,
    /// Quartiles of the seconds of a step.
    step: [f64; 3],
    /// Of the gradient of a step.
    flops: u64,
}

impl Course {
    /// Trains within a budget; looks are not in the time.
    fn run(samples: &Samples, model: &Model, batch: usize, budget: Budget) -> Result<Self, Fault> {
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
        let (mut looks, mut norms, mut times) = (Vec::new(), Vec::new(), Vec::new());
        let mut judged = None;
        while judged.is_none() || spent < budget.seconds {
            let since = Instant::now();
            let Some(step) = training.step()? else { break };
            let mut seconds = since.elapsed().as_secs_f64();
            // A step that ends an epoch also judges it; that is no part of descent.
            if step.ends_epoch {
                let last = training.history().last();
                seconds -= last.map_or(0.0, |epoch| epoch.evaluation_seconds);
            }
            spent += seconds;
            times.push(seconds);
            steps += 1;
            norms.push(step.gradient_norm);
            let ends = step.ends_epoch && step.epoch == budget.passes;
            let due = steps as f64 >= next;
            if ends || due {
                let loss = model.metrics(training.params(), samples)?.loss;
                let slope = gradient(model.objective(), training.params(), &x)?;
                let look = Look {
                    steps: steps as f64,
                    seconds: spent,
                    loss,
                    slope: norm(slope) / samples.len() as f64,
                };
                looks.push(look);
                if ends {
                    judged = Some(look);
                }
                if due {
                    next = (next * 1.5).max(next + 1.0);
                }
            }
        }
        let plan = Reverse::plan(model.objective(), batch, Question::Gradient);
        Ok(Self {
            batch,
            judged: judged.unwrap_or(Look {
                steps: steps as f64,
                seconds: spent,
                loss: f64::NAN,
                slope: f64::NAN,
            }),
            looks,
            norms,
            step: quartiles(times),
            flops: plan.prediction::<f64>()?.cost.flops,
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
    fn loss_at(&self, limit: f64, of: fn(&Look) -> f64) -> f64 {
        let mut before = self.looks.iter().filter(|look| of(look) <= limit);
        before.next_back().map_or(f64::NAN, |look| look.loss)
    }
}

fn batch_sizes(extent: Extent) -> Result<Vec<Figure>, Fault> {
    let samples = digits()?;
    let n = samples.len();
    let model = Model::mlp(&[64, 32, 10], Activation::Relu, Loss::SoftmaxCrossEntropy)?;
    let budget = match extent {
        Extent::Full => Budget {
            passes: 100,
            seconds: 1.5,
        },
        Extent::Quick => Budget {
            passes: 5,
            seconds: 0.05,
        },
    };
    let mut courses = Vec::new();
    for batch in [1, 8, 64, n] {
        courses.push(Course::run(&samples, &model, batch, budget)?);
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
        let points = |x: fn(&Look) -> f64, y: fn(&Look) -> f64| -> Vec<(f64, f64)> {
            course.looks.iter().map(|look| (x(look), y(look))).collect()
        };
        // Lines that run together are each marked at points of their own.
        let apart = |series: Series| series.marked(courses.len(), i);
        per_step.series.push(apart(Series::new(
            course.name(n),
            points(|l| l.steps, |l| l.loss),
        )));
        per_second.series.push(Series::new(
            course.name(n),
            points(|l| l.seconds, |l| l.loss),
        ));
        norms.series.push(apart(Series::new(
            format!("all samples, {}", course.name(n)),
            points(|l| l.steps, |l| l.slope),
        )));
    }
    let eights = &courses[1];
    let noisy: Vec<(f64, f64)> = eights
        .looks
        .iter()
        .filter_map(|look| {
            let own = *eights.norms.get(look.steps as usize - 1)?;
            (own > 0.0).then_some((look.steps, own))
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
    let common = courses
        .iter()
        .filter_map(|c| c.looks.last())
        .map(|look| look.steps)
        .fold(f64::INFINITY, f64::min);
    let list = |loss: &dyn Fn(&Course) -> f64| {
        let words = courses
            .iter()
            .map(|c| format!("{} for {}", short(loss(c)), c.name(n)));
        words.collect::<Vec<_>>().join(", ")
    };
    let time = |course: &Course| {
        let [low, median, high] = course.step.map(|seconds| short(1e6 * seconds));
        format!("{median} us ({low} to {high} by the quartiles)")
    };
    let first = eights.looks.first().map_or(f64::NAN, |look| look.slope);
    let last = eights.judged.slope;
    let (passes, seconds) = (budget.passes, budget.seconds);
    let sizes = Claim {
        words: "Smaller mini-batches are faster, but may need more iterations; larger ones give a more reliable gradient and are slower (\"Extracting batches from the data\").",
        measured: format!(
            "The gradient of a step takes {} flops for one sample and {} for all {n}. After {passes} passes over the data, which take the same flops for every M, the mean loss is {}. Measured beside it, and not judged: a step takes {} for one sample and {} for all; the mean loss is {} after {common} steps, and {} after {seconds} s of steps.",
            grouped(online.flops),
            grouped(all.flops),
            list(&|c| c.judged.loss),
            time(online),
            time(all),
            list(&|c| c.loss_at(common, |l| l.steps)),
            list(&|c| c.loss_at(seconds, |l| l.seconds)),
        ),
        verdict: smaller_is_faster(
            [online.flops, all.flops],
            [eights.judged.loss, all.judged.loss],
        ),
    };
    let stationary = Claim {
        words: "SGD converges to a stationary point on average, although with noisy steps (\"Characteristics of stochastic GD\").",
        measured: format!(
            "M = 8: the norm of the gradient over all samples falls from {} to {} in {} steps, by a factor of {}.",
            short(first),
            short(last),
            eights.judged.steps,
            short(first / last)
        ),
        verdict: Verdict::of(last < 0.3 * first),
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

/// Whether a step of few samples costs less than one of many, and fewer flops lead as far: by the flops of a step of the smallest
/// and the largest size, and by losses of a small and the largest one after the same flops.
fn smaller_is_faster(flops: [u64; 2], losses: [f64; 2]) -> Verdict {
    match (flops[0] < flops[1], losses[0] < losses[1]) {
        (true, true) => Verdict::Held,
        (true, false) => Verdict::InPart,
        _ => Verdict::Failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_judged_by_flops_and_by_losses_after_the_same_flops() {
        assert_eq!(smaller_is_faster([10, 1_000], [0.1, 0.9]), Verdict::Held);
        assert_eq!(smaller_is_faster([10, 1_000], [0.9, 0.1]), Verdict::InPart);
        assert_eq!(
            smaller_is_faster([10, 1_000], [f64::NAN, 0.1]),
            Verdict::InPart
        );
        assert_eq!(smaller_is_faster([1_000, 10], [0.1, 0.9]), Verdict::Failed);
    }

    #[test]
    fn a_course_is_judged_after_its_passes_however_long_they_take() {
        let (samples, model) = two_parameters().unwrap();
        let course = |seconds| {
            let budget = Budget { passes: 3, seconds };
            Course::run(&samples, &model, 100, budget).unwrap()
        };
        let (short, long) = (course(0.0), course(0.01));
        // 442 samples in blocks of 100: five steps a pass.
        assert_eq!((short.judged.steps, long.judged.steps), (15.0, 15.0));
        assert_eq!(short.norms.len(), 15);
        assert_eq!(short.judged.loss, long.judged.loss);
        assert_eq!(short.looks.last(), Some(&short.judged));
    }
}
