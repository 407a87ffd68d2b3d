//! How good the planner's picks were, beside three rules that predict nothing. From the rows alone.

use std::collections::BTreeMap;

use super::record::Row;

/// How much slower than the best a pick may be and still be called right, where times spread less than this.
pub const TOLERANCE: f64 = 0.1;

/// One cell: its rows that were measured.
#[derive(Clone, Debug)]
pub struct Cell<'a> {
    rows: Vec<&'a Row>,
}

/// How a way of choosing did.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Score {
    /// Cells in which it was right.
    pub right: usize,
    /// Cells.
    pub cells: usize,
    /// Cells in which what it chose cannot be taken.
    pub stuck: usize,
    /// The geometric mean of its times over the best ones, where it could be taken.
    pub slower: f64,
    /// The worst of these.
    pub worst: f64,
}

/// The cells of a table.
pub fn cells(rows: &[Row]) -> Vec<Cell<'_>> {
    let mut cells: BTreeMap<usize, Vec<&Row>> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.measured_s.is_some()) {
        cells.entry(row.cell).or_default().push(row);
    }
    cells.into_values().map(|rows| Cell { rows }).collect()
}

fn seconds(row: &Row) -> f64 {
    row.measured_s.unwrap_or(f64::INFINITY)
}

/// The relative distance of a row's quartiles.
fn spread(row: &Row) -> f64 {
    match (row.low_s, row.high_s) {
        (Some(low), Some(high)) => (high - low) / seconds(row),
        _ => 0.0,
    }
}

impl<'a> Cell<'a> {
    fn fastest(&self, which: impl Fn(&Row) -> bool) -> Option<&'a Row> {
        let some = self.rows.iter().copied().filter(|row| which(row));
        some.min_by(|a, b| seconds(a).total_cmp(&seconds(b)))
    }

    /// The fastest candidate, measured.
    pub fn best(&self) -> Option<&'a Row> {
        self.fastest(|_| true)
    }

    /// The kind of question.
    pub fn kind(&self) -> &'static str {
        self.rows.first().map_or("", |row| row.kind)
    }

    /// How many times longer the second best candidate took than the best; `None` where there is one alone.
    pub fn margin(&self) -> Option<f64> {
        let best = self.best()?;
        let second = self.fastest(|row| !std::ptr::eq(row, best))?;
        Some(seconds(second) / seconds(best))
    }

    /// The planner's pick.
    pub fn picked(&self) -> Option<&'a Row> {
        self.fastest(|row| row.picked)
    }

    /// What always taking forward mode comes to: the fastest of its candidates.
    pub fn forward(&self) -> Option<&'a Row> {
        self.fastest(|row| row.forward)
    }

    /// What always taking reverse mode comes to.
    pub fn reverse(&self) -> Option<&'a Row> {
        self.fastest(|row| row.reverse)
    }

    /// Forward mode where there are at most 1.5 times as many inputs as outputs, else reverse mode.
    pub fn by_sizes(&self) -> Option<&'a Row> {
        let first = self.rows.first()?;
        if 2 * first.inputs <= 3 * first.outputs {
            self.forward()
        } else {
            self.reverse()
        }
    }

    /// Whether a choice is within 10 % of the best, or within the cell's spread if that is larger.
    pub fn right(&self, choice: &Row) -> bool {
        self.best().is_some_and(|best| {
            let allowed = TOLERANCE.max(spread(best)).max(spread(choice));
            seconds(choice) <= (1.0 + allowed) * seconds(best)
        })
    }
}

/// How a way of choosing did in all cells.
pub fn score<'a>(cells: &[Cell<'a>], choose: impl Fn(&Cell<'a>) -> Option<&'a Row>) -> Score {
    let (mut score, mut logs) = (Score::default(), 0.0);
    for cell in cells {
        score.cells += 1;
        let (Some(choice), Some(best)) = (choose(cell), cell.best()) else {
            score.stuck += 1;
            continue;
        };
        score.right += usize::from(cell.right(choice));
        let slower = seconds(choice) / seconds(best);
        logs += slower.ln();
        score.worst = score.worst.max(slower);
    }
    let taken = score.cells - score.stuck;
    score.slower = if taken > 0 {
        (logs / taken as f64).exp()
    } else {
        f64::NAN
    };
    score
}

#[cfg(test)]
mod tests;
