//! candle: tensors that remember the operations on their variables.

use candle_core::{DType, Device, Result, Tensor, Var};
use candle_nn::ops::log_softmax;
use pushpull::blocks::{Activation, Loss};

use super::{Prepared, Refusal};
use crate::data::Data;
use crate::net::{Dtype, Task};
use crate::protocol::Job;

struct Model {
    /// Weights and biases; for a gradient they are variables.
    layers: Vec<(Tensor, Tensor)>,
    activation: Activation,
    loss: Loss,
    x: Tensor,
    target: Tensor,
}

impl Model {
    fn new(job: &Job) -> std::result::Result<Self, Refusal> {
        let (net, data) = (job.net()?, Data::read(&job.directory)?);
        let dtype = match job.dtype {
            Dtype::F32 => DType::F32,
            Dtype::F64 => DType::F64,
        };
        let tensor = |numbers: &[f64], shape: &[usize]| -> Result<Tensor> {
            Tensor::from_slice(numbers, shape, &Device::Cpu)?.to_dtype(dtype)
        };
        let variable = |t: Tensor| -> Result<Tensor> {
            if job.task == Task::Gradient {
                Ok(Var::from_tensor(&t)?.into_inner())
            } else {
                Ok(t)
            }
        };
        let (mut rest, mut layers) = (&data.params[..], Vec::new());
        for (n_in, n_out) in net.layers() {
            let (weights, after) = rest.split_at(n_in * n_out);
            let (biases, after) = after.split_at(n_out);
            layers.push((
                variable(tensor(weights, &[n_in, n_out])?)?,
                variable(tensor(biases, &[n_out])?)?,
            ));
            rest = after;
        }
        let (n_in, n_out) = (net.widths[0], net.widths[net.widths.len() - 1]);
        Ok(Self {
            layers,
            activation: net.activation,
            loss: net.loss,
            x: tensor(&data.x, &[net.batch, n_in])?,
            target: tensor(&data.target, &[net.batch, n_out])?,
        })
    }

    fn loss(&self) -> Result<Tensor> {
        let mut h = self.x.clone();
        for (i, (weights, biases)) in self.layers.iter().enumerate() {
            if i > 0 {
                h = match self.activation {
                    Activation::Relu => h.relu()?,
                    _ => h.tanh()?,
                };
            }
            h = h.matmul(weights)?.broadcast_add(biases)?;
        }
        match self.loss {
            Loss::SoftmaxCrossEntropy => (log_softmax(&h, 1)? * &self.target)?.sum_all()?.neg(),
            _ => (h - &self.target)?.sqr()?.sum_all(),
        }
    }
}

/// Gradient and primal.
pub fn prepare(job: &Job) -> std::result::Result<Prepared, Refusal> {
    let model = Model::new(job)?;
    let value = model.loss()?.to_dtype(DType::F64)?.to_scalar()?;
    match job.task {
        Task::Gradient => {
            let gradients = model.loss()?.backward()?;
            let mut result: Vec<f64> = Vec::new();
            for tensor in model.layers.iter().flat_map(|(w, b)| [w, b]) {
                let gradient = gradients
                    .get(tensor)
                    .ok_or_else(|| Refusal::new("left a parameter without a gradient"))?;
                result.extend(
                    gradient
                        .to_dtype(DType::F64)?
                        .flatten_all()?
                        .to_vec1::<f64>()?,
                );
            }
            Ok(Prepared::of("backward", value, result, move || {
                model.loss().and_then(|loss| loss.backward())
            }))
        }
        Task::Primal => Ok(Prepared::of(
            "without variables",
            value,
            Vec::new(),
            move || model.loss(),
        )),
        _ => Err(Refusal::task(job)),
    }
}
