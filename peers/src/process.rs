//! A worker as the runner sees it: a process that is asked and answers.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::grid::IN_RUST;
use crate::protocol::{Answer, Ask};

/// Longest wait for an answer; compiling a network of a hundred layers takes a while.
const PATIENCE: Duration = Duration::from_secs(180);

/// One library at one number of threads. It runs only while it is asked: the threads of some libraries look for work long
/// after their last, on a core that another library is being timed on.
pub struct Worker {
    child: Child,
    stdin: ChildStdin,
    answers: Receiver<String>,
    log: PathBuf,
    pub version: String,
}

impl Worker {
    /// Starts the worker of `peer` and waits for its greeting. What the library itself prints goes to a file of the
    /// peer's name in `logs`.
    ///
    /// # Errors
    /// Why there is no worker, in words.
    pub fn start(peer: &str, threads: usize, package: &Path, logs: &Path) -> Result<Self, String> {
        let log = logs.join(format!("{peer}.log"));
        let said = File::options()
            .create(true)
            .append(true)
            .open(&log)
            .map_err(|e| e.to_string())?;
        let mut command = if IN_RUST.contains(&peer) {
            let mut command = Command::new(std::env::current_exe().map_err(|e| e.to_string())?);
            command.args(["--worker", peer]);
            command
        } else {
            let environment = match peer {
                "torch" | "torch-compile" | "mkl" => "venv-torch",
                _ => "venv",
            };
            let python = package.join(format!("target/{environment}/bin/python"));
            if !python.exists() {
                return Err(format!(
                    "no Python environment {environment}; peers/run makes it"
                ));
            }
            let mut command = Command::new(python);
            command.arg(package.join("python/worker.py")).arg(peer);
            command
        };
        for (name, value) in environment(threads) {
            command.env(name, value);
        }
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(said)
            .spawn()
            .map_err(|e| e.to_string())?;
        let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("a process without pipes".into());
        };
        let (send, answers) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if send.send(line).is_err() {
                    break;
                }
            }
        });
        let mut worker = Self {
            child,
            stdin,
            answers,
            log,
            version: String::new(),
        };
        match worker.answer()? {
            Answer::Ready { version } => worker.version = version,
            Answer::Refused { why } => return Err(why),
            other => return Err(format!("greeted with {other:?}")),
        }
        worker.signal(Signal::STOP)?;
        Ok(worker)
    }

    /// Asks, and waits for the answer.
    ///
    /// # Errors
    /// The worker's refusal, or that it is gone or too slow; it is then of no more use.
    pub fn ask(&mut self, ask: &Ask) -> Result<Answer, String> {
        let line = serde_json::to_string(ask).map_err(|e| e.to_string())?;
        self.signal(Signal::CONT)?;
        // A worker that is gone shows when its answer is read.
        let _ = writeln!(self.stdin, "{line}").and_then(|()| self.stdin.flush());
        let answer = self.answer()?;
        self.signal(Signal::STOP)?;
        match answer {
            Answer::Refused { why } => Err(why),
            answer => Ok(answer),
        }
    }

    /// Stops the process with all its threads, or lets it go on.
    fn signal(&self, signal: Signal) -> Result<(), String> {
        kill_process(Pid::from_child(&self.child), signal).map_err(|e| e.to_string())
    }

    fn answer(&mut self) -> Result<Answer, String> {
        match self.answers.recv_timeout(PATIENCE) {
            Ok(line) => serde_json::from_str(&line).map_err(|e| format!("answered {line:?}: {e}")),
            Err(RecvTimeoutError::Timeout) => {
                let _ = self.child.kill();
                Err(format!("no answer for {} s", PATIENCE.as_secs()))
            }
            Err(RecvTimeoutError::Disconnected) => {
                let status = self
                    .child
                    .wait()
                    .map_or_else(|e| e.to_string(), |s| s.to_string());
                Err(format!(
                    "the process ended ({status}); see {}",
                    name(&self.log)
                ))
            }
        }
    }

    /// Whether the process still runs.
    pub fn alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn name(path: &Path) -> String {
    path.file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}

/// What tells each library its number of threads, and keeps it from chatting.
fn environment(threads: usize) -> Vec<(&'static str, String)> {
    let mut all: Vec<_> = [
        "PEERS_THREADS",
        "RAYON_NUM_THREADS",
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "MKL_NUM_THREADS",
        // XLA's pool for JAX on the CPU.
        "NPROC",
    ]
    .map(|name| (name, threads.to_string()))
    .to_vec();
    all.push(("TF_CPP_MIN_LOG_LEVEL", "2".into()));
    all.push(("JAX_PLATFORMS", "cpu".into()));
    if threads == 1 {
        all.push(("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false".into()));
    }
    all
}
