//! The sums that go with products, at the width of this processor's vectors.

use pulp::NullaryFnOnce;

use crate::team::by_columns;
use crate::vector::widest;
use crate::{Accum, Mat, MatMut, Real};

/// Entries from which choosing vectors pays.
const WORTH: usize = 64;

/// Entries from which sums are shared with the team.
const SHARED_FROM: usize = 1 << 14;

/// `y[:, j] += bias` for every column: one flop an entry.
pub fn add_to_columns<T: Real>(y: &mut MatMut<'_, T>, bias: &[T]) {
    for j in 0..y.ncols() {
        for (y, &bias) in y.col_mut(j).iter_mut().zip(bias) {
            *y += bias;
        }
    }
}

/// `sums (+)= y 1`, the sum of each row: one flop an entry.
pub fn row_sums<T: Real>(y: Mat<'_, T>, acc: Accum, sums: &mut [T]) {
    let (rows, entries) = (y.nrows(), y.nrows() * y.ncols());
    if entries < WORTH {
        for (i, sum) in sums.iter_mut().enumerate() {
            let start = if acc == Accum::Set { T::zero() } else { *sum };
            *sum = y.columns().fold(start, |sum, column| sum + column[i]);
        }
        return;
    }
    if acc == Accum::Set {
        sums.fill(T::zero());
    }
    if entries < SHARED_FROM {
        return widest::<T, _>(RowSums { y, sums });
    }
    // One row of sums: its columns are cut, never the columns that are summed.
    by_columns([MatMut::new(sums, 1, rows)], |range, [mut part]| {
        let y = y.rows(range);
        if let Some(sums) = part.as_mut_slice() {
            widest::<T, _>(RowSums { y, sums });
        }
    });
}

struct RowSums<'a, T> {
    y: Mat<'a, T>,
    sums: &'a mut [T],
}

impl<T: Real> NullaryFnOnce for RowSums<'_, T> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        for j in 0..self.y.ncols() {
            for (sum, &y) in self.sums.iter_mut().zip(self.y.col(j)) {
                *sum += y;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::row_sums;
    use crate::{Accum, Mat};

    #[test]
    fn rows_are_summed_and_added() {
        for (m, n) in [(3, 5), (40, 33), (1, 100)] {
            let y: Vec<f32> = (0..m * n).map(|i| (i % 17) as f32).collect();
            let mut sums = vec![f32::NAN; m];
            row_sums(Mat::new(&y, m, n), Accum::Set, &mut sums);
            row_sums(Mat::new(&y, m, n), Accum::Add, &mut sums);
            for (i, sum) in sums.iter().enumerate() {
                assert_eq!(*sum, 2.0 * (0..n).map(|j| y[j * m + i]).sum::<f32>());
            }
        }
    }
}
