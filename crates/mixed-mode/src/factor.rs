//! A graph as a chain of local Jacobians, each with what is known of it beforehand.

use std::ops::Range;

use pushpull_core::graph::{Node, Origin};
use pushpull_core::siblings::memory;
use pushpull_core::{Error, Graph, InputJacobian, Keeps, Result};

/// How the local Jacobian of a factor is had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Structure {
    /// It is the block's matrix of parameters, which is there already.
    Params,
    /// Zero off the diagonal: one tangent has it all.
    Diagonal,
    /// Any matrix: a tangent for every column or an adjoint for every row.
    Dense,
}

/// One factor of the chain: a block's Jacobian with respect to its input.
#[derive(Clone, Debug)]
pub(crate) struct Factor {
    pub node: usize,
    pub n_in: usize,
    pub n_out: usize,
    pub structure: Structure,
    /// Whether it is the same for every sample of a batch.
    pub shared: bool,
}

/// The factors of a graph, the one evaluated first first.
#[derive(Clone, Debug)]
pub(crate) struct Chain {
    pub factors: Vec<Factor>,
    /// Rows of the graph's input that the first node reads.
    pub input: Range<usize>,
}

impl Chain {
    /// The chain that a graph is. Blocks whose Jacobian is the identity are left out, unless there are no others.
    ///
    /// # Errors
    /// [`Error::NotAChain`] for the first node that reads anything but the node before it, or the first that does not
    /// read one input.
    pub(crate) fn new(graph: &Graph) -> Result<Self> {
        let nodes = graph.nodes();
        for i in 0..nodes.len() {
            link(graph, i)?;
        }
        let stopped = graph
            .activity()
            .last()
            .is_some_and(|activity| !activity.output);
        if let (true, Some(last)) = (stopped, nodes.last()) {
            return Err(no_link(
                &last.name,
                "an output that derivatives pass",
                "one whose gradient is stopped".into(),
            ));
        }
        let mut factors = Vec::with_capacity(nodes.len());
        for (node, link) in nodes.iter().enumerate() {
            if link.input_jacobian() != InputJacobian::Identity {
                factors.push(Factor::new(node, link));
            }
        }
        if factors.is_empty() {
            factors.extend(nodes.first().map(|link| Factor::new(0, link)));
        }
        let input = match nodes.first().map(|node| node.sources[0].origin) {
            Some(Origin::Input(input)) => graph.inputs()[input].rows.clone(),
            _ => 0..0,
        };
        Ok(Self { factors, input })
    }

    /// Heap bytes that the list itself keeps.
    pub(crate) const fn held(&self) -> usize {
        memory::held(&self.factors)
    }

    /// Rows of the value between factor i - 1 and factor i: the inputs at 0, the outputs at the end.
    pub(crate) fn size(&self, i: usize) -> usize {
        match i.checked_sub(1) {
            None => self.factors[0].n_in,
            Some(before) => self.factors[before].n_out,
        }
    }
}

impl Factor {
    fn new(node: usize, link: &Node) -> Self {
        let dims = link.dims();
        let structure = match link.input_jacobian() {
            InputJacobian::Identity | InputJacobian::Diagonal => Structure::Diagonal,
            InputJacobian::Weight => Structure::Params,
            // Every matrix is one of these.
            _ => Structure::Dense,
        };
        // A derivative map that reads nothing of a sample is the same for all.
        let shared = structure == Structure::Params || link.block.keeps() == Keeps::NOTHING;
        Self {
            node,
            n_in: dims.n_in,
            n_out: dims.n_out,
            structure,
            shared,
        }
    }
}

/// Whether node `i` reads what it should.
fn link(graph: &Graph, i: usize) -> Result<()> {
    let node = &graph.nodes()[i];
    let expected = match i.checked_sub(1) {
        None => "one input that is not constant".to_owned(),
        Some(before) => format!("one source, the output of {}", graph.nodes()[before].name),
    };
    let [source] = node.sources[..] else {
        return Err(no_link(
            &node.name,
            &expected,
            format!("{} sources", node.sources.len()),
        ));
    };
    let got = match source.origin {
        _ if source.stopped && !matches!(source.origin, Origin::Input(_)) => {
            "a source whose gradient is stopped".into()
        }
        Origin::Input(input) => {
            let input = &graph.inputs()[input];
            match (i, input.constant, source.stopped) {
                (0, false, false) => return Ok(()),
                (_, true, _) => format!("the constant input {}", input.name),
                (_, _, true) => format!("the input {}, its gradient stopped", input.name),
                _ => format!("the input {}", input.name),
            }
        }
        Origin::Node(j) if j + 1 == i => return Ok(()),
        Origin::Node(j) => format!("the output of {}", graph.nodes()[j].name),
    };
    Err(no_link(&node.name, &expected, got))
}

fn no_link(name: &str, expected: &str, got: String) -> Error {
    Error::NotAChain {
        name: name.into(),
        expected: expected.into(),
        got,
        remedy:
            "mixed mode brackets one chain of blocks; use forward or reverse mode for this graph"
                .into(),
    }
}

#[cfg(test)]
mod tests {
    use pushpull_core::blocks::{Add, LayerNorm, Linear, Sum, Tanh};
    use pushpull_core::{Builder, Error};

    use super::{Chain, Structure};

    #[test]
    fn a_linear_layer_is_its_parameters_and_shared_and_a_map_is_diagonal() {
        let mut b = Builder::new();
        let x = b.input("x", 4);
        let h = b.block(Linear::new(4, 3), x);
        let h = b.map(Tanh, h);
        let h = b.block(LayerNorm::new(3), h);
        let h = b.block(Linear::without_bias(3, 2), h);
        let y = b.block(Sum::new(2), h);
        let chain = Chain::new(&b.build(y).unwrap()).unwrap();
        let known: Vec<_> = chain
            .factors
            .iter()
            .map(|f| (f.structure, f.shared))
            .collect();
        let expected = [
            (Structure::Params, true),
            (Structure::Diagonal, false),
            (Structure::Dense, false),
            (Structure::Params, true),
            (Structure::Dense, true),
        ];
        assert_eq!(known, expected);
    }

    /// The node that [`Chain::new`] names, and what it reads.
    fn fault(build: impl FnOnce(&mut Builder) -> pushpull_core::Value) -> (String, String) {
        let mut b = Builder::new();
        let y = build(&mut b);
        match Chain::new(&b.build(y).unwrap()).unwrap_err() {
            Error::NotAChain { name, got, .. } => (name, got),
            other => panic!("{other}"),
        }
    }

    #[test]
    fn the_first_node_that_is_no_link_is_named() {
        let fan_in = fault(|b| {
            let x = b.input("x", 2);
            let h = b.map(Tanh, x);
            b.named("join", Add::new(2, 2), [h, x])
        });
        assert_eq!(fan_in, ("join".into(), "2 sources".into()));
        let constant = fault(|b| {
            let x = b.constant("target", 2);
            b.named("first", Sum::new(2), x)
        });
        assert_eq!(
            constant,
            ("first".into(), "the constant input target".into())
        );
        let stopped = fault(|b| {
            let x = b.input("x", 2);
            let h = b.map(Tanh, x);
            let h = b.stop_gradient(h);
            b.named("after", Sum::new(2), h)
        });
        assert_eq!(
            stopped,
            ("after".into(), "a source whose gradient is stopped".into())
        );
        let output = fault(|b| {
            let x = b.input("x", 2);
            let y = b.named("last", Sum::new(2), x);
            b.stop_gradient(y)
        });
        assert_eq!(
            output,
            ("last".into(), "one whose gradient is stopped".into())
        );
    }
}
