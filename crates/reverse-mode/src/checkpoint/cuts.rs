//! Where a graph can be cut: behind a node that carries everything.

use std::ops::Range;

use pushpull_core::Graph;
use pushpull_core::graph::{Origin, Source};

/// The nodes of each stage. One stage of all nodes if there is no cut.
pub(crate) fn cuts(graph: &Graph) -> Vec<Range<usize>> {
    let (n, consumers) = (graph.nodes().len(), graph.consumers());
    let mut stages: Vec<Range<usize>> = Vec::new();
    let (mut start, mut reach) = (0, 0);
    for (i, readers) in consumers.iter().enumerate() {
        // `reach`: the last node that reads a node before i.
        let carries = reach <= i;
        reach = readers
            .iter()
            .fold(reach, |reach, &(consumer, _)| reach.max(consumer));
        let covered = i + 1 < n && overwrites(graph, i + 1, i);
        if carries && !covered {
            stages.push(start..i + 1);
            start = i + 1;
        }
    }
    stages
}

/// Whether a node is computed in the place of the one before it, all of whose derivative maps are still to come.
fn overwrites(graph: &Graph, node: usize, before: usize) -> bool {
    let (block, consumers) = (&graph.nodes()[node].block, &graph.consumers()[before]);
    let alone = match graph.nodes()[node].sources[..] {
        [Source { origin, stopped }] => origin == Origin::Node(before) && !stopped,
        _ => false,
    };
    let kept = block.keeps().x || graph.nodes()[before].block.keeps().y;
    alone && block.overwrites() && consumers.len() == 1 && !kept
}

/// Two nodes of which the first is read up to the second, with a value between them that passes by: why there is no cut
/// there. The widest such pair.
pub(crate) fn tangle(graph: &Graph) -> Option<(usize, usize)> {
    let consumers = graph.consumers();
    let spans = consumers.iter().enumerate().filter_map(|(i, readers)| {
        let last = readers.iter().map(|&(reader, _)| reader).max()?;
        (last > i + 1).then_some((i, last))
    });
    spans.max_by_key(|(first, last)| last - first)
}

#[cfg(test)]
mod tests {
    use super::{cuts, tangle};
    use pushpull_core::blocks::{Add, Linear, SquaredError, Tanh};
    use pushpull_core::{Builder, Error};

    #[test]
    fn a_chain_is_cut_between_layers_and_a_skip_closes_its_stage() -> Result<(), Error> {
        let mut b = Builder::new();
        let (x, target) = (b.input("x", 3), b.constant("target", 3));
        let h = b.block(Linear::new(3, 3), x);
        let h = b.map(Tanh, h); // overwrites the linear block's output: one stage with it
        let inner = b.block(Linear::new(3, 3), h);
        let inner = b.map(Tanh, inner);
        let h = b.block(Add::new(3, 3), [h, inner, x]);
        let h = b.block(Linear::new(3, 3), h);
        let loss = b.block(SquaredError::new(3), [h, target]);
        let graph = b.build(loss)?;
        assert_eq!(cuts(&graph), [0..2, 2..5, 5..6, 6..7]);
        assert_eq!(tangle(&graph), Some((1, 4)));
        Ok(())
    }

    #[test]
    fn a_value_that_passes_all_others_leaves_no_cut() -> Result<(), Error> {
        let mut b = Builder::new();
        let x = b.input("x", 2);
        let first = b.block(Linear::new(2, 2), x);
        let mut h = first;
        for _ in 0..3 {
            h = b.block(Linear::new(2, 2), h);
        }
        let y = b.block(Add::new(2, 2), [h, first]);
        assert_eq!(cuts(&b.build(y)?), [0..1, 1..5]);
        Ok(())
    }
}
