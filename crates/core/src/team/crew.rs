//! The hand-off of a [`Team`](super::Team): one piece of work cut into parts, which the caller and waiting workers take
//! one by one.
//!
//! Two numbers in one atomic word, how many parts there are and how many are taken, decide everything: whoever raises the
//! second has a part, and the caller comes back only when every part is done. It takes parts itself, so it never waits
//! for a worker that sleeps; it waits only for parts that a worker is busy with. A worker looks for work for
//! [`PATIENCE`] after its last part, then it sleeps and costs nothing.
//!
//! What is `unsafe` here: the lifetime of the borrowed work is erased on its way to the workers, and each part gets its
//! own columns of one matrix. Both rest on one promise: [`Crew::each`] does not end, by a return or by a panic, before the
//! last part has. So nothing that a block's code does may unwind past the hand-off or leave a part unanswered:
//!
//! - What a part panics with is caught where it runs, and the part is done like any other. When all are done, the caller
//!   goes on panicking with it.
//! - Where several parts panic, one payload reaches the caller and the others are forgotten ([`quiet::forget`]): their
//!   `Drop` is the block's code too, and may panic.
//! - Should anything else unwind between a part's taking and its end, or while parts are open, the program is aborted. The
//!   standard library aborts where a panic hook or the destructor of a thread-local value panics.
#![allow(unsafe_code)]

use std::any::Any;
use std::cell::UnsafeCell;
use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use std::{io, mem, process};

use crate::quiet;
use crate::siblings::clock::Instant;

mod columns;

/// How long an idle worker looks for work before it sleeps: longer than what lies between two products of a gradient,
/// shorter than anybody notices.
const PATIENCE: Duration = Duration::from_micros(50);

/// Looks between two glances at the clock, or before the processor is offered to others.
const LOOKS: u32 = 64;

/// Work that is done part by part.
type Work<'w> = dyn Fn(usize) + Sync + 'w;

/// Alone on its cache lines: workers look at it while others write what would lie beside it.
#[derive(Default)]
#[repr(align(128))]
struct Alone<A>(A);

impl<A> Deref for Alone<A> {
    type Target = A;

    fn deref(&self) -> &A {
        &self.0
    }
}

/// What the caller and the workers share.
#[derive(Default)]
struct Shared {
    /// Parts of the present work in the upper half, parts taken in the lower half.
    parts: Alone<AtomicU64>,
    /// Parts that are done.
    done: Alone<AtomicUsize>,
    /// The present work; read only by whoever has taken a part of it.
    work: UnsafeCell<Option<*const Work<'static>>>,
    /// What a part panicked with, the first one.
    panic: Mutex<Option<Box<dyn Any + Send>>>,
    /// Whether some caller uses the crew.
    busy: AtomicBool,
    /// The workers end.
    stop: AtomicBool,
}

// SAFETY: `work` alone is neither Send nor Sync, for it points to a closure; that is `Sync`, and may be called from any
// thread.
unsafe impl Send for Shared {}
// SAFETY: the cell of `work` is written only by the caller that holds `busy` (Acquire after the Release of the caller
// before), while no part of a work is open or running, and read only by a thread that has taken a part. Taking (Acquire)
// follows publishing (Release, and every taking in between continues that release sequence), and the next writing follows
// the end of every part (Release, then Acquire on `done`).
unsafe impl Sync for Shared {}

/// Stands where unwinding would be unsound, and is forgotten at its end: dropped on the way, it ends the program.
struct NoUnwinding;

impl Drop for NoUnwinding {
    fn drop(&mut self) {
        eprintln!("pushpull: a panic within the hand-off of threads; nobody may go on from here");
        process::abort();
    }
}

impl Shared {
    fn open(parts: u64) -> bool {
        parts & u64::from(u32::MAX) < parts >> 32
    }

    /// Looks for work for a moment; whether there is some.
    fn look(&self) -> bool {
        (0..LOOKS).any(|_| {
            std::hint::spin_loop();
            Self::open(self.parts.load(Ordering::Relaxed))
        })
    }

    /// Takes a part and does it; whether there was one.
    fn take(&self) -> bool {
        let mut parts = self.parts.load(Ordering::Relaxed);
        loop {
            if !Self::open(parts) {
                return false;
            }
            let taken = self.parts.compare_exchange_weak(
                parts,
                parts + 1,
                Ordering::Acquire,
                Ordering::Relaxed,
            );
            match taken {
                Ok(_) => break,
                Err(now) => parts = now,
            }
        }
        let part = (parts & u64::from(u32::MAX)) as usize;
        // Should this thread leave without answering, the caller would wait for ever, or leave a work that others do.
        let unanswered = NoUnwinding;
        // SAFETY: this thread has taken a part that is not done, so the caller is still in `Crew::each`: the cell is
        // not written, and the closure it points to is borrowed there.
        let outcome = catch_unwind(AssertUnwindSafe(|| unsafe {
            if let Some(work) = *self.work.get() {
                (*work)(part);
            }
        }));
        if let Err(payload) = outcome {
            self.keep(payload);
        }
        self.done.fetch_add(1, Ordering::Release);
        mem::forget(unanswered);
        true
    }

    /// Keeps what a part panicked with for the caller, if it is the first.
    fn keep(&self, payload: Box<dyn Any + Send>) {
        let mut first = self.panic.lock().unwrap_or_else(PoisonError::into_inner);
        if first.is_none() {
            *first = Some(payload);
        } else {
            drop(first);
            quiet::forget(payload);
        }
    }
}

/// One worker, as the caller sees it.
struct Worker {
    asleep: Arc<AtomicBool>,
    /// `None` once it has gone home.
    handle: Option<JoinHandle<()>>,
}

/// Workers that wait for parts.
pub(super) struct Crew {
    shared: Arc<Shared>,
    workers: Vec<Worker>,
}

/// What a worker is born with.
struct Life {
    shared: Arc<Shared>,
    asleep: Arc<AtomicBool>,
    patience: Duration,
}

impl Crew {
    /// Starts `n` workers. With more threads than processors nobody waits awake.
    pub(super) fn new(n: usize) -> io::Result<Self> {
        Self::start(n, |life| {
            let thread = thread::Builder::new().name("pushpull".into());
            thread.spawn(move || attend(&life.shared, &life.asleep, life.patience))
        })
    }

    /// The same, where starting a thread is up to `spawn`.
    fn start(n: usize, spawn: impl Fn(Life) -> io::Result<JoinHandle<()>>) -> io::Result<Self> {
        let processors = thread::available_parallelism().map_or(1, usize::from);
        let patience = if n < processors {
            PATIENCE
        } else {
            Duration::ZERO
        };
        let mut crew = Self {
            shared: Arc::default(),
            workers: Vec::with_capacity(n),
        };
        for _ in 0..n {
            let asleep = Arc::new(AtomicBool::new(false));
            // Should one fail to start, the drop of `crew` ends the others.
            let handle = spawn(Life {
                shared: Arc::clone(&crew.shared),
                asleep: Arc::clone(&asleep),
                patience,
            })?;
            crew.workers.push(Worker {
                asleep,
                handle: Some(handle),
            });
        }
        Ok(crew)
    }

    /// The workers and the caller.
    pub(super) fn threads(&self) -> usize {
        self.workers.len() + 1
    }

    /// Does `work(part)` once for every part below `parts`, shared with the workers; returns when all is done. Alone and in
    /// order if somebody else uses the crew.
    ///
    /// # Panics
    /// With what a part panicked with: after all parts are done, or, alone, at once. Nobody else sees the work then.
    fn each(&self, parts: usize, work: &Work<'_>) {
        let shared = &*self.shared;
        if parts >= u32::MAX as usize || shared.busy.swap(true, Ordering::Acquire) {
            return (0..parts).for_each(work);
        }
        let open = NoUnwinding;
        // SAFETY: the lifetime is erased, not outlived: this function ends only when `done` has reached `parts`, `open`
        // sees to that, and nobody reads the cell without having taken a part. No part is open or running here and only
        // the holder of `busy` writes, so nobody reads or writes it now.
        unsafe {
            let erased = mem::transmute::<*const Work<'_>, *const Work<'static>>(work);
            *shared.work.get() = Some(erased);
        }
        shared.done.store(0, Ordering::Relaxed);
        shared.parts.store((parts as u64) << 32, Ordering::SeqCst);
        self.wake(parts.saturating_sub(1));
        while shared.take() {}
        let mut looks = 0;
        while shared.done.load(Ordering::Acquire) < parts {
            looks += 1;
            if looks < 16 * LOOKS {
                std::hint::spin_loop();
            } else {
                thread::yield_now();
            }
        }
        mem::forget(open);
        let mut panic = shared.panic.lock().unwrap_or_else(PoisonError::into_inner);
        let payload = panic.take();
        drop(panic);
        shared.busy.store(false, Ordering::Release);
        if let Some(payload) = payload {
            resume_unwind(payload);
        }
    }

    /// Wakes so many workers that `wanted` are awake.
    fn wake(&self, wanted: usize) {
        let asleep = |worker: &&Worker| worker.asleep.load(Ordering::SeqCst);
        let sleepers = self.workers.iter().filter(asleep).count();
        let missing = wanted.saturating_sub(self.workers.len() - sleepers);
        if missing == 0 {
            return;
        }
        for worker in self.workers.iter().filter(asleep).take(missing) {
            worker.asleep.store(false, Ordering::Relaxed);
            if let Some(handle) = &worker.handle {
                handle.thread().unpark();
            }
        }
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        for worker in &mut self.workers {
            if let Some(handle) = worker.handle.take() {
                handle.thread().unpark();
                // No part unwinds into its worker.
                if let Err(payload) = handle.join() {
                    quiet::forget(payload);
                }
            }
        }
    }
}

/// The life of a worker.
fn attend(shared: &Shared, asleep: &AtomicBool, patience: Duration) {
    loop {
        while shared.take() {}
        let since = Instant::now();
        while !shared.look() {
            if shared.stop.load(Ordering::Relaxed) {
                return;
            }
            if since.elapsed() < patience {
                continue;
            }
            // Either the caller sees the sleeper after opening the work, or the sleeper sees the work: both pairs of
            // accesses are sequentially consistent. An `unpark` before the `park` makes that return at once.
            asleep.store(true, Ordering::SeqCst);
            if !Shared::open(shared.parts.load(Ordering::SeqCst))
                && !shared.stop.load(Ordering::SeqCst)
            {
                thread::park();
            }
            asleep.store(false, Ordering::Relaxed);
            break;
        }
    }
}

#[cfg(test)]
mod tests;
