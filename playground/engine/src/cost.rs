//! What a gradient takes by every way: exact flops and bytes, and what becomes of them as neurons are added.

use pushpull_core::{Graph, Question};
use pushpull_forward_mode::{Chunk, Forward};
use pushpull_planner::{Budget, Calibration, Candidate, Plan, predictions};
use pushpull_reverse_mode::Reverse;
use serde::Serialize;

use crate::fault::Result;
use crate::network::Network;
use crate::settings::NEURONS;
use crate::stepper::Takes;

/// One way.
#[derive(Clone, Debug, Serialize)]
pub struct WayTold {
    name: String,
    takes: Option<Takes>,
    seconds: Option<f64>,
    obstacle: Option<String>,
    picked: bool,
}

impl From<&Candidate> for WayTold {
    fn from(of: &Candidate) -> Self {
        Self {
            name: of.way.to_string(),
            takes: of.prediction.map(Takes::from),
            seconds: of.seconds,
            obstacle: of.obstacle.clone(),
            picked: false,
        }
    }
}

/// What both modes take at a width.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Width {
    neurons: usize,
    params: usize,
    forward: Takes,
    reverse: Takes,
}

/// Exact costs.
#[derive(Clone, Debug, Serialize)]
pub struct Costs {
    params: usize,
    batch: usize,
    primal: u64,
    ways: Vec<WayTold>,
    widths: Vec<Width>,
}

fn both(graph: &Graph, batch: usize) -> Result<[Takes; 2]> {
    let forward = Forward::plan(graph, batch, Question::Gradient)
        .chunk(Chunk::Full)
        .prediction::<f64>()?;
    let reverse = Reverse::plan(graph, batch, Question::Gradient).prediction::<f64>()?;
    Ok([forward.into(), reverse.into()])
}

/// The exact costs of a network on a batch, and of the same with 1 to 8 neurons in every hidden layer.
///
/// # Errors
/// None within the page's bounds.
pub fn costs(network: &Network, batch: usize) -> Result<Costs> {
    let graph = network.objective()?;
    let ways = predictions::<f64>(&graph, batch, Question::Gradient);
    let mut widths = Vec::new();
    if !network.hidden.is_empty() {
        for neurons in 1..=NEURONS {
            let graph = network.with_neurons(neurons).objective()?;
            let [forward, reverse] = both(&graph, batch)?;
            widths.push(Width {
                neurons,
                params: graph.n_params(),
                forward,
                reverse,
            });
        }
    }
    Ok(Costs {
        params: graph.n_params(),
        batch,
        primal: pushpull_core::Primal::<f64>::predict(&graph, batch)?
            .cost
            .flops,
        ways: ways.iter().map(WayTold::from).collect(),
        widths,
    })
}

/// The planner's pick.
#[derive(Clone, Debug, Serialize)]
pub struct Pick {
    ways: Vec<WayTold>,
    reason: String,
}

/// The planner's pick for a gradient within a budget, by the times of this browser.
///
/// # Errors
/// A budget that no way fits, with the smallest that does.
pub fn pick(
    network: &Network,
    batch: usize,
    budget: Option<usize>,
    calibration: &mut Calibration,
) -> Result<Pick> {
    let budget = budget.map_or(Budget::Unlimited, Budget::Bytes);
    let plan = Plan::<f64>::with(
        &network.objective()?,
        batch,
        Question::Gradient,
        budget,
        calibration,
    )?;
    let own = plan.picked();
    let ways = plan.candidates().iter().map(|candidate| WayTold {
        picked: candidate == own,
        ..WayTold::from(candidate)
    });
    Ok(Pick {
        ways: ways.collect(),
        reason: plan.reason(),
    })
}
