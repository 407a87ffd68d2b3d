//! The planner put to the test: on cells drawn from a fixed seed, every candidate is predicted, counted and measured, and
//! the picks are scored beside three rules that predict nothing.

pub mod draw;
pub mod frontier;
pub mod measure;
pub mod picture;
pub mod record;
pub mod score;
pub mod section;

use std::collections::BTreeMap;

use pushpull_planner::Calibration;

use crate::progress::Progress;
use crate::sweep::Extent;
pub use draw::SEED;
use draw::{CELLS, Draw, Drawn, OF_ONE_KIND};
use measure::{Effort, PlanCellError, admitted};
use record::Row;

/// The cells of an extent and a seed ([`SEED`] for the report), none of them timed yet.
///
/// # Errors
/// [`PlanCellError`]
pub fn cells(extent: Extent, seed: u64) -> Result<Vec<Drawn>, PlanCellError> {
    let wanted = match extent {
        Extent::Full => CELLS,
        Extent::Quick => 12,
    };
    let (mut draw, mut cells) = (Draw::new(seed), Vec::with_capacity(wanted));
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    while cells.len() < wanted {
        let drawn = draw.draw()?;
        let of_kind = kinds.entry(drawn.question.name()).or_default();
        if *of_kind < OF_ONE_KIND && admitted(&drawn)? {
            *of_kind += 1;
            cells.push(drawn);
        }
    }
    Ok(cells)
}

/// Measures the cells: the rows of `plan.csv`, and the calibration that they were predicted with. It is measured here,
/// after the cells are drawn, and not read from a file.
///
/// # Errors
/// [`PlanCellError`]
pub fn measure(extent: Extent, seed: u64) -> Result<(Vec<Row>, Calibration), PlanCellError> {
    let cells = cells(extent, seed)?;
    let effort = match extent {
        Extent::Full => Effort {
            rounds: 11,
            seconds: 2e-3,
        },
        Extent::Quick => Effort {
            rounds: 3,
            seconds: 2e-4,
        },
    };
    let mut calibration = Calibration::measure();
    let mut progress = Progress::start("planning", cells.len() as f64);
    let mut rows = Vec::new();
    for (i, drawn) in cells.iter().enumerate() {
        progress.begin(&format!(
            "{} of {}, batch {}",
            drawn.question, drawn.net, drawn.batch
        ));
        rows.extend(measure::measure(i, drawn, &mut calibration, effort)?);
        progress.finish(1.0);
    }
    progress.end();
    Ok((rows, calibration))
}
