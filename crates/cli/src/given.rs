//! Samples out of a file of either kind: an npz, or a table of numbers.

use std::path::Path;

use nalgebra::DMatrix;
use pushpull_bench::net::Net;
use pushpull_core::{Graph, Scalar, memory};

use crate::arrays::{Kind, Npz};
use crate::fault::Fault;
use crate::network::Network;
use crate::{rows, samples};

/// Samples of a batch that nobody named.
const BATCH: usize = 32;

/// A network's graph with the samples that it runs on.
pub struct Given<T> {
    /// Where the samples are from.
    pub data: String,
    /// For a batch of them.
    pub graph: Graph,
    /// Inputs over targets.
    pub x: DMatrix<T>,
}

impl<T: Scalar> Given<T> {
    /// The first samples of a file, or without one made-up numbers.
    pub fn new(
        data: Option<&Path>,
        network: &Network,
        batch: Option<usize>,
    ) -> Result<Self, Fault> {
        let read = data.map(|path| given(path, network, batch)).transpose()?;
        let batch = read.as_ref().map_or(batch.unwrap_or(BATCH), DMatrix::ncols);
        let numbers = memory::elements(&[network.rows(), batch]);
        memory::fits::<T>("the data", numbers, "use a smaller batch")?;
        let graph = network.graph(batch)?;
        let x = match read {
            Some(x) => x.map(T::from_f64),
            None => {
                let net = Net {
                    name: network.name(),
                    widths: network.widths.clone(),
                    activation: network.activation,
                    loss: network.loss,
                    batch,
                };
                net.data(&graph).1
            }
        };
        let data = data.map_or("made up".into(), |path| path.display().to_string());
        Ok(Self { data, graph, x })
    }
}

/// The first samples of a file, all of them if no batch is asked for: inputs over targets.
pub fn given(path: &Path, network: &Network, batch: Option<usize>) -> Result<DMatrix<f64>, Fault> {
    let name = path.to_string_lossy();
    if name.ends_with(".csv") || name.ends_with(".csv.gz") {
        return rows::read(path, network, batch);
    }
    let mut npz = Npz::open(path)?;
    let all = match npz.head("x")?.kind {
        Kind::F32 => samples::read::<f32>(&mut npz, network)?.map(f64::from),
        _ => samples::read::<f64>(&mut npz, network)?,
    };
    match batch {
        None => Ok(all),
        Some(batch) if batch <= all.ncols() => Ok(all.columns(0, batch).into_owned()),
        Some(batch) => Err(npz.fault(
            "x",
            format!("at least {batch} samples, as --batch says"),
            all.ncols().to_string(),
            "give a smaller --batch",
        )),
    }
}
