//! A network for libraries whose variables are single numbers.

use std::ops::{Add, Mul, Neg, Sub};

use pushpull::blocks::{Activation, Loss};

use crate::net::Net;

/// A number with derivatives, over plain numbers `Self::Plain`.
pub trait Number:
    Copy + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> + Neg<Output = Self>
{
    type Plain: Copy;

    /// `self * c`, as the library multiplies by a plain number.
    fn times(self, c: Self::Plain) -> Self;
    /// `self - c`
    fn minus(self, c: Self::Plain) -> Self;
    /// `self + c`
    fn plus(self, c: Self::Plain) -> Self;
    fn tanh(self) -> Self;
    /// `max(self, 0)`
    fn relu(self) -> Self;
    fn exp(self) -> Self;
    fn ln(self) -> Self;
    /// The primal.
    fn plain(self) -> Self::Plain;
    fn larger(a: Self::Plain, b: Self::Plain) -> Self::Plain;
}

/// The loss summed over the batch, for parameters that carry derivatives. `x` and `target` a sample after the other.
pub fn loss<D: Number>(net: &Net, params: &[D], x: &[D::Plain], target: &[D::Plain]) -> D
where
    D::Plain: PartialEq + Default,
{
    let (n_in, n_out) = (net.widths[0], net.widths[net.widths.len() - 1]);
    let mut samples = x.chunks_exact(n_in).zip(target.chunks_exact(n_out));
    let mut one = |(x, target): (&[D::Plain], &[D::Plain])| {
        sample_loss(net.loss, &of_params(net, params, x), target)
    };
    // A batch has at least one sample.
    let first = samples.next().map(&mut one);
    let rest = samples.map(one);
    first
        .into_iter()
        .chain(rest)
        .reduce(|sum, l| sum + l)
        .unwrap_or(params[0])
}

/// The last layer of one sample, where the parameters carry derivatives.
fn of_params<D: Number>(net: &Net, params: &[D], sample: &[D::Plain]) -> Vec<D> {
    let (n_in, n_out) = (net.widths[0], net.widths[1]);
    let (weights, rest) = params.split_at(n_in * n_out);
    let (biases, mut rest) = rest.split_at(n_out);
    let mut h = biases.to_vec();
    for (column, &v) in weights.chunks_exact(n_out).zip(sample) {
        h.iter_mut()
            .zip(column)
            .for_each(|(h, &w)| *h = *h + w.times(v));
    }
    for (n_in, n_out) in net.layers().skip(1) {
        let (weights, after) = rest.split_at(n_in * n_out);
        let (biases, after) = after.split_at(n_out);
        activate(net.activation, &mut h);
        let mut z = biases.to_vec();
        for (column, &v) in weights.chunks_exact(n_out).zip(&h) {
            z.iter_mut().zip(column).for_each(|(z, &w)| *z = *z + w * v);
        }
        (h, rest) = (z, after);
    }
    h
}

/// The last layer of one sample, where the sample carries derivatives.
pub fn of_inputs<D: Number>(net: &Net, params: &[D::Plain], sample: &[D]) -> Vec<D> {
    let (mut h, mut rest) = (sample.to_vec(), params);
    for (i, (n_in, n_out)) in net.layers().enumerate() {
        let (weights, after) = rest.split_at(n_in * n_out);
        let (biases, after) = after.split_at(n_out);
        if i > 0 {
            activate(net.activation, &mut h);
        }
        let row = |r: usize| {
            let products = h
                .iter()
                .enumerate()
                .map(|(c, &v)| v.times(weights[c * n_out + r]));
            // A layer has at least one input.
            products
                .reduce(|sum, v| sum + v)
                .unwrap_or(h[0])
                .plus(biases[r])
        };
        (h, rest) = ((0..n_out).map(row).collect(), after);
    }
    h
}

fn activate<D: Number>(activation: Activation, h: &mut [D]) {
    for h in h {
        *h = match activation {
            Activation::Relu => h.relu(),
            _ => h.tanh(),
        };
    }
}

fn sample_loss<D: Number>(loss: Loss, z: &[D], target: &[D::Plain]) -> D
where
    D::Plain: PartialEq + Default,
{
    let sum = |terms: &mut dyn Iterator<Item = D>| terms.reduce(|sum, v| sum + v).unwrap_or(z[0]);
    match loss {
        Loss::SoftmaxCrossEntropy => {
            let plain = z.iter().map(|z| z.plain());
            let largest = plain.reduce(D::larger).unwrap_or_default();
            let shifted = sum(&mut z.iter().map(|z| z.minus(largest).exp())).ln();
            let log_sum = shifted.plus(largest);
            // Targets are a class: one 1 among zeros.
            let mut chosen = z
                .iter()
                .zip(target)
                .filter(|(_, t)| **t != D::Plain::default());
            log_sum - chosen.next().map_or(z[0], |(&z, _)| z)
        }
        _ => sum(&mut z.iter().zip(target).map(|(z, &t)| {
            let difference = z.minus(t);
            difference * difference
        })),
    }
}
