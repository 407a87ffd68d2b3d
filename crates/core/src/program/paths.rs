//! Several ways through one list: what chunks of tangents have in common is emitted, placed and kept once.
//!
//! Two chunks of tangents run the same primal, push the same widths, and differ where their own parameters start. Each is a
//! [`Path`], a few ranges of a list that all share; a program for each would be a hundred times as large. A buffer is then
//! one of a node and a role, as wide as the widest path needs it, and time is the node and a phase of it, which all paths
//! pass in the same order.

use std::collections::HashMap;
use std::ops::Range;

use super::{Instr, Program, Role};

/// Phases of a node, at most.
const PHASES: usize = 8;

/// One way through a program's list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Path {
    /// The instructions, in this order.
    pub ranges: Vec<Range<usize>>,
    /// How often it is run for one answer.
    pub times: u64,
}

/// What the paths of a program share, while they are emitted.
#[derive(Clone, Debug, Default)]
pub(super) struct Shared {
    bufs: HashMap<(usize, Role), usize>,
    /// Where each instruction stands in the list.
    places: HashMap<Instr, Vec<usize>>,
    now: usize,
}

impl Shared {
    /// The buffer of a node and a role; `next` if there is none yet.
    pub(super) fn buf(&mut self, node: usize, role: Role, next: usize) -> usize {
        *self.bufs.entry((node, role)).or_insert(next)
    }

    pub(super) const fn now(&self) -> usize {
        self.now
    }
}

impl Program {
    /// On paths: what follows happens in this phase of a node. Else time is the order of the list.
    ///
    /// # Panics
    /// If there are not so many phases.
    pub fn phase(&mut self, node: usize, phase: usize) {
        assert!(phase < PHASES, "phase {phase} of {PHASES}");
        if let Some(shared) = &mut self.shared {
            shared.now = node * PHASES + phase;
        }
    }

    /// Adds a path that is run `times` times. What stands in the list already, by earlier paths, is not emitted again.
    pub fn path(&mut self, times: u64, emit: impl FnOnce(&mut Self)) {
        let ranges = self.laid(emit, true);
        self.paths.push(Path { ranges, times });
    }

    /// Puts into the list, whole, what paths will have in common.
    pub fn lay(&mut self, emit: impl FnOnce(&mut Self)) {
        self.laid(emit, false);
    }

    fn laid(&mut self, emit: impl FnOnce(&mut Self), find: bool) -> Vec<Range<usize>> {
        self.shared.get_or_insert_default();
        let start = self.instrs.len();
        emit(self);
        let (list, times) = (self.instrs.split_off(start), self.times.split_off(start));
        let Some(shared) = &mut self.shared else {
            return Vec::new();
        };
        let (mut ranges, mut i): (Vec<Range<usize>>, usize) = (Vec::new(), 0);
        while i < list.len() {
            // The place from which most instructions follow alike; the first of several.
            let alike = |&from: &usize| {
                let pairs = list[i..].iter().zip(&self.instrs[from..]);
                pairs.take_while(|(new, old)| new == old).count()
            };
            let places = shared.places.get(&list[i]).filter(|_| find);
            let lengths = places
                .into_iter()
                .flatten()
                .map(|from| (alike(from), *from));
            let best = lengths.rev().max_by_key(|&(length, _)| length);
            let range = match best {
                Some((length, from)) => from..from + length,
                None => {
                    let place = self.instrs.len();
                    self.instrs.push(list[i]);
                    self.times.push(times[i]);
                    shared.places.entry(list[i]).or_default().push(place);
                    place..place + 1
                }
            };
            i += range.len();
            match ranges.last_mut() {
                Some(last) if last.end == range.start => last.end = range.end,
                _ => ranges.push(range),
            }
        }
        ranges
    }

    /// The paths; of a program without any the whole list, once.
    pub(super) fn ways(&self) -> Vec<Path> {
        if self.paths.is_empty() {
            let whole = 0..self.instrs.len();
            return vec![Path {
                ranges: vec![whole],
                times: 1,
            }];
        }
        self.paths.clone()
    }
}
