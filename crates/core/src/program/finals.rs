//! When which part of a gradient is final: the instruction that writes it last.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use super::place::Place;
use super::{Asked, Code};

/// The parts of a gradient in the order in which a path makes them final: of a chain, the last block's first. No two of them
/// overlap; parameters that are in none are final when the path ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Finals {
    /// The step that writes a part last, in the order of the steps, and the part's parameters.
    parts: Vec<(u32, Range<usize>)>,
}

impl Finals {
    /// The first part that is final after one of some steps.
    pub(super) fn within(&self, steps: &Range<u32>) -> Option<&(u32, Range<usize>)> {
        let first = self.parts.partition_point(|(step, _)| *step < steps.start);
        self.parts.get(first).filter(|(step, _)| *step < steps.end)
    }
}

impl Code {
    /// When a path that asks for one gradient, of one seed, is done with each part of it.
    ///
    /// # Panics
    /// If there is no such path.
    pub fn finals(&self, path: usize) -> Finals {
        // Parts that later steps write, by their starts: what a step writes before is not final.
        let (mut later, mut parts) = (BTreeMap::<usize, usize>::new(), Vec::new());
        for k in self.paths[path]
            .iter()
            .rev()
            .flat_map(|range| range.clone().rev())
        {
            let Place::Asked {
                which: Asked::ParamsBar,
                rows,
                ..
            } = self.steps[k as usize].to
            else {
                continue;
            };
            let (mut start, mut end) = rows.range(1);
            if start == end {
                continue;
            }
            let (own, mut last) = (start..end, true);
            while let Some((&from, &to)) = later
                .range(..end)
                .next_back()
                .filter(|(_, to)| **to > start)
            {
                later.remove(&from);
                (start, end, last) = (start.min(from), end.max(to), false);
            }
            later.insert(start, end);
            if last {
                parts.push((k, own));
            }
        }
        parts.reverse();
        Finals { parts }
    }
}

/// A listener, and the parts that it is told of.
pub(super) struct Told<'f, T> {
    pub finals: &'f Finals,
    to: &'f mut dyn FnMut(Range<usize>, &[T]),
}

impl<'f, T> Told<'f, T> {
    pub(super) fn new(finals: &'f Finals, to: &'f mut dyn FnMut(Range<usize>, &[T])) -> Self {
        Self { finals, to }
    }

    /// Tells of a part of `gradient`.
    pub(super) fn of(&mut self, part: &Range<usize>, gradient: &[T]) {
        (self.to)(part.clone(), &gradient[part.clone()]);
    }
}

impl<T> fmt::Debug for Told<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Told")
            .field("finals", self.finals)
            .finish_non_exhaustive()
    }
}
