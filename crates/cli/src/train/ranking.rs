//! What a search says.

use pushpull_bench::progress::Progress;
use pushpull_train::{Precision, Ranking, Trial, Watch};

use super::report::Judged;
use crate::fault::in_options;

/// The trials of a search as they end, on stderr.
#[derive(Debug, Default)]
pub struct Trials {
    progress: Option<Progress>,
    /// All that were asked for.
    pub of: usize,
}

impl<T: Precision> Watch<T> for Trials {
    fn trial(&mut self, trial: &Trial, of: usize) {
        self.of = of;
        let progress = self
            .progress
            .get_or_insert_with(|| Progress::start("trials", of as f64));
        progress.finish(1.0);
        let result = match &trial.outcome {
            Ok(outcome) => format!("valid {:.4}", outcome.valid.loss),
            Err(fault) => in_options(fault.to_string()),
        };
        let (hidden, activation) = (trial.hidden_name(), trial.activation);
        progress.begin(&format!(
            "{hidden}, {activation}, rate {:e}, batch {}: {result}",
            trial.rate, trial.batch
        ));
    }
}

impl Trials {
    pub fn end(&mut self) {
        if let Some(progress) = self.progress.take() {
            progress.end();
        }
    }
}

/// The table of a search.
pub fn text(ranking: &Ranking, json: bool) -> String {
    if !json {
        let scores = ranking
            .trials()
            .iter()
            .filter(|trial| trial.outcome.is_ok());
        let note = match scores.count() {
            0 | 1 => "",
            _ => {
                "The first score is the best of many and therefore too optimistic: evaluate that network on samples that were not used here.\n"
            }
        };
        return in_options(format!("{ranking}{note}"));
    }
    let trials: Vec<_> = ranking
        .trials()
        .iter()
        .map(|trial| {
            let mut row = serde_json::json!({
                "hidden": trial.hidden,
                "activation": trial.activation.name(),
                "rate": trial.rate,
                "batch": trial.batch,
            });
            match &trial.outcome {
                Ok(outcome) => {
                    row["params"] = outcome.n_params.into();
                    row["best_epoch"] = outcome.epoch.into();
                    row["train"] = serde_json::json!(Judged::from(outcome.train));
                    row["valid"] = serde_json::json!(Judged::from(outcome.valid));
                    row["seconds"] = outcome.seconds.into();
                }
                Err(fault) => row["error"] = in_options(fault.to_string()).into(),
            }
            row
        })
        .collect();
    serde_json::json!({ "trials": trials }).to_string() + "\n"
}
