//! Runs a loop with the widest vector instructions that this processor has.
//!
//! The compiler turns a plain loop over slices into vector code for whatever instructions the enclosing function may
//! use; a default build may use SSE2 alone. So the loop is compiled once more inside functions that may use AVX2 or
//! AVX-512, and the one that fits is chosen at run time. The loops use no fused operations, so every width gives the
//! same bits.

use pulp::Arch;

/// Elements from which choosing pays: below, the choice costs as much as the loop.
const WORTH: usize = 16;

/// Runs `work`, which loops over `elements` elements.
#[inline(always)]
pub(crate) fn wide<R>(elements: usize, work: impl FnOnce() -> R) -> R {
    if elements < WORTH {
        work()
    } else {
        Arch::new().dispatch(work)
    }
}
