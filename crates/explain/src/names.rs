//! What values are called, in text and as keys.

use std::ops::Range;

use pushpull_core::Graph;

/// The names of a graph's values.
pub(crate) struct Names {
    /// The sum of all outputs: y, or J where an input has that name.
    pub objective: &'static str,
    /// For each node the first that has its parameters.
    pub owner: Vec<Option<usize>>,
    /// The owners in their order: the third has the parameters `w3`, as on the slides.
    owners: Vec<usize>,
}

impl Names {
    pub(crate) fn new(graph: &Graph) -> Self {
        let taken = graph.inputs().iter().any(|input| input.name == "y");
        let nodes = graph.nodes();
        let mut first: std::collections::HashMap<&Range<usize>, usize> = Default::default();
        let owner = nodes.iter().enumerate().map(|(i, node)| {
            (!node.params.is_empty()).then(|| *first.entry(&node.params).or_insert(i))
        });
        let owner: Vec<Option<usize>> = owner.collect();
        let own = |&i: &usize| owner[i] == Some(i);
        Self {
            owners: (0..nodes.len()).filter(own).collect(),
            owner,
            objective: if taken { "J" } else { "y" },
        }
    }

    /// `2` of the parameters `w2` of a node that has some: blocks without parameters are not counted.
    pub(crate) fn number(&self, node: usize) -> usize {
        let owner = self.owner[node].unwrap_or(node);
        self.owners.partition_point(|&other| other <= owner)
    }
}
