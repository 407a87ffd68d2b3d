//! The gradient of a block of samples, by any mode.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use pushpull_core::linalg::sum;
use pushpull_core::siblings::memory;
use pushpull_core::{Error, Graph, Mat, MatMut, Question};
use pushpull_forward_mode::{Chunk, Forward};
use pushpull_planner::Way;
use pushpull_reverse_mode::Store;

use crate::error::setting;
use crate::stream::{Purpose, normal, stream};
use crate::{Precision, TrainError};

/// Directions of a forward gradient that are carried at once, at most: it bounds the memory.
const CARRIED: usize = 32;
/// Directions of an estimate, at most: more than there are parameters estimate the gradient no better than forward mode has it.
const MOST: usize = 1 << 24;

/// How the gradient of a step is computed. All but the last give the same gradient up to rounding; the last is a random
/// estimate of it.
///
/// ```
/// use pushpull_train::Mode;
/// assert_eq!("forward-gradient".parse::<Mode>()?, Mode::ForwardGradient { directions: 1 });
/// assert_eq!(Mode::ForwardGradient { directions: 8 }.to_string(), "forward-gradient:8");
/// assert!("backward".parse::<Mode>().is_err());
/// # Ok::<(), pushpull_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Mode {
    /// Record and pull back.
    #[default]
    Reverse,
    /// Reverse mode with so many checkpoints (`pushpull_reverse_mode::Store::Slots`): less memory, more work, and the same
    /// bits.
    Checkpointed {
        /// Boundaries that are kept, at least 1.
        slots: usize,
    },
    /// Tangent matrices, as in the lecture: the cost grows with the number of parameters.
    Forward,
    /// Forward mode with tangents kept as Kronecker products.
    Structured,
    /// `g = 1/k sum_i (J v_i) v_i` over k directions with independent standard normal entries, each by one jvp (Baydin,
    /// Pearlmutter, Syme, Wood, Torr 2022, "Gradients without backpropagation").
    ///
    /// Its mean is the gradient, since `E[v v'] = I`. Its variance in entry i is `(|g|^2 + g_i^2) / k`: with p parameters
    /// the expected squared error is `(p + 1) |g|^2 / k`, so the learning rate has to be about k / p of the others'.
    ForwardGradient {
        /// k, at least 1.
        directions: usize,
    },
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reverse => f.pad("reverse"),
            Self::Checkpointed { slots } => f.pad(&format!("checkpointed:{slots}")),
            Self::Forward => f.pad("forward"),
            Self::Structured => f.pad("structured"),
            Self::ForwardGradient { directions } => {
                f.pad(&format!("forward-gradient:{directions}"))
            }
        }
    }
}

impl FromStr for Mode {
    type Err = Error;

    /// `reverse`, `checkpointed:<slots>`, `forward`, `structured`, `forward-gradient` or `forward-gradient:<directions>`.
    fn from_str(name: &str) -> Result<Self, Error> {
        let unknown = || {
            Error::UnknownName {
            kind: "mode".into(),
            name: name.into(),
            known: "reverse, checkpointed:<slots>, forward, structured, forward-gradient, forward-gradient:<directions>"
                .into(),
        }
        };
        match name.split_once(':') {
            None => match name {
                "reverse" => Ok(Self::Reverse),
                "forward" => Ok(Self::Forward),
                "structured" => Ok(Self::Structured),
                "forward-gradient" => Ok(Self::ForwardGradient { directions: 1 }),
                _ => Err(unknown()),
            },
            Some(("checkpointed", slots)) => {
                let slots = slots.parse().map_err(|_| unknown())?;
                Ok(Self::Checkpointed { slots })
            }
            Some(("forward-gradient", directions)) => {
                let directions = directions.parse().map_err(|_| unknown())?;
                Ok(Self::ForwardGradient { directions })
            }
            Some(_) => Err(unknown()),
        }
    }
}

/// An engine prepared for a graph and a block size, in the mode that was asked for.
///
/// ```
/// use nalgebra::dmatrix;
/// use pushpull_core::{Mlp, blocks::{Activation, Loss}};
/// use pushpull_train::{Engine, Mode};
/// let graph = Mlp::new(&[1, 1], Activation::Tanh).loss(Loss::SquaredError).build()?;
/// let mut engine = Engine::<f64>::new(&graph, 2, Mode::Structured, 1, 0)?;
/// // (w x + b - t)^2 at w = 2, b = 0 for x = 1, 2 and t = 1, 1, summed
/// let (value, gradient) = engine.value_and_gradient(&[2.0, 0.0], &dmatrix![1.0, 2.0; 1.0, 1.0], 1)?;
/// assert_eq!((value, gradient), (10.0, &[14.0, 8.0][..]));
/// # Ok::<(), pushpull_train::TrainError>(())
/// ```
#[derive(Debug)]
pub struct Engine<T> {
    inner: Inner<T>,
}

#[derive(Debug)]
enum Inner<T> {
    /// Of either mode.
    Exact(Box<dyn pushpull_core::Engine<T>>),
    Estimate(Box<Estimate<T>>),
}

/// A forward gradient with its buffers.
#[derive(Clone, Debug)]
struct Estimate<T> {
    forward: Forward<T>,
    seed: u64,
    directions: usize,
    /// n_params x carried
    v: Vec<T>,
    /// n_outputs x batch carried
    y_dot: Vec<T>,
    gradient: Vec<T>,
}

impl<T: Precision> Engine<T> {
    /// Prepares gradients of the sum of the graph's outputs over blocks of `batch` samples; the directions of a forward
    /// gradient follow from `seed`.
    ///
    /// # Errors
    /// Those of the mode's engine; [`TrainError::Setting`] for no directions.
    pub fn new(
        graph: &Graph,
        batch: usize,
        mode: Mode,
        threads: usize,
        seed: u64,
    ) -> Result<Self, TrainError> {
        let exact = |way| -> Result<_, TrainError> {
            Ok(Inner::Exact(T::engine(way, graph, batch, threads)?))
        };
        let inner = match mode {
            Mode::Reverse => exact(Way::Reverse(1)),
            Mode::Checkpointed { slots } => exact(Way::ReverseCheckpointed(Store::Slots(slots), 1)),
            Mode::Forward => exact(Way::forward::<T>(graph, batch)),
            Mode::Structured => exact(Way::structured::<T>(graph, batch)?),
            Mode::ForwardGradient { directions } if !(1..=MOST).contains(&directions) => {
                let expected = format!("at least 1 and at most {MOST}");
                let name = "the directions of a forward gradient";
                let remedy = "one is the cheapest estimate, more are less noisy";
                return Err(setting(name, expected, directions, remedy));
            }
            Mode::ForwardGradient { directions } => {
                let carried = directions.min(CARRIED);
                let v = memory::elements(&[graph.n_params(), carried]);
                let y_dot = memory::elements(&[graph.n_outputs(), batch, carried]);
                memory::fits::<T>(
                    "the directions",
                    v.saturating_add(y_dot),
                    "ask for fewer directions",
                )?;
                let forward =
                    Forward::plan(graph, batch, Question::Jvp(carried)).chunk(Chunk::Full);
                Ok(Inner::Estimate(Box::new(Estimate {
                    forward: forward.threads(threads).prepare()?,
                    seed,
                    directions,
                    v: vec![T::zero(); v],
                    y_dot: vec![T::zero(); y_dot],
                    gradient: graph.layout().zeros(),
                })))
            }
        }?;
        Ok(Self { inner })
    }

    /// An engine of one's own for the gradients of a run ([`crate::Training::with_engines`]).
    ///
    /// ```
    /// use pushpull_core::{Mlp, blocks::{Activation, Loss}};
    /// use pushpull_reverse_mode::Reverse;
    /// use pushpull_train::Engine;
    /// let graph = Mlp::new(&[1, 1], Activation::Tanh).loss(Loss::SquaredError).build()?;
    /// let mut engine = Engine::<f64>::of(Box::new(Reverse::new(&graph, 1)?));
    /// let (value, gradient) = engine.value_and_gradient(&[2.0, 0.0], &[1.0, 1.0][..], 1)?;
    /// assert_eq!((value, gradient), (1.0, &[2.0, 2.0][..]));
    /// # Ok::<(), pushpull_train::TrainError>(())
    /// ```
    pub fn of(engine: Box<dyn pushpull_core::Engine<T>>) -> Self {
        Self {
            inner: Inner::Exact(engine),
        }
    }

    /// The *sum* of the outputs over the block and its gradient, or an estimate of that. `number` names the draw of an
    /// estimate, such as the step; other modes do not look at it.
    ///
    /// # Errors
    /// As [`Graph::check`].
    pub fn value_and_gradient<'a>(
        &mut self,
        params: &[T],
        x: impl Into<Mat<'a, T>>,
        number: u64,
    ) -> Result<(T, &[T]), TrainError> {
        Ok(match &mut self.inner {
            Inner::Exact(engine) => engine.value_and_gradient(params, x.into())?,
            Inner::Estimate(estimate) => estimate.run(params, x.into(), number)?,
        })
    }

    /// The same, and `tell` is told of each part of the gradient as soon as it is final: which parameters, and their numbers. By
    /// reverse mode that is block by block; by other modes all is told of at the end.
    ///
    /// # Errors
    /// As [`Graph::check`]; then what was told does not count.
    pub fn value_and_gradient_in_parts<'a>(
        &mut self,
        params: &[T],
        x: impl Into<Mat<'a, T>>,
        number: u64,
        tell: &mut dyn FnMut(Range<usize>, &[T]),
    ) -> Result<(T, &[T]), TrainError> {
        Ok(match &mut self.inner {
            Inner::Exact(engine) => engine.value_and_gradient_in_parts(params, x.into(), tell)?,
            Inner::Estimate(estimate) => {
                let (value, gradient) = estimate.run(params, x.into(), number)?;
                tell(0..gradient.len(), gradient);
                (value, gradient)
            }
        })
    }
}

impl<T: Precision> Estimate<T> {
    fn run(&mut self, params: &[T], x: Mat<'_, T>, number: u64) -> Result<(T, &[T]), TrainError> {
        let Self {
            forward,
            seed,
            directions,
            v,
            y_dot,
            gradient,
        } = self;
        let (n_params, batch) = (gradient.len(), forward.batch());
        let n_outputs = forward.graph().n_outputs();
        let mut rng = stream(*seed, Purpose::Directions, number);
        let share = T::from_f64(1.0 / *directions as f64);
        gradient.fill(T::zero());
        let (mut value, mut left) = (T::zero(), *directions);
        while left > 0 {
            let now = left.min(CARRIED);
            left -= now;
            let v = &mut v[..n_params * now];
            v.iter_mut()
                .for_each(|v| *v = T::from_f64(normal(&mut rng)));
            let y_dot = &mut y_dot[..n_outputs * batch * now];
            let y = forward.jvp_into(
                params,
                x,
                Some(Mat::new(v, n_params, now)),
                None,
                MatMut::new(y_dot, n_outputs, batch * now),
            )?;
            value = sum(y);
            for (v, y_dot) in v
                .chunks_exact(n_params.max(1))
                .zip(y_dot.chunks_exact(n_outputs * batch))
            {
                let along = share * sum(Mat::new(y_dot, n_outputs, batch));
                gradient
                    .iter_mut()
                    .zip(v)
                    .for_each(|(g, &v)| *g += along * v);
            }
        }
        Ok((value, gradient))
    }
}
