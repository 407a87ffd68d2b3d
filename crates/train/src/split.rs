//! A training and a validation part.

use crate::TrainError;
use crate::error::setting;
use crate::stream::{Purpose, shuffle, stream};

/// Indices of the samples to train on and of those to validate with, each in increasing order; no sample is in both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// The larger part, usually.
    pub train: Vec<usize>,
    /// The held-out part.
    pub valid: Vec<usize>,
}

impl Split {
    /// A *plain* split: `share` of the n samples, to the nearest whole number, drawn without regard to their classes.
    ///
    /// # Errors
    /// [`TrainError::Setting`] unless `share` lies between 0 and 1 and leaves a sample on both sides.
    ///
    /// ```
    /// use pushpull_train::Split;
    /// let split = Split::plain(10, 0.3, 7)?;
    /// assert_eq!((split.train.len(), split.valid.len()), (7, 3));
    /// # Ok::<(), pushpull_train::TrainError>(())
    /// ```
    pub fn plain(n: usize, share: f64, seed: u64) -> Result<Self, TrainError> {
        Self::stratified(&vec![0; n], share, seed)
    }

    /// A *stratified* split: of each class its `share`, to the nearest whole number, so that both parts have the
    /// classes in nearly equal proportion. A class with few samples may be missing on one side.
    ///
    /// # Errors
    /// As [`Split::plain`].
    ///
    /// ```
    /// use pushpull_train::Split;
    /// let classes = [0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1];
    /// let split = Split::stratified(&classes, 0.25, 7)?;
    /// let held_out: Vec<usize> = split.valid.iter().map(|&i| classes[i]).collect();
    /// assert_eq!(held_out, [0, 1, 1]);
    /// # Ok::<(), pushpull_train::TrainError>(())
    /// ```
    pub fn stratified(classes: &[usize], share: f64, seed: u64) -> Result<Self, TrainError> {
        if !(share > 0.0 && share < 1.0) {
            let (expected, remedy) = ("above 0 and below 1", "hold out a share such as 0.2");
            return Err(setting("the validation share", expected, share, remedy));
        }
        let (mut train, mut valid) = (Vec::new(), Vec::new());
        let mut present = classes.to_vec();
        present.sort_unstable();
        present.dedup();
        for class in present {
            let mut members: Vec<usize> = (0..classes.len())
                .filter(|&i| classes[i] == class)
                .collect();
            shuffle(
                &mut stream(seed, Purpose::Split, class as u64),
                &mut members,
            );
            let held_out = (members.len() as f64 * share).round() as usize;
            train.extend_from_slice(&members[held_out..]);
            valid.extend_from_slice(&members[..held_out]);
        }
        if train.is_empty() || valid.is_empty() {
            let expected = "one that leaves a sample on both sides";
            let got = format!("{share} of {} samples", classes.len());
            let remedy = "choose one nearer to 0.5, or give more samples";
            return Err(setting("the validation share", expected, got, remedy));
        }
        train.sort_unstable();
        valid.sort_unstable();
        Ok(Self { train, valid })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sample_is_on_one_side_and_a_seed_repeats() {
        for seed in 0..5 {
            let split = Split::plain(103, 0.2, seed).unwrap();
            let mut all = [split.train.clone(), split.valid.clone()].concat();
            all.sort_unstable();
            assert_eq!(all, (0..103).collect::<Vec<_>>());
            assert_eq!(split.valid.len(), 21);
            assert_eq!(split, Split::plain(103, 0.2, seed).unwrap());
            assert_ne!(split, Split::plain(103, 0.2, seed + 1).unwrap());
        }
    }

    #[test]
    fn impossible_shares_are_refused() {
        for share in [0.0, 1.0, -0.1, f64::NAN, 0.01] {
            assert!(Split::plain(10, share, 0).is_err(), "{share}");
        }
        assert!(Split::plain(0, 0.5, 0).is_err());
    }
}
