//! echidna: a tape of bytecode that is recorded once and run often, and dual numbers.

use echidna::{BReverse, Dual, Scalar, record};

use super::scalar::{Number, loss, of_inputs};
use super::{Prepared, Refusal};
use crate::data::Data;
use crate::net::{Dtype, Task};
use crate::protocol::Job;

/// One precision: the two numbers, and the tasks at it.
macro_rules! precision {
    ($plain:ident) => {
        precision!($plain, Dual<$plain>);
        precision!($plain, BReverse<$plain>);

        pub mod $plain {
            use super::*;

            pub fn prepare(job: &Job) -> Result<Prepared, Refusal> {
                let (net, data) = (job.net()?, Data::read(&job.directory)?);
                let of = |numbers: &[f64]| -> Vec<$plain> {
                    numbers.iter().map(|&v| v as $plain).collect()
                };
                let wide = |numbers: &[$plain]| numbers.iter().map(|&v| v.into()).collect();
                let (params, x, target) = (of(&data.params), of(&data.x), of(&data.target));
                match job.task {
                    Task::Gradient => {
                        let (mut tape, _) = record(|w| loss(&net, w, &x, &target), &params);
                        tape.optimize();
                        let form = format!("bytecode tape of {} operations", tape.num_ops());
                        let mut adjoints = Vec::new();
                        let mut compute = move || {
                            let gradient = tape.gradient_with_buf(&params, &mut adjoints);
                            (tape.output_value(), gradient)
                        };
                        let (value, gradient) = compute();
                        Ok(Prepared::of(&form, value.into(), wide(&gradient), compute))
                    }
                    Task::Jvp => {
                        let dots = of(&data.params_dot);
                        let compute = move || {
                            let last = |w: &[Dual<$plain>]| vec![loss(&net, w, &x, &target)];
                            echidna::jvp(last, &params, &dots)
                        };
                        let (value, dot) = compute();
                        Ok(Prepared::of(
                            "dual numbers",
                            value[0].into(),
                            wide(&dot),
                            compute,
                        ))
                    }
                    Task::HessianVector => {
                        let (mut tape, _) = record(|w| loss(&net, w, &x, &target), &params);
                        tape.optimize();
                        let (dots, mut values, mut adjoints) =
                            (of(&data.params_dot), Vec::new(), Vec::new());
                        let mut compute = move || {
                            let (_, product) =
                                tape.hvp_with_buf(&params, &dots, &mut values, &mut adjoints);
                            product
                        };
                        let result = wide(&compute());
                        Ok(Prepared::of(
                            "bytecode tape, forward over reverse",
                            0.0,
                            result,
                            compute,
                        ))
                    }
                    Task::Jacobian => {
                        let n_in = net.widths[0];
                        let compute = move || -> Vec<$plain> {
                            let last = |x: &[Dual<$plain>]| of_inputs(&net, &params, x);
                            let samples = x.chunks_exact(n_in);
                            let rows = samples.flat_map(|x| echidna::jacobian(last, x).1);
                            rows.flatten().collect()
                        };
                        let result = wide(&compute());
                        Ok(Prepared::of("jacobian, dual numbers", 0.0, result, compute))
                    }
                    _ => Err(Refusal::task(job)),
                }
            }
        }
    };
    ($plain:ty, $number:ty) => {
        impl Number for $number {
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
                num_traits::Float::tanh(self)
            }
            fn relu(self) -> Self {
                num_traits::Float::max(self, Self::from_f(0.0))
            }
            fn exp(self) -> Self {
                num_traits::Float::exp(self)
            }
            fn ln(self) -> Self {
                num_traits::Float::ln(self)
            }
            fn plain(self) -> $plain {
                self.value()
            }
            fn larger(a: $plain, b: $plain) -> $plain {
                a.max(b)
            }
        }
    };
}

precision!(f32);
precision!(f64);

/// Gradient by the tape, jvp and Jacobian by dual numbers.
pub fn prepare(job: &Job) -> Result<Prepared, Refusal> {
    match job.dtype {
        Dtype::F32 => f32::prepare(job),
        Dtype::F64 => f64::prepare(job),
    }
}
