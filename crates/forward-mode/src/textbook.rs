//! The slide "Forward-mode autodiff (general)", line by line: the first thing to read here.
//!
//! For the engine that does the same in little memory and time see [`crate::Forward`]; its tests hold it against this.

use nalgebra::DMatrix;
use pushpull_core::graph::Origin;
use pushpull_core::textbook::{Applied, stack, values};
use pushpull_core::{Error, Graph, Mat, Result, Scalar};

/// `y = <h_l, 1>`, the sum of all outputs over the batch, and its gradient with respect to all parameters.
///
/// The tangents of all p parameters lie side by side, as one matrix of n_out x batch p for each block. The slide lets go of it
/// when the next block has its own; a graph may read it later, so here all are kept. Unlike the engines it does not look for
/// slopes that are not finite.
///
/// # Errors
/// [`Error::EmptyBatch`] and as [`Graph::check`].
///
/// ```
/// use nalgebra::dmatrix;
/// use pushpull_core::{Mlp, blocks::{Activation, Loss}};
/// use pushpull_forward_mode::textbook;
/// // y = (w x + b - 4)^2 at x = 2, w = 3, b = 1
/// let graph = Mlp::new(&[1, 1], Activation::Tanh).loss(Loss::SquaredError).build()?;
/// let (y, gradient) = textbook::gradient(&graph, &[3.0, 1.0], &dmatrix![2.0; 4.0])?;
/// assert_eq!((y, gradient), (9.0, vec![12.0, 6.0]));
/// # Ok::<(), pushpull_core::Error>(())
/// ```
pub fn gradient<T: Scalar>(graph: &Graph, params: &[T], x: &DMatrix<T>) -> Result<(T, Vec<T>)> {
    let (batch, p) = (x.ncols(), graph.n_params());
    if batch == 0 {
        return Err(Error::EmptyBatch { name: "x".into() });
    }
    graph.check(params, Mat::from(x), batch)?;
    let mut h: Vec<Applied<'_, T>> = Vec::new();
    let mut tangents: Vec<DMatrix<T>> = Vec::new();
    for node in graph.nodes() {
        // 1. Compute the new output h_i = f_i(h_(i-1), w_i).
        let h_i = Applied::new(node, params, values(graph, node, &h, x));
        // 3. For previous parameters: W^_j = [dh_i/dh_(i-1)] W^_j. (An input has no tangent, and a stopped edge carries none.)
        let before = stack(graph, node, batch * p, |source| match source.origin {
            Origin::Node(j) if !source.stopped => Some(tangents[j].clone()),
            _ => None,
        });
        let mut tangent = h_i.push(&before);
        // 2. For w_i, initialize the tangent matrix W^_i = dh_i/dw_i. (Added: parameters may be shared.)
        let own = (node.params.start * batch, node.params.len() * batch);
        let mut columns = tangent.columns_mut(own.0, own.1);
        columns += h_i.params_jacobian();
        h.push(h_i);
        tangents.push(tangent);
    }
    // y = <h_l, 1>, and the gradient of each parameter is <W^, 1> over its own columns.
    let last = graph.nodes().len() - 1;
    let sum = |entries: &[T]| entries.iter().fold(T::zero(), |sum, &entry| sum + entry);
    let y = sum(h[last].output().as_slice());
    let moves = graph.activity()[last].output; // unless the output itself is stopped
    let tangent = tangents[last].as_slice();
    let of = |j: usize| {
        let len = graph.n_outputs() * batch;
        sum(&tangent[j * len..(j + 1) * len])
    };
    let gradient = (0..p).map(|j| if moves { of(j) } else { T::zero() });
    Ok((y, gradient.collect()))
}
