//! `pushpull compare`: every mode's exact flops and bytes on the user's own networks, and its measured time; of one network, or
//! of several at several batches and types of numbers.

use std::path::PathBuf;

use pushpull_bench::grid::Configuration;
use pushpull_bench::machine::Machine;
use pushpull_bench::progress::Progress;
use pushpull_bench::record::Dtype;
use pushpull_core::{Dual, Init, Scalar};
use pushpull_files::Element;
use serde::Serialize;

use crate::fault::Fault;
use crate::given::Given;
use crate::options::compare::Compare;
use crate::{interrupt, screen};

mod contender;
mod outputs;
mod picture;
mod subjects;
mod table;

use contender::{Effort, Row};
use outputs::Outputs;
use subjects::Subjects;

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

/// A configuration with what its modes take.
#[derive(Clone, Debug, Serialize)]
struct Case {
    #[serde(skip)]
    configuration: Configuration,
    #[serde(flatten)]
    setting: Setting,
    modes: Vec<Row>,
}

/// Runs the command; the text for stdout.
pub fn run(asked: &Compare, json: bool) -> Result<String, Fault> {
    let inputs = [&asked.weights, &asked.data].into_iter().flatten();
    let inputs: Vec<_> = inputs.map(AsRef::as_ref).collect();
    let outputs = Outputs::of(&asked.output, &inputs)?;
    let subjects = Subjects::of(asked)?;
    interrupt::listen();
    let cases = measured(asked, &subjects)?;
    let csv = table::csv(&cases)?;
    let drawn = picture::draw(&cases, subjects.against, asked.size);
    let files = match drawn.and_then(|page| outputs.write(&csv, &page)) {
        Ok(files) => files,
        Err(fault) => {
            // What was measured is not lost with what could not be written.
            screen::say(&match json {
                true => report(&cases, Vec::new())?,
                false => table::text(&cases, &[]),
            })?;
            return Err(fault);
        }
    };
    let said = if json {
        report(&cases, files)?
    } else {
        table::text(&cases, &files)
    };
    if !interrupt::came() {
        return Ok(said);
    }
    screen::say(&said)?;
    Err(Fault::Interrupted {
        remedy: "modes that were not run are predicted, and times are of one round; run the command again"
            .into(),
    })
}

/// Measures every configuration, each in an equal part of the time that is left.
fn measured(asked: &Compare, subjects: &Subjects) -> Result<Vec<Case>, Fault> {
    let machine = Machine::read();
    let configurations: Vec<Configuration> = subjects.grid.configurations().collect();
    let mut progress = Progress::start("compare", configurations.len() as f64);
    let mut cases = Vec::with_capacity(configurations.len());
    let mut left = asked.seconds;
    for (i, configuration) in configurations.iter().enumerate() {
        let began = std::time::Instant::now();
        let effort = Effort {
            threads: asked.threads,
            seconds: left / (configurations.len() - i) as f64,
            patience: asked.patience,
            double: configuration.dtype == Dtype::F64,
            alone: configurations.len() == 1,
        };
        let case = match configuration.dtype {
            Dtype::F32 => at::<f32>(
                asked,
                subjects,
                configuration,
                effort,
                &machine,
                &mut progress,
            ),
            _ => at::<f64>(
                asked,
                subjects,
                configuration,
                effort,
                &machine,
                &mut progress,
            ),
        };
        cases.push(case?);
        // What one does not use the others have; one that took longer leaves them a little.
        left = (left - began.elapsed().as_secs_f64()).max(0.1 * asked.seconds);
    }
    progress.end();
    Ok(cases)
}

fn at<T: Element>(
    asked: &Compare,
    subjects: &Subjects,
    configuration: &Configuration,
    effort: Effort,
    machine: &Machine,
    progress: &mut Progress,
) -> Result<Case, Fault>
where
    Dual<T>: Scalar,
{
    let Given { data, graph, x } = subjects.given::<T>(configuration)?;
    let params: Vec<T> = match &subjects.params {
        Some(params) => params.iter().map(|&value| T::from_f64(value)).collect(),
        None => graph.layout().init(Init::Glorot, SEED),
    };
    let name = configuration.to_string();
    let modes = contender::measure::<T>(&name, &graph, &params, &x, effort, progress)?;
    let network = subjects.network(&configuration.widths)?;
    Ok(Case {
        configuration: configuration.clone(),
        setting: Setting {
            network: network.name(),
            activation: network.activation(),
            loss: network.loss.name(),
            params: graph.n_params(),
            batch: x.ncols(),
            data,
            dtype: T::NAME,
            threads: asked.threads,
            optimised: machine.optimised,
            cpu: machine.cpu.clone(),
        },
        modes,
    })
}

/// The object of `--json`.
fn report(cases: &[Case], files: Vec<PathBuf>) -> Result<String, Fault> {
    #[derive(Serialize)]
    struct One<'a> {
        #[serde(flatten)]
        case: &'a Case,
        files: Vec<PathBuf>,
    }
    #[derive(Serialize)]
    struct Several<'a> {
        configurations: &'a [Case],
        files: Vec<PathBuf>,
    }
    match cases {
        [case] => screen::json(&One { case, files }),
        configurations => screen::json(&Several {
            configurations,
            files,
        }),
    }
}
