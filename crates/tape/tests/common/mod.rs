//! What the tests share: programs written once for every scalar, and their derivatives by everything that has some.
#![allow(dead_code)] // Each test file uses its part.

#[path = "../../../../tests/common/seeds.rs"]
pub mod seeds;

use nalgebra::DMatrix;
use pushpull_core::{Dual, Scalar};
use pushpull_tape::{Gradients, Mode, Tape, Var};

/// A program of leaves, for every scalar.
pub trait Code {
    fn run<'t, T: Scalar>(&self, tape: &'t Tape<'_, T>, leaves: &[Var<'t, T>]) -> Var<'t, T>;
}

pub fn close(a: f64, b: f64, tolerance: f64) -> bool {
    (a - b).abs() <= tolerance * (1.0 + a.abs().max(b.abs()))
}

#[track_caller]
pub fn agree(what: &str, got: &DMatrix<f64>, want: &DMatrix<f64>, tolerance: f64) {
    if let Some(fault) = differ(what, got, want, tolerance) {
        panic!("{fault}");
    }
}

/// How two matrices differ, if they do.
pub fn differ(
    what: &str,
    got: &DMatrix<f64>,
    want: &DMatrix<f64>,
    tolerance: f64,
) -> Option<String> {
    if got.shape() != want.shape() {
        return Some(format!("{what}: {:?} for {:?}", got.shape(), want.shape()));
    }
    let far = got.iter().zip(want.iter());
    let mut far = far.filter(|(a, b)| !close(**a, **b, tolerance));
    far.next().map(|(a, b)| format!("{what}: {a} for {b}"))
}

/// A matrix of numbers that look random, within (low, high).
pub fn numbers(nrows: usize, ncols: usize, seed: u64, (low, high): (f64, f64)) -> DMatrix<f64> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    DMatrix::from_fn(nrows, ncols, |_, _| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        low + (high - low) * (state >> 11) as f64 / (1_u64 << 53) as f64
    })
}

/// The sum of the output and its derivative along a direction, by running the code itself at dual numbers: no block's rule
/// and no engine takes part.
pub fn by_duals(code: &impl Code, leaves: &[DMatrix<f64>], dots: &[DMatrix<f64>]) -> DMatrix<f64> {
    let tape = Tape::<Dual<f64>>::new();
    let dual =
        |(value, dot): (&DMatrix<f64>, &DMatrix<f64>)| tape.variable(value.zip_map(dot, Dual::new));
    let vars: Vec<_> = leaves.iter().zip(dots).map(dual).collect();
    let y = code.run(&tape, &vars).value().unwrap();
    y.map(|entry| entry.derivative)
}

/// Everything that a program's derivatives are asked by, held against one another.
pub fn every_way_agrees(
    code: &impl Code,
    leaves: &[DMatrix<f64>],
    tolerance: f64,
) -> Result<(), String> {
    let tape = Tape::new();
    let vars: Vec<_> = leaves
        .iter()
        .map(|leaf| tape.variable(leaf.clone()))
        .collect();
    let y = code.run(&tape, &vars);
    let sources: Vec<_> = vars.iter().collect();
    let told = |fault: pushpull_tape::Error| fault.to_string();
    let by = |mode: Mode| tape.by(mode).gradient(&y, &sources).map_err(told);
    let (pushed, pulled): (Gradients<f64>, Gradients<f64>) =
        (by(Mode::Forward)?, by(Mode::Reverse)?);
    let dots: Vec<_> = leaves
        .iter()
        .enumerate()
        .map(|(i, leaf)| numbers(leaf.nrows(), leaf.ncols(), 77 + i as u64, (-1.0, 1.0)))
        .collect();
    let named: Vec<_> = vars.iter().zip(&dots).collect();
    let want = by_duals(code, leaves, &dots);
    for mode in [Mode::Forward, Mode::Reverse] {
        let y_dot = tape.by(mode).jvp(&y, &named).map_err(told)?;
        if let Some(fault) = differ(&format!("jvp, {mode:?}"), &y_dot, &want, tolerance) {
            return Err(fault);
        }
    }
    for (i, (pushed, pulled)) in pushed.iter().zip(pulled.iter()).enumerate() {
        if let Some(fault) = differ(&format!("gradient {i}"), pushed, pulled, tolerance) {
            return Err(fault);
        }
    }
    let along: f64 = pulled.iter().zip(&dots).map(|(g, dot)| g.dot(dot)).sum();
    if !close(along, want.sum(), tolerance) {
        return Err(format!(
            "gradient along the direction: {along} for {}",
            want.sum()
        ));
    }
    let second = |mode: Mode| tape.by(mode).hessian_vector(&y, &named).map_err(told);
    let (pushed, pulled) = (second(Mode::Forward)?, second(Mode::Reverse)?);
    for (i, (pushed, pulled)) in pushed.iter().zip(pulled.iter()).enumerate() {
        if let Some(fault) = differ(
            &format!("Hessian product {i}"),
            pulled,
            pushed,
            100.0 * tolerance,
        ) {
            return Err(fault);
        }
    }
    Ok(())
}
