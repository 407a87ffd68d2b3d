//! A search for hyper-parameters, and the network of the first of its ranking.

use pushpull_files::weights;
use pushpull_files::{Element, output};
use pushpull_train::{Model, Settings, Space, Strategy, Training};

use super::{Work, ranking, settings};
use crate::fault::Fault;
use crate::options::train::Search;

impl Work<'_> {
    /// Tries every combination that is asked for; the text for stdout.
    pub fn search<T>(&self, kind: Search) -> Result<String, Fault>
    where
        T: Element + pushpull_train::Precision,
    {
        let Self {
            asked,
            network,
            parts,
            json,
        } = *self;
        let (net, settings) = (&asked.net, settings(asked));
        let or = |given: Vec<Vec<usize>>, own: &[usize]| {
            if given.is_empty() {
                vec![own.to_vec()]
            } else {
                given
            }
        };
        let own = &network.widths[1..network.widths.len() - 1];
        let space = Space {
            hidden: or(
                asked.hidden.iter().map(|widths| widths.0.clone()).collect(),
                own,
            ),
            activations: match &asked.activations[..] {
                [] => match net.activation[..] {
                    [one] => vec![one],
                    _ => {
                        return Err(Fault::option(
                            "--activation",
                            "one activation for a --search",
                            network.activation(),
                            "a search tries one activation for all layers: list those to try with --activations",
                        ));
                    }
                },
                given => given.to_vec(),
            },
            rates: match &asked.rates[..] {
                [] => vec![settings.optimiser.rate()],
                given => given.to_vec(),
            },
            batches: match &asked.batches[..] {
                [] => vec![asked.batch],
                given => given.to_vec(),
            },
        };
        let strategy = match kind {
            Search::Grid => Strategy::Grid,
            Search::Random => Strategy::Random {
                trials: asked.trials,
                seed: asked.seed,
            },
        };
        let (train, valid) = (&parts.train, &parts.valid);
        let bar = ranking::Trials::default();
        let ranked = pushpull_train::search::<T>(
            &space,
            strategy,
            net.loss,
            &settings,
            train,
            valid,
            |trial, of| bar.note(trial, of),
        )?;
        bar.end();
        let winner = ranked.trials().iter().find(|trial| trial.outcome.is_ok());
        if let (Some(path), Some(winner)) = (&asked.weights, winner) {
            // As it was tried, so that the score is that of what is written.
            let mut widths = vec![network.inputs()];
            widths.extend(&winner.hidden);
            widths.push(network.outputs());
            let settings = Settings {
                optimiser: settings.optimiser.with_rate(winner.rate),
                batch: winner.batch,
                ..settings
            };
            let model = Model::mlp(&widths, winner.activation, net.loss)?;
            let mut training = Training::<T>::new(&model, settings, train, Some(valid))?;
            training.run(&mut ())?;
            let params: Vec<T> = parts.raw(&widths, &training.best().params)?;
            let bytes = weights::network(path, &widths, &params, &parts.classes)?;
            output::write(path, &bytes)?;
        }
        if let Some(path) = &asked.table {
            output::write(path, ranked.to_csv().as_bytes())?;
        }
        Ok(ranking::text(&ranked, json))
    }
}
