//! The norms of cotangents and gradients, and singular values, block by block.

use std::path::Path;

use pushpull_plot::{Axis, Colour, Dash, LineChart, Marker, Multiples, Series};
use pushpull_xray::{BlockXray, Kind, Xray};

use crate::fault::Fault;

/// The files in a directory.
pub const FILES: [&str; 2] = ["xray.csv", "xray.png"];

/// Letters of the setting that are drawn: a path may be of any length.
const SETTING: usize = 300;

/// Draws what a logarithmic axis can show; blocks without such a number are left out, and the notes say why.
pub fn save(path: &Path, setting: &str, seen: &Xray) -> Result<(), Fault> {
    let mut panels = vec![norms(seen), singular(seen)];
    panels.retain(|panel| !panel.series.is_empty());
    if panels.is_empty() {
        // Nothing that was asked for is positive and finite, and a picture of nothing is none.
        return Err(Fault::NotFinite {
            what: "the picture".into(),
            got: seen
                .culprit
                .as_ref()
                .map_or_else(|| "only zeros".into(), |culprit| culprit.reason.clone()),
            remedy: "leave --output out to see the table",
        });
    }
    let mut picture = Multiples::new("The gradient inside the network, block by block", panels);
    picture.subtitle = setting.chars().take(SETTING).collect();
    if picture.subtitle.len() < setting.len() {
        picture.subtitle += " ..";
    }
    picture.notes.push(
        "Blocks from the input at the left to the loss at the right. One line joins layers, another activations.".into(),
    );
    if let Some(culprit) = &seen.culprit {
        picture
            .notes
            .push(format!("Not finite: {}.", culprit.reason));
    }
    Ok(picture.save(path)?)
}

/// An axis of the blocks' names, without series.
fn chart(title: &str, y: &str, seen: &Xray) -> LineChart {
    let names = seen.blocks.iter().map(|block| &block.name);
    LineChart::new(title, Axis::named("block", names), Axis::log(y))
}

/// The points of the blocks of some kinds: a line through blocks of several would only go up and down between them.
fn points(seen: &Xray, kinds: &[Kind], of: fn(&BlockXray) -> Option<f64>) -> Vec<(f64, f64)> {
    let blocks = seen.blocks.iter().enumerate();
    blocks
        .filter(|(_, block)| kinds.contains(&block.kind))
        .filter_map(|(i, block)| Some(((i + 1) as f64, of(block)?)))
        .filter(|point| point.1.is_normal())
        .collect()
}

/// What blocks of a kind are called, and a series of theirs. Blocks of other kinds have nothing in common: no line joins
/// them.
fn series(kind: Kind, what: &str, points: Vec<(f64, f64)>) -> Series {
    match kind {
        Kind::Weight => Series::new(format!("{what} after layers"), points).marker(Marker::Circle),
        Kind::Activation => Series::new(format!("{what} after activations"), points)
            .marker(Marker::Square)
            .dash(Dash::DashDot),
        _ => Series::new(format!("{what} after other blocks"), points)
            .marker(Marker::Cross)
            .scattered(),
    }
}

const KINDS: [Kind; 3] = [Kind::Weight, Kind::Activation, Kind::Other];

fn norms(seen: &Xray) -> LineChart {
    let mut chart = chart("norms", "norm over the batch", seen);
    let gradient = points(seen, &KINDS, |block| block.gradient_norm);
    if !gradient.is_empty() {
        let series = Series::new("gradient in the parameters", gradient);
        chart
            .series
            .push(series.colour(Colour::VERMILION).marker(Marker::Triangle));
    }
    for kind in KINDS {
        let points = points(seen, &[kind], |block| block.cotangent_norm);
        if !points.is_empty() {
            chart
                .series
                .push(series(kind, "cotangent", points).colour(Colour::BLUE));
        }
    }
    chart
}

fn singular(seen: &Xray) -> LineChart {
    let mut chart = chart(
        "from the block's value to the output",
        "largest singular value",
        seen,
    );
    for kind in KINDS {
        let points = points(seen, &[kind], |block| {
            block.spectrum.as_ref().and_then(|s| s.largest())
        });
        if !points.is_empty() {
            chart
                .series
                .push(series(kind, "singular value", points).colour(Colour::GREEN));
        }
    }
    chart
}
