//! The weights of a network in PyTorch's layout, read from safetensors; gradients are written in the same.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};

use pushpull_core::siblings::memory;
use safetensors::Dtype;
use safetensors::tensor::{Metadata, TensorInfo};

use crate::source::open;
use crate::words::{shape, shown};
use crate::{Element, FileError, Kind};

mod tensors;

pub use tensors::{gradients, network};

/// A layer's place in the file.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    /// The i of its names.
    index: usize,
    n_in: usize,
    n_out: usize,
    weight: Range<usize>,
    bias: Range<usize>,
}

/// A file of weights whose header fits the network. No number is read yet.
#[derive(Debug)]
pub struct Weights<R = BufReader<File>> {
    name: PathBuf,
    source: R,
    /// Where the numbers start.
    start: u64,
    kind: Kind,
    layers: Vec<Layer>,
}

impl Weights {
    /// Opens a file, and holds its header against the widths, inputs first: lengths, names, shapes, types.
    ///
    /// # Errors
    /// [`FileError::Input`] for a file that cannot be read, is none of safetensors, or has other layers;
    /// [`FileError::Request`] for fewer than two widths and for a width of 0.
    pub fn open(path: &Path, widths: &[usize]) -> Result<Self, FileError> {
        let (file, len) = open(path)?;
        Self::new(path, BufReader::new(file), len, widths)
    }
}

impl<R: Read + Seek> Weights<R> {
    /// [`Weights::open`] of `len` bytes that are open already; `name` is for the faults.
    ///
    /// # Errors
    /// As [`Weights::open`].
    pub fn new(name: &Path, mut source: R, len: u64, widths: &[usize]) -> Result<Self, FileError> {
        const SAVE: &str = "save it with safetensors.torch.save_file";
        if widths.len() < 2 || widths.contains(&0) {
            return Err(FileError::request(
                "the widths",
                "at least two of at least 1, the inputs first",
                format!("{widths:?}"),
                "give those of the network",
            ));
        }
        let fault = |what: &str, expected: String, got: String, remedy: &str| {
            FileError::input(name, what, expected, got, remedy)
        };
        let cut = |error: std::io::Error| {
            fault("the header", "safetensors".into(), error.to_string(), SAVE)
        };
        // Names of a line each, and a page of remarks.
        let most = (1 << 20) + (widths.len() as u64).saturating_mul(1024);
        let mut prefix = [0; 8];
        if len < 8 {
            let got = format!("{len} bytes in all");
            return Err(fault("the header", "safetensors".into(), got, SAVE));
        }
        source.read_exact(&mut prefix).map_err(cut)?;
        let header_len = u64::from_le_bytes(prefix);
        if header_len > most.min(len - 8) {
            return Err(fault(
                "the header",
                format!(
                    "safetensors, a header of at most {} bytes",
                    most.min(len - 8)
                ),
                format!("{header_len} bytes declared"),
                "the file is cut off or is none of safetensors; save it again",
            ));
        }
        let mut header = vec![0; header_len as usize];
        source.read_exact(&mut header).map_err(cut)?;
        let metadata: Metadata = serde_json::from_slice(&header).map_err(|error| {
            let got: String = error.to_string().chars().take(160).collect();
            fault("the header", "the JSON of safetensors".into(), got, SAVE)
        })?;
        let rest = len - 8 - header_len;
        if metadata.data_len() as u64 != rest {
            return Err(fault(
                "the numbers",
                format!("{} bytes as the header says", metadata.data_len()),
                format!("{rest} bytes"),
                "the file is cut off or damaged; save it again",
            ));
        }
        let (kind, layers) = fitted(name, &metadata, widths)?;
        Ok(Self {
            name: name.to_owned(),
            source,
            start: 8 + header_len,
            kind,
            layers,
        })
    }

    /// The type of all numbers: [`Kind::F32`] or [`Kind::F64`].
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// The layers, in the order of the network.
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// All parameters in the graph's order: layer by layer the weight column by column, then the bias.
    ///
    /// # Errors
    /// [`FileError::Input`] for numbers that are not finite or not there; [`FileError::Request`] where T is not the file's
    /// type; [`FileError::Memory`].
    pub fn read<T: Element>(&mut self) -> Result<Vec<T>, FileError> {
        if T::KIND != self.kind {
            let (expected, got) = (format!("{:?}", self.kind), format!("{:?}", T::KIND));
            let remedy = "read them as the type that the file holds";
            return Err(FileError::request(
                "the type of the weights",
                expected,
                got,
                remedy,
            ));
        }
        let layers = self.layers.clone();
        let len = layers
            .iter()
            .map(|layer| (layer.n_in + 1) * layer.n_out)
            .sum();
        memory::fits::<T>("the weights", len, "use a smaller network")?;
        let mut params = vec![T::zero(); len];
        let mut rest = &mut params[..];
        for layer in &layers {
            let (n_in, n_out, index) = (layer.n_in, layer.n_out, layer.index);
            let (weight, after) = rest.split_at_mut(n_in * n_out);
            let (bias, after) = after.split_at_mut(n_out);
            rest = after;
            let entry = |k| format!("[{}, {}]", k / n_in, k % n_in);
            self.tensor(
                layer.weight.clone(),
                &format!("{index}.weight"),
                entry,
                |k, value| {
                    weight[k % n_in * n_out + k / n_in] = value;
                },
            )?;
            let entry = |k| format!("[{k}]");
            self.tensor(
                layer.bias.clone(),
                &format!("{index}.bias"),
                entry,
                |k, value| {
                    bias[k] = value;
                },
            )?;
        }
        Ok(params)
    }

    /// Hands every number of a tensor to `take`, with its place in the file's order.
    fn tensor<T: Element>(
        &mut self,
        bytes: Range<usize>,
        name: &str,
        entry: impl Fn(usize) -> String,
        mut take: impl FnMut(usize, T),
    ) -> Result<(), FileError> {
        let fault = |expected: &str, got: String, remedy: &str| {
            FileError::input(&self.name, name, expected, got, remedy)
        };
        let cut = |error: std::io::Error| {
            fault(
                "numbers",
                error.to_string(),
                "the file is cut off or damaged; save it again",
            )
        };
        let from = self.start + bytes.start as u64;
        self.source.seek(SeekFrom::Start(from)).map_err(cut)?;
        let mut number = vec![0; size_of::<T>()];
        for k in 0..bytes.len() / size_of::<T>() {
            self.source.read_exact(&mut number).map_err(cut)?;
            let value = T::from_le(&number);
            if !value.is_finite() {
                let got = format!("{value} at {}", entry(k));
                return Err(fault(
                    "finite numbers",
                    got,
                    "train again, or save an earlier state",
                ));
            }
            take(k, value);
        }
        Ok(())
    }
}

/// The type and the layers of a header, if they are those of the network.
fn fitted(
    path: &Path,
    metadata: &Metadata,
    widths: &[usize],
) -> Result<(Kind, Vec<Layer>), FileError> {
    let fault = |what: String, expected: String, got: String, remedy: &str| {
        Err(FileError::input(path, what, expected, got, remedy))
    };
    let tensors: BTreeMap<String, &TensorInfo> = metadata.tensors().into_iter().collect();
    let mut indices: BTreeMap<usize, [Option<&TensorInfo>; 2]> = BTreeMap::new();
    for (name, &info) in &tensors {
        let Some((index, part)) = numbered(name) else {
            return fault(
                shown(name),
                "the names <i>.weight and <i>.bias".into(),
                "another".into(),
                "save the state_dict of an nn.Sequential of nn.Linear and activations",
            );
        };
        indices.entry(index).or_default()[part] = Some(info);
    }
    let n = widths.len() - 1;
    if indices.len() != n {
        let names: Vec<String> = indices.keys().take(20).map(usize::to_string).collect();
        return fault(
            "the layers".into(),
            format!("{n}, as --layers says"),
            format!("{} ({})", indices.len(), names.join(", ")),
            "give every width with --layers, inputs first",
        );
    }
    let mut dtype = None;
    let mut layers = Vec::with_capacity(n);
    for ((index, parts), pair) in indices.into_iter().zip(widths.windows(2)) {
        let (n_in, n_out) = (pair[0], pair[1]);
        let mut places = [0..0, 0..0];
        let wanted = [("weight", vec![n_out, n_in]), ("bias", vec![n_out])];
        for ((part, wanted), (info, place)) in wanted.iter().zip(parts.iter().zip(&mut places)) {
            let name = format!("{index}.{part}");
            let wanted_as = if wanted.len() == 2 {
                format!("{} (outputs x inputs)", shape(wanted))
            } else {
                shape(wanted)
            };
            let Some(info) = info else {
                let remedy = "save layers with a bias, and all of them";
                return fault(name, wanted_as, "none of this name".into(), remedy);
            };
            if info.shape != *wanted {
                let remedy = "give the widths of these weights with --layers, inputs first";
                return fault(name, wanted_as, shape(&info.shape), remedy);
            }
            if !matches!(info.dtype, Dtype::F32 | Dtype::F64) {
                let remedy = "save model.float() or model.double()";
                return fault(name, "F32 or F64".into(), info.dtype.to_string(), remedy);
            }
            let all = *dtype.get_or_insert(info.dtype);
            if info.dtype != all {
                let expected = format!("{all} as the others");
                let remedy = "save model.float() or model.double()";
                return fault(name, expected, info.dtype.to_string(), remedy);
            }
            *place = info.data_offsets.0..info.data_offsets.1;
        }
        let [weight, bias] = places;
        layers.push(Layer {
            index,
            n_in,
            n_out,
            weight,
            bias,
        });
    }
    let kind = match dtype {
        Some(Dtype::F32) => Kind::F32,
        _ => Kind::F64,
    };
    Ok((kind, layers))
}

/// The index of `<i>.weight` (0) or `<i>.bias` (1), written as PyTorch writes it.
fn numbered(name: &str) -> Option<(usize, usize)> {
    let (index, part) = name.split_once('.')?;
    let part = ["weight", "bias"].iter().position(|known| *known == part)?;
    let number: usize = index.parse().ok()?;
    (number.to_string() == index).then_some((number, part))
}

#[cfg(test)]
mod tests {
    use super::numbered;

    #[test]
    fn names_are_read_as_pytorch_writes_them() {
        assert_eq!(numbered("10.weight"), Some((10, 0)));
        assert_eq!(numbered("0.bias"), Some((0, 1)));
        for other in [
            "",
            "0",
            ".bias",
            "+1.bias",
            "01.bias",
            "0.weight.x",
            "fc.bias",
            "-1.bias",
            "0.gain",
        ] {
            assert_eq!(numbered(other), None, "{other}");
        }
    }
}
