//! The gradient of a batch in leaves, between threads: the same bits for any number of ranks and threads, and near the plain
//! engine's.

#[path = "common/noting.rs"]
mod noting;

use std::ops::Range;
use std::rc::Rc;

use nalgebra::DMatrix;
use noting::{Note, Notes, Noting};
use pushpull_core::blocks::{Activation, Loss};
use pushpull_core::{Builder, Error, Graph, Mat, Mlp};
use pushpull_data::{Dataset, directory};
use pushpull_mpi::{Leaves, MpiError, Tag, local};
use pushpull_reverse_mode::Reverse;
use pushpull_train::{Engine, Mode, Precision};

fn digits(batch: usize) -> DMatrix<f64> {
    let digits = Dataset::digits(&directory()).unwrap().standardised();
    let part = digits.batch(0, batch).unwrap();
    let n_x = part.inputs.nrows();
    DMatrix::from_fn(n_x + part.targets.nrows(), batch, |i, j| match i < n_x {
        true => part.inputs[(i, j)],
        false => part.targets[(i - n_x, j)],
    })
}

fn network() -> Graph {
    let net = Mlp::new(&[64, 32, 10], Activation::Relu);
    net.loss(Loss::SoftmaxCrossEntropy).build().unwrap()
}

fn gradients<T: Precision>(
    graph: &Graph,
    x: &DMatrix<T>,
    leaf: usize,
    (ranks, threads): (usize, usize),
    mode: Mode,
) -> Vec<(T, Vec<T>)> {
    let params: Vec<T> = graph.layout().init(pushpull_core::Init::He, 1);
    let each = local::run(ranks, |rank| -> Result<_, MpiError> {
        let engine = |size| Engine::new(graph, size, mode, threads, 0);
        let mut leaves = Leaves::new(Rc::new(rank), graph, x.ncols(), leaf, engine)?;
        leaves.gradient_of(&params, x)?;
        let (value, gradient) = leaves.gradient_of(&params, x)?;
        Ok((value, gradient.to_vec()))
    });
    each.into_iter().collect::<Result<_, _>>().unwrap()
}

#[test]
fn ranks_and_threads_change_no_bit() {
    let graph = network();
    // 203 samples in leaves of 16: 13, the last one short; more ranks than leaves with leaves of 64.
    let x = digits(203).map(|v| v as f32);
    for leaf in [16, 64, 203, 500] {
        let alone = gradients(&graph, &x, leaf, (1, 1), Mode::Reverse).remove(0);
        for ranks in [1, 2, 3, 4, 7, 15] {
            for threads in [1, 2] {
                for each in gradients(&graph, &x, leaf, (ranks, threads), Mode::Reverse) {
                    assert!(
                        each == alone,
                        "leaf {leaf}, {ranks} ranks, {threads} threads"
                    );
                }
            }
        }
    }
}

/// The plain engine's gradient is the sum over the batch, so that of the leaves is too, and a mean is the same scale of both.
/// They differ by the order of additions alone: within 1e-12 of the largest entry in f64, 203 terms.
#[test]
fn the_sum_is_that_of_the_plain_engine() {
    let (graph, x) = (network(), digits(203));
    let params: Vec<f64> = graph.layout().init(pushpull_core::Init::He, 1);
    let mut plain = Reverse::new(&graph, 203).unwrap();
    let (value, gradient) = plain.value_and_gradient(&params, &x).unwrap();
    let largest = gradient.iter().fold(0.0, |most: f64, g| most.max(g.abs()));
    for (leaf, mode) in [
        (16, Mode::Reverse),
        (64, Mode::Checkpointed { slots: 1 }),
        (50, Mode::Structured),
    ] {
        let (sum, leaves) = gradients(&graph, &x, leaf, (3, 1), mode).remove(0);
        assert!((sum - value).abs() < 1e-12 * value, "{mode}: {sum} {value}");
        let error = leaves.iter().zip(gradient).map(|(a, b)| (a - b).abs());
        assert!(error.fold(0.0, f64::max) < 1e-12 * largest, "{mode}");
    }
    // A batch of one leaf is the plain engine.
    let (sum, one) = gradients(&graph, &x, 203, (2, 1), Mode::Reverse).remove(0);
    assert!(sum == value && one == gradient);
}

#[test]
fn settings_and_samples_at_fault_are_named() {
    let graph = network();
    let refused = |batch, leaf| {
        let made = local::run(1, |rank| {
            let engine = |size| Engine::<f64>::new(&graph, size, Mode::Reverse, 1, 0);
            Leaves::new(Rc::new(rank), &graph, batch, leaf, engine).map(|_| ())
        });
        made[0].clone().unwrap_err().to_string()
    };
    assert!(refused(8, 0).contains("the size of a leaf"));
    assert!(refused(0, 8).contains("at least one sample"));
    // The root of sample 6, in the second leaf of 4, has no slope.
    let mut b = Builder::new();
    let x = b.input("x", 1);
    let h = b.block(pushpull_core::blocks::Linear::without_bias(1, 1), x);
    let y = b.map(pushpull_core::blocks::Sqrt, h);
    let graph = b.build(y).unwrap();
    let x = DMatrix::from_fn(1, 8, |_, j| if j == 6 { 0.0 } else { 1.0 });
    let faults = local::run(2, |rank| {
        let engine = |size| Engine::<f64>::new(&graph, size, Mode::Reverse, 1, 0);
        let mut leaves = Leaves::new(Rc::new(rank), &graph, 8, 4, engine).unwrap();
        leaves.gradient_of(&[1.0], &x).map(|_| ())
    });
    let Err(MpiError::Core(Error::Singular { sample, .. })) = &faults[1] else {
        panic!("{faults:?}")
    };
    assert_eq!(*sample, 6);
    assert_eq!(faults[0], Err(MpiError::Lost { rank: 0, from: 1 }));
}

/// Reverse mode that notes when it has come to its end.
#[derive(Debug)]
struct Ending(Reverse<f64>, Notes);

impl pushpull_core::Engine<f64> for Ending {
    fn name(&self) -> &'static str {
        "Ending"
    }

    fn value_and_gradient_in_parts(
        &mut self,
        params: &[f64],
        x: Mat<'_, f64>,
        tell: &mut dyn FnMut(Range<usize>, &[f64]),
    ) -> pushpull_core::Result<(f64, &[f64])> {
        let answer = self.0.value_and_gradient_in_parts(params, x, tell)?;
        self.1.borrow_mut().push(Note::Ended);
        Ok(answer)
    }
}

#[test]
fn the_last_blocks_are_sent_while_those_before_are_still_pulled_back() {
    // 17,802 parameters in the last two layers, 8,320 in the first: two parts.
    let net = Mlp::new(&[64, 128, 128, 10], Activation::Relu);
    let graph = net.loss(Loss::SoftmaxCrossEntropy).build().unwrap();
    let (x, params) = (digits(64), graph.layout().init(pushpull_core::Init::He, 1));
    let run = |rank| {
        let notes = Notes::default();
        let engine = |size| {
            let reverse = Reverse::new(&graph, size)?;
            Ok(Engine::of(Box::new(Ending(reverse, notes.clone()))))
        };
        let comm = Rc::new(Noting(rank, notes.clone()));
        let mut leaves = Leaves::new(comm, &graph, 64, 16, engine).unwrap();
        let (value, gradient) = leaves.gradient_of(&params, &x).unwrap();
        (notes.take(), (value, gradient.to_vec()))
    };
    let (alone, two) = (local::run(1, run).remove(0), local::run(2, run));
    assert!(two.iter().all(|(_, answer)| *answer == alone.1));
    let sent = |part| Note::Sent(Tag::Subtree { level: 1, part });
    assert_eq!(two[1].0, [Note::Ended, sent(1), Note::Ended, sent(0)]);
}
