//! Early stopping: the parameters of the epoch with the lowest watched loss, and how long ago that was.

/// The best epoch so far.
#[derive(Clone, Debug, PartialEq)]
pub struct Best<T> {
    /// From 1; 0 before the first epoch, with the starting parameters.
    pub epoch: u64,
    /// The watched loss, infinite before the first epoch.
    pub loss: f64,
    /// The parameters at the end of that epoch.
    pub params: Vec<T>,
}

impl<T: Copy> Best<T> {
    /// Before the first epoch.
    pub(crate) fn start(params: &[T]) -> Self {
        Self {
            epoch: 0,
            loss: f64::INFINITY,
            params: params.to_vec(),
        }
    }

    /// Takes note of an epoch; whether it is the best so far. Of equal losses the first is kept.
    pub(crate) fn note(&mut self, epoch: u64, loss: f64, params: &[T]) -> bool {
        let better = loss < self.loss;
        if better {
            (self.epoch, self.loss) = (epoch, loss);
            self.params.copy_from_slice(params);
        }
        better
    }

    /// Whether the patience is at an end after `epoch` epochs.
    pub(crate) fn is_stale(&self, epoch: u64, patience: Option<u64>) -> bool {
        patience.is_some_and(|patience| epoch.saturating_sub(self.epoch) >= patience)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_counts_epochs_since_the_best() {
        let mut best = Best::start(&[0]);
        let losses = [3.0, 2.0, 2.0, f64::NAN, 2.5];
        let noted: Vec<bool> = (1..)
            .zip(losses)
            .map(|(e, loss)| best.note(e, loss, &[e]))
            .collect();
        assert_eq!(noted, [true, true, false, false, false]);
        assert_eq!((best.epoch, best.params.clone()), (2, vec![2]));
        assert!(!best.is_stale(4, Some(3)) && best.is_stale(5, Some(3)) && !best.is_stale(5, None));
    }
}
