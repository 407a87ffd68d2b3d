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
    let tensor = |shape: Vec<usize>, numbers: &mut dyn Iterator<Item = T>| {
        let mut bytes = Vec::with_capacity(shape.iter().product::<usize>() * size_of::<T>());
        numbers.for_each(|number| number.to_le(&mut bytes));
        Tensor {
            dtype: T::DTYPE,
            shape,
            bytes,
        }
    };
    let mut tensors = Vec::with_capacity(2 * layers.len() + 1);
    let mut rest = params;
    for layer in layers {
        let (n_in, n_out, index) = (layer.n_in, layer.n_out, layer.index);
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
    // A column is a sample: column by column is what the file's rows are.
    let mut samples = x.iter().copied();
    let shape = vec![x.ncols(), x.nrows()];
    tensors.push(("x".to_owned(), tensor(shape, &mut samples)));
    safetensors::serialize(tensors, None)
}
