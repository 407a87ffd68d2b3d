//! What forward mode takes, known before it is prepared.

use std::fmt;

use pushpull_core::{Cost, Graph, Prediction, Result, Scalar, memory};

use crate::chunk::lengths;
use crate::forward::Bytes;
use crate::sweep::{Question, Sweep};
use crate::{Chunk, Forward};

/// What an engine is prepared for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    Gradient,
    Jvp {
        seeds: usize,
        params: bool,
        inputs: bool,
    },
    JacobianParams,
    JacobianInputs,
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gradient => f.write_str("a gradient by forward mode"),
            Self::Jvp { seeds, .. } => write!(f, "a jvp along {seeds} directions"),
            Self::JacobianParams | Self::JacobianInputs => {
                f.write_str("a Jacobian by forward mode")
            }
        }
    }
}

impl Bytes {
    /// Bytes of so many numbers of type `T`.
    pub(crate) const fn of<T>(lens: Self) -> Self {
        let size = size_of::<T>();
        Self {
            primal: lens.primal.saturating_mul(size),
            tangents: lens.tangents.saturating_mul(size),
            gradient: lens.gradient.saturating_mul(size),
            scratch: lens.scratch.saturating_mul(size),
        }
    }
}

impl<T: Scalar> Forward<T> {
    /// What [`Forward::value_and_gradient`] takes on an engine of [`Forward::new`], without preparing it. For every chunk
    /// of parameters the primal, for every block the tangents that it pushes or starts, and the sum of what arrives:
    ///
    /// ```text
    /// flops  = sum over chunks of primal + sum over blocks of jvp_input(seeds from earlier blocks) + unit_params(own)
    ///          + n_outputs B seeds at the output, + n_outputs B
    /// bytes  = values + the tangents alive at once + p + scratch
    /// ```
    ///
    /// # Errors
    /// As [`Forward::new`].
    ///
    /// ```
    /// use pushpull_core::{Mlp, blocks::{Activation, Loss}};
    /// use pushpull_forward_mode::{Chunk, Forward};
    /// let graph = Mlp::new(&[4, 8, 1], Activation::Tanh).loss(Loss::SquaredError).build()?;
    /// let predicted = Forward::<f32>::predict_gradient(&graph, 10, Chunk::Full)?;
    /// let prepared = Forward::<f32>::new(&graph, 10, Chunk::Full, 1)?;
    /// assert_eq!(predicted.cost, prepared.cost());
    /// assert_eq!(predicted.buffers, prepared.bytes().total());
    /// # Ok::<(), pushpull_core::Error>(())
    /// ```
    pub fn predict_gradient(graph: &Graph, batch: usize, chunk: Chunk) -> Result<Prediction> {
        Self::draft(graph, batch, chunk, Asked::Gradient)?.predicted(Asked::Gradient)
    }

    /// What [`Forward::jvp`] takes along `seeds` directions, in the parameters, the inputs or both, on an engine of
    /// [`Forward::for_jvp`]. [`Forward::jvp_into`] takes the same without the `results`. For every group of directions
    /// the primal, and for every block `jvp_input` and `jvp_params` of them.
    ///
    /// # Errors
    /// As [`Forward::new`].
    pub fn predict_jvp(
        graph: &Graph,
        batch: usize,
        chunk: Chunk,
        seeds: usize,
        params: bool,
        inputs: bool,
    ) -> Result<Prediction> {
        let asked = Asked::Jvp {
            seeds,
            params,
            inputs,
        };
        Self::draft(graph, batch, chunk, asked)?.predicted(asked)
    }

    /// What [`Forward::jacobian_params`] takes on an engine of [`Forward::for_params`]: as a gradient, without the sums
    /// and with the Jacobian, `n_outputs B` by `n_params`.
    ///
    /// # Errors
    /// As [`Forward::new`].
    pub fn predict_jacobian_params(
        graph: &Graph,
        batch: usize,
        chunk: Chunk,
    ) -> Result<Prediction> {
        let asked = Asked::JacobianParams;
        Self::draft(graph, batch, chunk, asked)?.predicted(asked)
    }

    /// What [`Forward::jacobian_inputs`] takes on an engine of [`Forward::for_inputs`]: for every chunk of the inputs'
    /// unit vectors the primal, and for every block `jvp_input` of those that arrive; the Jacobian is `n_outputs B` by
    /// `n_inputs`.
    ///
    /// # Errors
    /// As [`Forward::new`].
    pub fn predict_jacobian_inputs(
        graph: &Graph,
        batch: usize,
        chunk: Chunk,
    ) -> Result<Prediction> {
        let asked = Asked::JacobianInputs;
        Self::draft(graph, batch, chunk, asked)?.predicted(asked)
    }

    /// The prediction of this engine, whether its numbers are allocated or not.
    fn predicted(&self, asked: Asked) -> Result<Prediction> {
        let (cost, sweeps) = self.work(asked);
        let results = memory::elements(&[self.results(asked), size_of::<T>()]);
        let prediction = Prediction {
            cost,
            evaluations: self.plan.evaluations().saturating_mul(sweeps as u64),
            buffers: Bytes::of::<T>(self.lens()).total(),
            plan: self.held(),
            run: results,
            results,
        };
        prediction.counted(asked, "ask for fewer directions, or use a smaller batch")
    }

    /// Numbers in the matrices that a run hands to the caller.
    fn results(&self, asked: Asked) -> usize {
        let graph = self.graph();
        let outputs = memory::elements(&[graph.n_outputs(), self.batch()]);
        match asked {
            Asked::Gradient => 0,
            Asked::Jvp { seeds, .. } => memory::elements(&[outputs, seeds.saturating_add(1)]),
            Asked::JacobianParams => memory::elements(&[outputs, graph.n_params()]),
            Asked::JacobianInputs => memory::elements(&[outputs, graph.n_inputs()]),
        }
    }

    /// The exact cost of a question, and its sweeps.
    fn work(&self, asked: Asked) -> (Cost, usize) {
        let graph = self.graph();
        let outputs = memory::elements(&[graph.n_outputs(), self.batch()]);
        let (mut total, mut sweeps) = (Cost::ZERO, 0);
        let mut add = |chunks: Vec<(Question, usize)>, sums: bool| {
            for (chunk, alike) in chunks {
                let (pushed, reaching) = Sweep::pushed::<T>(&self.plan, &chunk);
                let summed = T::additions(if sums { outputs } else { 0 }) * reaching;
                total += (pushed + summed) * alike;
                sweeps = usize::saturating_add(sweeps, alike);
            }
        };
        match asked {
            Asked::Gradient => {
                add(
                    self.chunks(&Question::UnitParams(0..graph.n_params())),
                    true,
                );
                // The value is summed once, and a graph without parameters has one.
                sweeps = sweeps.max(1);
                total += T::additions(outputs);
            }
            Asked::JacobianParams => {
                add(
                    self.chunks(&Question::UnitParams(0..graph.n_params())),
                    false,
                );
            }
            Asked::JacobianInputs => {
                add(
                    self.chunks(&Question::UnitInputs(0..graph.n_inputs())),
                    false,
                );
            }
            Asked::Jvp {
                seeds,
                params,
                inputs,
            } => {
                let groups = lengths(seeds, self.width_of(seeds)).map(|(seeds, times)| {
                    let question = Question::Directions {
                        seeds,
                        params,
                        inputs,
                    };
                    (question, times)
                });
                add(groups.collect(), false);
            }
        }
        (total + self.plan.cost::<T>() * sweeps, sweeps)
    }

    /// The exact cost of [`Forward::value_and_gradient`]: the sweeps of all chunks, and the sums at the end.
    pub fn cost(&self) -> Cost {
        self.work(Asked::Gradient).0
    }

    /// The exact cost of [`Forward::jacobian_params`].
    pub fn jacobian_params_cost(&self) -> Cost {
        self.work(Asked::JacobianParams).0
    }

    /// The exact cost of [`Forward::jacobian_inputs`].
    pub fn jacobian_inputs_cost(&self) -> Cost {
        self.work(Asked::JacobianInputs).0
    }

    /// The exact cost of [`Forward::jvp`] along `seeds` directions.
    pub fn jvp_cost(&self, seeds: usize, params: bool, inputs: bool) -> Cost {
        let asked = Asked::Jvp {
            seeds,
            params,
            inputs,
        };
        self.work(asked).0
    }
}
