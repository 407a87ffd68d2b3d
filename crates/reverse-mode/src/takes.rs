//! What the programs of a plan take: counted in their instructions, or with checkpoints in the schedule's stages.

use pushpull_core::program::Program;
use pushpull_core::work::{Item, Work};
use pushpull_core::{Accum, AnyBlock, Cost, Graph, Op, Result, Scalar, memory};

use crate::pieced::PiecedPlan;
use crate::programs;
use crate::wanted::{Seed, Wanted};
use crate::whole::Question;

/// What is pulled back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pull {
    /// Cotangents of the caller's, with respect to parameters, inputs or both.
    Cotangents { params: bool, inputs: bool },
    /// The unit cotangents of outputs, for the rows of a Jacobian in the parameters or in the inputs.
    Rows { inputs: bool },
}

impl Pull {
    /// With respect to parameters, and to inputs.
    const fn by(self) -> (bool, bool) {
        match self {
            Self::Cotangents { params, inputs } => (params, inputs),
            Self::Rows { inputs } => (!inputs, inputs),
        }
    }

    /// How often each path of a tape runs that is recorded and pulled back so often.
    fn runs(self, records: u64, pulls: u64) -> impl Iterator<Item = u64> {
        let (params, inputs) = self.by();
        let wanted = Wanted::of(params.then_some(Accum::Set), inputs);
        let seed = match self {
            Self::Cotangents { .. } => Seed::Given,
            Self::Rows { .. } => Seed::Unit,
        };
        let path = programs::path(seed, wanted);
        let runs = move |k: usize| if Some(k) == path { pulls } else { 0 };
        std::iter::once(records).chain((1..).map(runs))
    }
}

/// A graph on a batch, with so many cotangents side by side, and checkpoints or not.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Takes<'p> {
    pub graph: &'p Graph,
    pub batch: usize,
    pub side: usize,
    pub pieces: Option<&'p PiecedPlan>,
}

impl Takes<'_> {
    fn tape(&self, seeds: usize) -> Result<Program> {
        Question::Tape.program(self.graph, self.batch, seeds)
    }

    /// `all` cotangents in groups: their lengths, each with how many there are.
    fn groups(&self, all: usize) -> impl Iterator<Item = (usize, u64)> {
        let parts = [(self.side, all / self.side), (all % self.side, 1)];
        let some = parts
            .into_iter()
            .filter(|&(len, times)| len > 0 && times > 0);
        some.map(|(len, times)| (len, times as u64))
    }

    /// The sum of all outputs.
    fn summed(&self) -> usize {
        memory::elements(&[self.graph.n_outputs(), self.batch])
    }

    /// Value and gradient of the parameters, and of the inputs or not.
    pub(crate) fn gradient<T: Scalar>(&self, inputs: bool) -> Result<Cost> {
        match self.pieces {
            Some(plan) => Ok(plan.cost::<T>(inputs) + T::additions(self.summed())),
            None => {
                let question = Question::Gradient { inputs };
                let program = question.program(self.graph, self.batch, 1)?;
                Ok(program.cost::<T>())
            }
        }
    }

    /// A record; with checkpoints, up to the first pullback.
    pub(crate) fn record<T: Scalar>(&self) -> Result<Cost> {
        match self.pieces {
            Some(plan) => Ok(plan.pieces.primal_cost::<T>()),
            None => Ok(self.tape(1)?.cost_of_paths::<T>([1])),
        }
    }

    /// A pullback of `seeds` cotangents side by side, and what is computed again for it.
    pub(crate) fn pullback<T: Scalar>(&self, seeds: usize, pull: Pull) -> Result<Cost> {
        let Some(plan) = self.pieces else {
            let tape = self.tape(seeds)?;
            return Ok(tape.cost_of_paths::<T>(pull.runs(0, 1)));
        };
        let batch = self.batch;
        let (params, inputs) = pull.by();
        if pull != (Pull::Rows { inputs: false }) {
            return Ok(plan.pullback_cost::<T>(seeds, params, inputs));
        }
        // One sample at a time: its row of the Jacobian is its own.
        let by_samples =
            |block: &dyn AnyBlock, acc| T::cost(block, Op::VjpParams(acc), 1, 1) * batch;
        let adjoint = plan
            .adjoint
            .cost_with::<T>(batch, seeds, true, false, by_samples);
        Ok(plan.pieces.rerun_cost::<T>() + adjoint)
    }

    /// A record and pullbacks of `all` cotangents; with checkpoints, a record for each group.
    pub(crate) fn pullbacks<T: Scalar>(&self, all: usize, pull: Pull) -> Result<Cost> {
        let records = match self.pieces {
            Some(_) => all.div_ceil(self.side),
            None => 1,
        };
        let mut cost = self.record::<T>()? * records;
        for (seeds, times) in self.groups(all) {
            cost += self.pullback::<T>(seeds, pull)? * times as usize;
        }
        Ok(cost)
    }

    /// Blocks that are evaluated for one record and pullbacks of `all` cotangents.
    pub(crate) fn evaluations(&self, all: usize) -> u64 {
        match self.pieces {
            Some(plan) => {
                let once = plan.pieces.schedule().evaluations(plan.pieces.chain());
                once.saturating_mul(all.div_ceil(self.side) as u64)
            }
            None => self.graph.nodes().len() as u64,
        }
    }

    /// What the checks before a run do.
    fn checked(&self, work: &mut Work) {
        work.add(Item::Read(self.graph.n_params()), 1);
        let inputs = memory::elements(&[self.graph.n_inputs(), self.batch]);
        work.add(Item::Read(inputs), 1);
    }

    /// What [`Takes::gradient`] does, as a list.
    pub(crate) fn gradient_work(&self) -> Result<Work> {
        let mut work = match self.pieces {
            Some(plan) => {
                let mut work = Work::default();
                plan.pieces.work(&mut work, 1);
                plan.adjoint
                    .work(self.batch, 1, (true, false), 1, &mut work);
                work.add(Item::Summed(self.summed()), 1);
                work
            }
            None => {
                let question = Question::Gradient { inputs: false };
                question.program(self.graph, self.batch, 1)?.work()
            }
        };
        self.checked(&mut work);
        Ok(work)
    }

    /// What [`Takes::pullbacks`] does, as a list.
    pub(crate) fn pullbacks_work(&self, all: usize, pull: Pull) -> Result<Work> {
        let mut work = Work::default();
        match self.pieces {
            Some(plan) => {
                plan.pieces.work(&mut work, all.div_ceil(self.side) as u64);
                for (seeds, times) in self.groups(all) {
                    let (adjoint, batch) = (&plan.adjoint, self.batch);
                    match pull {
                        Pull::Rows { inputs: false } => {
                            adjoint.rows_work(batch, seeds, times, &mut work);
                        }
                        _ => adjoint.work(batch, seeds, pull.by(), times, &mut work),
                    }
                }
            }
            None => {
                work.extend(&self.tape(1)?.work_of_paths([1]), 1);
                for (seeds, times) in self.groups(all) {
                    work.extend(&self.tape(seeds)?.work_of_paths(pull.runs(0, times)), 1);
                }
            }
        }
        self.checked(&mut work);
        match pull {
            Pull::Cotangents { .. } => {
                let given = memory::elements(&[self.summed(), all]);
                work.add(Item::Read(given), 1);
            }
            Pull::Rows { inputs } => {
                let of_inputs = self.graph.n_inputs();
                let columns = if inputs {
                    of_inputs
                } else {
                    self.graph.n_params()
                };
                self.laid(columns, &mut work);
            }
        }
        Ok(work)
    }

    /// The rows of a Jacobian with so many columns, put in their places from the groups that they are made in.
    fn laid(&self, columns: usize, work: &mut Work) {
        let (rows, group) = (self.summed(), self.side.min(self.graph.n_outputs()));
        let row = Item::Strided {
            stride: rows,
            len: columns,
        };
        work.add(row, rows as u64);
        work.add(Item::Fresh(memory::elements(&[rows, columns])), 1);
        work.add(
            Item::Fresh(memory::elements(&[group, self.batch, columns])),
            1,
        );
    }
}

#[cfg(test)]
mod tests {
    use pushpull_core::blocks::{Activation, Loss, Mul, Relu};
    use pushpull_core::{Builder, Mlp};

    use crate::{HessianVector, Reverse, Store};

    #[test]
    fn the_list_costs_what_the_engine_says() {
        let mlp = Mlp::new(&[3, 5, 4], Activation::Tanh).loss(Loss::SoftmaxCrossEntropy);
        let mut b = Builder::new();
        let x = b.input("x", 3);
        let h = b.map(Relu, x);
        let y = b.block(Mul::new(3), [h, x]);
        for (graph, store) in [
            (mlp.build().unwrap(), Store::All),
            (mlp.build().unwrap(), Store::Slots(2)),
            (b.build(y).unwrap(), Store::All),
        ] {
            // What the engine adds up by itself is not in the cost of its list.
            let sums = graph.n_outputs() * 6;
            let engine = Reverse::<f64>::new(&graph, 6, store, 1).unwrap();
            let gradient = Reverse::<f64>::gradient_work(&graph, 6, store).unwrap();
            let (listed, said) = (gradient.cost(&graph), engine.cost());
            assert_eq!(
                (listed.flops + sums as u64, listed.calls),
                (said.flops, said.calls)
            );
            let engine = engine.seeds(2).unwrap();
            let jacobian = Reverse::<f64>::jacobian_inputs_work(&graph, 6, store, 2).unwrap();
            let (listed, said) = (jacobian.cost(&graph), engine.jacobian_inputs_cost());
            assert!(
                said.flops - listed.flops <= 3 * 6 * 3,
                "{listed:?} {said:?}"
            );
            let second = HessianVector::<f64>::work(&graph, 6).unwrap();
            assert!(second.items().count() > graph.nodes().len());
        }
    }
}
