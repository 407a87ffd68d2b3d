//! A network's graph with samples to run it on: out of a file, or of a formula.

use std::path::Path;

use nalgebra::DMatrix;
use pushpull_bench::net::Net;
use pushpull_core::siblings::memory;
use pushpull_core::siblings::words::shown;
use pushpull_core::{Graph, Scalar};
use pushpull_files::{FileError, Reading, Samples, is_stdin, samples};

use crate::fault::Fault;
use crate::network::Network;
use crate::options::columns::Columns;
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
        let read = data.map(|path| judged(path, columns, network, batch));
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

/// Says of the numbers of a sample that a type cannot tell apart, to a thousandth of how far they differ.
pub fn lost<T: Scalar>(x: &DMatrix<f64>) -> Vec<String> {
    let ends = |row: usize| {
        let values = x.row(row).into_iter().copied();
        let low = values.clone().fold(f64::INFINITY, f64::min);
        (low, values.fold(f64::NEG_INFINITY, f64::max))
    };
    let is_lost = |row: &usize| {
        let error = |value: &f64| (T::from_f64(*value).to_f64() - value).abs();
        let error = x.row(*row).iter().map(error).fold(0.0, f64::max);
        let (low, high) = ends(*row);
        // In halves: the difference of large numbers may overflow.
        low < high && error * 500.0 > high / 2.0 - low / 2.0
    };
    let rows: Vec<usize> = (0..x.nrows()).filter(is_lost).collect();
    let Some(&first) = rows.first() else {
        return Vec::new();
    };
    let (low, high) = ends(first);
    let more = match rows.len() {
        1 => String::new(),
        n => format!(", and of {} more", n - 1),
    };
    vec![format!(
        "{} cannot hold how samples differ in number {} of each (the inputs come first), {low:e} to {high:e}{more}; use --dtype f64, or subtract the mean",
        T::NAME,
        first + 1,
    )]
}

/// What a file of samples is called.
pub fn named(path: &Path) -> String {
    match is_stdin(path) {
        true => "standard input".into(),
        false => path.display().to_string(),
    }
}

/// As [`given`], for a network whose weights may have learnt classes.
pub fn judged(
    path: &Path,
    columns: &Columns,
    network: &Network,
    batch: Option<usize>,
) -> Result<Samples, Fault> {
    let read = given(path, columns, network, batch)?;
    // Their order in this file says nothing of their numbers in the network. Weights that were read say which layers have a bias;
    // those that are drawn have learnt nothing.
    if let (Some(word), None, [_, ..]) =
        (read.classes.first(), &network.classes, &network.biases[..])
    {
        return Err(FileError::input(
            path,
            "the classes",
            "numbers, because the weights have no names of classes",
            format!("words, such as {}", shown(word)),
            "number the classes from 0, as the network was trained, or use weights that `pushpull train` has written",
        )
        .into());
    }
    Ok(read)
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
