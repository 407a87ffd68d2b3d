//! Weak and strong scaling of a gradient to 1,024 ranks: simulated from the time of a leaf, measured here, and a stated network;
//! beside it what 1 to 4 ranks take on this machine.
//!
//! ```sh
//! cargo run --release --manifest-path crates/mpi/Cargo.toml --example scaling -- DIRECTORY
//! ```
//!
//! Writes `mpi_scaling.png` and `mpi_scaling.csv` into the directory (default: `target/reports`). The simulation is that of
//! [`Network::forecast`]: leaves one after the other, sums followed through the tree, what every rank is told in ceil(log2 ranks)
//! messages. Its network is 2 us and 12.5 GB/s (100 Gbit/s) between any two ranks, whoever else sends.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::rc::Rc;
use std::time::Instant;

use nalgebra::DMatrix;
use pushpull_core::blocks::{Activation, Loss};
use pushpull_core::{Graph, Init, Mlp};
use pushpull_mpi::{Communicator, Exchange, Leaves, MpiError, Network, job};
use pushpull_plot::{Axis, Colour, Dash, LineChart, Marker, Multiples, Series};
use pushpull_train::{Engine, Mode};

/// Samples of a leaf.
const LEAF: usize = 128;
/// Leaves of the whole batch, for strong scaling.
const STRONG: usize = 1024;
/// Leaves a rank, for weak scaling.
const WEAK: usize = 8;
/// The network of the simulation.
const STATED: Network = Network {
    latency: 2e-6,
    bandwidth: 12.5e9,
};
/// Seconds of a gradient on one rank up to which it is measured here.
const MOST_SECONDS: f64 = 5.0;
/// Ranks that are measured here.
const HERE: [usize; 4] = [1, 2, 3, 4];

const NETWORKS: [(&str, &[usize], Colour, Marker); 2] = [
    (
        "64-128-128-10",
        &[64, 128, 128, 10],
        Colour::BLUE,
        Marker::Circle,
    ),
    (
        "1024-1024-1024-1024-10",
        &[1024, 1024, 1024, 1024, 10],
        Colour::VERMILION,
        Marker::Square,
    ),
];

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [role, network, leaves] = &arguments[..]
        && role == "rank"
    {
        let (network, leaves) = (network.parse::<usize>()?, leaves.parse()?);
        job::run(
            |_: &MpiError| 1,
            |world| {
                let seconds = gradient(world.clone(), NETWORKS[network].1, leaves)?;
                if world.rank() == 0 {
                    println!("{seconds:e}");
                }
                Ok(())
            },
        );
        return Ok(());
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let directory = arguments
        .first()
        .map_or(root.join("target/reports"), PathBuf::from);
    std::fs::create_dir_all(&directory)?;
    report(&directory)
}

fn graph(widths: &[usize]) -> Result<Graph, pushpull_core::Error> {
    Mlp::new(widths, Activation::Relu)
        .loss(Loss::SoftmaxCrossEntropy)
        .build()
}

fn samples(graph: &Graph, batch: usize) -> DMatrix<f32> {
    let n_x = graph.n_inputs() - 10;
    DMatrix::from_fn(graph.n_inputs(), batch, |i, j| match i < n_x {
        true => ((i * 37 + j * 11) % 101) as f32 / 101.0 - 0.5,
        false => f32::from(u8::from((i - n_x) % 10 == j % 10)),
    })
}

/// Seconds of a gradient over these ranks: the fastest of some, since others may use the machine as well.
fn gradient(comm: Rc<dyn Communicator>, widths: &[usize], leaves: usize) -> Result<f64, MpiError> {
    let graph = graph(widths)?;
    let params: Vec<f32> = graph.layout().init(Init::He, 1);
    let batch = leaves * LEAF;
    let x = samples(&graph, batch);
    let engine = |size| Engine::new(&graph, size, Mode::Reverse, 1, 0);
    let mut engine = Leaves::new(comm.clone(), &graph, batch, LEAF, engine)?;
    let mut times = Vec::new();
    let began = Instant::now();
    // Every rank takes as many: rank 0 says when it is enough.
    loop {
        let since = Instant::now();
        engine.gradient_of(&params, &x)?;
        times.push(since.elapsed().as_secs_f64());
        let mut enough = [u8::from(
            times.len() >= 31 || began.elapsed().as_secs_f64() > 2.0,
        )];
        comm.broadcast(&mut enough)?;
        if enough == [1] {
            break;
        }
    }
    // The first one is a warm-up, if there are others.
    if times.len() > 1 {
        times.remove(0);
    }
    times.sort_by(f64::total_cmp);
    Ok(times[0])
}

/// Seconds of a leaf on this machine, as one of many: without the exchange.
fn leaf_seconds(widths: &[usize]) -> Result<f64, MpiError> {
    let timed = pushpull_mpi::local::run(1, |rank| gradient(Rc::new(rank), widths, WEAK));
    Ok(timed.into_iter().sum::<Result<f64, _>>()? / WEAK as f64)
}

/// Seconds of a gradient over ranks of this machine, if it has an `mpirun`.
fn measured(network: usize, leaves: usize, ranks: usize) -> Option<f64> {
    let output = Command::new("mpirun")
        .args(["--oversubscribe", "-n", &ranks.to_string()])
        .arg(std::env::current_exe().ok()?)
        .args(["rank", &network.to_string(), &leaves.to_string()])
        .env("OMPI_ALLOW_RUN_AS_ROOT", "1")
        .env("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1")
        .env("OMPI_MCA_btl_vader_single_copy_mechanism", "none")
        // A rank that waits leaves its processor to one that computes.
        .env("OMPI_MCA_mpi_yield_when_idle", "1")
        .output()
        .ok()?;
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}

struct Row {
    network: &'static str,
    scaling: &'static str,
    kind: &'static str,
    ranks: usize,
    leaves: usize,
    seconds: f64,
    efficiency: f64,
}

fn report(directory: &Path) -> Result<(), Box<dyn Error>> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut rows = Vec::new();
    let mut notes = vec![format!(
        "Simulated from the time of a leaf of {LEAF} samples here and a network of 2 us and 12.5 GB/s. Measured on this machine, whose {cores} cores other programs used as well: the fastest of up to 30 gradients."
    )];
    for (at, (name, widths, ..)) in NETWORKS.into_iter().enumerate() {
        let each = leaf_seconds(widths)?;
        let bytes = 4 * (graph(widths)?.n_params() + 1);
        println!(
            "{name}: {:.3} ms a leaf of {LEAF} samples, {bytes} bytes a gradient",
            1e3 * each
        );
        notes.push(format!(
            "{name}: {:.3} ms a leaf, messages of {bytes} bytes.",
            1e3 * each
        ));
        for (scaling, leaves) in [
            ("strong", (|_| STRONG) as fn(usize) -> usize),
            ("weak", |ranks| WEAK * ranks),
        ] {
            let efficiency = |alone: f64, ranks: usize, seconds: f64| match scaling {
                "strong" => alone / seconds / ranks as f64,
                _ => alone / seconds,
            };
            let forecast = |ranks: usize| {
                let (leaves, seconds) = (leaves(ranks), each * leaves(ranks) as f64);
                STATED
                    .forecast(seconds, Exchange::Summed { leaves, bytes }, ranks)
                    .seconds
            };
            for ranks in (0..=10).map(|power| 1 << power) {
                let seconds = forecast(ranks);
                rows.push(Row {
                    network: name,
                    scaling,
                    kind: "simulated",
                    ranks,
                    leaves: leaves(ranks),
                    seconds,
                    efficiency: efficiency(forecast(1), ranks, seconds),
                });
            }
            let mut alone = None;
            // What takes a machine of few cores longer than this is left to the simulation.
            let here = HERE.iter().filter(|_| forecast(1) < MOST_SECONDS);
            for &ranks in here {
                let Some(seconds) = measured(at, leaves(ranks), ranks) else {
                    println!("{ranks} ranks could not be measured: is there an mpirun?");
                    break;
                };
                let alone = *alone.get_or_insert(seconds);
                println!("{name}, {scaling}, {ranks} ranks: {:.2} ms", 1e3 * seconds);
                rows.push(Row {
                    network: name,
                    scaling,
                    kind: "measured",
                    ranks,
                    leaves: leaves(ranks),
                    seconds,
                    efficiency: efficiency(alone, ranks, seconds),
                });
            }
        }
    }
    let panel = |title: &str, scaling: &str| {
        let mut chart = LineChart::new(title, Axis::log2("ranks"), Axis::linear("efficiency"));
        for (network, _, colour, marker) in NETWORKS {
            let points = |kind: &str| -> Vec<(f64, f64)> {
                rows.iter()
                    .filter(|row| (row.network, row.scaling, row.kind) == (network, scaling, kind))
                    .map(|row| (row.ranks as f64, row.efficiency))
                    .collect()
            };
            let simulated = Series::new(format!("{network}, simulated"), points("simulated"));
            chart
                .series
                .push(simulated.colour(colour).marker(marker).predicted());
            let measured = points("measured");
            if !measured.is_empty() {
                let measured = Series::new(format!("{network}, measured"), measured);
                chart
                    .series
                    .push(measured.colour(colour).marker(marker).dash(Dash::Solid));
            }
        }
        chart
    };
    let strong = format!("Strong: {STRONG} leaves in all");
    let weak = format!("Weak: {WEAK} leaves a rank");
    let panels = vec![panel(&strong, "strong"), panel(&weak, "weak")];
    let mut page = Multiples::new("A gradient over MPI ranks", panels);
    page.notes = notes;
    page.save(&directory.join("mpi_scaling.png"))?;
    // The picture's own numbers give way to the whole table.
    let mut table = csv::Writer::from_path(directory.join("mpi_scaling.csv"))?;
    table.write_record([
        "network",
        "scaling",
        "kind",
        "ranks",
        "leaves",
        "seconds",
        "efficiency",
    ])?;
    for row in &rows {
        table.write_record([
            row.network,
            row.scaling,
            row.kind,
            &row.ranks.to_string(),
            &row.leaves.to_string(),
            &format!("{:.4e}", row.seconds),
            &format!("{:.3}", row.efficiency),
        ])?;
    }
    table.flush()?;
    println!("written: {}", directory.join("mpi_scaling.png").display());
    Ok(())
}
