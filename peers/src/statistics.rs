//! Medians, quartiles, and how far two results are apart.

/// The quantile `q` in 0..=1 of some numbers, between neighbours by straight line; NaN of none.
pub fn quantile(numbers: &[f64], q: f64) -> f64 {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    let Some(last) = sorted.len().checked_sub(1) else {
        return f64::NAN;
    };
    let at = q * last as f64;
    let (below, above) = (sorted[at.floor() as usize], sorted[at.ceil() as usize]);
    below + (above - below) * at.fract()
}

/// |a - b| / |b| in the Euclidean norm; infinite for different lengths, and where something is not finite.
pub fn distance(a: &[f64], b: &[f64]) -> f64 {
    if a.len() != b.len() {
        return f64::INFINITY;
    }
    let norm = |terms: &mut dyn Iterator<Item = f64>| terms.map(|v| v * v).sum::<f64>().sqrt();
    let (apart, size) = (
        norm(&mut a.iter().zip(b).map(|(a, b)| a - b)),
        norm(&mut b.iter().copied()),
    );
    match apart {
        0.0 => 0.0,
        apart if (apart / size).is_finite() => apart / size,
        _ => f64::INFINITY,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_of_few_numbers() {
        let numbers = [4.0, 1.0, 3.0, 2.0, 5.0];
        assert_eq!(
            [0.0, 0.25, 0.5, 0.75, 1.0].map(|q| quantile(&numbers, q)),
            [1.0, 2.0, 3.0, 4.0, 5.0]
        );
        assert_eq!(quantile(&[1.0, 2.0], 0.25), 1.25);
        assert!(quantile(&[], 0.5).is_nan());
    }

    #[test]
    fn a_wrong_result_is_far() {
        assert_eq!(distance(&[3.0, 4.0], &[3.0, 4.0]), 0.0);
        assert_eq!(distance(&[3.0, 9.0], &[3.0, 4.0]), 1.0);
        for wrong in [&[3.0][..], &[3.0, f64::NAN], &[f64::INFINITY, 4.0]] {
            assert_eq!(distance(wrong, &[3.0, 4.0]), f64::INFINITY);
        }
        assert_eq!(distance(&[1e-30], &[0.0]), f64::INFINITY);
    }
}
