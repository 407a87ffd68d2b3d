//! The section of the report on the planner, computed from the rows.

use std::fmt::Write;

use super::draw::CELLS;
use super::record::Row;
use super::score::{Cell, Score, TOLERANCE, cells, score};
use crate::pictures::{Picture, embedded};

/// The section, with its pictures.
pub fn section(rows: &[Row], seed: u64, pictures: &[Picture]) -> String {
    let cells = cells(rows);
    let exact = rows.iter().filter_map(Row::exact);
    let (filled, agreeing) = exact.fold((0, 0), |(all, yes), is| (all + 1, yes + usize::from(is)));
    let counted = rows
        .iter()
        .filter(|row| row.counted_flops.is_some())
        .count();
    let close = cells.iter().filter_map(Cell::margin);
    let close = close.filter(|&margin| margin < 3.0).count();
    let mut kinds: Vec<(&str, usize)> = Vec::new();
    for cell in &cells {
        match kinds.iter_mut().find(|(kind, _)| *kind == cell.kind()) {
            Some((_, n)) => *n += 1,
            None => kinds.push((cell.kind(), 1)),
        }
    }
    kinds.sort_unstable();
    let kinds: Vec<String> = kinds
        .iter()
        .map(|(kind, n)| format!("{n} {kind}"))
        .collect();
    let mut ratios: Vec<f64> = rows
        .iter()
        .filter_map(|row| Some(row.predicted_s? / row.measured_s?))
        .collect();
    ratios.sort_unstable_by(f64::total_cmp);
    let quantile = |share: f64| {
        let at = (ratios.len().saturating_sub(1) as f64 * share).round() as usize;
        ratios.get(at).copied().unwrap_or(f64::NAN)
    };
    let mut text = format!(
        "\n## Predictions of the planner\n\nThe planner predicts what every candidate would take and picks the fastest that fits. {} cells \
         were drawn from the seed {seed} before anything was timed ({}); in {close} of them the two best candidates differ by less than 3 \
         times. Flops and peak bytes were predicted exactly on {agreeing} of {filled} filled rows \
         ({counted} counted). Predicted over measured time: median {:.2}, from {:.2} to {:.2} in the middle 80 % of {} rows.\n\n",
        cells.len(),
        kinds.join(", "),
        quantile(0.5),
        quantile(0.1),
        quantile(0.9),
        ratios.len(),
    );
    if cells.len() < CELLS {
        text.push_str("This is the quick run, with fewer cells.\n\n");
    }
    let _ = writeln!(
        text,
        "A choice is right if it took at most {:.0} % longer than the fastest candidate, or no longer than the quartiles of their times \
         spread if that is more. Of a mode, the fastest of its candidates counts.\n\n\
         | choice | right | cannot be taken | slower than the best, mean | at worst |\n|---|---|---|---|---|",
        100.0 * TOLERANCE
    );
    let choices: [(&str, Score); 4] = [
        ("the planner", score(&cells, Cell::picked)),
        ("always forward", score(&cells, Cell::forward)),
        ("always reverse", score(&cells, Cell::reverse)),
        (
            "forward if inputs <= 1.5 x outputs, else reverse",
            score(&cells, Cell::by_sizes),
        ),
    ];
    for (name, score) in choices {
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "| {name} | {} of {} | {} | {:.2} x | {:.2} x |",
            score.right, score.cells, score.stuck, score.slower, score.worst
        );
    }
    text.push_str("\nNumbers: `plan.csv`; the mean is the geometric one, of the cells where the choice can be taken.\n\n");
    text.extend(pictures.iter().map(embedded));
    text
}
