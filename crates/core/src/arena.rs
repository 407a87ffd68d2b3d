//! Where buffers lie in one flat arena: each is alive from one step of a program to another, and two that are never
//! alive together may share their place. The length of the arena *is* the memory figure.

use std::ops::Range;

use crate::memory;

/// A buffer asked for; its place is known after [`Planner::finish`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot(usize);

#[derive(Clone, Debug)]
struct Request {
    len: usize,
    born: usize,
    dies: usize,
}

/// Collects buffers with their lives, then places them.
///
/// ```
/// use pushpull_core::arena::Planner;
/// let mut planner = Planner::default();
/// let (a, b, c) = (planner.slot(10, 0, 1), planner.slot(5, 1, 2), planner.slot(8, 2, 3));
/// let arena = planner.finish();
/// assert_eq!(arena.len(), 15); // c takes the place of a
/// assert!(arena.range(a).end <= arena.range(b).start || arena.range(b).end <= arena.range(a).start);
/// # let _ = c;
/// ```
#[derive(Clone, Debug, Default)]
pub struct Planner {
    requests: Vec<Request>,
    /// The buffer that lies at the start of the arena.
    first: Option<Slot>,
}

/// The places of all buffers.
#[derive(Clone, Debug)]
pub struct Arena {
    ranges: Vec<Range<usize>>,
    len: usize,
}

impl Planner {
    /// A buffer of `len` numbers that is alive in the steps `born..=dies`.
    pub fn slot(&mut self, len: usize, born: usize, dies: usize) -> Slot {
        self.requests.push(Request { len, born, dies });
        Slot(self.requests.len() - 1)
    }

    /// Keeps a buffer alive until step `dies` at least.
    pub fn keep_until(&mut self, slot: Slot, dies: usize) {
        let request = &mut self.requests[slot.0];
        request.dies = request.dies.max(dies);
    }

    /// Places a buffer at the start of the arena, so that what it holds can outlive the rest.
    pub fn at_start(&mut self, slot: Slot) {
        self.first = Some(slot);
    }

    /// Places the buffers, the largest first, each as low as its neighbours in time allow.
    pub fn finish(self) -> Arena {
        let mut order: Vec<usize> = (0..self.requests.len()).collect();
        order.sort_by_key(|&i| {
            let request = &self.requests[i];
            (
                self.first != Some(Slot(i)),
                usize::MAX - request.len,
                request.born,
            )
        });
        let mut ranges = vec![0..0; self.requests.len()];
        // Places taken so far, by where they start.
        let mut placed: Vec<usize> = Vec::with_capacity(order.len());
        let mut len = 0;
        for i in order {
            let request = &self.requests[i];
            if request.len == 0 {
                continue;
            }
            let mut start = 0;
            for &other in &placed {
                let neighbour = &self.requests[other];
                let together = neighbour.born <= request.dies && request.born <= neighbour.dies;
                let taken: &Range<usize> = &ranges[other];
                if !together || taken.end <= start {
                    continue;
                }
                if taken.start >= start + request.len {
                    break;
                }
                start = taken.end;
            }
            ranges[i] = start..start + request.len;
            len = len.max(start + request.len);
            let at = placed.partition_point(|&other| ranges[other].start <= start);
            placed.insert(at, i);
        }
        Arena { ranges, len }
    }
}

impl Arena {
    /// Where a buffer lies. A buffer of no numbers lies at `0..0`.
    #[inline]
    pub fn range(&self, slot: Slot) -> Range<usize> {
        self.ranges[slot.0].clone()
    }

    /// Heap bytes that the places themselves take.
    pub const fn held(&self) -> usize {
        memory::held(&self.ranges)
    }

    /// Numbers that the arena holds.
    #[allow(clippy::len_without_is_empty)] // An arena of no buffers is no special case.
    pub const fn len(&self) -> usize {
        self.len
    }
}

#[cfg(test)]
mod tests {
    use super::Planner;

    #[test]
    fn buffers_alive_together_never_overlap_and_a_chain_takes_its_widest_pair() {
        let lens = [7, 30, 12, 50, 3, 3, 41, 9];
        let mut planner = Planner::default();
        let slots: Vec<_> = lens
            .iter()
            .enumerate()
            .map(|(i, &len)| planner.slot(len, i, i + 1))
            .collect();
        let arena = planner.finish();
        for i in 0..lens.len() - 1 {
            let (a, b) = (arena.range(slots[i]), arena.range(slots[i + 1]));
            assert!(a.end <= b.start || b.end <= a.start);
        }
        assert_eq!(arena.len(), 12 + 50);
    }

    #[test]
    fn a_buffer_at_the_start_is_there_however_small() {
        let mut planner = Planner::default();
        let (_, small) = (planner.slot(9, 0, 1), planner.slot(2, 1, 2));
        planner.at_start(small);
        let arena = planner.finish();
        assert_eq!((arena.range(small), arena.len()), (0..2, 11));
    }

    #[test]
    fn a_longer_life_moves_the_neighbours() {
        let mut planner = Planner::default();
        let a = planner.slot(4, 0, 0);
        let b = planner.slot(4, 1, 1);
        planner.keep_until(a, 1);
        let arena = planner.finish();
        assert_ne!(arena.range(a), arena.range(b));
    }
}
