//! Planning and preparing grow with the length of a program: programs so long that anything quadratic would take minutes, and
//! bytes that double with the length.

use pushpull::blocks::{Activation, Linear, Loss, Tanh};
use pushpull::checkpoint::{Chain, advances};
use pushpull::dmatrix;
use pushpull::tape::{Mode, Tape};
use pushpull::{
    Budget, Builder, Calibration, Chunk, Forward, Graph, HessianVector, Mlp, Plan, Primal,
    Question, Reverse, Store, Structured, Wrt,
};
use pushpull_bench::alloc::{CountingAllocator, measure};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// Layers, each with its activation: 2 n blocks.
fn layers(n: usize) -> Graph {
    let mut b = Builder::new();
    let mut h = b.input("x", 2);
    for _ in 0..n {
        h = b.block(Linear::new(2, 2), h);
        h = b.map(Tanh, h);
    }
    b.build(h).unwrap()
}

/// One layer n times: shared parameters.
fn shared(n: usize) -> Graph {
    let mut b = Builder::new();
    let x = b.input("x", 2);
    let mut h = b.named("layer", Linear::new(2, 2), x);
    for i in 0..n {
        h = b.map(Tanh, h);
        h = b.again(format!("again{i}"), h, "layer");
    }
    b.build(h).unwrap()
}

/// Layers of different widths.
fn uneven(n: usize) -> Graph {
    let mut b = Builder::new();
    let mut h = b.input("x", 2);
    for i in 0..n {
        let width = 1 + (i * 7919 + i * i * 31) % 13;
        h = b.block(Linear::new(h.rows(), width), h);
        h = b.map(Tanh, h);
    }
    b.build(h).unwrap()
}

/// `w^(n + 1)` and constants, as a loop records them.
fn recorded(n: usize) -> (f64, usize) {
    let tape = Tape::<f64>::new();
    let w = tape.scalar(0.5);
    let mut y = w;
    for i in 0..n {
        y = y * w + tape.constant(dmatrix![i as f64]);
    }
    let program = tape.program(&y, &[&w]).unwrap();
    let mut replay = program.prepare(Question::Gradient, Mode::Reverse).unwrap();
    let pulled = replay.gradient().unwrap();
    (pulled.value(), pulled.flat().len())
}

#[test]
fn a_tape_of_forty_thousand_steps_is_prepared_and_run() {
    // y = 2 (n - 1) - 2 + ..: y_(i+1) = y_i / 2 + i settles at 2 i - 2.
    let (value, sources) = recorded(40_000);
    assert_eq!((value, sources), (2.0 * 39_999.0 - 2.0, 1));
}

#[test]
fn a_program_of_many_sources_is_recorded() {
    let tape = Tape::<f64>::new();
    let sources: Vec<_> = (0..20_000).map(|i| tape.scalar(f64::from(i))).collect();
    let mut sum = sources[0];
    for source in &sources[1..] {
        sum = sum + source;
    }
    let named: Vec<_> = sources.iter().collect();
    let gradients = tape.gradient(&sum, &named).unwrap();
    assert!(gradients.iter().all(|gradient| gradient[(0, 0)] == 1.0));
}

#[test]
fn forty_thousand_blocks_are_prepared_by_every_engine() {
    for graph in [layers(20_000), shared(20_000), uneven(20_000)] {
        let (g, all) = (&graph, Store::All);
        let evaluations = graph.nodes().len() as u64;
        assert_eq!(
            Reverse::plan(g, 2, Question::Gradient)
                .checkpointing(all)
                .prepare::<f64>()
                .unwrap()
                .evaluations(),
            evaluations
        );
        assert!(Primal::<f64>::new(g, 2).is_ok());
        assert!(
            Forward::plan(g, 2, Question::Jvp(3))
                .chunk(Chunk::Full)
                .wrt(Wrt::BOTH)
                .prepare::<f64>()
                .is_ok()
        );
        assert!(
            Structured::plan(g, 1)
                .chunk(Chunk::Fixed(1))
                .prepare::<f64>()
                .is_ok()
        );
        assert!(
            HessianVector::plan(g, 2)
                .checkpointing(all)
                .prepare::<f64>()
                .is_ok()
        );
        assert!(
            HessianVector::plan(g, 2)
                .by_duals()
                .checkpointing(all)
                .prepare::<f64>()
                .is_ok()
        );
    }
}

#[test]
fn slots_on_twenty_thousand_stages_are_planned() {
    let mut b = Builder::new();
    let mut h = b.input("x", 2);
    for _ in 0..20_000 {
        h = b.block(Linear::new(2, 2), h);
    }
    let graph = b.build(h).unwrap();
    for slots in [2, 10, 100, 20_000] {
        let predicted = Reverse::plan(&graph, 2, Question::Gradient)
            .checkpointing(Store::Slots(slots))
            .prediction::<f64>()
            .unwrap();
        let advanced = advances(20_000, slots).unwrap();
        assert_eq!(predicted.evaluations, advanced + 20_000, "{slots} slots");
    }
    // No more work than r + 1 runs, with C(slots + r, slots) at least the number of stages.
    let graph = uneven(20_000);
    let chain = Chain::of(&graph, 2).unwrap();
    let once: u64 = chain.stages().iter().map(|stage| stage.work).sum();
    for (slots, times) in [(10, 9), (100, 4)] {
        let engine = Reverse::plan(&graph, 2, Question::Gradient)
            .checkpointing(Store::Slots(slots))
            .prepare::<f64>()
            .unwrap();
        let schedule = engine.schedule().unwrap();
        let work = schedule.work();
        assert!(work <= times * once, "{slots} slots: {work}, once {once}");
        assert!(schedule.slots() <= slots);
    }
}

#[test]
fn bytes_on_twenty_thousand_stages_are_planned() {
    for graph in [layers(20_000), uneven(20_000)] {
        let record = |store| {
            let engine = Reverse::plan(&graph, 2, Question::Gradient)
                .checkpointing(store)
                .prepare::<f64>()
                .unwrap();
            let bytes = engine.bytes();
            (bytes.total() - bytes.gradient, engine.evaluations())
        };
        let (all, once) = record(Store::All);
        for (part, times) in [(2, 1.8), (10, 2.2), (100, 3.0)] {
            let (bytes, evaluations) = record(Store::Bytes(all / part));
            let ratio = evaluations as f64 / once as f64;
            assert!(bytes <= all / part && ratio < times, "a {part}th: {ratio}");
        }
    }
}

#[test]
fn ten_thousand_layers_are_planned_for_every_question() {
    let widths = vec![3; 10_001];
    let net = Mlp::new(&widths, Activation::Tanh).loss(Loss::SquaredError);
    let graph = net.build().unwrap();
    let mut calibration = Calibration::default();
    for question in [
        Question::Gradient,
        Question::Jvp(2),
        Question::Vjp(2),
        Question::JacobianParams,
        Question::JacobianInputs,
        Question::HessianVector(2),
    ] {
        let plan = Plan::<f64>::with(&graph, 4, question, Budget::Unlimited, &mut calibration);
        assert!(plan.unwrap().picked().is_feasible(), "{question}");
    }
}

/// Twice the length takes at most a little more than twice the bytes, for what is planned and what is prepared.
#[test]
fn bytes_of_planning_double_with_the_length() {
    type Prepare = (&'static str, fn(&Graph));
    let engines: [Prepare; 5] = [
        ("primal", |g| drop(Primal::<f64>::new(g, 2).unwrap())),
        ("reverse", |g| drop(Reverse::<f64>::new(g, 2).unwrap())),
        ("forward", |g| {
            drop(
                Forward::plan(g, 2, Question::Jvp(2))
                    .chunk(Chunk::Full)
                    .wrt(Wrt::BOTH)
                    .prepare::<f64>()
                    .unwrap(),
            )
        }),
        ("structured", |g| {
            assert_eq!(
                Structured::plan(g, 1)
                    .chunk(Chunk::Fixed(1))
                    .samples::<f64>()
                    .unwrap(),
                1
            )
        }),
        ("second order", |g| {
            drop(HessianVector::<f64>::new(g, 2).unwrap())
        }),
    ];
    for build in [layers, shared, uneven] {
        let (short, long) = (build(2_000), build(4_000));
        for (name, prepare) in engines {
            let peak = |graph| measure(|| prepare(graph)).unwrap().1.peak_bytes;
            let (short, long) = (peak(&short), peak(&long));
            assert!(long < short * 9 / 4, "{name}: {short} bytes, then {long}");
        }
    }
    let recording = |n| measure(|| recorded(n)).unwrap().1.peak_bytes;
    let (short, long) = (recording(2_000), recording(4_000));
    assert!(long < short * 9 / 4, "the tape: {short} bytes, then {long}");
}
