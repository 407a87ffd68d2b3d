//! A graph as a chain of local Jacobians, each with what is known of it beforehand.

use std::ops::Range;

use pushpull_core::graph::{Node, Origin};
use pushpull_core::{
    AnyBlock, Block, Error, Graph, InputJacobian, Keeps, Mat, MatMut, ParamJacobian, Point, Result,
};

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
            if link.block.input_jacobian() != InputJacobian::Identity {
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
        let structure = match link.block.input_jacobian() {
            InputJacobian::Identity | InputJacobian::Diagonal => Structure::Diagonal,
            InputJacobian::Dense if is_its_params(&*link.block) => Structure::Params,
            InputJacobian::Dense => Structure::Dense,
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

/// Whether `y = W x (+ b)` with W the block's parameters, column by column: then W is the Jacobian.
///
/// A Kronecker structure in the parameters says `y = W x + g(x)`; that g has no derivative is tried out, at small whole
/// numbers, where every order of summation is exact.
fn is_its_params(block: &dyn AnyBlock) -> bool {
    let (block, dims): (&dyn Block<f64>, _) = (block, block.dims());
    let ParamJacobian::Kronecker { bias } = block.param_jacobian() else {
        return false;
    };
    let weights = dims.n_out.checked_mul(dims.n_in);
    let expected = weights.and_then(|n| n.checked_add(if bias { dims.n_out } else { 0 }));
    if expected != Some(dims.n_params) {
        return false;
    }
    let whole = |n: usize, salt: usize| -> Vec<f64> {
        (0..n)
            .map(|i| ((i * 7 + i / 5 * 3 + salt) % 11) as f64 - 5.0)
            .collect()
    };
    (0..2).all(|trial| {
        let params = whole(dims.n_params, 2 + trial);
        let (x, x_dot) = (whole(dims.n_in, 1 + 4 * trial), whole(dims.n_in, 3 + trial));
        let (mut y, mut y_dot) = (vec![0.0; dims.n_out], vec![0.0; dims.n_out]);
        let mut extra = vec![0.0; block.keeps().extra];
        let mut scratch = vec![0.0; block.scratch_len(pushpull_core::Op::JvpInput, 1, 1)];
        let x = Mat::new(&x, dims.n_in, 1);
        block.forward(&params, x, MatMut::new(&mut y, dims.n_out, 1), &mut extra);
        let at = Point {
            params: &params,
            x,
            y: Mat::new(&y, dims.n_out, 1),
            extra: &extra,
            batch: 1,
        };
        let target = MatMut::new(&mut y_dot, dims.n_out, 1);
        block.jvp_input(&at, Mat::new(&x_dot, dims.n_in, 1), target, &mut scratch);
        let mut product = vec![0.0; dims.n_out];
        for (column, x_dot) in params.chunks_exact(dims.n_out).zip(&x_dot) {
            for (sum, w) in product.iter_mut().zip(column) {
                *sum += w * x_dot;
            }
        }
        product == y_dot
    })
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
    fn fault(build: impl FnOnce(&mut Builder) -> pushpull_core::Var) -> (String, String) {
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
