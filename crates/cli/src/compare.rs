//! `pushpull compare`: every mode's exact flops and bytes on the user's own network, and its measured time.

use std::path::PathBuf;

use pushpull_bench::machine::Machine;
use pushpull_core::{Dual, Init, Scalar};
use pushpull_files::weights::Weights;
use pushpull_files::{Element, output};
use serde::Serialize;

use crate::fault::Fault;
use crate::given::Given;
use crate::network::Network;
use crate::options::{Compare, Precision, Reduction};
use crate::{interrupt, screen};

mod contender;
mod picture;
mod table;

use contender::{Effort, Row};

/// The seed of the parameters.
const SEED: u64 = 1;

/// What is compared, and where.
#[derive(Clone, Debug, Serialize)]
struct Setting {
    network: String,
    activation: String,
    loss: &'static str,
    params: usize,
    batch: usize,
    data: String,
    dtype: &'static str,
    threads: usize,
    optimised: bool,
    cpu: String,
}

/// Runs the command; the text for stdout.
pub fn run(asked: &Compare, json: bool) -> Result<String, Fault> {
    output::check_directory("--output", &asked.output)?;
    let (network, weights) = asked
        .net
        .network(Reduction::Sum, asked.weights.as_deref())?;
    match asked.dtype {
        Precision::F32 => at::<f32>(asked, &network, weights, json),
        Precision::F64 => at::<f64>(asked, &network, weights, json),
    }
}

fn at<T: Element>(
    asked: &Compare,
    network: &Network,
    weights: Option<Weights>,
    json: bool,
) -> Result<String, Fault>
where
    Dual<T>: Scalar,
{
    let Given { data, graph, x } =
        Given::<T>::new(asked.data.as_deref(), &asked.columns, network, asked.batch)?;
    let params: Vec<T> = match weights {
        Some(mut weights) => weights.read()?,
        None => graph.layout().init(Init::Glorot, SEED),
    };
    let effort = Effort {
        threads: asked.threads,
        seconds: asked.seconds,
        double: asked.dtype == Precision::F64,
    };
    interrupt::listen();
    let rows = contender::measure::<T>(&graph, &params, &x, effort)?;
    let machine = Machine::read();
    let setting = Setting {
        network: network.name(),
        activation: network.activation(),
        loss: network.loss.name(),
        params: graph.n_params(),
        batch: x.ncols(),
        data,
        dtype: T::NAME,
        threads: asked.threads,
        optimised: machine.optimised,
        cpu: machine.cpu,
    };
    let files = output::write_all(&asked.output, |aside| {
        table::save(&aside.join("modes.csv"), &setting, &rows)?;
        picture::save(&aside.join("compare.png"), &setting, &rows)
    })?;
    let said = if json {
        let report = Report {
            setting,
            modes: &rows,
            files,
        };
        screen::json(&report)?
    } else {
        table::text(&setting, &rows, &files)
    };
    if !interrupt::came() {
        return Ok(said);
    }
    screen::say(&said)?;
    Err(Fault::Interrupted {
        remedy: "modes that were not run are predicted, times are of one round: run it again"
            .into(),
    })
}

#[derive(Serialize)]
struct Report<'a> {
    #[serde(flatten)]
    setting: Setting,
    modes: &'a [Row],
    files: Vec<PathBuf>,
}
