//! `pushpull train`: mini-batches on the user's samples, or a search for hyper-parameters.

use std::ops::ControlFlow;
use std::path::Path;

use pushpull_core::Real;
use pushpull_files::weights::{self, Weights};
use pushpull_files::{Element, output};
use pushpull_train::{Bar, Model, Optimiser, Saver, Settings, Step, TrainError, Training, Watch};

use crate::fault::{Failed, Fault};
use crate::network::Network;
use crate::options::train::{Method, Train};
use crate::options::{Precision, Reduction};
use crate::ranks::{Alone, Ranks};
use crate::{interrupt, long, screen};

mod curves;
pub mod parts;
mod report;
mod search;

use curves::curves;
use parts::Parts;

/// Runs `pushpull train` on ranks; what the first of them has to say.
///
/// # Errors
/// [`Failed`], with the exit code that the program would have.
pub fn train_on(asked: &Train, json: bool, ranks: &impl Ranks) -> Result<String, Failed> {
    Ok(run_on(asked, json, ranks)?)
}

/// Runs the command; the text for stdout.
pub fn run(asked: &Train, json: bool) -> Result<String, Fault> {
    run_on(asked, json, &Alone)
}

fn run_on(asked: &Train, json: bool, ranks: &impl Ranks) -> Result<String, Fault> {
    let inputs = [&asked.data, &asked.from].into_iter().flatten();
    let inputs: Vec<&Path> = inputs.map(AsRef::as_ref).collect();
    let inputs = asked.columns.files(&inputs);
    let outputs = [
        ("--weights", &asked.weights),
        ("--table", &asked.table),
        ("--checkpoint", &asked.checkpoint),
    ];
    let outputs = outputs.map(|(option, file)| Some((option, file.as_deref()?)));
    let outputs: Vec<(&str, &Path)> = outputs.into_iter().flatten().collect();
    // Only the first rank may have the place for what it writes.
    for (option, file) in outputs.iter().filter(|_| ranks.is_first()) {
        output::check(option, file, &inputs)?;
    }
    output::distinct(&outputs)?;
    if let (Some(directory), true) = (&asked.plot, ranks.is_first()) {
        output::check_directory("--plot", directory)?;
    }
    let (network, from) = asked.net.network(Reduction::Mean, asked.from.as_deref())?;
    if asked.momentum.is_some() && asked.optimiser != Method::Sgd {
        let remedy = "leave it out, or choose sgd";
        return Err(Fault::option(
            "--momentum",
            "--optimiser sgd",
            "--optimiser adam",
            remedy,
        ));
    }
    let parts = match asked.dtype {
        Precision::F32 => Parts::of::<f32>(asked, &network)?,
        Precision::F64 => Parts::of::<f64>(asked, &network)?,
    };
    let work = Work {
        asked,
        network: &network,
        parts: &parts,
        json,
        ranks,
    };
    match asked.dtype {
        Precision::F32 => work.at::<f32>(from),
        Precision::F64 => work.at::<f64>(from),
    }
}

fn settings(asked: &Train) -> Settings {
    let optimiser = match asked.optimiser {
        Method::Adam => Optimiser::adam(asked.rate.unwrap_or(1e-3)),
        Method::Sgd => {
            Optimiser::momentum(asked.rate.unwrap_or(1e-2), asked.momentum.unwrap_or(0.0))
        }
    };
    Settings {
        epochs: asked.epochs,
        batch: asked.batch,
        optimiser,
        decay: asked.decay,
        l1: asked.l1,
        l2: asked.l2,
        mode: asked.mode,
        seed: asked.seed,
        threads: asked.threads,
        patience: asked.patience,
        ..Settings::default()
    }
}

/// What is trained, and on what.
struct Work<'a, R> {
    asked: &'a Train,
    network: &'a Network,
    parts: &'a Parts,
    json: bool,
    ranks: &'a R,
}

impl<R: Ranks> Work<'_, R> {
    fn at<T>(&self, from: Option<Weights>) -> Result<String, Fault>
    where
        T: Element + pushpull_train::Precision,
    {
        match self.asked.search {
            Some(kind) => self.search::<T>(kind),
            None => self.train::<T>(from),
        }
    }

    fn train<T>(&self, from: Option<Weights>) -> Result<String, Fault>
    where
        T: Element + pushpull_train::Precision,
    {
        let Self {
            asked,
            network,
            parts,
            json,
            ranks,
        } = *self;
        let widths = &network.widths[..];
        let model = Model::of(network.mlp(), network.loss)?;
        // Held while the run goes on.
        let own = asked.checkpoint.as_deref().filter(|_| ranks.is_first());
        let lock = own.map(output::Lock::of);
        let lock = lock.transpose()?;
        if let Some(said) = lock.as_ref().and_then(output::Lock::said) {
            screen::remark(&[said.to_owned()]);
        }
        let mut training =
            ranks.training::<T>(&model, settings(asked), &parts.train, &parts.valid)?;
        let mut layers = None;
        if let Some(mut weights) = from {
            let raw = weights.read::<f64>()?;
            let start: Vec<T> = parts.standard(widths, &with_biases(network, raw))?;
            training.start_from(&start).map_err(Fault::Train)?;
            layers = weights
                .biases()
                .iter()
                .all(|bias| *bias)
                .then(|| weights.layers().to_vec());
        }
        if let Some(every) = asked.shadow {
            training = training.with_shadow(every).map_err(|fault| match fault {
                TrainError::Core(fault) => Fault::Engine(fault),
                fault => Fault::Train(fault),
            })?;
        }
        if let Some(path) = &asked.checkpoint {
            match ranks.restore(&mut training, path) {
                Ok(false) => {}
                Ok(true) if asked.resume => {}
                Err(fault) if asked.resume => return Err(fault.into()),
                _ => {
                    let got = format!("{}, which exists", path.display());
                    let remedy = "go on from it with --resume, or choose another name";
                    return Err(Fault::option("--checkpoint", "a new file", got, remedy));
                }
            }
        }
        let saver = own.map(|path| match asked.save_every {
            Some(steps) => Saver::every_steps(path, steps),
            None => Saver::every_epoch(path),
        });
        let steps = training.steps().saturating_sub(training.steps_done());
        if let (true, Some(forecast)) = (ranks.is_first(), long::training(asked, network, steps)) {
            forecast.announce();
        }
        let interrupted = ranks.may_stop().then_some(Interrupted);
        let bar = ranks.is_first().then(|| Bar::new(&training));
        let mut watch = ((saver, interrupted), bar);
        if ranks.may_stop() {
            interrupt::listen();
        }
        let end = training.run(&mut watch)?;
        let kept = match asked.patience {
            Some(_) => (training.best().epoch, &training.best().params[..]),
            None => (training.history().len() as u64, training.params()),
        };
        if !ranks.is_first() {
            return Ok(String::new());
        }
        let mut files = Vec::new();
        if let Some(path) = &asked.weights {
            let params: Vec<T> = parts.raw(widths, kept.1)?;
            let bytes = match &layers {
                Some(layers) => weights::like(path, layers, &params, &parts.classes)?,
                None => weights::network(path, widths, &params, &parts.classes)?,
            };
            output::write(path, &bytes)?;
            files.push(path.clone());
        }
        if let Some(path) = &asked.table {
            output::write(path, report::csv(training.history()).as_bytes())?;
            files.push(path.clone());
        }
        if let Some(directory) = &asked.plot {
            files.extend(output::write_all(directory, |aside| {
                curves(network, training.history())
                    .save(&aside.join("learning.png"))
                    .map_err(Fault::from)
            })?);
        }
        let test = parts
            .test
            .as_ref()
            .map(|test| model.metrics(kept.1, test))
            .transpose()?;
        files.extend(asked.checkpoint.clone());
        let report = report::Report::new(
            asked,
            network,
            parts,
            &training,
            report::Outcome {
                end,
                kept: kept.0,
                test,
                files,
            },
        );
        let text = if json { report.json() } else { report.text() };
        if !interrupt::came() {
            return Ok(text);
        }
        screen::say(&text)?;
        Err(Fault::Interrupted {
            remedy: match &asked.checkpoint {
                Some(path) => format!("go on with --checkpoint {} --resume", path.display()),
                None => "give --checkpoint to be able to continue a run".into(),
            },
        })
    }
}

/// Ends a run between its steps when the user asks for it.
struct Interrupted;

impl<T: pushpull_train::Precision> Watch<T> for Interrupted {
    fn step(&mut self, _: &Training<T>, _: &Step) -> Result<ControlFlow<()>, TrainError> {
        Ok(match interrupt::came() {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        })
    }
}

/// Parameters with zeros for the biases that a network has not.
pub fn with_biases<T: Real>(network: &Network, params: Vec<T>) -> Vec<T> {
    let (mut all, mut rest) = (Vec::with_capacity(params.len()), &params[..]);
    for (i, pair) in network.widths.windows(2).enumerate() {
        let own = pair[0] * pair[1] + if network.has_bias(i) { pair[1] } else { 0 };
        let (own, after) = rest.split_at(own.min(rest.len()));
        rest = after;
        all.extend_from_slice(own);
        if !network.has_bias(i) {
            all.extend(vec![T::zero(); pair[1]]);
        }
    }
    all
}
