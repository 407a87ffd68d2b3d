//! What dense forward mode does, as a list, without preparing it.

use std::ops::Range;

use pushpull_core::graph::Origin;
use pushpull_core::primal::PrimalPlan;
use pushpull_core::work::{Item, Work};
use pushpull_core::{Graph, Op, Result, Scalar, memory};

use super::{Question, gaps, hull, ops};
use crate::chunk::{alike, lengths};
use crate::{Chunk, Forward};

/// A graph on a batch, to be pushed through.
struct Swept {
    plan: PrimalPlan,
    /// Whether a node's tangent lies in the place of its only source's.
    over: Vec<bool>,
    pair_bytes: usize,
}

impl Swept {
    fn new<T>(graph: &Graph, batch: usize) -> Result<Self> {
        let (nodes, consumers) = (graph.nodes(), graph.consumers());
        let over = nodes.iter().map(|node| match node.sources[..] {
            [source] => match source.origin {
                Origin::Node(j) => {
                    node.block.in_place() && node.params.is_empty() && consumers[j].len() == 1
                }
                Origin::Input(_) => false,
            },
            _ => false,
        });
        let pair = nodes
            .iter()
            .map(|node| node.dims().n_in.saturating_add(node.dims().n_out));
        Ok(Self {
            plan: PrimalPlan::new(graph, batch, nodes.len(), Some)?,
            over: over.collect(),
            pair_bytes: memory::elements(&[pair.max().unwrap_or(0), batch, size_of::<T>()]),
        })
    }

    /// One sweep; the seeds that reach the output are returned.
    fn sweep(&self, question: &Question, work: &mut Work, times: u64) -> usize {
        let (graph, batch) = (self.plan.graph(), self.plan.batch());
        let mut spans = vec![0..0; graph.nodes().len()];
        self.plan.work(work, times);
        for (i, node) in graph.nodes().iter().enumerate() {
            let (arriving, own) = (question.arriving(graph, i, &spans), question.own(graph, i));
            let span = hull(&arriving, &own);
            let dims = node.dims();
            let stacked = match node.sources[..] {
                [source] => match source.origin {
                    Origin::Node(_) => false,
                    Origin::Input(_) => !matches!(question, Question::Directions { .. }),
                },
                _ => true,
            };
            if stacked && !arriving.is_empty() {
                let columns = memory::elements(&[batch, arriving.len()]);
                for source in &node.sources {
                    let len = graph.rows(source.origin);
                    work.add(Item::Copied { len, columns }, times);
                }
            }
            if let Some(gap) = gaps(&span, &arriving, &own) {
                let moved = memory::elements(&[dims.n_out, batch, gap.len()]);
                work.add(Item::Moved(moved), times);
            }
            for (op, seeds) in ops(question, &arriving, &own) {
                let over = self.over[i] && op == Op::JvpInput;
                work.map(i, op, over, (batch, seeds), times);
            }
            spans[i] = span;
        }
        spans.last().map_or(0, Range::len)
    }

    /// All sweeps of unit vectors of the parameters. Chunks within the same node's are alike: most are.
    fn unit_params(&self, width: usize, mut received: impl FnMut(usize, u64, &mut Work)) -> Work {
        let (graph, mut work) = (self.plan.graph(), Work::default());
        let nodes = graph.nodes().iter();
        let owners = nodes.map(|node| node.params.clone());
        let chunks = alike(graph.n_params(), width, owners);
        if chunks.is_empty() {
            self.plan.work(&mut work, 1);
        }
        for (chunk, times) in chunks {
            let times = times as u64;
            let seeds = self.sweep(&Question::UnitParams(chunk), &mut work, times);
            received(seeds, times, &mut work);
        }
        work
    }

    fn checked(&self, work: &mut Work, times: u64) {
        let graph = self.plan.graph();
        work.add(Item::Read(graph.n_params()), times);
        let inputs = memory::elements(&[graph.n_inputs(), self.plan.batch()]);
        work.add(Item::Read(inputs), times);
    }
}

impl<T: Scalar> Forward<T> {
    /// Directions that a chunk carries at once, out of `all`.
    pub fn width(graph: &Graph, batch: usize, chunk: Chunk, all: usize) -> usize {
        let nodes = graph.nodes().iter();
        let pair = nodes.map(|node| node.dims().n_in.saturating_add(node.dims().n_out));
        let pair = memory::elements(&[pair.max().unwrap_or(0), batch, size_of::<T>()]);
        chunk.width(all, pair)
    }

    /// What [`Forward::value_and_gradient`] does.
    ///
    /// # Errors
    /// As [`PrimalPlan::new`].
    pub fn gradient_work(graph: &Graph, batch: usize, chunk: Chunk) -> Result<Work> {
        let swept = Swept::new::<T>(graph, batch)?;
        let width = chunk.width(graph.n_params(), swept.pair_bytes);
        let outputs = memory::elements(&[graph.n_outputs(), batch]);
        let mut work = swept.unit_params(width, |seeds, times, work| {
            work.add(Item::Summed(outputs), times.saturating_mul(seeds as u64));
        });
        work.add(Item::Summed(outputs), 1);
        swept.checked(&mut work, 1);
        Ok(work)
    }

    /// What [`Forward::jacobian_params`] does.
    ///
    /// # Errors
    /// As [`PrimalPlan::new`].
    pub fn jacobian_params_work(graph: &Graph, batch: usize, chunk: Chunk) -> Result<Work> {
        let swept = Swept::new::<T>(graph, batch)?;
        let width = chunk.width(graph.n_params(), swept.pair_bytes);
        let rows = memory::elements(&[graph.n_outputs(), batch]);
        let mut work = swept.unit_params(width, |seeds, times, work| {
            work.add(Item::Moved(rows), times.saturating_mul(seeds as u64));
        });
        work.add(Item::Fresh(memory::elements(&[rows, graph.n_params()])), 1);
        swept.checked(&mut work, 1);
        Ok(work)
    }

    /// What [`Forward::jacobian_inputs`] does.
    ///
    /// # Errors
    /// As [`PrimalPlan::new`].
    pub fn jacobian_inputs_work(graph: &Graph, batch: usize, chunk: Chunk) -> Result<Work> {
        let swept = Swept::new::<T>(graph, batch)?;
        let all = graph.n_inputs();
        let rows = memory::elements(&[graph.n_outputs(), batch]);
        let inputs = graph.inputs().iter().map(|input| input.rows.clone());
        let mut work = Work::default();
        for (piece, times) in alike(all, chunk.width(all, swept.pair_bytes), inputs) {
            let times = times as u64;
            let seeds = swept.sweep(&Question::UnitInputs(piece), &mut work, times);
            work.add(Item::Moved(rows), times.saturating_mul(seeds as u64));
        }
        work.add(Item::Fresh(memory::elements(&[rows, all])), 1);
        swept.checked(&mut work, 1);
        Ok(work)
    }

    /// What [`Forward::jvp_into`] does along `seeds` directions.
    ///
    /// # Errors
    /// As [`PrimalPlan::new`]; [`pushpull_core::Error::TooLarge`] for more directions than can be counted.
    pub fn jvp_work(
        graph: &Graph,
        batch: usize,
        chunk: Chunk,
        seeds: usize,
        (params, inputs): (bool, bool),
    ) -> Result<Work> {
        let swept = Swept::new::<T>(graph, batch)?;
        let rows = memory::elements(&[graph.n_outputs(), batch]);
        // A list is exact while 64 bits hold its numbers, whatever this machine does.
        let results = memory::elements(&[rows, seeds, size_of::<T>()]);
        if results == usize::MAX {
            memory::fits::<T>("the output's tangents", results, "push fewer directions")?;
        }
        let mut work = Work::default();
        for (seeds, times) in lengths(seeds, chunk.width(seeds, swept.pair_bytes)) {
            let question = Question::Directions {
                seeds,
                params,
                inputs,
            };
            let seeds = swept.sweep(&question, &mut work, times as u64);
            work.add(Item::Moved(memory::elements(&[rows, seeds])), times as u64);
        }
        let given = if params { graph.n_params() } else { 0 };
        work.add(Item::Read(memory::elements(&[given, seeds])), 1);
        swept.checked(&mut work, 1);
        Ok(work)
    }
}

#[cfg(test)]
mod tests {
    use pushpull_core::blocks::{Activation, Loss};
    use pushpull_core::{Builder, Cost, Graph, Mlp, blocks};

    use crate::{Chunk, Forward, Structured};

    fn graphs() -> Vec<Graph> {
        let mlp = Mlp::new(&[3, 5, 4], Activation::Tanh).loss(Loss::SoftmaxCrossEntropy);
        let mut b = Builder::new();
        let x = b.input("x", 3);
        let h = b.block(blocks::Linear::new(3, 4), x);
        let g = b.map(blocks::Relu, h);
        let h = b.block(blocks::Mul::new(4), [h, g]);
        let y = b.block(blocks::LayerNorm::new(4), h);
        vec![mlp.build().unwrap(), b.build(y).unwrap()]
    }

    #[test]
    fn the_list_costs_what_the_engine_says() {
        for graph in graphs() {
            for chunk in [Chunk::Full, Chunk::Fixed(4), Chunk::Fixed(1)] {
                let engine = Forward::<f64>::new(&graph, 6, chunk, 1).unwrap();
                let (p, outputs) = (graph.n_params(), graph.n_outputs() * 6);
                let gradient = Forward::<f64>::gradient_work(&graph, 6, chunk).unwrap();
                let sums = Cost::flops(outputs) * (p + 1);
                assert_eq!(gradient.cost(&graph) + sums, engine.cost());
                let jacobian = Forward::<f64>::jacobian_inputs_work(&graph, 6, chunk).unwrap();
                assert_eq!(jacobian.cost(&graph), engine.jacobian_inputs_cost());
                let jvp = Forward::<f64>::jvp_work(&graph, 6, chunk, 5, (true, false)).unwrap();
                assert_eq!(jvp.cost(&graph), engine.jvp_cost(5, true, false));
            }
            let engine = Structured::<f64>::new(&graph, 6, Chunk::Fixed(4), 1).unwrap();
            let work = Structured::<f64>::gradient_work(&graph, 6, Chunk::Fixed(4)).unwrap();
            // What the engine adds up and scales by itself is not in the cost of its list.
            let (listed, said) = (work.cost(&graph), engine.cost());
            assert!(listed.flops <= said.flops && listed.calls == said.calls);
            assert!(
                said.flops - listed.flops < said.flops / 4,
                "{listed:?} {said:?}"
            );
        }
    }
}
