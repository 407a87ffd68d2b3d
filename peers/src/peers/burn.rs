//! burn: its own CPU backend, flex, with autodiff around it.

use burn::tensor::{DType, Device, Tensor, TensorData, activation};
use pushpull::blocks::{Activation, Loss};

use super::{Prepared, Refusal};
use crate::data::Data;
use crate::net::{Dtype, Task};
use crate::protocol::Job;

struct Model {
    layers: Vec<(Tensor<2>, Tensor<1>)>,
    activation: Activation,
    loss: Loss,
    x: Tensor<2>,
    target: Tensor<2>,
}

impl Model {
    fn new(job: &Job) -> Result<Self, Refusal> {
        let (net, data) = (job.net()?, Data::read(&job.directory)?);
        let tracked = job.task == Task::Gradient;
        let device = if tracked {
            Device::flex().autodiff()
        } else {
            Device::flex()
        };
        let dtype = match job.dtype {
            Dtype::F32 => DType::F32,
            Dtype::F64 => DType::F64,
        };
        let options = (&device, dtype);
        let (mut rest, mut layers) = (&data.params[..], Vec::new());
        for (n_in, n_out) in net.layers() {
            let (weights, after) = rest.split_at(n_in * n_out);
            let (biases, after) = after.split_at(n_out);
            let weights =
                Tensor::from_data(TensorData::new(weights.to_vec(), [n_in, n_out]), options);
            let biases = Tensor::from_data(TensorData::new(biases.to_vec(), [n_out]), options);
            layers.push(if tracked {
                (weights.require_grad(), biases.require_grad())
            } else {
                (weights, biases)
            });
            rest = after;
        }
        let matrix = |numbers: &[f64], n| {
            Tensor::from_data(TensorData::new(numbers.to_vec(), [net.batch, n]), options)
        };
        Ok(Self {
            layers,
            activation: net.activation,
            loss: net.loss,
            x: matrix(&data.x, net.widths[0]),
            target: matrix(&data.target, net.widths[net.widths.len() - 1]),
        })
    }

    fn loss(&self) -> Tensor<1> {
        let mut h = self.x.clone();
        for (i, (weights, biases)) in self.layers.iter().enumerate() {
            if i > 0 {
                h = match self.activation {
                    Activation::Relu => activation::relu(h),
                    _ => activation::tanh(h),
                };
            }
            h = h.matmul(weights.clone()) + biases.clone().unsqueeze();
        }
        match self.loss {
            Loss::SoftmaxCrossEntropy => (activation::log_softmax(h, 1) * self.target.clone())
                .sum()
                .neg(),
            _ => {
                let difference = h - self.target.clone();
                (difference.clone() * difference).sum()
            }
        }
    }
}

/// Gradient and primal.
pub fn prepare(job: &Job) -> Result<Prepared, Refusal> {
    let model = Model::new(job)?;
    match job.task {
        Task::Gradient => {
            let loss = model.loss();
            let gradients = loss.backward();
            let value = loss.into_scalar::<f64>();
            let absent = || Refusal::new("left a parameter without a gradient");
            let mut result = Vec::new();
            for (weights, biases) in &model.layers {
                let numbers = weights.grad(&gradients).ok_or_else(absent)?.into_data();
                result.extend(numbers.iter::<f64>());
                let numbers = biases.grad(&gradients).ok_or_else(absent)?.into_data();
                result.extend(numbers.iter::<f64>());
            }
            Ok(Prepared::of("flex, autodiff", value, result, move || {
                model.loss().backward()
            }))
        }
        Task::Primal => {
            let value = model.loss().into_scalar::<f64>();
            Ok(Prepared::of("flex", value, Vec::new(), move || {
                model.loss()
            }))
        }
        _ => Err(Refusal::task(job)),
    }
}
