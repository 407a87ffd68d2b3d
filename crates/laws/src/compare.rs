//! When two results of floating-point arithmetic count as the same.

/// Relative to the largest entry of the column. Five orders above the rounding of the sums in a block, and a relative
/// change of 1e-9 is still seen (DESIGN: a comparison that cannot see that is a defect).
pub(crate) const RELATIVE: f64 = 2e-10;
/// Relative to the seed: what cancellation inside a column may leave behind where the exact result is almost 0, as in
/// the layer norm of two rows. A block whose derivative is below 1e-4 is seen less sharply for it, one below 1e-13 not
/// at all.
pub(crate) const FLOOR: f64 = 2e-14;
/// Near the smallest numbers digits are lost, and nothing is said.
pub(crate) const TINY: f64 = 1e-290;

/// The size of the largest finite number.
pub(crate) fn largest(numbers: &[f64]) -> f64 {
    let finite = numbers.iter().filter(|x| x.is_finite());
    finite.fold(0.0, |most, x| most.max(x.abs()))
}

/// The first entry that differs, for matrices of `nrows` rows; `seed` is the largest number that the result is linear
/// in. An entry whose expected value is not finite is passed over: there is nothing to compare with.
pub(crate) fn first_difference(
    expected: &[f64],
    got: &[f64],
    nrows: usize,
    seed: f64,
) -> Option<usize> {
    debug_assert_eq!(expected.len(), got.len());
    let columns = expected.chunks(nrows.max(1)).zip(got.chunks(nrows.max(1)));
    for (j, (expected, got)) in columns.enumerate() {
        // The smaller of the two scales: one wild entry in `got` must not hide another.
        let scale = largest(expected);
        let tolerance = RELATIVE * scale + FLOOR * seed + TINY;
        let differs = |(&e, &g): (&f64, &f64)| {
            let near = (e - g).abs() <= tolerance;
            e.is_finite() && !near
        };
        if let Some(i) = expected.iter().zip(got).position(differs) {
            return Some(j * nrows + i);
        }
    }
    None
}

/// Whether the matrices agree, as [`first_difference`] sees it, and `expected` says anything.
pub(crate) fn agree(expected: &[f64], got: &[f64], nrows: usize, seed: f64) -> bool {
    expected.len() == got.len() && first_difference(expected, got, nrows, seed).is_none()
}

/// The first entry whose bits differ.
pub(crate) fn first_bit_difference(a: &[f64], b: &[f64]) -> Option<usize> {
    let pairs = a.iter().zip(b);
    pairs
        .map(|(a, b)| a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan())
        .position(|same| !same)
}

#[cfg(test)]
mod tests {
    use super::{agree, first_bit_difference, first_difference};

    #[test]
    fn a_relative_change_of_1e_9_is_seen_and_rounding_is_not() {
        let exact = [3.0, -7.0, 0.5, 1e-20, 2e-20, 3e-20];
        for i in 0..6 {
            let largest = if i < 3 { 7.0 } else { 3e-20 };
            let mut changed = exact;
            changed[i] += 1e-9 * largest;
            assert_eq!(first_difference(&exact, &changed, 3, 0.0), Some(i));
            changed[i] = exact[i] + 1e-15 * largest;
            assert!(agree(&exact, &changed, 3, 0.0));
        }
    }

    #[test]
    fn nan_for_a_number_is_a_difference_and_an_expected_nan_is_none() {
        assert_eq!(first_difference(&[1.0], &[f64::NAN], 1, 1.0), Some(0));
        assert_eq!(first_difference(&[f64::NAN], &[1.0], 1, 1.0), None);
        assert_eq!(first_bit_difference(&[f64::NAN], &[-f64::NAN]), None);
        assert_eq!(first_bit_difference(&[0.0], &[-0.0]), Some(0));
    }
}
