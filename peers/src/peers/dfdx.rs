//! dfdx: tensors with a tape, shapes known at run time.

use dfdx::prelude::*;

use super::{Prepared, Refusal};
use crate::data::Data;
use crate::net::{Dtype as Precision, Task};
use crate::protocol::Job;
use pushpull::blocks::{Activation, Loss};

type Matrix<E, T = NoneTape> = Tensor<(usize, usize), E, Cpu, T>;
type Vector<E> = Tensor<(usize,), E, Cpu>;

/// A number that dfdx computes with on the CPU.
trait Number: Dtype + num_traits::Float + num_traits::AsPrimitive<f64> {}
impl Number for f32 {}
impl Number for f64 {}

/// Gradient and primal.
pub fn prepare(job: &Job) -> Result<Prepared, Refusal> {
    match job.dtype {
        Precision::F32 => prepare_at::<f32>(job),
        Precision::F64 => prepare_at::<f64>(job),
    }
}

struct Model<E: Dtype> {
    layers: Vec<(Matrix<E>, Vector<E>)>,
    activation: Activation,
    loss: Loss,
    x: Matrix<E>,
    target: Matrix<E>,
}

impl<E: Number> Model<E>
where
    Cpu: Device<E>,
{
    fn new(job: &Job) -> Result<Self, Refusal> {
        let (net, data, device) = (job.net()?, Data::read(&job.directory)?, Cpu::default());
        let of = |numbers: &[f64]| -> Vec<E> {
            numbers
                .iter()
                .map(|&v| E::from_f64(v).unwrap_or_default())
                .collect()
        };
        let mut rest = &data.params[..];
        let mut layers = Vec::new();
        for (n_in, n_out) in net.layers() {
            let (weights, after) = rest.split_at(n_in * n_out);
            let (biases, after) = after.split_at(n_out);
            layers.push((
                device.tensor_from_vec(of(weights), (n_in, n_out)),
                device.tensor_from_vec(of(biases), (n_out,)),
            ));
            rest = after;
        }
        let (n_in, n_out) = (net.widths[0], net.widths[net.widths.len() - 1]);
        Ok(Self {
            layers,
            activation: net.activation,
            loss: net.loss,
            x: device.tensor_from_vec(of(&data.x), (net.batch, n_in)),
            target: device.tensor_from_vec(of(&data.target), (net.batch, n_out)),
        })
    }

    /// The loss, with whatever tape the samples come with.
    fn loss<T: Tape<E, Cpu> + Merge<NoneTape> + Merge<T>>(
        &self,
        x: Matrix<E, T>,
    ) -> Tensor<(), E, Cpu, T> {
        let mut h = x;
        for (i, (weights, biases)) in self.layers.iter().enumerate() {
            if i > 0 {
                h = match self.activation {
                    Activation::Relu => h.relu(),
                    _ => h.tanh(),
                };
            }
            h = h.matmul(weights.clone());
            let shape = *h.shape();
            h = h + biases.retaped::<T>().broadcast_like::<_, Axis<0>>(&shape);
        }
        match self.loss {
            Loss::SoftmaxCrossEntropy => (h.log_softmax::<Axis<1>>() * self.target.clone())
                .sum::<(), _>()
                .negate(),
            _ => (h - self.target.clone()).square().sum(),
        }
    }

    /// The loss and the gradients of all tensors on the way.
    fn gradients(&self) -> (E, Gradients<E, Cpu>) {
        let loss = self.loss(self.x.clone().traced(Gradients::leaky()));
        let value = loss.array();
        (value, loss.backward())
    }
}

fn prepare_at<E: Number>(job: &Job) -> Result<Prepared, Refusal>
where
    Cpu: Device<E>,
{
    let model = Model::<E>::new(job)?;
    match job.task {
        Task::Gradient => {
            let (value, gradients) = model.gradients();
            let mut result = Vec::new();
            for (weights, biases) in &model.layers {
                result.extend(gradients.get(weights).as_vec());
                result.extend(gradients.get(biases).as_vec());
            }
            let result = result.iter().map(|v| v.as_()).collect();
            Ok(Prepared::of("tape", value.as_(), result, move || {
                model.gradients()
            }))
        }
        Task::Primal => {
            let value = model.loss(model.x.clone()).array();
            Ok(Prepared::of(
                "no tape",
                value.as_(),
                Vec::new(),
                move || model.loss(model.x.clone()).array(),
            ))
        }
        _ => Err(Refusal::task(job)),
    }
}
