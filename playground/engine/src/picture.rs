//! What every neuron answers over the plane, as grids of numbers.

use nalgebra::DMatrix;
use pushpull_core::Mat;
use pushpull_core::blocks::Loss;
use pushpull_core::program::Program;

use crate::fault::Result;
use crate::points::{EXTENT, Task, features_of};
use crate::run::Run;

/// Points along one side of a grid.
pub const SIDE: usize = 50;

/// The grid's points, row after row from the top left.
fn grid() -> DMatrix<f64> {
    let place = |k: usize| 2.0 * EXTENT * (k as f64 + 0.5) / SIDE as f64 - EXTENT;
    DMatrix::from_fn(2, SIDE * SIDE, |i, j| {
        if i == 0 {
            place(j % SIDE)
        } else {
            -place(j / SIDE)
        }
    })
}

/// A grid a feature, a grid a neuron, and the output's: from -1 to 1, or the number of the class where there are more than two.
///
/// # Errors
/// Parameters that are not finite.
pub fn grids(run: &Run) -> Result<Vec<f32>> {
    if !run.points.plane {
        return Ok(Vec::new());
    }
    let x = features_of(&grid(), &run.features);
    let program = Program::primal(&run.predict, x.ncols())?;
    let trace = program.trace(run.params(), Mat::from(&x))?;
    let mut all = Vec::new();
    let mut rows = |matrix: &DMatrix<f64>| {
        for row in matrix.row_iter() {
            all.extend(row.iter().map(|x| *x as f32));
        }
    };
    rows(&x);
    let shown = run.network.shown();
    let value = |node: usize| {
        trace
            .iter()
            .find(|written| program.instrs()[written.instr].node == node)
            .map(|written| &written.numbers[0].1)
    };
    for &node in &shown[..shown.len() - 1] {
        if let Some(matrix) = value(node) {
            rows(matrix);
        }
    }
    if let Some(matrix) = value(shown[shown.len() - 1]) {
        let several = matches!(&run.points.task, Task::Classes { names } if names.len() > 2);
        rows(&DMatrix::from_fn(1, matrix.ncols(), |_, j| {
            answer(matrix.column(j).as_slice(), run.network.loss, several)
        }));
    }
    Ok(all)
}

/// One number of an answer: from -1 to 1, or a class.
fn answer(outputs: &[f64], loss: Loss, several: bool) -> f64 {
    match outputs {
        _ if several => pushpull_train::class_of(outputs, 0.0) as f64,
        [y] if loss == Loss::SquaredError => y.clamp(-1.0, 1.0),
        // 2 p - 1 of p = sigmoid(y)
        [y] => (0.5 * y).tanh(),
        [no, yes] if loss == Loss::SquaredError => (yes - no).clamp(-1.0, 1.0),
        [no, yes] => (0.5 * (yes - no)).tanh(),
        _ => 0.0,
    }
}
