//! What the experiments share: data, gradients of batches, means.

use nalgebra::DMatrix;
use pushpull_core::blocks::Activation;
use pushpull_core::{Graph, Mat, Primal};
use pushpull_data::{Dataset, directory};
use pushpull_plot::{Colour, Marker, Series, number};
use pushpull_reverse_mode::Reverse;
use pushpull_train::Samples;

use crate::Fault;

/// The seed of everything that is drawn here.
pub(crate) const SEED: u64 = 1986;

/// A series in the colour and with the mark that an activation has in every figure.
pub(crate) fn of(activation: Activation, series: Series) -> Series {
    let (colour, marker) = match activation {
        Activation::Sigmoid => (Colour::BLUE, Marker::Circle),
        Activation::Tanh => (Colour::GREEN, Marker::Square),
        Activation::Relu => (Colour::VERMILION, Marker::Triangle),
        Activation::Square => (Colour::PURPLE, Marker::Diamond),
        _ => (Colour::GREY, Marker::Plus),
    };
    series.colour(colour).marker(marker)
}

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
    let mut reverse = Reverse::new(graph, x.ncols())?;
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

/// A measurement in three significant digits: what is beyond them, the next run has otherwise.
pub(crate) fn short(x: f64) -> String {
    // Whole numbers are written out, so they are rounded before.
    let rounded = format!("{x:.2e}").parse();
    number(rounded.unwrap_or(x))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measurements_have_three_digits() {
        let measured = [214.95, 2693.151, 1.1402, 1.896, 7.041e-4, -0.50693, 0.0];
        let read = ["215", "2,690", "1.14", "1.9", "7.04×10⁻⁴", "-0.507", "0"];
        assert_eq!(measured.map(short), read);
        assert_eq!(short(f64::NAN), "NaN");
    }
}
