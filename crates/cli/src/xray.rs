//! `pushpull xray`: what happens to a gradient inside the user's own network.

use std::path::{Path, PathBuf};

use pushpull_core::Dual;
use pushpull_files::weights::Weights;
use pushpull_files::{Element, Line, output};
use pushpull_planner::{Planned, Timed};
use pushpull_xray::{Settings, Xray as Seen};
use serde::Serialize;

use crate::destination::{self, listed};
use crate::fault::Fault;
use crate::given::Given;
use crate::long::{self, Forecast};
use crate::network::Network;
use crate::options::precision::Precision;
use crate::options::xray::Xray;
use crate::screen;

mod picture;

#[derive(Serialize)]
struct Report {
    network: String,
    activation: String,
    loss: &'static str,
    params: usize,
    weights: String,
    data: String,
    #[serde(flatten)]
    seen: Seen,
    files: Vec<PathBuf>,
}

/// Runs the command; the text for stdout.
pub fn run(asked: &Xray, json: bool) -> Result<String, Fault> {
    if let Some(directory) = &asked.output {
        let inputs = [&asked.weights, &asked.data].into_iter().flatten();
        let inputs: Vec<&Path> = inputs.map(AsRef::as_ref).collect();
        let inputs = asked.columns.files(&inputs);
        destination::check(&[("--output", directory, &picture::FILES)], &inputs)?;
    }
    let (network, weights) = asked
        .net
        .network(asked.reduction, asked.weights.as_deref())?;
    let dtype = match &weights {
        Some(weights) => Precision::of(asked.dtype, weights),
        None => asked.dtype.unwrap_or(Precision::F64),
    };
    match dtype {
        Precision::F32 => at::<f32>(asked, &network, weights, json),
        Precision::F64 => at::<f64>(asked, &network, weights, json),
    }
}

fn at<T: Element + Planned>(
    asked: &Xray,
    network: &Network,
    weights: Option<Weights>,
    json: bool,
) -> Result<String, Fault>
where
    Dual<T>: Timed,
{
    let Given { data, graph, x } =
        Given::<T>::new(asked.data.as_deref(), &asked.columns, network, asked.batch)?;
    let drawn = || format!("drawn, seed {}", asked.seed);
    let named = asked
        .weights
        .as_ref()
        .map(|path| path.display().to_string());
    let params = match weights {
        Some(mut weights) => weights.read::<T>()?,
        None => graph.layout().init(asked.init, asked.seed),
    };
    let settings = Settings {
        output: Some(format!("layer{}", network.widths.len() - 2)),
        samples: asked.samples,
        exact: asked.exact,
        flat: asked.flat,
        threads: asked.threads,
        ..Settings::default()
    };
    let forecast = long::inside::<T>(asked, &graph, x.ncols());
    let waiting = forecast.as_ref().and_then(Forecast::wait);
    let seen = Seen::new(&graph, &params, &x, &settings);
    drop(waiting);
    let mut report = Report {
        network: network.name(),
        activation: network.activation(),
        loss: network.loss.name(),
        params: graph.n_params(),
        weights: named.unwrap_or_else(drawn),
        data,
        seen: seen?,
        files: Vec::new(),
    };
    if let Some(directory) = &asked.output {
        let words = report.setting();
        report.files = output::write_all(directory, |aside| {
            picture::save(&aside.join(picture::FILES[1]), &words, &report.seen)
        })?;
    }
    if json {
        return screen::json(&report);
    }
    let setting = Line(report.setting()).to_string();
    let text = format!("{}\n{}\n", screen::bold(&setting), report.seen);
    Ok(text + &listed(&report.files, ""))
}

impl Report {
    /// The network and where its numbers come from, in a line.
    fn setting(&self) -> String {
        format!(
            "{}, {}, {}; weights {}, data {}",
            self.network, self.activation, self.loss, self.weights, self.data
        )
    }
}
