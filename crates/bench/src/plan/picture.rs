//! Predictions beside measurements, one point a candidate.

use std::collections::BTreeMap;
use std::path::Path;

use super::record::Row;
use crate::edition::Edition;
use crate::pictures::{Picture, PictureError};
use pushpull_plot::{Axis, Colour, LineChart, PlotError, Series};

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
            "Predicted against measured time of every candidate that fits its budget, by kind of question; on the line they are equal.",
        ),
        (
            "predicted_counts",
            counts(rows, setting),
            "Predicted against counted flops and predicted against measured peak bytes of the same candidates.",
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

/// Draws the line of equality behind points that there are.
fn save(mut chart: LineChart, path: &Path) -> Result<bool, PlotError> {
    let all = || {
        chart
            .series
            .iter()
            .flat_map(|s| &s.points)
            .flat_map(|p| [p.0, p.1])
    };
    let (least, most) = (
        all().fold(f64::INFINITY, f64::min),
        all().fold(0.0, f64::max),
    );
    if least > most {
        return Ok(false);
    }
    let line = Series::guide("equal", vec![(least, least), (most, most)]);
    chart.series.insert(0, line);
    chart.save(path)?;
    Ok(true)
}

fn times(rows: &[Row], setting: &str) -> LineChart {
    let mut chart = LineChart::new(
        "The time that was predicted and the time that it took",
        Axis::log("measured time (s)"),
        Axis::log("predicted time (s)"),
    );
    chart.subtitle = "Random networks, batches and questions; f32 and f64; medians".into();
    let mut kinds: BTreeMap<&str, Vec<(f64, f64)>> = BTreeMap::new();
    for row in rows {
        if let (Some(measured), Some(predicted)) = (row.measured_s, row.predicted_s) {
            kinds
                .entry(row.kind)
                .or_default()
                .push((measured, predicted));
        }
    }
    for (kind, points) in kinds {
        chart.series.push(Series::new(kind, points).scattered());
    }
    chart.notes.push(format!(
        "Calibrated in the same run, block by block, before anything of a cell was timed. {setting}"
    ));
    chart
}

fn counts(rows: &[Row], setting: &str) -> LineChart {
    let mut chart = LineChart::new(
        "What was predicted and what was counted",
        Axis::log("counted (flops) or measured (bytes)"),
        Axis::log("predicted (flops or bytes)"),
    );
    chart.subtitle = "Random networks, batches and questions; f32 and f64".into();
    let points = |of: fn(&Row) -> Option<(f64, f64)>| -> Vec<(f64, f64)> {
        let positive = |p: &(f64, f64)| p.0 > 0.0 && p.1 > 0.0;
        rows.iter().filter_map(of).filter(positive).collect()
    };
    let flops = points(|row| Some((row.counted_flops? as f64, row.predicted_flops? as f64)));
    let bytes = points(|row| Some((row.measured_peak? as f64, row.predicted_peak? as f64)));
    for (name, points, colour) in [
        ("flops", flops, Colour::VERMILION),
        ("peak bytes", bytes, Colour::BLUE),
    ] {
        if points.is_empty() {
            continue;
        }
        let equal = points.iter().filter(|p| p.0 == p.1).count();
        let remark = format!("{equal} of {} equal", points.len());
        let series = Series::new(name, points).colour(colour).remark(remark);
        chart.series.push(series.scattered());
    }
    chart.notes.push(format!(
        "Flops by running the candidate at a counting scalar; bytes by a counting allocator, preparation included. {setting}"
    ));
    chart
}
