//! Programs drawn at random, 20 to 200 operations with sharing, unused results and values used twice: forward mode, reverse
//! mode, replay on other numbers and the code run at dual numbers agree.

mod common;

use common::{Code, agree, close, every_way_agrees, numbers, seeds};
use nalgebra::DMatrix;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use pushpull_core::Scalar;
use pushpull_planner::{Question, Way};
use pushpull_reverse_mode::Store;
use pushpull_tape::{Mode, Tape, Var};

/// One operation on two earlier values, by how far back they lie.
#[derive(Clone, Copy, Debug)]
struct Step {
    operation: u8,
    first: usize,
    second: usize,
}

#[derive(Clone, Debug)]
struct Drawn {
    shapes: Vec<(usize, usize)>,
    steps: Vec<Step>,
}

/// Numbers of a value at most: what grows larger is summed.
const MOST: usize = 24;

impl Drawn {
    /// The next value: shapes that do not fit are made to, and everything stays within [-2, 2] or so.
    fn step<'t, T: Scalar>(
        step: Step,
        tape: &'t Tape<'_, T>,
        a: Var<'t, T>,
        b: Var<'t, T>,
    ) -> Var<'t, T> {
        let fits = |n: usize, m: usize| n == m || n == 1 || m == 1;
        let b = if fits(a.nrows(), b.nrows()) && fits(a.ncols(), b.ncols()) {
            b
        } else {
            b.mean()
        };
        let y = match step.operation {
            0 => a + b,
            1 => a - b,
            2 => a * b,
            3 => a / (b.square() + T::from_f64(1.0)),
            4 if a.ncols() == b.nrows() => a.matmul(b),
            4 => a.matmul(a.t()),
            5 => a.t(),
            6 => a.reshape(a.ncols(), a.nrows()),
            7 => a.slice(a.nrows() / 2.., ..),
            8 if a.ncols() == b.ncols() => tape.vstack(&[a, b]),
            8 => tape.hstack(&[a, a]),
            9 => a.row_sums(),
            10 => a.column_sums(),
            11 => a.softmax(),
            12 => a.log_sum_exp(),
            13 => a.log_softmax(),
            14 => a.sigmoid(),
            15 => a.sin(),
            16 => a.softplus(),
            17 => a.exp(),
            18 => (a.square() + T::from_f64(0.5)).norm(),
            19 => (a + T::from_f64(3.0)).abs().ln(),
            20 => a.silu() * b,
            21 => a.broadcast(a.nrows(), a.ncols()) * a,
            22 => -a * T::from_f64(0.5),
            _ => a.gelu() + a,
        };
        let y = if y.len() > MOST { y.row_means() } else { y };
        let y = if y.len() > MOST { y.mean() } else { y };
        y.tanh()
    }
}

/// What `Var::len` is to the outside.
trait Len {
    fn len(&self) -> usize;
}
impl<T> Len for Var<'_, T> {
    fn len(&self) -> usize {
        self.nrows() * self.ncols()
    }
}

impl Code for Drawn {
    fn run<'t, T: Scalar>(&self, tape: &'t Tape<'_, T>, leaves: &[Var<'t, T>]) -> Var<'t, T> {
        let mut values = leaves.to_vec();
        for &step in &self.steps {
            let pick = |back: usize| values[values.len() - 1 - back % values.len()];
            let y = Self::step(step, tape, pick(step.first), pick(step.second));
            values.push(y);
        }
        // Some of the last values; the others nobody uses.
        let last = values.len() - 1;
        (values[last].sum() + values[last / 2].sum()).hstack_with(tape, values[last].max())
    }
}

trait With<'t, T> {
    fn hstack_with(self, tape: &'t Tape<'_, T>, other: Var<'t, T>) -> Var<'t, T>;
}
impl<'t, T: Scalar> With<'t, T> for Var<'t, T> {
    fn hstack_with(self, tape: &'t Tape<'_, T>, other: Var<'t, T>) -> Var<'t, T> {
        tape.hstack(&[self, other])
    }
}

fn drawn() -> impl Strategy<Value = Drawn> {
    let step = (0..24_u8, 0..12_usize, 0..200_usize).prop_map(|(operation, first, second)| Step {
        operation,
        first,
        second,
    });
    let shapes = prop::collection::vec((1..4_usize, 1..4_usize), 1..4);
    let steps = prop::collection::vec(step, 20..200);
    (shapes, steps).prop_map(|(shapes, steps)| Drawn { shapes, steps })
}

impl Drawn {
    fn leaves(&self, seed: u64) -> Vec<DMatrix<f64>> {
        let leaf =
            |(i, &(m, n)): (usize, &(usize, usize))| numbers(m, n, seed + i as u64, (-1.0, 1.0));
        self.shapes.iter().enumerate().map(leaf).collect()
    }
}

/// Replay on other numbers against recording them.
fn replay_agrees(drawn: &Drawn) -> Result<(), String> {
    let (first, second) = (drawn.leaves(11), drawn.leaves(23));
    let told = |fault: pushpull_tape::Error| fault.to_string();
    let tape = Tape::new();
    let vars: Vec<_> = first.iter().map(|leaf| tape.variable(leaf)).collect();
    let y = drawn.run(&tape, &vars);
    let program = tape
        .program(&y, &vars.iter().collect::<Vec<_>>())
        .map_err(told)?;

    let again = Tape::new();
    let others: Vec<_> = second.iter().map(|leaf| again.variable(leaf)).collect();
    let z = drawn.run(&again, &others);
    let want = again
        .gradient(&z, &others.iter().collect::<Vec<_>>())
        .map_err(told)?;
    let value = z.value().map_err(told)?.sum();
    for way in [
        Way::Reverse(1),
        Way::ForwardChunked(5),
        Way::ReverseCheckpointed(Store::Bytes(1 << 20), 1),
    ] {
        let mut replay = program
            .clone()
            .prepare_way(Question::Gradient, way)
            .map_err(told)?;
        for (var, leaf) in vars.iter().zip(&second) {
            replay.set(var, leaf).map_err(told)?;
        }
        let pulled = replay.gradient().map_err(told)?;
        if !close(pulled.value(), value, 1e-12) {
            return Err(format!("replayed value {} for {value}", pulled.value()));
        }
        for (var, want) in vars.iter().zip(want.iter()) {
            let got = pulled.of(var).map_err(told)?.to_dmatrix();
            if let Some(fault) = common::differ("replayed gradient", &got, want, 1e-10) {
                return Err(fault);
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(seeds::config(48, "tests/proptest-regressions/programs.txt"))]

    #[test]
    fn forward_reverse_replay_and_duals_agree(drawn in drawn()) {
        every_way_agrees(&drawn, &drawn.leaves(11), 1e-9).map_err(TestCaseError::fail)?;
        replay_agrees(&drawn).map_err(TestCaseError::fail)?;
    }
}

/// x -> sin x + cos x of the same value, again and again: 2^60 paths.
#[test]
fn sixty_stacked_diamonds_take_linear_time() {
    let flops = |diamonds: usize| {
        let tape = Tape::new();
        let x = tape.scalar(0.3);
        let mut y = x;
        for _ in 0..diamonds {
            y = y.sin() * 0.5 + y.cos() * 0.5;
        }
        let program = tape.program(&y, &[&x]).unwrap();
        let pulled = tape.gradient(&y, &[&x]).unwrap();
        let pushed = tape.by(Mode::Forward).gradient(&y, &[&x]).unwrap();
        agree("diamonds", &pushed[0], &pulled[0], 1e-12);
        let nodes = program.graph().nodes().len();
        let reverse = pushpull_reverse_mode::Reverse::<f64>::new(program.graph(), 1);
        (nodes, reverse.unwrap().cost().flops)
    };
    let (few, many) = (flops(30), flops(60));
    assert_eq!(many.0 - 1, 2 * (few.0 - 1), "nodes, without the parameter");
    assert!(many.1 <= 2 * few.1 + 8, "{many:?} for {few:?}");
}
