//! The numbers that all libraries compute with.

use std::io;
use std::path::Path;

use pushpull::Init;
use pushpull::blocks::{Activation, Loss};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::net::Net;
use crate::protocol::{read_numbers, write_numbers};

const SEED: u64 = 2018;

/// A preactivation nearer to ReLU's kink than this could fall on either side by rounding in f32; the gradients of two
/// right programs would then differ.
const KINK: f64 = 2e-5;

/// Parameters, a direction in them, samples and targets.
#[derive(Clone, Debug)]
pub struct Data {
    /// pushpull's flat order: a layer's weights (outputs x inputs) column by column, then its biases.
    pub params: Vec<f64>,
    pub params_dot: Vec<f64>,
    /// inputs x batch, a sample after the other.
    pub x: Vec<f64>,
    /// outputs x batch.
    pub target: Vec<f64>,
    /// A cotangent of the last layer: outputs x batch.
    pub y_bar: Vec<f64>,
}

impl Data {
    /// Glorot's weights, small biases, uniform samples of which none comes near a kink; targets are uniform for a
    /// squared error and classes for a cross-entropy.
    pub fn new(net: &Net) -> Result<Self, pushpull::Error> {
        let layout = net.graph(true)?.layout().clone();
        let mut rng = ChaCha8Rng::seed_from_u64(SEED);
        let mut uniform = |a: f64| a * (2.0 * rng.random::<f64>() - 1.0);
        let mut params: Vec<f64> = layout.init(Init::Glorot, SEED);
        for entry in layout.entries() {
            if entry.name.ends_with(".bias") {
                params[entry.range()].fill_with(|| uniform(0.1));
            }
        }
        let params_dot = (0..params.len()).map(|_| uniform(1.0)).collect();
        let (n_in, n_out) = (net.widths[0], net.widths[net.widths.len() - 1]);
        let (mut x, mut target) = (Vec::new(), Vec::new());
        for sample in 0..net.batch {
            let column = loop {
                let column: Vec<f64> = (0..n_in).map(|_| uniform(1.0)).collect();
                if net.activation != Activation::Relu || margin(net, &params, &column) > KINK {
                    break column;
                }
            };
            x.extend(column);
            target.extend((0..n_out).map(|i| match net.loss {
                Loss::SoftmaxCrossEntropy => f64::from(u8::from(i == sample % n_out)),
                _ => uniform(1.0),
            }));
        }
        let y_bar = target.iter().map(|_| uniform(1.0)).collect();
        Ok(Self {
            params,
            params_dot,
            x,
            target,
            y_bar,
        })
    }

    /// Writes the files of a job's directory.
    pub fn write(&self, directory: &Path) -> io::Result<()> {
        std::fs::create_dir_all(directory)?;
        for (name, numbers) in [
            ("params", &self.params),
            ("params_dot", &self.params_dot),
            ("x", &self.x),
            ("target", &self.target),
            ("y_bar", &self.y_bar),
        ] {
            write_numbers(&directory.join(name), numbers)?;
        }
        Ok(())
    }

    /// Reads them back.
    pub fn read(directory: &Path) -> io::Result<Self> {
        let read = |name| read_numbers(&directory.join(name));
        Ok(Self {
            params: read("params")?,
            params_dot: read("params_dot")?,
            x: read("x")?,
            target: read("target")?,
            y_bar: read("y_bar")?,
        })
    }
}

/// The smallest |preactivation| of a ReLU network's hidden layers for one sample.
fn margin(net: &Net, params: &[f64], sample: &[f64]) -> f64 {
    let (mut h, mut rest, mut least) = (sample.to_vec(), params, f64::INFINITY);
    for (n_in, n_out) in net.layers().take(net.widths.len() - 2) {
        let (weights, after) = rest.split_at(n_in * n_out);
        let (biases, after) = after.split_at(n_out);
        let mut z = biases.to_vec();
        for (column, &v) in weights.chunks_exact(n_out).zip(&h) {
            z.iter_mut().zip(column).for_each(|(z, &w)| *z += w * v);
        }
        least = z.iter().fold(least, |least, z| least.min(z.abs()));
        h = z.into_iter().map(|z| z.max(0.0)).collect();
        rest = after;
    }
    least
}
