//! Whether a graph is worth being shared.

use super::{Team, allowed};
use crate::graph::Node;
use crate::{Graph, Op, Result};

/// Flops of a graph's largest block from which its programs are shared, a call of an elementary function for [`CALL`]: below, reading what another core wrote takes as
/// long as what is saved, or longer (measured: docs/performance.md, "Threads").
pub(crate) const WORTH: u64 = 1 << 20;

/// Flops that take as long as a call of an elementary function, roughly.
pub(crate) const CALL: u64 = 16;

impl Team {
    /// As [`Team::new`] for programs that run each block of `graph` once on `batch` samples: without workers where no block
    /// has work enough for it to pay.
    ///
    /// # Errors
    /// As [`Team::new`].
    ///
    /// ```
    /// use pushpull_core::{Mlp, Team, blocks::Activation};
    /// let graph = Mlp::new(&[8, 8], Activation::Tanh).build()?;
    /// assert!(!Team::of_graph("Example", 2, &graph, 32)?.shares()); // the user's thread does it all
    /// assert!(Team::of_graph("Example", 2, &graph, 32_000)?.shares());
    /// assert!(Team::of_graph("Example", 0, &graph, 32).is_err());
    /// # Ok::<(), pushpull_core::Error>(())
    /// ```
    pub fn of_graph(name: &str, threads: usize, graph: &Graph, batch: usize) -> Result<Self> {
        let large = |node: &Node| {
            let cost = node.block.cost(Op::Forward, batch, 1);
            cost.is_none_or(|cost| cost.weighed(CALL) >= WORTH)
        };
        // One thread asks for no cost: a block without a declared one is run to be counted.
        if threads > 1 && graph.nodes().iter().any(large) {
            return Self::new(name, threads);
        }
        allowed(name, threads)?;
        Ok(Self {
            crew: None,
            threads,
        })
    }
}
