//! The adjoint program of reverse mode: in reverse, the gradient of each block's parameters, then the cotangent before it.

use pushpull_core::graph::{Origin, Source};
use pushpull_core::{Accum, Graph, Op, Result, Scalar};
use pushpull_reverse_mode::{Reverse, Store};

use crate::Program;
use crate::instruction::Line;
use crate::names::Names;
use crate::tangent::called;

/// With all that the primal program left kept.
pub(crate) fn program<T: Scalar>(
    graph: &Graph,
    names: &Names<'_>,
    batch: usize,
) -> Result<Program> {
    let work = Reverse::<T>::gradient_work(graph, batch, Store::All)?;
    let calls = |op| called::<T>(graph, &work, op);
    let pulled = calls(Op::VjpInput);
    let params = [Accum::Set, Accum::Add].map(|acc| (acc, calls(Op::VjpParams(acc))));
    let (size, nodes, activity) = (size_of::<T>(), graph.nodes(), graph.activity());
    let bar = |node: usize| format!("h̃{}", node + 1);
    let mut instructions = Vec::new();
    let last = nodes.len();
    let seed = Line {
        node: None,
        writes: bar(last - 1),
        reads: vec![names.objective.to_owned()],
        shape: vec![graph.n_outputs(), batch],
        cost: T::additions(0),
    };
    instructions.push(seed.reading(format!("{} = 1", bar(last - 1)), size));
    // Whether a node's cotangent has something in it already.
    let mut begun = vec![false; last];
    let wanted = |i: usize| activity[i].params;
    for i in (0..last).rev().filter(|&i| activity[i].output && wanted(i)) {
        let (node, h, w) = (&nodes[i], i + 1, names.number(i));
        let reads = || [vec![bar(i)], names.kept(i)].concat();
        for (acc, calls) in &params {
            if calls[i].seeds == 0 {
                continue;
            }
            let onto = if *acc == Accum::Add { "+=" } else { "=" };
            let line = Line {
                node: Some(i),
                writes: format!("∇w{w}"),
                reads: reads(),
                shape: vec![node.dims().n_params],
                cost: calls[i].cost,
            };
            let text = format!("∇w{w} {} {onto} [∂w{w}ᵀ h{h}]·h̃{h}", names.objective);
            instructions.push(line.reading(text, size));
        }
        let live = |source: &Source| match source.origin {
            Origin::Node(j) if !source.stopped && wanted(j) => Some(j),
            _ => None,
        };
        // A part is added where a later block's has come before it, or an earlier part of this block's.
        let parts: Vec<Option<(usize, bool)>> = node
            .sources
            .iter()
            .map(|source| live(source).map(|j| (j, std::mem::replace(&mut begun[j], true))))
            .collect();
        if pulled[i].seeds == 0 {
            continue;
        }
        let jacobian = format!("[∂{}ᵀ h{h}]", names.input_of(i));
        let adding = |j: usize| T::additions(graph.rows(Origin::Node(j)) * batch);
        if let [Some((j, met))] = parts[..] {
            let (onto, cost) = if met {
                ("+=", pulled[i].cost + adding(j))
            } else {
                ("=", pulled[i].cost)
            };
            let line = Line {
                node: Some(i),
                writes: bar(j),
                reads: reads(),
                shape: vec![node.dims().n_in, batch],
                cost,
            };
            instructions.push(line.reading(format!("{} {onto} {jacobian}·h̃{h}", bar(j)), size));
            continue;
        }
        // Several sources are pulled back as one stack, and its parts go where they belong.
        let met: Vec<(usize, bool)> = parts.iter().copied().flatten().collect();
        let stack = match met[..] {
            [(j, false)] => bar(j),
            _ => format!("h̃{h}'"),
        };
        let shown: Vec<String> = parts
            .iter()
            .map(|part| match part {
                Some((j, true)) => format!("{}'", bar(*j)),
                Some((j, false)) => bar(*j),
                None => "·".into(),
            })
            .collect();
        let line = Line {
            node: Some(i),
            writes: stack.clone(),
            reads: reads(),
            shape: vec![node.dims().n_in, batch],
            cost: pulled[i].cost,
        };
        let text = format!("({}) = {jacobian}·h̃{h}", shown.join(", "));
        instructions.push(line.reading(text, size));
        for (j, met) in met.into_iter().filter(|&(j, _)| bar(j) != stack) {
            let (text, cost) = if met {
                (format!("{0} += {0}'", bar(j)), adding(j))
            } else {
                // What the stack holds is copied.
                (format!("{0} = rows of {stack}", bar(j)), T::additions(0))
            };
            let line = Line {
                node: None,
                writes: bar(j),
                reads: vec![stack.clone()],
                shape: vec![graph.rows(Origin::Node(j)), batch],
                cost,
            };
            instructions.push(line.reading(text, size));
        }
    }
    Ok(Program { instructions })
}
