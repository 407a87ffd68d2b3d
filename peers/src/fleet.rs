//! The workers that are up, all at one number of threads.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::process::Worker;

/// Workers by name. One is started when it is first needed, and again if it has died.
pub struct Fleet {
    package: PathBuf,
    logs: PathBuf,
    threads: usize,
    workers: HashMap<String, Result<Worker, String>>,
    versions: HashMap<String, String>,
}

impl Fleet {
    pub fn new(package: &Path, logs: &Path) -> Self {
        Self {
            package: package.into(),
            logs: logs.into(),
            threads: 0,
            workers: HashMap::new(),
            versions: HashMap::new(),
        }
    }

    /// The worker of `name` at `threads`; others of another number of threads end.
    ///
    /// # Errors
    /// Why there is none; a worker that could not start is not tried again.
    pub fn worker(&mut self, name: &str, threads: usize) -> Result<&mut Worker, String> {
        if self.threads != threads {
            self.workers.clear();
            self.threads = threads;
        }
        if let Some(Ok(worker)) = self.workers.get_mut(name)
            && !worker.alive()
        {
            self.workers.remove(name);
        }
        let worker = self
            .workers
            .entry(name.into())
            .or_insert_with(|| Worker::start(name, threads, &self.package, &self.logs))
            .as_mut()
            .map_err(|why| why.clone())?;
        self.versions.insert(name.into(), worker.version.clone());
        Ok(worker)
    }

    /// Whether `name` is known not to start.
    pub fn absent(&self, name: &str) -> bool {
        matches!(self.workers.get(name), Some(Err(_)))
    }

    /// The version that a worker greeted with; empty if it never did.
    pub fn version(&self, name: &str) -> String {
        self.versions.get(name).cloned().unwrap_or_default()
    }
}
