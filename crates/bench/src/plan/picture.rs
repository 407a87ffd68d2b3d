//! Predictions beside measurements, a point for each candidate.

use std::collections::BTreeMap;
use std::path::Path;

use super::record::Row;
use crate::edition::Edition;
use crate::pictures::{Picture, PictureError};
use pushpull_plot::{Axis, Colour, LineChart, Marker, Multiples, PlotError, Series};

/// Draws the pictures that the rows have data for.
///
/// # Errors
/// [`PictureError`]
pub fn draw(rows: &[Row], setting: &str, edition: &Edition) -> Result<Vec<Picture>, PictureError> {
    let mut drawn = Vec::new();
    for (name, chart, caption) in [
        (
            "predicted_time",
            times(rows, setting),
            "Predicted against measured time of every candidate that fits its budget, one panel for each kind of question. On the dotted line they are equal.",
        ),
        (
            "predicted_counts",
            counts(rows, setting),
            "The same candidates: predicted against counted flops at the left, predicted against measured peak bytes at the right. On the dotted line they are equal.",
        ),
    ] {
        if save(chart, &edition.file(format!("{name}.png"))?)? {
            edition.file(format!("{name}.csv"))?;
            drawn.push(Picture {
                file: format!("{name}.png"),
                caption: caption.into(),
            });
        }
    }
    Ok(drawn)
}

/// Draws the line of equality over the points of all panels that have any.
fn save(mut panels: Multiples, path: &Path) -> Result<bool, PlotError> {
    panels.panels.retain(|panel| !panel.series.is_empty());
    let all = panels.panels.iter().flat_map(|panel| &panel.series);
    let all: Vec<f64> = all
        .flat_map(|s| &s.points)
        .flat_map(|p| [p.0, p.1])
        .collect();
    let (least, most) = (
        all.iter().copied().fold(f64::INFINITY, f64::min),
        all.iter().copied().fold(0.0, f64::max),
    );
    if least > most {
        return Ok(false);
    }
    for panel in &mut panels.panels {
        let line = Series::guide("equal", vec![(least, least), (most, most)]);
        panel.series.push(line);
    }
    panels.save(path)?;
    Ok(true)
}

fn times(rows: &[Row], setting: &str) -> Multiples {
    let mut kinds: BTreeMap<&str, Vec<(f64, f64)>> = BTreeMap::new();
    for row in rows {
        if let (Some(measured), Some(predicted)) = (row.measured_s, row.predicted_s) {
            kinds
                .entry(row.kind)
                .or_default()
                .push((measured, predicted));
        }
    }
    let panel = |(kind, points)| {
        let mut chart = LineChart::new(
            kind,
            Axis::log("measured time (s)"),
            Axis::log("predicted time (s)"),
        );
        chart.series.push(candidates(points));
        chart
    };
    let mut all = Multiples::new(
        "Predicted against measured time",
        kinds.into_iter().map(panel).collect(),
    );
    all.subtitle = "Random networks, batches and questions; f32 and f64; medians".into();
    all.notes.push(format!(
        "The planner was calibrated in the same run, block by block, before any candidate was timed. {setting}"
    ));
    all
}

/// A point for each candidate.
fn candidates(points: Vec<(f64, f64)>) -> Series {
    let series = Series::new("one candidate", points).colour(Colour::BLUE);
    let mut series = series.marker(Marker::Circle).scattered();
    series.hollow = true;
    series
}

fn counts(rows: &[Row], setting: &str) -> Multiples {
    let points = |of: fn(&Row) -> Option<(f64, f64)>| -> Vec<(f64, f64)> {
        let positive = |p: &(f64, f64)| p.0 > 0.0 && p.1 > 0.0;
        rows.iter().filter_map(of).filter(positive).collect()
    };
    let flops = points(|row| Some((row.counted_flops? as f64, row.predicted_flops? as f64)));
    let bytes = points(|row| Some((row.measured_peak? as f64, row.predicted_peak? as f64)));
    let panel = |name: &str, x: &str, y: &str, points: Vec<(f64, f64)>| {
        let equal = points.iter().filter(|p| p.0 == p.1).count();
        let title = format!("{name}: {equal} of {} equal", points.len());
        let mut chart = LineChart::new(title, Axis::log(x), Axis::log(y));
        if !points.is_empty() {
            chart.series.push(candidates(points));
        }
        chart
    };
    let mut both = Multiples::new(
        "What was predicted and what was counted",
        vec![
            panel("flops", "counted (flops)", "predicted (flops)", flops),
            panel("peak bytes", "measured (bytes)", "predicted (bytes)", bytes),
        ],
    );
    both.subtitle = "Random networks, batches and questions; f32 and f64".into();
    both.notes.push(format!(
        "Flops are counted by running the candidate at a counting scalar, bytes by a counting allocator, preparation included. {setting}"
    ));
    both
}
