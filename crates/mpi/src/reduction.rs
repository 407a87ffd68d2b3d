//! Sums over the leaves of all ranks, in the fixed tree.

use std::ops::Range;
use std::rc::Rc;

use pushpull_train::Precision;

use crate::{Communicator, MpiError, Node, Tag, Tree, owner, share};

/// Adds a vector of numbers a leaf over all ranks, in the pairs of a [`Tree`]: the same bits for any number of ranks.
///
/// A rank has a block of leaves ([`share`]) and hands in their vectors in order. What it can add alone, it adds at once; the sum
/// of a subtree whose left neighbour begins on another rank is sent there as soon as it is whole, while later leaves are still
/// computed. Where a left subtree ends on one rank and the right one begins on the next, the first rank waits for it in
/// [`Reduction::finish`]. A rank sends at most 2 log2 of its leaves' number of messages, most often one. The root is rank 0's,
/// which tells it to all.
///
/// ```
/// use std::rc::Rc;
/// use pushpull_mpi::{Communicator, Reduction, local};
/// let sums = local::run(3, |rank| {
///     let mut reduction = Reduction::<f32>::new(Rc::new(rank), 5, 1);
///     for leaf in reduction.block() {
///         reduction.push(&[leaf as f32])?;
///     }
///     let mut sum = [0.0];
///     reduction.finish(&mut sum).map(|()| sum[0])
/// });
/// assert!(sums.into_iter().all(|sum| sum == Ok(10.0)));
/// ```
#[derive(Debug)]
pub struct Reduction<T> {
    comm: Rc<dyn Communicator>,
    tree: Tree,
    block: Range<usize>,
    /// The next leaf of the block.
    next: usize,
    width: usize,
    /// Whole subtrees that wait for their right sibling, from left to right.
    waiting: Vec<(Node, Vec<T>)>,
    /// Vectors that are free for use.
    free: Vec<Vec<T>>,
    bytes: Vec<u8>,
}

impl<T: Precision> Reduction<T> {
    /// Sums over so many leaves, of vectors of so many numbers.
    pub fn new(comm: Rc<dyn Communicator>, leaves: usize, width: usize) -> Self {
        let block = share(leaves, comm.rank(), comm.size());
        Self {
            next: block.start,
            comm,
            tree: Tree::new(leaves),
            block,
            width,
            waiting: Vec::new(),
            free: Vec::new(),
            bytes: Vec::new(),
        }
    }

    /// This rank's leaves.
    pub fn block(&self) -> Range<usize> {
        self.block.clone()
    }

    /// Forgets what was handed in: for the next sum after one that was not finished.
    pub fn restart(&mut self) {
        self.next = self.block.start;
        let left = self.waiting.drain(..).map(|(_, sum)| sum);
        self.free.extend(left);
    }

    /// Hands in the vector of this rank's next leaf, given in pieces one after the other.
    ///
    /// # Errors
    /// Those of [`Communicator::send`].
    ///
    /// # Panics
    /// If the pieces are not as many numbers as were announced, or this rank's block has no further leaf.
    pub fn push_pieces(&mut self, pieces: &[&[T]]) -> Result<(), MpiError> {
        let numbers: usize = pieces.iter().map(|piece| piece.len()).sum();
        assert!(
            numbers == self.width && self.next < self.block.end,
            "leaf {} of {:?}: {numbers} numbers, of {}",
            self.next,
            self.block,
            self.width
        );
        let leaf = Node {
            level: 0,
            index: self.next,
        };
        self.next += 1;
        let tree = self.tree;
        let left = |(node, _): &mut (Node, Vec<T>)| tree.sibling(leaf) == Some(*node);
        match self.waiting.pop_if(left) {
            // Added where its left sibling lies, without a copy.
            Some((_, mut sum)) => {
                let mut rest = &mut sum[..];
                for piece in pieces {
                    let (to, after) = rest.split_at_mut(piece.len());
                    add(to, piece);
                    rest = after;
                }
                self.lift(tree.parent(leaf), sum)?;
            }
            None => {
                let mut sum = self.free.pop().unwrap_or_default();
                sum.clear();
                pieces.iter().for_each(|piece| sum.extend_from_slice(piece));
                self.lift(leaf, sum)?;
            }
        }
        self.comm.progress();
        Ok(())
    }

    /// [`Reduction::push_pieces`] of one piece.
    ///
    /// # Errors
    /// As [`Reduction::push_pieces`].
    ///
    /// # Panics
    /// As [`Reduction::push_pieces`].
    pub fn push(&mut self, numbers: &[T]) -> Result<(), MpiError> {
        self.push_pieces(&[numbers])
    }

    /// A whole subtree on its way up: added to its left sibling if that is here, sent to it if it is elsewhere, kept if its
    /// right sibling is still to come.
    fn lift(&mut self, mut node: Node, mut sum: Vec<T>) -> Result<(), MpiError> {
        while node != self.tree.root() {
            match self.tree.sibling(node) {
                None => {}
                Some(right) if right.index > node.index => break,
                Some(left) => {
                    let first = self.tree.leaves_of(left).start;
                    if first < self.block.start {
                        let size = self.comm.size();
                        let to = owner(self.tree.leaves(), first, size);
                        self.bytes.resize(self.width * T::BYTES, 0);
                        T::store_all(&sum, &mut self.bytes);
                        self.comm.send(to, Tag::Subtree(node.level), &self.bytes)?;
                        self.free.push(sum);
                        return Ok(());
                    }
                    // It began here and is whole, so it is the one that waits last.
                    if let Some((_, mut left)) = self.waiting.pop() {
                        add(&mut left, &sum);
                        self.free.push(std::mem::replace(&mut sum, left));
                    }
                }
            }
            node = self.tree.parent(node);
        }
        self.waiting.push((node, sum));
        Ok(())
    }

    /// The sum over all leaves, on every rank. Another sum can follow.
    ///
    /// # Errors
    /// Those of [`Communicator::receive`].
    ///
    /// # Panics
    /// If a leaf of this rank was not handed in, or `total` has another length than was announced.
    pub fn finish(&mut self, total: &mut [T]) -> Result<(), MpiError> {
        assert!(
            self.next == self.block.end && total.len() == self.width,
            "leaf {} of {:?} was not handed in, or {} numbers are not {}",
            self.next,
            self.block,
            total.len(),
            self.width
        );
        self.bytes.resize(self.width * T::BYTES, 0);
        while let Some((node, mut sum)) = self.waiting.pop() {
            let Some(right) = self.tree.sibling(node) else {
                total.copy_from_slice(&sum);
                self.free.push(sum);
                continue;
            };
            let first = self.tree.leaves_of(right).start;
            let from = owner(self.tree.leaves(), first, self.comm.size());
            self.comm
                .receive(from, Tag::Subtree(right.level), &mut self.bytes)?;
            let mut came = self.free.pop().unwrap_or_default();
            came.resize(self.width, T::zero());
            T::load_all(&self.bytes, &mut came);
            add(&mut sum, &came);
            self.free.push(came);
            self.lift(self.tree.parent(node), sum)?;
        }
        if self.comm.size() > 1 {
            T::store_all(total, &mut self.bytes);
            self.comm.broadcast(&mut self.bytes)?;
            T::load_all(&self.bytes, total);
            self.comm.settle();
        }
        self.next = self.block.start;
        Ok(())
    }
}

fn add<T: Precision>(sum: &mut [T], more: &[T]) {
    sum.iter_mut()
        .zip(more)
        .for_each(|(sum, &more)| *sum += more);
}
