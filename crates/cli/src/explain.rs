//! `pushpull explain`: the three programs of a network, side by side or with their numbers.

use pushpull_core::{Dual, Mat, Scalar};
use pushpull_explain::Explanation;
use pushpull_files::Element;
use pushpull_planner::{Planned, Timed};
use serde::Serialize;

use crate::fault::Fault;
use crate::given::{judged, typed};
use crate::long::{self, Forecast};
use crate::options::explain::{Explain, Format};
use crate::options::precision::Precision;
use crate::options::reduction::Reduction;
use crate::screen;

/// Samples whose numbers are told where nobody says how many: those of all would not fit on a screen, nor into memory.
const SAMPLES: usize = 8;

/// The network, and what is told of it.
#[derive(Serialize)]
struct Report {
    network: String,
    activation: String,
    loss: &'static str,
    #[serde(flatten)]
    told: Explanation,
}

/// Runs the command; the text for stdout.
pub fn run(asked: &Explain, json: bool) -> Result<String, Fault> {
    match asked.dtype {
        Precision::F32 => at::<f32>(asked, json),
        Precision::F64 => at::<f64>(asked, json),
    }
}

fn at<T: Scalar + Element + Planned>(asked: &Explain, json: bool) -> Result<String, Fault>
where
    Dual<T>: Timed,
{
    if json && asked.format == Format::Dot {
        return Err(Fault::option(
            "--json",
            "--format text or json",
            "--format dot",
            "leave one of them out",
        ));
    }
    let (network, weights) = asked
        .net
        .network(Reduction::Sum, asked.weights.as_deref())?;
    // The lecture's y is the objective, so the target has another name here.
    let graph = network.graph_of_target("target", 1)?;
    let told = match (weights, &asked.data) {
        (Some(mut weights), Some(data)) => {
            let params = weights.read::<T>()?;
            let read = judged(data, &asked.columns, &network, asked.batch)?;
            let (all, some) = (read.x.ncols(), asked.batch.unwrap_or(SAMPLES));
            if all > some {
                screen::remark(&[format!(
                    "the first {some} of {all} samples are run; --batch says how many"
                )]);
            }
            let x = typed(&read.x.columns(0, some.min(all)).into_owned());
            let forecast = long::explanation::<T>(&graph, x.ncols());
            let waiting = forecast.as_ref().and_then(Forecast::wait);
            let told = Explanation::traced(&graph, &params, Mat::from(&x));
            drop(waiting);
            told?
        }
        _ => Explanation::new::<T>(&graph, asked.batch.unwrap_or(1))?,
    };
    Ok(match asked.format {
        Format::Text if !json => {
            let (name, columns) = (network.name(), screen::columns());
            let (activation, loss) = (network.activation(), network.loss);
            format!("{name}, {activation}, {loss}: {told:columns$}")
        }
        Format::Dot => told.dot(),
        Format::Text | Format::Json => screen::json(&Report {
            network: network.name(),
            activation: network.activation(),
            loss: network.loss.name(),
            told,
        })?,
    })
}
