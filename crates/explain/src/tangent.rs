//! The tangent program of forward mode: after each block its own tangent matrix is started and the earlier ones are pushed.

use pushpull_core::work::{Call, Item, Map, Work};
use pushpull_core::{Accum, Cost, Graph, Op, Result, Scalar};
use pushpull_forward_mode::{Chunk, Forward};

use crate::Program;
use crate::instruction::Line;
use crate::names::Names;

/// What one map of one node takes, and how many seeds go through it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Called {
    pub cost: Cost,
    pub seeds: usize,
}

/// The calls of a map in an engine's list, node by node. A map may be called for several groups of seeds.
pub(crate) fn called<T: Scalar>(graph: &Graph, work: &Work, op: Op) -> Vec<Called> {
    let mut found = vec![Called::default(); graph.nodes().len()];
    for (item, times) in work.items() {
        let Item::Map(Call {
            node,
            map: Map::First(map),
            batch,
            seeds,
            ..
        }) = item
        else {
            continue;
        };
        if map == op {
            let (times, called) = (times as usize, &mut found[node]);
            called.cost += T::cost(&*graph.nodes()[node].block, op, batch, seeds) * times;
            called.seeds += seeds * times;
        }
    }
    found
}

/// All columns at once: the lecture's tangent matrices.
pub(crate) fn program<T: Scalar>(
    graph: &Graph,
    names: &Names<'_>,
    batch: usize,
) -> Result<Program> {
    let work = Forward::<T>::gradient_work(graph, batch, Chunk::Full)?;
    let calls = |op| called::<T>(graph, &work, op);
    let pushed = calls(Op::JvpInput);
    let started = [Accum::Set, Accum::Add].map(|acc| (acc, calls(Op::UnitParams(acc))));
    let (size, carried, nodes) = (size_of::<T>(), names.carried(), graph.nodes());
    let mut instructions = Vec::new();
    let key = |node: usize| format!("Ŵ@h{}", node + 1);
    for (i, node) in nodes.iter().enumerate() {
        let (h, rows) = (i + 1, node.dims().n_out);
        if pushed[i].seeds > 0 {
            let mut arriving = std::collections::BTreeSet::new();
            let mut reads = Vec::new();
            for source in node.sources.iter().filter(|source| !source.stopped) {
                if let pushpull_core::graph::Origin::Node(j) = source.origin
                    && !carried[j].is_empty()
                {
                    arriving.extend(carried[j].iter().copied());
                    reads.push(key(j));
                }
            }
            reads.extend(names.kept(i));
            let jacobian = format!("[∂{} h{h}]", names.input_of(i));
            let text = if arriving.len() == 1 {
                let j = names.list(&arriving);
                format!("Ŵ{j} = {jacobian}·Ŵ{j}")
            } else {
                format!("Ŵj = {jacobian}·Ŵj, j = {}", names.list(&arriving))
            };
            let line = Line {
                node: Some(i),
                writes: key(i),
                reads,
                shape: vec![rows, batch, pushed[i].seeds],
                cost: pushed[i].cost,
            };
            instructions.push(line.reading(text, size));
        }
        for (acc, started) in &started {
            if started[i].seeds == 0 {
                continue;
            }
            let w = names.number(i);
            let onto = if *acc == Accum::Add { "+=" } else { "=" };
            let line = Line {
                node: Some(i),
                writes: key(i),
                reads: names.kept(i),
                shape: vec![rows, batch, started[i].seeds],
                cost: started[i].cost,
            };
            instructions.push(line.reading(format!("Ŵ{w} {onto} ∂w{w} h{h}"), size));
        }
    }
    let (last, outputs) = (nodes.len(), graph.n_outputs() * batch);
    // Of every column that reaches the output, and once of the value, which is the primal program's.
    let summed: u64 = work
        .items()
        .filter(|&(item, _)| item == Item::Summed(outputs))
        .map(|(_, times)| times)
        .sum();
    let mut rest = (summed as usize).saturating_sub(1);
    let sum = |w: String, columns: usize| {
        let line = Line {
            node: None,
            writes: format!("∇w{w}"),
            reads: vec![key(last - 1)],
            shape: vec![columns],
            cost: T::additions(outputs * columns),
        };
        line.reading(format!("∇w{w} {} = ⟨Ŵ{w}, 1⟩", names.objective), size)
    };
    for &owner in carried.last().into_iter().flatten() {
        let columns = nodes[owner].params.len();
        rest = rest.saturating_sub(columns);
        instructions.push(sum(names.number(owner).to_string(), columns));
    }
    if rest > 0 {
        // Carried as zeros because they lie between others.
        instructions.push(sum("∅".into(), rest));
    }
    Ok(Program { instructions })
}
