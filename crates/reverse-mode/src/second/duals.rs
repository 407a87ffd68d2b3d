//! By duals: reverse mode run at numbers that carry their derivative along the direction.

use nalgebra::DMatrix;
use pushpull_core::siblings::memory;
use pushpull_core::siblings::work::Work;
use pushpull_core::{Cost, Dual, Graph, Mat, Prediction, Question, Result, Scalar};

use super::{Answer, Direction};
use crate::{Plan, Reverse, Store};

/// Reverse mode at duals, and the duals that it is run on.
#[derive(Clone, Debug)]
pub(crate) struct Duals<T> {
    engine: Reverse<Dual<T>>,
    params: Vec<Dual<T>>,
    x: Vec<Dual<T>>,
    x_bar: DMatrix<Dual<T>>,
}

impl<T: Scalar> Duals<T>
where
    Dual<T>: Scalar,
{
    pub(crate) fn new(graph: &Graph, batch: usize, store: Store, threads: usize) -> Result<Self> {
        let [params, x] = lens(graph, batch);
        let duals = params.saturating_add(x).saturating_add(x);
        memory::fits::<Dual<T>>("parameters and data as duals", duals, "use a smaller batch")?;
        let plan = gradient(graph, batch, store).threads(threads);
        let engine = plan.prepare()?;
        let zero = Dual::constant(T::zero());
        Ok(Self {
            engine,
            params: vec![zero; params],
            x: vec![zero; x],
            x_bar: DMatrix::from_element(graph.n_inputs(), batch, zero),
        })
    }

    /// What a run takes, without preparing it.
    pub(crate) fn predict(graph: &Graph, batch: usize, store: Store) -> Result<Prediction> {
        let gradient = gradient(graph, batch, store).prediction::<Dual<T>>()?;
        let [params, x] = lens(graph, batch);
        // The inputs' cotangent lies beside the inputs, asked for or not.
        let duals = params.saturating_add(x).saturating_add(x);
        Ok(Prediction {
            buffers: gradient
                .buffers
                .saturating_add(memory::elements(&[duals, size_of::<Dual<T>>()])),
            ..gradient
        })
    }

    /// What a run of the engine does, as a list of operations on duals.
    pub(crate) fn work(graph: &Graph, batch: usize, store: Store) -> Result<Work> {
        gradient(graph, batch, store).work::<Dual<T>>()
    }

    /// The exact cost of a run, in operations of the duals' parts.
    pub(crate) fn cost(&self) -> Cost {
        self.engine.cost()
    }

    /// The value, and what is asked for. Everything is computed whether asked for or not, but for the inputs'.
    pub(crate) fn run(
        &mut self,
        params: &[T],
        x: Mat<'_, T>,
        direction: Direction<'_, T>,
        answer: Answer<'_, T>,
    ) -> Result<T> {
        for (i, (dual, &value)) in self.params.iter_mut().zip(params).enumerate() {
            *dual = Dual::new(value, direction.params.map_or_else(T::zero, |dot| dot[i]));
        }
        let (n_inputs, batch) = x.shape();
        for (j, column) in self.x.chunks_exact_mut(n_inputs).enumerate() {
            for (i, (dual, &value)) in column.iter_mut().zip(x.col(j)).enumerate() {
                *dual = Dual::new(
                    value,
                    direction.inputs.map_or_else(T::zero, |dot| dot.get(i, j)),
                );
            }
        }
        // Nothing is differentiated along a constant input.
        for input in self.engine.graph().inputs().iter().filter(|i| i.constant) {
            for column in self.x.chunks_exact_mut(n_inputs) {
                column[input.rows.clone()]
                    .iter_mut()
                    .for_each(|dual| *dual = Dual::constant(dual.value));
            }
        }
        let x = Mat::new(&self.x, n_inputs, batch);
        let x_bar = answer.x_bar_dot.is_some().then(|| (&mut self.x_bar).into());
        let wrt = super::wrt(&direction, &answer);
        let value = self.engine.differentiate(&self.params, x, x_bar, wrt)?;
        let gradient = &self.engine.gradient;
        if let Some(params_bar) = answer.params_bar {
            let pairs = params_bar.iter_mut().zip(gradient);
            pairs.for_each(|(target, dual)| *target = dual.value);
        }
        if let Some(params_bar_dot) = answer.params_bar_dot {
            let pairs = params_bar_dot.iter_mut().zip(gradient);
            pairs.for_each(|(target, dual)| *target = dual.derivative);
        }
        if let Some(mut x_bar_dot) = answer.x_bar_dot {
            for (j, column) in self.x_bar.column_iter().enumerate() {
                let pairs = x_bar_dot.col_mut(j).iter_mut().zip(column.iter());
                pairs.for_each(|(target, dual)| *target = dual.derivative);
            }
        }
        Ok(value.value)
    }

    /// Bytes of all buffers.
    pub(crate) fn bytes(&self) -> usize {
        let duals = self.params.len() + self.x.len() + self.x_bar.len();
        self.engine.bytes().total() + duals * size_of::<Dual<T>>()
    }
}

/// The gradient that is run at duals.
fn gradient(graph: &Graph, batch: usize, store: Store) -> Plan {
    Plan::new(graph, batch, Question::Gradient).checkpointing(store)
}

/// Numbers of the parameters, and of the inputs.
fn lens(graph: &Graph, batch: usize) -> [usize; 2] {
    let inputs = memory::elements(&[graph.n_inputs(), batch]);
    [graph.n_params(), inputs]
}
