//! Exponentials of short columns at vector width.

use crate::vector::{Single, singles};
use crate::{MatMut, Real};

/// Entries that are gathered before they are exponentiated: a few vectors full.
const GATHERED: usize = 64;

/// y = e^y
struct Exponential;

impl<T: Real> Single<T> for Exponential {
    #[inline(always)]
    fn at(&self, y: &mut T) {
        *y = y.exp();
    }
}

/// `y = e^y`, one call an entry. A column of ten classes fills no vector, and here it lies between other numbers: so
/// several columns are gathered, done in one loop, and put back.
pub(super) fn exponentials<T: Real>(mut y: MatMut<'_, T>) {
    let (n, batch) = (y.nrows(), y.ncols());
    if 2 * n > GATHERED || y.as_mut_slice().is_some() {
        return singles(y, Exponential);
    }
    let mut gathered = [T::zero(); GATHERED];
    for first in (0..batch).step_by(GATHERED / n) {
        let columns = first..batch.min(first + GATHERED / n);
        let len = columns.len() * n;
        for (part, j) in gathered.chunks_exact_mut(n).zip(columns.clone()) {
            part.copy_from_slice(y.col_mut(j));
        }
        singles(MatMut::new(&mut gathered, len, 1), Exponential);
        for (part, j) in gathered.chunks_exact(n).zip(columns) {
            y.col_mut(j).copy_from_slice(part);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::exponentials;
    use crate::MatMut;

    #[test]
    fn every_entry_is_exponentiated_once_and_gaps_are_left_alone() {
        for (n, batch) in [(1, 200), (10, 13), (31, 5), (33, 3)] {
            for gap in [0, 3] {
                let stride = n + gap;
                let start: Vec<f64> = (0..stride * batch).map(|i| (i % 7) as f64 - 5.0).collect();
                let mut y = start.clone();
                exponentials(MatMut::with_stride(&mut y, n, batch, stride));
                for (i, (y, x)) in y.iter().zip(&start).enumerate() {
                    let expected = if i % stride < n { x.exp() } else { *x };
                    assert!((y - expected).abs() <= 1e-15 * expected.abs());
                }
            }
        }
    }
}
