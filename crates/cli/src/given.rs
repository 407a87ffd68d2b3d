//! A network's graph with samples to run it on: out of a file, or of a formula.

use std::path::Path;

use nalgebra::DMatrix;
use pushpull_bench::net::Net;
use pushpull_core::siblings::memory;
use pushpull_core::{Graph, Scalar};
use pushpull_files::{Reading, Samples, samples};

use crate::fault::Fault;
use crate::network::Network;
use crate::options::Columns;
use crate::screen;

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
    /// The first samples of a file, or without one numbers of a formula.
    pub fn new(
        data: Option<&Path>,
        columns: &Columns,
        network: &Network,
        batch: Option<usize>,
    ) -> Result<Self, Fault> {
        let read = data.map(|path| given(path, columns, network, batch));
        let read = read.transpose()?;
        let batch = read
            .as_ref()
            .map_or(batch.unwrap_or(BATCH), |read| read.x.ncols());
        let numbers = memory::elements(&[network.rows(), batch]);
        memory::fits::<T>("the data", numbers, "use a smaller batch")?;
        let graph = network.graph(batch)?;
        let x = match read {
            Some(read) => read.x.map(T::from_f64),
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
        let data = data.map_or("of a formula".into(), |path| path.display().to_string());
        Ok(Self { data, graph, x })
    }
}

/// The first samples of a file, all of them if no batch is asked for: inputs over targets. Words are the classes that the
/// network knows. What was found is said.
pub fn given(
    path: &Path,
    columns: &Columns,
    network: &Network,
    batch: Option<usize>,
) -> Result<Samples, Fault> {
    let reading = Reading {
        classes: network.classes.clone(),
        ..columns.reading(batch)
    };
    let read = samples::read(path, &network.sample()?, &reading)?;
    screen::remark(&read.said);
    Ok(read)
}
