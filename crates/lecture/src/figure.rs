//! A figure with what it says, and its way into a report.

use std::fmt::Write;

use pushpull_bench::claims::Claim;
use pushpull_bench::edition::{Edition, EditionError};
use pushpull_bench::pictures::{Picture, embedded};
use pushpull_data::DataError;
use pushpull_plot::{LineChart, PlotError};
use pushpull_train::TrainError;

/// Where figures lie in a report.
const FOLDER: &str = "lecture";

/// Why there is no figure.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// A graph or an engine.
    #[error(transparent)]
    Graph(#[from] pushpull_core::Error),
    /// The data sets.
    #[error(transparent)]
    Data(#[from] DataError),
    /// Training.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// The drawing.
    #[error(transparent)]
    Plot(#[from] PlotError),
    /// The report directory.
    #[error(transparent)]
    Edition(#[from] EditionError),
}

/// A chart, what is to be seen in it, and the claims that it judges.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// Its name: that of its files, without an ending.
    pub name: &'static str,
    /// The chart.
    pub chart: LineChart,
    /// What is to be seen, in a sentence or two.
    pub caption: String,
    /// Claims of the lecture with their measurements.
    pub claims: Vec<Claim>,
}

impl Figure {
    fn picture(&self, folder: Option<&str>) -> Picture {
        let folder = folder.map_or(String::new(), |folder| format!("{folder}/"));
        Picture {
            file: format!("{folder}{}.png", self.name),
            caption: self.caption.clone(),
        }
    }
}

/// Writes every figure, a PNG and its CSV, into `lecture/` of an edition.
///
/// # Errors
/// [`Fault::Plot`], [`Fault::Edition`]
pub fn write(figures: &[Figure], edition: &Edition) -> Result<(), Fault> {
    for figure in figures {
        let file = figure.picture(Some(FOLDER)).file;
        figure.chart.save(&edition.file(&file)?)?;
    }
    Ok(())
}

/// The section of a report: the claims with their verdicts, then every figure. They lie in `lecture/` if `in_folder`, else
/// beside the report.
pub fn section(figures: &[Figure], in_folder: bool) -> String {
    let mut text = String::from(
        "\n## The lecture's experiments\n\nClaims of the slides on networks, training and activations, each with its measurement and \
         a verdict.\n\n| the slide says | measured | verdict |\n|---|---|---|\n",
    );
    let claims = figures.iter().flat_map(|figure| &figure.claims);
    for Claim {
        words,
        measured,
        verdict,
    } in claims
    {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "| {words} | {measured} | **{verdict}** |");
    }
    text.push('\n');
    let folder = in_folder.then_some(FOLDER);
    text.extend(
        figures
            .iter()
            .map(|figure| embedded(&figure.picture(folder))),
    );
    text
}
