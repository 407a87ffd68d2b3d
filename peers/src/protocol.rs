//! What the runner and a worker say to each other: one JSON object a line, over the worker's standard input and output.
//!
//! Numbers travel in files of the job's directory, as little-endian f64 one after the other: `params` (a layer's weights,
//! an input's row of outputs after the other, then its biases), `x`, `target` and `y_bar` (a sample after the other), `params_dot`.
//! The worker writes the result to the file that the job names.

use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use pushpull::blocks::{Activation, Loss};
use serde::{Deserialize, Serialize};

use crate::net::{Dtype, Net, Task};

/// One computation to prepare.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Job {
    pub widths: Vec<usize>,
    pub activation: String,
    pub loss: String,
    pub batch: usize,
    pub dtype: Dtype,
    pub task: Task,
    pub threads: usize,
    /// Where the numbers are.
    pub directory: PathBuf,
    /// Where the result goes.
    pub result: PathBuf,
}

impl Job {
    pub fn new(
        net: &Net,
        (dtype, task, threads): (Dtype, Task, usize),
        directory: &Path,
        peer: &str,
    ) -> Self {
        Self {
            widths: net.widths.clone(),
            activation: net.activation.to_string(),
            loss: net.loss.to_string(),
            batch: net.batch,
            dtype,
            task,
            threads,
            directory: directory.into(),
            result: directory.join(format!("result-{peer}")),
        }
    }

    /// The network that it describes.
    pub fn net(&self) -> Result<Net, pushpull::Error> {
        Ok(Net {
            name: String::new(),
            widths: self.widths.clone(),
            activation: Activation::from_str(&self.activation)?,
            loss: Loss::from_str(&self.loss)?,
            batch: self.batch,
        })
    }
}

/// The runner's side.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "lowercase")]
pub enum Ask {
    /// Prepare a job, run it once, write its result; what was prepared before may go.
    Prepare(Job),
    /// Run the prepared job this often, after one run that is not timed where runs are short.
    Time { repeats: u64 },
    /// Let go of what is prepared.
    Forget,
}

/// The worker's side. A worker greets first.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "lowercase")]
pub enum Answer {
    /// The worker is up.
    Ready { version: String },
    /// The job has run once: the loss (0 where there is none), and the form that was chosen, in words.
    Prepared { value: f64, form: String },
    /// Seconds of one run.
    Timed { seconds: f64 },
    /// Nothing is prepared any more.
    Forgotten,
    /// It cannot be done, and why.
    Refused { why: String },
}

/// Reads a file of numbers.
pub fn read_numbers(path: &Path) -> io::Result<Vec<f64>> {
    let bytes = std::fs::read(path)?;
    let numbers = bytes.chunks_exact(8).map(|eight| {
        let mut number = [0; 8];
        number.copy_from_slice(eight);
        f64::from_le_bytes(number)
    });
    Ok(numbers.collect())
}

/// Writes a file of numbers.
pub fn write_numbers(path: &Path, numbers: &[f64]) -> io::Result<()> {
    let bytes: Vec<u8> = numbers.iter().flat_map(|v| v.to_le_bytes()).collect();
    std::fs::write(path, bytes)
}
