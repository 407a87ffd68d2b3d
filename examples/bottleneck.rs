//! A chain with narrow places between wide ones: its Jacobian by the cheapest bracketing, against both pure modes in
//! their best form.
//!
//! `cargo run --release --example bottleneck`

use std::time::{Duration, Instant};

use pushpull::blocks::Activation;
use pushpull::nalgebra::DMatrix;
use pushpull::{Chunk, Forward, Init, MixedMode, Mlp, Question, Reverse};

type Way<'w> = (
    String,
    Box<dyn FnMut() -> Result<DMatrix<f64>, pushpull::Error> + 'w>,
);

/// The median time of every way. They run in turns, so that a slow moment of the machine meets all of them, a few times
/// each: the first time finds the caches and the allocator as another way left them, and is not counted.
fn medians(ways: &mut [Way<'_>], budget: Duration) -> Result<Vec<Duration>, pushpull::Error> {
    let mut times = vec![Vec::new(); ways.len()];
    let start = Instant::now();
    while times[0].len() < 9 || start.elapsed() < budget {
        for ((_, way), times) in ways.iter_mut().zip(&mut times) {
            std::hint::black_box(way()?);
            for _ in 0..3 {
                let since = Instant::now();
                std::hint::black_box(way()?);
                times.push(since.elapsed());
            }
        }
    }
    let median = |mut times: Vec<Duration>| {
        times.sort_unstable();
        times[times.len() / 2]
    };
    Ok(times.into_iter().map(median).collect())
}

/// The least time of all other ways over the time of the first.
fn ratio(times: &[Duration]) -> f64 {
    let best = times[1..].iter().min().copied().unwrap_or_default();
    best.as_secs_f64() / times[0].as_secs_f64()
}

fn compare(widths: &[usize], batch: usize) -> Result<(), pushpull::Error> {
    let graph = Mlp::new(widths, Activation::Tanh).build()?;
    let params: Vec<f64> = graph.layout().init(Init::Glorot, 1);
    let x = DMatrix::from_fn(graph.n_inputs(), batch, |i, j| {
        (1.7 * i as f64 + 2.9 * j as f64).sin()
    });
    let mut mixed = MixedMode::new(&graph, batch)?;
    let names: Vec<String> = widths.iter().map(usize::to_string).collect();
    println!("{} with tanh, {batch} samples, f64", names.join("-"));
    println!("{}", mixed.bracketing());

    let outputs = graph.n_outputs();
    let (mut auto, mut full) = (
        Forward::plan(&graph, batch, Question::JacobianInputs).prepare()?,
        Forward::plan(&graph, batch, Question::JacobianInputs)
            .chunk(Chunk::Full)
            .prepare()?,
    );
    let mut reverses = [4, 16, 64, outputs]
        .into_iter()
        .map(|seeds| {
            Reverse::plan(&graph, batch, Question::JacobianInputs)
                .seeds(seeds)
                .prepare()
        })
        .collect::<Result<Vec<_>, pushpull::Error>>()?;
    let want = reverses[0].jacobian_inputs(&params, &x)?;
    let got = mixed.jacobian_inputs(&params, &x)?;
    assert!((got - &want).amax() <= 1e-12 * want.amax().max(1.0));

    let (p, x) = (&params, &x);
    let mut ways: Vec<Way<'_>> = vec![
        ("mixed".into(), Box::new(|| mixed.jacobian_inputs(p, x))),
        (
            "forward, chunk auto".into(),
            Box::new(|| auto.jacobian_inputs(p, x)),
        ),
        (
            "forward, all at once".into(),
            Box::new(|| full.jacobian_inputs(p, x)),
        ),
    ];
    for (reverse, seeds) in reverses.iter_mut().zip([4, 16, 64, outputs]) {
        let name = format!("reverse, {seeds} side by side");
        ways.push((name, Box::new(|| reverse.jacobian_inputs(p, x))));
    }
    let times = medians(&mut ways, Duration::from_millis(800))?;
    for ((name, _), time) in ways.iter().zip(&times) {
        println!("  {name:<28} {:>10.1} us", time.as_secs_f64() * 1e6);
    }
    println!(
        "mixed mode is {:.1} times as fast as the best pure mode\n",
        ratio(&times)
    );
    Ok(())
}

fn main() -> Result<(), pushpull::Error> {
    compare(&[256, 4, 256], 1)?;
    compare(&[256, 4, 256, 4, 256], 1)?;
    compare(&[256, 4, 256, 4, 256, 4, 256], 8)?;
    compare(&[128, 128, 4, 128, 128], 8)
}
