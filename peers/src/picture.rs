//! The pictures of the table: ratios over the size of the network.

use std::fs;
use std::path::Path;

use pushpull_plot::{Axis, Band, Colour, LineChart, Marker, Mode, Multiples, PlotError, Series};

use crate::grid::{IN_RUST, PEERS};
use crate::net::{Dtype, Task, nets};
use crate::record::Row;

/// Those whose panel is JAX's.
const ON_JAX: [&str; 3] = ["jax", "jax-scan", "enzyme"];

/// Libraries of products: what they need for those of a gradient alone is a bound on what calls them.
const PRODUCTS: [&str; 2] = ["openblas", "mkl"];

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
            let of = |peer: &'static str| {
                rows.iter().filter(move |r| {
                    r.task == Task::Gradient
                        && r.dtype == dtype
                        && r.threads == threads
                        && r.peer == peer
                })
            };
            let panel = |title: &str, among: &dyn Fn(&str) -> bool| {
                let mut chart = chart(title);
                let shown = PEERS.into_iter().filter(|peer| among(peer));
                let shown: Vec<_> = shown.filter(|peer| of(peer).next().is_some()).collect();
                for (i, peer) in shown.iter().copied().enumerate() {
                    let (colour, marker) = look(peer);
                    let look = (colour, marker, beside(i, shown.len()));
                    push(&mut chart, peer, look, of(peer));
                }
                chart
            };
            let title = format!(
                "Gradient: other libraries against pushpull, {dtype}, {}",
                plural(threads)
            );
            let panels = vec![
                panel("JAX, and Enzyme below it", &|peer| ON_JAX.contains(&peer)),
                panel("Other Python libraries", &|peer| {
                    !IN_RUST.contains(&peer) && !ON_JAX.contains(&peer) && !PRODUCTS.contains(&peer)
                }),
                panel("Rust crates", &|peer| IN_RUST.contains(&peer)),
                panel("A gradient's products alone", &|peer| {
                    PRODUCTS.contains(&peer)
                }),
            ];
            let name = format!("peers_gradient_{dtype}_{threads}.png");
            drawn.extend(finish(title, panels, setting, reports, &name)?);
        }
    }
    let panel = |title: &str, tasks: &[(Task, Colour, Marker)]| {
        let mut chart = chart(title);
        for (i, &(task, colour, marker)) in tasks.iter().enumerate() {
            let of = |r: &&Row| {
                r.task == task && r.dtype == Dtype::F32 && r.threads == 1 && r.peer == "jax"
            };
            let look = (colour, marker, beside(i, tasks.len()));
            push(&mut chart, &task.to_string(), look, rows.iter().filter(of));
        }
        chart
    };
    let of = |task, mode: Mode| (task, mode.colour(), mode.marker());
    let panels = vec![
        panel(
            "One program",
            &[
                of(Task::Primal, Mode::Primal),
                of(Task::Jvp, Mode::Jvp),
                of(Task::Vjp, Mode::Vjp),
                of(Task::ForwardGradient, Mode::Forward),
            ],
        ),
        panel(
            "Many derivatives",
            &[
                (Task::Jacobian, Colour::PURPLE, Marker::Square),
                (Task::SampleGradients, Colour::GREEN, Marker::Down),
                (Task::HessianVector, Colour::BROWN, Marker::Cross),
            ],
        ),
    ];
    let title = "Other tasks: JAX against pushpull, f32, 1 thread".to_owned();
    let name = "peers_tasks_f32_1.png";
    drawn.extend(finish(title, panels, setting, reports, name)?);
    Ok(drawn)
}

fn plural(threads: usize) -> String {
    format!("{threads} thread{}", if threads == 1 { "" } else { "s" })
}

fn chart(title: &str) -> LineChart {
    LineChart::new(
        title,
        Axis::log("multiply-adds of one primal over the batch (count)"),
        Axis::log("time of the library / time of pushpull"),
    )
}

/// The same colour and mark for a peer in every picture.
fn look(peer: &str) -> (Colour, Marker) {
    match peer {
        "jax" => (Colour::BLUE, Marker::Circle),
        "jax-scan" => (Colour::SKY, Marker::Square),
        "tensorflow" => (Colour::VERMILION, Marker::Triangle),
        "enzyme" => (Colour::GREEN, Marker::Cross),
        "torch" => (Colour::BLACK, Marker::Star),
        "torch-compile" => (Colour::GREY, Marker::Star),
        "autograd" => (Colour::PURPLE, Marker::Diamond),
        "dfdx" => (Colour::GREEN, Marker::Down),
        "candle" => (Colour::ORANGE, Marker::Plus),
        "burn" => (Colour::BROWN, Marker::Cross),
        "openblas" => (Colour::SKY, Marker::Circle),
        "mkl" => (Colour::PURPLE, Marker::Square),
        "echidna" => (Colour::BLACK, Marker::Square),
        _ => (Colour::GREY, Marker::Circle),
    }
}

/// Pixels by which the `i`-th of `n` series is moved, so that none hides another.
fn beside(i: usize, n: usize) -> f64 {
    7.0 * (i as f64 - (n as f64 - 1.0) / 2.0)
}

/// Adds a point for each network: networks are not related to each other, so no line joins them.
fn push<'a>(
    chart: &mut LineChart,
    name: &str,
    (colour, marker, aside): (Colour, Marker, f64),
    rows: impl Iterator<Item = &'a Row>,
) {
    let grid = nets();
    let (mut known, mut least) = (Vec::new(), f64::INFINITY);
    for row in rows {
        let net = grid
            .iter()
            .find(|net| net.name == row.net && net.batch == row.batch);
        if let (Some(net), Some(ratio), Some(low)) =
            (net, row.ratio_to_pushpull, row.ratio_lower_quartile)
        {
            known.push(((net.multiply_adds() as f64, ratio), (low, ratio)));
            least = least.min(low);
        }
    }
    known.sort_by(|a, b| a.0.0.total_cmp(&b.0.0));
    if !known.is_empty() {
        let (points, bars) = known.into_iter().unzip();
        let series = Series::new(name, points).bars(bars).scattered();
        chart.series.push(
            series
                .colour(colour)
                .marker(marker)
                .nudged(aside)
                .remark(format!("at least {least:.2}")),
        );
    }
}

/// Saves a picture that has points, aside first, with a line at 1 and the band up to 1.2 in every panel.
fn finish(
    title: String,
    mut panels: Vec<LineChart>,
    setting: &str,
    reports: &Path,
    name: &str,
) -> Result<Option<String>, PictureError> {
    panels.retain(|panel| !panel.series.is_empty());
    let series = panels.iter().flat_map(|panel| &panel.series);
    let xs: Vec<f64> = series.flat_map(|s| &s.points).map(|p| p.0).collect();
    let low = xs.iter().copied().fold(f64::INFINITY, f64::min);
    let high = xs.iter().copied().fold(0.0, f64::max);
    if low > high {
        return Ok(None);
    }
    for panel in &mut panels {
        panel.series.push(Series::guide(
            "1: as fast as pushpull",
            vec![(low, 1.0), (high, 1.0)],
        ));
        panel.bands.push(Band::new("1 to 1.2", 1.0, 1.2));
    }
    let mut picture = Multiples::new(title, panels);
    picture.subtitle =
        "Each point is one network and batch; points of one network stand side by side. Above the band pushpull is at least 1.2 times as fast."
            .into();
    picture.notes.push(format!(
        "Medians of interleaved rounds; bars reach down to the lower quartile, the least of which is in the legend. {setting}"
    ));
    let aside = reports.join(".peers-aside");
    fs::create_dir_all(&aside)?;
    picture.save(&aside.join(name))?;
    for file in [
        Path::new(name).to_path_buf(),
        Path::new(name).with_extension("csv"),
    ] {
        fs::rename(aside.join(&file), reports.join(&file))?;
    }
    fs::remove_dir(&aside)?;
    Ok(Some(name.into()))
}
