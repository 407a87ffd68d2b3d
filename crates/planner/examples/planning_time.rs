//! How long planning takes once the blocks are known: every question on graphs of 100 blocks, all alike and all different.
//!
//! `cargo run --release -p pushpull-planner --example planning_time`

use std::time::Instant;

use pushpull_core::blocks::{Activation, Loss};
use pushpull_core::{Graph, Mlp, Result};
use pushpull_planner::{Budget, Calibration, Plan, PlanError, Question};

/// 50 linear layers with tanh after them, the last a loss where a number is differentiated.
fn graph(widths: &[usize], loss: bool) -> Result<Graph> {
    let net = Mlp::new(widths, Activation::Tanh);
    if loss {
        net.loss(Loss::SquaredError).build()
    } else {
        net.build()
    }
}

fn main() -> std::result::Result<(), PlanError> {
    let alike = vec![32; 51];
    let different: Vec<usize> = (0..51).map(|i| 16 + i).collect();
    let mut calibration = Calibration::measure();
    for (name, widths) in [("alike", &alike), ("different", &different)] {
        let questions = [
            Question::Gradient,
            Question::Jvp(8),
            Question::Vjp(8),
            Question::JacobianParams,
            Question::JacobianInputs,
            Question::HessianVector(1),
        ];
        for question in questions {
            let graph = graph(widths, question != Question::JacobianInputs)?;
            let mut plan = || {
                let start = Instant::now();
                let budget = Budget::Unlimited;
                let plan = Plan::<f64>::with(&graph, 16, question, budget, &mut calibration);
                plan.map(|plan| (plan, start.elapsed().as_secs_f64()))
            };
            let (_, first) = plan()?;
            let mut times = (0..5)
                .map(|_| Ok(plan()?.1))
                .collect::<std::result::Result<Vec<_>, PlanError>>()?;
            times.sort_unstable_by(f64::total_cmp);
            println!(
                "{} blocks, {name}: {question:<16} {:7.1} ms, the first time {:7.1} ms",
                graph.nodes().len(),
                1e3 * times[2],
                1e3 * first
            );
        }
    }
    Ok(())
}
