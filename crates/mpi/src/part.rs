//! A part of the vectors of leaves, on its way up the tree.

use std::ops::Range;
use std::rc::Rc;

use pushpull_train::Precision;

use crate::{Communicator, MpiError, Node, Tag, Tree, owner};

/// What all parts of a sum have in common.
#[derive(Debug)]
pub(crate) struct Common {
    pub comm: Rc<dyn Communicator>,
    pub tree: Tree,
    /// This rank's leaves.
    pub block: Range<usize>,
    /// Which sum this is: a message begins with it.
    pub round: u64,
    /// Of a message.
    pub bytes: Vec<u8>,
}

/// Bytes of a message before its numbers.
const ROUND: usize = size_of::<u64>();

impl Common {
    /// Sends the sum of a subtree.
    fn send<T: Precision>(&mut self, to: usize, tag: Tag, sum: &[T]) -> Result<(), MpiError> {
        self.bytes.resize(ROUND + sum.len() * T::BYTES, 0);
        let (round, numbers) = self.bytes.split_at_mut(ROUND);
        round.copy_from_slice(&self.round.to_le_bytes());
        T::store_all(sum, numbers);
        self.comm.send(to, tag, &self.bytes)
    }

    /// Waits for the sum of a subtree. What was sent before ranks began anew comes first, and is left out.
    fn receive<T: Precision>(
        &mut self,
        from: usize,
        tag: Tag,
        sum: &mut [T],
    ) -> Result<(), MpiError> {
        self.bytes.resize(ROUND + sum.len() * T::BYTES, 0);
        loop {
            self.comm.receive(from, tag, &mut self.bytes)?;
            let (round, numbers) = self.bytes.split_at(ROUND);
            if round == self.round.to_le_bytes() {
                T::load_all(numbers, sum);
                return Ok(());
            }
        }
    }
}

/// Some entries of the vectors, which are added and sent together.
#[derive(Debug)]
pub(crate) struct Part<T> {
    /// Which of the parts it is.
    number: u8,
    pub entries: Range<usize>,
    /// The next leaf of the block.
    next: usize,
    /// That leaf's numbers, those that have come.
    coming: Option<Coming<T>>,
    /// Whole subtrees that wait for their right sibling, from left to right.
    waiting: Vec<(Node, Vec<T>)>,
    /// Vectors that are free for use.
    free: Vec<Vec<T>>,
}

/// A leaf of which some numbers have come.
#[derive(Debug)]
struct Coming<T> {
    /// How many.
    numbers: usize,
    /// Where they are: by themselves, or added to the left sibling's.
    sum: Vec<T>,
    added: bool,
}

impl<T: Precision> Part<T> {
    pub(crate) const fn new(number: u8, entries: Range<usize>, first: usize) -> Self {
        Self {
            number,
            entries,
            next: first,
            coming: None,
            waiting: Vec::new(),
            free: Vec::new(),
        }
    }

    /// Forgets what was handed in; the next leaf is `first`.
    pub(crate) fn restart(&mut self, first: usize) {
        self.next = first;
        let left = self.waiting.drain(..).map(|(_, sum)| sum);
        self.free
            .extend(left.chain(self.coming.take().map(|coming| coming.sum)));
    }

    /// Numbers of the next leaf, from the part's entry `at` on. The leaf goes up when all have come.
    pub(crate) fn push(
        &mut self,
        at: usize,
        numbers: &[T],
        common: &mut Common,
    ) -> Result<(), MpiError> {
        let (leaf, width) = (self.next, self.entries.len());
        assert!(leaf < common.block.end, "leaf {leaf} of {:?}", common.block);
        let node = Node {
            level: 0,
            index: leaf,
        };
        let mut coming = self.coming.take().unwrap_or_else(|| {
            let left = |(left, _): &mut (Node, Vec<T>)| common.tree.sibling(node) == Some(*left);
            match self.waiting.pop_if(left) {
                // Added where its left sibling lies, without a copy.
                Some((_, sum)) => Coming {
                    numbers: 0,
                    sum,
                    added: true,
                },
                None => Coming {
                    numbers: 0,
                    sum: self.vector(),
                    added: false,
                },
            }
        });
        let to = &mut coming.sum[at..at + numbers.len()];
        if coming.added {
            add(to, numbers);
        } else {
            to.copy_from_slice(numbers);
        }
        coming.numbers += numbers.len();
        assert!(
            coming.numbers <= width,
            "leaf {leaf}: {} of {width} numbers",
            coming.numbers
        );
        if coming.numbers < width {
            self.coming = Some(coming);
            return Ok(());
        }
        self.next += 1;
        let node = if coming.added {
            common.tree.parent(node)
        } else {
            node
        };
        self.lift(node, coming.sum, common)
    }

    /// A vector for the part's entries.
    fn vector(&mut self) -> Vec<T> {
        let mut vector = self.free.pop().unwrap_or_default();
        vector.resize(self.entries.len(), T::zero());
        vector
    }

    const fn tag(&self, node: Node) -> Tag {
        Tag::Subtree {
            level: node.level,
            part: self.number,
        }
    }

    /// A whole subtree on its way up: added to its left sibling if that is here, sent to it if it is elsewhere, kept if its
    /// right sibling is still to come.
    fn lift(
        &mut self,
        mut node: Node,
        mut sum: Vec<T>,
        common: &mut Common,
    ) -> Result<(), MpiError> {
        while node != common.tree.root() {
            match common.tree.sibling(node) {
                None => {}
                Some(right) if right.index > node.index => break,
                Some(left) => {
                    let first = common.tree.leaves_of(left).start;
                    if first < common.block.start {
                        let to = owner(common.tree.leaves(), first, common.comm.size());
                        common.send(to, self.tag(node), &sum)?;
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
            node = common.tree.parent(node);
        }
        self.waiting.push((node, sum));
        Ok(())
    }

    /// Waits for what other ranks send, and takes this rank's subtrees up as far as they are its own: the root to `total`.
    pub(crate) fn finish(&mut self, total: &mut [T], common: &mut Common) -> Result<(), MpiError> {
        assert!(
            self.next == common.block.end && self.coming.is_none(),
            "leaf {} of {:?} was not handed in",
            self.next,
            common.block
        );
        while let Some((node, mut sum)) = self.waiting.pop() {
            let Some(right) = common.tree.sibling(node) else {
                total[self.entries.clone()].copy_from_slice(&sum);
                self.free.push(sum);
                continue;
            };
            let first = common.tree.leaves_of(right).start;
            let from = owner(common.tree.leaves(), first, common.comm.size());
            let mut came = self.vector();
            common.receive(from, self.tag(right), &mut came)?;
            add(&mut sum, &came);
            self.free.push(came);
            self.lift(common.tree.parent(node), sum, common)?;
        }
        self.next = common.block.start;
        Ok(())
    }
}

fn add<T: Precision>(sum: &mut [T], more: &[T]) {
    sum.iter_mut()
        .zip(more)
        .for_each(|(sum, &more)| *sum += more);
}
