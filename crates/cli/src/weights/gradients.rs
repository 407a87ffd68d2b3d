//! Gradients, in the names and shapes of the weights.

use std::borrow::Cow;

use nalgebra::DMatrix;
use safetensors::tensor::View;
use safetensors::{Dtype, SafeTensorError};

use super::Layer;
use crate::element::Element;

/// A matrix to be written: its rows one after the other.
struct Tensor {
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

impl View for Tensor {
    fn dtype(&self) -> Dtype {
        self.dtype
    }
    fn shape(&self) -> &[usize] {
        &self.shape
    }
    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.bytes)
    }
    fn data_len(&self) -> usize {
        self.bytes.len()
    }
}

/// The bytes of a file with a gradient in the layers' names and shapes, and `x` (inputs x batch) as batch x inputs.
pub fn gradients<T: Element>(
    layers: &[Layer],
    params: &[T],
    x: &DMatrix<T>,
) -> Result<Vec<u8>, SafeTensorError> {
    let layers = layers
        .iter()
        .map(|layer| (layer.index, layer.n_in, layer.n_out));
    let mut tensors = parameters(layers, params);
    // A column is a sample: column by column is what the file's rows are.
    let mut samples = x.iter().copied();
    let shape = vec![x.ncols(), x.nrows()];
    tensors.push(("x".to_owned(), tensor(shape, &mut samples)));
    safetensors::serialize(tensors, None)
}

/// The bytes of a file with a network's parameters, numbered `0, 2, 4, ..` as in an `nn.Sequential` with activations between
/// its layers.
pub fn network<T: Element>(widths: &[usize], params: &[T]) -> Result<Vec<u8>, SafeTensorError> {
    let layers = widths.windows(2).enumerate();
    let layers = layers.map(|(i, pair)| (2 * i, pair[0], pair[1]));
    safetensors::serialize(parameters(layers, params), None)
}

/// The tensors of flat parameters; of each layer its index, inputs and outputs.
fn parameters<T: Element>(
    layers: impl Iterator<Item = (usize, usize, usize)>,
    params: &[T],
) -> Vec<(String, Tensor)> {
    let mut tensors = Vec::new();
    let mut rest = params;
    for (index, n_in, n_out) in layers {
        let (weight, after) = rest.split_at(n_in * n_out);
        let (bias, after) = after.split_at(n_out);
        rest = after;
        let mut rows = (0..n_out * n_in).map(|k| weight[k % n_in * n_out + k / n_in]);
        tensors.push((
            format!("{index}.weight"),
            tensor(vec![n_out, n_in], &mut rows),
        ));
        let mut bias = bias.iter().copied();
        tensors.push((format!("{index}.bias"), tensor(vec![n_out], &mut bias)));
    }
    tensors
}

fn tensor<T: Element>(shape: Vec<usize>, numbers: &mut dyn Iterator<Item = T>) -> Tensor {
    let mut bytes = Vec::with_capacity(shape.iter().product::<usize>() * size_of::<T>());
    numbers.for_each(|number| number.to_le(&mut bytes));
    Tensor {
        dtype: T::DTYPE,
        shape,
        bytes,
    }
}
