//! What reverse mode does, as a list, without preparing it.

use pushpull_core::primal::PrimalPlan;
use pushpull_core::work::{Item, Work};
use pushpull_core::{Graph, Prediction, Result, Scalar};

use crate::adjoint::Adjoint;
use crate::predict::Programs;
use crate::{Reverse, Store};

impl<T: Scalar> Reverse<T> {
    fn recorded(graph: &Graph, batch: usize) -> Result<Work> {
        let n = graph.nodes().len();
        let mut work = Work::default();
        PrimalPlan::new(graph, batch, n, |i| Some(2 * n - i))?.work(&mut work, 1);
        work.add(Item::Read(graph.n_params()), 1);
        work.add(Item::Read(graph.n_inputs() * batch), 1);
        Ok(work)
    }

    /// What [`Reverse::value_and_gradient`] does.
    ///
    /// # Errors
    /// As [`Reverse::new`].
    pub fn gradient_work(graph: &Graph, batch: usize) -> Result<Work> {
        let mut work = Self::recorded(graph, batch)?;
        Adjoint::new(graph, batch, 1)?.work(batch, 1, (true, false), 1, &mut work);
        work.add(Item::Summed(graph.n_outputs() * batch), 1);
        Ok(work)
    }

    /// What recording and pulling back `seeds` cotangents does, `side` of them side by side.
    ///
    /// # Errors
    /// As [`Reverse::new`].
    pub fn vjp_work(graph: &Graph, batch: usize, seeds: usize, side: usize) -> Result<Work> {
        let mut work = Self::recorded(graph, batch)?;
        let adjoint = Adjoint::new(graph, batch, side)?;
        for (group, times) in groups(seeds, side) {
            adjoint.work(batch, group, (true, false), times, &mut work);
        }
        work.add(Item::Read(graph.n_outputs() * batch * seeds), 1);
        Ok(work)
    }

    /// What recording and [`crate::Tape::pullback`] take, with respect to the parameters alone and into the caller's
    /// matrix, for `cotangents` of them on an engine that pulls back `seeds` side by side.
    ///
    /// # Errors
    /// As [`Reverse::new`] and [`Reverse::seeds`].
    pub fn predict_params_vjp(
        graph: &Graph,
        batch: usize,
        store: Store,
        seeds: usize,
        cotangents: usize,
    ) -> Result<Prediction> {
        let programs = Programs::new::<T>(graph, batch, store, seeds)?;
        let Programs { plan, adjoint } = &programs;
        let cost = programs.grouped::<T>(cotangents, |seeds| {
            adjoint.cost::<T>(plan, seeds, true, false)
        });
        Ok(programs.predicted::<T>(cost, 0, 0))
    }

    /// What [`Reverse::jacobian_params`] does with `side` outputs side by side.
    ///
    /// # Errors
    /// As [`Reverse::new`].
    pub fn jacobian_params_work(graph: &Graph, batch: usize, side: usize) -> Result<Work> {
        let mut work = Self::recorded(graph, batch)?;
        let (n_outputs, n_params) = (graph.n_outputs(), graph.n_params());
        let adjoint = Adjoint::new(graph, batch, side)?;
        for (group, times) in groups(n_outputs, side) {
            adjoint.rows_work(batch, group, times, &mut work);
        }
        let rows = n_outputs * batch;
        let row = Item::Strided {
            stride: rows,
            len: n_params,
        };
        work.add(row, rows as u64);
        work.add(Item::Fresh(rows * n_params), 1);
        work.add(Item::Fresh(side.min(n_outputs) * batch * n_params), 1);
        Ok(work)
    }

    /// What [`Reverse::jacobian_inputs`] does with `side` outputs side by side.
    ///
    /// # Errors
    /// As [`Reverse::new`].
    pub fn jacobian_inputs_work(graph: &Graph, batch: usize, side: usize) -> Result<Work> {
        let mut work = Self::recorded(graph, batch)?;
        let (n_outputs, n_inputs) = (graph.n_outputs(), graph.n_inputs());
        let adjoint = Adjoint::new(graph, batch, side)?;
        for (group, times) in groups(n_outputs, side) {
            adjoint.work(batch, group, (false, true), times, &mut work);
        }
        let rows = n_outputs * batch;
        let row = Item::Strided {
            stride: rows,
            len: n_inputs,
        };
        work.add(row, rows as u64);
        work.add(Item::Fresh(rows * n_inputs), 1);
        work.add(Item::Fresh(side.min(n_outputs) * batch * n_inputs), 1);
        Ok(work)
    }
}

/// `all` in groups of `side`: the lengths, each with how many there are.
fn groups(all: usize, side: usize) -> impl Iterator<Item = (usize, u64)> {
    let whole = (side, (all / side.max(1)) as u64);
    let rest = (all % side.max(1), 1);
    [whole, rest]
        .into_iter()
        .filter(|&(len, times)| len > 0 && times > 0)
}

#[cfg(test)]
mod tests {
    use pushpull_core::blocks::{Activation, Loss, Mul, Relu};
    use pushpull_core::{Builder, Cost, Mlp};

    use super::groups;
    use crate::HessianVector;
    use crate::{Reverse, Store};

    #[test]
    fn the_list_costs_what_the_engine_says() {
        let mlp = Mlp::new(&[3, 5, 4], Activation::Tanh).loss(Loss::SoftmaxCrossEntropy);
        let mut b = Builder::new();
        let x = b.input("x", 3);
        let h = b.map(Relu, x);
        let y = b.block(Mul::new(3), [h, x]);
        for graph in [mlp.build().unwrap(), b.build(y).unwrap()] {
            let engine = Reverse::<f64>::new(&graph, 6, Store::All, 1).unwrap();
            let sums = Cost::flops(graph.n_outputs() * 6);
            let gradient = Reverse::<f64>::gradient_work(&graph, 6).unwrap();
            assert_eq!(gradient.cost(&graph) + sums, engine.cost());
            let engine = engine.seeds(2).unwrap();
            let pulled =
                engine.pullback_cost(2, true, false) + engine.pullback_cost(1, true, false);
            let vjp = Reverse::<f64>::vjp_work(&graph, 6, 3, 2).unwrap();
            assert_eq!(vjp.cost(&graph), engine.primal_cost() + pulled);
            let jacobian = Reverse::<f64>::jacobian_inputs_work(&graph, 6, 2).unwrap();
            // What is delivered to a source that has more than one consumer is added by the engine.
            let (listed, said) = (jacobian.cost(&graph), engine.jacobian_inputs_cost());
            assert!(
                said.flops - listed.flops <= 3 * 6 * 3,
                "{listed:?} {said:?}"
            );
            let second = HessianVector::<f64>::work(&graph, 6).unwrap();
            assert!(second.items().count() > graph.nodes().len());
        }
        assert_eq!(groups(7, 3).collect::<Vec<_>>(), [(3, 2), (1, 1)]);
        assert_eq!(groups(2, 3).collect::<Vec<_>>(), [(2, 1)]);
    }
}
