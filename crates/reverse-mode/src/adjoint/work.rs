//! What the adjoint program does, as a list.

use pushpull_core::work::{Item, Work};
use pushpull_core::{Accum, Op, memory};

use super::{Adjoint, Destination, Step, Target};

impl Adjoint {
    /// One pullback of `seeds` cotangents that sets, `times` times; `wanted`: parameters, inputs.
    pub(crate) fn work(
        &self,
        batch: usize,
        seeds: usize,
        wanted: (bool, bool),
        times: u64,
        work: &mut Work,
    ) {
        for step in &self.steps {
            if let (true, Some(acc)) = (wanted.0, step.first) {
                let op = Op::VjpParams(acc);
                work.map(
                    step.node,
                    op,
                    false,
                    (batch, 1),
                    times.saturating_mul(seeds as u64),
                );
            }
            step.pulled(batch, seeds, wanted, times, work);
        }
    }

    /// As [`Adjoint::work`] for rows of a Jacobian in the parameters: a column of its own for every seed and sample.
    pub(crate) fn rows_work(&self, batch: usize, seeds: usize, times: u64, work: &mut Work) {
        for step in &self.steps {
            if let Some(acc) = step.first {
                let columns = memory::elements(&[seeds, batch]) as u64;
                work.map(
                    step.node,
                    Op::VjpParams(acc),
                    false,
                    (1, 1),
                    columns.saturating_mul(times),
                );
            }
            step.pulled(batch, seeds, (true, false), times, work);
        }
    }
}

impl Step {
    /// `vjp_input`, and where its rows go.
    fn pulled(
        &self,
        batch: usize,
        seeds: usize,
        (params, inputs): (bool, bool),
        times: u64,
        work: &mut Work,
    ) {
        let wanted = params && self.pulls_for_params || inputs && self.pulls_for_inputs;
        if !wanted || matches!(self.target, Target::Nowhere) {
            return;
        }
        let over = matches!(self.target, Target::InPlace);
        work.map(self.node, Op::VjpInput, over, (batch, seeds), times);
        for part in &self.scatter {
            if inputs || matches!(part.to, Destination::Arena(_)) {
                let numbers = memory::elements(&[part.rows.len(), batch, seeds]);
                // Adding reads its target too.
                let passes = if part.acc == Accum::Add { 2 } else { 1 };
                work.add(Item::Moved(numbers), times.saturating_mul(passes));
            }
        }
    }
}
