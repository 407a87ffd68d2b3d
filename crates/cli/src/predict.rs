//! `pushpull predict`: what a saved network answers.

use std::path::Path;

use nalgebra::DMatrix;
use pushpull_core::blocks::{Activation, Loss};
use pushpull_core::{Mat, Primal, Real};
use pushpull_files::{Array, Element, FileError, Line, Reading, npz_bytes, output, samples};

use pushpull_train::class_of;

use crate::destination;
use crate::fault::{Fault, RANGE};
use crate::given::{lost, named};
use crate::network::Network;
use crate::options::precision::Precision;
use crate::options::predict::Predict;
use crate::screen;

/// Samples that are predicted at once.
const BLOCK: usize = 256;

/// Runs the command; the text for stdout.
pub fn run(asked: &Predict, json: bool) -> Result<String, Fault> {
    let as_npz = match &asked.output {
        None => false,
        Some(path) => {
            let files = asked.columns.files(&[&asked.weights, &asked.data]);
            destination::check(&[("--output", path, &[])], &files)?;
            let end = path.extension().and_then(|end| end.to_str());
            match end.map(str::to_lowercase).as_deref() {
                Some("csv") => false,
                Some("npz") => true,
                _ => {
                    let got = path.display().to_string();
                    let remedy = "give it one of these names";
                    return Err(Fault::option("--output", "a .csv or an .npz", got, remedy));
                }
            }
        }
    };
    let mut weights = asked.names.open(&asked.weights, asked.layers.as_ref())?;
    let network = Network {
        widths: weights.widths(),
        biases: weights.biases(),
        classes: None,
        activations: asked.activation.clone(),
        loss: Loss::Sum,
        mean: false,
    };
    network.check()?;
    if asked.loss == Some(Loss::SoftmaxCrossEntropy) {
        network.several()?;
    }
    let names: Vec<String> = weights.classes().unwrap_or_default().to_vec();
    let reading = Reading {
        inputs_alone: true,
        ..asked.columns.reading(None)
    };
    let read = samples::read(&asked.data, &network.sample()?, &reading)?;
    screen::remark(&read.said);
    let outputs = match Precision::of(asked.dtype, &weights) {
        Precision::F32 => {
            screen::remark(&lost::<f32>(&read.x));
            answers(&network, &weights.read::<f32>()?, &read.x, &asked.data)?
        }
        Precision::F64 => answers(&network, &weights.read::<f64>()?, &read.x, &asked.data)?,
    };
    let answers = Answers::new(outputs, asked.loss, names)?;
    let Some(path) = &asked.output else {
        return match json {
            true => screen::json(&answers.json()),
            false => answers.csv(),
        };
    };
    let bytes = if as_npz {
        answers.npz(path)?
    } else {
        answers.csv()?.into_bytes()
    };
    output::write(path, &bytes)?;
    let samples = answers.outputs.ncols();
    if json {
        return screen::json(&serde_json::json!({"samples": samples, "files": [path]}));
    }
    Ok(format!(
        "written     {}: {samples} samples\n",
        Line(path.display()),
    ))
}

/// The network's outputs on the samples of a file, a sample a column, all of them finite.
pub fn answers<T: Element>(
    network: &Network,
    params: &[T],
    x: &DMatrix<f64>,
    file: &Path,
) -> Result<DMatrix<f64>, Fault> {
    let place = |(i, j): (usize, usize)| format!("{} of sample {}", i + 1, j + 1);
    let (n, given, x) = (x.ncols(), x, x.map(T::from_f64));
    if let Some(at) = unfinished(&x) {
        return Err(Fault::option(
            "--dtype",
            format!("a type that holds number {} of {}", place(at), named(file)),
            format!("{}, which cannot hold {:e}", T::NAME, given[at]),
            "use --dtype f64, or scale the inputs",
        ));
    }
    let graph = network.outputs_alone()?;
    let mut outputs = DMatrix::zeros(network.outputs(), n);
    let mut engine: Option<(usize, Primal<T>)> = None;
    for first in (0..n).step_by(BLOCK) {
        let block = x.columns(first, BLOCK.min(n - first)).into_owned();
        let fits = engine.take().filter(|(size, _)| *size == block.ncols());
        let mut primal = match fits {
            Some((_, engine)) => engine,
            None => Primal::new(&graph, block.ncols())?,
        };
        let y = primal.run(params, Mat::from(&block))?;
        for (j, column) in y.columns().enumerate() {
            for (i, value) in column.iter().enumerate() {
                outputs[(i, first + j)] = value.to_f64();
            }
        }
        engine = Some((block.ncols(), primal));
    }
    match unfinished(&outputs) {
        None => Ok(outputs),
        Some(at) => Err(Fault::NotFinite {
            what: format!("{}: output {}", named(file), place(at)),
            got: outputs[at].to_string(),
            remedy: RANGE,
        }),
    }
}

/// The row and column of the first number that is not finite.
fn unfinished<T: Real>(numbers: &DMatrix<T>) -> Option<(usize, usize)> {
    let at = numbers.iter().position(|number| !number.is_finite())?;
    Some((at % numbers.nrows(), at / numbers.nrows()))
}

/// What a network answers.
struct Answers {
    /// A sample a column.
    outputs: DMatrix<f64>,
    /// Of each class, or of each yes.
    probabilities: Option<DMatrix<f64>>,
    several: bool,
    names: Vec<String>,
}

impl Answers {
    fn new(outputs: DMatrix<f64>, loss: Option<Loss>, names: Vec<String>) -> Result<Self, Fault> {
        let activation = match loss {
            Some(Loss::SoftmaxCrossEntropy) => None,
            Some(Loss::SigmoidCrossEntropy) => Some(Activation::Sigmoid),
            _ => {
                return Ok(Self {
                    outputs,
                    probabilities: None,
                    several: false,
                    names: Vec::new(),
                });
            }
        };
        let mut b = pushpull_core::Builder::new();
        let h = b.input("h", outputs.nrows());
        let y = match activation {
            Some(activation) => b.named("p", activation.block(outputs.nrows()), h),
            None => b.block(pushpull_core::blocks::Softmax::new(outputs.nrows()), h),
        };
        let mut primal = Primal::new(&b.build(y)?, outputs.ncols())?;
        let probabilities = primal.run(&[], &outputs)?.to_dmatrix();
        Ok(Self {
            outputs,
            probabilities: Some(probabilities),
            several: activation.is_none(),
            names,
        })
    }

    /// The class of a sample: the first of the most probable, or for each output whether it is yes.
    fn classes(&self, j: usize) -> Vec<usize> {
        let column = self.outputs.column(j);
        if self.several {
            return vec![class_of(column.as_slice(), 0.0)];
        }
        column
            .iter()
            .map(|&logit| usize::from(logit > 0.0))
            .collect()
    }

    fn name(&self, class: usize) -> String {
        let name = self.names.get(class).cloned();
        name.unwrap_or_else(|| class.to_string())
    }

    fn csv(&self) -> Result<String, Fault> {
        let failed = |error: csv::Error| FileError::write("the predictions".as_ref(), error);
        let mut writer = csv::Writer::from_writer(Vec::new());
        let n = self.outputs.nrows();
        let head: Vec<String> = match &self.probabilities {
            None => (0..n).map(|k| format!("output{k}")).collect(),
            Some(_) if self.several => {
                let each = (0..n).map(|k| format!("p({})", self.name(k)));
                std::iter::once("class".into()).chain(each).collect()
            }
            Some(_) if n == 1 => vec!["class".into(), format!("p({})", self.name(1))],
            Some(_) => (0..n)
                .flat_map(|k| [format!("yes{k}"), format!("p{k}")])
                .collect(),
        };
        writer.write_record(&head).map_err(failed)?;
        for j in 0..self.outputs.ncols() {
            let classes = self.classes(j);
            let row: Vec<String> = match &self.probabilities {
                None => self.outputs.column(j).iter().map(f64::to_string).collect(),
                Some(p) if self.several || n == 1 => {
                    let each = p.column(j).iter().map(f64::to_string).collect::<Vec<_>>();
                    std::iter::once(self.name(classes[0])).chain(each).collect()
                }
                Some(p) => {
                    let each = classes.iter().enumerate();
                    let pairs = each.map(|(k, class)| [class.to_string(), p[(k, j)].to_string()]);
                    pairs.flatten().collect()
                }
            };
            writer.write_record(&row).map_err(failed)?;
        }
        let bytes = writer
            .into_inner()
            .map_err(|error| failed(error.into_error().into()))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The same as an object, a list for each sample.
    fn json(&self) -> serde_json::Value {
        let samples = 0..self.outputs.ncols();
        let lists = |numbers: &DMatrix<f64>| -> Vec<Vec<f64>> {
            let columns = numbers.column_iter();
            columns.map(|column| column.as_slice().to_vec()).collect()
        };
        let classes = |j: usize| match &self.classes(j)[..] {
            [class] => serde_json::json!(self.name(*class)),
            several => serde_json::json!(several),
        };
        let probabilities = self.probabilities.as_ref();
        serde_json::json!({
            "outputs": lists(&self.outputs),
            "probabilities": probabilities.map(lists),
            "classes": probabilities.map(|_| samples.map(classes).collect::<Vec<_>>()),
        })
    }

    fn npz(&self, path: &Path) -> Result<Vec<u8>, Fault> {
        let matrix = |name: &'static str, numbers: &DMatrix<f64>| Array {
            name,
            shape: vec![numbers.ncols(), numbers.nrows()],
            numbers: numbers.as_slice().to_vec(),
        };
        let mut arrays = vec![matrix("outputs", &self.outputs)];
        if let Some(p) = &self.probabilities {
            arrays.push(matrix("probabilities", p));
            let samples = self.outputs.ncols();
            let classes = (0..samples).flat_map(|j| self.classes(j));
            let numbers: Vec<f64> = classes.map(|class| class as f64).collect();
            let shape = match numbers.len() == samples {
                true => vec![samples],
                false => vec![samples, self.outputs.nrows()],
            };
            arrays.push(Array {
                name: "classes",
                shape,
                numbers,
            });
        }
        Ok(npz_bytes(path, &arrays)?)
    }
}
