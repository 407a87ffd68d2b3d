//! The Helmholtz energy of a mixture, `f = sum x ln(x / (1 - b.x)) - x'Ax / (sqrt8 b.x) ln[(1 + (1 + sqrt2) b.x) / (1 + (1 - sqrt2) b.x)]`,
//! the example of Baydin et al.'s survey (2018): what its gradient costs in each mode beside f itself.
//!
//! `cargo run --release -p pushpull-tape --example helmholtz -- reports` writes `reports/helmholtz.png` and `.csv`; without a
//! directory they go to `target/reports`, and each time is measured shortly.

use std::path::Path;

use nalgebra::{DMatrix, DVector};
use pushpull_bench::machine::Machine;
use pushpull_bench::rounds::{Effort, interleaved};
use pushpull_core::{Op, Primal, cost};
use pushpull_planner::{Question, Way};
use pushpull_plot::{Axis, LineChart, Mode, Series};
use pushpull_tape::{Program, Tape, Var};

const SIZES: [usize; 8] = [1, 8, 15, 22, 29, 36, 43, 50];

/// f, as the formula reads.
fn energy<'t>(x: Var<'t, f64>, a: Var<'t, f64>, b: Var<'t, f64>) -> Var<'t, f64> {
    let bx = b.matmul(x);
    let ideal = (x * (x / (1.0 - bx)).ln()).sum();
    let (plus, minus) = (1.0 + 2f64.sqrt(), 1.0 - 2f64.sqrt());
    let mixed = x.t().matmul(a).matmul(x) / (bx * 8f64.sqrt());
    ideal - mixed * ((bx * plus + 1.0) / (bx * minus + 1.0)).ln()
}

fn record(n: usize) -> pushpull_tape::Result<Program<f64>> {
    let tape = Tape::new();
    let x = tape.variable(DVector::from_fn(n, |i, _| {
        0.4 * (1.0 + (i % 5) as f64) / (3.0 * n as f64)
    }));
    let a = tape.constant(DMatrix::from_fn(n, n, |i, j| 1.0 / (1.0 + (i + j) as f64)));
    let b = tape.constant(DMatrix::from_fn(1, n, |_, j| 0.5 + 0.3 * ((j % 3) as f64)));
    tape.program(&energy(x, a, b), &[&x])
}

struct Row {
    n: usize,
    flops: [f64; 2],
    /// Quartiles.
    times: [[f64; 3]; 2],
    /// Nanoseconds an operation, of f and of forward mode.
    each: [f64; 2],
}

fn measure(n: usize, effort: Effort) -> Result<Row, Box<dyn std::error::Error>> {
    let program = record(n)?;
    let graph = program.graph().clone();
    let (params, x) = (program.params().to_vec(), program.inputs().to_dmatrix());
    let mut primal = Primal::<f64>::new(&graph, 1)?;
    let mut forward = program
        .clone()
        .prepare_way(Question::Gradient, Way::ForwardDense)?;
    let mut reverse = program
        .clone()
        .prepare_way(Question::Gradient, Way::Reverse(1))?;
    let (pushed, pulled) = (
        forward.gradient()?.flat().to_vec(),
        reverse.gradient()?.flat().to_vec(),
    );
    for (a, b) in pushed.iter().zip(&pulled) {
        assert!(
            (a - b).abs() < 1e-12 * (1.0 + b.abs()),
            "{a} and {b} at n = {n}"
        );
    }
    let own: cost::Cost = graph
        .nodes()
        .iter()
        .map(|node| cost::of(&*node.block, Op::Forward, 1, 1))
        .sum();
    let plan = program.plan(Question::Gradient, pushpull_planner::Budget::Unlimited)?;
    let flops = [Way::ForwardDense, Way::Reverse(1)].map(|way| {
        let found = plan
            .candidates()
            .iter()
            .find(|candidate| candidate.way.name() == way.name());
        let cost = found
            .and_then(|candidate| candidate.prediction)
            .map(|prediction| prediction.cost);
        let all = |cost: cost::Cost| (cost.flops + cost.calls) as f64;
        cost.map_or(f64::NAN, all) / all(own)
    });
    let mut runs: Vec<Box<dyn FnMut() + '_>> = vec![
        Box::new(|| assert!(primal.run(&params, &x).is_ok())),
        Box::new(|| assert!(forward.gradient().is_ok())),
        Box::new(|| assert!(reverse.gradient().is_ok())),
    ];
    let times = interleaved(&mut runs, effort);
    let own = (own.flops + own.calls) as f64;
    let each = |run: usize, operations: f64| 1e9 * times[run].median() / operations;
    Ok(Row {
        n,
        flops,
        times: [1, 2].map(|i| times[i].over(&times[0])),
        each: [each(0, own), each(1, own * flops[0])],
    })
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let directory = std::env::args().nth(1);
    let effort = match directory {
        Some(_) => Effort {
            rounds: 25,
            slice: 4e-3,
        },
        None => Effort {
            rounds: 5,
            slice: 5e-4,
        },
    };
    let rows = SIZES.map(|n| measure(n, effort));
    let rows = rows.into_iter().collect::<Result<Vec<_>, _>>()?;
    println!("gradient of the Helmholtz energy over f itself: operations, time");
    println!("   n   forward        reverse");
    for row in &rows {
        println!(
            "{:4} {:7.2} {:6.2} {:7.2} {:6.2}",
            row.n, row.flops[0], row.times[0][1], row.flops[1], row.times[1][1]
        );
    }

    let mut chart = LineChart::new(
        "Helmholtz energy: a gradient over the energy itself",
        Axis::linear("variables n (count)"),
        Axis::log2("gradient / energy"),
    );
    chart.subtitle =
        "recorded on a tape, replayed; f64, 1 thread, forward mode in one chunk of n".into();
    let points = |of: &dyn Fn(&Row) -> f64| -> Vec<(f64, f64)> {
        rows.iter().map(|row| (row.n as f64, of(row))).collect()
    };
    for (mode, name, look) in [(0, "forward", Mode::Forward), (1, "reverse", Mode::Reverse)] {
        let bars = rows.iter().map(|row| row.times[mode]);
        let bars = bars.map(|[low, _, high]| (low, high)).collect();
        chart.series.extend([
            Series::new(format!("{name}, time"), points(&|row| row.times[mode][1]))
                .bars(bars)
                .mode(look),
            Series::new(
                format!("{name}, operations"),
                points(&|row| row.flops[mode]),
            )
            .mode(look)
            .predicted(),
        ]);
    }
    let machine = Machine::read();
    let last = &rows[rows.len() - 1];
    chart.notes.push(format!(
        "Medians of {} interleaved rounds, bars: quartiles, {}. Operations (outlined and dotted): flops and calls, counted.",
        effort.rounds, machine.cpu
    ));
    chart.notes.push(format!(
        "At n = {} forward mode does {:.0} times the operations of f in {:.0} times its time: an operation takes {:.2} ns in f, whose vectors are short, and {:.2} ns on {} tangents side by side.",
        last.n, last.flops[0], last.times[0][1], last.each[0], last.each[1], last.n
    ));
    let directory = directory.unwrap_or_else(|| "target/reports".into());
    std::fs::create_dir_all(&directory)?;
    let path = Path::new(&directory).join("helmholtz.png");
    chart.save(&path)?;
    println!("{} and its .csv", path.display());
    Ok(())
}
