//! What the experiments share: data, gradients of batches, means.

use nalgebra::DMatrix;
use pushpull_core::{Graph, Mat, Primal};
use pushpull_data::{Dataset, directory};
use pushpull_reverse_mode::{Reverse, Store};
use pushpull_train::Samples;

use crate::Fault;

/// The seed of everything that is drawn here.
pub(crate) const SEED: u64 = 1986;

/// The digits, standardised.
pub(crate) fn digits() -> Result<Samples, Fault> {
    let set = Dataset::digits(&directory())?.standardised();
    Ok(Samples::new(set.inputs, set.targets)?)
}

/// Inputs over targets, as a graph with a loss reads them.
pub(crate) fn stacked(samples: &Samples) -> DMatrix<f64> {
    let (x, t) = (samples.inputs(), samples.targets());
    DMatrix::from_fn(x.nrows() + t.nrows(), x.ncols(), |i, j| {
        if i < x.nrows() {
            x[(i, j)]
        } else {
            t[(i - x.nrows(), j)]
        }
    })
}

/// The gradient of the sum over some samples.
pub(crate) fn gradient(graph: &Graph, params: &[f64], x: &DMatrix<f64>) -> Result<Vec<f64>, Fault> {
    let mut reverse = Reverse::new(graph, x.ncols(), Store::All, 1)?;
    Ok(reverse.value_and_gradient(params, x)?.1.to_vec())
}

/// The outputs for some samples.
pub(crate) fn outputs(
    graph: &Graph,
    params: &[f64],
    x: &DMatrix<f64>,
) -> Result<DMatrix<f64>, Fault> {
    Ok(Primal::new(graph, x.ncols())?
        .run(params, Mat::from(x))?
        .to_dmatrix())
}

pub(crate) fn norm(numbers: impl IntoIterator<Item = f64>) -> f64 {
    numbers.into_iter().map(|x| x * x).sum::<f64>().sqrt()
}

pub(crate) fn mean(numbers: &[f64]) -> f64 {
    numbers.iter().sum::<f64>() / numbers.len().max(1) as f64
}

/// A number in three digits.
pub(crate) fn short(x: f64) -> String {
    if x == 0.0 || (1e-2..1e4).contains(&x.abs()) {
        format!("{x:.3}")
    } else {
        format!("{x:.2e}")
    }
}
