//! A progress bar on stderr.

use std::io::Write;
use std::ops::ControlFlow;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::{End, Epoch, Precision, Step, TrainError, Training, Watch};

/// Writes a line for each epoch on stderr, and on a terminal draws another under them: the steps done, the time left.
#[derive(Clone, Debug)]
pub struct Bar {
    bar: ProgressBar,
}

impl Bar {
    /// For the steps that a run has still to do.
    pub fn new<T: Precision>(training: &Training<T>) -> Self {
        let bar =
            ProgressBar::with_draw_target(Some(training.steps()), ProgressDrawTarget::stderr());
        let template = "{bar:30} {pos}/{len} steps, {eta} left, {msg}";
        let style = ProgressStyle::with_template(template);
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.set_position(training.steps_done());
        Self { bar }
    }
}

impl<T: Precision> Watch<T> for Bar {
    fn step(&mut self, _: &Training<T>, step: &Step) -> Result<ControlFlow<()>, TrainError> {
        self.bar.set_position(step.number);
        Ok(ControlFlow::Continue(()))
    }

    fn epoch(&mut self, _: &Training<T>, epoch: &Epoch) -> Result<ControlFlow<()>, TrainError> {
        let (part, metrics) = match epoch.valid {
            Some(valid) => ("validation", valid),
            None => ("training", epoch.train),
        };
        let line = format!("epoch {}: {part} {metrics}", epoch.number);
        if self.bar.is_hidden() {
            // A log of a run without a terminal.
            let _ = writeln!(std::io::stderr(), "{line}");
        } else {
            self.bar.println(&line);
        }
        self.bar.set_message(line);
        Ok(ControlFlow::Continue(()))
    }

    fn end(&mut self, _: &Training<T>, _: End) -> Result<(), TrainError> {
        self.bar.finish_and_clear();
        Ok(())
    }
}
