//! A replay allocates nothing, counted on this thread.

use nalgebra::{DMatrix, dmatrix};
use pushpull_bench::alloc::{CountingAllocator, measure};
use pushpull_core::Mat;
use pushpull_planner::{Question, Seeds};
use pushpull_tape::{Mode, Tape};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// Allocations of the second run of `path`.
fn allocations(mut path: impl FnMut()) -> u64 {
    path();
    measure(&mut path).unwrap().1.count
}

#[test]
fn the_counter_sees_an_allocation() {
    assert_eq!(allocations(|| drop(std::hint::black_box(vec![1.0; 8]))), 1);
}

#[test]
fn replays_allocate_nothing() {
    let tape = Tape::new();
    let w = tape.variable(DMatrix::from_fn(8, 8, |i, j| {
        ((i * 3 + j) % 7) as f64 / 9.0
    }));
    let b = tape.variable(DMatrix::from_element(8, 1, 0.25));
    let x = tape.constant(DMatrix::from_fn(8, 5, |i, j| {
        ((i + 2 * j) % 5) as f64 / 5.0
    }));
    let h = (w.matmul(x) + b).tanh();
    let y = (w.t().matmul(h).log_softmax() * x).column_sums().mean();
    let program = tape.program(&y, &[&w, &b]).unwrap();
    let (weights, inputs) = (
        DMatrix::from_element(8, 8, 0.5),
        DMatrix::from_element(8, 5, 0.125),
    );
    for mode in [Mode::Forward, Mode::Reverse] {
        let mut replay = program.clone().prepare(Question::Gradient, mode).unwrap();
        let count = allocations(|| {
            replay.set(w, &weights).unwrap();
            replay.set(x, &inputs).unwrap();
            let pulled = replay.gradient().unwrap();
            assert!(pulled.of(b).unwrap().get(0, 0).is_finite());
        });
        assert_eq!(count, 0, "{mode:?}");
    }
    let direction = DMatrix::from_element(72, 1, 1.0);
    for question in [Question::Jvp(1), Question::HessianVector(1)] {
        let mode = if question == Question::Jvp(1) {
            Mode::Forward
        } else {
            Mode::Reverse
        };
        let mut replay = program.clone().prepare(question, mode).unwrap();
        let count = allocations(|| {
            let seeds = Seeds::Directions(Mat::from(&direction));
            assert!(replay.run(seeds).is_ok());
        });
        assert_eq!(count, 0, "{question}");
    }
    assert!(replay_of_a_number().is_ok());
}

fn replay_of_a_number() -> pushpull_tape::Result<()> {
    let tape = Tape::new();
    let x = tape.variable(dmatrix![2.0]);
    let mut replay = tape
        .program(&x.ln(), &[&x])?
        .prepare(Question::Gradient, Mode::Reverse)?;
    let count = allocations(|| assert_eq!(replay.gradient().map(|g| g.flat()[0]), Ok(0.5)));
    assert_eq!(count, 0);
    Ok(())
}
