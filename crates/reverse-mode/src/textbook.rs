//! The slides' reverse (or adjoint) program, line by line: the first thing to read here.
//!
//! For the engine that does the same in little memory and time see [`crate::Reverse`]; its tests hold it against this.

use nalgebra::DMatrix;
use pushpull_core::graph::Origin;
use pushpull_core::textbook::primal;
use pushpull_core::{Error, Graph, Mat, Result, Scalar};

/// `y = <h_l, 1>`, the sum of all outputs over the batch, and its gradient with respect to all parameters.
///
/// Unlike the engines it does not look for slopes that are not finite.
///
/// # Errors
/// [`Error::EmptyBatch`] and as [`Graph::check`].
///
/// ```
/// use nalgebra::dmatrix;
/// use pushpull_core::{Mlp, blocks::{Activation, Loss}};
/// use pushpull_reverse_mode::textbook;
/// // y = (w x + b - 4)^2 at x = 2, w = 3, b = 1
/// let graph = Mlp::new(&[1, 1], Activation::Tanh).loss(Loss::SquaredError).build()?;
/// let (y, gradient) = textbook::gradient(&graph, &[3.0, 1.0], &dmatrix![2.0; 4.0])?;
/// assert_eq!((y, gradient), (9.0, vec![12.0, 6.0]));
/// # Ok::<(), pushpull_core::Error>(())
/// ```
pub fn gradient<T: Scalar>(graph: &Graph, params: &[T], x: &DMatrix<T>) -> Result<(T, Vec<T>)> {
    let (batch, last) = (x.ncols(), graph.nodes().len() - 1);
    if batch == 0 {
        return Err(Error::EmptyBatch { name: "x".into() });
    }
    graph.check(params, Mat::from(x), batch)?;
    // 1. Compute the output of all layers, storing each intermediate value. Set h~ = 1.
    let h = primal(graph, params, x);
    let y = h[last]
        .output()
        .iter()
        .fold(T::zero(), |sum, &entry| sum + entry);
    let zeros = |i: usize| DMatrix::from_element(graph.nodes()[i].dims().n_out, batch, T::zero());
    let mut h_bar: Vec<DMatrix<T>> = (0..=last).map(zeros).collect();
    if graph.activity()[last].output {
        h_bar[last].fill(T::one());
    }
    let mut gradient = vec![T::zero(); graph.n_params()];
    // Going in reverse, i = l, l - 1, .., 1:
    for (i, node) in graph.nodes().iter().enumerate().rev() {
        // 2. The gradient of the parameters of the current layer: [dh_i/dw_i]' h~. (Added: parameters may be shared.)
        let own = h[i].pull_params(&h_bar[i]);
        for (sum, &bar) in gradient[node.params.clone()].iter_mut().zip(&own) {
            *sum += bar;
        }
        // 3. h~ = [dh_i/dh_(i-1)]' h~. (Added: a value may be read by several blocks. A stopped edge carries nothing back.)
        let x_bar = h[i].pull(&h_bar[i]);
        let mut row = 0;
        for source in &node.sources {
            let rows = graph.rows(source.origin);
            if let (Origin::Node(j), false) = (source.origin, source.stopped) {
                h_bar[j] += x_bar.rows(row, rows);
            }
            row += rows;
        }
    }
    Ok((y, gradient))
}
