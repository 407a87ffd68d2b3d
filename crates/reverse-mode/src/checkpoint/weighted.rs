//! Stages of different work, too many for one table, within a number of boundaries.

use std::ops::Range;

use super::action::Action;
use super::binomial::Reach;
use super::chain::Chain;
use super::table::Table;
use super::units::by_slots;

/// Stages that are planned by a table.
const EXACT: usize = 48;

/// Boundaries that are looked at, at most.
const LOOKS: usize = 1 << 25;

/// The schedule of some stages that keeps a boundary where it is estimated to be best, the input among `slots` kept ones, and
/// plans what is left of them exactly once it is few enough. The estimate takes all stages of a range for equal:
/// `t(l, c) W / (l - 1)` with the closed form t and the work W of all but the last, which is never advanced. `None` where that
/// would look at too many boundaries, or with one slot.
pub(crate) fn weighted(chain: &Chain, stages: Range<usize>, slots: usize) -> Option<Vec<Action>> {
    let reach = Reach::new(stages.len(), slots.min(stages.len()));
    let mut before = vec![0.0; stages.start + 1];
    for stage in &chain.stages()[stages.clone()] {
        before.push(before[before.len() - 1] + stage.work as f64);
    }
    let estimate = |range: Range<usize>, slots: usize| {
        if range.len() < 2 {
            return 0.0;
        }
        let work = before[range.end - 1] - before[range.start];
        reach.advances(range.len(), slots.min(range.len())) * work / (range.len() - 1) as f64
    };
    let (mut looks, mut actions) = (0, Vec::new());
    let mut ranges = vec![(stages, slots)];
    while let Some((range, slots)) = ranges.pop() {
        if range.len() <= EXACT {
            let steps = (slots - 1).min(range.len());
            let items = by_slots(chain, range.clone(), steps);
            let table = Table::new(items, None, usize::MAX)?;
            table.walk(steps, |visit| visit.act(range.start, &mut actions))?;
            continue;
        }
        looks += range.len();
        if looks > LOOKS || slots < 2 {
            return None;
        }
        let (first, end) = (range.start, range.end);
        let work = |middle: usize| {
            let advanced = before[middle] - before[first];
            advanced + estimate(first..middle, slots) + estimate(middle..end, slots - 1)
        };
        let mut best = (f64::INFINITY, first + 1);
        for middle in first + 1..end {
            let work = work(middle);
            if work < best.0 {
                best = (work, middle);
            }
        }
        let middle = best.1;
        let last = middle - 1;
        actions.push(Action::Advance { first, last });
        ranges.push((first..middle, slots));
        ranges.push((middle..end, (slots - 1).max(1)));
    }
    Some(actions)
}

#[cfg(test)]
mod tests {
    use super::weighted;
    use crate::checkpoint::binomial::{advances, binomial};
    use crate::checkpoint::{Chain, Limit, Schedule, Stage, optimal};

    /// Stages of different work, some much more than others.
    fn chain(n: usize) -> Chain {
        let stage = |k: usize| {
            let large = if k.is_multiple_of(29) { 20 } else { 1 };
            Stage::plain((50 + (k * 31) as u64 % 49) * large, 1)
        };
        Chain::new((0..n).map(stage).collect())
    }

    #[test]
    fn the_estimate_does_seven_hundredths_more_than_the_optimum_at_most() {
        let chain = chain(200);
        for slots in [2, 3, 5, 10, 31, 100] {
            let best = optimal(&chain, Limit::Slots(slots)).unwrap();
            let estimated =
                Schedule::new(chain.clone(), weighted(&chain, 0..200, slots).unwrap(), 1);
            assert!(estimated.slots() <= slots);
            let ratio = estimated.work() as f64 / best.work() as f64;
            assert!((1.0..1.07).contains(&ratio), "{slots} slots: {ratio}");
        }
    }

    #[test]
    fn equal_stages_take_the_binomial_optimum_up_to_a_hundredth() {
        for (n, slots) in [(5_000, 10), (2_000, 3), (300, 2)] {
            let chain = Chain::new(vec![Stage::plain(1, 1); n]);
            let estimated = Schedule::new(chain.clone(), weighted(&chain, 0..n, slots).unwrap(), 1);
            let advanced = estimated.evaluations() - n as u64;
            let best = advances(n, slots).unwrap();
            assert!(
                (best..=best + best / 100).contains(&advanced),
                "{advanced} for {best}"
            );
        }
    }

    #[test]
    fn what_takes_too_many_looks_is_left_to_the_closed_form() {
        // Half of the work lies in every stage that is left.
        let stages = (0..20_000_u32).map(|k| Stage::plain(1 << (63 - k.min(62)), 1));
        let chain = Chain::new(stages.collect());
        let schedule = optimal(&chain, Limit::Slots(5)).unwrap();
        let plain = Schedule::new(chain.clone(), binomial(0..20_000, 5), 1);
        assert!(schedule.slots() <= 5 && schedule.work() <= plain.work());
    }
}
