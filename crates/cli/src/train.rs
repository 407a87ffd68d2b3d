//! `pushpull train`: mini-batches on the user's samples, or a search for hyper-parameters.

use std::path::Path;

use pushpull_files::Element;
use pushpull_files::weights::Weights;
use pushpull_train::{Optimiser, Settings};

use crate::destination::{self, Named};
use crate::fault::{Failed, Fault};
use crate::network::Network;
use crate::options::precision::Precision;
use crate::options::reduction::Reduction;
use crate::options::train::{Method, Train};
use crate::ranks::{Alone, Ranks};

mod curves;
pub mod parts;
mod ranking;
mod report;
mod run;
mod search;

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
        ("--weights", &asked.weights, &[][..]),
        ("--table", &asked.table, &[]),
        ("--checkpoint", &asked.checkpoint, &[]),
        ("--plot", &asked.plot, &curves::FILES),
    ];
    let outputs = outputs.iter();
    let outputs =
        outputs.filter_map(|&(option, file, files)| Some((option, file.as_deref()?, files)));
    let outputs: Vec<Named> = outputs.collect();
    // Only the first rank may have the place for what it writes.
    if ranks.is_first() {
        destination::check(&outputs, &inputs)?;
    }
    if asked.from.is_none() {
        asked.net.names.without_weights("--from")?;
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
    rates(asked)?;
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

/// Refuses a learning rate that the type of numbers rounds to 0 or to infinity.
fn rates(asked: &Train) -> Result<(), Fault> {
    let given = asked.rate.iter().map(|rate| ("--rate", *rate));
    let tried = asked.rates.iter().map(|rate| ("--rates", *rate));
    let lost = |(_, rate): &(_, f64)| *rate != 0.0 && !(*rate as f32).is_normal();
    match given.chain(tried).find(lost) {
        Some((option, rate)) if asked.dtype == Precision::F32 => Err(Fault::option(
            option,
            format!(
                "a rate from {:e} to {:e}, as f32 holds them",
                f32::MIN_POSITIVE,
                f32::MAX
            ),
            format!("{rate:e}"),
            "choose another, or use --dtype f64",
        )),
        _ => Ok(()),
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
}
