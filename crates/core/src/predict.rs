//! What a question will cost, known before anything large is allocated.

use std::fmt;
use std::ops::Add;

use crate::figures::grouped;
use crate::{Cost, Result, memory};

/// What one engine takes to answer one question: worked out from the plan alone, before its numbers are allocated.
///
/// Every part is exact. `cost` is what a run at [`crate::Counted`] counts, the bytes are those that an allocator is asked
/// for, on one thread. An engine prepared for the question allocates `buffers + plan` bytes and keeps them; a run allocates
/// `run` bytes more at its peak, of which it hands `results` to the caller.
///
/// Not among them are the kernels' own buffers, which stay with the thread: those in which the GEMM library packs large
/// products, and those in which a product of duals is split; and what planning needs in passing, a few numbers for each
/// node, which is given back before the first buffer is allocated.
///
/// ```
/// use pushpull_core::{Cost, Prediction};
/// let gradient = Prediction { cost: Cost::flops(3000), evaluations: 5, buffers: 4096, plan: 600, run: 800, results: 80 };
/// assert_eq!((gradient.prepared(), gradient.peak()), (4696, 5496));
/// assert_eq!(gradient.to_string(), "3,000 flops, 5 evaluations; 4,696 bytes prepared, 5,496 at the peak");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Prediction {
    /// Work of one run.
    pub cost: Cost,
    /// Evaluations of blocks' forward maps in one run: the number of nodes for every primal sweep, and whatever is
    /// computed once more.
    pub evaluations: u64,
    /// Bytes of the numbers that preparation allocates: values, tangents or cotangents, the gradient, scratch memory.
    pub buffers: usize,
    /// Bytes of the plan that the engine keeps: steps and the places of buffers. No numbers, and none of the graph.
    pub plan: usize,
    /// The most bytes that a run allocates at once beside what is prepared: owned results and what it needs to make
    /// them.
    pub run: usize,
    /// The part of `run` that is handed to the caller.
    pub results: usize,
}

impl Prediction {
    /// Bytes that preparation allocates and the engine keeps.
    pub const fn prepared(&self) -> usize {
        self.buffers.saturating_add(self.plan)
    }

    /// The most bytes alive at once while it runs.
    pub const fn peak(&self) -> usize {
        self.prepared().saturating_add(self.run)
    }

    /// Refuses a prediction with a number that 64 bits cannot hold: it saturated, and would no longer be exact.
    ///
    /// # Errors
    /// [`crate::Error::TooLarge`]
    ///
    /// ```
    /// use pushpull_core::{Cost, Prediction};
    /// let sweep = Prediction { cost: Cost::flops(1 << 40), ..Prediction::default() };
    /// assert!(sweep.times(1 << 20).counted("a million sweeps", "ask for fewer").is_ok());
    /// assert!(sweep.times(1 << 30).counted("a billion sweeps", "ask for fewer").is_err());
    /// ```
    pub fn counted(self, what: impl fmt::Display, remedy: &str) -> Result<Self> {
        let counts = [self.cost.flops, self.cost.calls, self.evaluations];
        let bytes = [
            self.buffers,
            self.plan,
            self.run,
            self.prepared(),
            self.peak(),
        ];
        if counts.contains(&u64::MAX) || bytes.contains(&usize::MAX) {
            // No machine has so much.
            memory::fits::<u64>(what, usize::MAX, remedy)?;
        }
        Ok(self)
    }

    /// `count` runs of the same prepared engine, each run's results dropped or overwritten before the next.
    #[must_use]
    pub fn times(self, count: usize) -> Self {
        Self {
            cost: self.cost * count,
            evaluations: self.evaluations.saturating_mul(count as u64),
            ..self
        }
    }
}

/// One after the other on engines that are both kept: work and prepared bytes add, a run's bytes are those of the larger.
impl Add for Prediction {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self {
            cost: self.cost + other.cost,
            evaluations: self.evaluations.saturating_add(other.evaluations),
            buffers: self.buffers.saturating_add(other.buffers),
            plan: self.plan.saturating_add(other.plan),
            run: self.run.max(other.run),
            results: self.results.max(other.results),
        }
    }
}

impl fmt::Display for Prediction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}, {} evaluations; {} bytes prepared, {} at the peak",
            self.cost,
            grouped(self.evaluations),
            grouped(self.prepared() as u128),
            grouped(self.peak() as u128)
        )
    }
}
