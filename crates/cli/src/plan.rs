//! `pushpull plan`: which way answers a question fastest within a budget, and the plan of a chain of factors.

use std::io::BufReader;
use std::path::Path;

use pushpull_core::blocks::Loss;
use pushpull_core::siblings::memory;
use pushpull_core::{Dual, Team, Wrt};
use pushpull_files::weights::Weights;
use pushpull_files::{Element, open};
use pushpull_mixed_mode::plan_chain;
use pushpull_planner::{Budget, Candidate, Planned, Question, Timed};
use serde::Serialize;

use crate::auto;
use crate::calibration;
use crate::fault::Fault;
use crate::given;
use crate::network::Network;
use crate::options::net::no_widths;
use crate::options::plan::Plan;
use crate::options::precision::Precision;
use crate::options::reduction::Reduction;

/// Samples of a batch that nobody named.
const BATCH: usize = 32;

/// The costs of a chain, in the unit of its file.
#[derive(Serialize)]
struct Costs {
    optimum: u128,
    all_tangent: u128,
    all_adjoint: u128,
    preaccumulation: u128,
    bracketing: String,
}

/// A way with what it would take.
#[derive(Serialize)]
struct Row {
    way: String,
    name: &'static str,
    flops: Option<u64>,
    calls: Option<u64>,
    evaluations: Option<u64>,
    prepared_bytes: Option<usize>,
    peak_bytes: Option<usize>,
    seconds: Option<f64>,
    feasible: bool,
    obstacle: Option<String>,
    picked: bool,
}

#[derive(Serialize)]
struct Report {
    network: String,
    activation: String,
    loss: Option<&'static str>,
    params: usize,
    question: String,
    /// Whether the gradient in the inputs is part of it.
    with_x: bool,
    batch: usize,
    dtype: &'static str,
    threads: usize,
    /// The threads that `seconds` are predicted for.
    predicted_threads: usize,
    memory: Option<usize>,
    picked: String,
    reason: String,
    candidates: Vec<Row>,
}

/// Runs the command; the text for stdout.
pub fn run(asked: &Plan, json: bool) -> Result<String, Fault> {
    if let Some(path) = &asked.chain {
        return chain(path, json);
    }
    let layers = asked.layers.as_ref();
    let weights = asked.weights.as_ref();
    if weights.is_none() {
        asked.names.without_weights("--weights")?;
    }
    let weights = weights.map(|path| asked.names.open(path, layers));
    let weights = weights.transpose()?;
    let dtype = match &weights {
        Some(weights) => Precision::of(asked.dtype, weights),
        None => asked.dtype.unwrap_or(Precision::F64),
    };
    match dtype {
        Precision::F32 => at::<f32>(asked, weights.as_ref(), json),
        Precision::F64 => at::<f64>(asked, weights.as_ref(), json),
    }
}

fn chain(path: &Path, json: bool) -> Result<String, Fault> {
    let (file, _) = open(path)?;
    let plan = plan_chain(BufReader::new(file)).map_err(|fault| Fault::Chain {
        file: path.to_owned(),
        fault,
    })?;
    let costs = Costs {
        optimum: plan.optimum(),
        all_tangent: plan.all_tangent(),
        all_adjoint: plan.all_adjoint(),
        preaccumulation: plan.preaccumulation(),
        bracketing: plan.bracket().to_string(),
    };
    if json {
        return crate::screen::json(&costs);
    }
    Ok(format!(
        "{} {} {} {}\n",
        costs.optimum, costs.all_tangent, costs.all_adjoint, costs.preaccumulation
    ))
}

fn at<T: Element + Planned>(
    asked: &Plan,
    weights: Option<&Weights>,
    json: bool,
) -> Result<String, Fault>
where
    Dual<T>: Timed,
{
    // clap has seen to it that it is there.
    if asked.activation.is_empty() {
        return Err(Fault::option(
            "--activation",
            "a network, or --chain",
            "none",
            "give one, as in --layers 5,8,3 --activation relu",
        ));
    }
    let (widths, biases) = match (weights, asked.layers.as_ref()) {
        (Some(weights), _) => (weights.widths(), weights.biases()),
        (None, Some(layers)) => (layers.0.clone(), Vec::new()),
        (None, None) => return Err(no_widths()),
    };
    let network = Network {
        widths,
        biases,
        classes: None,
        activations: asked.activation.clone(),
        loss: asked.loss.unwrap_or(Loss::Sum),
        mean: asked.reduction == Reduction::Mean,
    };
    network.check()?;
    // The number of threads is refused here, as by an engine.
    drop(Team::new("--threads", asked.threads)?);
    let batch = match &asked.data {
        None => asked.batch.unwrap_or(BATCH),
        Some(path) => given::given(path, &asked.columns, &network, asked.batch)?
            .x
            .ncols(),
    };
    let graph = match asked.loss {
        Some(_) => network.graph(batch)?,
        None => network.outputs_alone()?,
    };
    // What the user would hand in has to be somewhere.
    let given = match asked.question {
        Question::Vjp(k) => memory::elements(&[graph.n_outputs(), batch, k]),
        other => memory::elements(&[graph.n_params(), other.seeds().unwrap_or(0)]),
    };
    memory::fits::<T>(
        "the matrix of directions or cotangents for --question",
        given,
        "ask for fewer at once, as in jvp:1",
    )?;
    let plan = match asked.question {
        Question::Gradient => {
            let wanted = Wrt {
                params: true,
                inputs: asked.with_x,
            };
            auto::plan::<T>(&graph, batch, wanted, asked.memory)?
        }
        _ if asked.with_x => {
            return Err(Fault::option(
                "--with-x",
                "--question gradient",
                asked.question.to_string(),
                "leave it out, or ask for the gradient",
            ));
        }
        question => calibration::with(|calibration| {
            let budget = asked.memory.map_or(Budget::Unlimited, Budget::Bytes);
            pushpull_planner::Plan::<T>::with(&graph, batch, question, budget, calibration)
        })?,
    };
    if !json {
        return Ok(format!(
            "{}, {}, {}: {} parameters\n{plan}\n{}{}",
            network.name(),
            network.activation(),
            asked.loss.map_or("no loss", Loss::name),
            pushpull_core::siblings::figures::grouped(graph.n_params() as u128),
            match asked.with_x {
                true => "The gradient in the inputs is part of it.\n",
                false => "",
            },
            match asked.threads {
                1 => "",
                _ => "Times are those of one thread; flops are the same on any number.\n",
            }
        ));
    }
    let rows = plan.candidates().iter();
    let report = Report {
        network: network.name(),
        activation: network.activation(),
        loss: asked.loss.map(Loss::name),
        params: graph.n_params(),
        question: asked.question.to_string(),
        with_x: asked.with_x,
        batch,
        dtype: T::NAME,
        threads: asked.threads,
        predicted_threads: 1,
        memory: asked.memory,
        picked: plan.picked().way.to_string(),
        reason: plan.reason(),
        candidates: rows
            .map(|candidate| row(candidate, candidate == plan.picked()))
            .collect(),
    };
    crate::screen::json(&report)
}

fn row(candidate: &Candidate, picked: bool) -> Row {
    let known = candidate.prediction.as_ref();
    Row {
        way: candidate.way.to_string(),
        name: candidate.way.name(),
        flops: known.map(|known| known.cost.flops),
        calls: known.map(|known| known.cost.calls),
        evaluations: known.map(|known| known.evaluations),
        prepared_bytes: known.map(|known| known.prepared()),
        peak_bytes: known.map(|known| known.peak()),
        seconds: candidate.seconds,
        feasible: candidate.is_feasible(),
        obstacle: candidate.obstacle.clone(),
        picked,
    }
}
