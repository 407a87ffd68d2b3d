//! A run: its epochs, from the start or a checkpoint on, and what is written at its end.

use std::fs;
use std::ops::ControlFlow;
use std::path::PathBuf;

use pushpull_files::weights::{self, Weights};
use pushpull_files::{Element, FileError, output};
use pushpull_train::{Bar, Model, Saver, Step, TrainError, Training, Watch};

use super::curves::{FILES, curves};
use super::{Work, report, settings};
use crate::destination;
use crate::fault::Fault;
use crate::network::with_biases;
use crate::ranks::Ranks;
use crate::{interrupt, long, screen};

impl<R: Ranks> Work<'_, R> {
    /// Trains the network; the text for stdout.
    pub fn train<T>(&self, from: Option<Weights>) -> Result<String, Fault>
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
        let widths = &network.widths[..];
        let model = Model::of(network.mlp(), network.loss)?;
        // Held while the run goes on.
        let own = asked.checkpoint.as_deref().filter(|_| ranks.is_first());
        let lock = own.map(output::Lock::of);
        let lock = lock.transpose()?;
        if let Some(said) = lock.as_ref().and_then(output::Lock::said) {
            screen::remark(&[said.to_owned()]);
        }
        let mut training =
            ranks.training::<T>(&model, settings(asked), &parts.train, &parts.valid)?;
        let mut layers = None;
        if let Some(mut weights) = from {
            let raw = weights.read::<f64>()?;
            let start: Vec<T> = parts.standard(widths, &with_biases(network, raw))?;
            training.start_from(&start).map_err(Fault::Train)?;
            layers = weights
                .biases()
                .iter()
                .all(|bias| *bias)
                .then(|| weights.layers().to_vec());
        }
        if let Some(every) = asked.shadow {
            training = training.with_shadow(every).map_err(|fault| match fault {
                TrainError::Core(fault) => Fault::Engine(fault),
                fault => Fault::Train(fault),
            })?;
        }
        if let Some(path) = &asked.checkpoint {
            match ranks.restore(&mut training, path) {
                Ok(false) => {}
                Ok(true) if asked.resume => {
                    if let (Some(from), true) = (&asked.from, ranks.is_first()) {
                        screen::remark(&[format!(
                            "{}: the run goes on from this checkpoint; --from {} was not used",
                            path.display(),
                            from.display()
                        )]);
                    }
                }
                Err(fault) if asked.resume => return Err(fault.into()),
                _ => {
                    let got = format!("{}, which exists", path.display());
                    let remedy = "go on from it with --resume, or choose another name";
                    return Err(Fault::option("--checkpoint", "a new file", got, remedy));
                }
            }
        }
        let saver = own.map(|path| match asked.save_every {
            Some(steps) => Saver::every_steps(path, steps),
            None => Saver::every_epoch(path),
        });
        let steps = training.steps().saturating_sub(training.steps_done());
        if let (true, Some(forecast)) = (ranks.is_first(), long::training(asked, network, steps)) {
            forecast.announce();
        }
        let interrupted = ranks.may_stop().then_some(Interrupted);
        let bar = ranks.is_first().then(|| Bar::new(&training));
        let mut watch = ((saver, interrupted), bar);
        if ranks.may_stop() {
            interrupt::listen();
        }
        let end = training.run(&mut watch)?;
        let kept = match asked.patience {
            Some(_) => (training.best().epoch, &training.best().params[..]),
            None => (training.history().len() as u64, training.params()),
        };
        if !ranks.is_first() {
            return Ok(String::new());
        }
        let test = parts
            .test
            .as_ref()
            .map(|test| model.metrics(kept.1, test))
            .transpose()?;
        let mut files: Vec<(PathBuf, Vec<u8>)> = Vec::new();
        if let Some(path) = &asked.weights {
            let params: Vec<T> = parts.raw(widths, kept.1)?;
            let bytes = match &layers {
                Some(layers) => weights::like(path, layers, &params, &parts.classes)?,
                None => weights::network(path, widths, &params, &parts.classes)?,
            };
            files.push((path.clone(), bytes));
        }
        if let Some(path) = &asked.table {
            files.push((path.clone(), report::csv(training.history()).into_bytes()));
        }
        if let Some(directory) = &asked.plot {
            let drawn = curves(network, training.history());
            let bytes = [drawn.csv()?.into_bytes(), drawn.png()?];
            fs::create_dir_all(directory).map_err(|error| FileError::write(directory, error))?;
            files.extend(
                FILES
                    .map(|name| directory.join(name))
                    .into_iter()
                    .zip(bytes),
            );
        }
        let written = files.iter().map(|(path, _)| path.clone());
        let written = written.chain(asked.checkpoint.clone()).collect();
        destination::write(files)?;
        let report = report::Report::new(
            asked,
            network,
            parts,
            &training,
            report::Outcome {
                end,
                kept: kept.0,
                test,
                files: written,
            },
        );
        let text = if json { report.json() } else { report.text() };
        if !interrupt::came() {
            return Ok(text);
        }
        screen::say(&text)?;
        Err(Fault::Interrupted {
            remedy: match &asked.checkpoint {
                Some(path) => format!("go on with --checkpoint {} --resume", path.display()),
                None => "give --checkpoint to be able to continue a run".into(),
            },
        })
    }
}

/// Ends a run between its steps when the user asks for it.
pub struct Interrupted;

impl<T: pushpull_train::Precision> Watch<T> for Interrupted {
    fn step(&mut self, _: &Training<T>, _: &Step) -> Result<ControlFlow<()>, TrainError> {
        Ok(match interrupt::came() {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        })
    }
}
