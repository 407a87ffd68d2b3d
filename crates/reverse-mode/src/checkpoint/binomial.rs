//! The optimum for equal stages, in closed form.

use std::ops::Range;

use super::action::Action;

/// Stages that the best schedule advances for `stages` equal stages and `slots` kept boundaries, the input among them:
/// `t = r l - C(c + r, c + 1)` with the least r for which `C(c + r, c) >= l`. Each stage is recorded once besides.
/// `None` without a slot, and where 64 bits could not count them.
///
/// Source: Griewank and Walther 2000, "Algorithm 799: revolve", section 2.
///
/// ```
/// use pushpull_reverse_mode::checkpoint::advances;
/// assert_eq!([advances(10, 3), advances(64, 5), advances(100, 10)], [Some(15), Some(172), Some(222)]);
/// assert_eq!(advances(4, 0), None);
/// ```
pub fn advances(stages: usize, slots: usize) -> Option<u64> {
    if slots == 0 {
        return None;
    }
    let (l, c) = (stages as u128, slots as u128);
    let (mut below, mut r) = (0, l);
    // C(c + r, c) grows with r from C(c, c) = 1; with r = l it is at least l.
    while below < r {
        let middle = below + (r - below) / 2;
        if choose(c, middle, l) >= l {
            r = middle;
        } else {
            below = middle + 1;
        }
    }
    // C(c + r, c + 1) = C(c + r - 1, c) (c + r) / (c + 1), whose first factor is less than l.
    let saved = match r.checked_sub(1) {
        Some(before) => choose(c, before, l) * (c + r) / (c + 1),
        None => 0,
    };
    u64::try_from(r * l - saved).ok()
}

/// C(c + r, c), or some number of at least `enough` if it is that large.
fn choose(c: u128, r: u128, enough: u128) -> u128 {
    let (few, many) = (c.min(r), c.max(r));
    let mut product = 1_u128;
    for k in 1..=few {
        if product >= enough {
            break;
        }
        // C(many + k, k), which grows with k.
        product = product.saturating_mul(many + k) / k;
    }
    product
}

/// The schedule of some stages that is best for equal ones, and by which none is advanced more than r times, whatever they
/// are: `slots` boundaries are kept, the input among them. At least one slot.
pub(crate) fn binomial(stages: Range<usize>, slots: usize) -> Vec<Action> {
    // More boundaries than stages are never kept.
    let slots = slots.min(stages.len());
    let reach = Reach::new(stages.len(), slots);
    let mut actions = Vec::new();
    let mut ranges = vec![(stages.start, stages.end, slots)];
    while let Some((first, end, slots)) = ranges.pop() {
        match end - first {
            0 => {}
            1 => actions.extend([Action::Record(first), Action::PullBack(first)]),
            len => {
                let middle = first + reach.split(len, slots);
                let last = middle - 1;
                actions.push(Action::Advance { first, last });
                ranges.push((first, middle, slots));
                // A boundary before a single stage is only in passing.
                let left = if slots > 1 { slots - 1 } else { slots };
                ranges.push((middle, end, left));
            }
        }
    }
    actions
}

/// For each number of slots c = 1, 2, .., how many stages are reached when each is advanced at most r = 0, 1, .. times:
/// C(c + r, c), up to the stages there are.
pub(crate) struct Reach(Vec<Vec<usize>>);

impl Reach {
    pub(crate) fn new(stages: usize, slots: usize) -> Self {
        let enough = stages as u128;
        let row = |c: usize| {
            let reached = (0..).map(|r| choose(c as u128, r, enough).min(enough) as usize);
            let mut more = true;
            let row = reached.take_while(|&reached| std::mem::replace(&mut more, reached < stages));
            row.collect()
        };
        Self((1..=slots).map(row).collect())
    }

    /// The times that one stage more is advanced when there are `stages` then: `t(stages, c) - t(stages - 1, c)`.
    fn repeats(&self, stages: usize, slots: usize) -> usize {
        self.0[slots - 1].partition_point(|&reached| reached < stages)
    }

    /// `t(stages, slots)`, see [`advances`].
    pub(crate) fn advances(&self, stages: usize, slots: usize) -> f64 {
        let (r, c) = (self.repeats(stages, slots), slots as f64);
        let Some(before) = r.checked_sub(1) else {
            return 0.0;
        };
        let reached = self.0[slots - 1][before] as f64;
        r as f64 * stages as f64 - reached * (c + r as f64) / (c + 1.0)
    }

    /// The least k of those for which `k + t(l - k, c - 1) + t(k, c)` is least: where the difference of neighbours, which
    /// grows with k since t is convex, is no longer negative.
    fn split(&self, stages: usize, slots: usize) -> usize {
        if slots == 1 {
            return stages - 1;
        }
        let (mut low, mut high) = (1, stages - 1);
        while low < high {
            let k = low + (high - low) / 2;
            if self.repeats(k + 1, slots) + 1 >= self.repeats(stages - k, slots - 1) {
                high = k;
            } else {
                low = k + 1;
            }
        }
        low
    }
}

#[cfg(test)]
mod tests {
    use super::{advances, binomial};
    use crate::checkpoint::{Chain, Schedule, Stage};

    /// `t(l, c) = min_k k + t(l - k, c - 1) + t(k, c)`: advance k stages, keep, finish the rest, then the first k.
    #[test]
    fn the_closed_form_solves_the_recurrence() {
        let (stages, slots) = (40, 8);
        let mut t = vec![vec![0; stages + 1]; slots + 1];
        for l in 2..=stages {
            t[1][l] = (l * (l - 1) / 2) as u64;
            for c in 2..=slots {
                let split = |k: usize| k as u64 + t[c - 1][l - k] + t[c][k];
                t[c][l] = (1..l).map(split).min().unwrap();
            }
        }
        for (c, row) in t.iter().enumerate().skip(1) {
            for (l, &want) in row.iter().enumerate().skip(1) {
                assert_eq!(advances(l, c), Some(want), "{l} stages, {c} slots");
            }
        }
    }

    #[test]
    fn the_closed_form_answers_at_once_for_any_numbers() {
        const MOST: usize = usize::MAX;
        assert_eq!(advances(MOST, 1), None);
        assert_eq!(advances(MOST, 2), None);
        assert_eq!(advances(1 << 32, 1), Some((1 << 31) * ((1 << 32) - 1)));
        // One repetition, for all but the last stage.
        assert_eq!(advances(MOST, MOST), Some(MOST as u64 - 1));
        assert_eq!(advances(1_000_000_000, MOST), Some(999_999_999));
        assert_eq!(advances(MOST, MOST - 1), Some(MOST as u64 - 1));
        assert_eq!(advances(0, MOST), Some(0));
    }

    #[test]
    fn the_schedule_reaches_the_closed_form_however_long() {
        let cases = (1..40).flat_map(|n| (1..9).map(move |slots| (n, slots)));
        let long = [
            (20_000, 10),
            (20_000, 3),
            (3_000, 2_999),
            (100_000, 7),
            (5_000, 9_000),
        ];
        for (n, slots) in cases.chain(long) {
            let chain = Chain::new(vec![Stage::plain(1, 1); n]);
            let schedule = Schedule::new(chain.clone(), binomial(0..n, slots), 1);
            let advanced = schedule.evaluations() - n as u64;
            assert_eq!(
                Some(advanced),
                advances(n, slots),
                "{n} stages, {slots} slots"
            );
            assert!(schedule.slots() <= slots, "{n} stages, {slots} slots");
        }
    }
}
