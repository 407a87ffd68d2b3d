//! The three data sets of this repository, trained and judged on samples that were held out:
//!
//! - digits: 64-128-128-10, ReLU, softmax cross-entropy; at least 96 % of the validation part right;
//! - breast cancer: 30-16-1, tanh, sigmoid cross-entropy; at least 95 %, over several splits;
//! - diabetes: 10-16-1, tanh, least squares, against the exact linear least-squares fit on the same samples.
//!
//! Standard errors allow for splits that share samples (Nadeau and Bengio 2003).
//!
//! `cargo run --release --example three_data_sets`

use std::error::Error;

use nalgebra::{DMatrix, DVector};
use pushpull_core::blocks::{Activation, Loss};
use pushpull_data::{Dataset, directory};
use pushpull_train::{Bar, Model, Optimiser, Samples, Scaling, Settings, Split, Training};

type Outcome<R> = Result<R, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get().min(2));
    digits(threads)?;
    breast_cancer()?;
    diabetes()
}

/// A part of samples with the inputs, and for a regression the targets, standardised by the training part.
struct Standard {
    inputs: Scaling,
    targets: Option<Scaling>,
}

impl Standard {
    fn of(train: &Samples, regression: bool) -> Self {
        Self {
            inputs: Scaling::of(train.inputs()),
            targets: regression.then(|| Scaling::of(train.targets())),
        }
    }

    fn apply(&self, part: &Samples) -> Outcome<Samples> {
        let targets = match &self.targets {
            Some(scaling) => scaling.apply(part.targets())?,
            None => part.targets().clone(),
        };
        Ok(Samples::new(self.inputs.apply(part.inputs())?, targets)?)
    }
}

fn reached(name: &str, accuracy: f64, target: f64) -> Outcome<()> {
    if accuracy >= target {
        return Ok(());
    }
    Err(format!("{name}: expected an accuracy of at least {target}, got {accuracy}").into())
}

fn digits(threads: usize) -> Outcome<()> {
    let set = Dataset::digits(&directory())?;
    let samples = Samples::new(set.inputs, set.targets)?;
    let split = Split::stratified(&samples.classes(), 0.2, 0)?;
    let (train, valid) = (samples.pick(&split.train)?, samples.pick(&split.valid)?);
    let standard = Standard::of(&train, false);
    let (train, valid) = (standard.apply(&train)?, standard.apply(&valid)?);
    let model = Model::mlp(
        &[64, 128, 128, 10],
        Activation::Relu,
        Loss::SoftmaxCrossEntropy,
    )?;
    // No early stopping: the number of epochs is fixed before the validation part is looked at.
    let settings = Settings {
        epochs: 30,
        batch: 32,
        threads,
        ..Settings::default()
    };
    let mut training = Training::<f32>::new(&model, settings, &train, Some(&valid))?;
    let mut bar = Bar::new(&training);
    training.run(&mut bar)?;
    let sum = |seconds: fn(&pushpull_train::Epoch) -> f64| {
        training.history().iter().map(seconds).sum::<f64>()
    };
    let last = training.history().last().ok_or("no epoch")?;
    let metrics = last.valid.ok_or("no validation part")?;
    println!(
        "digits, 64-128-128-10, {} epochs of blocks of 32 on {threads} threads: {:.2} s in steps, {:.2} s in metrics",
        last.number,
        sum(|e| e.seconds),
        sum(|e| e.evaluation_seconds)
    );
    println!("    training part ({}): {}", train.len(), last.train);
    println!("    validation part ({}): {metrics}", valid.len());
    reached("digits", metrics.score.value(), 0.96)
}

fn breast_cancer() -> Outcome<()> {
    let set = Dataset::breast_cancer(&directory())?;
    let samples = Samples::new(set.inputs, set.targets)?;
    let model = Model::mlp(&[30, 16, 1], Activation::Tanh, Loss::SigmoidCrossEntropy)?;
    let (mut scores, mut seconds, share) = (Vec::new(), 0.0, 0.2);
    for seed in 0..10 {
        let split = Split::stratified(&samples.classes(), share, seed)?;
        let (train, valid) = (samples.pick(&split.train)?, samples.pick(&split.valid)?);
        let standard = Standard::of(&train, false);
        let (train, valid) = (standard.apply(&train)?, standard.apply(&valid)?);
        let settings = Settings {
            epochs: 40,
            batch: 32,
            seed,
            ..Settings::default()
        };
        let mut training = Training::<f64>::new(&model, settings, &train, Some(&valid))?;
        training.run(&mut ())?;
        seconds += training.history().iter().map(|e| e.seconds).sum::<f64>();
        let last = training.history().last().and_then(|epoch| epoch.valid);
        scores.push(last.ok_or("no validation part")?.score.value());
    }
    let (accuracy, n) = (mean(&scores), scores.len() as f64);
    let error = deviation(&scores) * (1.0 / n + share / (1.0 - share)).sqrt();
    let lowest = scores.iter().copied().fold(1.0, f64::min);
    println!(
        "breast cancer, 30-16-1, 40 epochs, {} splits: {seconds:.2} s in steps",
        scores.len()
    );
    println!(
        "    validation accuracy {accuracy:.4} +- {error:.4} (standard error), lowest {lowest:.4}"
    );
    reached("breast cancer", accuracy, 0.95)
}

/// Networks whose outputs are averaged.
const AVERAGED: u64 = 10;

/// A known and a test part, in several splits. A network stops early on a validation part out of the known one; the exact
/// fit has no need of one and gets all that is known. Then ten networks, each with a validation part of its own, are
/// averaged, so that they too have seen all that is known. All are judged on the test part alone.
fn diabetes() -> Outcome<()> {
    let set = Dataset::diabetes(&directory())?;
    let samples = Samples::new(set.inputs, set.targets)?;
    let (mut single, mut average, mut linear) =
        (Scores::default(), Scores::default(), Scores::default());
    let mut seconds = 0.0;
    let share = 0.2;
    for seed in 0..30 {
        let split = Split::plain(samples.len(), share, seed)?;
        let (known, test) = (samples.pick(&split.train)?, samples.pick(&split.valid)?);
        let standard = Standard::of(&known, true);
        let (known, test) = (standard.apply(&known)?, standard.apply(&test)?);
        let weights = exact_fit(&known)?;
        let fitted = |part: &Samples| {
            let x = part.inputs();
            DMatrix::from_fn(1, x.ncols(), |_, j| {
                weights[0] + x.column(j).dot(&weights.rows(1, x.nrows()))
            })
        };
        linear.note(r2(&fitted(&known), &known), r2(&fitted(&test), &test));
        let mut sums = [&known, &test].map(|part| DMatrix::zeros(1, part.len()));
        for member in 0..AVERAGED {
            let (outputs, took) = network(&known, &test, seed * AVERAGED + member)?;
            seconds += took;
            if member == 0 {
                single.note(r2(&outputs[0], &known), r2(&outputs[1], &test));
            }
            sums.iter_mut()
                .zip(outputs)
                .for_each(|(sum, output)| *sum += output);
        }
        let [on_known, on_test] = sums.map(|sum| sum / AVERAGED as f64);
        average.note(r2(&on_known, &known), r2(&on_test, &test));
    }
    println!(
        "diabetes, 10-16-1, early stopping, {} splits: {seconds:.2} s in steps",
        linear.test.len()
    );
    println!(
        "    R2 on the test part: exact linear least squares {:.4}",
        mean(&linear.test)
    );
    single.against(&linear, "one network", share);
    average.against(&linear, "the mean of ten", share);
    Ok(())
}

/// The outputs on the known and on the test part of one network, and the seconds of its steps.
fn network(known: &Samples, test: &Samples, seed: u64) -> Outcome<([DMatrix<f64>; 2], f64)> {
    let model = Model::mlp(&[10, 16, 1], Activation::Tanh, Loss::SquaredError)?;
    let split = Split::plain(known.len(), 0.2, seed)?;
    let (train, valid) = (known.pick(&split.train)?, known.pick(&split.valid)?);
    let settings = Settings {
        epochs: 400,
        batch: 32,
        optimiser: Optimiser::adam(2e-3),
        decay: 1.0,
        patience: Some(40),
        seed,
        ..Settings::default()
    };
    let mut training = Training::<f64>::new(&model, settings, &train, Some(&valid))?;
    training.run(&mut ())?;
    let best = &training.best().params;
    let outputs = [
        model.outputs(best, known.inputs())?,
        model.outputs(best, test.inputs())?,
    ];
    Ok((outputs, training.history().iter().map(|e| e.seconds).sum()))
}

/// R2 of each split.
#[derive(Debug, Default)]
struct Scores {
    known: Vec<f64>,
    test: Vec<f64>,
}

impl Scores {
    fn note(&mut self, known: f64, test: f64) {
        self.known.push(known);
        self.test.push(test);
    }

    /// Prints the gain over the linear fit. The splits share samples, so the variance of their mean is that of Nadeau and
    /// Bengio (2003): `variance (1 / splits + test / known)`.
    fn against(&self, linear: &Self, name: &str, share: f64) {
        let gains = |ours: &[f64], theirs: &[f64]| -> Vec<f64> {
            ours.iter().zip(theirs).map(|(a, b)| a - b).collect()
        };
        let (gain, known) = (
            gains(&self.test, &linear.test),
            mean(&gains(&self.known, &linear.known)),
        );
        let (test, n) = (mean(&gain), gain.len() as f64);
        let error = deviation(&gain) * (1.0 / n + share / (1.0 - share)).sqrt();
        let wins = gain.iter().filter(|gain| **gain > 0.0).count();
        println!(
            "    {name}: {:.4}, a gain of {test:.4} +- {error:.4} (standard error), above 0 in {wins} of {n} splits",
            mean(&self.test)
        );
        let verdict = if test > 2.0 * error {
            "beats linear least squares"
        } else if test < -2.0 * error {
            "is beaten by linear least squares"
        } else if test > 0.0 {
            "is above linear least squares on average, by less than two standard errors"
        } else {
            "is not above linear least squares"
        };
        println!("        {verdict}; on the samples that both knew the gain is {known:.4}");
        if test <= 2.0 * error && known > test {
            let lost = 100.0 * (1.0 - test / known);
            println!(
                "        why: {lost:.0} % of what it finds there beyond the linear fit does not carry over to other samples"
            );
        } else if test <= 2.0 * error {
            println!(
                "        why: it fits no better than a linear model even what it knows, so it finds nothing to carry over"
            );
        }
    }
}

/// Weights with the offset first, by singular values.
fn exact_fit(samples: &Samples) -> Outcome<DVector<f64>> {
    let (x, y) = (samples.inputs(), samples.targets());
    let design = DMatrix::from_fn(x.ncols(), x.nrows() + 1, |j, i| {
        if i == 0 { 1.0 } else { x[(i - 1, j)] }
    });
    Ok(design.svd(true, true).solve(&y.row(0).transpose(), 1e-12)?)
}

fn r2(outputs: &DMatrix<f64>, samples: &Samples) -> f64 {
    let y = samples.targets();
    let (errors, centre) = ((y - outputs).norm_squared(), y.mean());
    1.0 - errors / y.map(|y| (y - centre).powi(2)).sum()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn deviation(values: &[f64]) -> f64 {
    let centre = mean(values);
    let squares: f64 = values.iter().map(|v| (v - centre).powi(2)).sum();
    (squares / (values.len() as f64 - 1.0)).sqrt()
}
