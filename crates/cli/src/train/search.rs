//! A search for hyper-parameters, and the network of the first of its ranking.

use pushpull_files::Element;
use pushpull_files::weights;
use pushpull_train::{End, Model, Settings, Space, Strategy, TrainError, Training, Trial};

use super::run::Interrupted;
use super::{Work, ranking, settings};
use crate::destination;
use crate::fault::Fault;
use crate::options::train::{Search, TRIALS};
use crate::ranks::Ranks;
use crate::{interrupt, screen};

impl<R: Ranks> Work<'_, R> {
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
            ranks,
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
            Search::Grid if asked.trials.is_some() => {
                return Err(Fault::option(
                    "--trials",
                    "--search random",
                    "--search grid, which tries every combination",
                    "leave it out, or use --search random",
                ));
            }
            Search::Grid => Strategy::Grid,
            Search::Random => Strategy::Random {
                trials: asked.trials.unwrap_or(TRIALS),
                seed: asked.seed,
            },
        };
        let (train, valid) = (&parts.train, &parts.valid);
        let n = train.len();
        if let Some(batch) = asked.batches.iter().find(|&&batch| batch > n) {
            return Err(Fault::option(
                "--batches",
                format!("sizes from 1 to {n}, the samples to train on"),
                batch.to_string(),
                "leave it out, or train on more samples",
            ));
        }
        let interrupted = ranks.may_stop().then_some(Interrupted);
        let mut watch = (interrupted, ranking::Trials::default());
        if ranks.may_stop() {
            interrupt::listen();
        }
        let ranked = ranks.search::<T>(
            &space, strategy, net.loss, &settings, train, valid, &mut watch,
        )?;
        let (_, mut trials) = watch;
        trials.end();
        if !ranks.is_first() {
            return Ok(String::new());
        }
        if interrupt::came() && ranked.trials().is_empty() {
            let remedy = "no trial was finished; a search with fewer --epochs is over sooner";
            return Err(Fault::Interrupted {
                remedy: remedy.into(),
            });
        }
        // What every trial refuses is a wrong option, and no ranking.
        let refused = |trial: &&Trial| matches!(trial.outcome, Err(TrainError::Setting { .. }));
        let (all, found) = (ranked.trials(), ranked.trials().iter().filter(refused));
        if let (Some(Err(fault)), true) = (
            all.first().map(|trial| &trial.outcome),
            found.count() == all.len(),
        ) {
            return Err(fault.clone().into());
        }
        let winner = ranked.trials().iter().find(|trial| trial.outcome.is_ok());
        let mut files = Vec::new();
        // The user waits for no network to be trained once more after Ctrl-C.
        let whole = !interrupt::came();
        if let (Some(path), Some(winner), true) = (&asked.weights, winner, whole) {
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
            if training.run(&mut Interrupted)? != End::Asked {
                let params: Vec<T> = parts.raw(&widths, &training.best().params)?;
                let bytes = weights::network(path, &widths, &params, &parts.classes)?;
                files.push((path.clone(), bytes));
            }
        }
        let written = asked.weights.is_none() || !files.is_empty();
        let text = ranking::text(&ranked, json);
        if let (Some(Err(first)), None, true) =
            (all.first().map(|trial| &trial.outcome), winner, whole)
        {
            screen::say(&text)?;
            return Err(Fault::NoScore {
                trials: all.len(),
                first: Box::new(first.clone()),
            });
        }
        if let Some(path) = &asked.table {
            files.push((path.clone(), ranked.to_csv().into_bytes()));
        }
        destination::write(files)?;
        if !interrupt::came() {
            return Ok(text);
        }
        screen::say(&text)?;
        let (done, of) = (ranked.trials().len(), trials.of);
        let weights = match written {
            true => "",
            false => ", and no weights are written",
        };
        Err(Fault::Interrupted {
            remedy: format!(
                "{done} of {of} trials are ranked{weights}; go on with a --search over the others, or train the first of these"
            ),
        })
    }
}
