//! Both programs along a direction: values and tangents are pushed side by side, then cotangents and their derivatives are
//! pulled back side by side.

use pushpull_core::graph::{Origin, Source};
use pushpull_core::planes::{DotOp, Moving};
use pushpull_core::program::{Act, Asked, Base, Given, Program, Role, View};
use pushpull_core::{Accum, Graph, Op, Result};

use super::Along;
use crate::emit::{Adjoint, Maps};
use crate::wanted::Wanted;

/// Value, and what is asked for along a direction.
pub(super) fn along(graph: &Graph, batch: usize, asked: Along) -> Result<Program> {
    let (mut p, last) = (Program::new(graph, batch, 1)?, graph.nodes().len() - 1);
    let moving = push(&mut p, asked);
    let h = p.value(last);
    if graph.is_guarded() {
        p.act(Act::Check, last, h, View::NOTHING);
    }
    let y = p.operand(Base::Asked(Asked::Value), 1);
    p.act(Act::Sum, last, h, y);
    let (by_params, columns) = (asked.gradient || asked.product, batch.saturating_mul(2));
    let wanted = Wanted::of(by_params.then_some(Accum::Set), asked.x_bar_dot);
    let of = |wanted: bool, which| wanted.then(|| p.operand(Base::Asked(which), 1));
    let gradient = of(asked.gradient, Asked::ParamsBar);
    let product = of(asked.product, Asked::ParamsBarDot);
    let x_bar_dot = p.operand(Base::Asked(Asked::XBarDot), batch);
    let mut adjoint = Adjoint::new(&mut p, wanted, x_bar_dot, columns);
    if adjoint.active(last) {
        // h~ of the output: zeros, then ones. The derivative lies first, so that a gradient's is one product.
        let bar = adjoint.cotangent(last);
        adjoint
            .p
            .act(Act::Zero, last, View::NOTHING, bar.cols(0..batch));
        adjoint
            .p
            .act(Act::Ones, last, View::NOTHING, bar.cols(batch..columns));
    }
    let mut second = Second {
        moving,
        gradient,
        product,
    };
    (0..=last).rev().for_each(|i| adjoint.pull(i, &mut second));
    let targets: Vec<View> = [gradient, product].into_iter().flatten().collect();
    adjoint.zeros(&targets);
    Ok(p)
}

/// Values, with their tangents where they have some. Returns what each node meets.
fn push(p: &mut Program, asked: Along) -> Vec<Option<Moving>> {
    let (graph, b) = (p.graph().clone(), p.batch());
    let mut moving: Vec<Option<Moving>> = vec![None; graph.nodes().len()];
    for (i, node) in graph.nodes().iter().enumerate() {
        let (parts, output) = (p.parts(i), graph.activity()[i].output);
        let moves = |source: &Source| {
            !source.stopped
                && match source.origin {
                    Origin::Input(k) => asked.inputs && !graph.inputs()[k].constant,
                    Origin::Node(j) => moving[j].is_some(),
                }
        };
        let met = Moving {
            params: asked.params && output && !node.params.is_empty(),
            input: output && parts.iter().any(|(source, _)| moves(source)),
        };
        let all = p.operand(Base::Given(Given::XDot), b);
        let dot = |p: &Program, origin: Origin| match origin {
            Origin::Input(k) => all.rows(graph.inputs()[k].rows.clone()),
            Origin::Node(j) => p.both(j).cols(b..b.saturating_mul(2)),
        };
        let (x, x_dot) = match parts[..] {
            [(source, _)] => match source.origin {
                Origin::Node(j) if met.input => (p.both(j), View::NOTHING),
                Origin::Input(_) if met.input => (p.source(source.origin), dot(p, source.origin)),
                origin => (p.source(origin), View::NOTHING),
            },
            _ => {
                let planes = if met.input { 2 } else { 1 };
                let stack = p.buf(i, Role::Stack, node.dims().n_in, b.saturating_mul(planes));
                for (source, rows) in &parts {
                    let part = stack.rows(rows.clone());
                    p.act(Act::Copy, i, p.source(source.origin), part.cols(0..b));
                    if !met.input {
                        continue;
                    }
                    let to = part.cols(b..b.saturating_mul(2));
                    if moves(source) {
                        p.act(Act::Copy, i, dot(p, source.origin), to);
                    } else {
                        p.act(Act::Zero, i, View::NOTHING, to);
                    }
                }
                (stack, View::NOTHING)
            }
        };
        let met = (met.params || met.input).then_some(met);
        p.forward_along(i, x, x_dot, met);
        moving[i] = met;
    }
    moving
}

/// Maps with their derivatives, where a node meets a tangent.
struct Second {
    moving: Vec<Option<Moving>>,
    gradient: Option<View>,
    product: Option<View>,
}

impl Maps for Second {
    fn params(&mut self, p: &mut Program, i: usize, bar: View, acc: Accum) {
        let (b, rows) = (p.batch(), p.graph().nodes()[i].params.clone());
        let (dot, value) = (bar.cols(0..b), bar.cols(b..b.saturating_mul(2)));
        if let Some(gradient) = self.gradient {
            p.map(Op::VjpParams(acc), i, value, gradient.rows(rows.clone()));
        }
        if let Some(product) = self.product {
            match self.moving[i] {
                Some(met) => p.map_along(DotOp::VjpParams(acc), met, i, bar, product.rows(rows)),
                None => p.map(Op::VjpParams(acc), i, dot, product.rows(rows)),
            }
        }
    }

    fn input(&mut self, p: &mut Program, i: usize, bar: View, to: View) {
        match self.moving[i] {
            Some(met) => p.map_along(DotOp::VjpInput, met, i, bar, to),
            None => p.map(Op::VjpInput, i, bar, to),
        }
    }
}
