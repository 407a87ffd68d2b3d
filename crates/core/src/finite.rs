//! The search for numbers that are NaN or infinite, at the speed of memory: every run looks at all its data.

use pulp::NullaryFnOnce;

use crate::vector::widest;
use crate::{Mat, Real};

/// Numbers from which choosing vector instructions pays.
const WORTH: usize = 64;

/// The first entry that is NaN or infinite, as (row, column).
///
/// ```
/// use pushpull_core::{Mat, linalg::first_not_finite};
/// assert_eq!(first_not_finite(Mat::new(&[1.0, 2.0, 3.0, f64::NAN], 2, 2)), Some((1, 1)));
/// assert_eq!(first_not_finite(Mat::new(&[1.0, 2.0, 3.0, 4.0], 2, 2)), None);
/// ```
#[inline]
pub fn first_not_finite<T: Real>(matrix: Mat<'_, T>) -> Option<(usize, usize)> {
    match matrix.as_slice() {
        Some(all) if sound(all) => None,
        _ => search(matrix),
    }
}

#[cold]
#[inline(never)]
fn search<T: Real>(matrix: Mat<'_, T>) -> Option<(usize, usize)> {
    let (j, column) = matrix
        .columns()
        .enumerate()
        .find(|(_, column)| !sound(column))?;
    column.iter().position(|x| !x.is_finite()).map(|i| (i, j))
}

#[inline]
fn sound<T: Real>(numbers: &[T]) -> bool {
    if numbers.len() < WORTH {
        numbers.iter().fold(true, |sound, x| sound & x.is_finite())
    } else {
        widest::<T, _>(true, Sound(numbers))
    }
}

/// Whether all numbers are finite. A type, so that its loop is compiled for each width of vectors.
struct Sound<'a, T>(&'a [T]);

impl<T: Real> NullaryFnOnce for Sound<'_, T> {
    type Output = bool;

    #[inline(always)]
    fn call(self) -> bool {
        // Lane by lane and without a branch an entry: one conjunction over all would not be vectorised. The lanes are
        // numbers, as wide as what is looked at: conjunctions of bytes wait for one another, three times as long.
        let (chunks, rest) = self.0.as_chunks::<32>();
        let mut faults = [T::zero(); 32];
        for chunk in chunks {
            for (fault, x) in faults.iter_mut().zip(chunk) {
                *fault = if x.is_finite() { *fault } else { T::one() };
            }
        }
        let rest = rest.iter().fold(true, |sound, x| sound & x.is_finite());
        faults
            .iter()
            .fold(rest, |sound, fault| sound & fault.is_zero())
    }
}

#[cfg(test)]
mod tests {
    use super::first_not_finite;
    use crate::Mat;

    #[test]
    fn each_single_entry_is_found_at_every_length_and_gaps_do_not_count() {
        for n in [1, 7, 63, 64, 65, 200] {
            let mut data = vec![f32::MAX; 2 * (n + 1)];
            data[n] = f32::NAN; // the gap after the first column
            let first = |data: &[f32]| first_not_finite(Mat::with_stride(data, n, 2, n + 1));
            assert_eq!(first(&data[..2 * n + 1]), None);
            for i in [0, n / 2, n - 1] {
                data[n + 1 + i] = f32::NEG_INFINITY;
                assert_eq!(first(&data[..2 * n + 1]), Some((i, 1)));
                data[n + 1 + i] = 0.0;
            }
            let mut whole = vec![0.0_f64; 3 * n];
            whole[3 * n - 1] = f64::INFINITY;
            assert_eq!(first_not_finite(Mat::new(&whole, n, 3)), Some((n - 1, 2)));
        }
    }
}
