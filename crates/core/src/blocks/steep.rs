//! Slopes that are kept numbers: which of them are not finite.

use crate::linalg::first_not_finite;
use crate::{Mat, Real};

/// Hands (column, row, number) of every entry that is NaN or infinite to `found`: quick where there is none.
pub(super) fn not_finite<T: Real>(entries: Mat<'_, T>, mut found: impl FnMut(usize, usize, f64)) {
    if first_not_finite(entries).is_none() {
        return;
    }
    for (j, column) in entries.columns().enumerate() {
        for (i, entry) in column.iter().enumerate() {
            // Of a dual number the value alone.
            if !entry.to_f64().is_finite() {
                found(j, i, entry.to_f64());
            }
        }
    }
}
