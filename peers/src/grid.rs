//! The cells of the comparison, and who takes part in each.

use crate::net::{Dtype, Net, Task, nets};
use crate::options::Options;

/// Everyone pushpull is compared with, in the order of the table; the last two are no peers but libraries of products.
pub const PEERS: [&str; 14] = [
    "jax",
    "jax-scan",
    "enzyme",
    "torch",
    "torch-compile",
    "tensorflow",
    "autograd",
    "dfdx",
    "candle",
    "burn",
    "num-dual",
    "echidna",
    "openblas",
    "mkl",
];

/// Those whose worker is this program; that of the others is a Python program.
pub const IN_RUST: [&str; 6] = ["pushpull", "dfdx", "candle", "burn", "num-dual", "echidna"];

/// Parameters up to which a full gradient by forward mode is measured.
const FORWARD_LIMIT: usize = 26_122;
/// Numbers up to which the gradients of all samples are measured: 57 MB in f64.
const SAMPLES_LIMIT: usize = 7_200_000;
/// Parameters up to which libraries of dual numbers take part.
const DUAL_LIMIT: usize = 403;
/// Multiply-adds of a primal up to which a tape of single numbers takes part: a call is then under a second.
const TAPE_LIMIT: usize = 4_000_000;

/// One line of the comparison: everybody computes the same.
#[derive(Clone, Debug)]
pub struct Cell {
    pub net: Net,
    pub dtype: Dtype,
    pub threads: usize,
    pub task: Task,
}

impl Cell {
    /// The cells that are asked for. Threads vary slowest: a worker has one number of them from its start.
    pub fn all(options: &Options) -> Vec<Self> {
        let nets = nets();
        let mut cells = Vec::new();
        for threads in [1, 2] {
            for net in &nets {
                for dtype in Dtype::ALL {
                    cells.extend(Task::ALL.map(|task| Self {
                        net: net.clone(),
                        dtype,
                        threads,
                        task,
                    }));
                }
            }
        }
        cells.retain(|cell| cell.belongs() && options.wants(cell));
        cells
    }

    /// Two threads are compared where pushpull takes a number of threads; forward mode only where it ends in time.
    fn belongs(&self) -> bool {
        match self.task {
            Task::Gradient => true,
            Task::ForwardGradient => {
                self.net.n_params() <= FORWARD_LIMIT && (self.threads == 1 || self.net.batch > 1)
            }
            Task::SampleGradients => {
                self.threads == 1 && self.net.n_params() * self.net.batch <= SAMPLES_LIMIT
            }
            _ => self.threads == 1,
        }
    }

    /// The peers that offer this, of those that are asked for.
    pub fn peers(&self, options: &Options) -> Vec<&'static str> {
        let mut peers = PEERS.to_vec();
        peers.retain(|peer| self.offers(peer) && options.wants_peer(peer));
        peers
    }

    fn offers(&self, peer: &str) -> bool {
        use Task::{
            ForwardGradient, Gradient, HessianVector, Jacobian, Jvp, Primal, SampleGradients, Vjp,
        };
        match peer {
            "jax" => true,
            "jax-scan" => self.task == Gradient,
            // The products of a gradient alone: a bound.
            "openblas" | "mkl" => self.task == Gradient,
            "enzyme" => matches!(self.task, Gradient | Primal | Jvp | Vjp),
            "torch-compile" => self.task == Gradient,
            "autograd" => !matches!(self.task, ForwardGradient | SampleGradients),
            "dfdx" | "candle" | "burn" => matches!(self.task, Gradient | Primal),
            "num-dual" => {
                matches!(self.task, Jvp | ForwardGradient | Jacobian)
                    && self.threads == 1
                    && self.net.n_params() <= DUAL_LIMIT
            }
            "echidna" => {
                let within = self.net.multiply_adds() <= TAPE_LIMIT;
                let small = self.net.n_params() <= DUAL_LIMIT;
                self.threads == 1
                    && (matches!(self.task, Gradient | Jvp | HessianVector) && within
                        || self.task == Jacobian && small)
            }
            _ => self.task != ForwardGradient,
        }
    }

    /// The cell in words.
    pub fn words(&self) -> String {
        format!(
            "{} batch {} {} {} thread(s) {}",
            self.net.name, self.net.batch, self.dtype, self.threads, self.task
        )
    }
}
