//! `pushpull evaluate`: how good a saved network is on samples.

use std::fs;
use std::path::{Path, PathBuf};

use nalgebra::DMatrix;
use pushpull_core::blocks::Loss;
use pushpull_core::siblings::figures::table;
use pushpull_files::weights::Weights;
use pushpull_files::{Element, FileError, Line, output};
use pushpull_plot::{Categories, HeatMap, Labels, PlotError, Shade};
use pushpull_train::{Metrics, Model, Precision as Trained, Samples, Score, class_of};
use serde::Serialize;

use crate::destination::{self, listed};
use crate::fault::{Fault, RANGE};
use crate::given::{judged, lost, named};
use crate::network::{Network, with_biases};
use crate::options::net::no_widths;
use crate::options::precision::Precision;
use crate::options::predict::Evaluate;
use crate::options::reduction::Reduction;
use crate::predict::answers;
use crate::screen;

/// Of each class, how often it was answered by each.
type Confusion = Vec<Vec<usize>>;

/// The files in a directory.
const FILES: [&str; 2] = ["confusion.csv", "confusion.png"];

/// What is printed.
#[derive(Serialize)]
struct Report {
    data: String,
    samples: usize,
    loss: f64,
    score: &'static str,
    value: f64,
    confusion: Option<Confusion>,
    classes: Vec<String>,
    files: Vec<PathBuf>,
}

/// Runs the command; the text for stdout.
pub fn run(asked: &Evaluate, json: bool) -> Result<String, Fault> {
    if let Some(directory) = &asked.output {
        let files = asked.columns.files(&[&asked.weights, &asked.data]);
        destination::check(&[("--output", directory, &FILES)], &files)?;
    }
    let (network, weights) = asked.net.network(Reduction::Mean, Some(&asked.weights))?;
    let Some(weights) = weights else {
        return Err(no_widths());
    };
    if !network.loss.needs_target() {
        let got = format!("--loss {}", network.loss);
        let (expected, remedy) = ("a loss with a target", "choose the loss it was trained for");
        return Err(Fault::option("--loss", expected, got, remedy));
    }
    if asked.output.is_some() && classes(&network).is_none() {
        let one = "a confusion matrix, of softmax-cross-entropy or of sigmoid-cross-entropy with one output";
        let got = format!("--loss {}, {} outputs", network.loss, network.outputs());
        return Err(Fault::option("--output", one, got, "leave it out"));
    }
    let read = judged(&asked.data, &asked.columns, &network, None)?;
    let (metrics, confusion) = match Precision::of(asked.dtype, &weights) {
        Precision::F32 => metrics::<f32>(&network, weights, &read.x, &asked.data)?,
        Precision::F64 => metrics::<f64>(&network, weights, &read.x, &asked.data)?,
    };
    let names = read.classes;
    let classes = confusion.as_ref().map_or(0, Vec::len);
    let name = |k: usize| names.get(k).cloned().unwrap_or_else(|| k.to_string());
    let mut report = Report {
        data: asked.data.display().to_string(),
        samples: read.x.ncols(),
        loss: metrics.loss,
        score: metrics.score.name(),
        value: metrics.score.value(),
        confusion,
        classes: (0..classes).map(name).collect(),
        files: Vec::new(),
    };
    let written = match (&asked.output, &report.confusion) {
        (Some(directory), Some(confusion)) => write(directory, &picture(&report, confusion)),
        _ => Ok(Vec::new()),
    };
    let unwritten = match written {
        Ok(files) => {
            report.files = files;
            None
        }
        Err(fault) => Some(fault),
    };
    let text = match json {
        true => screen::json(&report)?,
        false => report.text(),
    };
    let Some(fault) = unwritten else {
        return Ok(text);
    };
    // What was found is not lost with what could not be written.
    screen::say(&text)?;
    Err(fault)
}

/// Writes the matrix into a directory, without its picture where it has no room.
fn write(directory: &Path, map: &HeatMap) -> Result<Vec<PathBuf>, Fault> {
    output::write_all(directory, |aside| {
        let [csv, png] = FILES;
        let put = |name: &str, bytes: &[u8]| {
            let path = aside.join(name);
            fs::write(&path, bytes).map_err(|error| FileError::write(&path, error))
        };
        put(csv, map.csv()?.as_bytes())?;
        match map.png() {
            Ok(bytes) => put(png, &bytes)?,
            Err(PlotError::Crowded { what, .. }) => screen::remark(&[format!(
                "{png} is not drawn: {what} do not fit on it; {csv} has every number"
            )]),
            Err(fault) => return Err(fault.into()),
        }
        Ok(())
    })
}

/// The classes that answers are counted by.
fn classes(network: &Network) -> Option<usize> {
    match network.loss {
        Loss::SoftmaxCrossEntropy => Some(network.outputs()),
        Loss::SigmoidCrossEntropy if network.outputs() == 1 => Some(2),
        _ => None,
    }
}

/// Loss and score, and of classes how often each was answered by each.
fn metrics<T: Element + Trained>(
    network: &Network,
    mut weights: Weights,
    x: &DMatrix<f64>,
    file: &Path,
) -> Result<(Metrics, Option<Confusion>), Fault> {
    screen::remark(&lost::<T>(x));
    let params = weights.read::<T>()?;
    let model = Model::of(network.mlp(), network.loss)?;
    let (inputs, outputs) = (network.inputs(), network.outputs());
    let samples = Samples::new(
        x.rows(0, inputs).into_owned(),
        x.rows(inputs, outputs).into_owned(),
    )?;
    let answers = answers(network, &params, samples.inputs(), file)?;
    let params = with_biases(network, params);
    let metrics = model.metrics(&params, &samples)?;
    if !metrics.loss.is_finite() {
        return Err(Fault::NotFinite {
            what: format!(
                "{}: the loss{}",
                named(file),
                first(&model, &params, &samples)
            ),
            got: metrics.loss.to_string(),
            remedy: RANGE,
        });
    }
    if metrics.loss == 0.0 && matches!(metrics.score, Score::R2(r2) if r2 < 1.0) {
        let said =
            "the loss is too small for a number, and told as 0: R2 is not; scale the targets";
        screen::remark(&[said.to_owned()]);
    }
    let Some(classes) = classes(network) else {
        return Ok((metrics, None));
    };
    let mut confusion = vec![vec![0; classes]; classes];
    for (answer, &class) in answers.column_iter().zip(&samples.classes()) {
        confusion[class][class_of(answer.as_slice(), 0.0)] += 1;
    }
    Ok((metrics, Some(confusion)))
}

/// The sample whose own loss is no finite number, in words; nothing where only their sum is none.
fn first<T: Trained>(model: &Model, params: &[T], samples: &Samples) -> String {
    let wrong = |j: &usize| {
        let own = samples
            .pick(&[*j])
            .and_then(|one| model.metrics(params, &one));
        own.is_ok_and(|own| !own.loss.is_finite())
    };
    let found = (0..samples.len()).find(wrong);
    found.map_or_else(String::new, |j| format!(" of sample {}", j + 1))
}

/// The confusion matrix: how often each class was answered by each, in the shade of its share of the class.
fn picture(report: &Report, confusion: &[Vec<usize>]) -> HeatMap {
    let answered = Categories::new("answer", &report.classes);
    // Rows are drawn from below: the first class belongs on top, as in the text.
    let right = Categories::new("class", report.classes.iter().rev());
    let value = "share of the samples of a class";
    let mut map = HeatMap::new("Confusion matrix", answered, right, value);
    map.subtitle = format!(
        "{}: {} samples, {} {:.4}",
        report.data, report.samples, report.score, report.value
    );
    map.notes = vec![
        "A cell counts the samples of its row's class that were given its column's answer. Right answers are on the diagonal from the upper left."
            .into(),
    ];
    map.shade = Shade::Share;
    let counts = || confusion.iter().rev();
    map.labels = Some(Labels {
        name: "samples".into(),
        cells: counts()
            .map(|counts| counts.iter().map(usize::to_string).collect())
            .collect(),
    });
    map.cells = counts()
        .map(|counts| {
            let all = counts.iter().sum::<usize>().max(1) as f64;
            counts.iter().map(|&n| Some(n as f64 / all)).collect()
        })
        .collect();
    map
}

impl Report {
    fn text(&self) -> String {
        let mut text = format!(
            "samples     {} of {}\nloss        {:?}, the mean\n{:<11} {:.4}\n",
            self.samples,
            Line(&self.data),
            self.loss,
            self.score,
            self.value
        );
        if let Some(confusion) = &self.confusion {
            text += "\none line for each true class: how often each class was predicted\n";
            for line in matrix(&self.classes, confusion) {
                text += &format!("{}\n", line.trim_end());
            }
        }
        text + &listed(&self.files, "written     ")
    }
}

/// The confusion matrix in columns.
fn matrix(classes: &[String], confusion: &[Vec<usize>]) -> Vec<String> {
    let mut rows = vec![vec!["class".to_owned()]];
    let classes: Vec<String> = classes.iter().map(|name| Line(name).to_string()).collect();
    rows[0].extend(classes.iter().cloned());
    for (name, counts) in classes.iter().zip(confusion) {
        let counts = counts.iter().map(usize::to_string);
        rows.push(std::iter::once(name.clone()).chain(counts).collect());
    }
    table(&rows, &[])
}
