//! The dynamic program: the least work to pull back every range of items, for every memory.
//!
//! For the range `s..=t`, whose input is kept by others, and m steps of memory:
//!
//! - one item: its work, if its record fits;
//! - keep a boundary: advance `s..r`, keep the output, pull back `r..=t` with what is left, then `s..r` with all m;
//! - keep a record: record s, pull back the rest with what is left, then s.
//!
//! Beaumont et al. 2019, theorem 1, with memory as it is here: cotangents lie elsewhere. Ranges that look alike share one
//! row, so a chain whose layers repeat costs little more than its number of layers. The choices are not stored: the walk back
//! finds them again.

use super::action::Action;
use super::alike::Alike;
use super::units::Items;

/// What no memory allows.
const NEVER: f64 = f64::INFINITY;

/// A choice for a range.
enum Choice {
    /// Record and pull back: the range is one item.
    Leaf,
    /// Keep the boundary before this item.
    Boundary(usize),
    /// Keep the record of the first item.
    Record,
}

#[derive(Clone, Debug)]
pub(crate) struct Table {
    items: Items,
    /// Work of all items before; exact in `f64` below 2^53.
    before: Vec<f64>,
    alike: Alike,
    /// Work for 0, 1, .. steps, row after row.
    work: Vec<f64>,
}

impl Table {
    /// Numbers that a table holds at most.
    const ROWS: usize = 8 << 20;
    /// Inner steps of a table, at most.
    pub(crate) const WORK: usize = 1 << 30;

    /// Whether a table of `n` items that all differ, with `steps` steps of memory, is within [`Table::ROWS`] and takes at
    /// most `work` inner steps.
    pub(crate) fn fits(n: usize, steps: usize, work: usize) -> bool {
        let (width, n) = (steps as u128 + 1, n as u128);
        let (rows, inner) = (n * (n + 1) / 2, n * (n + 1) * (n + 2) / 6);
        rows * width <= Self::ROWS as u128 && inner * width <= work as u128
    }

    /// The table of some items, with what the innermost ranges cost: their record by default, or what `leaves` says for
    /// every memory. `None` if it would be too large, or take more than `work` inner steps; that is found out by at most as
    /// many steps as there would be rows, or items.
    pub(crate) fn new(items: Items, leaves: Option<&[Vec<f64>]>, work: usize) -> Option<Self> {
        let (width, n) = (items.steps + 1, items.each.len() as u128);
        // So many there are if all items are alike.
        if n * (n + 1) / 2 * width as u128 > work as u128 {
            return None;
        }
        let (alike, ranges) = Alike::new(&items.each, Self::ROWS / width)?;
        let inner: usize = ranges.iter().map(|(first, last)| last - first + 1).sum();
        if inner.saturating_mul(width) > work {
            return None;
        }
        let mut before = vec![0.0];
        for item in &items.each {
            before.push(before[before.len() - 1] + item.work as f64);
        }
        let mut table = Self {
            before,
            alike,
            work: Vec::with_capacity(ranges.len() * width),
            items,
        };
        let mut best = vec![NEVER; width];
        for (s, t) in ranges {
            table.fill(s, t, leaves, &mut best);
            table.work.extend_from_slice(&best);
        }
        Some(table)
    }

    /// The least work of a range, for every memory.
    fn of(&self, first: usize, last: usize) -> &[f64] {
        let (row, width) = (self.alike.row(first, last), self.items.steps + 1);
        &self.work[row * width..(row + 1) * width]
    }

    /// The least work of all items, for every memory.
    pub(crate) fn whole(&self) -> &[f64] {
        self.of(0, self.items.each.len() - 1)
    }

    fn fill(&self, s: usize, t: usize, leaves: Option<&[Vec<f64>]>, best: &mut [f64]) {
        best.fill(NEVER);
        let items = &self.items.each;
        if s == t {
            match leaves {
                Some(leaves) => best.copy_from_slice(&leaves[s]),
                None => best[items[s].leaf.min(self.items.steps + 1)..].fill(items[s].work as f64),
            }
            return;
        }
        self.each_boundary(s, t, |r, steps, kept| {
            let advanced = self.before[r] - self.before[s];
            let (lower, upper) = (&self.of(s, r - 1)[steps..], &self.of(r, t)[steps - kept..]);
            for ((best, lower), upper) in best[steps..].iter_mut().zip(lower).zip(upper) {
                let work = advanced + lower + upper;
                if work < *best {
                    *best = work;
                }
            }
        });
        if let Some(record) = items[s].record.filter(|&record| record <= self.items.steps) {
            let rest = self.of(s + 1, t);
            for (best, rest) in best[record..].iter_mut().zip(rest) {
                let work = items[s].work as f64 + rest;
                if work < *best {
                    *best = work;
                }
            }
        }
    }

    /// Calls `visit(r, steps, kept)` for every boundary of a range: the first item after it, the least memory for which
    /// it can be kept, and what it takes then.
    fn each_boundary(&self, s: usize, t: usize, mut visit: impl FnMut(usize, usize, usize)) {
        let items = &self.items.each;
        let mut zone = items[s].from_kept;
        for r in s + 1..=t {
            if r > s + 1 {
                zone = zone.max(items[r - 1].from_passing);
            }
            if zone > self.items.steps {
                return;
            }
            let kept = self.kept(r, t);
            let steps = zone.max(kept);
            if steps <= self.items.steps {
                visit(r, steps, kept);
            }
        }
    }

    /// The choice that gives the least work for a range and a memory, if any does.
    fn choice(&self, s: usize, t: usize, m: usize) -> Option<Choice> {
        let least = self.of(s, t)[m];
        if least == NEVER {
            return None;
        }
        if s == t {
            return Some(Choice::Leaf);
        }
        let item = &self.items.each[s];
        if let Some(record) = item.record.filter(|&record| record <= m)
            && item.work as f64 + self.of(s + 1, t)[m - record] == least
        {
            return Some(Choice::Record);
        }
        let mut found = None;
        self.each_boundary(s, t, |r, steps, kept| {
            if found.is_none() && steps <= m {
                let advanced = self.before[r] - self.before[s];
                let work = advanced + self.of(s, r - 1)[m] + self.of(r, t)[m - kept];
                found = (work == least).then_some(r);
            }
        });
        found.map(Choice::Boundary)
    }

    /// Steps that the boundary before item `r` takes while the items `r..=t` are pulled back.
    fn kept(&self, r: usize, t: usize) -> usize {
        let items = &self.items.each;
        // Where slots are counted, what is only in passing takes none.
        if r == t && items[t].passing {
            0
        } else {
            items[r - 1].kept
        }
    }

    /// The best schedule of all items with `m` steps of memory, step by step. `None` if there is none.
    pub(crate) fn walk(&self, m: usize, mut visit: impl FnMut(Visit)) -> Option<()> {
        let mut tasks = vec![Task::Solve(0, self.items.each.len() - 1, m)];
        while let Some(task) = tasks.pop() {
            match task {
                Task::PullBack(item) => visit(Visit::PullBack(item)),
                Task::Solve(s, t, m) => match self.choice(s, t, m)? {
                    Choice::Leaf => visit(Visit::Leaf(s, m)),
                    Choice::Boundary(r) => {
                        visit(Visit::Advance(s, r - 1));
                        tasks.push(Task::Solve(s, r - 1, m));
                        tasks.push(Task::Solve(r, t, m - self.kept(r, t)));
                    }
                    Choice::Record => {
                        visit(Visit::Record(s));
                        let record = self.items.each[s].record.unwrap_or(0);
                        tasks.push(Task::PullBack(s));
                        tasks.push(Task::Solve(s + 1, t, m - record));
                    }
                },
            }
        }
        Some(())
    }
}

/// What remains to be done.
enum Task {
    Solve(usize, usize, usize),
    PullBack(usize),
}

/// A step of a schedule of items.
pub(crate) enum Visit {
    /// Advance from the first to the last.
    Advance(usize, usize),
    /// Record it and pull it back at once, with so much memory.
    Leaf(usize, usize),
    Record(usize),
    PullBack(usize),
}

impl Visit {
    /// Appends it to a schedule, where the items are the single stages from `start` on.
    pub(crate) fn act(self, start: usize, actions: &mut Vec<Action>) {
        match self {
            Self::Advance(first, last) => actions.push(Action::Advance {
                first: start + first,
                last: start + last,
            }),
            Self::Leaf(stage, _) => {
                actions.extend([
                    Action::Record(start + stage),
                    Action::PullBack(start + stage),
                ]);
            }
            Self::Record(stage) => actions.push(Action::Record(start + stage)),
            Self::PullBack(stage) => actions.push(Action::PullBack(start + stage)),
        }
    }
}
