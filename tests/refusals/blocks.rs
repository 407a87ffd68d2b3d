//! Blocks, of the library and of one's own, and a tape's matrices, whose sizes cannot be.

use pushpull::blocks::{
    Add, Bias, Broadcast, Columns, Extent, Identity, LayerNorm, Linear, Map, MatMul, OnTop,
    Parameter, Scale, Select, Softmax, SquaredError, Submatrix, Sum, Sums, Tanh, Transpose,
};
use pushpull::tape::{Mode, Tape};
use pushpull::{
    Accum, AnyBlock, Block, Builder, Chunk, Dims, Error, Forward, ForwardOverForward, Graph,
    HessianVector, Keeps, Mat, MatMut, MixedMode, Op, Point, Primal, Question, Real, Reverse, Spec,
    Store, Structured, Wrt, dmatrix,
};
use pushpull_bench::alloc::measure;
use pushpull_explain::Explanation;

use crate::{MOST, told};

/// Every way to ask a graph of one block, as far as it can be built.
fn asked(block: impl AnyBlock) -> Vec<Result<(), Error>> {
    let mut b = Builder::new();
    let x = b.input("x", block.dims().n_in);
    let y = b.named("block", block, x);
    let graph = match b.build(y) {
        Ok(graph) => graph,
        Err(fault) => return vec![Err(fault)],
    };
    let (g, chunk, all) = (&graph, Chunk::Full, Store::All);
    vec![
        Primal::<f64>::new(g, 1).map(drop),
        Forward::plan(g, 1, Question::Gradient)
            .chunk(chunk)
            .prepare::<f64>()
            .map(drop),
        Forward::plan(g, 1, Question::Jvp(1))
            .wrt(Wrt::BOTH)
            .prepare::<f64>()
            .map(drop),
        Forward::plan(g, 1, Question::JacobianInputs)
            .chunk(Chunk::Fixed(1))
            .prepare::<f64>()
            .map(drop),
        Structured::plan(g, 1)
            .chunk(chunk)
            .prepare::<f64>()
            .map(drop),
        ForwardOverForward::plan(g, 1)
            .chunk(chunk)
            .prepare::<f64>()
            .map(drop),
        Reverse::plan(g, 1, Question::Gradient)
            .checkpointing(all)
            .prepare::<f64>()
            .map(drop),
        Reverse::plan(g, 1, Question::Gradient)
            .checkpointing(Store::Slots(1))
            .prepare::<f64>()
            .map(drop),
        Reverse::plan(g, 1, Question::Gradient)
            .checkpointing(Store::Bytes(1 << 30))
            .prepare::<f64>()
            .map(drop),
        Reverse::plan(g, 1, Question::JacobianParams)
            .checkpointing(all)
            .prediction::<f64>()
            .map(drop),
        HessianVector::plan(g, 1)
            .checkpointing(all)
            .prepare::<f64>()
            .map(drop),
        HessianVector::plan(g, 1)
            .by_duals()
            .checkpointing(all)
            .prepare::<f64>()
            .map(drop),
        MixedMode::<f64>::new(g, 1).map(drop),
        Explanation::new::<f64>(g, 1).map(drop),
    ]
}

#[test]
fn blocks_whose_sizes_cannot_be_are_refused_wherever_they_are_asked() {
    macro_rules! blocks {
        ($n:ident: $($block:expr),* $(,)?) => {
            for $n in [MOST, MOST / 2, 1 << 48] {
                $({
                    let (told, heap) = measure(|| asked($block)).unwrap();
                    let name = format!("{} of {}", stringify!($block), $n);
                    assert!(heap.peak_bytes < 1 << 26, "{name}: {heap:?}");
                    for told in told {
                        let fault = told.expect_err(&name);
                        let fits = matches!(fault, Error::TooLarge { .. } | Error::Setting { .. } | Error::NotAChain { .. });
                        assert!(fits, "{name}: {fault}");
                    }
                })*
            }
        };
    }
    blocks!(n:
        Linear::new(n, n),
        Linear::new(1, n),
        Linear::new(n, 1),
        Linear::without_bias(2, n),
        Columns::new(Linear::new(2, 2), n),
        Columns::new(Map::new(Tanh, n), n),
        Broadcast::new(n, n, Extent::Scalar),
        Broadcast::new(2, n, Extent::Column),
        Sums::new(n, n, Extent::Row),
        MatMul::new(n, n, n),
        MatMul::new(1, n, 1),
        Transpose::new(n, 2),
        Submatrix::new(n, n, 0..n, 0..n),
        Submatrix::new(n, 1, 0..1, 0..1),
        OnTop::new([n, n], n),
        OnTop::new([1, n], 1),
        Select::new(n, [0]),
        Parameter::new(n, n),
        Bias::new(n),
        LayerNorm::new(n),
        Softmax::new(n),
        Sum::new(n),
        Scale::new(n, 2.0),
        Map::new(Identity, n),
        Add::new(n, 3),
        SquaredError::new(n),
    );
}

/// The identity, with declarations of its own.
#[derive(Debug)]
struct Greedy {
    scratch: Option<Op>,
    extra: usize,
}

impl Spec for Greedy {
    fn name(&self) -> &str {
        "greedy"
    }
    fn dims(&self) -> Dims {
        Dims {
            n_in: 2,
            n_out: 2,
            n_params: 2,
        }
    }
    fn keeps(&self) -> Keeps {
        Keeps {
            extra: self.extra,
            ..Keeps::NOTHING
        }
    }
    fn scratch_len(&self, op: Op, batch: usize, seeds: usize) -> usize {
        match self.scratch {
            Some(greedy) if std::mem::discriminant(&greedy) == std::mem::discriminant(&op) => MOST,
            // As a careless block would: sizes that were not checked before run over here.
            _ => 2 * batch * seeds,
        }
    }
}

impl<T: Real> Block<T> for Greedy {
    fn forward(&self, _: &[T], x: Mat<'_, T>, mut y: MatMut<'_, T>, _: &mut [T]) {
        y.copy_from(x);
    }
    fn jvp_input(
        &self,
        _: &Point<'_, T>,
        x_dot: Mat<'_, T>,
        mut y_dot: MatMut<'_, T>,
        _: &mut [T],
    ) {
        y_dot.copy_from(x_dot);
    }
    fn vjp_input(
        &self,
        _: &Point<'_, T>,
        y_bar: Mat<'_, T>,
        mut x_bar: MatMut<'_, T>,
        _: &mut [T],
    ) {
        x_bar.copy_from(y_bar);
    }
    // Its parameters do nothing.
    fn jvp_params(
        &self,
        _: &Point<'_, T>,
        _: Mat<'_, T>,
        acc: Accum,
        mut y_dot: MatMut<'_, T>,
        _: &mut [T],
    ) {
        if acc == Accum::Set {
            y_dot.fill(T::zero());
        }
    }
    fn vjp_params(
        &self,
        _: &Point<'_, T>,
        _: Mat<'_, T>,
        acc: Accum,
        params_bar: &mut [T],
        _: &mut [T],
    ) {
        if acc == Accum::Set {
            params_bar.fill(T::zero());
        }
    }
}

fn greedy(scratch: Option<Op>, extra: usize) -> Result<Graph, Error> {
    let mut b = Builder::new();
    let x = b.input("x", 2);
    let y = b.named("mine", Greedy { scratch, extra }, x);
    b.build(y)
}

#[test]
fn what_a_block_of_the_users_keeps_is_refused_by_name() {
    for extra in [MOST, MOST / 2, 1 << 48] {
        let fault = match greedy(None, extra) {
            Ok(graph) => Primal::<f64>::new(&graph, 2).map(drop).unwrap_err(),
            Err(fault) => fault,
        };
        let words = fault.to_string();
        assert!(
            matches!(fault, Error::TooLarge { .. }) && words.contains("mine"),
            "{words}"
        );
    }
    let graph = greedy(None, 1 << 48).unwrap();
    let words = Reverse::<f64>::new(&graph, 2)
        .map(drop)
        .unwrap_err()
        .to_string();
    assert!(
        words.starts_with("what is kept by mine needs 4503599627370496 bytes, "),
        "{words}"
    );
    assert!(
        words.ends_with("let the block ask for less, or use a smaller batch"),
        "{words}"
    );
    let told = pushpull_laws::check(&Greedy {
        scratch: None,
        extra: MOST,
    });
    assert!(
        told.unwrap_err()
            .to_string()
            .contains("what greedy declares needs")
    );
}

#[test]
fn scratch_memory_that_cannot_be_is_refused_by_name() {
    let ops = [
        Op::JvpInput,
        Op::VjpInput,
        Op::JvpParams(Accum::Set),
        Op::VjpParams(Accum::Set),
        Op::UnitParams(Accum::Set),
    ];
    for op in ops {
        let graph = greedy(Some(op), 0).unwrap();
        let (g, all) = (&graph, Store::All);
        let forward = matches!(op, Op::JvpInput | Op::JvpParams(_) | Op::UnitParams(_));
        let mut refused = Vec::new();
        if forward {
            refused.push(
                Forward::plan(g, 2, Question::Jvp(3))
                    .chunk(Chunk::Full)
                    .wrt(Wrt::BOTH)
                    .prepare::<f64>()
                    .map(drop),
            );
            refused.push(Forward::<f64>::new(g, 2).map(drop));
            refused.push(
                Forward::plan(g, 2, Question::JacobianParams)
                    .chunk(Chunk::Full)
                    .prediction::<f64>()
                    .map(drop),
            );
            refused.push(Structured::<f64>::new(g, 2).map(drop));
        } else {
            refused.push(
                Reverse::plan(g, 2, Question::Gradient)
                    .checkpointing(all)
                    .prepare::<f64>()
                    .map(drop),
            );
            refused.push(
                Reverse::plan(g, 2, Question::Gradient)
                    .checkpointing(Store::Slots(1))
                    .prediction::<f64>()
                    .map(drop),
            );
            refused.push(
                Reverse::plan(g, 2, Question::Vjp(2))
                    .wrt(Wrt::BOTH)
                    .checkpointing(all)
                    .seeds(2)
                    .prediction::<f64>()
                    .map(drop),
            );
            refused.push(
                HessianVector::plan(g, 2)
                    .checkpointing(all)
                    .prepare::<f64>()
                    .map(drop),
            );
        }
        let refused: Vec<Error> = refused.into_iter().filter_map(Result::err).collect();
        assert!(!refused.is_empty(), "{op:?}");
        for fault in refused {
            let words = fault.to_string();
            assert!(
                words.starts_with("the scratch memory of mine needs"),
                "{op:?}: {words}"
            );
        }
        let told = pushpull_laws::check(&Greedy {
            scratch: Some(op),
            extra: 0,
        });
        assert!(told.is_err(), "{op:?}");
    }
}

#[test]
fn a_block_that_multiplies_its_sizes_is_never_asked_about_sizes_that_cannot_be() {
    let graph = greedy(None, 0).unwrap();
    let (g, all) = (&graph, Store::All);
    for n in [MOST, MOST / 2, MOST / 4, 1 << 61] {
        let refused = [
            told(
                Reverse::plan(g, n, Question::Gradient)
                    .checkpointing(all)
                    .prepare::<f64>(),
            ),
            told(
                Reverse::plan(g, 1, Question::Vjp(n))
                    .wrt(Wrt::BOTH)
                    .checkpointing(all)
                    .seeds(n)
                    .prediction::<f64>(),
            ),
            told(
                Reverse::plan(g, 1, Question::Vjp(n))
                    .checkpointing(all)
                    .seeds(n)
                    .prepare::<f64>(),
            ),
            told(
                Forward::plan(g, 1, Question::Jvp(n))
                    .chunk(Chunk::Full)
                    .wrt(Wrt::BOTH)
                    .prepare::<f64>(),
            ),
            told(Forward::<f64>::new(g, n)),
            told(Structured::<f64>::new(g, n)),
            told(
                HessianVector::plan(g, n)
                    .checkpointing(all)
                    .prepare::<f64>(),
            ),
        ];
        assert!(refused.iter().all(Result::is_err), "{n}");
    }
}

#[test]
fn a_tape_refuses_matrices_that_cannot_be() {
    let tape = Tape::<f64>::new();
    let w = tape.scalar(2.0);
    for n in [1 << 31, (1 << 32) - 1, 1 << 32, MOST] {
        let words = w.broadcast(n, n).value().unwrap_err().to_string();
        assert!(words.contains("broadcast"), "{words}");
    }
    let column = tape.variable(dmatrix![1.0; 2.0]);
    let kept = tape.apply_stacked(
        Greedy {
            scratch: None,
            extra: MOST,
        },
        &[column],
        (2, 1),
    );
    assert!(kept.value().is_err());
    assert!(column.reshape(MOST, 2).value().is_err());
    assert!(column.slice(..=MOST, ..).value().is_err());
    assert!(column.row(MOST).value().is_err());
    let program = tape.program(&(w * w), &[&w]).unwrap();
    for k in [MOST, MOST / 2, 1 << 48] {
        for mode in [Mode::Forward, Mode::Reverse, Mode::Planned] {
            for question in [
                Question::Jvp(k),
                Question::Vjp(k),
                Question::HessianVector(k),
            ] {
                let told = program.clone().prepare(question, mode);
                assert!(told.is_err(), "{question} by {mode:?}");
            }
        }
    }
}
