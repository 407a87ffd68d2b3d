//! `pushpull compare`: every mode's exact flops and bytes on the user's own network, and its measured time.

use std::path::PathBuf;

use nalgebra::DMatrix;
use pushpull_bench::machine::Machine;
use pushpull_bench::net::Net;
use pushpull_core::{Init, Scalar, memory};
use serde::Serialize;

use crate::fault::Fault;
use crate::network::Network;
use crate::options::{Compare, Precision, Reduction};
use crate::{aside, given};

mod contender;
mod picture;
mod table;

use contender::{Effort, Row};

/// Samples of a batch that nobody named.
const BATCH: usize = 32;
/// The seed of the parameters.
const SEED: u64 = 1;

/// What is compared, and where.
#[derive(Clone, Debug, Serialize)]
struct Setting {
    network: String,
    activation: &'static str,
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
    let network = asked.net.network(Reduction::Sum);
    network.check()?;
    if asked.output.exists() && !asked.output.is_dir() {
        let got = format!("the file {}", asked.output.display());
        return Err(Fault::option(
            "--output",
            "a directory",
            got,
            "choose another name",
        ));
    }
    match asked.dtype {
        Precision::F32 => at::<f32>(asked, &network, json),
        Precision::F64 => at::<f64>(asked, &network, json),
    }
}

fn at<T: Scalar>(asked: &Compare, network: &Network, json: bool) -> Result<String, Fault> {
    let (data, x) = match &asked.data {
        None => ("made up".to_owned(), None),
        Some(path) => (
            path.display().to_string(),
            Some(given::given(path, network, asked.batch)?),
        ),
    };
    let batch = x
        .as_ref()
        .map_or(asked.batch.unwrap_or(BATCH), DMatrix::ncols);
    let numbers = memory::elements(&[network.rows(), batch]);
    memory::fits::<T>("the data", numbers, "use a smaller batch")?;
    let graph = network.graph(batch)?;
    let (params, x) = match x {
        Some(x) => (graph.layout().init(Init::Glorot, SEED), x.map(T::from_f64)),
        None => {
            let net = Net {
                name: network.name(),
                widths: network.widths.clone(),
                activation: network.activation,
                loss: network.loss,
                batch,
            };
            net.data(&graph)
        }
    };
    let effort = Effort {
        threads: asked.threads,
        seconds: asked.seconds,
        double: asked.dtype == Precision::F64,
    };
    let rows = contender::measure::<T>(&graph, &params, &x, effort)?;
    let machine = Machine::read();
    let setting = Setting {
        network: network.name(),
        activation: network.activation.name(),
        loss: network.loss.name(),
        params: graph.n_params(),
        batch,
        data,
        dtype: T::NAME,
        threads: asked.threads,
        optimised: machine.optimised,
        cpu: machine.cpu,
    };
    let files = aside::write_all(&asked.output, |aside| {
        table::save(&aside.join("modes.csv"), &setting, &rows)?;
        picture::save(&aside.join("compare.png"), &setting, &rows)
    })?;
    if json {
        return Ok(serde_json::json!(Report {
            setting,
            modes: &rows,
            files
        })
        .to_string()
            + "\n");
    }
    Ok(table::text(&setting, &rows, &files))
}

#[derive(Serialize)]
struct Report<'a> {
    #[serde(flatten)]
    setting: Setting,
    modes: &'a [Row],
    files: Vec<PathBuf>,
}
