//! Where buffers lie in one flat arena: each is alive from one step of a program to another, and two that are never
//! alive together may share their place. The length of the arena *is* the memory figure.

use std::ops::Range;

use crate::memory;

mod occupied;
use occupied::Occupied;

/// A buffer asked for; its place is known after [`Planner::finish`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot(usize);

#[derive(Clone, Debug)]
struct Request {
    len: usize,
    born: usize,
    dies: usize,
}

impl Request {
    const fn life(&self) -> (usize, usize) {
        (self.born, self.dies)
    }
}

/// Collects buffers with their lives, then places them.
///
/// ```
/// use pushpull_core::siblings::arena::Planner;
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

    /// Places the buffers, the largest first, each as low as its neighbours in time allow. Numbers saturate: an arena that
    /// cannot be is as long as numbers go, and refused where its memory is asked for.
    ///
    /// Buffers that are never alive together do not meet: a chain of n blocks is placed in a time that grows as n log n.
    pub fn finish(self) -> Arena {
        self.placed().0
    }

    fn placed(self) -> (Arena, Occupied) {
        let mut order: Vec<usize> = (0..self.requests.len()).collect();
        order.sort_by_key(|&i| {
            let request = &self.requests[i];
            (
                self.first != Some(Slot(i)),
                usize::MAX - request.len,
                request.born,
            )
        });
        let needed = order.into_iter().filter(|&i| self.requests[i].len > 0);
        let lives = self.requests.iter().filter(|request| request.len > 0);
        let mut occupied = Occupied::new(lives.map(Request::life));
        let mut ranges = vec![0..0; self.requests.len()];
        let mut len = 0;
        for i in needed {
            let request = &self.requests[i];
            ranges[i] = occupied.take(request.life(), request.len);
            len = len.max(ranges[i].end);
        }
        (Arena { ranges, len }, occupied)
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

/// Several parts of an arena at once. The plan places what is alive together apart, so this cannot fail.
#[inline]
pub fn disjoint<'a, T, const N: usize>(
    arena: &'a mut [T],
    ranges: [&Range<usize>; N],
) -> [&'a mut [T]; N] {
    match arena.get_disjoint_mut(ranges.map(Clone::clone)) {
        Ok(parts) => parts,
        Err(fault) => unreachable!("an arena plan placed two live buffers on one place: {fault}"),
    }
}

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::{Planner, Request, Slot};

    /// What [`Planner::finish`] says, by looking at all that is placed for every buffer.
    fn plainly(planner: &Planner) -> (Vec<Range<usize>>, usize) {
        let requests = &planner.requests;
        let mut order: Vec<usize> = (0..requests.len()).collect();
        order.sort_by_key(|&i| {
            let Request { len, born, .. } = requests[i];
            (planner.first != Some(Slot(i)), usize::MAX - len, born)
        });
        let (mut ranges, mut placed) = (vec![0..0; requests.len()], Vec::<usize>::new());
        for i in order.into_iter().filter(|&i| requests[i].len > 0) {
            let (own, mut start) = (&requests[i], 0);
            let together = placed.iter().filter(|&&other| {
                requests[other].born <= own.dies && own.born <= requests[other].dies
            });
            let mut taken: Vec<&Range<usize>> = together.map(|&other| &ranges[other]).collect();
            taken.sort_by_key(|range| range.start);
            for range in taken {
                if range.start >= start + own.len {
                    break;
                }
                start = start.max(range.end);
            }
            ranges[i] = start..start + own.len;
            placed.push(i);
        }
        let len = ranges.iter().map(|range| range.end).max();
        (ranges, len.unwrap_or(0))
    }

    /// Programs of about n buffers: what their lives and sizes look like.
    fn programs(n: usize, rng: &mut ChaCha8Rng) -> Vec<(&'static str, Planner)> {
        let mut sizes = |even: bool| -> Vec<usize> {
            (0..n)
                .map(|_| if even { 4 } else { rng.random_range(1..500) })
                .collect()
        };
        let of = |sizes: &[usize], life: &dyn Fn(usize) -> (usize, usize)| {
            let mut planner = Planner::default();
            for (i, &len) in sizes.iter().enumerate() {
                let (born, dies) = life(i);
                planner.slot(len, born, dies);
            }
            planner
        };
        let chain = |i| (i, i + 1);
        let record = |i| (i, 2 * n - i);
        let kept = |_: usize| (0, n);
        let ended = |i: usize| (i, n);
        // Every eighth value is kept, the others are passed on.
        let mixed = |i: usize| {
            if i.is_multiple_of(8) {
                (i, 2 * n - i)
            } else {
                (i, i + 1)
            }
        };
        let skips = |i: usize| (i, i + 1 + i % 7);
        let mut all = Vec::new();
        for even in [true, false] {
            all.extend([
                ("a chain", of(&sizes(even), &chain)),
                ("records", of(&sizes(even), &record)),
                ("kept from the start", of(&sizes(even), &kept)),
                ("kept to the end", of(&sizes(even), &ended)),
                ("some records", of(&sizes(even), &mixed)),
                ("skips", of(&sizes(even), &skips)),
            ]);
        }
        let mut random = Planner::default();
        for _ in 0..n {
            let (born, len) = (rng.random_range(0..n), rng.random_range(0..9));
            // A power law: most are short, some live on.
            let lives = (n as f64).powf(rng.random::<f64>()) as usize;
            random.slot(
                len,
                born,
                if lives > n / 2 {
                    usize::MAX
                } else {
                    born + lives
                },
            );
        }
        all.push(("anything", random));
        all
    }

    #[test]
    fn places_are_those_of_looking_at_everything() {
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        for n in [1, 2, 3, 10, 60, 300]
            .into_iter()
            .chain(std::iter::repeat_n(40, 30))
        {
            for (name, mut planner) in programs(n, &mut rng) {
                if n.is_multiple_of(4) {
                    planner.at_start(Slot(n / 2));
                }
                let plain = plainly(&planner);
                let arena = planner.finish();
                assert_eq!((arena.ranges, arena.len), plain, "{name} of {n}");
            }
        }
    }

    /// Looks at sets for every buffer: at most so many, and with 16 times as many buffers hardly more.
    #[test]
    fn a_buffer_looks_at_few_others_however_long_the_program() {
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        for (name, planner) in programs(20_000, &mut rng) {
            if name == "anything" {
                continue;
            }
            let n = planner.requests.len() as u64;
            let (arena, occupied) = planner.placed();
            assert!(arena.len() > 0);
            assert!(
                occupied.looks() < 100 * n,
                "{name}: {} looks for {n}",
                occupied.looks()
            );
        }
    }

    #[test]
    fn sizes_that_cannot_be_saturate() {
        let mut planner = Planner::default();
        for i in 0..3 {
            planner.slot(usize::MAX / 2 + 1, i, 9);
        }
        planner.slot(usize::MAX, 4, usize::MAX);
        assert_eq!(planner.finish().len(), usize::MAX);
    }

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
