//! What reverse mode does, as a list, without preparing it.

use pushpull_core::work::{Item, Work};
use pushpull_core::{Graph, Prediction, Result, Scalar, memory};

use crate::predict::Programs;
use crate::{Reverse, Store};

impl<T: Scalar> Reverse<T> {
    /// The primal of one record and so many pullbacks, and the checks before.
    fn recorded(programs: &Programs, pullbacks: usize) -> Work {
        let (graph, mut work) = (programs.program.graph(), Work::default());
        programs.program.work(pullbacks, &mut work);
        work.add(Item::Read(graph.n_params()), 1);
        let inputs = memory::elements(&[graph.n_inputs(), programs.program.batch()]);
        work.add(Item::Read(inputs), 1);
        work
    }

    /// What [`Reverse::value_and_gradient`] does.
    ///
    /// # Errors
    /// As [`Reverse::new`].
    pub fn gradient_work(graph: &Graph, batch: usize, store: Store) -> Result<Work> {
        let programs = Programs::new::<T>(graph, batch, store, 1)?;
        let mut work = Self::recorded(&programs, 1);
        programs.adjoint.work(batch, 1, (true, false), 1, &mut work);
        work.add(
            Item::Summed(memory::elements(&[graph.n_outputs(), batch])),
            1,
        );
        Ok(work)
    }

    /// What recording and pulling back `seeds` cotangents does, `side` of them side by side.
    ///
    /// # Errors
    /// As [`Reverse::new`].
    pub fn vjp_work(
        graph: &Graph,
        batch: usize,
        store: Store,
        seeds: usize,
        side: usize,
    ) -> Result<Work> {
        let programs = Programs::new::<T>(graph, batch, store, side)?;
        let mut work = Self::recorded(&programs, seeds.div_ceil(side.max(1)));
        for (group, times) in groups(seeds, side) {
            let wanted = (true, false);
            programs
                .adjoint
                .work(batch, group, wanted, times, &mut work);
        }
        let given = memory::elements(&[graph.n_outputs(), batch, seeds]);
        work.add(Item::Read(given), 1);
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
        let cost = programs.grouped::<T>(cotangents, |seeds| {
            let batch = programs.program.batch();
            programs.adjoint.cost::<T>(batch, seeds, true, false)
        });
        programs.predicted::<T>(cotangents, cost, 0, 0)
    }

    /// What [`Reverse::jacobian_params`] does with `side` outputs side by side.
    ///
    /// # Errors
    /// As [`Reverse::new`].
    pub fn jacobian_params_work(
        graph: &Graph,
        batch: usize,
        store: Store,
        side: usize,
    ) -> Result<Work> {
        let programs = Programs::new::<T>(graph, batch, store, side)?;
        let mut work = Self::recorded(&programs, graph.n_outputs().div_ceil(side));
        for (group, times) in groups(graph.n_outputs(), side) {
            programs.adjoint.rows_work(batch, group, times, &mut work);
        }
        rows_laid(graph, batch, side, graph.n_params(), &mut work);
        Ok(work)
    }

    /// What [`Reverse::jacobian_inputs`] does with `side` outputs side by side.
    ///
    /// # Errors
    /// As [`Reverse::new`].
    pub fn jacobian_inputs_work(
        graph: &Graph,
        batch: usize,
        store: Store,
        side: usize,
    ) -> Result<Work> {
        let programs = Programs::new::<T>(graph, batch, store, side)?;
        let mut work = Self::recorded(&programs, graph.n_outputs().div_ceil(side));
        for (group, times) in groups(graph.n_outputs(), side) {
            let wanted = (false, true);
            programs
                .adjoint
                .work(batch, group, wanted, times, &mut work);
        }
        rows_laid(graph, batch, side, graph.n_inputs(), &mut work);
        Ok(work)
    }
}

/// The rows of a Jacobian with so many columns, put in their places from the groups that they are made in.
fn rows_laid(graph: &Graph, batch: usize, side: usize, columns: usize, work: &mut Work) {
    let rows = memory::elements(&[graph.n_outputs(), batch]);
    let row = Item::Strided {
        stride: rows,
        len: columns,
    };
    work.add(row, rows as u64);
    work.add(Item::Fresh(memory::elements(&[rows, columns])), 1);
    let group = side.min(graph.n_outputs());
    work.add(Item::Fresh(memory::elements(&[group, batch, columns])), 1);
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
            let gradient = Reverse::<f64>::gradient_work(&graph, 6, Store::All).unwrap();
            assert_eq!(gradient.cost(&graph) + sums, engine.cost());
            let engine = engine.seeds(2).unwrap();
            let pulled =
                engine.pullback_cost(2, true, false) + engine.pullback_cost(1, true, false);
            let vjp = Reverse::<f64>::vjp_work(&graph, 6, Store::All, 3, 2).unwrap();
            assert_eq!(vjp.cost(&graph), engine.primal_cost() + pulled);
            let jacobian = Reverse::<f64>::jacobian_inputs_work(&graph, 6, Store::All, 2).unwrap();
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
