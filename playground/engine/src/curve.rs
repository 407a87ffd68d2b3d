//! An activation with its derivative: the block itself, and a jvp of ones through it.

use nalgebra::DMatrix;
use pushpull_core::blocks::Activation;
use pushpull_core::{Builder, Mat, Question, Wrt};
use pushpull_forward_mode::Forward;

use crate::fault::Result;

/// Places from -4 to 4.
pub const PLACES: usize = 81;

/// The places, the values, the slopes.
///
/// # Errors
/// An unknown name.
pub fn curve(name: &str) -> Result<[Vec<f64>; 3]> {
    let activation: Activation = name.parse()?;
    let mut b = Builder::new();
    let u = b.input("u", 1);
    let h = b.named("block", activation.block(1), u);
    let graph = b.build(h)?.unguarded();
    let x = DMatrix::from_fn(1, PLACES, |_, j| 8.0 * j as f64 / (PLACES - 1) as f64 - 4.0);
    let ones = DMatrix::from_element(1, PLACES, 1.0);
    let mut engine = Forward::plan(&graph, PLACES, Question::Jvp(1))
        .wrt(Wrt::INPUTS)
        .prepare::<f64>()?;
    let (values, slopes) = engine.jvp(&[], &x, None, Some(Mat::from(&ones)))?;
    let numbers = |matrix: DMatrix<f64>| matrix.iter().copied().collect();
    Ok([
        x.iter().copied().collect(),
        numbers(values),
        numbers(slopes),
    ])
}
