//! Sums over the leaves of all ranks, in the fixed tree.

use std::ops::Range;
use std::rc::Rc;

use pushpull_train::Precision;

use crate::part::{Common, Part};
use crate::{Communicator, MpiError, Tree, share};

/// Adds a vector of numbers a leaf over all ranks, in the pairs of a [`Tree`]: the same bits for any number of ranks.
///
/// A rank has a block of leaves ([`share`]) and hands in their vectors in order. What it can add alone, it adds at once; the sum
/// of a subtree whose left neighbour begins on another rank is sent there as soon as it is whole, while later leaves are still
/// computed. A vector may have *parts* ([`Reduction::in_parts`]), which are sent apart from each other: a part whose last leaf has
/// come is on its way while the rest of that leaf is still computed. Where a left subtree ends on one rank and the right one begins
/// on the next, the first rank waits for it in [`Reduction::finish`]. Of each part a rank sends at most 2 log2 of its leaves' number
/// of messages, most often one. The root is rank 0's, which tells it to all.
///
/// ```
/// use std::rc::Rc;
/// use pushpull_mpi::{Communicator, Reduction, local};
/// let sums = local::run(3, |rank| {
///     let mut reduction = Reduction::<f32>::new(Rc::new(rank), 5, 1);
///     for leaf in reduction.block() {
///         reduction.push(0, &[leaf as f32])?;
///     }
///     let mut sum = [0.0];
///     reduction.finish(&mut sum).map(|()| sum[0])
/// });
/// assert!(sums.into_iter().all(|sum| sum == Ok(10.0)));
/// ```
#[derive(Debug)]
pub struct Reduction<T> {
    common: Common,
    /// One after the other.
    parts: Vec<Part<T>>,
}

impl<T: Precision> Reduction<T> {
    /// Parts of a vector, at most: a message says in its tag which one it is about.
    pub const MOST_PARTS: usize = 256;

    /// Sums over so many leaves, of vectors of so many numbers.
    pub fn new(comm: Rc<dyn Communicator>, leaves: usize, width: usize) -> Self {
        Self::in_parts(comm, leaves, &[width])
    }

    /// The same, of vectors in so many parts, each of so many numbers. All ranks have the same parts.
    ///
    /// # Panics
    /// If there are more than [`Reduction::MOST_PARTS`].
    pub fn in_parts(comm: Rc<dyn Communicator>, leaves: usize, widths: &[usize]) -> Self {
        assert!(widths.len() <= Self::MOST_PARTS, "{} parts", widths.len());
        let block = share(leaves, comm.rank(), comm.size());
        let mut end = 0;
        let part = |(number, width): (usize, &usize)| {
            let start = end;
            end += width;
            Part::new(number as u8, start..end, block.start)
        };
        Self {
            parts: (widths.iter().enumerate().map(part))
                .filter(|part| !part.entries.is_empty())
                .collect(),
            common: Common {
                comm,
                tree: Tree::new(leaves),
                block,
                round: 0,
                bytes: Vec::new(),
            },
        }
    }

    /// This rank's leaves.
    pub fn block(&self) -> Range<usize> {
        self.common.block.clone()
    }

    /// Forgets what was handed in: for the next sum after one that was not finished. All ranks restart together; what one of them had
    /// sent is told apart by a number in each message, and left out.
    pub fn restart(&mut self) {
        self.common.round += 1;
        let first = self.common.block.start;
        self.parts.iter_mut().for_each(|part| part.restart(first));
    }

    /// Hands in some numbers of the vector of this rank's next leaf, from the entry `at` on. They come in any order; when the last
    /// ones of a part have come, the part's next leaf is the next one.
    ///
    /// # Errors
    /// Those of [`Communicator::send`].
    ///
    /// # Panics
    /// If there are no such entries, more numbers of a part came than it has, or this rank's block has no further leaf.
    pub fn push(&mut self, at: usize, numbers: &[T]) -> Result<(), MpiError> {
        let (end, width) = (at + numbers.len(), self.width());
        assert!(end <= width, "entries {at}..{end} of {width}");
        // The last parts first, in the order in which reverse mode comes to them.
        for part in self.parts.iter_mut().rev() {
            let (first, last) = (at.max(part.entries.start), end.min(part.entries.end));
            if first < last {
                let own = &numbers[first - at..last - at];
                part.push(first - part.entries.start, own, &mut self.common)?;
            }
        }
        self.common.comm.progress();
        Ok(())
    }

    fn width(&self) -> usize {
        self.parts.last().map_or(0, |part| part.entries.end)
    }

    /// The sum over all leaves, on every rank. Another sum can follow.
    ///
    /// # Errors
    /// Those of [`Communicator::receive`].
    ///
    /// # Panics
    /// If a leaf of this rank was not handed in, or `total` has another length than was announced.
    pub fn finish(&mut self, total: &mut [T]) -> Result<(), MpiError> {
        let width = self.width();
        assert!(
            total.len() == width,
            "{} numbers are not {width}",
            total.len()
        );
        for part in self.parts.iter_mut().rev() {
            part.finish(total, &mut self.common)?;
        }
        let Common { comm, bytes, .. } = &mut self.common;
        if comm.size() > 1 {
            bytes.resize(width * T::BYTES, 0);
            T::store_all(total, bytes);
            comm.broadcast(bytes)?;
            T::load_all(bytes, total);
            comm.settle();
        }
        Ok(())
    }
}
