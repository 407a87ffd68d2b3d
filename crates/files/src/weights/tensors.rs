//! Parameters and gradients as the bytes of a file.

use std::borrow::Cow;
use std::path::Path;

use nalgebra::DMatrix;
use pushpull_core::siblings::memory;
use safetensors::Dtype;
use safetensors::tensor::View;

use super::Layer;
use crate::{Element, FileError, Kind};

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

/// The bytes of the file `output` with a gradient in the layers' names and shapes, and `x` (inputs x batch) as batch x
/// inputs.
///
/// # Errors
/// [`FileError::Request`] for another number of parameters than the layers have.
pub fn gradients<T: Element>(
    output: &Path,
    layers: &[Layer],
    params: &[T],
    x: &DMatrix<T>,
) -> Result<Vec<u8>, FileError> {
    let layers: Vec<_> = layers
        .iter()
        .map(|layer| (layer.index, layer.n_in, layer.n_out))
        .collect();
    let mut tensors = parameters(&layers, params)?;
    // A column is a sample: column by column is what the file's rows are.
    let mut samples = x.iter().copied();
    let shape = vec![x.ncols(), x.nrows()];
    tensors.push(("x".to_owned(), tensor(shape, &mut samples)));
    safetensors::serialize(tensors, None).map_err(|error| FileError::write(output, error))
}

/// The bytes of the file `output` with a network's parameters, numbered `0, 2, 4, ..` as in an `nn.Sequential` with
/// activations between its layers.
///
/// # Errors
/// [`FileError::Request`] for another number of parameters than these widths have.
pub fn network<T: Element>(
    output: &Path,
    widths: &[usize],
    params: &[T],
) -> Result<Vec<u8>, FileError> {
    let layers = widths.windows(2).enumerate();
    let layers: Vec<_> = layers.map(|(i, pair)| (2 * i, pair[0], pair[1])).collect();
    safetensors::serialize(parameters(&layers, params)?, None)
        .map_err(|error| FileError::write(output, error))
}

/// The tensors of flat parameters; of each layer its index, inputs and outputs.
fn parameters<T: Element>(
    layers: &[(usize, usize, usize)],
    params: &[T],
) -> Result<Vec<(String, Tensor)>, FileError> {
    let expected = layers.iter().fold(0_usize, |sum, &(_, n_in, n_out)| {
        sum.saturating_add(memory::elements(&[n_in.saturating_add(1), n_out]))
    });
    if params.len() != expected {
        return Err(FileError::request(
            "the parameters",
            format!("{expected}, as the widths say"),
            params.len().to_string(),
            "give those of this network",
        ));
    }
    let mut tensors = Vec::new();
    let mut rest = params;
    for &(index, n_in, n_out) in layers {
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
    Ok(tensors)
}

fn tensor<T: Element>(shape: Vec<usize>, numbers: &mut dyn Iterator<Item = T>) -> Tensor {
    let mut bytes = Vec::with_capacity(shape.iter().product::<usize>() * size_of::<T>());
    numbers.for_each(|number| number.to_le(&mut bytes));
    let dtype = match T::KIND {
        Kind::F32 => Dtype::F32,
        _ => Dtype::F64,
    };
    Tensor {
        dtype,
        shape,
        bytes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_of_another_network_are_refused() {
        let place = Path::new("w");
        assert!(network(place, &[2, 3], &[0.0_f32; 9]).is_ok());
        for (widths, n) in [
            (&[2, 3][..], 8),
            (&[2, 3], 10),
            (&[usize::MAX, 2], 4),
            (&[usize::MAX, 0], 0),
        ] {
            assert!(
                network(place, widths, &vec![0.0_f64; n]).is_err() != (n == 0),
                "{widths:?}"
            );
        }
    }
}
