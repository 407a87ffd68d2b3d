//! The weights of a network as PyTorch and others save them, read from safetensors; gradients are written under the same names.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use pushpull_core::siblings::memory;
use safetensors::tensor::Metadata;

use crate::source::open;
use crate::words::{self, shown};
use crate::{Element, FileError, Kind};

mod foreign;
mod layer;
mod matched;
mod tensors;

pub use layer::Layer;
pub use tensors::{gradients, like, network};

use layer::Part;
use matched::Matched;

/// Bytes of a header, at most.
const HEADER: u64 = 16 << 20;

/// The key of the classes' names among the remarks of a file.
const CLASSES: &str = "classes";

/// How a file of weights is to be read.
///
/// ```
/// use pushpull_files::weights::Wanted;
/// let wanted = Wanted { renamed: vec![("encoder.fc".into(), "0".into())], ..Wanted::widths(&[5, 8, 3]) };
/// assert_eq!(wanted.widths.as_deref(), Some(&[5, 8, 3][..]));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// The widths of the network, inputs first; none: those of the file.
    pub widths: Option<Vec<usize>>,
    /// Layers that are to be taken by another name, which says where they stand among the others; by none, left out.
    pub renamed: Vec<(String, String)>,
    /// Whether weights are stored inputs x outputs, as Keras does. Where shapes tell, they are believed.
    pub transposed: bool,
}

impl Wanted {
    /// A network of these widths.
    pub fn widths(widths: &[usize]) -> Self {
        Self {
            widths: Some(widths.to_vec()),
            ..Self::default()
        }
    }
}

/// A file of weights whose header fits the network. No number is read yet.
#[derive(Debug)]
pub struct Weights<R = BufReader<File>> {
    name: PathBuf,
    source: R,
    /// Where the numbers start.
    start: u64,
    layers: Vec<Layer>,
    classes: Option<Vec<String>>,
    said: Vec<String>,
}

impl Weights {
    /// Opens a file, and holds its header against what is wanted: lengths, names, shapes, types.
    ///
    /// # Errors
    /// [`FileError::Input`] for a file that cannot be read, is none of safetensors, or has other layers;
    /// [`FileError::Request`] for fewer than two widths, a width of 0, and a name that the file has not.
    pub fn open(path: &Path, wanted: &Wanted) -> Result<Self, FileError> {
        let (file, len) = open(path)?;
        Self::new(path, BufReader::new(file), len, wanted)
    }
}

impl<R: Read + Seek> Weights<R> {
    /// [`Weights::open`] of `len` bytes that are open already; `name` is for the faults.
    ///
    /// # Errors
    /// As [`Weights::open`].
    pub fn new(name: &Path, mut source: R, len: u64, wanted: &Wanted) -> Result<Self, FileError> {
        const SAVE: &str = "save it with safetensors.torch.save_file";
        if let Some(widths) = &wanted.widths
            && (widths.len() < 2 || widths.contains(&0))
        {
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
        let mut prefix = [0; 8];
        if len < 8 {
            let got = format!("{len} bytes in all");
            return Err(fault("the header", "safetensors".into(), got, SAVE));
        }
        source.read_exact(&mut prefix).map_err(cut)?;
        let (header_len, most) = (u64::from_le_bytes(prefix), HEADER.min(len - 8));
        if header_len > most {
            // A header that fits may begin as others' files do: one of 640 bytes with 80 02, as a pickle.
            if let Some((got, remedy)) = foreign::of(prefix, &mut source) {
                return Err(fault("the file", "safetensors".into(), got.into(), remedy));
            }
            return Err(fault(
                "the header",
                format!("safetensors, a header of at most {most} bytes"),
                format!("{header_len} bytes declared"),
                "the file is cut off or is none of safetensors; save it again",
            ));
        }
        let mut header = vec![0; header_len as usize];
        source.read_exact(&mut header).map_err(cut)?;
        let metadata: Metadata = serde_json::from_slice(&header).map_err(|error| {
            let got = error.to_string();
            // The parser would list every type there is.
            let unknown = got.strip_prefix("unknown variant ");
            match unknown.and_then(|words| words.split_once(", expected")) {
                Some((kind, _)) => {
                    let expected = "types of numbers that safetensors has";
                    let remedy = "save model.float() with safetensors.torch.save_file";
                    fault("the header", expected.into(), kind.into(), remedy)
                }
                None => fault("the header", "the JSON of safetensors".into(), got, SAVE),
            }
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
        let Matched {
            layers,
            unused,
            doubtful,
        } = matched::layers(name, &metadata, wanted)?;
        let mut said = Vec::new();
        if doubtful {
            let order: Vec<String> = layers
                .iter()
                .map(|layer| shown(&matched::base(layer)))
                .collect();
            said.push(format!(
                "{}: shapes and names leave the order of the layers open; taken as {}; --layers or --map OLD=NEW say another",
                name.display(),
                order.join(", ")
            ));
        }
        if !unused.is_empty() {
            let list: Vec<String> = unused.iter().take(20).map(|name| shown(name)).collect();
            let more = unused.len() - list.len();
            let more = if more > 0 {
                format!(" and {more} more")
            } else {
                String::new()
            };
            let strange = match unused.iter().any(|name| is_parameter(name)) {
                true => "; the network that is read is one without them",
                false => "",
            };
            said.push(format!(
                "{}: not used: {}{more}{strange}",
                name.display(),
                list.join(", ")
            ));
        }
        let remarks: Option<&HashMap<String, String>> = metadata.metadata().as_ref();
        let classes = remarks.and_then(|remarks| serde_json::from_str(remarks.get(CLASSES)?).ok());
        Ok(Self {
            name: name.to_owned(),
            source,
            start: 8 + header_len,
            layers,
            classes,
            said,
        })
    }

    /// The type that all its numbers can be read at without a loss: [`Kind::F64`] where some are float64, else [`Kind::F32`].
    pub fn kind(&self) -> Kind {
        let wide = |layer: &Layer| layer.kinds().any(|kind| kind == Kind::F64);
        if self.layers.iter().any(wide) {
            Kind::F64
        } else {
            Kind::F32
        }
    }

    /// The layers, in the order of the network.
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// The widths of the network, inputs first.
    pub fn widths(&self) -> Vec<usize> {
        let first = self.layers.iter().take(1).map(Layer::n_in);
        first.chain(self.layers.iter().map(Layer::n_out)).collect()
    }

    /// Whether each layer has a bias.
    pub fn biases(&self) -> Vec<bool> {
        self.layers.iter().map(Layer::has_bias).collect()
    }

    /// The names of the classes by number, where the file tells them.
    pub fn classes(&self) -> Option<&[String]> {
        self.classes.as_deref()
    }

    /// What was found, to be said to the user: a line each.
    pub fn said(&self) -> &[String] {
        &self.said
    }

    /// All parameters in the graph's order: layer by layer the weight column by column, then the bias if there is one; cast to
    /// T.
    ///
    /// # Errors
    /// [`FileError::Input`] for numbers that are not finite, at T either, or not there; [`FileError::Memory`].
    pub fn read<T: Element>(&mut self) -> Result<Vec<T>, FileError> {
        let layers = self.layers.clone();
        let len = layers
            .iter()
            .fold(0_usize, |sum, layer| sum.saturating_add(layer.len()));
        memory::fits::<T>("the weights", len, "use a smaller network")?;
        let mut params = vec![T::zero(); len];
        let mut rest = &mut params[..];
        for layer in &layers {
            let (own, after) = rest.split_at_mut(layer.len());
            rest = after;
            let (weight, bias) = own.split_at_mut(layer.n_in() * layer.n_out());
            self.part(layer.weight(), |k, value| weight[layer.place(k)] = value)?;
            if let Some(part) = layer.bias() {
                self.part(part, |k, value| bias[k] = value)?;
            }
        }
        Ok(params)
    }

    /// Hands every number of a tensor to `take`, with its place in the file's order.
    fn part<T: Element>(
        &mut self,
        part: &Part,
        mut take: impl FnMut(usize, T),
    ) -> Result<(), FileError> {
        let fault = |expected: &str, got: String, remedy: &str| {
            FileError::input(&self.name, shown(&part.name), expected, got, remedy)
        };
        let cut = |error: std::io::Error| {
            fault(
                "numbers",
                error.to_string(),
                "the file is cut off or damaged; save it again",
            )
        };
        let from = self.start + part.bytes.start as u64;
        self.source.seek(SeekFrom::Start(from)).map_err(cut)?;
        let mut number = vec![0; part.kind.size()];
        for k in 0..part.bytes.len() / part.kind.size() {
            self.source.read_exact(&mut number).map_err(cut)?;
            let value = part.kind.number(&number);
            if !value.is_finite() {
                let got = format!("{value} at {}", part.entry(k));
                let remedy = "train again, or save an earlier state";
                return Err(fault("finite numbers", got, remedy));
            }
            let cast = T::from_f64(value);
            if !cast.is_finite() {
                let got = format!("{} at {}", words::number(value), part.entry(k));
                return Err(fault("numbers that float32 holds", got, "use --dtype f64"));
            }
            take(k, cast);
        }
        Ok(())
    }
}

/// Whether a tensor's name says that it is multiplied by, so that a network without it is another one.
fn is_parameter(name: &str) -> bool {
    let end = name.rsplit(['.', '/']).next().unwrap_or(name);
    end.starts_with("weight") || end == "kernel"
}
