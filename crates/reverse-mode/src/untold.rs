//! The parts of a gradient that nobody was told of.

use std::collections::BTreeMap;
use std::ops::Range;

/// Ranges of parameters that do not overlap: start, end.
#[derive(Debug)]
pub(crate) struct Untold(BTreeMap<usize, usize>);

impl Untold {
    /// All of so many parameters.
    pub(crate) fn new(n: usize) -> Self {
        Self((n > 0).then_some((0, n)).into_iter().collect())
    }

    /// Takes a part out, of which no parameter was taken out before.
    pub(crate) fn remove(&mut self, part: &Range<usize>) {
        let Some((start, end)) = self
            .0
            .range(..=part.start)
            .next_back()
            .map(|(&s, &e)| (s, e))
        else {
            return;
        };
        self.0.remove(&start);
        let around = [(start, part.start), (part.end, end)];
        self.0
            .extend(around.into_iter().filter(|(start, end)| start < end));
    }

    /// What is left, the last parameters first.
    pub(crate) fn parts(&self) -> impl Iterator<Item = Range<usize>> {
        self.0.iter().rev().map(|(&start, &end)| start..end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_what_was_not_taken() {
        let mut untold = Untold::new(10);
        for part in [8..10, 3..5, 0..1] {
            untold.remove(&part);
        }
        assert_eq!(untold.parts().collect::<Vec<_>>(), [5..8, 1..3]);
        untold.remove(&(5..8));
        untold.remove(&(1..3));
        assert_eq!(untold.parts().count(), 0);
        assert_eq!(Untold::new(0).parts().count(), 0);
    }
}
