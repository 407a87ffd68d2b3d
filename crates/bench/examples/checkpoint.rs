//! A gradient in a tenth of the memory: 1,000 layers of 64 (a linear block and tanh each), batch 32, single precision, one
//! thread. Every row is a store or a schedule beside `Store::All`, timed in interleaved rounds; bytes are those of all
//! buffers but the gradient.
//!
//! `cargo run --release -p pushpull-bench --example checkpoint -- [--layers 1000] [--width 64] [--batch 32] [--rounds 9]`

use std::hint::black_box;
use std::time::Instant;

use pushpull_bench::checkpoint::layers;
use pushpull_bench::rounds::{Effort, interleaved};
use pushpull_core::Init;
use pushpull_core::Question;
use pushpull_reverse_mode::checkpoint::{Chain, Limit, Stage, even, optimal, square_root};
use pushpull_reverse_mode::{Reverse, Store};

/// Stages that all differ, in work and size.
fn different(n: usize) -> Chain {
    let stage = |k: usize| {
        let output = 1000 + k * 7919 % 997;
        Stage {
            record: output + k * 104_729 % 1009,
            ..Stage::plain((500 + k * 31 % 499) as u64, output)
        }
    };
    Chain::new((0..n).map(stage).collect())
}

fn planned(name: &str, chain: &Chain, share: usize) -> Result<(), Box<dyn std::error::Error>> {
    let numbers = even(chain, 1).peak() / share;
    let start = Instant::now();
    let schedule = optimal(chain, Limit::Numbers(numbers))?;
    let seconds = start.elapsed().as_secs_f64();
    eprintln!(
        "{name}: {} stages planned in {seconds:.3} s, memory in steps of {} numbers, {:.3} evaluations a block",
        chain.stages().len(),
        schedule.step(),
        schedule.evaluations() as f64
            / chain.stages().iter().map(|s| s.blocks).sum::<usize>() as f64,
    );
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (mut depth, mut width, mut batch, mut rounds) = (1000, 64, 32, 9);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let value = arguments
            .next()
            .ok_or(format!("{argument} needs a value"))?
            .parse()?;
        match argument.as_str() {
            "--layers" => depth = value,
            "--width" => width = value,
            "--batch" => batch = value,
            "--rounds" => rounds = value,
            other => return Err(format!("unknown argument {other:?}").into()),
        }
    }
    let graph = layers(depth, width)?;
    let chain = Chain::of(&graph, batch)?;
    planned("this network", &chain, 11)?;
    planned("stages that all differ", &different(depth), 11)?;

    let params: Vec<f32> = graph.layout().init(Init::Glorot, 1);
    let x = nalgebra::DMatrix::from_fn(width, batch, |i, j| (1.0 + (3 * i + 7 * j) as f32).sin());
    let all = Reverse::new(&graph, batch)?;
    let plain = all.bytes().total() - all.bytes().gradient;
    let stored = |store| {
        Reverse::plan(&graph, batch, Question::Gradient)
            .checkpointing(store)
            .prepare()
    };
    let mut engines = vec![("all".to_string(), all)];
    for share in [2, 4, 10, 11, 20, 40] {
        engines.push((
            format!("a {share}th of the bytes"),
            stored(Store::Bytes(plain / share))?,
        ));
    }
    engines.push(("6 slots".into(), stored(Store::Slots(6))?));
    for groups in [8, 32, 128] {
        let schedule = even(&chain, groups);
        let engine = Reverse::plan(&graph, batch, Question::Gradient)
            .schedule(&schedule)
            .prepare()?;
        engines.push((format!("even in {groups}"), engine));
    }
    let root = Reverse::plan(&graph, batch, Question::Gradient)
        .schedule(&square_root(&chain))
        .prepare()?;
    engines.push(("square root".into(), root));

    let facts: Vec<(String, usize, u64)> = engines
        .iter()
        .map(|(name, engine)| {
            let bytes = engine.bytes().total() - engine.bytes().gradient;
            (name.clone(), bytes, engine.evaluations())
        })
        .collect();
    let want: Vec<u32> = bits(engines[0].1.value_and_gradient(&params, &x)?.1);
    let mut runs: Vec<Box<dyn FnMut() + '_>> = Vec::new();
    for (name, mut engine) in engines {
        if bits(engine.value_and_gradient(&params, &x)?.1) != want {
            return Err(format!("{name}: other bits than with everything kept").into());
        }
        let (params, x) = (&params, &x);
        runs.push(Box::new(move || {
            black_box(engine.value_and_gradient(params, x)).ok();
        }));
    }
    let times = interleaved(
        &mut runs,
        Effort {
            rounds,
            slice: 0.02,
        },
    );
    println!(
        "schedule,bytes,share,evaluations,evaluations_a_block,median_ms,ratio_lower,ratio,ratio_upper"
    );
    for ((name, bytes, evaluations), times_of) in facts.iter().zip(&times) {
        let [lower, ratio, upper] = times_of.over(&times[0]);
        println!(
            "{name},{bytes},{:.4},{evaluations},{:.3},{:.3},{lower:.3},{ratio:.3},{upper:.3}",
            *bytes as f64 / plain as f64,
            *evaluations as f64 / graph.nodes().len() as f64,
            times_of.median() * 1e3,
        );
    }
    Ok(())
}

fn bits(numbers: &[f32]) -> Vec<u32> {
    numbers.iter().map(|number| number.to_bits()).collect()
}
