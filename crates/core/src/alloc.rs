//! Heap bytes, counted exactly: an allocator that adds up what is asked of it.
//!
//! The numbers are the bytes *requested* (a [`Layout`]'s size), not pages or resident memory, so that they are the
//! same on every run and can be compared with a prediction. A binary, bench or test opts in:
//!
//! ```standalone_crate
//! use pushpull_core::alloc::{self, CountingAllocator};
//!
//! #[global_allocator]
//! static ALLOCATOR: CountingAllocator = CountingAllocator;
//!
//! let (kept, seen) = alloc::measure(|| {
//!     drop(std::hint::black_box(vec![0u8; 1000]));
//!     std::hint::black_box(vec![0u8; 24])
//! })?;
//! assert_eq!((seen.count, seen.bytes, seen.peak_bytes, seen.kept_bytes), (2, 1024, 1000, 24));
//! # drop(kept);
//! # Ok::<(), alloc::AllocError>(())
//! ```
//!
//! Where it was not installed, every question is answered by an error and never by zeros:
//!
//! ```standalone_crate
//! use pushpull_core::alloc::{self, AllocError};
//!
//! assert_eq!(alloc::measure(|| vec![1]).unwrap_err(), AllocError::NotInstalled);
//! ```
#![allow(unsafe_code)] // A global allocator cannot be written without it; all calls go straight to `System`.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};

/// The system's allocator with a count of every request, for the process and for each thread.
///
/// A reallocation counts as one allocation of its new size, and moves the live bytes by the difference.
#[derive(Clone, Copy, Debug, Default)]
pub struct CountingAllocator;

/// What a closure asked of the heap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Allocation {
    /// Allocations and reallocations.
    pub count: u64,
    /// Bytes of all of them together, whether freed meanwhile or not.
    pub bytes: u64,
    /// The most bytes that were live at once, above those that were live at the start.
    pub peak_bytes: u64,
    /// Live bytes at the end minus live bytes at the start; negative if more was freed than made.
    pub kept_bytes: i64,
}

/// Why nothing could be measured. The closure has not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AllocError {
    /// The program runs on another allocator.
    #[error(
        "heap bytes: expected `CountingAllocator` as this program's allocator, got another one; add `#[global_allocator] static A: CountingAllocator = CountingAllocator;` to the binary, bench or test"
    )]
    NotInstalled,
    /// A second measurement of the whole process at the same time, nested or on another thread.
    #[error(
        "heap bytes of the process: expected one measurement at a time, got a second; run them one after the other, or use `measure`, which counts one thread"
    )]
    Busy,
}

/// A thread's counters. Live bytes are signed: a thread may free what another made.
#[derive(Clone, Copy)]
struct Tally {
    count: u64,
    bytes: u64,
    live: i64,
    peak: i64,
}

thread_local! {
    // Constant and without a destructor: reading it allocates nothing and works while a thread ends.
    static THREAD: Cell<Tally> = const { Cell::new(Tally { count: 0, bytes: 0, live: 0, peak: 0 }) };
}
static COUNT: AtomicU64 = AtomicU64::new(0);
static BYTES: AtomicU64 = AtomicU64::new(0);
static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);
static MEASURING: AtomicBool = AtomicBool::new(false);

/// `freed` bytes were given back, `made` bytes were handed out by one request (0: none was).
fn note(freed: usize, made: usize) {
    // Sums of sizes, none of which comes near its type's end; wrapping, because nothing here may panic whatever happens.
    let requests = u64::from(made > 0);
    COUNT.fetch_add(requests, Relaxed);
    BYTES.fetch_add(made as u64, Relaxed);
    // Two's complement: one wrapping addition, so that a reallocation is never seen as both sizes at once.
    let change = made.wrapping_sub(freed);
    let live = LIVE.fetch_add(change, Relaxed).wrapping_add(change);
    if made > freed {
        PEAK.fetch_max(live, Relaxed);
    }
    let _ = THREAD.try_with(|cell| {
        let mut t = cell.get();
        t.count = t.count.wrapping_add(requests);
        t.bytes = t.bytes.wrapping_add(made as u64);
        t.live = t.live.wrapping_add(change as i64);
        t.peak = t.peak.max(t.live);
        cell.set(t);
    });
}

// SAFETY: every method hands its arguments unchanged to `System`, which upholds the contract, and returns what it
// returned; `note` touches integers only, allocates nothing and cannot unwind: its sums wrap, and its thread-local value
// needs no start and no end.
unsafe impl GlobalAlloc for CountingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise (a size that is not zero) is passed on.
        let at = unsafe { System.alloc(layout) };
        if !at.is_null() {
            note(0, layout.size());
        }
        at
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise (a size that is not zero) is passed on.
        let at = unsafe { System.alloc_zeroed(layout) };
        if !at.is_null() {
            note(0, layout.size());
        }
        at
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: `at` came from `System` with this layout, because all of this allocator's memory does.
        unsafe { System.dealloc(at, layout) };
        note(layout.size(), 0);
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: as in `dealloc`; `new_size` is the caller's promise, passed on.
        let moved = unsafe { System.realloc(at, layout, new_size) };
        if !moved.is_null() {
            note(layout.size(), new_size);
        }
        moved
    }
}

/// Whether this program runs on [`CountingAllocator`]. Found out by allocating one byte on this thread.
pub fn installed() -> bool {
    let before = THREAD.get();
    drop(std::hint::black_box(Vec::<u8>::with_capacity(1)));
    let seen = THREAD.get().count != before.count;
    // The probe leaves no trace in the thread's counters: a measurement around it stays exact.
    THREAD.set(before);
    seen
}

/// Runs `work` and says what *this thread* asked of the heap meanwhile; other threads may run and are not seen.
///
/// Measurements may be nested: the outer one sees the inner one's allocations too.
///
/// # Errors
/// [`AllocError::NotInstalled`]; `work` has then not run.
pub fn measure<R>(work: impl FnOnce() -> R) -> Result<(R, Allocation), AllocError> {
    /// Gives the outer measurement its peak back, also when `work` panics.
    struct Outer(i64);
    impl Drop for Outer {
        fn drop(&mut self) {
            let t = THREAD.get();
            THREAD.set(Tally {
                peak: t.peak.max(self.0),
                ..t
            });
        }
    }
    if !installed() {
        return Err(AllocError::NotInstalled);
    }
    let start = THREAD.get();
    THREAD.set(Tally {
        peak: start.live,
        ..start
    });
    let outer = Outer(start.peak);
    let result = work();
    let end = THREAD.get();
    drop(outer);
    let seen = Allocation {
        count: end.count - start.count,
        bytes: end.bytes - start.bytes,
        peak_bytes: (end.peak - start.live).unsigned_abs(),
        kept_bytes: end.live - start.live,
    };
    Ok((result, seen))
}

/// Runs `work` and says what *all threads* asked of the heap meanwhile, including those that have nothing to do with
/// it.
///
/// # Errors
/// [`AllocError::NotInstalled`], or [`AllocError::Busy`] while another such measurement runs; `work` has then not
/// run.
pub fn measure_process<R>(work: impl FnOnce() -> R) -> Result<(R, Allocation), AllocError> {
    struct Turn;
    impl Drop for Turn {
        fn drop(&mut self) {
            MEASURING.store(false, Relaxed);
        }
    }
    if !installed() {
        return Err(AllocError::NotInstalled);
    }
    if MEASURING.swap(true, Relaxed) {
        return Err(AllocError::Busy);
    }
    let turn = Turn;
    let (count, bytes, live) = (COUNT.load(Relaxed), BYTES.load(Relaxed), LIVE.load(Relaxed));
    PEAK.store(live, Relaxed);
    let result = work();
    let seen = Allocation {
        count: COUNT.load(Relaxed) - count,
        bytes: BYTES.load(Relaxed) - bytes,
        peak_bytes: PEAK.load(Relaxed).saturating_sub(live) as u64,
        kept_bytes: LIVE.load(Relaxed).wrapping_sub(live) as i64,
    };
    drop(turn);
    Ok((result, seen))
}

/// Bytes that are live in the whole process now; `None` where the allocator is not installed.
pub fn live_bytes() -> Option<u64> {
    installed().then(|| LIVE.load(Relaxed) as u64)
}
