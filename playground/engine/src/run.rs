//! A training run that can be stepped, edited and taken back: blocks, gradients and moves are `pushpull-train`'s.

use std::collections::VecDeque;

use nalgebra::DMatrix;
use pushpull_core::blocks::Activation;
use pushpull_core::{Error, Graph, Role};
use pushpull_train::{
    Batches, Engine, Metrics, Model, Moments, Samples, Split, TrainError, class_of,
};
use pushpull_xray::Xray;
use serde::Serialize;

use crate::fault::{Fault, Result};
use crate::feature::Feature;
use crate::network::Network;
use crate::points::{Points, Task};
use crate::settings::Settings;

/// States that can be gone back to.
const UNDO: usize = 600;

/// What changes from step to step.
#[derive(Clone, Debug)]
struct State {
    step: u64,
    params: Vec<f64>,
    moments: Moments<f64>,
}

/// Loss and right answers on a part of the samples.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Judged {
    /// Mean loss.
    pub loss: f64,
    /// The share of right classes; of numbers none.
    pub accuracy: Option<f64>,
}

/// Why a run stopped.
#[derive(Clone, Debug, Serialize)]
pub struct Stop {
    /// What happened, in one line.
    pub what: String,
    /// Where numbers stopped being finite, by the X-ray.
    pub why: String,
    /// The block, if one is named.
    pub block: Option<String>,
}

/// The run.
#[derive(Debug)]
pub struct Run {
    /// As they were clamped.
    pub settings: Settings,
    /// The samples.
    pub points: Points,
    /// The network.
    pub network: Network,
    /// The graphs.
    pub model: Model,
    /// With the loss behind it.
    pub objective: Graph,
    /// Without.
    pub predict: Graph,
    /// Of the plane.
    pub features: Vec<Feature>,
    /// Which of the samples are trained on, and which are held out.
    pub split: Split,
    train: Samples,
    test: Samples,
    stacked: DMatrix<f64>,
    batches: Batches,
    shuffled: Option<u64>,
    engine: Engine<f64>,
    rest: Option<Engine<f64>>,
    state: State,
    past: VecDeque<State>,
    gradient: Vec<f64>,
    block_loss: Option<f64>,
}

impl Run {
    /// A run from its start, with what had to be put right in words.
    ///
    /// # Errors
    /// What is wrong with the data.
    pub fn new(settings: Settings, table: Option<&str>) -> Result<(Self, Vec<String>)> {
        let (mut settings, mut words) = settings.clamped();
        let points = Points::new(&settings, table)?;
        let seed = u64::from(settings.seed);
        let (loss, word) = points.loss(settings.loss());
        words.extend(word);
        settings.loss = loss.name().into();
        if settings.output == "tanh" && loss != pushpull_core::blocks::Loss::SquaredError {
            words.push("output: a cross-entropy wants logits; identity is used".into());
            settings.output = "identity".into();
        }
        let split = Split::plain(points.len(), 1.0 - settings.share / 100.0, seed)?;
        if settings.batch > split.train.len() {
            settings.batch = split.train.len();
            words.push(format!(
                "batch: there are {0} training samples; {0} is used",
                split.train.len()
            ));
        }
        let features = Feature::named(&settings.features);
        let inputs = points.inputs(&features, &split.train)?;
        let network = Network {
            n_inputs: inputs.nrows(),
            hidden: settings
                .layers
                .iter()
                .map(|layer| layer.neurons)
                .zip(settings.activations())
                .collect(),
            n_outputs: points.outputs(loss),
            last: if settings.output == "tanh" {
                Activation::Tanh
            } else {
                Activation::Identity
            },
            loss,
        };
        let samples = points.samples(inputs, loss)?;
        let (train, test) = (samples.pick(&split.train)?, samples.pick(&split.valid)?);
        let (predict, objective, model) =
            (network.predict()?, network.objective()?, network.model()?);
        let stacked = objective.stack(&[
            ("x", train.inputs().into()),
            ("target", train.targets().into()),
        ])?;
        let batches = Batches::new(train.len(), settings.batch, seed)?;
        let engine = |size| Engine::new(&objective, size, settings.mode(), 1, seed);
        let rest = (batches.rest() > 0)
            .then(|| engine(batches.rest()))
            .transpose()?;
        let engine = engine(settings.batch)?;
        let params: Vec<f64> = objective.layout().init(settings.init(), seed);
        let moments = Moments::new(settings.optimiser(), params.len());
        let gradient = vec![0.0; params.len()];
        let state = State {
            step: 0,
            params,
            moments,
        };
        let own = Self {
            settings,
            points,
            network,
            model,
            objective,
            predict,
            features,
            split,
            train,
            test,
            stacked,
            batches,
            shuffled: None,
            engine,
            rest,
            state,
            past: VecDeque::new(),
            gradient,
            block_loss: None,
        };
        Ok((own, words))
    }

    /// Steps taken.
    pub const fn step(&self) -> u64 {
        self.state.step
    }

    /// The parameters.
    pub fn params(&self) -> &[f64] {
        &self.state.params
    }

    /// The gradient of the mean loss of the last block, zeros before the first step.
    pub fn gradient(&self) -> &[f64] {
        &self.gradient
    }

    /// Mean loss of the last block, before its step.
    pub const fn block_loss(&self) -> Option<f64> {
        self.block_loss
    }

    /// Blocks of an epoch.
    pub fn blocks(&self) -> u64 {
        self.batches.blocks() as u64
    }

    /// Earlier steps that can be gone back to, the first and the last.
    pub fn past(&self) -> Option<[u64; 2]> {
        Some([self.past.front()?.step, self.past.back()?.step])
    }

    /// The block that the next step takes: inputs over targets.
    pub fn block(&mut self) -> DMatrix<f64> {
        let (epoch, index) = (
            self.state.step / self.blocks(),
            self.state.step % self.blocks(),
        );
        if self.shuffled != Some(epoch) {
            self.batches.shuffle(epoch);
            self.shuffled = Some(epoch);
        }
        let samples = self.batches.block(index as usize);
        self.stacked.select_columns(samples)
    }

    /// The training samples: inputs over targets.
    pub const fn stacked(&self) -> &DMatrix<f64> {
        &self.stacked
    }

    /// One step. Where numbers stop being finite, nothing moves and the stop says why.
    ///
    /// # Errors
    /// What an engine refuses.
    pub fn advance(&mut self) -> Result<Option<Stop>> {
        let block = self.block();
        let number = self.state.step + 1;
        let engine = match &mut self.rest {
            Some(rest) if block.ncols() < self.settings.batch => rest,
            _ => &mut self.engine,
        };
        let outcome = engine.value_and_gradient(&self.state.params, &block, number);
        let (sum, gradient) = match outcome {
            Ok(outcome) => outcome,
            Err(TrainError::Core(fault @ (Error::Undefined { .. } | Error::Singular { .. }))) => {
                let params = self.state.params.clone();
                return Ok(Some(self.stop(
                    format!("step {number}: {fault}"),
                    &params,
                    &block,
                )));
            }
            Err(fault) => return Err(fault.into()),
        };
        let scale = 1.0 / block.ncols() as f64;
        let mean: Vec<f64> = gradient.iter().map(|g| scale * g).collect();
        let (mut params, mut moments) = (self.state.params.clone(), self.state.moments.clone());
        let rate = self.settings.rate;
        for entry in self.objective.layout().entries() {
            if entry.shape.role == Role::Weight {
                // Decoupled decay, as train's.
                let keep = 1.0 - rate * self.settings.l2;
                params[entry.range()].iter_mut().for_each(|w| *w *= keep);
            }
        }
        moments.step(self.settings.optimiser(), &mut params, &mean);
        let shrink = rate * self.settings.l1;
        for entry in self.objective.layout().entries() {
            if entry.shape.role == Role::Weight && shrink > 0.0 {
                // The proximal step of the absolute value: what is nearer to 0 than the threshold stays there.
                params[entry.range()]
                    .iter_mut()
                    .for_each(|w| *w = w.signum() * (w.abs() - shrink).max(0.0));
            }
        }
        let finite = sum.is_finite() && mean.iter().chain(&params).all(|number| number.is_finite());
        if !finite {
            let what = format!(
                "step {number}: the loss of the block is {}; its gradient or the next parameters are not finite",
                scale * sum
            );
            return Ok(Some(self.stop(what, &params, &block)));
        }
        self.remember();
        (self.gradient, self.block_loss) = (mean, Some(scale * sum));
        self.state = State {
            step: number,
            params,
            moments,
        };
        Ok(None)
    }

    fn stop(&self, what: String, params: &[f64], block: &DMatrix<f64>) -> Stop {
        let xray = Xray::new(
            &self.objective,
            params,
            block,
            &pushpull_xray::Settings {
                samples: 0,
                ..Default::default()
            },
        );
        let culprit = xray.ok().and_then(|xray| xray.culprit);
        let remedy =
            "The run stays at the step before; lower the learning rate, or go back some steps";
        Stop {
            what,
            why: culprit.as_ref().map_or_else(
                || format!("The step itself left the range of numbers. {remedy}."),
                |culprit| format!("{}. {remedy}.", culprit.reason),
            ),
            block: culprit.map(|culprit| culprit.name),
        }
    }

    fn remember(&mut self) {
        if self.past.len() == UNDO {
            // Of the older half every second is dropped: the way back stays long.
            let half = self.past.len() / 2;
            let kept = self
                .past
                .drain(..)
                .enumerate()
                .filter(|(i, _)| *i >= half || i % 2 == 0);
            self.past = kept.map(|(_, state)| state).collect();
        }
        self.past.push_back(self.state.clone());
    }

    /// Back to the last state at or before a step.
    pub fn back_to(&mut self, step: u64) {
        let mut found = None;
        while let Some(state) = self.past.pop_back() {
            let there = state.step <= step;
            found = Some(state);
            if there {
                break;
            }
        }
        if let Some(state) = found {
            self.state = state;
            self.gradient.fill(0.0);
            self.block_loss = None;
        }
    }

    /// Sets a parameter by hand.
    ///
    /// # Errors
    /// A place that is none, and a number that is not finite or beyond 1e6.
    pub fn set(&mut self, index: usize, value: f64) -> Result<()> {
        if index >= self.state.params.len() {
            return Err(Fault(format!(
                "weight: expected a place below {}, got {index}",
                self.state.params.len()
            )));
        }
        if !(value.is_finite() && value.abs() <= 1e6) {
            return Err(Fault(format!(
                "weight: expected a number from -1e6 to 1e6, got {value}; give a smaller one"
            )));
        }
        self.remember();
        self.state.params[index] = value;
        Ok(())
    }

    /// Goes on from parameters of an address, at a step.
    ///
    /// # Errors
    /// Another number of parameters, and numbers that are not finite.
    pub fn restore(&mut self, step: u64, params: &[f64]) -> Result<()> {
        let expected = self.state.params.len();
        if params.len() != expected || params.iter().any(|w| !w.is_finite() || w.abs() > 1e6) {
            return Err(Fault(format!(
                "weights of the address: expected {expected} finite numbers, got {} that do not fit; the run starts anew",
                params.len()
            )));
        }
        self.state.params.copy_from_slice(params);
        self.state.step = step.min(1 << 40);
        Ok(())
    }

    /// Loss and right answers of both parts.
    ///
    /// # Errors
    /// What the primal refuses.
    pub fn judged(&self) -> Result<[Judged; 2]> {
        Ok([self.judge(&self.train)?, self.judge(&self.test)?])
    }

    fn judge(&self, samples: &Samples) -> Result<Judged> {
        let Metrics { loss, .. } = self.model.metrics(&self.state.params, samples)?;
        let accuracy = match self.points.task {
            Task::Regression => None,
            Task::Classes { .. } => {
                let outputs = self.model.outputs(&self.state.params, samples.inputs())?;
                let half = if self.settings.loss == "squared-error" {
                    0.0
                } else {
                    0.5
                };
                let right = (0..samples.len()).filter(|&j| {
                    let (own, target) = (outputs.column(j), samples.targets().column(j));
                    let wanted = if target.len() == 1 {
                        class_of(target.as_slice(), half)
                    } else {
                        class_of(target.as_slice(), 0.0)
                    };
                    class_of(own.as_slice(), 0.0) == wanted
                });
                Some(right.count() as f64 / samples.len() as f64)
            }
        };
        Ok(Judged { loss, accuracy })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_spiral_is_learned_and_taken_back() {
        let (mut run, words) = Run::new(Settings::default(), None).unwrap();
        assert!(words.is_empty(), "{words:?}");
        let start = run.params().to_vec();
        let before = run.judged().unwrap()[0].loss;
        for _ in 0..3000 {
            assert!(run.advance().unwrap().is_none());
        }
        let [train, _] = run.judged().unwrap();
        assert!(
            train.loss < 0.5 * before && train.accuracy > Some(0.8),
            "{train:?}"
        );
        run.back_to(0);
        assert_eq!((run.step(), run.params()), (0, &start[..]));
    }

    #[test]
    fn every_mode_takes_the_same_step() {
        let after = |mode: &str| {
            let settings = Settings {
                mode: mode.into(),
                optimiser: "sgd".into(),
                ..Settings::default()
            };
            let (mut run, _) = Run::new(settings, None).unwrap();
            (0..5).for_each(|_| assert!(run.advance().unwrap().is_none()));
            run.params().to_vec()
        };
        let reverse = after("reverse");
        for mode in ["forward", "structured"] {
            let near = after(mode)
                .iter()
                .zip(&reverse)
                .all(|(a, b)| (a - b).abs() < 1e-12);
            assert!(near, "{mode}");
        }
    }

    #[test]
    fn a_run_that_diverges_stays_and_says_why() {
        let settings = Settings {
            data: "plane".into(),
            loss: "squared-error".into(),
            optimiser: "sgd".into(),
            rate: 10.0,
            layers: Vec::new(),
            features: vec!["x1^2".into(), "x2^2".into()],
            ..Settings::default()
        };
        let (mut run, _) = Run::new(settings, None).unwrap();
        let stop = (0..2000).find_map(|_| run.advance().unwrap()).unwrap();
        assert!(
            stop.what.contains("step") && stop.why.contains("learning rate"),
            "{stop:?}"
        );
        assert!(run.params().iter().all(|w| w.is_finite()));
    }

    #[test]
    fn weights_are_edited_and_restored() {
        let (mut run, _) = Run::new(Settings::default(), None).unwrap();
        run.set(0, 2.5).unwrap();
        assert_eq!(run.params()[0], 2.5);
        assert!(run.set(usize::MAX, 0.0).is_err() && run.set(0, f64::NAN).is_err());
        run.back_to(0);
        assert_ne!(run.params()[0], 2.5);
        assert!(run.restore(3, &[1.0]).is_err());
        let params = vec![0.5; run.params().len()];
        run.restore(3, &params).unwrap();
        assert_eq!((run.step(), run.params()), (3, &params[..]));
    }

    #[test]
    fn l1_brings_weights_to_zero() {
        let settings = Settings {
            l1: 1.0,
            rate: 0.05,
            ..Settings::default()
        };
        let (mut run, _) = Run::new(settings, None).unwrap();
        (0..200).for_each(|_| assert!(run.advance().unwrap().is_none()));
        assert!(run.params().iter().filter(|w| **w == 0.0).count() > 50);
    }
}
