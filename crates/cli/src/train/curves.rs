//! The learning curves of a run.

use pushpull_plot::{Axis, Dash, LineChart, Series};
use pushpull_train::Epoch;

use crate::network::Network;

/// The files in a directory of them.
pub const FILES: [&str; 2] = ["learning.csv", "learning.png"];

/// The losses of both parts, epoch by epoch.
pub fn curves(network: &Network, epochs: &[Epoch]) -> LineChart {
    let points = |of: fn(&Epoch) -> Option<f64>| -> Vec<(f64, f64)> {
        let each = epochs
            .iter()
            .filter_map(|epoch| Some((epoch.number as f64, of(epoch)?)));
        each.filter(|(_, loss)| *loss > 0.0).collect()
    };
    let (x, y) = (Axis::whole("epoch"), Axis::log("mean loss"));
    let mut chart = LineChart::new("Learning curves", x, y);
    chart.subtitle = format!(
        "{}, {}, {}",
        network.name(),
        network.activation(),
        network.loss
    );
    let train = points(|epoch| Some(epoch.train.loss));
    let valid = points(|epoch| epoch.valid.map(|valid| valid.loss));
    chart.series.push(Series::new("training part", train));
    chart
        .series
        .push(Series::new("validation part", valid).dash(Dash::DashDot));
    let best = epochs.iter().rfind(|epoch| epoch.best);
    if let Some((epoch, valid)) = best.and_then(|epoch| Some((epoch.number, epoch.valid?))) {
        chart.notes.push(format!(
            "The lowest validation loss is that of epoch {epoch}: {valid}."
        ));
    }
    chart
}
