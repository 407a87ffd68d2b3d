//! `pushpull evaluate`: how good a saved network is on samples.

use std::path::PathBuf;

use nalgebra::DMatrix;
use pushpull_core::blocks::Loss;
use pushpull_core::siblings::figures::table;
use pushpull_files::weights::Weights;
use pushpull_files::{Element, output};
use pushpull_plot::{Categories, HeatMap, Labels, Shade};
use pushpull_train::{Metrics, Model, Precision as Trained, Samples, Score, class_of};
use serde::Serialize;

use crate::fault::Fault;
use crate::given::{given, lost};
use crate::network::{Network, with_biases};
use crate::options::net::no_widths;
use crate::options::precision::Precision;
use crate::options::predict::Evaluate;
use crate::options::reduction::Reduction;
use crate::screen;

/// Of each class, how often it was answered by each.
type Confusion = Vec<Vec<usize>>;

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
        output::check_directory("--output", directory)?;
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
    let read = given(&asked.data, &asked.columns, &network, None)?;
    let (metrics, confusion) = match Precision::of(asked.dtype, &weights) {
        Precision::F32 => judged::<f32>(&network, weights, &read.x)?,
        Precision::F64 => judged::<f64>(&network, weights, &read.x)?,
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
    if let (Some(directory), Some(confusion)) = (&asked.output, &report.confusion) {
        report.files = output::write_all(directory, |aside| {
            picture(&report, confusion)
                .save(&aside.join("confusion.png"))
                .map_err(Fault::from)
        })?;
    }
    if json {
        return screen::json(&report);
    }
    Ok(report.text())
}

/// Loss and score, and of classes how often each was answered by each.
fn judged<T: Element + Trained>(
    network: &Network,
    mut weights: Weights,
    x: &DMatrix<f64>,
) -> Result<(Metrics, Option<Confusion>), Fault> {
    screen::remark(&lost::<T>(x));
    let params = with_biases(network, weights.read::<T>()?);
    let model = Model::of(network.mlp(), network.loss)?;
    let (inputs, outputs) = (network.inputs(), network.outputs());
    let samples = Samples::new(
        x.rows(0, inputs).into_owned(),
        x.rows(inputs, outputs).into_owned(),
    )?;
    let metrics = model.metrics(&params, &samples)?;
    if metrics.loss == 0.0 && matches!(metrics.score, Score::R2(r2) if r2 < 1.0) {
        let said =
            "the loss is too small for a number, and told as 0: R2 is not; scale the targets";
        screen::remark(&[said.to_owned()]);
    }
    let classes = match network.loss {
        Loss::SoftmaxCrossEntropy => outputs,
        Loss::SigmoidCrossEntropy if outputs == 1 => 2,
        _ => return Ok((metrics, None)),
    };
    let answers = model.outputs(&params, &samples.inputs().map(T::from_f64))?;
    let mut confusion = vec![vec![0; classes]; classes];
    for (answer, &class) in answers.column_iter().zip(&samples.classes()) {
        let answer: Vec<f64> = answer.iter().map(|y| y.to_f64()).collect();
        confusion[class][class_of(&answer, 0.0)] += 1;
    }
    Ok((metrics, Some(confusion)))
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
            self.samples, self.data, self.loss, self.score, self.value
        );
        if let Some(confusion) = &self.confusion {
            text += "\none line for each true class: how often each class was predicted\n";
            for line in matrix(&self.classes, confusion) {
                text += &format!("{}\n", line.trim_end());
            }
        }
        for file in &self.files {
            text += &format!("written     {}\n", file.display());
        }
        text
    }
}

/// The confusion matrix in columns.
fn matrix(classes: &[String], confusion: &[Vec<usize>]) -> Vec<String> {
    let mut rows = vec![vec!["class".to_owned()]];
    rows[0].extend(classes.iter().cloned());
    for (name, counts) in classes.iter().zip(confusion) {
        let counts = counts.iter().map(usize::to_string);
        rows.push(std::iter::once(name.clone()).chain(counts).collect());
    }
    table(&rows, &[])
}
