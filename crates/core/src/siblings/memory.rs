//! How much memory a request may take: asked before anything large is allocated.

use std::fmt::Display;

use crate::{Error, Result};

/// Bytes that an allocation may hope for: what the system reports as available, or half the address space where it
/// reports nothing.
pub fn available() -> u64 {
    let reported = std::fs::read_to_string("/proc/meminfo")
        .ok()
        .and_then(|text| {
            let line = text
                .lines()
                .find(|line| line.starts_with("MemAvailable:"))?;
            let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
            kib.checked_mul(1024)
        });
    reported.unwrap_or(isize::MAX as u64)
}

/// The number of elements in `factors[0] * factors[1] * ..`, saturated.
pub fn elements(factors: &[usize]) -> usize {
    factors
        .iter()
        .fold(1, |product: usize, &factor| product.saturating_mul(factor))
}

/// Refuses `elements` numbers of type `T` if they cannot fit.
///
/// # Errors
/// [`Error::TooLarge`] with the estimate and the `remedy`.
///
/// ```
/// use pushpull_core::Error;
/// use pushpull_core::siblings::memory;
/// let refused = memory::fits::<f64>("a Jacobian of 2^30 x 2^30", memory::elements(&[1 << 30, 1 << 30]), "chunk it");
/// assert!(matches!(refused, Err(Error::TooLarge { .. })));
/// ```
pub fn fits<T>(what: impl Display, elements: usize, remedy: &str) -> Result<()> {
    let bytes = (elements as u64).saturating_mul(size_of::<T>() as u64);
    // A small request never asks the system: reading its report costs more than the allocation.
    if bytes < 1 << 26 {
        return Ok(());
    }
    let available = available();
    if bytes > available {
        return Err(Error::TooLarge {
            what: what.to_string(),
            bytes,
            available,
            remedy: remedy.into(),
        });
    }
    Ok(())
}

/// Bytes that a vector holds of the allocator: those of its capacity. What a plan keeps is the sum over its vectors.
///
/// ```
/// use pushpull_core::siblings::memory::held;
/// assert_eq!(held(&Vec::<u64>::with_capacity(3)), 24);
/// ```
pub const fn held<T>(vector: &Vec<T>) -> usize {
    vector.capacity() * size_of::<T>()
}
