//! The programs of the questions: a gradient's, and that of a record, with a path for all that may be pulled back from it.

use pushpull_core::program::{Act, Asked, Base, Program, View};
use pushpull_core::{Accum, Graph, Result};

use crate::emit::{norms_pulled, pullback, record};
use crate::wanted::{Seed, Wanted};

/// Value and gradient of the sum of all outputs.
pub(crate) fn gradient(graph: &Graph, batch: usize, inputs: bool) -> Result<Program> {
    let (mut p, last) = (Program::new(graph, batch, 1)?, graph.nodes().len() - 1);
    let h = record(&mut p);
    let y = p.operand(Base::Asked(Asked::Value), 1);
    p.act(Act::Sum, last, h, y);
    let to = p.operand(Base::Asked(Asked::ParamsBar), 1);
    let wanted = Wanted::of(Some(Accum::Set), inputs);
    pullback(&mut p, Seed::Ones, wanted, to);
    Ok(p)
}

/// The norm of each sample's gradient of the sum of its outputs.
pub(crate) fn norms(graph: &Graph, batch: usize) -> Result<Program> {
    let mut p = Program::new(graph, batch, 1)?;
    record(&mut p);
    norms_pulled(&mut p, View::of(Base::Asked(Asked::ParamsBar), 1, batch));
    Ok(p)
}

/// What a record can be asked for: the paths behind it.
const PULLS: [(Seed, Wanted); 7] = [
    (Seed::Given, Wanted::of(Some(Accum::Set), false)),
    (Seed::Given, Wanted::of(Some(Accum::Add), false)),
    (Seed::Given, Wanted::of(None, true)),
    (Seed::Given, Wanted::of(Some(Accum::Set), true)),
    (Seed::Given, Wanted::of(Some(Accum::Add), true)),
    (Seed::Unit, Wanted::of(Some(Accum::Set), false)),
    (Seed::Unit, Wanted::of(None, true)),
];

/// The path of [`recorded`] that pulls back what is wanted; the record is the first.
pub(crate) fn path(seed: Seed, wanted: Wanted) -> Option<usize> {
    let position = PULLS.iter().position(|&pull| pull == (seed, wanted));
    position.map(|position| position + 1)
}

/// The record, and whatever may be pulled back from it any number of times, for `seeds` cotangents side by side. Unit
/// cotangents give the rows of Jacobians, each sample's for itself.
pub(crate) fn recorded(graph: &Graph, batch: usize, seeds: usize) -> Result<Program> {
    let mut p = Program::new(graph, batch, seeds)?;
    p.path(1, |p| {
        let h = record(p);
        p.leave(h);
    });
    p.phase(graph.nodes().len(), 1);
    p.again();
    for (seed, wanted) in PULLS {
        let columns = match seed {
            Seed::Unit => seeds.saturating_mul(batch),
            Seed::Ones | Seed::Given => seeds,
        };
        let to = p.operand(Base::Asked(Asked::ParamsBar), columns);
        p.path(1, |p| pullback(p, seed, wanted, to));
    }
    Ok(p)
}
