//! The samples of a run: read, split, standardised by the training part.

use pushpull_core::Real;
use pushpull_core::blocks::Loss;
use pushpull_data::{Dataset, directory};
use pushpull_train::{Samples, Scaling, Split};

use crate::fault::Fault;
use crate::given;
use crate::network::Network;
use crate::options::train::{Set, Train};

/// Standardised samples, and what they were standardised with.
pub struct Parts {
    pub train: Samples,
    pub valid: Samples,
    pub name: String,
    pub stratified: bool,
    inputs: Scaling,
    /// Of a regression alone.
    targets: Option<Scaling>,
}

impl Parts {
    pub fn of(asked: &Train, network: &Network) -> Result<Self, Fault> {
        let (name, samples) = read(asked, network)?;
        let regression = network.loss == Loss::SquaredError;
        let stratified = !regression && !asked.plain;
        let split = if stratified {
            Split::stratified(&samples.classes(), asked.valid, asked.seed)?
        } else {
            Split::plain(samples.len(), asked.valid, asked.seed)?
        };
        let (train, valid) = (samples.pick(&split.train)?, samples.pick(&split.valid)?);
        let inputs = Scaling::of(train.inputs());
        let targets = regression.then(|| Scaling::of(train.targets()));
        let apply = |part: &Samples| -> Result<Samples, Fault> {
            let y = match &targets {
                Some(scaling) => scaling.apply(part.targets())?,
                None => part.targets().clone(),
            };
            Ok(Samples::new(inputs.apply(part.inputs())?, y)?)
        };
        let (train, valid) = (apply(&train)?, apply(&valid)?);
        Ok(Self {
            train,
            valid,
            name,
            stratified,
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
        let raw: Vec<T> = params.into_iter().map(T::from_f64).collect();
        match raw.iter().find(|w| !w.is_finite()) {
            None => Ok(raw),
            Some(wrong) => Err(Fault::NotFinite {
                what: "a weight for samples as they are".into(),
                got: wrong.to_string(),
                remedy: "scale the data, or use --dtype f64",
            }),
        }
    }
}

fn read(asked: &Train, network: &Network) -> Result<(String, Samples), Fault> {
    if let Some(path) = &asked.data {
        let stacked = given::given(path, network, None)?;
        let (x, y) = (network.inputs(), network.rows() - network.inputs());
        let samples = Samples::new(
            stacked.rows(0, x).into_owned(),
            stacked.rows(x, y).into_owned(),
        )?;
        return Ok((path.display().to_string(), samples));
    }
    let set = match asked.set {
        Some(Set::BreastCancer) => Dataset::breast_cancer(&directory())?,
        Some(Set::Diabetes) => Dataset::diabetes(&directory())?,
        // The options ask for a file or a set.
        Some(Set::Digits) | None => Dataset::digits(&directory())?,
    };
    Ok((set.name, Samples::new(set.inputs, set.targets)?))
}
