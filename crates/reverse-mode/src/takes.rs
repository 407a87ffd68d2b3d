//! What the programs of a plan take, counted in their instructions.

use pushpull_core::program::Program;
use pushpull_core::siblings::memory;
use pushpull_core::siblings::work::{Item, Work};
use pushpull_core::{Accum, Cost, Graph, Result, Scalar};

use crate::checkpoint::staged::Staged;
use crate::programs;
use crate::purpose::Purpose;
use crate::wanted::{Seed, Wanted};

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

    /// How often each path runs where so often is recorded and pulled back.
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
    pub staged: Option<&'p Staged>,
}

impl Takes<'_> {
    /// How often each node's value is computed for a record, and again for a pullback from it.
    fn computed(&self) -> [Vec<u64>; 2] {
        let nodes = self.graph.nodes().len();
        let all_kept = || [vec![1; nodes], vec![0; nodes]];
        self.staged.map_or_else(all_kept, Staged::computed)
    }

    /// The program of a gradient, or of gradients' norms.
    fn both(&self, purpose: Purpose) -> Result<Program> {
        let [first, again] = self.computed();
        let all = first.iter().zip(&again);
        let all = all.map(|(first, again)| first.saturating_add(*again));
        let program = purpose.program(self.graph, self.batch, 1)?;
        Ok(program.computing(all.collect()))
    }

    /// The program of a record, with how often values are computed for its record.
    fn recording(&self) -> Result<Program> {
        let [first, _] = self.computed();
        let program = Purpose::Record.program(self.graph, self.batch, 1)?;
        Ok(program.computing(first))
    }

    /// The program of a record, with how often values are computed again for a pullback.
    fn pulling(&self, seeds: usize) -> Result<Program> {
        let [_, again] = self.computed();
        let program = Purpose::Record.program(self.graph, self.batch, seeds)?;
        Ok(program.computing(again))
    }

    /// `all` cotangents in groups: their lengths, each with how many there are.
    fn groups(&self, all: usize) -> impl Iterator<Item = (usize, u64)> {
        let parts = [(self.side, all / self.side), (all % self.side, 1)];
        let some = parts
            .into_iter()
            .filter(|&(len, times)| len > 0 && times > 0);
        some.map(|(len, times)| (len, times as u64))
    }

    /// How often is recorded for `all` cotangents: with checkpoints once for each group.
    fn records(&self, all: usize) -> usize {
        self.staged.map_or(1, |_| all.div_ceil(self.side))
    }

    /// The sum of all outputs.
    fn summed(&self) -> usize {
        memory::elements(&[self.graph.n_outputs(), self.batch])
    }

    /// Value and gradient of the parameters, and of the inputs or not.
    pub(crate) fn gradient<T: Scalar>(&self, inputs: bool) -> Result<Cost> {
        Ok(self.both(Purpose::Gradient { inputs })?.cost::<T>())
    }

    /// The norms of the samples' gradients.
    pub(crate) fn norms<T: Scalar>(&self) -> Result<Cost> {
        Ok(self.both(Purpose::Norms)?.cost::<T>())
    }

    /// A record; with checkpoints, up to the first pullback.
    pub(crate) fn record<T: Scalar>(&self) -> Result<Cost> {
        Ok(self.recording()?.cost_of_paths::<T>([1]))
    }

    /// A pullback of `seeds` cotangents side by side, and what is computed again for it.
    pub(crate) fn pullback<T: Scalar>(&self, seeds: usize, pull: Pull) -> Result<Cost> {
        let program = self.pulling(seeds)?;
        Ok(program.cost_of_paths::<T>(pull.runs(1, 1)))
    }

    /// A record and pullbacks of `all` cotangents; with checkpoints, a record for each group.
    pub(crate) fn pullbacks<T: Scalar>(&self, all: usize, pull: Pull) -> Result<Cost> {
        let mut cost = self.record::<T>()? * self.records(all);
        for (seeds, times) in self.groups(all) {
            cost += self.pullback::<T>(seeds, pull)? * times as usize;
        }
        Ok(cost)
    }

    /// Blocks that are evaluated for one record and pullbacks of `all` cotangents.
    pub(crate) fn evaluations(&self, all: usize) -> u64 {
        let computed = self.computed().into_iter().flatten();
        let once = computed.fold(0, u64::saturating_add);
        once.saturating_mul(self.records(all) as u64)
    }

    /// What the checks before a run do.
    fn checked(&self, work: &mut Work) {
        work.add(Item::Read(self.graph.n_params()), 1);
        let inputs = memory::elements(&[self.graph.n_inputs(), self.batch]);
        work.add(Item::Read(inputs), 1);
    }

    /// What [`Takes::gradient`] does, as a list.
    pub(crate) fn gradient_work(&self) -> Result<Work> {
        let gradient = Purpose::Gradient { inputs: false };
        let mut work = self.both(gradient)?.work();
        self.checked(&mut work);
        Ok(work)
    }

    /// What [`Takes::norms`] does, as a list.
    pub(crate) fn norms_work(&self) -> Result<Work> {
        let mut work = self.both(Purpose::Norms)?.work();
        self.checked(&mut work);
        work.add(Item::Fresh(self.batch), 1);
        Ok(work)
    }

    /// What [`Takes::pullbacks`] does, as a list.
    pub(crate) fn pullbacks_work(&self, all: usize, pull: Pull) -> Result<Work> {
        let mut work = Work::default();
        let record = self.recording()?.work_of_paths([1]);
        work.extend(&record, self.records(all) as u64);
        for (seeds, times) in self.groups(all) {
            let again = self.pulling(seeds)?.work_of_paths(pull.runs(1, 1));
            work.extend(&again, times);
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
        work.add(Item::Strided(columns), rows as u64);
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
    use pushpull_core::{Builder, Mlp, Question};

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
            // What an engine adds up by itself is not in the cost of its list.
            let sums = graph.n_outputs() * 6;
            let plan = |question| Reverse::plan(&graph, 6, question).checkpointing(store);
            let gradient = plan(Question::Gradient);
            let (listed, said) = (
                gradient.work::<f64>().unwrap().cost(&graph),
                gradient.prediction::<f64>().unwrap().cost,
            );
            assert_eq!(
                (listed.flops + sums as u64, listed.calls),
                (said.flops, said.calls)
            );
            let jacobian = plan(Question::JacobianInputs).seeds(2);
            let (listed, said) = (
                jacobian.work::<f64>().unwrap().cost(&graph),
                jacobian.prediction::<f64>().unwrap().cost,
            );
            assert!(
                said.flops - listed.flops <= 3 * 6 * 3,
                "{listed:?} {said:?}"
            );
            let second = HessianVector::plan(&graph, 6).work::<f64>().unwrap();
            assert!(second.items().count() > graph.nodes().len());
        }
    }
}
