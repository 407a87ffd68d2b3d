//! A chain with narrow places: the bracketing that mixed mode takes, beside both pure modes in their best form.

use std::hint::black_box;

use nalgebra::DMatrix;
use pushpull_core::blocks::Activation;
use pushpull_core::siblings::figures::grouped;
use pushpull_core::{Cost, Init, Mlp, Question, Result};
use pushpull_forward_mode::{Chunk, Forward};
use pushpull_mixed_mode::{MixedMode, Step};
use pushpull_reverse_mode::Reverse;

use crate::edition::Edition;
use crate::pictures::{Picture, PictureError};
use crate::rounds::{Effort, interleaved};
use crate::sweep::Extent;
use pushpull_plot::{Branch, TreeChart};

/// Widths of the chain, tanh between.
pub const WIDTHS: [usize; 5] = [256, 4, 256, 4, 256];
/// Samples.
pub const BATCH: usize = 8;

/// What was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Bottleneck {
    /// The product with its brackets.
    pub formula: String,
    /// Its steps.
    pub tree: Step,
    /// Mixed, forward and reverse mode.
    pub ways: [Way; 3],
}

/// One way to the Jacobian.
#[derive(Clone, Debug, PartialEq)]
pub struct Way {
    /// Its name with its setting.
    pub name: String,
    /// Exact.
    pub cost: Cost,
    /// The median.
    pub seconds: f64,
    /// Time over that of mixed mode: lower quartile, median, upper quartile.
    pub ratio: [f64; 3],
}

/// Measures the three ways, each pure mode with the setting that is fastest here.
///
/// # Errors
/// None that is known: the chain fits.
pub fn measure(extent: Extent) -> Result<Bottleneck> {
    let graph = Mlp::new(&WIDTHS, Activation::Tanh).build()?;
    let params: Vec<f64> = graph.layout().init(Init::Glorot, crate::cell::SEED);
    let x = DMatrix::from_fn(graph.n_inputs(), BATCH, |i, j| {
        (1.7 * i as f64 + 2.9 * j as f64).sin()
    });
    let mut mixed = MixedMode::<f64>::new(&graph, BATCH)?;
    let plan = mixed.bracketing().clone();
    let (p, x) = (&params, &x);
    let mut names = vec!["mixed".to_owned()];
    let mut runs: Vec<Box<dyn FnMut() + '_>> = vec![Box::new(move || {
        black_box(mixed.jacobian_inputs(p, x)).ok();
    })];
    for (name, chunk) in [
        ("chunk chosen by cache", Chunk::Auto),
        ("all at once", Chunk::Full),
    ] {
        let mut forward = Forward::plan(&graph, BATCH, Question::JacobianInputs)
            .chunk(chunk)
            .prepare::<f64>()?;
        names.push(format!("forward, {name}"));
        runs.push(Box::new(move || {
            black_box(forward.jacobian_inputs(p, x)).ok();
        }));
    }
    for seeds in [4, 16, 64, graph.n_outputs()] {
        let mut reverse = Reverse::plan(&graph, BATCH, Question::JacobianInputs)
            .seeds(seeds)
            .prepare::<f64>()?;
        names.push(format!("reverse, {seeds} rows at once"));
        runs.push(Box::new(move || {
            black_box(reverse.jacobian_inputs(p, x)).ok();
        }));
    }
    let effort = match extent {
        Extent::Full => Effort {
            rounds: 15,
            slice: 5e-3,
        },
        Extent::Quick => Effort {
            rounds: 3,
            slice: 1e-3,
        },
    };
    let times = interleaved(&mut runs, effort);
    let best = |from: usize, to: usize| {
        let order = |a: &usize, b: &usize| times[*a].median().total_cmp(&times[*b].median());
        (from..to).min_by(order).unwrap_or(from)
    };
    let way = |at: usize, cost: Cost| Way {
        name: names[at].clone(),
        cost,
        seconds: times[at].median(),
        ratio: times[at].over(&times[0]),
    };
    Ok(Bottleneck {
        formula: plan.formula(),
        tree: plan.tree(),
        ways: [
            way(0, plan.cost()),
            way(best(1, 3), plan.all_tangents_cost()),
            way(best(3, names.len()), plan.all_adjoints_cost()),
        ],
    })
}

/// Draws the tree.
///
/// # Errors
/// [`PictureError`]
pub fn picture(
    found: &Bottleneck,
    setting: &str,
    edition: &Edition,
) -> std::result::Result<Picture, PictureError> {
    let ways = found.ways.iter().map(|way| {
        format!(
            "{}: {} flops, {:.0} us{}",
            way.name,
            grouped(way.cost.flops),
            1e6 * way.seconds,
            if way.ratio[1] == 1.0 {
                String::new()
            } else {
                format!(" ({:.1} times mixed)", way.ratio[1])
            }
        )
    });
    let widths = WIDTHS.map(|width| width.to_string()).join("-");
    let mut notes: Vec<String> = ways.collect();
    notes.push(format!("J = {}. {setting}", found.formula));
    let chart = TreeChart {
        title: "How mixed mode brackets the Jacobian of a chain with narrow places".into(),
        subtitle: format!(
            "{widths} with tanh, Jacobian with respect to the inputs, batch {BATCH}, f64; the output is at the top"
        ),
        root: branch(&found.tree),
        notes,
    };
    let file = "bracketing.png";
    chart.save(&edition.file(file)?)?;
    Ok(Picture {
        file: file.into(),
        caption: format!(
            "The bracketing that mixed mode takes, each step with its own flops for the whole batch. It was {:.1} times as fast as forward mode and {:.1} times as fast as reverse mode in their best forms (medians of one run).",
            found.ways[1].ratio[1], found.ways[2].ratio[1]
        ),
    })
}

fn branch(step: &Step) -> Branch {
    Branch {
        words: step.words.clone(),
        remark: step.cost.map_or(String::new(), |cost| cost.to_string()),
        below: step.below.iter().map(branch).collect(),
    }
}
