//! The table of a search.

use std::fmt;

use pushpull_core::blocks::Activation;

use crate::{Metrics, TrainError};

/// How a combination fared.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outcome {
    /// Parameters of the network.
    pub n_params: usize,
    /// Epochs that were run.
    pub epochs: u64,
    /// The epoch with the lowest validation loss.
    pub epoch: u64,
    /// At that epoch.
    pub train: Metrics,
    /// At that epoch.
    pub valid: Metrics,
    /// Wall time of all steps.
    pub seconds: f64,
}

/// A combination with its outcome, or why it has none.
#[derive(Clone, Debug, PartialEq)]
pub struct Trial {
    /// Widths of the hidden layers.
    pub hidden: Vec<usize>,
    /// After every layer but the last.
    pub activation: Activation,
    /// The learning rate.
    pub rate: f64,
    /// Samples of a block.
    pub batch: usize,
    /// How it fared.
    pub outcome: Result<Outcome, TrainError>,
}

impl Trial {
    /// What the order goes by: a trial without an outcome, or with a loss that is no number, comes last.
    fn loss(&self) -> f64 {
        let loss = self
            .outcome
            .as_ref()
            .map_or(f64::INFINITY, |outcome| outcome.valid.loss);
        if loss.is_nan() { f64::INFINITY } else { loss }
    }

    /// `64-32`, or `none` for a linear model.
    pub fn hidden_name(&self) -> String {
        if self.hidden.is_empty() {
            return "none".into();
        }
        self.hidden
            .iter()
            .map(usize::to_string)
            .collect::<Vec<_>>()
            .join("-")
    }
}

/// Trials by their loss on the validation part, the lowest first; of equal ones the first that was tried.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranking {
    trials: Vec<Trial>,
}

impl Ranking {
    /// Of trials in the order in which a strategy has them ([`crate::Space::choices`]).
    pub fn new(mut trials: Vec<Trial>) -> Self {
        trials.sort_by(|a, b| a.loss().total_cmp(&b.loss()));
        Self { trials }
    }

    /// All trials in order.
    pub fn trials(&self) -> &[Trial] {
        &self.trials
    }

    /// The first one, if any had an outcome.
    pub fn best(&self) -> Option<&Trial> {
        self.trials.first().filter(|trial| trial.outcome.is_ok())
    }

    /// The table as comma-separated values with a header; an error stands in quotes in the last column.
    pub fn to_csv(&self) -> String {
        let mut csv = String::from(
            "hidden,activation,rate,batch,params,epochs,best_epoch,train_loss,train_score,valid_loss,valid_score,seconds,error\n",
        );
        for trial in &self.trials {
            let row = match &trial.outcome {
                Ok(o) => format!(
                    "{},{},{},{},{},{},{},{:.3},",
                    o.n_params,
                    o.epochs,
                    o.epoch,
                    o.train.loss,
                    o.train.score.value(),
                    o.valid.loss,
                    o.valid.score.value(),
                    o.seconds
                ),
                Err(e) => format!(",,,,,,,,\"{}\"", e.to_string().replace('"', "\"\"")),
            };
            let (hidden, activation) = (trial.hidden_name(), trial.activation);
            csv += &format!(
                "{hidden},{activation},{:e},{},{row}\n",
                trial.rate, trial.batch
            );
        }
        csv
    }
}

impl fmt::Display for Ranking {
    /// A table for a terminal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:>12} {:>10} {:>9} {:>6} {:>8} {:>6} {:>11} {:>9} {:>8}",
            "hidden",
            "activation",
            "rate",
            "batch",
            "params",
            "epoch",
            "valid loss",
            "score",
            "seconds"
        )?;
        for trial in &self.trials {
            let (hidden, activation) = (trial.hidden_name(), trial.activation);
            write!(
                f,
                "{hidden:>12} {activation:>10} {:>9.2e} {:>6} ",
                trial.rate, trial.batch
            )?;
            match &trial.outcome {
                Ok(o) => writeln!(
                    f,
                    "{:>8} {:>6} {:>11.5} {:>9.4} {:>8.2}",
                    o.n_params,
                    o.epoch,
                    o.valid.loss,
                    o.valid.score.value(),
                    o.seconds
                )?,
                Err(fault) => writeln!(f, "{fault}")?,
            }
        }
        Ok(())
    }
}
