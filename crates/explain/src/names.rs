//! What values are called, in text and as keys.

use std::collections::BTreeSet;
use std::ops::Range;

use pushpull_core::Graph;
use pushpull_core::graph::{Origin, Source};

/// The names of a graph's values.
pub(crate) struct Names<'a> {
    pub graph: &'a Graph,
    /// The sum of all outputs: y, or J where an input has that name.
    pub objective: &'static str,
    /// For each node the first that has its parameters.
    pub owner: Vec<Option<usize>>,
    /// The owners in their order: the third has the parameters `w3`, as on the slides.
    owners: Vec<usize>,
}

impl<'a> Names<'a> {
    pub(crate) fn new(graph: &'a Graph) -> Self {
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
            graph,
        }
    }

    /// `h3`, or an input's name.
    pub(crate) fn value(&self, origin: Origin) -> String {
        match origin {
            Origin::Input(input) => self.graph.inputs()[input].name.clone(),
            Origin::Node(node) => format!("h{}", node + 1),
        }
    }

    /// `h3`, or `stop(h3)` where the derivative is cut. Of a constant input nobody expects one.
    pub(crate) fn source(&self, source: &Source) -> String {
        let value = self.value(source.origin);
        let constant = match source.origin {
            Origin::Input(input) => self.graph.inputs()[input].constant,
            Origin::Node(_) => false,
        };
        if source.stopped && !constant {
            format!("stop({value})")
        } else {
            value
        }
    }

    /// What a node reads as one: `h3`, or `(h3, x)`.
    pub(crate) fn input_of(&self, node: usize) -> String {
        let sources = &self.graph.nodes()[node].sources;
        let parts: Vec<String> = sources.iter().map(|source| self.source(source)).collect();
        match &parts[..] {
            [one] => one.clone(),
            _ => format!("({})", parts.join(", ")),
        }
    }

    /// `2` of the parameters `w2` of a node that has some: blocks without parameters are not counted.
    pub(crate) fn number(&self, node: usize) -> usize {
        let owner = self.owner[node].unwrap_or(node);
        self.owners.partition_point(|&other| other <= owner)
    }

    /// Owners as a list of their parameters' numbers: `1`, `1, 2`, `1, 2, .., 9`.
    pub(crate) fn list(&self, owners: &BTreeSet<usize>) -> String {
        let numbers: Vec<String> = owners.iter().map(|&i| self.number(i).to_string()).collect();
        match &numbers[..] {
            [first, second, .., last] if numbers.len() > 3 => {
                format!("{first}, {second}, .., {last}")
            }
            _ => numbers.join(", "),
        }
    }

    /// The keys of the values that a node's derivative maps read.
    pub(crate) fn kept(&self, node: usize) -> Vec<String> {
        let of = &self.graph.nodes()[node];
        let keeps = of.block.keeps();
        let mut kept = Vec::new();
        if keeps.x {
            kept.extend(of.sources.iter().map(|source| self.value(source.origin)));
        }
        if keeps.y || keeps.extra > 0 {
            kept.push(format!("h{}", node + 1));
        }
        kept
    }

    /// For each node the parameters (by their owners) whose tangents it carries.
    pub(crate) fn carried(&self) -> Vec<BTreeSet<usize>> {
        let (nodes, activity) = (self.graph.nodes(), self.graph.activity());
        let mut carried: Vec<BTreeSet<usize>> = Vec::with_capacity(nodes.len());
        for (i, node) in nodes.iter().enumerate() {
            let mut own = BTreeSet::new();
            if activity[i].output {
                for source in node.sources.iter().filter(|source| !source.stopped) {
                    if let Origin::Node(j) = source.origin {
                        own.extend(&carried[j]);
                    }
                }
                own.extend(self.owner[i]);
            }
            carried.push(own);
        }
        carried
    }
}
