//! The tangent program: after each block, its own tangents are started and the earlier ones are pushed through it.

use std::ops::Range;

use pushpull_core::graph::Origin;
use pushpull_core::program::{Act, Asked, Base, Given, Program, Role, View};
use pushpull_core::{InputJacobian, Op};

use crate::seeds::{Seeds, cut, gap, hull, within};

/// The columns of so many seeds.
fn columns(seeds: &Range<usize>, batch: usize) -> Range<usize> {
    seeds.start.saturating_mul(batch)..seeds.end.saturating_mul(batch)
}

/// Values and tangents, block by block (slide "Forward-mode autodiff (general)"). What the last block writes goes `into`
/// the caller's matrix, if one is given. Returns the seeds that reach the output, and their tangents there.
fn tangents(p: &mut Program, seeds: &Seeds, into: Option<View>) -> (Range<usize>, View) {
    let (graph, batch) = (p.graph().clone(), p.batch());
    let last = graph.nodes().len() - 1;
    let mut spans = vec![0..0; last + 1];
    let mut dots = vec![View::NOTHING; last + 1];
    for (i, node) in graph.nodes().iter().enumerate() {
        // 1. h_i = f_i(h_(i-1), w_i)
        let h = p.primal_of(i);
        if i == last && graph.is_guarded() {
            p.phase(i, 2);
            p.act(Act::Check, i, h, View::NOTHING);
        }
        let (arriving, own) = (seeds.arriving(&graph, i, &spans), seeds.own(&graph, i));
        let span = hull(&arriving, &own);
        spans[i] = span.clone();
        if span.is_empty() {
            continue;
        }
        dots[i] = match into {
            Some(into) if i == last => into.cols(columns(&span, batch)),
            _ => {
                let columns = span.len().saturating_mul(batch);
                p.buf(i, Role::Tangent, node.dims().n_out, columns)
            }
        };
        let target = |seeds: &Range<usize>| dots[i].cols(columns(&within(seeds, &span), batch));
        // 3. W^_j = [dh_i/dh_(i-1)] W^_j of earlier parameters. They assign, so they come before what adds.
        if !arriving.is_empty() {
            p.phase(i, 3);
            if let Some(first) = weight_columns(p, seeds, i) {
                p.phase(i, 4);
                let to = target(&arriving);
                p.act_first(Act::WeightColumns, i, View::NOTHING, to, first);
            } else {
                let x_dot = input_tangent(p, seeds, i, &arriving, &spans, &dots);
                p.phase(i, 4);
                p.map(Op::JvpInput, i, x_dot, target(&arriving));
            }
        }
        p.phase(i, 5);
        if let Some(gap) = gap(&arriving, &own) {
            p.act(Act::Zero, i, View::NOTHING, target(&gap));
        }
        // 2. W^_i = dh_i/dw_i
        for (piece, acc) in cut(&own, &arriving) {
            if piece.is_empty() {
                continue;
            }
            if let Seeds::UnitParams(_) = seeds {
                let first = piece.start.wrapping_sub(node.params.start);
                p.map_first(Op::UnitParams(acc), i, View::NOTHING, target(&piece), first);
            } else {
                let all = p.operand(Base::Given(Given::ParamsDot), own.end);
                let own = all.rows(node.params.clone()).cols(piece.clone());
                p.map(Op::JvpParams(acc), i, own, target(&piece));
            }
        }
    }
    p.phase(last + 1, 0);
    (spans[last].clone(), dots[last])
}

/// The first of the columns of node i's weights that the unit vectors of inputs are pushed to, where it reads one input and
/// its weights have what comes of them.
fn weight_columns(p: &Program, seeds: &Seeds, i: usize) -> Option<usize> {
    let (graph, Seeds::UnitInputs(_)) = (p.graph(), seeds) else {
        return None;
    };
    let [source] = &graph.nodes()[i].sources[..] else {
        return None;
    };
    let Origin::Input(input) = source.origin else {
        return None;
    };
    let first = seeds.through(graph, source, &[]).start;
    let weighs = graph.nodes()[i].input_jacobian() == InputJacobian::Weight;
    weighs.then(|| first.wrapping_sub(graph.inputs()[input].rows.start))
}

/// The tangent of what node i reads, for the seeds `arriving`: that of its source, or of several stacked.
fn input_tangent(
    p: &mut Program,
    seeds: &Seeds,
    i: usize,
    arriving: &Range<usize>,
    spans: &[Range<usize>],
    dots: &[View],
) -> View {
    let (graph, batch) = (p.graph().clone(), p.batch());
    let width = arriving.len().saturating_mul(batch);
    let given = |p: &Program, input: usize| {
        let x_dot = p.operand(Base::Given(Given::XDot), width);
        x_dot.rows(graph.inputs()[input].rows.clone())
    };
    let parts = p.parts(i);
    if let [(source, _)] = &parts[..] {
        match (source.origin, seeds) {
            (Origin::Node(j), _) => return dots[j],
            (Origin::Input(input), Seeds::Directions { .. }) => return given(p, input),
            (Origin::Input(_), _) => {}
        }
    }
    let n_in = graph.nodes()[i].dims().n_in;
    let stack = p.buf(i, Role::StackTangent, n_in, width);
    for (source, rows) in parts {
        let (through, part) = (seeds.through(&graph, &source, spans), stack.rows(rows));
        if through != *arriving {
            p.act(Act::Zero, i, View::NOTHING, part);
        }
        if through.is_empty() {
            continue;
        }
        let to = part.cols(columns(&within(&through, arriving), batch));
        match (source.origin, seeds) {
            (Origin::Node(j), _) => p.act(Act::Copy, i, dots[j], to),
            (Origin::Input(input), Seeds::UnitInputs(_)) => {
                let first = through.start.wrapping_sub(graph.inputs()[input].rows.start);
                p.act_first(Act::Unit, i, View::NOTHING, to, first);
            }
            (Origin::Input(input), _) => p.act(Act::Copy, i, given(p, input), to),
        }
    }
    stack
}

/// One chunk of a gradient: the sums of the tangents at the output (slide: at the end, `∇w_j y = <W^_j, 1>`), and of the
/// output itself where it is asked for.
pub(crate) fn summed(p: &mut Program, chunk: &Range<usize>, value: bool) {
    let (span, dot) = tangents(p, &Seeds::UnitParams(chunk.clone()), None);
    let last = p.graph().nodes().len() - 1;
    let target = View::of(Base::Asked(Asked::ParamsBar), chunk.len(), 1);
    // Parameters that the output does not depend on get exact zeros.
    for rest in [0..span.start, span.end..chunk.len()] {
        if !rest.is_empty() {
            p.act(Act::Zero, last, View::NOTHING, target.rows(rest));
        }
    }
    if !span.is_empty() {
        p.act(Act::Sum, last, dot, target.rows(span));
    }
    if value {
        let y = p.operand(Base::Asked(Asked::Value), 1);
        p.act(Act::Sum, last, p.value(last), y);
    }
}

/// Tangents at the output, straight into the caller's matrix; the output is left to be read.
pub(crate) fn delivered(p: &mut Program, seeds: &Seeds) {
    let (batch, last) = (p.batch(), p.graph().nodes().len() - 1);
    let all = p.operand(Base::Asked(Asked::YDot), seeds.len().saturating_mul(batch));
    let (span, _) = tangents(p, seeds, Some(all));
    for rest in [0..span.start, span.end..seeds.len()] {
        if !rest.is_empty() {
            p.act(
                Act::Zero,
                last,
                View::NOTHING,
                all.cols(columns(&rest, batch)),
            );
        }
    }
    p.leave(p.value(last));
}
