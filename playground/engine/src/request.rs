//! What the page asks, and the engine that answers.

use nalgebra::DMatrix;
use pushpull_planner::Calibration;
use pushpull_xray::Xray;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::agreement::agreement;
use crate::clock::seconds;
use crate::cost::{costs, pick};
use crate::curve::curve;
use crate::fault::{Fault, Result};
use crate::picture::{SIDE, grids};
use crate::points::{EXTENT, Task};
use crate::run::{Run, Stop};
use crate::settings::Settings;
use crate::stepper::Stepper;

/// A question of the page.
#[derive(Debug, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub enum Request {
    /// A run from its start, or from the parameters of an address.
    Start {
        /// As the address has them.
        #[serde(default)]
        settings: Box<Settings>,
        /// A table's text.
        table: Option<String>,
        /// Steps that the parameters took.
        step: Option<u64>,
        /// The parameters.
        params: Option<Vec<f64>>,
    },
    /// So many steps, or as many as fit so many milliseconds.
    Train {
        /// At most.
        steps: u64,
        /// At most.
        milliseconds: f64,
    },
    /// The state as it is.
    Frame,
    /// A parameter by hand.
    Set {
        /// Which.
        index: usize,
        /// To what.
        value: f64,
    },
    /// To an earlier step.
    Back {
        /// Which.
        to: u64,
    },
    /// Both programs on the next block of samples.
    Stepper,
    /// What lies in memory after an instruction of each.
    Look {
        /// Of forward and of reverse mode.
        at: [usize; 2],
        /// Whose tangents.
        sample: usize,
    },
    /// Exact costs.
    Costs,
    /// The planner's pick.
    Pick {
        /// Bytes.
        budget: Option<usize>,
    },
    /// Forward against reverse.
    Match,
    /// The X-ray.
    Xray,
    /// An activation with its derivative.
    Curve {
        /// Its name.
        activation: String,
    },
    /// One sample of a table: its features, its label, the network's answer.
    Sample {
        /// Which.
        index: usize,
    },
}

/// The engine: a run, what is stepped through, and the times of this browser.
#[derive(Debug, Default)]
pub struct Engine {
    run: Option<Run>,
    stepper: Option<Stepper>,
    calibration: Option<Calibration>,
    /// The picture of the last answer.
    pub numbers: Vec<f32>,
}

impl Engine {
    /// Answers a question in JSON.
    ///
    /// # Errors
    /// One line.
    pub fn answer(&mut self, request: &str) -> Result<Value> {
        self.numbers.clear();
        let request: Request = serde_json::from_str(request)?;
        match request {
            Request::Start {
                settings,
                table,
                step,
                params,
            } => self.start(*settings, table.as_deref(), step, params),
            Request::Train {
                steps,
                milliseconds,
            } => self.train(steps, milliseconds),
            Request::Frame => self.frame(None),
            Request::Set { index, value } => {
                self.run()?.set(index, value)?;
                self.frame(None)
            }
            Request::Back { to } => {
                self.run()?.back_to(to);
                self.frame(None)
            }
            Request::Stepper => {
                let run = self.run()?;
                let block = run.block();
                let stepper = Stepper::new(&run.objective, run.params(), &block)?;
                let told = told(&stepper.told())?;
                self.stepper = Some(stepper);
                Ok(told)
            }
            Request::Look { at, sample } => {
                let stepper = self.stepper.as_ref().ok_or_else(|| {
                    Fault("stepper: expected programs, got none; open it first".into())
                })?;
                let (drawn, numbers) = stepper.look(at, sample)?;
                self.numbers = numbers;
                told(&drawn)
            }
            Request::Costs => {
                let run = self.run()?;
                told(&costs(&run.network, run.settings.batch)?)
            }
            Request::Pick { budget } => {
                let mut calibration = self.calibration.take().unwrap_or_else(Calibration::measure);
                let run = self.run()?;
                let picked = pick(&run.network, run.settings.batch, budget, &mut calibration);
                self.calibration = Some(calibration);
                told(&picked?)
            }
            Request::Match => {
                let run = self.run()?;
                told(&agreement(&run.objective, run.params(), run.stacked())?)
            }
            Request::Xray => {
                let run = self.run()?;
                let settings = pushpull_xray::Settings {
                    samples: 0,
                    ..Default::default()
                };
                told(&Xray::new(
                    &run.objective,
                    run.params(),
                    run.stacked(),
                    &settings,
                )?)
            }
            Request::Curve { activation } => told(&curve(&activation)?),
            Request::Sample { index } => self.sample(index),
        }
    }

    fn run(&mut self) -> Result<&mut Run> {
        self.run
            .as_mut()
            .ok_or_else(|| Fault("engine: expected a run, got none; start one first".into()))
    }

    fn start(
        &mut self,
        settings: Settings,
        table: Option<&str>,
        step: Option<u64>,
        params: Option<Vec<f64>>,
    ) -> Result<Value> {
        let (mut run, mut words) = Run::new(settings, table)?;
        if let Some(params) = params {
            words.extend(
                run.restore(step.unwrap_or(0), &params)
                    .err()
                    .map(|fault| fault.to_string()),
            );
        }
        let layout: Vec<Value> = run
            .objective
            .layout()
            .entries()
            .iter()
            .map(|entry| {
                json!({ "name": entry.name, "offset": entry.offset, "rows": entry.shape.nrows, "columns": entry.shape.ncols })
            })
            .collect();
        let mut trained = vec![false; run.points.len()];
        run.split.train.iter().for_each(|&i| trained[i] = true);
        let raw: Vec<f64> = if run.points.plane {
            run.points.raw.iter().copied().collect()
        } else {
            Vec::new()
        };
        let answer = json!({
            "settings": run.settings,
            "words": words,
            "layout": layout,
            "params": run.params().len(),
            "inputs": run.network.n_inputs,
            "outputs": run.network.n_outputs,
            "shown": run.network.shown(),
            "nodes": run.objective.nodes().iter().map(|node| node.name.clone()).collect::<Vec<_>>(),
            "plane": run.points.plane,
            "columns": run.points.columns,
            "task": run.points.task,
            "points": raw,
            "labels": run.points.labels,
            "trained": trained,
            "extent": EXTENT,
            "side": SIDE,
        });
        (self.run, self.stepper) = (Some(run), None);
        Ok(answer)
    }

    fn train(&mut self, steps: u64, milliseconds: f64) -> Result<Value> {
        let since = seconds();
        let run = self.run()?;
        let mut stop = None;
        for _ in 0..steps {
            stop = run.advance()?;
            if stop.is_some() || (seconds() - since) * 1e3 > milliseconds {
                break;
            }
        }
        self.frame(stop)
    }

    fn frame(&mut self, stop: Option<Stop>) -> Result<Value> {
        let run = self.run()?;
        let judged = run.judged()?;
        let answer = json!({
            "step": run.step(),
            "epoch": run.step() / run.blocks(),
            "blocks": run.blocks(),
            "train": judged[0],
            "test": judged[1],
            "blockLoss": run.block_loss(),
            "params": run.params(),
            "gradient": run.gradient(),
            "past": run.past(),
            "stop": stop,
        });
        self.numbers = grids(run)?;
        Ok(answer)
    }

    fn sample(&mut self, index: usize) -> Result<Value> {
        let run = self.run()?;
        if index >= run.points.len() {
            return Err(Fault(format!(
                "sample: expected one below {}, got {index}",
                run.points.len()
            )));
        }
        let inputs = run.points.inputs(&run.features, &run.split.train)?;
        let one = DMatrix::from_column_slice(inputs.nrows(), 1, inputs.column(index).as_slice());
        let outputs = run.model.outputs(run.params(), &one)?;
        let names = match &run.points.task {
            Task::Classes { names } => names.clone(),
            Task::Regression => Vec::new(),
        };
        let raw: Vec<f64> = run.points.raw.column(index).iter().copied().collect();
        Ok(
            json!({ "raw": raw, "label": run.points.labels[index], "outputs": outputs.as_slice(), "classes": names }),
        )
    }
}

fn told(answer: &impl Serialize) -> Result<Value> {
    Ok(serde_json::to_value(answer)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(engine: &mut Engine, request: &Value) -> Value {
        engine.answer(&request.to_string()).unwrap()
    }

    #[test]
    fn a_page_can_ask_all_that_it_shows() {
        let mut engine = Engine::default();
        assert!(engine.answer("{\"do\":\"frame\"}").is_err());
        let started = ask(
            &mut engine,
            &json!({ "do": "start", "settings": { "data": "circle", "batch": 7 } }),
        );
        assert_eq!(started["settings"]["batch"], 7);
        assert_eq!(started["params"], 2 * 8 + 8 + 8 * 8 + 8 + 8 + 1);
        let frame = ask(
            &mut engine,
            &json!({ "do": "train", "steps": 50, "milliseconds": 1e9 }),
        );
        assert_eq!(frame["step"], 50);
        assert_eq!(engine.numbers.len(), (2 + 8 + 8 + 1) * SIDE * SIDE);
        for what in ["stepper", "costs", "match", "xray", "frame"] {
            assert!(
                ask(&mut engine, &json!({ "do": what })).is_object(),
                "{what}"
            );
        }
        let look = ask(
            &mut engine,
            &json!({ "do": "look", "at": [3, 3], "sample": 0 }),
        );
        assert!(look[0].is_array() && !engine.numbers.is_empty());
        assert_eq!(
            ask(&mut engine, &json!({ "do": "curve", "activation": "tanh" }))[0]
                .as_array()
                .map(Vec::len),
            Some(81)
        );
        assert_eq!(
            ask(
                &mut engine,
                &json!({ "do": "set", "index": 3, "value": 0.5 })
            )["params"][3],
            0.5
        );
        assert_eq!(
            ask(&mut engine, &json!({ "do": "back", "to": 20 }))["step"],
            20
        );
        for hostile in [
            "",
            "{",
            "[]",
            "{\"do\":\"rm\"}",
            "{\"do\":\"set\",\"index\":-1,\"value\":0}",
            "{\"do\":\"look\",\"at\":[1,2],\"sample\":1000}",
        ] {
            assert!(engine.answer(hostile).is_err(), "{hostile}");
        }
    }

    #[test]
    fn a_table_is_trained_and_a_sample_is_shown() {
        let mut engine = Engine::default();
        let rows: Vec<String> = (0..40)
            .map(|i| format!("{},{},{},{}", i, i * i % 7, 40 - i, i % 3))
            .collect();
        let settings = json!({ "data": "table", "loss": "softmax-cross-entropy" });
        let started = ask(
            &mut engine,
            &json!({ "do": "start", "settings": settings, "table": rows.join("\n") }),
        );
        assert_eq!(
            (started["plane"].clone(), started["outputs"].clone()),
            (json!(false), json!(3))
        );
        ask(
            &mut engine,
            &json!({ "do": "train", "steps": 5, "milliseconds": 1e9 }),
        );
        let sample = ask(&mut engine, &json!({ "do": "sample", "index": 4 }));
        assert_eq!(
            (
                sample["raw"][0].clone(),
                sample["outputs"].as_array().map(Vec::len)
            ),
            (json!(4.0), Some(3))
        );
    }

    #[test]
    fn the_planner_picks_with_the_times_of_this_machine() {
        let mut engine = Engine::default();
        ask(&mut engine, &json!({ "do": "start" }));
        let pick = ask(&mut engine, &json!({ "do": "pick" }));
        assert!(
            pick["reason"]
                .as_str()
                .is_some_and(|reason| reason.contains("predicted"))
        );
        let fault = engine
            .answer("{\"do\":\"pick\",\"budget\":10}")
            .unwrap_err();
        assert!(fault.to_string().contains("10 bytes"), "{fault}");
    }
}
