//! Random numbers by address: a seed, what they are for, and a number.
//!
//! A stream is made anew wherever it is needed. So a run has no generator whose state a checkpoint could miss, and asking
//! for one stream more changes no other.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// What random numbers are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The order of an epoch's samples; numbered by the epoch.
    Order = 1,
    /// The directions of a forward gradient; numbered by the step.
    Directions = 2,
    /// A split; numbered by the class.
    Split = 3,
    /// The trials of a random search.
    Search = 4,
}

/// The stream of a purpose and a number.
pub(crate) fn stream(seed: u64, purpose: Purpose, number: u64) -> ChaCha8Rng {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..16].copy_from_slice(&(purpose as u64).to_le_bytes());
    let mut rng = ChaCha8Rng::from_seed(key);
    rng.set_stream(number);
    rng
}

/// Uniform on 0..n. The largest bias of a number is n / 2^64, which no run can see.
pub(crate) fn below(rng: &mut ChaCha8Rng, n: usize) -> usize {
    ((u128::from(rng.next_u64()) * n as u128) >> 64) as usize
}

/// Uniform on [0, 1).
pub(crate) fn unit(rng: &mut ChaCha8Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 * (0.5_f64).powi(53)
}

/// Fisher and Yates' shuffle: every order is as likely as any other.
pub(crate) fn shuffle<I>(rng: &mut ChaCha8Rng, items: &mut [I]) {
    for i in (1..items.len()).rev() {
        items.swap(i, below(rng, i + 1));
    }
}

/// Standard normal numbers, by Box and Muller's transformation; 1 - u keeps the logarithm finite.
pub(crate) fn normal(rng: &mut ChaCha8Rng) -> f64 {
    let (u, v) = (unit(rng), unit(rng));
    (-2.0 * (1.0 - u).ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_differ_by_seed_purpose_and_number_and_repeat() {
        let first = |seed, purpose, number| stream(seed, purpose, number).next_u64();
        let all = [
            first(1, Purpose::Order, 0),
            first(2, Purpose::Order, 0),
            first(1, Purpose::Directions, 0),
            first(1, Purpose::Order, 1),
        ];
        for (i, a) in all.iter().enumerate() {
            assert!(all[..i].iter().all(|b| a != b), "{all:?}");
        }
        assert_eq!(all[0], first(1, Purpose::Order, 0));
    }

    #[test]
    fn every_order_of_three_is_as_likely_as_any_other() {
        let (mut counts, rounds) = (std::collections::BTreeMap::new(), 6000);
        let mut rng = stream(1, Purpose::Order, 0);
        for _ in 0..rounds {
            let mut items = [0, 1, 2];
            shuffle(&mut rng, &mut items);
            *counts.entry(items).or_insert(0) += 1;
        }
        // Six standard deviations of a count of 1000.
        assert_eq!(counts.len(), 6);
        assert!(
            counts.values().all(|&n: &i32| (n - 1000).abs() < 174),
            "{counts:?}"
        );
    }

    #[test]
    fn normal_numbers_have_mean_0_and_variance_1() {
        let (mut rng, n) = (stream(3, Purpose::Directions, 7), 20_000);
        let draws: Vec<f64> = (0..n).map(|_| normal(&mut rng)).collect();
        let mean = draws.iter().sum::<f64>() / f64::from(n);
        let variance = draws.iter().map(|z| z * z).sum::<f64>() / f64::from(n);
        assert!(
            mean.abs() < 0.04 && (variance - 1.0).abs() < 0.06,
            "{mean} {variance}"
        );
    }
}
