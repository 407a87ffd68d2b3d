//! What is timed: the primal or a gradient, whole, and a small part of it.

use std::hint::black_box;
use std::time::Instant;

use nalgebra::DMatrix;
use pushpull_core::{Graph, Mat, MatMut, Prediction, Primal, Result, Scalar, memory};
use pushpull_forward_mode::{Chunk, Forward, Structured};
use pushpull_planner::Way;
use pushpull_reverse_mode::Reverse;

use crate::way;

/// Columns of a part, at least: products of fewer are slower than those of the whole.
const COLUMNS: usize = 32;
/// Bytes that a pilot of all directions may take.
const PILOT: usize = 1 << 28;

/// The primal, or a way to the gradient.
#[derive(Clone, Copy, Debug)]
pub enum What {
    Primal,
    Gradient(Way),
}

impl What {
    /// What it takes on a batch.
    pub fn predict<T: Scalar>(self, graph: &Graph, batch: usize) -> Result<Prediction> {
        match self {
            Self::Primal => Primal::<T>::predict(graph, batch),
            Self::Gradient(way) => way::predict_params::<T>(graph, batch, way),
        }
    }
}

/// A prepared run. What it gives is kept from the optimiser; a point that was checked once cannot be refused later.
pub fn prepare<'a, T: Scalar>(
    what: What,
    graph: &Graph,
    params: &'a [T],
    x: &'a DMatrix<T>,
    threads: usize,
) -> Result<Box<dyn FnMut() + 'a>> {
    let batch = x.ncols();
    Ok(match what {
        What::Primal => {
            let mut engine = Primal::new(graph, batch)?.with_threads(threads)?;
            Box::new(move || drop(black_box(engine.run(params, x))))
        }
        What::Gradient(way @ (Way::Reverse(_) | Way::ReverseCheckpointed(..))) => {
            let mut engine = Reverse::new(graph, batch, way::store(way), threads)?;
            Box::new(move || drop(black_box(engine.value_and_gradient(params, x))))
        }
        What::Gradient(way @ Way::ForwardStructured(_)) => {
            let mut engine = Structured::new(graph, batch, way::chunk(way), threads)?;
            Box::new(move || drop(black_box(engine.value_and_gradient(params, x))))
        }
        What::Gradient(way) => {
            let mut engine = Forward::new(graph, batch, way::chunk(way), threads)?;
            Box::new(move || drop(black_box(engine.value_and_gradient(params, x))))
        }
    })
}

/// The rate of a mode in flops a second, found on a part of its work of at most so many flops. Forward mode's part is a few
/// directions in the inputs on the whole batch, the other modes' is all of it on fewer samples. `None` where the smallest
/// part is too large.
pub fn pilot<T: Scalar>(
    what: What,
    graph: &Graph,
    params: &[T],
    x: &DMatrix<T>,
    threads: usize,
    most: f64,
) -> Option<f64> {
    let fits = |prediction: &Prediction| prediction.cost.flops as f64 <= most;
    let rate = |run: &mut dyn FnMut(), prediction: Prediction| {
        // The first run touches its memory for the first time.
        let seconds = once(run).min(once(run));
        prediction.cost.flops as f64 / seconds.max(f64::MIN_POSITIVE)
    };
    let batch = x.ncols();
    if let What::Gradient(way @ (Way::ForwardDense | Way::ForwardChunked(_))) = what {
        let widest = match way {
            Way::ForwardChunked(n) => n,
            _ => graph.n_params(),
        };
        let widths = std::iter::successors(Some(widest.max(1)), |&n| (n > 1).then_some(n / 2));
        let (width, prediction) = widths
            .filter_map(|n| {
                let chunk = Chunk::Fixed(n);
                let predicted = Forward::<T>::predict_jvp(graph, batch, chunk, n, false, true);
                Some((n, predicted.ok()?))
            })
            .take_while(|(n, _)| n * batch >= COLUMNS.min(widest * batch))
            .find(|(_, prediction)| fits(prediction) && prediction.peak() <= PILOT)?;
        let chunk = Chunk::Fixed(width);
        let engine = Forward::for_jvp(graph, batch, chunk, width, false, true).ok()?;
        let mut engine = engine.with_threads(threads).ok()?;
        let columns = memory::elements(&[batch, width]);
        let x_dot = DMatrix::from_element(x.nrows(), columns, T::one());
        let mut y_dot = vec![T::zero(); graph.n_outputs() * columns];
        let mut run = || {
            let y_dot = MatMut::new(&mut y_dot, graph.n_outputs(), columns);
            let _ = black_box(engine.jvp_into(params, x, None, Some(Mat::from(&x_dot)), y_dot));
        };
        return Some(rate(&mut run, prediction));
    }
    let samples = std::iter::successors(Some(batch), |&n| (n > 1).then_some(n / 2));
    // Structured tangents take few samples at once anyway.
    let least = match what {
        What::Gradient(Way::ForwardStructured(_)) => 1,
        _ => COLUMNS.min(batch),
    };
    let (samples, prediction) = samples
        .take_while(|&n| n >= least)
        .filter_map(|n| Some((n, what.predict::<T>(graph, n).ok()?)))
        .find(|(_, prediction)| fits(prediction))?;
    let x = x.columns(0, samples).into_owned();
    let mut run = prepare(what, graph, params, &x, threads).ok()?;
    Some(rate(&mut run, prediction))
}

/// Seconds of one run.
pub fn once(run: &mut dyn FnMut()) -> f64 {
    let start = Instant::now();
    run();
    start.elapsed().as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;
    use pushpull_core::blocks::{Activation, Loss};
    use pushpull_core::{Init, Mlp};

    #[test]
    fn a_part_is_found_for_every_mode_and_none_where_even_a_sample_is_too_much() {
        let net = Mlp::new(&[4, 6, 2], Activation::Tanh).loss(Loss::SquaredError);
        let graph = net.build().unwrap();
        let params: Vec<f64> = graph.layout().init(Init::Glorot, 1);
        let x = DMatrix::from_element(6, 5, 0.5);
        for what in [
            What::Primal,
            What::Gradient(Way::Reverse(1)),
            What::Gradient(Way::ForwardStructured(2)),
            What::Gradient(Way::ForwardChunked(4)),
            What::Gradient(Way::ForwardDense),
        ] {
            let rate = |most| pilot(what, &graph, &params, &x, 1, most);
            assert!(rate(1e4).is_some_and(|rate| rate > 0.0), "{what:?}");
            assert_eq!(rate(1.0), None, "{what:?}");
        }
    }
}
