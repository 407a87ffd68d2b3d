//! What the tests run under `mpirun`: one question a run, its answer on rank 0's stdout.
//!
//! ```sh
//! mpirun -n 3 probe gradient 16 2    # leaves of 16 samples, 2 threads a rank: a checksum of the gradient's bits
//! mpirun -n 3 probe columns          # tangents, Jacobians, the Hessian: checksums, after each was held against the plain engine
//! mpirun -n 3 probe search           # the winner of a small search
//! mpirun -n 3 probe panic 2          # rank 2 panics, the others wait for it; also: thread, fault
//! mpirun -n 3 probe large 1100       # a message of so many MiB
//! ```

use std::process::ExitCode;
use std::rc::Rc;

use nalgebra::DMatrix;
use pushpull_core::blocks::{Activation, Loss};
use pushpull_core::{Graph, Init, Mat, MatMut, Mlp, Question};
use pushpull_data::{Dataset, directory};
use pushpull_forward_mode::Forward;
use pushpull_mpi::{Communicator, Leaves, MpiError, Tag, World, agree, columns, job, search};
use pushpull_reverse_mode::{HessianVector, Reverse};
use pushpull_train::{Engine, Mode, Precision, Samples, Settings, Space, Split, Strategy};

type Answer = Result<String, MpiError>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize| arguments.get(at).and_then(|n| n.parse().ok()).unwrap_or(1);
    job::run(
        |_: &MpiError| 3,
        |world| {
            let answer = match arguments.first().map(String::as_str) {
                Some("gradient") => gradient(&world, number(1), number(2)),
                Some("columns") => all_columns(&world),
                Some("search") => searched(&world),
                Some("large") => large(&world, number(1)),
                Some(how) => Err(fail(&world, how, number(1))),
                None => {
                    Ok("ask for gradient, columns, search, large, panic, thread or fault".into())
                }
            }?;
            if world.rank() == 0 {
                println!("{answer}");
            }
            Ok(())
        },
    )
}

fn digits(batch: usize) -> DMatrix<f64> {
    let digits = Dataset::digits(&directory()).expect("the repository has it");
    let part = digits
        .standardised()
        .batch(0, batch)
        .expect("there are more");
    let n_x = part.inputs.nrows();
    DMatrix::from_fn(n_x + part.targets.nrows(), batch, |i, j| match i < n_x {
        true => part.inputs[(i, j)],
        false => part.targets[(i - n_x, j)],
    })
}

fn checksum<T: Precision>(numbers: &[T]) -> String {
    let mut bytes = vec![0; numbers.len() * T::BYTES];
    T::store_all(numbers, &mut bytes);
    format!("{:08x}", crc32fast::hash(&bytes))
}

/// Of 203 digits: leaves that do not divide, a short last one.
fn gradient(world: &Rc<World>, leaf: usize, threads: usize) -> Answer {
    fn of<T: Precision>(
        world: &Rc<World>,
        graph: &Graph,
        (leaf, threads): (usize, usize),
    ) -> Answer {
        let x = digits(203).map(T::from_f64);
        let params: Vec<T> = graph.layout().init(Init::He, 1);
        let engine = |size| Engine::new(graph, size, Mode::Reverse, threads, 0);
        let mut leaves = Leaves::new(world.clone(), graph, 203, leaf, engine)?;
        leaves.gradient_of(&params, &x)?;
        let (value, gradient) = leaves.gradient_of(&params, &x)?;
        let answer = format!("{:e} {}", value.to_f64(), checksum(gradient));
        agree(world, &[("the gradient".into(), answer.clone())])?;
        Ok(answer)
    }
    let net = Mlp::new(&[64, 128, 128, 10], Activation::Relu);
    let graph = net.loss(Loss::SoftmaxCrossEntropy).build()?;
    let both = [
        of::<f32>(world, &graph, (leaf, threads))?,
        of::<f64>(world, &graph, (leaf, threads))?,
    ];
    Ok(both.join(" "))
}

fn all_columns(world: &Rc<World>) -> Answer {
    Ok([columns_of::<f32>(world)?, columns_of::<f64>(world)?].join(" "))
}

fn columns_of<T: Precision>(world: &Rc<World>) -> Answer
where
    pushpull_core::Dual<T>: pushpull_core::Scalar,
{
    const BATCH: usize = 11;
    let graph = Mlp::new(&[64, 9, 10], Activation::Tanh).build()?;
    let params: Vec<T> = graph.layout().init(Init::Glorot, 1);
    let x = digits(BATCH).rows(0, 64).map(T::from_f64);
    let n = graph.n_params();
    let directions = DMatrix::from_fn(n, 23, |i, j| T::from_f64(((i + 3 * j) % 7) as f64 - 3.0));
    let mut forward = Forward::plan(&graph, BATCH, Question::Jvp(23)).prepare::<T>()?;
    let mut along = DMatrix::from_element(10, BATCH * 23, T::zero());
    let target = MatMut::from(&mut along);
    forward.jvp_into(&params, &x, Some(Mat::from(&directions)), None, target)?;
    let mut forward = Forward::new(&graph, BATCH)?;
    let mut reverse = Reverse::new(&graph, BATCH)?;
    let small = Mlp::new(&[4, 3, 2], Activation::Tanh).build()?;
    let (small_params, small_x): (Vec<T>, _) = (
        small.layout().init(Init::Glorot, 1),
        x.rows(10, 4).into_owned(),
    );
    let parts = [
        (
            "tangents",
            along,
            columns::tangents(world, &graph, &params, &x, &directions, 1)?,
        ),
        (
            "columns by parameters",
            forward.jacobian_params(&params, &x)?,
            columns::jacobian_params_columns(world, &graph, &params, &x, 2)?,
        ),
        (
            "columns by inputs",
            forward.jacobian_inputs(&params, &x)?,
            columns::jacobian_inputs_columns(world, &graph, &params, &x, 1)?,
        ),
        (
            "rows by parameters",
            reverse.jacobian_params(&params, &x)?,
            columns::jacobian_params_rows(world, &graph, &params, &x, 1)?,
        ),
        (
            "rows by inputs",
            reverse.jacobian_inputs(&params, &x)?,
            columns::jacobian_inputs_rows(world, &graph, &params, &x, 2)?,
        ),
        (
            "the Hessian",
            HessianVector::new(&small, BATCH)?.hessian(&small_params, &small_x)?,
            columns::hessian_columns(world, &small, &small_params, &small_x, 1)?,
        ),
    ];
    let mut answer = Vec::new();
    for (what, plain, part) in parts {
        if let Some(whole) = part.gathered(world)? {
            let differ = whole
                .iter()
                .zip(&plain)
                .filter(|(a, b)| a.to_f64().to_bits() != b.to_f64().to_bits());
            let differ = differ.count();
            if whole.shape() != plain.shape() || differ > 0 {
                return Err(MpiError::Mpi {
                    what: format!(
                        "{what} in {}: {differ} numbers differ from the plain engine's",
                        T::NAME
                    ),
                    remedy: "this is a fault of the program",
                });
            }
            answer.push(checksum(whole.as_slice()));
        }
    }
    Ok(answer.join(" "))
}

fn searched(world: &Rc<World>) -> Answer {
    let set = Dataset::breast_cancer(&directory())
        .expect("the repository has it")
        .standardised();
    let samples = Samples::new(set.inputs, set.targets)?;
    let split = Split::stratified(&samples.classes(), 0.2, 0)?;
    let (train, valid) = (samples.pick(&split.train)?, samples.pick(&split.valid)?);
    let space = Space {
        hidden: vec![vec![], vec![4], vec![8, 8]],
        activations: vec![Activation::Tanh],
        rates: vec![1e-3, 1e-2, 1e30],
        batches: vec![32, 1 << 20],
    };
    let settings = Settings {
        epochs: 4,
        ..Settings::default()
    };
    let choices = space.choices(Strategy::Grid)?;
    let loss = Loss::SigmoidCrossEntropy;
    let attempt = |at: usize| choices[at].attempt::<f64>(loss, &settings, &train, &valid);
    let ranking = search(world, &choices, attempt, |_, _| {})?;
    let rows = ranking.trials().iter().map(|trial| match &trial.outcome {
        Ok(outcome) => format!(
            "{} {:e} {:e}",
            trial.hidden_name(),
            trial.rate,
            outcome.valid.loss
        ),
        Err(fault) => format!("{} {:e} {fault}", trial.hidden_name(), trial.rate),
    });
    let answer = rows.collect::<Vec<_>>().join("; ");
    agree(world, &[("the ranking".into(), answer.clone())])?;
    Ok(answer)
}

fn large(world: &Rc<World>, mebibytes: usize) -> Answer {
    let last = world.size() - 1;
    let mut bytes = vec![0_u8; mebibytes << 20];
    if world.rank() == 0 {
        bytes
            .iter_mut()
            .enumerate()
            .for_each(|(i, byte)| *byte = (i % 251) as u8);
        world.send(last, Tag::Gather, &bytes)?;
        bytes.fill(0);
    }
    if world.rank() == last {
        world.receive(0, Tag::Gather, &mut bytes)?;
        world.send(0, Tag::Broadcast, &bytes)?;
    }
    if world.rank() == 0 {
        world.receive(last, Tag::Broadcast, &mut bytes)?;
    }
    world.settle();
    let right = bytes
        .iter()
        .enumerate()
        .all(|(i, byte)| *byte == (i % 251) as u8);
    Ok(format!("{right}"))
}

/// A fault on one rank, while the others wait for a message that never comes.
fn fail(world: &Rc<World>, how: &str, rank: usize) -> MpiError {
    if world.rank() != rank {
        let waited = world.receive(rank, Tag::Gather, &mut [0]);
        return waited.err().unwrap_or(MpiError::Lost {
            rank: 0,
            from: rank,
        });
    }
    let index = std::hint::black_box(7);
    match how {
        "panic" => println!("{}", [1, 2, 3][index]),
        "thread" => drop(std::thread::spawn(move || println!("{}", [1, 2, 3][index])).join()),
        _ => {}
    }
    MpiError::Trial(format!("a fault that was asked for: {how}"))
}
