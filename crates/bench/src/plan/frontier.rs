//! Where the planner changes from forward to reverse mode.

use pushpull_planner::{Budget, Calibration, Candidate, Plan, Question};

use super::measure::PlanCellError;
use crate::cell::Cell;

/// Which mode the planner takes for the Jacobian of each network of the sweep over outputs, between the two pure modes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// Inputs of the network.
    pub inputs: usize,
    /// Outputs of the network.
    pub outputs: usize,
    /// Whether forward mode is predicted to take less time.
    pub forward: bool,
}

/// The choices, in the order of the cells of the sweep over outputs.
///
/// # Errors
/// [`PlanCellError`]
pub fn choices(
    cells: &[Cell],
    calibration: &mut Calibration,
) -> Result<Vec<Choice>, PlanCellError> {
    let mut choices = Vec::new();
    for cell in cells {
        let (graph, question) = (cell.graph()?, Question::JacobianInputs);
        let plan = Plan::<f64>::with(&graph, cell.batch, question, Budget::Unlimited, calibration)?;
        let least = |of: fn(&Candidate) -> bool| {
            let seconds = plan.candidates().iter().filter(|candidate| of(candidate));
            seconds
                .filter_map(|candidate| candidate.seconds)
                .fold(f64::INFINITY, f64::min)
        };
        let (forward, reverse) = (
            least(|candidate| candidate.way.is_forward()),
            least(|candidate| candidate.way.is_reverse()),
        );
        choices.push(Choice {
            inputs: graph.n_inputs(),
            outputs: graph.n_outputs(),
            forward: forward <= reverse,
        });
    }
    Ok(choices)
}
