//! The chain of a graph.

use pushpull_core::program::Stage as Place;
use pushpull_core::{Graph, Op, Result, Scalar};

use super::chain::{Chain, Stage};
use super::cuts::cuts;
use crate::programs::recorded;
use crate::purpose::{REMEDY, WHAT};

impl Chain {
    /// The chain of a graph for batches of `batch` samples. It is cut behind a node if no other value passes from the
    /// nodes before to those after; the caller's inputs and the parameters need no carrying. A value that is overwritten
    /// in place is no cut: the value over it is at least as good a place.
    ///
    /// # Errors
    /// [`pushpull_core::Error::EmptyBatch`]; [`pushpull_core::Error::TooLarge`] if a stage fits no memory.
    pub fn of(graph: &Graph, batch: usize) -> Result<Self> {
        let program = recorded(graph, batch, 1)?;
        let (_, stages) = program.place_in_stages::<f64>(&cuts(graph), WHAT, REMEDY)?;
        Ok(chain(graph, batch, &stages))
    }
}

/// What a schedule sees of the stages of a graph that are placed.
pub(crate) fn chain(graph: &Graph, batch: usize, stages: &[Place]) -> Chain {
    let of = |stage: &Place| {
        let nodes = &graph.nodes()[stage.nodes.clone()];
        let forward = |block| f64::cost(block, Op::Forward, batch, 1);
        let cost = nodes.iter().map(|node| forward(&*node.block)).sum();
        Stage {
            blocks: stage.nodes.len(),
            cost,
            work: Stage::weigh(cost, stage.output),
            output: stage.output,
            advance: stage.advance,
            record: stage.record,
        }
    };
    Chain::with_frozen(stages.iter().map(of).collect(), graph)
}
