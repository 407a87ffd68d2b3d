//! What a search says.

use std::cell::RefCell;
use std::io::IsTerminal;

use pushpull_bench::progress::Progress;
use pushpull_train::{Ranking, Trial};

use super::report::Judged;

/// The trials of a search, on a terminal alone.
#[derive(Debug, Default)]
pub struct Trials(RefCell<Option<Progress>>);

impl Trials {
    pub fn note(&self, trial: &Trial, of: usize) {
        if std::io::stderr().is_terminal() {
            let mut bar = self.0.borrow_mut();
            let bar = bar.get_or_insert_with(|| Progress::start("trials", of as f64));
            bar.finish(1.0);
            bar.begin(&trial.hidden_name());
        }
    }

    pub fn end(&self) {
        if let Some(bar) = self.0.take() {
            bar.end();
        }
    }
}

/// The table of a search.
pub fn text(ranking: &Ranking, json: bool) -> String {
    if !json {
        let note = "The first score is the best of many and therefore too optimistic: evaluate that network on samples that were not used here.\n";
        return format!("{ranking}{note}");
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
                Err(fault) => row["error"] = fault.to_string().into(),
            }
            row
        })
        .collect();
    serde_json::json!({ "trials": trials }).to_string() + "\n"
}
