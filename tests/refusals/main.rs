//! Numbers that cannot be are refused before the work, by a typed error with its words: no panic in any profile, no abort, and
//! nothing large allocated on the way.

use std::panic::{AssertUnwindSafe, catch_unwind};

use pushpull::blocks::{Activation, Loss};
use pushpull::checkpoint::{
    Chain, Family, Limit, Stage, advances, even, optimal, pareto, square_root,
};
use pushpull::{
    Budget, Calibration, Chunk, Forward, ForwardOverForward, Graph, HessianVector, MixedMode, Mlp,
    Plan, Prepared, Primal, Question, Reverse, Store, Structured, Team, Way, Wrt,
};
use pushpull_bench::alloc::{CountingAllocator, measure};
use pushpull_explain::Explanation;
use pushpull_laws::Shadow;

mod blocks;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

const MOST: usize = usize::MAX;
/// Whatever is multiplied with these, no memory holds it.
const IMPOSSIBLE: [usize; 4] = [MOST, MOST / 2, MOST / 16, 1 << 48];
/// What some machines hold; nothing is prepared here with these.
const LARGE: [usize; 2] = [1 << 32, 1_000_000_000];

type Told = Result<(), String>;
type Call<'a> = (&'a str, Box<dyn Fn(usize) -> Told + 'a>);

fn told<R, E: std::fmt::Display>(result: Result<R, E>) -> Told {
    result.map(drop).map_err(|fault| fault.to_string())
}

/// What a call says about a number: it neither panics nor allocates much.
fn ask((name, call): &Call<'_>, n: usize) -> Told {
    let run = || catch_unwind(AssertUnwindSafe(|| call(n)));
    let (told, heap) = measure(run).unwrap();
    let told = told.unwrap_or_else(|_| panic!("{name} of {n} panics"));
    assert!(heap.peak_bytes < 1 << 26, "{name} of {n}: {heap:?}");
    if let Err(words) = &told {
        // A message has one line; after the fault it names a remedy, or what would be right.
        let helps = words.contains("; ") || words.contains("must be");
        assert!(helps && !words.contains('\n'), "{name} of {n}: {words}");
    }
    told
}

/// Calls that have to refuse what is impossible, whether they are given what is large or not.
fn refuse(calls: &[Call<'_>], prepares: bool) {
    for call in calls {
        for n in IMPOSSIBLE {
            assert!(ask(call, n).is_err(), "{} takes {n}", call.0);
        }
        let others = if prepares { &[][..] } else { &LARGE[..] };
        for &n in [0, 1].iter().chain(others) {
            let _ = ask(call, n);
        }
    }
}

fn graph() -> Graph {
    let net = Mlp::new(&[3, 4, 2], Activation::Tanh).loss(Loss::SquaredError);
    net.build().unwrap()
}

/// A chain without a loss: its Jacobian can be bracketed.
fn chain() -> Graph {
    Mlp::new(&[3, 4, 2], Activation::Tanh).build().unwrap()
}

macro_rules! calls {
    ($($name:literal: $call:expr),* $(,)?) => {
        &[$(($name, Box::new($call) as Box<dyn Fn(usize) -> Told + '_>)),*]
    };
}

#[test]
fn a_batch_that_cannot_be_is_refused_by_every_prediction() {
    let (g, c, chunk, all) = (&graph(), &chain(), Chunk::Auto, Store::All);
    let calls: &[Call<'_>] = calls![
        "Primal, predicted": |n| told(Primal::<f32>::predict(g, n)),
        "Forward, gradient predicted": |n| told(Forward::plan(g, n, Question::Gradient).chunk(chunk).prediction::<f32>()),
        "Forward, jvp predicted": |n| told(Forward::plan(g, n, Question::Jvp(2)).chunk(chunk).wrt(Wrt::BOTH).prediction::<f64>()),
        "Forward, jacobian params predicted": |n| told(Forward::plan(g, n, Question::JacobianParams).chunk(chunk).prediction::<f64>()),
        "Forward, jacobian inputs predicted": |n| told(Forward::plan(g, n, Question::JacobianInputs).chunk(chunk).prediction::<f64>()),
        "Forward, gradient listed": |n| told(Forward::plan(g, n, Question::Gradient).chunk(chunk).work::<f64>()),
        "Structured, gradient predicted": |n| told(Structured::plan(g, n).chunk(chunk).prediction::<f64>()),
        "Structured::samples": |n| told(Structured::plan(g, n).chunk(chunk).samples::<f64>()),
        "ForwardOverForward, predicted": |n| told(ForwardOverForward::plan(g, n).chunk(chunk).prediction::<f64>()),
        "Reverse, gradient predicted": |n| told(Reverse::plan(g, n, Question::Gradient).checkpointing(all).prediction::<f32>()),
        "Reverse, gradient predicted, slots": |n| told(Reverse::plan(g, n, Question::Gradient).checkpointing(Store::Slots(2)).prediction::<f32>()),
        "Reverse, gradient predicted, bytes": |n| told(Reverse::plan(g, n, Question::Gradient).checkpointing(Store::Bytes(4096)).prediction::<f32>()),
        "vjp, predicted": |n| told(Reverse::plan(g, n, Question::Vjp(3)).wrt(Wrt::BOTH).checkpointing(all).seeds(2).prediction::<f64>()),
        "Reverse, jacobian params predicted": |n| told(Reverse::plan(g, n, Question::JacobianParams).checkpointing(all).seeds(2).prediction::<f64>()),
        "Reverse, jacobian inputs predicted": |n| told(Reverse::plan(g, n, Question::JacobianInputs).checkpointing(all).seeds(2).prediction::<f64>()),
        "vjp, listed": |n| told(Reverse::plan(g, n, Question::Vjp(2)).checkpointing(all).seeds(2).work::<f64>()),
        "HessianVector, predicted": |n| told(HessianVector::plan(g, n).checkpointing(all).products(2).prediction::<f64>()),
        "HessianVector, by duals predicted": |n| told(HessianVector::plan(g, n).by_duals().checkpointing(all).products(2).prediction::<f64>()),
        "MixedMode, jacobian inputs predicted": |n| told(MixedMode::plan(c, n).prediction::<f64>()),
        "Chain::of": |n| told(Chain::of(g, n)),
        "Explanation::new": |n| told(Explanation::new::<f64>(g, n)),
    ];
    refuse(calls, false);
}

#[test]
fn a_batch_that_cannot_be_is_refused_by_every_engine() {
    let (g, c, chunk, all) = (&graph(), &chain(), Chunk::Auto, Store::All);
    let schedule = square_root(&Chain::of(g, 1).unwrap());
    let calls: &[Call<'_>] = calls![
        "Primal::new": |n| told(Primal::<f32>::new(g, n)),
        "Forward::new": |n| told(Forward::plan(g, n, Question::Gradient).chunk(chunk).prepare::<f32>()),
        "Forward, directions prepared": |n| told(Forward::plan(g, n, Question::Jvp(2)).chunk(Chunk::Full).wrt(Wrt::BOTH).prepare::<f64>()),
        "Forward, params prepared": |n| told(Forward::plan(g, n, Question::JacobianParams).chunk(chunk).prepare::<f64>()),
        "Forward, inputs prepared": |n| told(Forward::plan(g, n, Question::JacobianInputs).chunk(chunk).prepare::<f64>()),
        "Structured::new": |n| told(Structured::plan(g, n).chunk(chunk).prepare::<f64>()),
        "ForwardOverForward::new": |n| told(ForwardOverForward::plan(g, n).chunk(chunk).prepare::<f64>()),
        "Reverse::new": |n| told(Reverse::plan(g, n, Question::Gradient).checkpointing(all).prepare::<f64>()),
        "Reverse::new, slots": |n| told(Reverse::plan(g, n, Question::Gradient).checkpointing(Store::Slots(2)).prepare::<f64>()),
        "Reverse::new, bytes": |n| told(Reverse::plan(g, n, Question::Gradient).checkpointing(Store::Bytes(4096)).prepare::<f64>()),
        "Plan::schedule": |n| told(Reverse::plan(g, n, Question::Gradient).schedule(&schedule).prepare::<f64>()),
        "HessianVector::new": |n| told(HessianVector::plan(g, n).checkpointing(all).prepare::<f64>()),
        "HessianVector::by_duals": |n| told(HessianVector::plan(g, n).by_duals().checkpointing(all).prepare::<f32>()),
        "MixedMode::new": |n| told(MixedMode::<f64>::new(c, n)),
        "Shadow::new": |n| told(Shadow::<f64>::new(g, n, 1, 0)),
        "Prepared::new": |n| told(Prepared::<f64>::new(g, n, Question::Gradient, Way::Reverse(1))),
    ];
    refuse(calls, true);
}

#[test]
fn directions_and_seeds_that_cannot_be_are_refused() {
    let (g, chunk, all) = (&graph(), Chunk::Auto, Store::All);
    let calls: &[Call<'_>] = calls![
        "Forward, jvp predicted": |k| told(Forward::plan(g, 2, Question::Jvp(k)).chunk(chunk).prediction::<f64>()),
        "Forward, jvp predicted, at once": |k| told(Forward::plan(g, 2, Question::Jvp(k)).chunk(Chunk::Full).wrt(Wrt::BOTH).prediction::<f64>()),
        "Forward, jvp predicted, chunks": |k| told(Forward::plan(g, 2, Question::Jvp(k)).chunk(Chunk::Fixed(k)).wrt(Wrt::INPUTS).prediction::<f64>()),
        "Forward, jvp listed": |k| told(Forward::plan(g, 2, Question::Jvp(k)).chunk(Chunk::Full).wrt(Wrt::BOTH).work::<f64>()),
        "vjp, side by side": |k| told(Reverse::plan(g, 2, Question::Vjp(3)).wrt(Wrt::BOTH).checkpointing(all).seeds(k).prediction::<f64>()),
        "vjp, cotangents": |k| told(Reverse::plan(g, 2, Question::Vjp(k)).wrt(Wrt::BOTH).checkpointing(all).seeds(2).prediction::<f64>()),
        "vjp to the parameters": |k| told(Reverse::plan(g, 2, Question::Vjp(k)).checkpointing(all).seeds(k).prediction::<f64>()),
        "Reverse, jacobian params predicted": |k| told(Reverse::plan(g, 2, Question::JacobianParams).checkpointing(all).seeds(k).prediction::<f64>()),
        "Reverse, jacobian inputs predicted": |k| told(Reverse::plan(g, 2, Question::JacobianInputs).checkpointing(all).seeds(k).prediction::<f64>()),
        "vjp, listed": |k| told(Reverse::plan(g, 2, Question::Vjp(k)).checkpointing(all).seeds(k).work::<f64>()),
        "HessianVector, predicted": |k| told(HessianVector::plan(g, 2).checkpointing(all).products(k).prediction::<f64>()),
        "HessianVector, by duals predicted": |k| told(HessianVector::plan(g, 2).by_duals().checkpointing(all).products(k).prediction::<f64>()),
    ];
    // Sizes of a prediction are exact while 64 bits hold them.
    for call in calls {
        for n in [MOST, MOST / 2] {
            assert!(ask(call, n).is_err(), "{} takes {n}", call.0);
        }
        for n in [0, 1, MOST / 16, 1 << 48, LARGE[0], LARGE[1]] {
            let _ = ask(call, n);
        }
    }
    let calls: &[Call<'_>] = calls![
        "Forward, directions prepared": |k| told(Forward::plan(g, 2, Question::Jvp(k)).chunk(Chunk::Full).wrt(Wrt::BOTH).prepare::<f64>()),
        "Plan::seeds": |k| told(Reverse::plan(g, 2, Question::Vjp(k)).checkpointing(all).seeds(k).prepare::<f64>()),
        "Prepared::new, jvp": |k| told(Prepared::<f64>::new(g, 2, Question::Jvp(k), Way::ForwardChunked(4))),
        "Prepared::new, vjp": |k| told(Prepared::<f64>::new(g, 2, Question::Vjp(k), Way::Reverse(4))),
        "Prepared::new, side": |k| told(Prepared::<f64>::new(g, 2, Question::Vjp(1), Way::Reverse(k))),
        "Prepared::new, H v": |k| told(Prepared::<f64>::new(g, 2, Question::HessianVector(k), Way::Planes)),
    ];
    refuse(calls, true);
}

#[test]
fn a_plan_of_seeds_that_nobody_could_hand_in_is_refused_before_anything_is_measured() {
    let g = Mlp::new(&[3, 2], Activation::Tanh).build().unwrap();
    // Of a machine of a petabyte.
    let many = 1 << 44;
    for budget in [Budget::Unlimited, Budget::Bytes(0), Budget::Bytes(MOST)] {
        for k in IMPOSSIBLE.into_iter().chain([many]) {
            for question in [
                Question::Jvp(k),
                Question::Vjp(k),
                Question::HessianVector(k),
            ] {
                let mut calibration = Calibration::default();
                let (plan, heap) =
                    measure(|| Plan::<f64>::with(&g, 1, question, budget, &mut calibration))
                        .unwrap();
                let words = plan.unwrap_err().to_string();
                let name = format!("the seeds and the answer of {question} needs");
                assert!(
                    words.contains(&name) && words.contains("ask for fewer"),
                    "{words}"
                );
                assert!(heap.peak_bytes < 1 << 20, "{question}: {heap:?}");
            }
        }
    }
    for n in IMPOSSIBLE {
        let mut calibration = Calibration::default();
        let plan = Plan::<f64>::with(
            &g,
            n,
            Question::Gradient,
            Budget::Unlimited,
            &mut calibration,
        );
        assert!(plan.is_err(), "a batch of {n}");
    }
}

#[test]
fn slots_budgets_and_stages_as_large_as_can_be_are_the_largest_that_serve() {
    let g = &graph();
    for n in IMPOSSIBLE.into_iter().chain(LARGE) {
        let slots = |n| {
            Reverse::plan(g, 2, Question::Gradient)
                .checkpointing(Store::Slots(n))
                .prediction::<f64>()
                .unwrap()
        };
        assert_eq!(slots(n), slots(100));
        let bytes = Reverse::plan(g, 2, Question::Gradient)
            .checkpointing(Store::Bytes(n))
            .prediction::<f64>();
        assert_eq!(
            bytes,
            Reverse::plan(g, 2, Question::Gradient).prediction::<f64>()
        );
        let chain = Chain::new(vec![Stage::plain(3, 4); 9]);
        let most = optimal(&chain, Limit::Slots(9));
        assert_eq!(optimal(&chain, Limit::Slots(n)), most);
        assert_eq!(optimal(&chain, Limit::Numbers(n)).unwrap().work(), 27);
        assert_eq!(even(&chain, n), even(&chain, 9));
        assert_eq!(advances(9, n), Some(8));
        let _ = advances(n, n / 2);
    }
    let chain = Chain::new(vec![Stage::plain(3, 4); 9]);
    assert!(pareto(&chain, Family::Optimal, MOST).len() < 40);
    // Stages of any size and work are counted without running over.
    for stage in [
        Stage::plain(u64::MAX, MOST),
        Stage::plain(1, MOST / 2),
        Stage::plain(u64::MAX, 1),
    ] {
        let chain = Chain::new(vec![stage; 30]);
        for limit in [
            Limit::Slots(3),
            Limit::Numbers(MOST),
            Limit::Numbers(MOST / 4),
        ] {
            if let Ok(schedule) = optimal(&chain, limit) {
                let _ = (schedule.work(), schedule.peak());
                let _ = schedule.evaluations();
            }
        }
        assert!(square_root(&chain).peak() > 0);
    }
}

#[test]
fn threads_are_refused_by_name() {
    let (g, c) = (&graph(), &chain());
    for n in [0, 257, 1 << 32, MOST / 2, MOST] {
        let faults = [
            told(Team::new("Example", n)),
            told(
                Forward::plan(g, 2, Question::Gradient)
                    .threads(n)
                    .prepare::<f64>(),
            ),
            told(Structured::plan(g, 2).threads(n).prepare::<f64>()),
            told(
                Reverse::plan(g, 2, Question::Gradient)
                    .threads(n)
                    .prepare::<f64>(),
            ),
            told(HessianVector::plan(g, 2).threads(n).prepare::<f64>()),
            told(ForwardOverForward::plan(g, 2).threads(n).prepare::<f64>()),
            told(MixedMode::plan(c, 2).threads(n).prepare::<f64>()),
            told(Primal::<f64>::new(g, 2).unwrap().with_threads(n)),
        ];
        for fault in faults {
            let words = fault.unwrap_err();
            let got = format!("got {n}");
            assert!(
                words.contains("threads must be") && words.ends_with(&got),
                "{words}"
            );
        }
    }
}
