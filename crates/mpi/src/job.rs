//! A job that ends whole: a fault of one rank ends all of them, with that rank's words.

use std::fmt::Display;
use std::process::ExitCode;
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use crate::world::{self, World};
use crate::{Communicator, MpiError};

/// The exit code of a panic, as without MPI.
const PANIC: i32 = 101;

/// Most faults are the same on all ranks. One that is not rank 0's is said a little later, so that of the same ones only the first
/// is read.
const LATER: Duration = Duration::from_millis(200);

/// Runs one rank of a job. A typed fault, or a panic on any thread, is said on stderr with the number of the rank, and ends all
/// ranks by `MPI_Abort`, with a code that is not 0: no rank waits for one that is gone. `code` is the exit code of a fault.
///
/// A rank that is killed is seen by `mpirun`, which ends the others; `srun` needs `--kill-on-bad-exit`.
///
/// ```no_run
/// use pushpull_mpi::{Communicator, MpiError, job};
/// job::run(|_: &MpiError| 1, |world| {
///     println!("rank {} of {}", world.rank(), world.size());
///     Ok(())
/// });
/// ```
pub fn run<E: Display + From<MpiError>>(
    code: impl Fn(&E) -> u8,
    work: impl FnOnce(Rc<World>) -> Result<(), E>,
) -> ExitCode {
    let world = match World::start() {
        Ok(world) => Rc::new(world),
        Err(fault) => {
            let fault = E::from(fault);
            eprintln!("error: {fault}");
            return ExitCode::from(code(&fault));
        }
    };
    let rank = world.rank();
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        eprintln!("rank {rank}: a panic, which is a fault of the program");
        before(panic);
        world::abort(PANIC);
    }));
    match work(Rc::clone(&world)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            if rank > 0 {
                thread::sleep(LATER);
            }
            eprintln!("rank {rank}: error: {fault}");
            world.abort(i32::from(code(&fault).max(1)))
        }
    }
}
