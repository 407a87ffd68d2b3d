//! The primal program: `h1 = f1(x, w1)`, .., `y = <hl, 1>`.

use pushpull_core::{Graph, Op, Scalar};

use crate::Program;
use crate::instruction::Line;
use crate::names::Names;

/// The blocks in order, then the sum of all outputs.
pub(crate) fn program<T: Scalar>(graph: &Graph, names: &Names<'_>, batch: usize) -> Program {
    let size = size_of::<T>();
    let mut instructions = Vec::with_capacity(graph.nodes().len() + 1);
    for (i, node) in graph.nodes().iter().enumerate() {
        let mut arguments: Vec<String> = node
            .sources
            .iter()
            .map(|source| names.source(source))
            .collect();
        let mut reads: Vec<String> = node
            .sources
            .iter()
            .map(|source| names.value(source.origin))
            .collect();
        if names.owner[i].is_some() {
            arguments.push(format!("w{}", names.number(i)));
            reads.push(format!("w{}", names.number(i)));
        }
        let text = format!("h{} = {}({})", i + 1, node.name, arguments.join(", "));
        let line = Line {
            node: Some(i),
            writes: format!("h{}", i + 1),
            reads,
            shape: vec![node.dims().n_out, batch],
            cost: T::cost(&*node.block, Op::Forward, batch, 1),
        };
        instructions.push(line.reading(text, size));
    }
    let last = graph.nodes().len();
    let line = Line {
        node: None,
        writes: names.objective.to_owned(),
        reads: vec![format!("h{last}")],
        shape: vec![1],
        cost: T::additions(graph.n_outputs() * batch),
    };
    let text = format!("{} = ⟨h{last}, 1⟩", names.objective);
    instructions.push(line.reading(text, size));
    Program { instructions }
}
