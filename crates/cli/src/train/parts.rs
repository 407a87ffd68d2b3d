//! The samples of a run: read, split, standardised by the training part.

use nalgebra::DMatrix;
use pushpull_core::blocks::Loss;
use pushpull_core::{Real, Scalar};
use pushpull_data::{Dataset, directory};
use pushpull_train::{Samples, Scaling, Split, TrainError};

use crate::fault::Fault;
use crate::given;
use crate::network::Network;
use crate::options::train::{Set, Train};
use crate::screen;

/// Standardised samples, and what they were standardised with.
pub struct Parts {
    pub train: Samples,
    pub valid: Samples,
    /// Evaluated at the end, where it was asked for.
    pub test: Option<Samples>,
    pub name: String,
    pub stratified: bool,
    /// The names of the classes, where the table has words.
    pub classes: Vec<String>,
    inputs: Scaling,
    /// Of a regression alone.
    targets: Option<Scaling>,
}

impl Parts {
    /// `T`: the type of numbers that the written network will read them in. Refused before anything is trained is what its
    /// layers could not take in.
    pub fn of<T: Scalar>(asked: &Train, network: &Network) -> Result<Self, Fault> {
        let (name, all, classes) = read(asked, network)?;
        let regression = network.loss == Loss::SquaredError;
        let stratified = !regression && !asked.plain;
        let split = |samples: &Samples, share, seed| match stratified {
            true => Split::stratified(&samples.classes(), share, seed),
            false => Split::plain(samples.len(), share, seed),
        };
        // The test part is cut off first, by a draw of its own.
        let (rest, test) = match asked.test {
            None => (None, None),
            Some(share) => {
                let split = split(&all, share, asked.seed.wrapping_add(1)).map_err(test)?;
                let (rest, test) = (all.pick(&split.train)?, all.pick(&split.valid)?);
                (Some(rest), Some(test))
            }
        };
        let samples = rest.as_ref().unwrap_or(&all);
        let split = split(samples, asked.valid, asked.seed)?;
        let (train, valid) = (samples.pick(&split.train)?, samples.pick(&split.valid)?);
        let inputs = Scaling::of_inputs(train.inputs());
        inputs.check_inputs::<T>(all.inputs())?;
        screen::remark(&given::lost::<T>(all.inputs()));
        let targets = regression.then(|| Scaling::of(train.targets()));
        if let Some(scaling) = &targets {
            scaling.check_targets::<T>(all.targets())?;
            screen::remark(&unlearned(train.targets()));
        }
        let apply = |part: &Samples| -> Result<Samples, Fault> {
            let y = match &targets {
                Some(scaling) => scaling.apply(part.targets())?,
                None => part.targets().clone(),
            };
            Ok(Samples::new(inputs.apply(part.inputs())?, y)?)
        };
        let (train, valid) = (apply(&train)?, apply(&valid)?);
        let test = test.as_ref().map(apply).transpose()?;
        Ok(Self {
            train,
            valid,
            test,
            name,
            stratified,
            classes,
            inputs,
            targets,
        })
    }

    /// The parameters of the network that reads samples as they are and answers in the unit of their targets: with
    /// `z = F x + s`, the first layer's `W z + b` is `(W F) x + (b + W s)`; with `y = G o + t`, the last layer's output is
    /// `(G W) h + (G b + t)`.
    pub fn raw<T: Real>(&self, widths: &[usize], params: &[T]) -> Result<Vec<T>, Fault> {
        let mut params: Vec<f64> = params.iter().map(|w| w.to_f64()).collect();
        let (n_in, n_out) = (widths[0], widths[1]);
        for (i, (factor, shift)) in self.inputs.to_standard().into_iter().enumerate() {
            for o in 0..n_out {
                let weight = params[i * n_out + o];
                params[n_in * n_out + o] += weight * shift;
                params[i * n_out + o] = weight * factor;
            }
        }
        if let Some(scaling) = &self.targets {
            let [.., n_in, n_out] = *widths else {
                return Ok(Vec::new());
            };
            let first = params.len() - (n_in + 1) * n_out;
            for (o, (factor, shift)) in scaling.from_standard().into_iter().enumerate() {
                for i in 0..=n_in {
                    params[first + i * n_out + o] *= factor;
                }
                params[first + n_in * n_out + o] += shift;
            }
        }
        rounded("a weight that includes the standardisation", params)
    }

    /// The other way round: the parameters that read and answer standardised numbers as these do samples as they are.
    pub fn standard<T: Real>(&self, widths: &[usize], params: &[f64]) -> Result<Vec<T>, Fault> {
        let mut params = params.to_vec();
        if let Some(scaling) = &self.targets {
            let [.., n_in, n_out] = *widths else {
                return Ok(Vec::new());
            };
            let first = params.len() - (n_in + 1) * n_out;
            for (o, (factor, shift)) in scaling.from_standard().into_iter().enumerate() {
                params[first + n_in * n_out + o] -= shift;
                for i in 0..=n_in {
                    params[first + i * n_out + o] /= factor;
                }
            }
        }
        let (n_in, n_out) = (widths[0], widths[1]);
        let scaling = self.inputs.from_standard();
        for (i, (factor, shift)) in scaling.into_iter().enumerate() {
            for o in 0..n_out {
                let weight = params[i * n_out + o];
                params[n_in * n_out + o] += weight * shift;
                params[i * n_out + o] = weight * factor;
            }
        }
        rounded("a weight of --from for standardised samples", params)
    }
}

fn rounded<T: Real>(what: &str, params: Vec<f64>) -> Result<Vec<T>, Fault> {
    let params: Vec<T> = params.into_iter().map(T::from_f64).collect();
    match params.iter().find(|w| !w.is_finite()) {
        None => Ok(params),
        Some(wrong) => Err(Fault::NotFinite {
            what: what.into(),
            got: wrong.to_string(),
            remedy: "scale the data, or use --dtype f64",
        }),
    }
}

/// Says of targets that are the same number in all samples of the training part.
fn unlearned(targets: &DMatrix<f64>) -> Vec<String> {
    let said = |i: usize| {
        let (row, y) = (targets.row(i), targets[(i, 0)]);
        row.iter().all(|other| *other == y).then(|| {
            format!(
                "target {} is {y} in all samples to train on: nothing else can be learned, and its losses are in its own unit",
                i + 1
            )
        })
    };
    (0..targets.nrows()).filter_map(said).collect()
}

/// A refusal of a share, as one of the test part.
fn test(fault: TrainError) -> Fault {
    match fault {
        TrainError::Setting {
            expected,
            got,
            remedy,
            ..
        } => Fault::option("--test", expected, got, remedy),
        fault => fault.into(),
    }
}

fn read(asked: &Train, network: &Network) -> Result<(String, Samples, Vec<String>), Fault> {
    if let Some(path) = &asked.data {
        let read = given::given(path, &asked.columns, network, None)?;
        let stacked = read.x;
        let (x, y) = (network.inputs(), network.rows() - network.inputs());
        let samples = Samples::new(
            stacked.rows(0, x).into_owned(),
            stacked.rows(x, y).into_owned(),
        )?;
        return Ok((path.display().to_string(), samples, read.classes));
    }
    let set = match asked.set {
        Some(Set::BreastCancer) => Dataset::breast_cancer(&directory())?,
        Some(Set::Diabetes) => Dataset::diabetes(&directory())?,
        // The options ask for a file or a set.
        Some(Set::Digits) | None => Dataset::digits(&directory())?,
    };
    Ok((set.name, Samples::new(set.inputs, set.targets)?, Vec::new()))
}
