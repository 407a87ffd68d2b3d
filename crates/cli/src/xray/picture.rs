//! The norms of cotangents and gradients, block by block.

use std::path::Path;

use pushpull_plot::{Axis, LineChart, Series};
use pushpull_xray::{BlockXray, Xray};

use crate::fault::Fault;

/// Draws what a logarithmic axis can show; blocks without such a number are left out, and the notes say how many.
pub fn save(path: &Path, setting: &str, seen: &Xray) -> Result<(), Fault> {
    let mut chart = LineChart::new(
        "What becomes of the gradient, block by block",
        Axis::linear("block, counted from the input (count)"),
        Axis::log("norm over the batch, singular value (over the unit of the value)"),
    );
    chart.subtitle = setting.chars().take(110).collect();
    let shown = |of: fn(&BlockXray) -> Option<f64>| -> Vec<(f64, f64)> {
        let blocks = seen.blocks.iter().enumerate();
        blocks
            .filter_map(|(i, block)| Some(((i + 1) as f64, of(block)?)))
            .filter(|point| point.1.is_normal())
            .collect()
    };
    for (name, points) in [
        (
            "cotangent of the block's value",
            shown(|block| block.cotangent_norm),
        ),
        (
            "gradient in its parameters",
            shown(|block| block.gradient_norm),
        ),
        (
            "largest singular value to the output",
            shown(|block| block.spectrum.as_ref().and_then(|s| s.largest())),
        ),
    ] {
        if !points.is_empty() {
            chart.series.push(Series::new(name, points));
        }
    }
    if chart.series.is_empty() {
        // Nothing that was asked for is positive and finite, and a picture of nothing is none.
        return Err(Fault::NotFinite {
            what: "the picture".into(),
            got: seen
                .culprit
                .as_ref()
                .map_or_else(|| "zeros alone".into(), |culprit| culprit.reason.clone()),
            remedy: "leave --output out to see the table",
        });
    }
    let names: Vec<String> = seen
        .blocks
        .iter()
        .enumerate()
        .map(|(i, block)| format!("{} {}", i + 1, block.name))
        .collect();
    let listed = if names.len() > 24 {
        format!("{}, .., {}", names[..12].join(", "), names[names.len() - 1])
    } else {
        names.join(", ")
    };
    chart.notes.push(format!("Blocks: {listed}."));
    if let Some(culprit) = &seen.culprit {
        chart.notes.push(format!("Not finite: {}.", culprit.reason));
    }
    Ok(chart.save(path)?)
}
