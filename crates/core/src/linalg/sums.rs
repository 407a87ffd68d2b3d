//! The sums that go with products, and the search for what is not finite, at the width of this processor's vectors.

use pulp::{Arch, NullaryFnOnce};

use crate::{Accum, Mat, MatMut, Real};

/// Entries from which choosing vectors pays.
const WORTH: usize = 64;

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
    if acc == Accum::Set {
        sums.fill(T::zero());
    }
    let work = RowSums { y, sums };
    if y.nrows() * y.ncols() < WORTH {
        work.call();
    } else {
        Arch::new().dispatch(work);
    }
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

/// The first entry that is NaN or infinite, as (row, column).
pub fn first_not_finite<T: Real>(matrix: Mat<'_, T>) -> Option<(usize, usize)> {
    // All is tested first, without a branch an entry, so the sound case runs at memory speed.
    if Arch::new().dispatch(Finite(matrix)) {
        return None;
    }
    let not_finite = |column: &[T]| column.iter().position(|x| !x.is_finite());
    let mut columns = matrix.columns().enumerate();
    columns.find_map(|(j, column)| not_finite(column).map(|i| (i, j)))
}

/// Whether all entries are.
struct Finite<'a, T>(Mat<'a, T>);

impl<T: Real> NullaryFnOnce for Finite<'_, T> {
    type Output = bool;

    #[inline(always)]
    fn call(self) -> bool {
        match self.0.as_slice() {
            Some(entries) => finite(entries),
            None => (0..self.0.ncols()).all(|j| finite(self.0.col(j))),
        }
    }
}

#[inline(always)]
fn finite<T: Real>(entries: &[T]) -> bool {
    // Lane by lane: one sum over all would not vectorise.
    let (chunks, rest) = entries.as_chunks::<32>();
    let mut sound = [true; 32];
    for chunk in chunks {
        for (sound, x) in sound.iter_mut().zip(chunk) {
            *sound &= x.is_finite();
        }
    }
    let rest = rest.iter().fold(true, |sound, x| sound & x.is_finite());
    sound.iter().fold(rest, |all, &lane| all & lane)
}

#[cfg(test)]
mod tests {
    use super::{first_not_finite, row_sums};
    use crate::{Accum, Mat};

    #[test]
    fn the_first_fault_is_found_wherever_it_lies_and_gaps_are_not_looked_at() {
        for fault in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            for at in 0..7 * 11 {
                let mut entries = [f64::MAX; 7 * 11];
                entries[at] = fault;
                let (tight, gaps) = (
                    Mat::new(&entries, 7, 11),
                    Mat::with_stride(&entries, 5, 11, 7),
                );
                assert_eq!(first_not_finite(tight), Some((at % 7, at / 7)));
                let seen = (at % 7 < 5).then_some((at % 7, at / 7));
                assert_eq!(first_not_finite(gaps), seen);
            }
        }
        assert_eq!(first_not_finite(Mat::<f64>::empty()), None);
    }

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
