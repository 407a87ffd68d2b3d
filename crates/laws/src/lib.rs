//! Checks the derivative rules of any block, and says what is wrong with them.
//!
//! A wrong derivative is the worst bug of automatic differentiation, because nothing crashes. One line in a test finds it:
//!
//! ```
//! use pushpull_core::blocks::{LayerNorm, Linear};
//! pushpull_laws::check(&Linear::new(3, 2))?;
//! pushpull_laws::check_family(LayerNorm::new)?; // sizes 1 to 6; a failure shrinks over them too
//! # Ok::<(), pushpull_laws::Violation>(())
//! ```
//!
//! Every [`Law`] is tried on random shapes (1 to 4 samples, 1 to 4 seeds, which are tangents or cotangents multiplied at once; columns
//! with and without gaps) and random data, half of it with zeros and ties. What a map must not read is filled with NaN, what it must
//! not write with known numbers. A failure is reduced to the smallest shape. A [`Violation`] names the block, the law, the map, the
//! entry and both numbers, with a [`Diagnosis`]: the common mistake (transposed, sign, factor, derivative at y, ...) that explains
//! *all* numbers of ten further cases, or a note that none does.
//!
//! The derivatives are compared with the block itself, run on dual numbers: exact, with no step size. That the duals are right is
//! tested by Taylor's theorem ([`Law::Taylor`]).
//!
//! Laws are tried in an order that makes the first failure informative: first how a map treats memory, then how it treats columns, then
//! whether it is the derivative, last what the block declares. [`fault`] has planted faults that the checker must
//! find; `cargo run -p pushpull-laws --example laws_of_laws` counts them.
//!
//! Whether a map allocates can be seen only in a program that counts its heap. With two more lines in a test, [`Law::Allocates`] is
//! checked too; without them, [`check`] says once on stderr that it was not, and a check that asks for this law fails:
//!
//! ```standalone_crate
//! #[global_allocator]
//! static HEAP: pushpull_laws::CountingAllocator = pushpull_laws::CountingAllocator;
//!
//! # fn main() -> Result<(), pushpull_laws::Violation> {
//! # use pushpull_core::blocks::Linear;
//! use pushpull_laws::{Check, Law};
//! Check::new().laws(&[Law::Allocates]).run(&Linear::new(3, 2))?; // `check` looks at it among the others
//! # Ok(())
//! # }
//! ```
//!
//! Two more checks are for a network in use: [`Shadow`] compares every k-th gradient of a long run with a jvp, and [`kinks()`] says how
//! many entries of a batch are at a kink and how much the gradient depends on the choice made there.

#[cfg(feature = "check")]
mod bench;
#[cfg(feature = "check")]
mod buffer;
#[cfg(feature = "check")]
mod case;
#[cfg(feature = "check")]
mod check;
#[cfg(feature = "check")]
mod compare;
#[cfg(feature = "check")]
mod diagnosis;
#[cfg(feature = "check")]
mod explain;
#[cfg(feature = "check")]
pub mod fault;
mod identity;
pub mod kinks;
#[cfg(feature = "check")]
mod law;
#[cfg(feature = "check")]
mod laws;
#[cfg(feature = "check")]
mod probe;
#[cfg(feature = "check")]
mod reference;
#[cfg(feature = "check")]
mod rule;
pub mod shadow;
mod suspect;
mod unit;
#[cfg(feature = "check")]
mod violation;
mod walk;

#[cfg(feature = "check")]
pub use check::Check;
#[cfg(feature = "check")]
pub use diagnosis::{Allocation, Diagnosis, Mispriced};
pub use kinks::kinks;
#[cfg(feature = "check")]
pub use law::Law;
#[cfg(feature = "check")]
pub use rule::Rule;
pub use shadow::{Shadow, ShadowError};
pub use suspect::Suspect;
#[cfg(feature = "check")]
pub use violation::{Entry, Violation};

/// The system's allocator, counting: with it a test sees the maps that allocate. [`pushpull_core::alloc`] measures by it.
pub use pushpull_core::alloc::CountingAllocator;
/// How a test has its heap counted.
#[cfg(feature = "check")]
pub(crate) const INSTALL: &str = "#[global_allocator] static HEAP: pushpull_laws::CountingAllocator = pushpull_laws::CountingAllocator;";

#[cfg(feature = "check")]
use pushpull_core::AnyBlock;

/// Checks all laws on a block: a `&Linear`, or `&*arc` of an `Arc<dyn AnyBlock>`. [`Law::Allocates`] where the program counts
/// its heap; elsewhere stderr says once that it was not looked at.
///
/// # Errors
/// The first law that it breaks, shrunk and explained.
#[cfg(feature = "check")]
pub fn check(block: &dyn AnyBlock) -> Result<(), Violation> {
    Check::new().run(block)
}

/// Checks all laws on a family of blocks, given by size, at the sizes 1 to 6.
///
/// # Errors
/// The first law that one of them breaks, shrunk over the size too.
#[cfg(feature = "check")]
pub fn check_family<B: AnyBlock>(family: impl Fn(usize) -> B) -> Result<(), Violation> {
    Check::new().run_family(family)
}
