//! Parameters and gradients as the bytes of a file.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::Path;

use nalgebra::DMatrix;
use pushpull_core::siblings::memory;
use safetensors::Dtype;
use safetensors::tensor::View;

use super::{CLASSES, Layer, Part};
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

/// The bytes of the file `output` with a gradient under the layers' names and in their shapes, and `x` (inputs x batch), if it
/// was asked for, as batch x inputs.
///
/// # Errors
/// [`FileError::Request`] for another number of parameters than the layers have.
pub fn gradients<T: Element>(
    output: &Path,
    layers: &[Layer],
    params: &[T],
    x: Option<&DMatrix<T>>,
) -> Result<Vec<u8>, FileError> {
    let mut tensors = parameters(layers, params)?;
    if let Some(x) = x {
        // A column is a sample: column by column is what the file's rows are.
        let shape = vec![x.ncols(), x.nrows()];
        tensors.push(("x".to_owned(), tensor(shape, &mut x.iter().copied())));
    }
    safetensors::serialize(tensors, None).map_err(|error| FileError::write(output, error))
}

/// The bytes of the file `output` with a network's parameters, numbered `0, 2, 4, ..` as in an `nn.Sequential` with
/// activations between its layers; `classes`: the names of its classes, if they have some.
///
/// # Errors
/// [`FileError::Request`] for another number of parameters than these widths have.
pub fn network<T: Element>(
    output: &Path,
    widths: &[usize],
    params: &[T],
    classes: &[String],
) -> Result<Vec<u8>, FileError> {
    let part = |name: String, shape: Vec<usize>| Part {
        name,
        kind: T::KIND,
        shape,
        bytes: 0..0,
    };
    let layers = widths.windows(2).enumerate().map(|(i, pair)| Layer {
        weight: part(format!("{}.weight", 2 * i), vec![pair[1], pair[0]]),
        bias: Some(part(format!("{}.bias", 2 * i), vec![pair[1]])),
        transposed: false,
    });
    like(output, &layers.collect::<Vec<_>>(), params, classes)
}

/// The bytes of the file `output` with a network's parameters under the names and in the shapes of the layers of another file.
///
/// # Errors
/// [`FileError::Request`] for another number of parameters than the layers have.
pub fn like<T: Element>(
    output: &Path,
    layers: &[Layer],
    params: &[T],
    classes: &[String],
) -> Result<Vec<u8>, FileError> {
    let remarks = (!classes.is_empty()).then(|| {
        let names = serde_json::json!(classes).to_string();
        HashMap::from([(CLASSES.to_owned(), names)])
    });
    safetensors::serialize(parameters(layers, params)?, remarks)
        .map_err(|error| FileError::write(output, error))
}

/// The tensors of flat parameters.
fn parameters<T: Element>(
    layers: &[Layer],
    params: &[T],
) -> Result<Vec<(String, Tensor)>, FileError> {
    let lens = layers.iter().map(|layer| {
        let weights = memory::elements(&layer.weight.shape);
        let biases = layer
            .bias
            .as_ref()
            .map_or(0, |bias| memory::elements(&bias.shape));
        weights.saturating_add(biases)
    });
    let expected = lens.fold(0_usize, usize::saturating_add);
    if params.len() != expected {
        return Err(FileError::request(
            "the parameters",
            format!("{expected}, as the widths say"),
            params.len().to_string(),
            "give those of this network",
        ));
    }
    let (mut tensors, mut rest) = (Vec::new(), params);
    for layer in layers {
        let (own, after) = rest.split_at(layer.len());
        rest = after;
        let (weight, bias) = own.split_at(layer.n_in() * layer.n_out());
        let mut numbers = (0..weight.len()).map(|k| weight[layer.place(k)]);
        tensors.push((
            layer.weight.name.clone(),
            tensor(layer.weight.shape.clone(), &mut numbers),
        ));
        if let Some(part) = &layer.bias {
            tensors.push((
                part.name.clone(),
                tensor(part.shape.clone(), &mut bias.iter().copied()),
            ));
        }
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
        assert!(network(place, &[2, 3], &[0.0_f32; 9], &[]).is_ok());
        for (widths, n) in [
            (&[2, 3][..], 8),
            (&[2, 3], 10),
            (&[usize::MAX, 2], 4),
            (&[usize::MAX, 0], 0),
        ] {
            assert!(
                network(place, widths, &vec![0.0_f64; n], &[]).is_err() != (n == 0),
                "{widths:?}"
            );
        }
    }
}
