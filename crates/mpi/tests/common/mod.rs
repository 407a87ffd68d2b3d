//! Jobs of several ranks on this machine.
#![allow(dead_code)] // Each test uses a part.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// The numbers of ranks that everything is tried with.
pub const RANKS: [usize; 5] = [1, 2, 3, 4, 7];

/// A job that is not over by then hangs.
const LONGEST: Duration = Duration::from_secs(120);

/// The program of the examples.
pub fn probe() -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let profile = own.parent().and_then(Path::parent).unwrap();
    profile.join("examples").join("probe")
}

/// The program `pushpull-mpi`.
pub fn program() -> PathBuf {
    env!("CARGO_BIN_EXE_pushpull-mpi").into()
}

/// `mpirun` on this machine with as many ranks as one likes, as root as well: in a container there is nobody else.
pub fn mpirun() -> Command {
    let mut command = Command::new("mpirun");
    command
        .arg("--oversubscribe")
        .env("OMPI_ALLOW_RUN_AS_ROOT", "1")
        .env("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1")
        .env("OMPI_MCA_mpi_yield_when_idle", "1")
        // Copies between processes in one step need a right that a container may not have.
        .env("OMPI_MCA_btl_vader_single_copy_mechanism", "none")
        .env("OMPI_MCA_rmaps_base_oversubscribe", "1")
        // Else it waits a second before it kills the ranks that are left.
        .env("OMPI_MCA_odls_base_sigkill_timeout", "0")
        .env("PUSHPULL_NETWORK", "")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// A job of this program.
pub fn job(ranks: usize, program: &Path, arguments: &[&str]) -> Command {
    let mut command = mpirun();
    command
        .args(["-n", &ranks.to_string()])
        .arg(program)
        .args(arguments);
    command
}

/// Waits for a job; one that hangs is ended, and the test fails.
pub fn ended(mut child: Child) -> Output {
    let began = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if began.elapsed() > LONGEST {
            let _ = child.kill();
            panic!("the job hangs: {:?}", child.wait_with_output());
        }
        thread::sleep(Duration::from_millis(5));
    }
    child.wait_with_output().unwrap()
}

/// What a job that succeeds says.
pub fn said(mut job: Command) -> String {
    let output = ended(job.spawn().unwrap());
    assert!(output.status.success(), "{job:?}: {}", words(&output));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// What a job says on stderr.
pub fn words(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
