//! Dead and saturated units: the derivative of a block that acts entry by entry.

use nalgebra::DMatrix;
use pushpull_core::graph::Node;
use pushpull_core::linalg::first_not_finite;
use pushpull_core::{Builder, Mat, Question, Result, Scalar, Wrt};
use pushpull_forward_mode::Forward;
use serde::Serialize;
use std::sync::Arc;

/// Places between -1 and 1 at which a function's largest slope is sought: sixteenths.
const PLACES: usize = 33;

/// The slopes of a block that acts entry by entry and has no parameters, on a batch.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Slopes {
    /// Share of the rows whose slope is exactly 0 for every sample.
    pub dead: f64,
    /// Share of the entries whose slope is at most `flat` times `largest`.
    pub saturated: f64,
    /// The largest slope of the function on [-1, 1], in absolute value.
    pub largest: f64,
    /// The mean of the absolute slopes over rows and samples.
    pub mean: f64,
}

impl Slopes {
    /// `None` where what the block reads is not finite, or a slope is not.
    pub(crate) fn of<T: Scalar>(node: &Node, read: &DMatrix<T>, flat: f64) -> Result<Option<Self>> {
        if first_not_finite(Mat::from(read)).is_some() {
            return Ok(None);
        }
        let n = read.nrows();
        let slopes = diagonal(node, read)?;
        let place = |j: usize| T::from_f64(j as f64 / 16.0 - 1.0);
        let reference = diagonal(node, &DMatrix::from_fn(n, PLACES, |_, j| place(j)))?;
        // Outside its domain a function has no slope.
        let finite = reference.iter().filter(|slope| slope.is_finite());
        let largest = finite.fold(0.0_f64, |largest, slope| largest.max(slope.abs()));
        if slopes.iter().any(|slope| !slope.is_finite()) {
            return Ok(None);
        }
        let share = |count: usize, of: usize| count as f64 / of as f64;
        let dead = slopes
            .row_iter()
            .filter(|row| row.iter().all(|&s| s == 0.0));
        let saturated = slopes.iter().filter(|s| s.abs() <= flat * largest);
        Ok(Some(Self {
            dead: share(dead.count(), n),
            saturated: share(saturated.count(), slopes.len()),
            largest,
            mean: slopes.iter().map(|s| s.abs()).sum::<f64>() / slopes.len() as f64,
        }))
    }
}

/// dh/du of every entry: a jvp of ones through the block alone.
fn diagonal<T: Scalar>(node: &Node, read: &DMatrix<T>) -> Result<DMatrix<f64>> {
    let (n, batch) = read.shape();
    let mut b = Builder::new();
    let u = b.input("u", n);
    let h = b.named("block", Arc::clone(&node.block), u);
    let graph = b.build(h)?.unguarded();
    let ones = DMatrix::from_element(n, batch, T::one());
    let mut engine = Forward::plan(&graph, batch, Question::Jvp(1))
        .wrt(Wrt::INPUTS)
        .prepare()?;
    let (_, slopes) = engine.jvp(&[], read, None, Some(Mat::from(&ones)))?;
    Ok(slopes.map(|slope| slope.to_f64()))
}
