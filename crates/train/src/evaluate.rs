//! How good a network is on a set of samples.

use std::fmt;
use std::ops::Range;

use nalgebra::DMatrix;
use pushpull_core::blocks::Loss;
use pushpull_core::{Mat, Primal};

use crate::samples::class_of;
use crate::{Model, Precision, TrainError};

/// Samples that are predicted at once. A constant: the bits of a sum depend on it.
const BLOCK: usize = 256;

/// Loss and score of a set of samples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Metrics {
    /// Mean over the samples.
    pub loss: f64,
    /// The share of right classes, or R^2.
    pub score: Score,
}

/// A number that says how good predictions are, the larger the better.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Score {
    /// For cross-entropies: the share of answers that are right. A softmax gives an answer a sample, the first largest output;
    /// with sigmoids every output is an answer of its own, yes where its logit is above 0.
    Accuracy(f64),
    /// For least squares: `1 - sum (y - f)^2 / sum (y - mean of y)^2` over all targets, each row with its own mean *of
    /// these samples*; NaN where these targets are all equal. 0 is what the mean itself would get.
    R2(f64),
}

impl Score {
    /// The number.
    pub const fn value(self) -> f64 {
        match self {
            Self::Accuracy(value) | Self::R2(value) => value,
        }
    }

    /// `accuracy` or `R2`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Accuracy(_) => "accuracy",
            Self::R2(_) => "R2",
        }
    }
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:.4}", self.name(), self.value())
    }
}

impl fmt::Display for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "loss {:.5}, {}", self.loss, self.score)
    }
}

/// Who judges which blocks of a set of samples. Metrics have the same bits whoever does: every number that is summed is told to
/// all, and all sum them in the same order.
pub trait Judges: fmt::Debug {
    /// The blocks that are judged here, of so many.
    fn share(&self, blocks: usize) -> Range<usize>;

    /// The numbers of all blocks in their order, of which `own` are those of this share.
    ///
    /// # Errors
    /// Whatever should end the run.
    fn all(&self, own: Vec<f64>) -> Result<Vec<f64>, TrainError>;
}

/// All blocks are judged here.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Alone;

impl Judges for Alone {
    fn share(&self, blocks: usize) -> Range<usize> {
        0..blocks
    }

    fn all(&self, own: Vec<f64>) -> Result<Vec<f64>, TrainError> {
        Ok(own)
    }
}

/// Predicts a set block by block.
#[derive(Clone, Debug)]
pub(crate) struct Evaluator<T> {
    /// Inputs over targets, a sample a column.
    stacked: DMatrix<T>,
    loss: Loss,
    n_x: usize,
    blocks: Block<T>,
    /// For the samples that are left.
    rest: Option<Block<T>>,
    /// A power of two, about as much as targets differ: squares in other units may overflow or underflow.
    unit: f64,
    /// sum ((y - mean of y) / (2 unit))^2
    spread: f64,
}

#[derive(Clone, Debug)]
struct Block<T> {
    predict: Primal<T>,
    criterion: Primal<T>,
    /// Predictions over targets.
    judged: DMatrix<T>,
}

impl<T: Precision> Evaluator<T> {
    pub fn new(model: &Model, stacked: DMatrix<T>, threads: usize) -> Result<Self, TrainError> {
        let (n, n_x, n_out) = (
            stacked.ncols(),
            model.predict.n_inputs(),
            model.predict.n_outputs(),
        );
        let block = |size: usize| -> Result<Block<T>, TrainError> {
            Ok(Block {
                predict: Primal::new(&model.predict, size)?.with_threads(threads)?,
                criterion: Primal::new(&model.criterion, size)?,
                judged: DMatrix::from_element(2 * n_out, size, T::zero()),
            })
        };
        let size = n.min(BLOCK);
        // Less the first target, so that the mean of numbers far from 0 is not off by their roundings; of halves, which do not
        // overflow.
        let less_first = |i: usize| -> Vec<f64> {
            let row = stacked.row(n_x + i);
            row.iter().map(|&y| half_difference(y, row[0])).collect()
        };
        let rows: Vec<Vec<f64>> = (0..n_out).map(less_first).collect();
        let most = rows
            .iter()
            .flatten()
            .fold(0.0_f64, |most, d| most.max(d.abs()));
        let exponent = f64::from_bits(most.to_bits() & f64::INFINITY.to_bits());
        let unit = exponent.max(f64::MIN_POSITIVE);
        let row_spread = |row: &Vec<f64>| {
            let mean = row.iter().map(|d| d / unit).sum::<f64>() / n as f64;
            row.iter().map(|d| (d / unit - mean).powi(2)).sum::<f64>()
        };
        Ok(Self {
            spread: rows.iter().map(row_spread).sum(),
            unit,
            blocks: block(size)?,
            rest: (n % size > 0).then(|| block(n % size)).transpose()?,
            loss: model.loss(),
            n_x,
            stacked,
        })
    }

    pub const fn stacked(&self) -> &DMatrix<T> {
        &self.stacked
    }

    /// At these parameters, each judge its blocks. The sums are over the samples in their order, in f64.
    pub fn run(&mut self, params: &[T], judges: &dyn Judges) -> Result<Metrics, TrainError> {
        let n = self.stacked.ncols();
        let size = n.min(BLOCK);
        let samples = |block: usize| block * size..n.min((block + 1) * size);
        let mut own = Vec::new();
        for block in judges.share(n.div_ceil(size)) {
            self.judge(params, samples(block), &mut own)?;
        }
        let mut all = judges.all(own)?.into_iter();
        let mut next = || all.next().unwrap_or(f64::NAN);
        let (mut loss, mut right, mut answers, mut errors) = (0.0, 0.0, 0.0, 0.0);
        for block in 0..n.div_ceil(size) {
            loss += next();
            if self.loss == Loss::SquaredError {
                samples(block).for_each(|_| errors += next());
            } else {
                (right, answers) = (right + next(), answers + next());
            }
        }
        let score = if self.loss == Loss::SquaredError {
            Score::R2(if self.spread > 0.0 {
                1.0 - errors / self.spread
            } else {
                f64::NAN
            })
        } else {
            Score::Accuracy(right / answers)
        };
        Ok(Metrics {
            loss: loss / n as f64,
            score,
        })
    }

    /// Of a block of samples: the sum of their losses, and of least squares the squared error of each sample over `(2 unit)^2`, else
    /// the number of right answers and that of answers. Squares are those of f64, where f32 would underflow.
    fn judge(
        &mut self,
        params: &[T],
        samples: Range<usize>,
        judged: &mut Vec<f64>,
    ) -> Result<(), TrainError> {
        let (mut right, mut answers) = (0_usize, 0_usize);
        let (mut squares, mut errors) = (0.0, Vec::new());
        let block = match &mut self.rest {
            Some(rest) if samples.len() < self.stacked.ncols().min(BLOCK) => rest,
            _ => &mut self.blocks,
        };
        let data = Mat::from(&self.stacked).cols(samples);
        let n_x = self.n_x;
        let y = block.predict.run(params, data.rows(0..n_x))?;
        let n_out = y.nrows();
        for (j, (y, column)) in y.columns().zip(data.columns()).enumerate() {
            let target = &column[n_x..n_x + n_out];
            let pairs = y.iter().zip(target);
            if self.loss == Loss::SquaredError {
                let square = |(y, t): (&T, &T)| (t.to_f64() - y.to_f64()).powi(2);
                squares += pairs.clone().map(square).sum::<f64>();
                let error = |(&y, &t): (&T, &T)| (half_difference(t, y) / self.unit).powi(2);
                errors.push(pairs.map(error).sum::<f64>());
                continue;
            }
            let mut pair = block.judged.column_mut(j);
            for i in 0..n_out {
                pair[i] = y[i];
                pair[n_out + i] = target[i];
            }
            if self.loss == Loss::SigmoidCrossEntropy {
                right += pairs
                    .filter(|(y, t)| (y.to_f64() > 0.0) == (t.to_f64() > 0.5))
                    .count();
                answers += n_out;
            } else {
                right += usize::from(class(y, 0.0) == class(target, 0.5));
                answers += 1;
            }
        }
        if self.loss == Loss::SquaredError {
            judged.push(squares);
            judged.append(&mut errors);
        } else {
            let losses = block.criterion.run(&[], &block.judged)?;
            judged.push(losses.columns().flatten().map(|l| l.to_f64()).sum::<f64>());
            judged.extend([right as f64, answers as f64]);
        }
        Ok(())
    }
}

/// `(a - b) / 2`, which does not overflow.
fn half_difference<T: Precision>(a: T, b: T) -> f64 {
    a.to_f64() / 2.0 - b.to_f64() / 2.0
}

fn class<T: Precision>(column: &[T], half: f64) -> usize {
    let column: Vec<f64> = column.iter().map(|v| v.to_f64()).collect();
    class_of(&column, half)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Samples;
    use nalgebra::dmatrix;
    use pushpull_core::blocks::Activation;

    fn metrics(loss: Loss, params: &[f64], x: DMatrix<f64>, y: DMatrix<f64>) -> Metrics {
        let model = Model::mlp(&[x.nrows(), y.nrows()], Activation::Tanh, loss).unwrap();
        let stacked = model.stack("test", &Samples::new(x, y).unwrap()).unwrap();
        Evaluator::new(&model, stacked, 1)
            .unwrap()
            .run(params, &Alone)
            .unwrap()
    }

    #[test]
    fn scores_are_those_worked_out_by_hand() {
        // f = x: errors 0, 1, 0 around targets 1, 3, 3 with mean 7/3 and spread 8/3.
        let least = metrics(
            Loss::SquaredError,
            &[1.0, 0.0],
            dmatrix![1.0, 2.0, 3.0],
            dmatrix![1.0, 3.0, 3.0],
        );
        assert!((least.loss - 1.0 / 3.0).abs() < 1e-15);
        assert!(matches!(least.score, Score::R2(r) if (r - (1.0 - 3.0 / 8.0)).abs() < 1e-15));
        let flat = metrics(
            Loss::SquaredError,
            &[1.0, 0.0],
            dmatrix![1.0, 2.0],
            dmatrix![1.0, 1.0],
        );
        assert!(flat.score.value().is_nan());
        let single = metrics(
            Loss::SigmoidCrossEntropy,
            &[1.0, 0.0],
            dmatrix![1.0, -1.0, 2.0],
            dmatrix![1.0, 0.0, 0.0],
        );
        assert_eq!(single.score, Score::Accuracy(2.0 / 3.0));
        let expected = (2.0 * (1.0 + (-1.0_f64).exp()).ln() + (1.0 + 2.0_f64.exp()).ln()) / 3.0;
        assert!((single.loss - expected).abs() < 1e-14);
        let two = metrics(
            Loss::SigmoidCrossEntropy,
            &[1.0, -1.0, 0.0, 0.0],
            dmatrix![1.0, -1.0],
            dmatrix![1.0, 0.0; 0.0, 0.0],
        );
        assert_eq!(two.score, Score::Accuracy(0.75));
        let several = metrics(
            Loss::SoftmaxCrossEntropy,
            &[1.0, 0.0, 0.0, 0.0],
            dmatrix![1.0, -1.0],
            dmatrix![1.0, 1.0; 0.0, 0.0],
        );
        assert_eq!(several.score, Score::Accuracy(0.5));
    }

    /// Where squares underflow or overflow, or the mean is far larger than the spread.
    #[test]
    fn r2_is_right_at_every_size_of_the_targets() {
        let noise = [0.25, -0.5, 0.75, 0.125, -0.875];
        let right = [0.0, -0.5, 0.5, 0.25, -0.75];
        let mean = noise.iter().sum::<f64>() / 5.0;
        let spread = noise.map(|y| (y - mean).powi(2)).iter().sum::<f64>();
        let pairs = noise.iter().zip(right);
        let squares = pairs.map(|(y, f)| (y - f).powi(2)).sum::<f64>();
        let expected = 1.0 - squares / spread;
        for (unit, mean) in [
            (1.0, 0.0),
            (1e-200, 0.0),
            (1e-310, 0.0),
            (1.7e308, 0.0),
            (1.0, 1e12),
        ] {
            let row = |of: [f64; 5]| DMatrix::from_fn(1, 5, |_, j| mean + unit * of[j]);
            let found = metrics(Loss::SquaredError, &[1.0, 0.0], row(right), row(noise));
            let off = (found.score.value() - expected).abs();
            assert!(off < 1e-12, "{unit}, {mean}: {found:?}, off by {off:e}");
        }
        let small = |of: [f64; 5]| DMatrix::from_fn(1, 5, |_, j| (1e-30 * of[j]) as f32);
        let model = Model::mlp(&[1, 1], Activation::Tanh, Loss::SquaredError).unwrap();
        let samples = |m: DMatrix<f32>| m.map(f64::from);
        let samples = Samples::new(samples(small(right)), samples(small(noise))).unwrap();
        let found = model.metrics(&[1.0_f32, 0.0], &samples).unwrap();
        assert!(
            (found.loss / (1e-60 * squares / 5.0) - 1.0).abs() < 1e-6,
            "{found:?}"
        );
        assert!((found.score.value() - expected).abs() < 1e-6, "{found:?}");
    }

    /// Two judges, one after the other: the first is asked for the first blocks.
    #[derive(Debug)]
    struct Half(std::cell::RefCell<Vec<f64>>, bool);

    impl Judges for Half {
        fn share(&self, blocks: usize) -> Range<usize> {
            match self.1 {
                true => blocks / 2..blocks,
                false => 0..blocks / 2,
            }
        }

        fn all(&self, own: Vec<f64>) -> Result<Vec<f64>, TrainError> {
            self.0.borrow_mut().extend(own);
            Ok(self.0.borrow().clone())
        }
    }

    #[test]
    fn several_judges_find_the_same_metrics() {
        let n = 4 * BLOCK + 17;
        let x = DMatrix::from_fn(1, n, |_, j| ((j * 7919) % 1009) as f64 / 300.0 - 1.5);
        for loss in [Loss::SquaredError, Loss::SigmoidCrossEntropy] {
            let y = x.map(|x| f64::from(u8::from(x * x > 1.0)));
            let model = Model::mlp(&[1, 1], Activation::Tanh, loss).unwrap();
            let stacked = model.stack("test", &Samples::new(x.clone(), y).unwrap());
            let mut evaluator = Evaluator::new(&model, stacked.unwrap(), 1).unwrap();
            let params = [0.3, 0.1];
            let alone = evaluator.run(&params, &Alone).unwrap();
            let first = Half(Default::default(), false);
            let _ = evaluator.run(&params, &first).unwrap();
            let second = Half(first.0, true);
            assert_eq!(evaluator.run(&params, &second).unwrap(), alone);
        }
    }

    #[test]
    fn blocks_and_their_rest_add_up() {
        let n = 2 * BLOCK + 17;
        let x = DMatrix::from_fn(1, n, |_, j| j as f64 / n as f64);
        let y = x.map(|x| x + 0.5);
        let all = metrics(Loss::SquaredError, &[1.0, 0.0], x, y);
        assert!((all.loss - 0.25).abs() < 1e-12, "{all}");
    }
}
