//! The program as a process, and the files that it is given, written here byte by byte.

#![allow(dead_code)] // Each test binary uses its part.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// The program, with a calibration of its own.
pub fn pushpull(place: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_pushpull"))
        .args(arguments)
        .current_dir(place)
        .env("PUSHPULL_CALIBRATION", place.join("calibration.txt"))
        .output()
        .unwrap()
}

/// Its one line of fault.
pub fn fault(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A type of numbers in files.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Dtype {
    F32,
    F64,
}

impl Dtype {
    pub fn safetensors(self) -> &'static str {
        match self {
            Self::F32 => "F32",
            Self::F64 => "F64",
        }
    }
    pub fn numpy(self) -> &'static str {
        match self {
            Self::F32 => "<f4",
            Self::F64 => "<f8",
        }
    }
    pub fn bytes(self, numbers: &[f64]) -> Vec<u8> {
        match self {
            Self::F32 => numbers
                .iter()
                .flat_map(|&x| (x as f32).to_le_bytes())
                .collect(),
            Self::F64 => numbers.iter().flat_map(|x| x.to_le_bytes()).collect(),
        }
    }
    pub fn numbers(self, bytes: &[u8]) -> Vec<f64> {
        match self {
            Self::F32 => bytes
                .chunks_exact(4)
                .map(|b| f32::from_le_bytes(b.try_into().unwrap()).into())
                .collect(),
            Self::F64 => bytes
                .chunks_exact(8)
                .map(|b| f64::from_le_bytes(b.try_into().unwrap()))
                .collect(),
        }
    }
}

/// An npy file; `shape` as Python prints it.
pub fn npy(descr: &str, fortran: bool, shape: &str, data: &[u8]) -> Vec<u8> {
    let order = if fortran { "True" } else { "False" };
    npy_with(
        &format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}"),
        data,
    )
}

/// An npy file with any header.
pub fn npy_with(header: &str, data: &[u8]) -> Vec<u8> {
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend_from_slice(&(header.len() as u16 + 1).to_le_bytes());
    bytes.extend_from_slice(header.as_bytes());
    bytes.push(b'\n');
    bytes.extend_from_slice(data);
    bytes
}

/// A matrix, given by rows, as an npy file in C or Fortran order.
pub fn matrix(dtype: Dtype, fortran: bool, rows: &[Vec<f64>]) -> Vec<u8> {
    let columns = rows.first().map_or(0, Vec::len);
    let numbers: Vec<f64> = if fortran {
        (0..columns)
            .flat_map(|j| rows.iter().map(move |row| row[j]))
            .collect()
    } else {
        rows.concat()
    };
    let shape = format!("({}, {columns})", rows.len());
    npy(dtype.numpy(), fortran, &shape, &dtype.bytes(&numbers))
}

/// Classes as int64, or int32.
pub fn classes(wide: bool, classes: &[i64]) -> Vec<u8> {
    let shape = format!("({},)", classes.len());
    if wide {
        let data: Vec<u8> = classes.iter().flat_map(|c| c.to_le_bytes()).collect();
        npy("<i8", false, &shape, &data)
    } else {
        let data: Vec<u8> = classes
            .iter()
            .flat_map(|&c| (c as i32).to_le_bytes())
            .collect();
        npy("<i4", false, &shape, &data)
    }
}

/// An npz archive, stored as by `numpy.savez` or packed as by `numpy.savez_compressed`.
pub fn npz(arrays: &[(&str, Vec<u8>)], packed: bool) -> Vec<u8> {
    let method = if packed {
        CompressionMethod::Deflated
    } else {
        CompressionMethod::Stored
    };
    let mut archive = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in arrays {
        let options = SimpleFileOptions::default().compression_method(method);
        archive.start_file(format!("{name}.npy"), options).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

/// A tensor of a safetensors file.
pub struct Tensor {
    pub name: String,
    pub dtype: &'static str,
    pub shape: Vec<usize>,
    pub data: Vec<u8>,
}

/// A safetensors file, its header written here.
pub fn safetensors(tensors: &[Tensor]) -> Vec<u8> {
    let (mut header, mut data) = (serde_json::Map::new(), Vec::new());
    for tensor in tensors {
        let offsets = [data.len(), data.len() + tensor.data.len()];
        header.insert(
            tensor.name.clone(),
            serde_json::json!({"dtype": tensor.dtype, "shape": tensor.shape, "data_offsets": offsets}),
        );
        data.extend_from_slice(&tensor.data);
    }
    safetensors_with(&Value::from(header).to_string(), &data)
}

/// A safetensors file with any header.
pub fn safetensors_with(header: &str, data: &[u8]) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(header.as_bytes());
    bytes.extend_from_slice(data);
    bytes
}

/// A layer: its weight by rows, and its bias.
#[derive(Clone, Debug)]
pub struct Layer {
    pub weight: Vec<Vec<f64>>,
    pub bias: Vec<f64>,
}

/// Layers as tensors, numbered `0, 2, 4, ..` as in an `nn.Sequential` with activations between them.
pub fn tensors(dtype: Dtype, layers: &[Layer]) -> Vec<Tensor> {
    let tensor = |name, shape, numbers: &[f64]| Tensor {
        name,
        dtype: dtype.safetensors(),
        shape,
        data: dtype.bytes(numbers),
    };
    let numbered = layers.iter().enumerate();
    numbered
        .flat_map(|(i, layer)| {
            let shape = vec![layer.weight.len(), layer.weight[0].len()];
            [
                tensor(
                    format!("{}.bias", 2 * i),
                    vec![layer.bias.len()],
                    &layer.bias,
                ),
                tensor(format!("{}.weight", 2 * i), shape, &layer.weight.concat()),
            ]
        })
        .collect()
}

/// A network of the reference.
pub struct Golden {
    pub value: Value,
    pub widths: Vec<usize>,
    pub activation: String,
    pub loss: String,
    pub x: Vec<Vec<f64>>,
    pub layers: Vec<Layer>,
}

impl Golden {
    pub const NAMES: [&str; 6] = [
        "mlp_2_2_2_2_silu_sum",
        "mlp_2_3_1_tanh_sum",
        "mlp_3_4_2_sigmoid_squared",
        "mlp_3_5_5_2_gelu_squared",
        "mlp_4_6_1_softplus_sigmoidce",
        "mlp_5_8_8_3_relu_softmax",
    ];

    pub fn load(name: &str) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden");
        let text = std::fs::read_to_string(root.join(format!("{name}.json"))).unwrap();
        let value: Value = serde_json::from_str(&text).unwrap();
        let loss = value["loss"].as_str().unwrap().replace('_', "-");
        Self {
            widths: numbers(&value["layers"])
                .iter()
                .map(|&w| w as usize)
                .collect(),
            activation: value["activation"].as_str().unwrap().into(),
            loss: if loss == "squared" {
                "squared-error".into()
            } else {
                loss
            },
            x: rows(&value["x"]),
            layers: layers(&value["params"]),
            value,
        }
    }

    pub fn batch(&self) -> usize {
        self.x.len()
    }

    /// `5,8,8,3`
    pub fn widths(&self) -> String {
        let widths: Vec<String> = self.widths.iter().map(usize::to_string).collect();
        widths.join(",")
    }

    /// The data as an archive.
    pub fn data(&self, dtype: Dtype, fortran: bool, packed: bool) -> Vec<u8> {
        let mut arrays = vec![("x", matrix(dtype, fortran, &self.x))];
        let target = &self.value["target"];
        if self.loss == "softmax-cross-entropy" {
            let target: Vec<i64> = target
                .as_array()
                .unwrap()
                .iter()
                .map(|c| c.as_i64().unwrap())
                .collect();
            arrays.push(("y", classes(dtype == Dtype::F64, &target)));
        } else if !target.is_null() {
            arrays.push(("y", matrix(dtype, !fortran, &rows(target))));
        }
        npz(&arrays, packed)
    }

    /// Writes `w.safetensors` and `d.npz`, and gives the arguments that name them and the network.
    pub fn write(&self, place: &Path, dtype: Dtype, fortran: bool, packed: bool) -> Vec<String> {
        std::fs::write(
            place.join("w.safetensors"),
            safetensors(&tensors(dtype, &self.layers)),
        )
        .unwrap();
        std::fs::write(place.join("d.npz"), self.data(dtype, fortran, packed)).unwrap();
        let (widths, activation, loss) =
            (self.widths(), self.activation.as_str(), self.loss.as_str());
        [
            "gradient",
            "--layers",
            &widths,
            "--activation",
            activation,
            "--loss",
            loss,
            "--weights",
            "w.safetensors",
            "--data",
            "d.npz",
            "--output",
            "g.safetensors",
        ]
        .map(str::to_owned)
        .to_vec()
    }
}

/// A list of rows.
pub fn rows(value: &Value) -> Vec<Vec<f64>> {
    value.as_array().unwrap().iter().map(numbers).collect()
}

/// A list of numbers.
pub fn numbers(value: &Value) -> Vec<f64> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|x| x.as_f64().unwrap())
        .collect()
}

pub fn layers(value: &Value) -> Vec<Layer> {
    let layer = |layer: &Value| Layer {
        weight: rows(&layer["weight"]),
        bias: numbers(&layer["bias"]),
    };
    value.as_array().unwrap().iter().map(layer).collect()
}

/// Names in a directory, sorted.
pub fn listing(place: &Path) -> Vec<PathBuf> {
    let mut names: Vec<PathBuf> = std::fs::read_dir(place)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into())
        .collect();
    names.sort();
    names
}

/// Weights and samples of a network for squared-error.
pub fn network(place: &Path, widths: &[usize], batch: usize, dtype: Dtype) {
    let number = |i: usize, j: usize| ((3 * i + 7 * j) as f64).sin() / 4.0;
    let layers: Vec<Layer> = widths
        .windows(2)
        .map(|pair| Layer {
            weight: (0..pair[1])
                .map(|i| (0..pair[0]).map(|j| number(i, j)).collect())
                .collect(),
            bias: (0..pair[1]).map(|i| number(i, 1)).collect(),
        })
        .collect();
    let rows = |n: usize| -> Vec<Vec<f64>> {
        let row = |i: usize| (0..n).map(|j| number(i, j)).collect();
        (0..batch).map(row).collect()
    };
    let (inputs, outputs) = (widths[0], widths[widths.len() - 1]);
    let arrays = [
        ("x", matrix(dtype, false, &rows(inputs))),
        ("y", matrix(dtype, false, &rows(outputs))),
    ];
    std::fs::write(
        place.join("w.safetensors"),
        safetensors(&tensors(dtype, &layers)),
    )
    .unwrap();
    std::fs::write(place.join("d.npz"), npz(&arrays, false)).unwrap();
}
