//! `pushpull gradient`: files in, a way run, a file out.

use pushpull_core::siblings::figures::grouped;
use pushpull_core::{Dual, Real, Wrt};
use pushpull_files::weights::{Weights, gradients};
use pushpull_files::{Element, Line, output};
use pushpull_planner::{Planned, Timed};
use serde::Serialize;

use crate::destination;
use crate::fault::{Fault, RANGE};
use crate::given::{judged, typed};
use crate::long::{self, Forecast};
use crate::network::Network;
use crate::options::gradient::Gradient;
use crate::options::mode::Mode;
use crate::options::net::no_widths;
use crate::options::precision::Precision;
use crate::way;

/// What is printed. `flops` and `calls` are exact.
#[derive(Debug, Serialize)]
struct Report {
    loss: f64,
    mode: &'static str,
    way: String,
    flops: u64,
    calls: u64,
    peak_bytes: usize,
}

/// Runs the command; the text for stdout.
pub fn run(asked: &Gradient, json: bool) -> Result<String, Fault> {
    settings(asked)?;
    let files = asked.columns.files(&[&asked.weights, &asked.data]);
    destination::check(&[("--output", &asked.output, &[])], &files)?;
    let (network, weights) = asked.net.network(asked.reduction, Some(&asked.weights))?;
    let Some(weights) = weights else {
        return Err(no_widths());
    };
    let report = match Precision::of(asked.dtype, &weights) {
        Precision::F32 => differentiate::<f32>(asked, &network, weights)?,
        Precision::F64 => differentiate::<f64>(asked, &network, weights)?,
    };
    Ok(if json {
        serde_json::json!(report).to_string() + "\n"
    } else {
        report.text(asked)
    })
}

/// Refuses settings of other modes.
fn settings(asked: &Gradient) -> Result<(), Fault> {
    let fault = |option, expected: &str| {
        let got = format!("--mode {}", asked.mode.name());
        Err(Fault::option(
            option,
            expected,
            got,
            "leave it out, or choose that mode",
        ))
    };
    if asked.slots.is_some() && asked.mode != Mode::Checkpointed {
        return fault("--slots", "--mode checkpointed");
    }
    if asked.memory.is_some() && !matches!(asked.mode, Mode::Checkpointed | Mode::Auto) {
        return fault("--memory", "--mode checkpointed or auto");
    }
    Ok(())
}

fn differentiate<T: Element + Planned>(
    asked: &Gradient,
    network: &Network,
    mut weights: Weights,
) -> Result<Report, Fault>
where
    Dual<T>: Timed,
{
    let x = typed::<T>(&judged(&asked.data, &asked.columns, network, None)?.x);
    let batch = x.ncols();
    let params = weights.read::<T>()?;
    let graph = network.graph(batch)?;
    let wanted = Wrt {
        params: true,
        inputs: !asked.no_x,
    };
    let way = way::of::<T>(&graph, batch, wanted, asked.mode, asked.slots, asked.memory)?;
    let takes = way::predict::<T>(&graph, batch, wanted, way)?;
    let forecast = long::gradient::<T>(asked, &graph, batch, wanted, way);
    let waiting = forecast.as_ref().and_then(Forecast::wait);
    let found = way::run(&graph, wanted, way, &params, &x);
    drop(waiting);
    let found = found?;
    let finite = |what: &str, value: T| {
        if value.is_finite() {
            return Ok(());
        }
        Err(Fault::NotFinite {
            what: what.into(),
            got: value.to_string(),
            remedy: RANGE,
        })
    };
    finite("the loss", found.value)?;
    found
        .params
        .iter()
        .try_for_each(|&value| finite("the gradient", value))?;
    // The targets' rows are not asked for.
    let inputs = found
        .inputs
        .map(|inputs| inputs.rows(0, network.inputs()).into_owned());
    inputs
        .iter()
        .flatten()
        .try_for_each(|&value| finite("the gradient of x", value))?;
    let layers = weights.layers();
    let bytes = gradients(&asked.output, layers, &found.params, inputs.as_ref())?;
    output::write(&asked.output, &bytes)?;
    Ok(Report {
        loss: Real::to_f64(found.value),
        mode: asked.mode.name(),
        way: way::words(way),
        flops: takes.cost.flops,
        calls: takes.cost.calls,
        peak_bytes: takes.peak_bytes,
    })
}

impl Report {
    fn text(&self, asked: &Gradient) -> String {
        format!(
            "loss        {:?}\nmode        {} ({})\nflops       {}, {} calls of elementary functions\npeak bytes  {}\nwritten     {}\n",
            self.loss,
            self.mode,
            self.way,
            grouped(self.flops),
            grouped(self.calls),
            grouped(self.peak_bytes as u128),
            Line(asked.output.display())
        )
    }
}
