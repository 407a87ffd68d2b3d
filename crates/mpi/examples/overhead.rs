//! What leaves cost at one rank: the gradient of a batch in leaves over that of the plain engine, timed in turn.
//!
//! ```sh
//! cargo run --release --manifest-path crates/mpi/Cargo.toml --example overhead
//! ```

use std::rc::Rc;
use std::time::Instant;

use nalgebra::DMatrix;
use pushpull_core::blocks::{Activation, Loss};
use pushpull_core::{Init, Mlp};
use pushpull_mpi::{Leaves, MpiError, local};
use pushpull_reverse_mode::Reverse;
use pushpull_train::{Engine, Mode};

const BATCH: usize = 1024;
const LEAVES: [usize; 5] = [32, 64, 128, 256, 512];

fn main() -> Result<(), MpiError> {
    println!(
        "batch {BATCH}, f32, 1 thread: times in leaves over the plain engine's, medians and lower quartiles"
    );
    for (widths, rounds) in [
        (&[64, 128, 128, 10][..], 201),
        (&[1024, 1024, 1024, 1024, 10], 11),
    ] {
        let measured = local::run(1, |rank| measure(Rc::new(rank), widths, rounds));
        measured.into_iter().collect::<Result<(), _>>()?;
    }
    Ok(())
}

fn measure(rank: Rc<local::Thread>, widths: &[usize], rounds: usize) -> Result<(), MpiError> {
    let net = Mlp::new(widths, Activation::Relu);
    let graph = net.loss(Loss::SoftmaxCrossEntropy).build()?;
    let params: Vec<f32> = graph.layout().init(Init::He, 1);
    let n_x = widths[0];
    let x = DMatrix::from_fn(graph.n_inputs(), BATCH, |i, j| match i < n_x {
        true => ((i * 37 + j * 11) % 101) as f32 / 101.0 - 0.5,
        false => f32::from(u8::from(i - n_x == j % 10)),
    });
    let mut plain = Reverse::new(&graph, BATCH)?;
    let mut each = Vec::new();
    for leaf in LEAVES {
        let engine = |size| Engine::new(&graph, size, Mode::Reverse, 1, 0);
        each.push(Leaves::new(rank.clone(), &graph, BATCH, leaf, engine)?);
    }
    let mut times = vec![Vec::new(); LEAVES.len() + 1];
    for _ in 0..rounds {
        let since = Instant::now();
        plain.value_and_gradient(&params, &x)?;
        times[0].push(since.elapsed().as_secs_f64());
        for (leaves, times) in each.iter_mut().zip(&mut times[1..]) {
            let since = Instant::now();
            leaves.gradient_of(&params, &x)?;
            times.push(since.elapsed().as_secs_f64());
        }
    }
    // The lower quartile too: on a machine that others use, it is the nearer to what the work takes.
    let at = |times: &[f64], share: usize| {
        let mut sorted = times.to_vec();
        sorted.sort_by(f64::total_cmp);
        sorted[sorted.len() / share]
    };
    let (median, quartile) = (at(&times[0], 2), at(&times[0], 4));
    let name = widths
        .iter()
        .map(usize::to_string)
        .collect::<Vec<_>>()
        .join("-");
    println!(
        "{name}: plain {:.3} ms, lower quartile {:.3} ms",
        1e3 * median,
        1e3 * quartile
    );
    for (leaf, times) in LEAVES.iter().zip(&times[1..]) {
        let (half, quarter) = (at(times, 2) / median, at(times, 4) / quartile);
        println!("  leaf {leaf:>4}: {half:.3}, lower quartile {quarter:.3}");
    }
    Ok(())
}
