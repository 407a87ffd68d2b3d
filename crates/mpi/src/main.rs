//! The program `pushpull-mpi`: `pushpull train` over the ranks of a job, and what the network between them costs.

use std::process::ExitCode;
use std::rc::Rc;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use pushpull_cli::{TRAIN_HELP, Train, train_on};
use pushpull_core::{Mlp, Question};
use pushpull_files::values::count;
use pushpull_mpi::train::{LEAF, Together};
use pushpull_mpi::{Communicator, Exchange, MpiError, Network, World, job, network};
use pushpull_planner::{Budget, Plan};

const ABOUT: &str = "pushpull on more than one machine, by MPI: start it with mpirun or srun";

#[derive(Debug, Parser)]
#[command(name = "pushpull-mpi", version, about = ABOUT, max_term_width = 120)]
struct Options {
    /// Print results as JSON
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Train a network over all ranks, or search for one: the options of `pushpull train`, and the same files
    #[command(after_help = TRAIN_HELP)]
    Train(Box<Over>),
    /// How many ranks pay for a step of `train` with the same options: predicted by the planner and the measured network
    Price(Box<Over>),
    /// Latency and bandwidth between rank 0 and the last rank, measured once and kept
    Network,
}

#[derive(Debug, clap::Args)]
struct Over {
    #[command(flatten)]
    train: Train,
    /// Samples of a leaf: the piece of a mini-batch that one rank computes at a time. The results depend on it, and not on
    /// the number of ranks
    #[arg(long, value_name = "N", value_parser = count, default_value_t = LEAF)]
    leaf: usize,
}

/// Words for stderr, and an exit code: 2 where other options or files would do.
#[derive(Debug, thiserror::Error)]
#[error("{words}")]
struct Fault {
    words: String,
    code: u8,
}

impl From<MpiError> for Fault {
    fn from(fault: MpiError) -> Self {
        let code = if matches!(fault, MpiError::Disagree { .. }) {
            2
        } else {
            1
        };
        Self {
            words: fault.to_string(),
            code,
        }
    }
}

impl From<pushpull_cli::Failed> for Fault {
    fn from(failed: pushpull_cli::Failed) -> Self {
        Self {
            words: failed.words,
            code: failed.code,
        }
    }
}

fn main() -> ExitCode {
    // A negative number is the value of an option, so that the fault is that of the option.
    let command =
        Options::command().mut_subcommands(|command| command.allow_negative_numbers(true));
    let options = Options::from_arg_matches(&command.get_matches());
    let options = options.unwrap_or_else(|fault| fault.exit());
    job::run(|fault: &Fault| fault.code, |world| run(&options, world))
}

/// The network between the ranks, as it was measured once.
fn between(world: &World) -> Result<Network, MpiError> {
    Network::load_or_measure(world, &world.host(), network::place().as_deref())
}

/// The step's seconds on one rank are the planner's for a leaf, at f32 and by the way that it picks, times the leaves.
fn price(over: &Over, world: &World) -> Result<String, Fault> {
    let Train { net, batch, .. } = &over.train;
    let Some(layers) = &net.layers else {
        return Err(Fault {
            words: "--layers: expected the widths of the network, got none; give them as in --layers 64,32,10".into(),
            code: 2,
        });
    };
    let net = Mlp::new(&layers.0, net.activation[0]).loss(net.loss);
    let graph = net.build().map_err(MpiError::from)?;
    let (leaf, leaves) = (over.leaf.min(*batch), batch.div_ceil(over.leaf));
    let network = between(world)?;
    if world.rank() > 0 {
        return Ok(String::new());
    }
    let plan = Plan::<f32>::new(&graph, leaf, Question::Gradient, Budget::Unlimited);
    let plan = plan.map_err(|fault| MpiError::Core(pushpull_core::Error::above(fault)))?;
    let each = plan.picked().seconds.unwrap_or(0.0);
    let exchange = Exchange::Summed {
        leaves,
        bytes: 4 * (graph.n_params() + 1),
    };
    Ok(format!(
        "{}\n",
        network.worth(each * leaves as f64, exchange, leaves)
    ))
}

fn run(options: &Options, world: Rc<World>) -> Result<(), Fault> {
    let text = match &options.command {
        Command::Train(over) => {
            let together = Together::new(world.clone(), over.leaf);
            train_on(&over.train, options.json, &together)?
        }
        Command::Price(over) => price(over, &world)?,
        Command::Network => {
            let Network { latency, bandwidth } = between(&world)?;
            match options.json {
                true => format!("{{\"latency\":{latency:e},\"bandwidth\":{bandwidth:e}}}\n"),
                false => format!(
                    "latency {:.2} us, bandwidth {:.2} GB/s, {} ranks\n",
                    1e6 * latency,
                    1e-9 * bandwidth,
                    world.size()
                ),
            }
        }
    };
    if world.rank() == 0 {
        print!("{text}");
    }
    Ok(())
}
