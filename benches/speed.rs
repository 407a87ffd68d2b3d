//! `cargo bench --bench speed`: how fast whole derivatives are, beside the peak of fused multiply-adds and beside the
//! primal, all measured in the same interleaved rounds. Prints; writes nothing.
//!
//! - `-- --quick`: few rounds, to see that it runs.
//! - `-- --part gradients|ratios|jacobians|forward|second`: one part alone.
//! - `-- --net NAME`: the gradients of one network.

use std::hint::black_box;

use pushpull::nalgebra::DMatrix;
use pushpull::{Dual, Forward, Graph, HessianVector, Mat, MatMut, Primal, Question, Reverse, Wrt};
use pushpull::{Scalar, Structured};
use pushpull_bench::net::Net;
use pushpull_bench::peak;
use pushpull_bench::rounds::{Effort, interleaved};

type Run = Box<dyn FnMut()>;

/// The network by its name and batch.
fn net(name: &str, batch: usize) -> Option<Net> {
    Net::grid()
        .into_iter()
        .find(|net| net.name == name && net.batch == batch)
}

/// Value and gradient in reverse mode, with its flops.
fn gradient<T: Scalar>(net: &Net, threads: usize) -> Result<(f64, Run), pushpull::Error> {
    let graph = net.graph(true)?;
    let (params, x) = net.data::<T>(&graph);
    let mut engine = Reverse::plan(&graph, net.batch, Question::Gradient)
        .threads(threads)
        .prepare()?;
    let flops = engine.cost().flops as f64;
    let run = move || {
        black_box(engine.value_and_gradient(&params, &x)).ok();
    };
    Ok((flops, Box::new(run)))
}

/// The primal alone.
fn primal<T: Scalar>(net: &Net) -> Result<Run, pushpull::Error> {
    let graph = net.graph(true)?;
    let (params, x) = net.data::<T>(&graph);
    let mut engine = Primal::new(&graph, net.batch)?;
    Ok(Box::new(move || {
        black_box(engine.run(&params, &x)).ok();
    }))
}

/// One direction in forward mode, in the parameters or in the inputs, with its flops.
fn direction<T: Scalar>(net: &Net, in_params: bool) -> Result<(f64, Run), pushpull::Error> {
    let graph = net.graph(true)?;
    let (params, x) = net.data::<T>(&graph);
    let (params_dot, x_dot) = (params.clone(), x.clone());
    let plan = Forward::plan(&graph, net.batch, Question::Jvp(1)).wrt(Wrt {
        params: in_params,
        inputs: !in_params,
    });
    let mut engine = plan.prepare()?;
    let flops = plan.prediction::<T>()?.cost.flops as f64;
    let mut y_dot = vec![T::zero(); net.batch];
    let run = move || {
        let params_dot = in_params.then(|| Mat::new(&params_dot, params_dot.len(), 1));
        let x_dot = (!in_params).then(|| (&x_dot).into());
        let target = MatMut::new(&mut y_dot, 1, x.ncols());
        black_box(engine.jvp_into(&params, &x, params_dot, x_dot, target)).ok();
    };
    Ok((flops, Box::new(run)))
}

fn print_gradients<T: Scalar>(
    peak: f64,
    effort: Effort,
    only: Option<&str>,
) -> Result<(), pushpull::Error> {
    println!(
        "\nvalue and gradient, reverse mode, {}: us (quartiles), GFLOP/s, share of the peak; on two threads: us, times faster",
        T::NAME
    );
    let nets: Vec<Net> = Net::grid()
        .into_iter()
        .filter(|net| only.is_none_or(|only| only == net.name))
        .collect();
    let (mut flops, mut runs) = (Vec::new(), Vec::new());
    for net in &nets {
        for threads in [1, 2] {
            let (count, run) = gradient::<T>(net, threads)?;
            flops.push(count);
            runs.push(run);
        }
    }
    let times = interleaved(&mut runs, effort);
    for ((net, times), flops) in nets
        .iter()
        .zip(times.chunks_exact(2))
        .zip(flops.chunks_exact(2))
    {
        let [low, median, high] = times[0].quartiles().map(|seconds| seconds * 1e6);
        let rate = flops[0] / times[0].median();
        println!(
            "{:>26}, {:>3}  {low:10.3} {median:10.3} {high:10.3}  {:7.2}  {:4.1}%  {:10.3}  {:5.2}",
            net.name,
            net.batch,
            rate / 1e9,
            100.0 * rate / peak,
            times[1].median() * 1e6,
            times[0].over(&times[1])[1],
        );
    }
    Ok(())
}

fn print_ratios<T: Scalar>(effort: Effort) -> Result<(), pushpull::Error> {
    println!(
        "\nover the primal alone, {}: primal us; value and gradient; one direction in the inputs; one in the parameters; \
         the same in flops",
        T::NAME
    );
    for net in Net::grid().iter().filter(|net| net.n_params() >= 10_000) {
        let graph = net.graph(true)?;
        let flops = Primal::<T>::new(&graph, net.batch)?.cost().flops as f64;
        let (counts, mut runs): (Vec<f64>, Vec<Run>) = [
            (flops, primal::<T>(net)?),
            gradient::<T>(net, 1)?,
            direction::<T>(net, false)?,
            direction::<T>(net, true)?,
        ]
        .into_iter()
        .unzip();
        let times = interleaved(&mut runs, effort);
        let over = |i: usize| times[i].over(&times[0])[1];
        println!(
            "{:>26}, {:>3}  {:10.3}  {:5.2} {:5.2} {:5.2}  {:5.2} {:5.2} {:5.2}",
            net.name,
            net.batch,
            times[0].median() * 1e6,
            over(1),
            over(2),
            over(3),
            counts[1] / flops,
            counts[2] / flops,
            counts[3] / flops,
        );
    }
    Ok(())
}

fn print_forward<T: Scalar>(net: &Net, peak: f64, effort: Effort) -> Result<(), pushpull::Error> {
    let graph = net.graph(true)?;
    let (params, x) = net.data::<T>(&graph);
    println!(
        "\nfull gradient in forward mode, {}, {}, batch {}, p = {}: ms (quartiles), GFLOP/s, share of the peak",
        T::NAME,
        net.name,
        net.batch,
        net.n_params()
    );
    let (mut names, mut flops) = (Vec::new(), Vec::new());
    let mut runs: Vec<Run> = Vec::new();
    let mut structured = Structured::new(&graph, net.batch)?;
    names.push(format!(
        "structured, {} samples at once",
        structured.chunk_samples()
    ));
    flops.push(structured.cost().flops as f64);
    let (w, inputs) = (params.clone(), x.clone());
    runs.push(Box::new(move || {
        black_box(structured.value_and_gradient(&w, &inputs)).ok();
    }));
    let mut dense = Forward::new(&graph, net.batch)?;
    names.push(format!("dense, {} directions at once", dense.chunk_width()));
    flops.push(dense.cost().flops as f64);
    runs.push(Box::new(move || {
        black_box(dense.value_and_gradient(&params, &x)).ok();
    }));
    let times = interleaved(&mut runs, effort);
    for ((name, flops), times) in names.iter().zip(flops).zip(&times) {
        let [low, median, high] = times.quartiles().map(|seconds| seconds * 1e3);
        let rate = flops / times.median();
        println!(
            "{name:>36}  {low:9.3} {median:9.3} {high:9.3}  {:7.2}  {:4.1}%",
            rate / 1e9,
            100.0 * rate / peak
        );
    }
    println!(
        "{:>36}  {:9.1}",
        "dense over structured",
        times[1].over(&times[0])[1]
    );
    Ok(())
}

fn print_second<T: Scalar>(net: &Net, effort: Effort) -> Result<(), pushpull::Error>
where
    Dual<T>: Scalar,
{
    let graph: Graph = net.graph(true)?;
    let (params, x) = net.data::<T>(&graph);
    let mut runs: Vec<Run> = vec![gradient::<T>(net, 1)?.1];
    for mut engine in [
        HessianVector::new(&graph, net.batch)?,
        HessianVector::plan(&graph, net.batch)
            .by_duals()
            .prepare()?,
    ] {
        let (params, direction, x) = (params.clone(), params.clone(), x.clone());
        runs.push(Box::new(move || {
            black_box(engine.hessian_vector(&params, &x, &direction)).ok();
        }));
    }
    let times = interleaved(&mut runs, effort);
    println!(
        "\nHessian-vector product over a gradient (quartiles), {}, {}, batch {}: {:.2?}; by duals {:.2?}",
        T::NAME,
        net.name,
        net.batch,
        times[1].over(&times[0]),
        times[2].over(&times[0]),
    );
    Ok(())
}

/// Cotangents that are pulled back side by side.
const SIDE: usize = 16;

/// Jacobians in the inputs: into a matrix that is used again, as a fresh one, and what the fresh one's memory takes by itself.
fn print_jacobians<T: Scalar>(peak: f64, effort: Effort) -> Result<(), pushpull::Error> {
    println!(
        "\nJacobian in the inputs, reverse mode, {}: us (quartiles) into a matrix that is there, share of the peak; \
         fresh and row by row: us; a fresh matrix filled with zeros alone: us",
        T::NAME
    );
    for net in Net::grid().iter().filter(|net| net.n_params() >= 1_000) {
        let graph = net.graph(false)?;
        let (params, x) = net.data::<T>(&graph);
        let (rows, inputs) = (graph.n_outputs() * net.batch, graph.n_inputs());
        let plan = Reverse::plan(&graph, net.batch, Question::JacobianInputs)
            .seeds(graph.n_outputs().min(SIDE));
        let flops = plan.prediction::<T>()?.cost.flops as f64;
        let (mut into, mut fresh) = (plan.prepare::<T>()?, plan.prepare::<T>()?);
        let mut there = DMatrix::from_element(inputs, rows, T::zero());
        let mut runs: Vec<Run> = vec![
            Box::new({
                let (params, x) = (params.clone(), x.clone());
                move || {
                    let there = MatMut::from(&mut there);
                    black_box(into.jacobian_inputs_into(&params, &x, there)).ok();
                }
            }),
            Box::new(move || {
                black_box(fresh.jacobian_inputs(&params, &x)).ok();
            }),
            Box::new(move || {
                black_box(DMatrix::from_element(rows, inputs, T::zero()));
            }),
        ];
        let times = interleaved(&mut runs, effort);
        let [low, median, high] = times[0].quartiles().map(|seconds| seconds * 1e6);
        println!(
            "{:>26}, {:>3}  {low:10.3} {median:10.3} {high:10.3}  {:4.1}%  {:10.3}  {:10.3}",
            net.name,
            net.batch,
            100.0 * flops / times[0].median() / peak,
            times[1].median() * 1e6,
            times[2].median() * 1e6,
        );
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut effort = Effort {
        rounds: 15,
        slice: 0.02,
    };
    let (mut part, mut only) = (None, None);
    let mut arguments = std::env::args()
        .skip(1)
        .filter(|argument| argument != "--bench");
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--quick" => {
                effort = Effort {
                    rounds: 1,
                    slice: 1e-4,
                }
            }
            "--part" => part = arguments.next(),
            "--net" => only = arguments.next(),
            other => {
                return Err(format!(
                    "unknown argument {other:?}; there are: --quick, --part NAME, --net NAME"
                )
                .into());
            }
        }
    }
    let wanted = |name: &str| part.as_deref().is_none_or(|part| part == name);
    let peaks = [peak::measure(false, effort), peak::measure(true, effort)];
    println!(
        "peak of fused multiply-adds, one thread: {:.1} GFLOP/s f32, {:.1} f64",
        peaks[0] / 1e9,
        peaks[1] / 1e9
    );
    if wanted("gradients") {
        print_gradients::<f32>(peaks[0], effort, only.as_deref())?;
        print_gradients::<f64>(peaks[1], effort, only.as_deref())?;
    }
    if wanted("ratios") {
        print_ratios::<f32>(effort)?;
        print_ratios::<f64>(effort)?;
    }
    if wanted("jacobians") {
        print_jacobians::<f32>(peaks[0], effort)?;
        print_jacobians::<f64>(peaks[1], effort)?;
    }
    let Some(middle) = net("64-128-128-10", 128) else {
        return Err("the grid has no network 64-128-128-10 at batch 128".into());
    };
    if wanted("forward") {
        print_forward::<f32>(&middle, peaks[0], effort)?;
        print_forward::<f64>(&middle, peaks[1], effort)?;
    }
    if wanted("second") {
        print_second::<f32>(&middle, effort)?;
        print_second::<f64>(&middle, effort)?;
    }
    Ok(())
}
