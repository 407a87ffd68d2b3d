//! The threads of an engine: the only place where work is cut among them.
//!
//! The cut lies below the blocks, which know nothing of it and are always called on the user's thread. While an engine
//! runs with its [`Team`], the products of [`crate::linalg`] and the elementwise loops cut the *columns of what they
//! write* among the team, where there is work enough for it to pay: batch columns forward and back, columns of W in the
//! product that gives the gradient of W. A dimension that is summed over is never cut, so every number is made by the same
//! operations in the same order: the bits are the same for any number of threads.
//!
//! The columns of all other blocks' maps are cut by the interpreter of programs, where a map writes columns and needs no scratch
//! memory: column j of the output depends on column j of the input alone (law 1).

use std::cell::{Cell, RefCell};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use crate::{Error, MatMut, Result};

mod crew;
mod of_graph;
use crew::Crew;
pub(crate) use of_graph::{CALL, WORTH};

/// Threads that an engine may ask for, at most.
pub const MAX_THREADS: usize = 256;

/// Where parts begin: a multiple of the kernels' tile. No part has fewer columns: the library multiplies one or two by
/// another kernel.
const TILE: usize = 8;

thread_local! {
    /// The team of the engine that runs on this thread.
    static PRESENT: RefCell<Option<Arc<Crew>>> = const { RefCell::new(None) };

    /// Whether there is one: a flag that needs no destructor, and so no look whether that has run.
    static ENGAGED: Cell<bool> = const { Cell::new(false) };
}

/// A number of threads, prepared: the user's own and workers that wait for it. Clones share the workers; whoever comes
/// second while they are busy does its work alone, with the same bits.
///
/// ```
/// use pushpull_core::team::Team;
/// let team = Team::new("Example", 2)?;
/// assert_eq!((team.threads(), team.run(|| 6 * 7)), (2, 42));
/// assert!(Team::new("Example", 0).is_err());
/// # Ok::<(), pushpull_core::Error>(())
/// ```
#[derive(Clone)]
pub struct Team {
    /// `None`: the user's thread alone, which never meets a worker.
    crew: Option<Arc<Crew>>,
    threads: usize,
}

impl Team {
    /// The team of an engine called `name`: starts `threads - 1` workers, which end with the last clone.
    ///
    /// # Errors
    /// [`Error::Setting`] unless `threads` lies between 1 and [`MAX_THREADS`], and if the system starts no more threads.
    pub fn new(name: &str, threads: usize) -> Result<Self> {
        allowed(name, threads)?;
        let crew = (threads > 1)
            .then(|| Crew::new(threads - 1))
            .transpose()
            .map_err(|fault| {
                refused(
                    name,
                    threads,
                    format!("what the system can start ({fault})"),
                )
            })?;
        Ok(Self {
            crew: crew.map(Arc::new),
            threads,
        })
    }

    /// Whether an engine called `name` may ask for so many threads.
    ///
    /// # Errors
    /// As [`Team::new`], without starting any.
    pub fn check(name: &str, threads: usize) -> Result<()> {
        allowed(name, threads)
    }

    /// One thread: the user's.
    pub const fn alone() -> Self {
        Self {
            crew: None,
            threads: 1,
        }
    }

    /// The threads that were asked for, the user's among them.
    pub const fn threads(&self) -> usize {
        self.threads
    }

    /// Whether there are workers to share with.
    pub const fn shares(&self) -> bool {
        self.crew.is_some()
    }

    /// Runs `work` on this thread; the products within are shared with the team.
    pub fn run<R>(&self, work: impl FnOnce() -> R) -> R {
        // An engine of one thread inside a block of another engine's graph is none of that engine's team.
        if self.crew.is_none() && !ENGAGED.get() {
            return work();
        }
        let _outer = Restore(engage(self.crew.clone()));
        work()
    }
}

/// Whether an engine may ask for so many threads.
fn allowed(name: &str, threads: usize) -> Result<()> {
    if (1..=MAX_THREADS).contains(&threads) {
        return Ok(());
    }
    Err(refused(name, threads, format!("from 1 to {MAX_THREADS}")))
}

fn refused(name: &str, threads: usize, expected: String) -> Error {
    Error::setting(name, "threads", expected, threads)
}

/// Makes a crew the present one, and gives the one before.
fn engage(crew: Option<Arc<Crew>>) -> Option<Arc<Crew>> {
    ENGAGED.set(crew.is_some());
    PRESENT.replace(crew)
}

/// Puts the team of an outer engine back, also when a block panics.
struct Restore(Option<Arc<Crew>>);

impl Drop for Restore {
    fn drop(&mut self) {
        engage(self.0.take());
    }
}

impl fmt::Debug for Team {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Team")
            .field("threads", &self.threads)
            .finish_non_exhaustive()
    }
}

/// What is done with some columns of matrices; called through a pointer, so that the cut is not compiled for each.
pub(crate) type Columns<'w, T, const N: usize> =
    &'w (dyn Fn(Range<usize>, [MatMut<'_, T>; N]) + Sync + 'w);

/// Does `work(columns, their views)` for all columns of matrices that have as many, cut among the present team if there is
/// one. Only for work that is worth the hand-off, about a microsecond.
pub(crate) fn by_columns<T: Send, const N: usize>(ys: [MatMut<'_, T>; N], work: Columns<'_, T, N>) {
    let ncols = ys.first().map_or(0, MatMut::ncols);
    if ncols < 2 * TILE || !ENGAGED.get() {
        return work(0..ncols, ys);
    }
    let Some(crew) = PRESENT.with_borrow(Clone::clone) else {
        return work(0..ncols, ys);
    };
    let mut width = ncols.div_ceil(crew.threads()).next_multiple_of(TILE);
    // A rest of a few columns may be multiplied by another kernel, which rounds otherwise.
    while (1..TILE).contains(&(ncols % width)) {
        width += TILE;
    }
    crew.columns(ys, width, work);
}

#[cfg(test)]
mod tests;
