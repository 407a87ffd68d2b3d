//! What both modes give at a kink: the two functions whose autodiff derivative is not a derivative at all.

use std::fmt::Write;
use std::path::Path;

use nalgebra::dmatrix;
use pushpull_core::blocks::{Add, Relu, Scale};
use pushpull_core::{Builder, Graph, Mat, Primal, Question, Result, Wrt};
use pushpull_forward_mode::Forward;
use pushpull_reverse_mode::Reverse;
use serde::Serialize;

use crate::record::RecordError;

/// A function at a kink: one row of `kinks.csv`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AtKink {
    /// The function, as a formula in x.
    pub function: &'static str,
    /// Where it is differentiated.
    pub x: f64,
    /// By forward mode.
    pub forward: f64,
    /// By reverse mode.
    pub reverse: f64,
    /// What the function, which is linear, has: (f(1) - f(-1)) / 2.
    pub true_derivative: f64,
    /// By the chain rule with relu'(0) = 0, the left slope.
    pub choice_0: f64,
    /// By the chain rule with relu'(0) = 1/2.
    pub choice_half: f64,
    /// By the chain rule with relu'(0) = 1, the right slope.
    pub choice_1: f64,
    /// How far apart the choices lie.
    pub moves: f64,
    /// Entries of all blocks that sit at a kink.
    pub entries: usize,
}

/// `relu(x) - relu(-x)` and `relu(-x) + x - relu(x)`: x and 0 in disguise (Kakade and Lee 2018).
fn traps() -> Result<[(&'static str, Graph); 2]> {
    let branches = || {
        let mut b = Builder::new();
        let x = b.input("x", 1);
        let minus = b.block(Scale::new(1, -1.0), x);
        let (right, left) = (b.map(Relu, x), b.map(Relu, minus));
        (b, x, right, left)
    };
    let (mut b, _, right, left) = branches();
    let left = b.block(Scale::new(1, -1.0), left);
    let y = b.block(Add::new(1, 2), [right, left]);
    let identity = b.build(y)?;
    let (mut b, x, right, left) = branches();
    let right = b.block(Scale::new(1, -1.0), right);
    let y = b.block(Add::new(1, 3), [left, x, right]);
    Ok([
        ("relu(x) - relu(-x)", identity),
        ("relu(-x) + x - relu(x)", b.build(y)?),
    ])
}

/// Differentiates both functions at 0, in both modes.
///
/// # Errors
/// None that depends on a user's data.
pub fn measure() -> Result<Vec<AtKink>> {
    traps()?
        .into_iter()
        .map(|(function, graph)| at(function, &graph, 0.0))
        .collect()
}

fn at(function: &'static str, graph: &Graph, x: f64) -> Result<AtKink> {
    let (point, one) = (dmatrix![x], dmatrix![1.0]);
    let mut forward = Forward::plan(graph, 1, Question::Jvp(1))
        .wrt(Wrt::INPUTS)
        .prepare()?;
    let pushed = forward.jvp(&[], &point, None, Some(Mat::from(&one)))?.1;
    let pulled = Reverse::new(graph, 1)?.vjp(&[], &point, &one)?.1;
    let mut primal = Primal::new(graph, 1)?;
    let mut value = |x: f64| primal.run(&[], &dmatrix![x]).map(|y| y.get(0, 0));
    let true_derivative = (value(x + 1.0)? - value(x - 1.0)?) / 2.0;
    let report = pushpull_laws::kinks(graph, &[], &point)?;
    let [choice_0, choice_half, choice_1] =
        report.choices.each_ref().map(|choice| choice.inputs[0]);
    Ok(AtKink {
        function,
        x,
        forward: pushed[0],
        reverse: pulled[0],
        true_derivative,
        choice_0,
        choice_half,
        choice_1,
        moves: report.moves(),
        entries: report.near(),
    })
}

/// Writes the rows.
///
/// # Errors
/// [`RecordError`]
pub fn write(path: &Path, rows: &[AtKink]) -> std::result::Result<(), RecordError> {
    let refused = |detail: String| RecordError::File {
        file: path.into(),
        detail,
    };
    let mut writer = csv::Writer::from_path(path).map_err(|e| refused(e.to_string()))?;
    for row in rows {
        writer.serialize(row).map_err(|e| refused(e.to_string()))?;
    }
    writer.flush().map_err(|e| refused(e.to_string()))
}

/// The section of the report.
pub fn section(rows: &[AtKink]) -> String {
    let agree = rows.iter().filter(|row| row.forward == row.reverse).count();
    let right = rows
        .iter()
        .filter(|row| row.reverse == row.true_derivative)
        .count();
    let mut text = format!(
        "\n## At a kink\n\nrelu has no derivative at 0; this library takes 0 there, in both modes. The chain rule over such values need not \
         give a derivative of the whole: at x = 0 the modes agree with each other on {agree} of {} functions below, and with the truth on {right}. \
         `pushpull_laws::kinks` finds such entries in a batch and says how far the gradient depends on the choice.\n\n\
         | function | forward | reverse | true derivative | with relu'(0) = 0, 1/2, 1 | moves by |\n|---|---|---|---|---|---|\n",
        rows.len()
    );
    for row in rows {
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {}, {}, {} | {} |",
            row.function,
            row.forward,
            row.reverse,
            row.true_derivative,
            row.choice_0,
            row.choice_half,
            row.choice_1,
            row.moves
        );
    }
    text.push_str("\nNumbers: `kinks.csv`. Sources: Kakade and Lee 2018 (arXiv 1809.08530), Bolte and Pauwels 2020 (arXiv 2006.02080).\n");
    text
}

#[cfg(test)]
mod tests {
    use super::{measure, section};

    #[test]
    fn both_modes_miss_both_derivatives_by_one_and_the_section_says_so() {
        let rows = measure().unwrap();
        let found: Vec<_> = rows
            .iter()
            .map(|row| (row.forward, row.reverse, row.true_derivative))
            .collect();
        assert_eq!(found, [(0.0, 0.0, 1.0), (1.0, 1.0, 0.0)]);
        assert!(rows.iter().all(|row| (row.entries, row.moves) == (2, 2.0)));
        let text = section(&rows);
        assert!(
            text.contains(
                "agree with each other on 2 of 2 functions below, and with the truth on 0"
            ),
            "{text}"
        );
        assert!(
            text.contains("| relu(x) - relu(-x) | 0 | 0 | 1 | 0, 1, 2 | 2 |"),
            "{text}"
        );
    }
}
