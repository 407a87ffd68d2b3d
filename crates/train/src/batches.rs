//! Mini-batches, exactly as in the lecture (slide "Extracting batches from the data").

use std::ops::Range;

use crate::TrainError;
use crate::error::setting;
use crate::stream::{Purpose, shuffle, stream};

/// The order of an epoch's samples and its blocks:
///
/// 1. shuffle the full data set;
/// 2. split it into blocks of M samples and process them one after the other;
/// 3. after the last block, return to 1. A pass is an *epoch*.
///
/// M = 1 is online learning, M = n the full batch. Where M does not divide n, the last block is smaller and holds the
/// n mod M samples that are left; no sample is dropped or taken twice. A step takes the mean over its own block, so in
/// that one step a sample weighs M / (n mod M) times as much as in the others; which samples they are, the shuffle decides
/// anew in each epoch.
///
/// The order of an epoch follows from the seed and the epoch's number alone, so any epoch can be had without those before.
///
/// ```
/// use pushpull_train::Batches;
/// let mut batches = Batches::new(10, 4, 1)?;
/// batches.shuffle(0);
/// let blocks: Vec<&[usize]> = (0..batches.blocks()).map(|i| batches.block(i)).collect();
/// assert_eq!(blocks.iter().map(|b| b.len()).collect::<Vec<_>>(), [4, 4, 2]);
/// let mut all = blocks.concat();
/// all.sort();
/// assert_eq!(all, (0..10).collect::<Vec<_>>());
/// # Ok::<(), pushpull_train::TrainError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batches {
    order: Vec<usize>,
    size: usize,
    seed: u64,
}

impl Batches {
    /// Blocks of `size` out of `n` samples, in the order of epoch 0.
    ///
    /// # Errors
    /// [`TrainError::Setting`] unless `size` lies between 1 and n.
    pub fn new(n: usize, size: usize, seed: u64) -> Result<Self, TrainError> {
        if size == 0 || size > n {
            let expected = format!("from 1 (online) to {n} (the full batch)");
            let remedy = "make the blocks smaller, or train on more samples";
            return Err(setting("the batch size", expected, size, remedy));
        }
        let mut batches = Self {
            order: (0..n).collect(),
            size,
            seed,
        };
        batches.shuffle(0);
        Ok(batches)
    }

    /// Shuffles the full data set for an epoch, counted from 0.
    pub fn shuffle(&mut self, epoch: u64) {
        self.order
            .iter_mut()
            .enumerate()
            .for_each(|(i, at)| *at = i);
        shuffle(
            &mut stream(self.seed, Purpose::Order, epoch),
            &mut self.order,
        );
    }

    /// Blocks of an epoch.
    pub fn blocks(&self) -> usize {
        self.order.len().div_ceil(self.size)
    }

    /// Samples of the last block where they are fewer than the others', else 0.
    pub fn rest(&self) -> usize {
        self.order.len() % self.size
    }

    /// The samples of a block, counted from 0; none past the last block.
    pub fn block(&self, index: usize) -> &[usize] {
        let n = self.order.len();
        let first = index.saturating_mul(self.size).min(n);
        let range: Range<usize> = first..first.saturating_add(self.size).min(n);
        &self.order[range]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_takes_each_sample_once_from_online_to_full() {
        for n in [1, 2, 7, 64] {
            for size in 1..=n {
                let mut batches = Batches::new(n, size, 3).unwrap();
                for epoch in 0..3 {
                    batches.shuffle(epoch);
                    let mut all: Vec<usize> = (0..batches.blocks())
                        .flat_map(|i| batches.block(i).to_vec())
                        .collect();
                    all.sort_unstable();
                    assert_eq!(all, (0..n).collect::<Vec<_>>());
                }
                let last = if batches.rest() == 0 {
                    size
                } else {
                    batches.rest()
                };
                assert_eq!(batches.block(batches.blocks() - 1).len(), last);
                assert!(batches.block(batches.blocks()).is_empty());
            }
        }
    }

    #[test]
    fn epochs_differ_and_each_can_be_had_alone() {
        let order = |seed, epoch| {
            let mut batches = Batches::new(50, 50, seed).unwrap();
            batches.shuffle(epoch);
            batches.block(0).to_vec()
        };
        assert_ne!(order(1, 0), order(1, 1));
        assert_ne!(order(1, 0), order(2, 0));
        let mut walked = Batches::new(50, 50, 1).unwrap();
        (0..=9).for_each(|epoch| walked.shuffle(epoch));
        assert_eq!(walked.block(0), order(1, 9));
    }

    #[test]
    fn impossible_sizes_are_refused() {
        assert!(
            Batches::new(10, 0, 0).is_err()
                && Batches::new(10, 11, 0).is_err()
                && Batches::new(0, 1, 0).is_err()
        );
    }
}
