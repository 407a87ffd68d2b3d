//! The time of a gradient in reverse mode, network by network: medians of interleaved rounds, in microseconds.
//!
//! `cargo run --release -p pushpull-bench --example gradient -- [--quick] [--threads 1,2] [--net NAME]`

use std::hint::black_box;
use std::time::Instant;

use pushpull_core::blocks::{Activation, Loss};
use pushpull_core::{Error, Init, Mlp, Scalar};
use pushpull_reverse_mode::{Reverse, Store};

/// One network of the table.
struct Net {
    name: &'static str,
    widths: Vec<usize>,
    activation: Activation,
    loss: Loss,
    batch: usize,
}

fn nets() -> Vec<Net> {
    let net = |name, widths: &[usize], activation, loss, batch| Net {
        name,
        widths: widths.to_vec(),
        activation,
        loss,
        batch,
    };
    let (tanh, relu) = (Activation::Tanh, Activation::Relu);
    let (squares, classes) = (Loss::SquaredError, Loss::SoftmaxCrossEntropy);
    vec![
        net("2-4-1", &[2, 4, 1], tanh, squares, 1),
        net("2-4-1", &[2, 4, 1], tanh, squares, 32),
        net("4-16-16-3", &[4, 16, 16, 3], tanh, classes, 32),
        net("64-32-10", &[64, 32, 10], relu, classes, 128),
        net("64-128-128-10", &[64, 128, 128, 10], relu, classes, 128),
        net("784-512-512-10", &[784, 512, 512, 10], relu, classes, 128),
        net("50x64", &[64; 51], tanh, squares, 32),
        net("100x16", &[16; 101], tanh, squares, 32),
        net("1024x4", &[1024, 1024, 1024, 1024, 10], relu, classes, 256),
    ]
}

/// One engine with its data, as something to run.
fn prepared<T: Scalar>(net: &Net, threads: usize) -> Result<Box<dyn FnMut()>, Error> {
    let graph = Mlp::new(&net.widths, net.activation)
        .loss(net.loss)
        .build()?;
    let params: Vec<T> = graph.layout().init(Init::Glorot, 1);
    let (n_x, n_inputs) = (net.widths[0], graph.n_inputs());
    let x = nalgebra::DMatrix::from_fn(n_inputs, net.batch, |i, j| {
        // Inputs between -1 and 1; targets are a class.
        T::from_f64(if i < n_x {
            (1.0 + (3 * i + 7 * j) as f64).sin()
        } else {
            f64::from((j + n_x) % (n_inputs - n_x) == i - n_x)
        })
    });
    let mut engine = Reverse::new(&graph, net.batch, Store::All, threads)?;
    engine.value_and_gradient(&params, &x)?;
    Ok(Box::new(move || {
        black_box(engine.value_and_gradient(&params, &x)).ok();
    }))
}

/// Seconds of one run, over so many that they take about `slice` seconds.
fn time(run: &mut dyn FnMut(), slice: f64) -> f64 {
    let mut runs = 1;
    loop {
        let start = Instant::now();
        (0..runs).for_each(|_| run());
        let seconds = start.elapsed().as_secs_f64();
        if seconds >= slice {
            return seconds / f64::from(runs);
        }
        runs = if seconds < slice / 10.0 {
            runs * 8
        } else {
            (f64::from(runs) * 1.2 * slice / seconds).ceil() as i32
        };
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (mut rounds, mut slice) = (15, 0.02);
    let (mut threads, mut only) = (vec![1], None);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
        match argument.as_str() {
            "--quick" => (rounds, slice) = (3, 0.005),
            "--threads" => {
                threads = value()?
                    .split(',')
                    .map(str::parse)
                    .collect::<Result<_, _>>()?
            }
            "--net" => only = Some(value()?),
            other => return Err(format!("unknown argument {other:?}").into()),
        }
    }
    let mut rows = Vec::new();
    for net in nets() {
        if only.as_ref().is_some_and(|only| only != net.name) {
            continue;
        }
        for &n in &threads {
            rows.push((
                format!("{},{},f32,{n}", net.name, net.batch),
                prepared::<f32>(&net, n)?,
            ));
            rows.push((
                format!("{},{},f64,{n}", net.name, net.batch),
                prepared::<f64>(&net, n)?,
            ));
        }
    }
    let mut times = vec![Vec::with_capacity(rounds); rows.len()];
    for _ in 0..rounds {
        for ((_, run), times) in rows.iter_mut().zip(&mut times) {
            times.push(time(run, slice));
        }
    }
    println!("net,batch,dtype,threads,lower_quartile_us,median_us,upper_quartile_us");
    for ((name, _), times) in rows.iter().zip(&mut times) {
        times.sort_by(f64::total_cmp);
        let at = |part: usize| times[part * (rounds - 1) / 4] * 1e6;
        println!("{name},{:.3},{:.3},{:.3}", at(1), at(2), at(3));
    }
    Ok(())
}
