//! What structured forward mode does, as a list, without preparing it.

use pushpull_core::siblings::memory;
use pushpull_core::siblings::work::{Item, Work};
use pushpull_core::{Accum, Graph, Op, Result, Scalar};

use super::StructuredPlan;
use super::design::{Design, primal};
use super::moves::{Action, Form};
use super::occurrence::{Kind, Occurrence};
use super::program::runs;

impl StructuredPlan {
    /// What [`crate::Structured::value_and_gradient`] does, as a list.
    ///
    /// # Errors
    /// As [`StructuredPlan::prepare`].
    pub fn work<T: Scalar>(&self) -> Result<Work> {
        let (graph, batch) = (&self.graph, self.batch);
        let (design, _) = Design::new::<T>(graph, batch, self.chunk)?;
        let (programs, occurrences) = (&design.programs, &design.occurrences);
        let mut work = primal(graph, batch)?.work();
        for program in programs {
            let c = program.samples;
            let times = runs(programs, program, batch) as u64;
            for step in &program.moves {
                step.does.work(graph, step.node, c, &mut work, times);
            }
        }
        for occurrence in occurrences {
            occurrence.work(graph, batch, &mut work);
        }
        work.add(
            Item::Summed(memory::elements(&[graph.n_outputs(), batch])),
            1,
        );
        work.add(Item::Read(graph.n_params()), 1);
        work.add(Item::Read(memory::elements(&[graph.n_inputs(), batch])), 1);
        Ok(work)
    }
}

impl Action {
    /// What the move does on `c` samples.
    fn work(&self, graph: &Graph, node: usize, c: usize, work: &mut Work, times: u64) {
        let dims = graph.nodes()[node].dims();
        let mut item = |item| work.add(item, times);
        match *self {
            Self::Ones { .. } => item(Item::Moved(dims.n_out * c)),
            Self::Push { seeds, .. } => work.map(node, Op::JvpInput, false, (c, seeds), times),
            Self::Over { seeds, .. } => work.map(node, Op::JvpInput, true, (c, seeds), times),
            Self::Weigh { diagonal, .. } => item(match diagonal {
                None => Item::Copied {
                    len: dims.n_out,
                    columns: dims.n_in * c,
                },
                Some(_) => Item::Scaled {
                    len: dims.n_out,
                    columns: dims.n_in * c,
                },
            }),
            Self::Start { .. } => {
                let op = Op::UnitParams(Accum::Set);
                work.map(node, op, false, (c, dims.n_params), times);
            }
            Self::Stack {
                columns, ref rows, ..
            } => item(Item::Copied {
                len: rows.len(),
                columns: columns * c,
            }),
            Self::Collect { form, columns, .. } => item(match form {
                Form::Dense(..) => Item::Summed(dims.n_out * columns * c),
                Form::Identity | Form::Diagonal(_) => Item::Moved(columns * c),
            }),
        }
    }
}

impl Occurrence {
    /// What the contraction does. That of a Kronecker product is the block's own `vjp_params`.
    fn work(&self, graph: &Graph, batch: usize, work: &mut Work) {
        let dims = graph.nodes()[self.node].dims();
        match self.kind {
            Kind::Kronecker { .. } => {
                work.map(self.node, Op::VjpParams(self.acc), false, (batch, 1), 1)
            }
            Kind::Diagonal => {
                let groups = dims.n_params.div_ceil(dims.n_out) as u64;
                let op = Op::JvpParams(Accum::Set);
                work.map(self.node, op, false, (batch, 1), groups);
                work.add(Item::Moved(dims.n_out * batch), groups);
            }
            Kind::Dense => work.add(Item::Moved(self.columns * batch), 1),
        }
    }
}
