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
            Some(read) => typed(&read.x),
            None => {
                let net = Net {
                    name: network.name(),
                    widths: network.widths.clone(),
                    activation: network.activations[0],
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

/// Samples in a type of numbers. What it cannot hold is said.
pub fn typed<T: Scalar>(x: &DMatrix<f64>) -> DMatrix<T> {
    screen::remark(&lost::<T>(x));
    x.map(T::from_f64)
}

/// Says of the rows whose numbers a type cannot tell apart, to a thousandth of how far they differ.
pub fn lost<T: Scalar>(x: &DMatrix<f64>) -> Vec<String> {
    let is_lost = |row: &usize| {
        let (mut low, mut high, mut error) = (f64::INFINITY, f64::NEG_INFINITY, 0.0_f64);
        for &value in &x.row(*row) {
            (low, high) = (low.min(value), high.max(value));
            error = error.max((T::from_f64(value).to_f64() - value).abs());
        }
        low < high && error * 1000.0 > high - low
    };
    let rows: Vec<usize> = (0..x.nrows()).filter(is_lost).collect();
    let Some(&first) = rows.first() else {
        return Vec::new();
    };
    let which: Vec<String> = rows
        .iter()
        .take(8)
        .map(|row| (row + 1).to_string())
        .collect();
    let more = if rows.len() > which.len() { ", .." } else { "" };
    let (low, high) = x
        .row(first)
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &value| {
            (low.min(value), high.max(value))
        });
    vec![format!(
        "{} cannot hold how columns {}{more} of the samples differ (column {}: {low:e} to {high:e}); use --dtype f64, or subtract their means",
        T::NAME,
        which.join(", "),
        first + 1,
    )]
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
