//! Which places are taken at which times, kept so that a buffer meets its neighbours in time alone.
//!
//! Times are the leaves of a binary tree. A node of it stands for a stretch of time and holds the places of all buffers
//! alive in some part of it, and those of the buffers alive in the whole of it that are in no larger stretch's. A life is made
//! of at most two stretches of every size, so what is taken during it lies in a number of sets that grows with the
//! logarithm of the program. A set is kept as a union: places that touch are one range, and what is packed without gaps
//! is passed in one step, however many buffers lie there.

use std::collections::BTreeMap;
use std::ops::Range;

/// Times at which all that is taken is kept in a set of its own, at most: see [`Occupied::new`].
const STABS: usize = 8;

/// Disjoint ranges, those that touch made one.
#[derive(Clone, Debug, Default)]
struct Union {
    /// The end of each range, by its start.
    ends: BTreeMap<usize, usize>,
}

impl Union {
    fn add(&mut self, Range { mut start, mut end }: Range<usize>) {
        while let Some((&first, &last)) = self.ends.range(..=end).next_back() {
            if last < start {
                break;
            }
            self.ends.remove(&first);
            (start, end) = (start.min(first), end.max(last));
        }
        self.ends.insert(start, end);
    }

    /// The end of the last range that overlaps `wanted`: nothing of its length fits at a place between.
    fn past(&self, wanted: &Range<usize>) -> Option<usize> {
        let (_, &end) = self.ends.range(..wanted.end).next_back()?;
        (end > wanted.start).then_some(end)
    }
}

/// The places of the buffers alive in a stretch of time.
#[derive(Clone, Debug, Default)]
struct Stretch {
    /// In some part of it, but for those kept whole by a larger stretch.
    part: Union,
    /// In all of it, for which no larger stretch does.
    whole: Union,
}

/// The places taken so far.
#[derive(Debug)]
pub(super) struct Occupied {
    /// The first steps of lives, in order: two lives meet in a step exactly if they meet in one of these.
    times: Vec<usize>,
    /// A power of two, at least as many as there are times.
    leaves: usize,
    /// The root at 1, the halves of node i at 2 i and 2 i + 1.
    stretches: Vec<Stretch>,
    stabs: Vec<(usize, Union)>,
    /// The nodes that make up the life in hand, and whether each is covered whole; kept for its room.
    nodes: Vec<(usize, bool)>,
    looks: u64,
}

impl Occupied {
    /// Nothing is taken, for buffers with these lives, first and last step.
    ///
    /// Records of a reverse sweep are all alive at its turn: of different sizes, they would lie scattered over the sets of
    /// the tree. So all that is taken at the times where most lives meet is kept together as well.
    pub(super) fn new(lives: impl Iterator<Item = (usize, usize)> + Clone) -> Self {
        let mut times: Vec<usize> = lives.clone().map(|(born, _)| born).collect();
        times.sort_unstable();
        times.dedup();
        let leaves = times.len().next_power_of_two();
        let mut occupied = Self {
            stretches: vec![Stretch::default(); 2 * leaves],
            times,
            leaves,
            stabs: Vec::new(),
            nodes: Vec::new(),
            looks: 0,
        };
        let mut left: Vec<(usize, usize)> = lives.map(|life| occupied.span(life)).collect();
        while occupied.stabs.len() < STABS && !left.is_empty() {
            let mut steps = vec![0_isize; occupied.times.len() + 1];
            for &(first, last) in &left {
                steps[first] += 1;
                steps[last + 1] -= 1;
            }
            let alive = steps.iter().scan(0, |alive, step| {
                *alive += step;
                Some(*alive)
            });
            let busiest = alive.enumerate().max_by_key(|&(_, alive)| alive);
            let Some((time, _)) = busiest.filter(|&(_, alive)| alive as usize > 2 * STABS) else {
                break;
            };
            left.retain(|&(first, last)| !(first..=last).contains(&time));
            occupied.stabs.push((time, Union::default()));
        }
        occupied
    }

    /// The first and the last of the times that a life covers.
    fn span(&self, (born, dies): (usize, usize)) -> (usize, usize) {
        let first = self.times.partition_point(|&time| time < born);
        let last = self.times.partition_point(|&time| time <= dies);
        (first, last.max(first + 1) - 1)
    }

    /// The lowest place for `len` numbers where nothing else is during a life, which is taken then.
    pub(super) fn take(&mut self, life: (usize, usize), len: usize) -> Range<usize> {
        let (first, last) = self.span(life);
        self.nodes.clear();
        decompose(1, (0, self.leaves - 1), (first, last), &mut self.nodes);
        let within = |time: usize| (first..=last).contains(&time);
        let stabs = self.stabs.iter().filter(|&&(time, _)| within(time));
        let nodes = self.nodes.iter().map(|&(node, covered)| {
            let stretch = &self.stretches[node];
            if covered {
                &stretch.part
            } else {
                &stretch.whole
            }
        });
        let sets = stabs.map(|(_, set)| set).chain(nodes);
        let sets: Vec<&Union> = sets.filter(|set| !set.ends.is_empty()).collect();
        let (mut start, mut moved) = (0_usize, true);
        let wanted = |start: usize| start..start.saturating_add(len);
        while std::mem::take(&mut moved) {
            for set in &sets {
                self.looks += 1;
                while let Some(end) = set.past(&wanted(start)) {
                    (start, moved) = (end, true);
                    self.looks += 1;
                }
            }
        }
        let place = wanted(start);
        for (_, set) in self.stabs.iter_mut().filter(|(time, _)| within(*time)) {
            set.add(place.clone());
        }
        for &(node, covered) in &self.nodes {
            let stretch = &mut self.stretches[node];
            stretch.part.add(place.clone());
            if covered {
                stretch.whole.add(place.clone());
            }
        }
        place
    }

    /// Looks at sets so far: what the search costs, without a clock.
    #[cfg(test)]
    pub(super) const fn looks(&self) -> u64 {
        self.looks
    }
}

/// The nodes below `node`, which stands for `has`, that are covered whole by `wanted`, and those on the way to them.
fn decompose(
    node: usize,
    has: (usize, usize),
    wanted: (usize, usize),
    nodes: &mut Vec<(usize, bool)>,
) {
    if wanted.1 < has.0 || has.1 < wanted.0 {
        return;
    }
    let covered = wanted.0 <= has.0 && has.1 <= wanted.1;
    nodes.push((node, covered));
    if !covered {
        let middle = has.0 + (has.1 - has.0) / 2;
        decompose(2 * node, (has.0, middle), wanted, nodes);
        decompose(2 * node + 1, (middle + 1, has.1), wanted, nodes);
    }
}
