//! `pushpull train`: mini-batches on the user's samples, or a search for hyper-parameters.

use pushpull_files::{Element, output, weights};
use pushpull_train::{
    Bar, CheckpointFault, Model, Optimiser, Saver, Settings, Space, Strategy, TrainError, Training,
};

use crate::fault::Fault;
use crate::options::train::{Method, Search, Train};
use crate::options::{Precision, Reduction};

mod parts;
mod report;

use parts::Parts;

/// Runs the command; the text for stdout.
pub fn run(asked: &Train, json: bool) -> Result<String, Fault> {
    let network = asked.net.network(Reduction::Mean);
    network.check()?;
    let inputs: Vec<&std::path::Path> = asked.data.iter().map(AsRef::as_ref).collect();
    let outputs = [&asked.weights, &asked.table, &asked.checkpoint];
    for (i, file) in outputs.iter().enumerate() {
        let Some(file) = file else { continue };
        output::check("--output", file, &inputs)?;
        if outputs[..i]
            .iter()
            .any(|other| other.as_ref() == Some(file))
        {
            let got = format!("{} twice", file.display());
            let remedy = "give each output a name of its own";
            return Err(Fault::option(
                "--weights, --table, --checkpoint",
                "different files",
                got,
                remedy,
            ));
        }
    }
    if asked.momentum.is_some() && asked.optimiser != Method::Sgd {
        let remedy = "leave it out, or choose sgd";
        return Err(Fault::option(
            "--momentum",
            "--optimiser sgd",
            "--optimiser adam",
            remedy,
        ));
    }
    let parts = Parts::of(asked, &network)?;
    match asked.dtype {
        Precision::F32 => at::<f32>(asked, &parts, json),
        Precision::F64 => at::<f64>(asked, &parts, json),
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
        mode: asked.mode,
        seed: asked.seed,
        threads: asked.threads,
        patience: asked.patience,
        ..Settings::default()
    }
}

fn at<T>(asked: &Train, parts: &Parts, json: bool) -> Result<String, Fault>
where
    T: Element + pushpull_train::Precision,
{
    match asked.search {
        Some(kind) => search::<T>(asked, kind, parts, json),
        None => train::<T>(asked, parts, json),
    }
}

fn train<T>(asked: &Train, parts: &Parts, json: bool) -> Result<String, Fault>
where
    T: Element + pushpull_train::Precision,
{
    let net = &asked.net;
    let model = Model::mlp(&net.layers.0, net.activation, net.loss)?;
    let mut training =
        Training::<T>::new(&model, settings(asked), &parts.train, Some(&parts.valid))?;
    if let Some(every) = asked.shadow {
        training = training.with_shadow(every).map_err(|fault| match fault {
            TrainError::Core(fault) => Fault::Engine(fault),
            fault => Fault::Train(fault),
        })?;
    }
    if let Some(path) = &asked.checkpoint {
        match training.restore(path) {
            Ok(()) if asked.resume => {}
            Err(TrainError::Checkpoint {
                fault: CheckpointFault::Missing,
                ..
            }) => {}
            Err(fault) if asked.resume => return Err(fault.into()),
            _ => {
                let got = format!("{}, which exists", path.display());
                let remedy = "go on from it with --resume, or choose another name";
                return Err(Fault::option("--checkpoint", "a new file", got, remedy));
            }
        }
    }
    let saver = asked
        .checkpoint
        .as_ref()
        .map(|path| match asked.save_every {
            Some(steps) => Saver::every_steps(path, steps),
            None => Saver::every_epoch(path),
        });
    let mut watch = (saver, Bar::new(&training));
    let end = training.run(&mut watch)?;
    let kept = match asked.patience {
        Some(_) => (training.best().epoch, &training.best().params[..]),
        None => (training.history().len() as u64, training.params()),
    };
    let mut files = Vec::new();
    if let Some(path) = &asked.weights {
        let params = parts.raw(&net.layers.0, kept.1)?;
        let bytes = weights::network(path, &net.layers.0, &params)?;
        output::write(path, &bytes)?;
        files.push(path.clone());
    }
    if let Some(path) = &asked.table {
        output::write(path, report::csv(training.history()).as_bytes())?;
        files.push(path.clone());
    }
    files.extend(asked.checkpoint.clone());
    let report = report::Report::new(asked, parts, &training, end, kept.0, files);
    Ok(if json { report.json() } else { report.text() })
}

fn search<T>(asked: &Train, kind: Search, parts: &Parts, json: bool) -> Result<String, Fault>
where
    T: Element + pushpull_train::Precision,
{
    let (net, settings) = (&asked.net, settings(asked));
    let or = |given: Vec<Vec<usize>>, own: &[usize]| {
        if given.is_empty() {
            vec![own.to_vec()]
        } else {
            given
        }
    };
    let own = &net.layers.0[1..net.layers.0.len() - 1];
    let space = Space {
        hidden: or(
            asked.hidden.iter().map(|widths| widths.0.clone()).collect(),
            own,
        ),
        activations: match &asked.activations[..] {
            [] => vec![net.activation],
            given => given.to_vec(),
        },
        rates: match &asked.rates[..] {
            [] => vec![settings.optimiser.rate()],
            given => given.to_vec(),
        },
        batches: match &asked.batches[..] {
            [] => vec![asked.batch],
            given => given.to_vec(),
        },
    };
    let strategy = match kind {
        Search::Grid => Strategy::Grid,
        Search::Random => Strategy::Random {
            trials: asked.trials,
            seed: asked.seed,
        },
    };
    let (train, valid) = (&parts.train, &parts.valid);
    let bar = report::Trials::default();
    let ranking = pushpull_train::search::<T>(
        &space,
        strategy,
        net.loss,
        &settings,
        train,
        valid,
        |trial, of| bar.note(trial, of),
    )?;
    bar.end();
    if let Some(path) = &asked.table {
        output::write(path, ranking.to_csv().as_bytes())?;
    }
    Ok(report::ranking(&ranking, json))
}
