//! What a run says.

use std::path::PathBuf;

use pushpull_files::Line;
use pushpull_train::{End, Epoch, Metrics, Precision, Training};
use serde::Serialize;

use super::Parts;
use crate::destination::listed;
use crate::network::Network;
use crate::options::train::Train;

#[derive(Debug, Serialize)]
pub struct Judged {
    loss: f64,
    score: f64,
}

impl From<Metrics> for Judged {
    fn from(metrics: Metrics) -> Self {
        Self {
            loss: metrics.loss,
            score: metrics.score.value(),
        }
    }
}

#[derive(Debug, Serialize)]
struct Row {
    epoch: u64,
    train: Judged,
    valid: Option<Judged>,
    seconds: f64,
    evaluation_seconds: f64,
    best: bool,
}

impl From<&Epoch> for Row {
    fn from(epoch: &Epoch) -> Self {
        Self {
            epoch: epoch.number,
            train: epoch.train.into(),
            valid: epoch.valid.map(Judged::from),
            seconds: epoch.seconds,
            evaluation_seconds: epoch.evaluation_seconds,
            best: epoch.best,
        }
    }
}

/// What is printed of a run.
#[derive(Debug, Serialize)]
pub struct Report {
    network: String,
    activation: String,
    loss: &'static str,
    params: usize,
    dtype: &'static str,
    data: String,
    train_samples: usize,
    valid_samples: usize,
    stratified: bool,
    mode: String,
    end: &'static str,
    steps: u64,
    best_epoch: u64,
    /// The epoch whose parameters are the result.
    kept_epoch: u64,
    score: &'static str,
    seconds: f64,
    shadow_checked: u64,
    test: Option<Judged>,
    files: Vec<PathBuf>,
    epochs: Vec<Row>,
    #[serde(skip)]
    kept: Option<Epoch>,
}

/// How a run came out.
pub struct Outcome {
    pub end: End,
    /// The epoch whose parameters are the result.
    pub kept: u64,
    pub test: Option<Metrics>,
    pub files: Vec<PathBuf>,
}

impl Report {
    pub fn new<T: Precision>(
        asked: &Train,
        network: &Network,
        parts: &Parts,
        training: &Training<T>,
        outcome: Outcome,
    ) -> Self {
        let Outcome {
            end,
            kept: kept_epoch,
            test,
            files,
        } = outcome;
        let epochs = training.history();
        Self {
            network: network.name(),
            activation: network.activation(),
            loss: asked.net.loss.name(),
            params: training.model().n_params(),
            dtype: T::NAME,
            data: parts.name.clone(),
            train_samples: parts.train.len(),
            valid_samples: parts.valid.len(),
            stratified: parts.stratified,
            mode: asked.mode.to_string(),
            end: match end {
                End::Patience => "patience",
                End::Asked => "asked",
                _ => "epochs",
            },
            steps: training.steps_done(),
            best_epoch: training.best().epoch,
            kept_epoch,
            score: epochs
                .last()
                .map_or("none", |epoch| epoch.train.score.name()),
            // The sum of none is -0.
            seconds: epochs.iter().map(|epoch| epoch.seconds).sum::<f64>() + 0.0,
            shadow_checked: training.shadow_checked(),
            test: test.map(Judged::from),
            files,
            epochs: epochs.iter().map(Row::from).collect(),
            kept: epochs
                .iter()
                .find(|epoch| epoch.number == kept_epoch)
                .copied(),
        }
    }

    pub fn json(&self) -> String {
        serde_json::json!(self).to_string() + "\n"
    }

    pub fn text(&self) -> String {
        let split = if self.stratified {
            "stratified"
        } else {
            "plain"
        };
        let mut text = format!(
            "network     {}, {}, {}: {} parameters, {}\n\
             samples     {}: {} to train on, {} held out to validate ({split} split)\n\
             run         {} epochs, {} steps, {:.3} s in them, by {}; ended by {}\n",
            self.network,
            self.activation,
            self.loss,
            self.params,
            self.dtype,
            Line(&self.data),
            self.train_samples,
            self.valid_samples,
            self.epochs.len(),
            self.steps,
            self.seconds,
            self.mode,
            self.end,
        );
        if let Some(epoch) = &self.kept {
            text += &format!("epoch {:<5} training: {}\n", epoch.number, epoch.train);
            if let Some(valid) = epoch.valid {
                text += &format!("            validation: {valid}\n");
            }
        }
        text += &format!("best epoch  {} (lowest validation loss)\n", self.best_epoch);
        if let Some(Judged { loss, score }) = &self.test {
            text += &format!("test part   loss {loss:.5}, {} {score:.4}\n", self.score);
        }
        if !self.files.is_empty() && self.kept_epoch != self.best_epoch {
            text += &format!(
                "kept        epoch {}, the last; --patience would keep the best\n",
                self.kept_epoch
            );
        }
        text + &listed(&self.files, "written     ")
    }
}

/// The epochs as comma-separated values.
pub fn csv(epochs: &[Epoch]) -> String {
    let mut csv = String::from(
        "epoch,train_loss,train_score,valid_loss,valid_score,seconds,evaluation_seconds,best\n",
    );
    for epoch in epochs {
        let valid = epoch
            .valid
            .map_or(",".into(), |v| format!("{},{}", v.loss, v.score.value()));
        csv += &format!(
            "{},{},{},{valid},{:e},{:e},{}\n",
            epoch.number,
            epoch.train.loss,
            epoch.train.score.value(),
            epoch.seconds,
            epoch.evaluation_seconds,
            epoch.best
        );
    }
    csv
}
