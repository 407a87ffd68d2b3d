//! The cells that the planner is judged on: drawn from a seed that no calibration has a part in.

use pushpull_core::blocks::{Activation, LayerNorm, Linear, Loss, Softmax};
use pushpull_core::{Builder, Graph, Result};
use pushpull_planner::{Budget, Question};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::record::Dtype;

/// The seed of the cells.
pub const SEED: u64 = 1973;

/// Cells that are drawn.
pub const CELLS: usize = 100;

/// Cells of one kind of question, at most.
pub const OF_ONE_KIND: usize = 20;

/// Flops that any candidate of a cell may take, by its exact count: what takes longer decides itself.
pub const MOST_FLOPS: u64 = 200_000_000;

/// Bytes that any candidate of a cell may take.
pub const MOST_BYTES: usize = 256 << 20;

/// One network with a question.
#[derive(Clone, Debug)]
pub struct Drawn {
    /// How the network reads in a table: widths and what lies between.
    pub net: String,
    /// The network.
    pub graph: Graph,
    /// Samples.
    pub batch: usize,
    /// Precision.
    pub dtype: Dtype,
    /// What is asked.
    pub question: Question,
    /// Where the budget lies between the least and the most that any candidate needs, on a scale of powers; `None`: no
    /// budget.
    pub tightness: Option<f64>,
}

impl Drawn {
    /// The budget, given the least and the most bytes of the candidates.
    pub fn budget(&self, least: usize, most: usize) -> Budget {
        match self.tightness {
            None => Budget::Unlimited,
            Some(share) => {
                let (least, most) = (least as f64, most as f64);
                Budget::Bytes((least * (most / least).powf(share)) as usize)
            }
        }
    }
}

/// An endless stream of cells.
#[derive(Debug)]
pub struct Draw {
    rng: ChaCha8Rng,
}

impl Draw {
    /// The stream of a seed.
    pub fn new(seed: u64) -> Self {
        Self {
            rng: ChaCha8Rng::seed_from_u64(seed),
        }
    }

    /// A whole number between two, small ones as often as large ones on a scale of powers.
    fn size(&mut self, least: usize, most: usize) -> usize {
        let (least, most) = (least as f64, most as f64 + 0.999);
        (least * (most / least).powf(self.rng.random::<f64>())) as usize
    }

    fn one<X: Copy>(&mut self, of: &[X]) -> X {
        of[self.rng.random_range(0..of.len())]
    }

    /// The next cell.
    ///
    /// # Errors
    /// None: widths and shapes fit.
    pub fn draw(&mut self) -> Result<Drawn> {
        let question = match self.rng.random_range(0..6) {
            0 => Question::Gradient,
            1 => Question::Jvp(self.size(1, 64)),
            2 => Question::Vjp(self.size(1, 64)),
            3 => Question::JacobianParams,
            4 => Question::JacobianInputs,
            _ => Question::HessianVector(self.size(1, 4)),
        };
        let (depth, batch) = (self.size(1, 5), self.size(1, 64));
        // Where parameters are unit vectors, a wide network decides itself.
        let widest = match question {
            Question::JacobianInputs | Question::HessianVector(_) => 128,
            Question::Jvp(_) => 64,
            _ => 24,
        };
        let widths: Vec<usize> = (0..=depth).map(|_| self.size(1, widest)).collect();
        let activations = [
            Activation::Tanh,
            Activation::Relu,
            Activation::Sigmoid,
            Activation::Gelu,
        ];
        let activation = self.one(&activations);
        let losses = [Loss::Sum, Loss::SquaredError, Loss::SoftmaxCrossEntropy];
        let loss = match question {
            Question::Gradient | Question::HessianVector(_) => Some(self.one(&losses)),
            Question::JacobianInputs => None,
            _ if self.rng.random_bool(0.3) => Some(self.one(&losses)),
            _ => None,
        };
        let normed = self.rng.random_bool(0.25);
        let squashed = loss.is_none() && self.rng.random_bool(0.25);
        let tightness = self
            .rng
            .random_bool(0.25)
            .then(|| self.rng.random_range(0.05..0.95));
        let dtype = self.one(&[Dtype::F32, Dtype::F64]);
        let mut b = Builder::new();
        let mut h = b.input("x", widths[0]);
        let mut net = widths[0].to_string();
        for (i, pair) in widths.windows(2).enumerate() {
            if i > 0 {
                h = b.block(activation.block(pair[0]), h);
                if normed {
                    h = b.block(LayerNorm::new(pair[0]), h);
                }
            }
            h = b.block(Linear::new(pair[0], pair[1]), h);
            net += &format!("-{}", pair[1]);
        }
        if depth > 1 {
            net += &format!(" {activation}");
            net += if normed { " norm" } else { "" };
        }
        if squashed {
            h = b.block(Softmax::new(h.rows()), h);
            net += " softmax";
        }
        if let Some(loss) = loss {
            net += &format!(" {loss}");
            let rows = h.rows();
            h = if loss.needs_target() {
                let target = b.constant("target", rows);
                b.block(loss.block(rows), [h, target])
            } else {
                b.block(loss.block(rows), h)
            };
        }
        Ok(Drawn {
            net,
            graph: b.build(h)?,
            batch,
            dtype,
            question,
            tightness,
        })
    }
}
