//! What the values of a graph are called, as on the slides.

use std::collections::HashMap;
use std::ops::Range;

use crate::Graph;

/// `2` of the parameters `w2` of each node: blocks that have some are counted, shared parameters once. 0: it has none.
pub fn numbers(graph: &Graph) -> Vec<usize> {
    let mut known: HashMap<&Range<usize>, usize> = HashMap::new();
    let numbers = graph.nodes().iter().map(|of| {
        let next = known.len() + 1;
        if of.params.is_empty() {
            0
        } else {
            *known.entry(&of.params).or_insert(next)
        }
    });
    numbers.collect()
}

/// The sum of all outputs: y, or J where an input has that name.
pub fn objective(graph: &Graph) -> &'static str {
    let taken = graph.inputs().iter().any(|input| input.name == "y");
    if taken { "J" } else { "y" }
}
