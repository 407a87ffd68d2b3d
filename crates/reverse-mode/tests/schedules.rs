//! Schedules as pure functions: against the closed form, against every schedule there is, and within their limits.

#[path = "../../../tests/common/seeds.rs"]
mod seeds;

use proptest::prelude::*;
use pushpull_reverse_mode::checkpoint::{
    Action, Chain, Family, Limit, Schedule, Stage, TooSmall, advances, even, optimal, pareto,
    square_root,
};

/// Every schedule of a chain that keeps what it keeps until it has served, tried one by one.
struct Search<'a> {
    stages: &'a [Stage],
    limit: Limit,
}

/// A value on the stack: the boundary before stage `boundary`, alone or within the record of the stage before.
#[derive(Clone, Copy)]
struct Kept {
    boundary: usize,
    numbers: usize,
    record: bool,
}

impl Search<'_> {
    /// The least work to pull back the stages `..left`, `u64::MAX` if there is no way.
    fn pull_back(&self, left: usize, kept: &[Kept]) -> u64 {
        let Some(stage) = left.checked_sub(1) else {
            return 0;
        };
        match kept.last() {
            Some(top) if top.boundary == left => self.after(stage, &kept[..kept.len() - 1]),
            top => self.run(top.map_or(0, |top| top.boundary), 0, stage, kept),
        }
    }

    /// The rest when `stage` has just been pulled back.
    fn after(&self, stage: usize, kept: &[Kept]) -> u64 {
        let served = kept
            .last()
            .is_some_and(|top| top.boundary == stage && !top.record);
        self.pull_back(stage, &kept[..kept.len() - usize::from(served)])
    }

    /// Runs on from the boundary before stage `at`, which takes `passing` numbers if it is not kept, until `target` has
    /// been recorded and pulled back.
    fn run(&self, at: usize, passing: usize, target: usize, kept: &[Kept]) -> u64 {
        let stage = &self.stages[at];
        let held = passing + kept.iter().map(|kept| kept.numbers).sum::<usize>();
        let fits = |numbers: usize| match self.limit {
            Limit::Slots(_) => true,
            Limit::Numbers(limit) => held + numbers <= limit,
        };
        if at == target {
            let rest = || self.after(target, kept);
            return if fits(stage.record) {
                stage.work.saturating_add(rest())
            } else {
                u64::MAX
            };
        }
        let keep = |numbers: usize, record: bool| {
            let mut kept = kept.to_vec();
            kept.push(Kept {
                boundary: at + 1,
                numbers,
                record,
            });
            self.run(at + 1, 0, target, &kept)
        };
        let mut best = u64::MAX;
        if fits(stage.advance) {
            best = best.min(self.run(at + 1, stage.output.max(1), target, kept));
            if !matches!(self.limit, Limit::Slots(slots) if kept.len() + 2 > slots) {
                best = best.min(keep(stage.output, false));
            }
        }
        let numbers = matches!(self.limit, Limit::Numbers(_));
        if numbers && passing == 0 && fits(stage.record) {
            best = best.min(keep(stage.record, true));
        }
        stage.work.saturating_add(best)
    }
}

fn stage() -> impl Strategy<Value = Stage> {
    (1..9_u64, 1..5_usize, 0..4_usize, 0..4_usize).prop_map(|(work, output, advance, record)| {
        Stage {
            advance: output + advance,
            record: output + advance + record,
            ..Stage::plain(work, output)
        }
    })
}

fn chain(lengths: std::ops::Range<usize>) -> impl Strategy<Value = Chain> {
    prop::collection::vec(stage(), lengths).prop_map(Chain::new)
}

/// Every stage is pulled back once, the last one first, right after nothing but its own record lies above it.
fn complete(schedule: &Schedule, chain: &Chain) {
    let pulled = schedule
        .actions()
        .iter()
        .filter_map(|action| match *action {
            Action::PullBack(stage) => Some(stage),
            _ => None,
        });
    assert!(pulled.eq((0..chain.stages().len()).rev()));
}

proptest! {
    #![proptest_config(seeds::config(256, "tests/proptest-regressions/schedules.txt"))]

    #[test]
    fn no_schedule_does_less_work_within_so_many_numbers(chain in chain(1..6), above in 0..16_usize) {
        let limit = Limit::Numbers(chain.smallest() + above);
        let schedule = optimal(&chain, limit).unwrap();
        complete(&schedule, &chain);
        prop_assert!(schedule.peak() <= chain.smallest() + above);
        let search = Search { stages: chain.stages(), limit };
        prop_assert_eq!(schedule.work(), search.pull_back(chain.stages().len(), &[]));
    }

    #[test]
    fn no_schedule_does_less_work_within_so_many_slots(chain in chain(1..7), slots in 1..5_usize) {
        let schedule = optimal(&chain, Limit::Slots(slots)).unwrap();
        complete(&schedule, &chain);
        prop_assert!(schedule.slots() <= slots);
        let search = Search { stages: chain.stages(), limit: Limit::Slots(slots) };
        prop_assert_eq!(schedule.work(), search.pull_back(chain.stages().len(), &[]));
    }

    #[test]
    fn the_smallest_limit_is_what_no_schedule_beats(chain in chain(1..6)) {
        let smallest = chain.smallest();
        prop_assert_eq!(optimal(&chain, Limit::Numbers(smallest - 1)), Err(TooSmall { smallest }));
        prop_assert_eq!(optimal(&chain, Limit::Slots(0)), Err(TooSmall { smallest: 1 }));
        let below = Search { stages: chain.stages(), limit: Limit::Numbers(smallest - 1) };
        prop_assert_eq!(below.pull_back(chain.stages().len(), &[]), u64::MAX);
    }

    #[test]
    fn coarse_steps_stay_within_the_limit_and_more_memory_never_needs_more_work_than_least(
        chain in chain(20..40), scale in 50..400_usize, above in 0..4000_usize,
    ) {
        let large = chain.stages().iter().map(|stage| Stage {
            output: stage.output * scale + 1,
            advance: stage.advance * scale + 1,
            record: stage.record * scale + 1,
            ..*stage
        });
        let chain = Chain::new(large.collect());
        let limit = chain.smallest() + above;
        let schedule = optimal(&chain, Limit::Numbers(limit)).unwrap();
        complete(&schedule, &chain);
        prop_assert!(schedule.peak() <= limit);
        let once: u64 = chain.stages().iter().map(|stage| stage.work).sum();
        prop_assert!(schedule.work() >= once);
    }

    #[test]
    fn rules_of_thumb_are_schedules(chain in chain(1..30), groups in 0..40_usize) {
        for schedule in [even(&chain, groups), square_root(&chain)] {
            complete(&schedule, &chain);
            let n = chain.stages().len() as u64;
            prop_assert!((n..2 * n).contains(&schedule.evaluations()));
            let best = optimal(&chain, Limit::Numbers(schedule.peak())).unwrap();
            prop_assert!(best.work() <= schedule.work());
        }
    }
}

#[test]
fn equal_stages_take_the_binomial_optimum() {
    for (stages, slots) in [
        (10, 3),
        (64, 5),
        (100, 10),
        (1, 1),
        (2, 1),
        (37, 1),
        (12, 12),
        (50, 2),
    ] {
        let chain = Chain::new(vec![Stage::plain(3, 4); stages]);
        let schedule = optimal(&chain, Limit::Slots(slots)).unwrap();
        let advanced = schedule.evaluations() - stages as u64;
        assert_eq!(
            Some(advanced),
            advances(stages, slots),
            "{stages} stages, {slots} slots"
        );
        assert!(schedule.slots() <= slots);
    }
    assert_eq!(advances(10, 3), Some(15));
    assert_eq!(advances(64, 5), Some(172));
    assert_eq!(advances(100, 10), Some(222));
}

#[test]
fn a_record_that_is_kept_saves_the_second_run() {
    // Two boundaries of 4 numbers beside a record of 4: what a boundary takes, a record here takes too.
    let chain = Chain::new(vec![Stage::plain(1, 4); 3]);
    let within = |numbers| optimal(&chain, Limit::Numbers(numbers)).unwrap();
    assert_eq!(within(12).evaluations(), 3);
    assert!(
        !within(12)
            .actions()
            .iter()
            .any(|action| matches!(action, Action::Advance { .. }))
    );
    assert_eq!(within(8).evaluations(), 5);
}

#[test]
fn long_chains_of_all_different_stages_are_planned_in_groups() {
    let stage = |k: usize| {
        let output = 1000 + (k * 7919) % 997;
        Stage {
            record: output + (k * 104_729) % 1009,
            ..Stage::plain(500 + (k * 31) as u64 % 499, output)
        }
    };
    let chain = Chain::new((0..400).map(stage).collect());
    let all: usize = chain.stages().iter().map(|stage| stage.record).sum();
    let schedule = optimal(&chain, Limit::Numbers(all / 8)).unwrap();
    complete(&schedule, &chain);
    assert!(schedule.peak() <= all / 8);
    let rule = square_root(&chain);
    let within = optimal(&chain, Limit::Numbers(rule.peak())).unwrap();
    assert!(within.work() < rule.work());
}

#[test]
fn more_memory_is_less_work() {
    let chain = Chain::new(vec![Stage::plain(5, 3); 60]);
    for family in [Family::Optimal, Family::Even, Family::SquareRoot] {
        let outcomes = pareto(&chain, family, 10);
        assert!(!outcomes.is_empty());
        for pair in outcomes.windows(2) {
            assert!(
                pair[0].peak < pair[1].peak && pair[0].work > pair[1].work,
                "{family:?}"
            );
        }
    }
    assert_eq!(
        pareto(&chain, Family::Optimal, 10)
            .last()
            .unwrap()
            .evaluations,
        60
    );
}

#[test]
fn a_chain_without_stages_needs_nothing() {
    let chain = Chain::new(Vec::new());
    for limit in [Limit::Numbers(0), Limit::Slots(1)] {
        assert_eq!(optimal(&chain, limit).unwrap().actions(), []);
    }
    assert_eq!(even(&chain, 3).actions(), []);
}
