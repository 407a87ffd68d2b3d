//! The programs of the questions: directions side by side, and chunks of unit vectors as paths through one list.

use std::ops::Range;

use pushpull_core::program::Program;
use pushpull_core::{Graph, Result};

use crate::emit::{delivered, summed};
use crate::seeds::Seeds;

/// Jacobian-vector products along directions of the caller's.
pub(crate) fn jvp(graph: &Graph, batch: usize, seeds: &Seeds) -> Result<Program> {
    let mut p = Program::new(graph, batch, seeds.len())?;
    delivered(&mut p, seeds);
    Ok(p)
}

/// A gradient in chunks of parameters, each with how many lie like it: a path for each, the last with the value.
pub(crate) fn gradient(
    graph: &Graph,
    batch: usize,
    chunks: &[(Range<usize>, usize)],
) -> Result<Program> {
    let emit =
        |p: &mut Program, chunk: &Range<usize>| summed(p, chunk, chunk.end == graph.n_params());
    paths(graph, batch, chunks, emit)
}

/// A Jacobian in chunks of columns, the unit vectors of parameters or of inputs.
pub(crate) fn jacobian(
    graph: &Graph,
    batch: usize,
    chunks: &[(Range<usize>, usize)],
    unit: impl Fn(Range<usize>) -> Seeds,
) -> Result<Program> {
    paths(graph, batch, chunks, |p, chunk| {
        delivered(p, &unit(chunk.clone()))
    })
}

fn paths(
    graph: &Graph,
    batch: usize,
    chunks: &[(Range<usize>, usize)],
    emit: impl Fn(&mut Program, &Range<usize>),
) -> Result<Program> {
    let mut p = Program::new(graph, batch, 1)?;
    if let [(first, _), _, ..] = chunks {
        // What most chunks have in common: values alone up to their parameters, then whole tangents.
        p.lay(|p| {
            for i in 0..graph.nodes().len() {
                p.primal_of(i);
            }
        });
        p.lay(|p| emit(p, first));
    }
    for (chunk, times) in chunks {
        p.path(*times as u64, |p| emit(p, chunk));
    }
    Ok(p)
}
