//! The pictures of the table: ratios over the size of the network.

use std::fs;
use std::path::Path;

use pushpull_plot::{Axis, Band, Colour, LineChart, PlotError, Series};

use crate::grid::PEERS;
use crate::net::{Dtype, Net, Task};
use crate::record::Row;

/// What a picture could not be made for.
#[derive(Debug, thiserror::Error)]
pub enum PictureError {
    #[error(transparent)]
    Plot(#[from] PlotError),
    #[error(transparent)]
    File(#[from] std::io::Error),
}

/// Draws gradients at each precision and number of threads that the table has, and the other tasks against JAX.
///
/// # Errors
/// Files that cannot be written.
pub fn draw(rows: &[Row], setting: &str, reports: &Path) -> Result<Vec<String>, PictureError> {
    let mut drawn = Vec::new();
    for dtype in Dtype::ALL {
        for threads in [1, 2] {
            let mut chart = chart(
                format!(
                    "Gradient: peers against pushpull, {dtype}, {}",
                    plural(threads)
                ),
                setting,
            );
            for peer in PEERS {
                let of = |r: &&Row| {
                    r.task == Task::Gradient
                        && r.dtype == dtype
                        && r.threads == threads
                        && r.peer == peer
                };
                push(&mut chart, peer, look(peer), rows.iter().filter(of));
            }
            let name = format!("peers_gradient_{dtype}_{threads}.png");
            drawn.extend(finish(chart, reports, &name)?);
        }
    }
    let mut others = chart(
        "Other tasks: JAX against pushpull, f32, 1 thread".into(),
        setting,
    );
    for (task, colour) in [
        (Task::Primal, Colour::BLACK),
        (Task::Jvp, Colour::BLUE),
        (Task::ForwardGradient, Colour::VERMILION),
        (Task::Jacobian, Colour::GREEN),
    ] {
        let of =
            |r: &&Row| r.task == task && r.dtype == Dtype::F32 && r.threads == 1 && r.peer == "jax";
        push(
            &mut others,
            &task.to_string(),
            (colour, false),
            rows.iter().filter(of),
        );
    }
    drawn.extend(finish(others, reports, "peers_tasks_f32_1.png")?);
    Ok(drawn)
}

fn plural(threads: usize) -> String {
    format!("{threads} thread{}", if threads == 1 { "" } else { "s" })
}

fn chart(title: String, setting: &str) -> LineChart {
    let mut chart = LineChart::new(
        title,
        Axis::log("multiply-adds of one primal over the batch (count)"),
        Axis::log("time of the peer / time of pushpull"),
    );
    chart.subtitle =
        "Each point is a network of the grid; above the band pushpull is at least 1.2 times as fast"
            .into();
    chart.notes.push(format!("Medians over interleaved rounds; the legend has the least lower quartile of a peer. {setting}"));
    chart
}

/// The same colour for a peer in every picture; JAX's loop is JAX's colour, dashed.
fn look(peer: &str) -> (Colour, bool) {
    match peer {
        "jax" => (Colour::BLUE, false),
        "jax-scan" => (Colour::BLUE, true),
        "tensorflow" => (Colour::VERMILION, false),
        "torch" => (Colour::VERMILION, true),
        "autograd" => (Colour::PURPLE, false),
        "dfdx" => (Colour::GREEN, false),
        "candle" => (Colour::ORANGE, false),
        "burn" => (Colour::SKY, false),
        "echidna" => (Colour::BLACK, false),
        _ => (Colour::GREY, false),
    }
}

fn push<'a>(
    chart: &mut LineChart,
    name: &str,
    (colour, dashed): (Colour, bool),
    rows: impl Iterator<Item = &'a Row>,
) {
    let grid = Net::grid();
    let (mut points, mut least) = (Vec::new(), f64::INFINITY);
    for row in rows {
        let net = grid
            .iter()
            .find(|net| net.name == row.net && net.batch == row.batch);
        if let (Some(net), Some(ratio), Some(low)) =
            (net, row.ratio_to_pushpull, row.ratio_lower_quartile)
        {
            points.push((net.multiply_adds() as f64, ratio));
            least = least.min(low);
        }
    }
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    if !points.is_empty() {
        let series = Series::new(name, points)
            .colour(colour)
            .remark(format!("at least {least:.2}"));
        chart
            .series
            .push(if dashed { series.dashed() } else { series });
    }
}

/// Saves a picture that has a curve, aside first, with lines at 1 and 1.2.
fn finish(
    mut chart: LineChart,
    reports: &Path,
    name: &str,
) -> Result<Option<String>, PictureError> {
    if chart.series.is_empty() {
        return Ok(None);
    }
    let xs = chart
        .series
        .iter()
        .flat_map(|s| s.points.iter().map(|p| p.0));
    let (low, high) = xs.fold((f64::INFINITY, 0.0_f64), |(low, high), x| {
        (low.min(x), high.max(x))
    });
    for (words, y) in [("1: as fast as pushpull", 1.0), ("1.2", 1.2)] {
        chart
            .series
            .push(Series::guide(words, vec![(low, y), (high, y)]));
    }
    chart.bands.push(Band::new("1 to 1.2", 1.0, 1.2));
    let aside = reports.join(".peers-aside");
    fs::create_dir_all(&aside)?;
    chart.save(&aside.join(name))?;
    for file in [
        Path::new(name).to_path_buf(),
        Path::new(name).with_extension("csv"),
    ] {
        fs::rename(aside.join(&file), reports.join(&file))?;
    }
    fs::remove_dir(&aside)?;
    Ok(Some(name.into()))
}
