//! num-dual: forward mode by dual numbers, scalar and vector.

use nalgebra::{DVector, SVector};
use num_dual::{Derivative, Dual, DualNum, DualSVec, jacobian};

use super::scalar::{Number, loss, of_inputs};
use super::{Prepared, Refusal};
use crate::data::Data;
use crate::net::{Dtype, Net, Task};
use crate::protocol::Job;

/// Directions at once where the parameters are more than this: a divisor of 403.
const CHUNK: usize = 31;

/// The methods that both dual numbers have under the same names.
macro_rules! methods {
    ($plain:ty) => {
        type Plain = $plain;
        fn times(self, c: $plain) -> Self {
            self * c
        }
        fn minus(self, c: $plain) -> Self {
            self - c
        }
        fn plus(self, c: $plain) -> Self {
            self + c
        }
        fn tanh(self) -> Self {
            DualNum::tanh(&self)
        }
        fn relu(self) -> Self {
            if self.re > 0.0 {
                self
            } else {
                Self::from_re(0.0)
            }
        }
        fn exp(self) -> Self {
            DualNum::exp(&self)
        }
        fn ln(self) -> Self {
            DualNum::ln(&self)
        }
        fn plain(self) -> $plain {
            self.re
        }
        fn larger(a: $plain, b: $plain) -> $plain {
            a.max(b)
        }
    };
}

/// One precision: the two numbers, and the tasks at it.
macro_rules! precision {
    ($plain:ident) => {
        impl Number for Dual<$plain> {
            methods!($plain);
        }
        impl<const N: usize> Number for DualSVec<$plain, N> {
            methods!($plain);
        }

        pub mod $plain {
            use super::*;

            pub fn prepare(job: &Job) -> Result<Prepared, Refusal> {
                let (net, data) = (job.net()?, Data::read(&job.directory)?);
                let of = |numbers: &[f64]| -> Vec<$plain> {
                    numbers.iter().map(|&v| v as $plain).collect()
                };
                let (params, x, target) = (of(&data.params), of(&data.x), of(&data.target));
                match job.task {
                    Task::Jvp => {
                        let dots = of(&data.params_dot);
                        let mut duals = Vec::new();
                        let mut compute = move || {
                            duals.clear();
                            duals.extend(
                                params.iter().zip(&dots).map(|(&w, &dot)| Dual::new(w, dot)),
                            );
                            loss(&net, &duals, &x, &target)
                        };
                        let l = compute();
                        Ok(Prepared::of(
                            "dual numbers",
                            l.re.into(),
                            vec![l.eps.into()],
                            compute,
                        ))
                    }
                    Task::ForwardGradient if params.len() == 17 => {
                        Ok(gradient::<17>(net, params, x, target))
                    }
                    Task::ForwardGradient => Ok(gradient::<CHUNK>(net, params, x, target)),
                    Task::Jacobian => match net.widths[0] {
                        2 => Ok(inputs::<2>(net, params, x)),
                        4 => Ok(inputs::<4>(net, params, x)),
                        n => Err(Refusal::new(format!(
                            "left out at {n} inputs: large networks"
                        ))),
                    },
                    _ => Err(Refusal::task(job)),
                }
            }

            /// N directions at once, as many sweeps as that takes.
            fn gradient<const N: usize>(
                net: Net,
                params: Vec<$plain>,
                x: Vec<$plain>,
                target: Vec<$plain>,
            ) -> Prepared {
                let mut duals: Vec<DualSVec<$plain, N>> =
                    params.iter().map(|&w| DualSVec::from_re(w)).collect();
                let form = format!("dual vectors of {N}");
                let mut compute = move || {
                    let (mut value, mut gradient) = (0.0, Vec::with_capacity(duals.len()));
                    for first in (0..duals.len()).step_by(N) {
                        let chunk = first..duals.len().min(first + N);
                        for (k, dual) in duals[chunk.clone()].iter_mut().enumerate() {
                            *dual = dual.derivative(k);
                        }
                        let l = loss(&net, &duals, &x, &target);
                        let eps = l.eps.unwrap_generic(nalgebra::Const::<N>, nalgebra::U1);
                        gradient.extend(eps.iter().take(chunk.len()).copied());
                        value = l.re;
                        for dual in &mut duals[chunk] {
                            dual.eps = Derivative::none();
                        }
                    }
                    (value, gradient)
                };
                let (value, gradient) = compute();
                let result = gradient.into_iter().map(f64::from).collect();
                Prepared::of(&form, value.into(), result, compute)
            }

            /// `jacobian` for each sample of N inputs.
            fn inputs<const N: usize>(net: Net, params: Vec<$plain>, x: Vec<$plain>) -> Prepared {
                let compute = move || -> Vec<$plain> {
                    let mut rows = Vec::with_capacity(x.len() * 3);
                    for sample in x.chunks_exact(N) {
                        let last = |x: SVector<DualSVec<$plain, N>, N>| {
                            DVector::from_vec(of_inputs(&net, &params, x.as_slice()))
                        };
                        let (_, j) = jacobian(last, &SVector::from_column_slice(sample));
                        rows.extend(j.transpose().iter());
                    }
                    rows
                };
                let result = compute().into_iter().map(f64::from).collect();
                Prepared::of("jacobian, dual vectors", 0.0, result, compute)
            }
        }
    };
}

precision!(f32);
precision!(f64);

/// Jvp, full gradient and Jacobian by forward mode.
pub fn prepare(job: &Job) -> Result<Prepared, Refusal> {
    match job.dtype {
        Dtype::F32 => f32::prepare(job),
        Dtype::F64 => f64::prepare(job),
    }
}
