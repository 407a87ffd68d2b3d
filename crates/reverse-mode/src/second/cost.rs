//! The work of a Hessian-vector product on planes, from its plan.

use pushpull_core::planes::{Cotangents, DotOp, DotPoint, Moving, Planes, PlanesMut};
use pushpull_core::{
    Accum, AnyBlock, Block, Cost, Counted, Graph, Mat, MatMut, Op, Scalar, cost, count,
};

use super::plan::{Destination, Plan, Target};

/// The exact cost of one run along a direction in the parameters; `gradient`: with the gradient. It walks the steps as
/// [`super::Planes::run`] does.
pub(crate) fn along_params<T: Scalar>(plan: &Plan, gradient: bool) -> Cost {
    let (graph, batch): (&Graph, usize) = (&plan.graph, plan.batch);
    let mut moving = vec![false; plan.steps.len()];
    let mut total = T::additions(graph.n_outputs() * batch);
    let mut moves = Vec::with_capacity(plan.steps.len());
    for (i, node) in graph.nodes().iter().enumerate() {
        let own = graph.activity()[i].output && !node.params.is_empty();
        let arrives = plan.arrives(i, &moving, false);
        moving[i] = own || arrives;
        let (params, input) = (own, arrives);
        moves.push(Moving { params, input });
        total += map(&*node.block, moves[i], batch, DotOp::Forward);
    }
    for (i, (node, step)) in graph.nodes().iter().zip(&plan.steps).enumerate() {
        let (block, active, at) = (&*node.block, graph.activity()[i], moves[i]);
        if !active.output || !active.params {
            continue;
        }
        if let Some(acc) = step.params {
            total += map(block, at, batch, DotOp::VjpParams(acc));
            if gradient {
                total += T::cost(block, Op::VjpParams(acc), batch, 1);
            }
        }
        if !step.pulls_for_params || matches!(step.target, Target::Nowhere) {
            continue;
        }
        total += map(block, at, batch, DotOp::VjpInput);
        if let Target::Stack(_) = step.target {
            for part in &step.scatter {
                if let Destination::Node(_, Accum::Add) = part.to {
                    total += T::additions(part.rows.len() * 2 * batch);
                }
            }
        }
    }
    total
}

/// What a node does; without a tangent these are the ordinary maps, for a cotangent and its derivative at once.
fn map(block: &dyn AnyBlock, moving: Moving, batch: usize, op: DotOp) -> Cost {
    if moving.params || moving.input {
        let counted = |batch| run(block, moving, batch, op);
        let declared = block.dot_cost(op, moving, batch);
        return declared.unwrap_or_else(|| cost::affine(batch, cost::BATCH, counted));
    }
    match op {
        DotOp::Forward => cost::of(block, Op::Forward, batch, 1),
        DotOp::VjpParams(acc) => cost::of(block, Op::VjpParams(acc), batch, 1),
        DotOp::VjpInput => cost::of(block, Op::VjpInput, batch, 2),
    }
}

/// One run of a map, counted.
fn run(block: &dyn AnyBlock, moving: Moving, batch: usize, op: DotOp) -> Cost {
    let block: &dyn Block<Counted<f64>> = block;
    let (dims, extra) = (block.dims(), block.keeps().extra * batch);
    let half = |n: usize| vec![Counted(0.5); n];
    let (params, x) = (half(dims.n_params), half(dims.n_in * 2 * batch));
    let (mut y, mut x_bar) = (half(dims.n_out * 2 * batch), half(dims.n_in * 2 * batch));
    let (mut kept, mut kept_dot) = (half(extra), half(extra));
    let plain = block.scratch_len(Op::VjpParams(Accum::Add), batch, 1);
    let plain = plain.max(block.scratch_len(Op::VjpInput, batch, 2));
    let mut scratch = half(plain.max(block.dot_scratch_len(batch)));
    let both = Mat::new(&x, dims.n_in, 2 * batch);
    let x = if moving.input {
        Planes::values(both)
    } else {
        Planes::new(both.cols(0..batch), None)
    };
    let params_dot = moving.params.then_some(&params[..]);
    let (_, forward) = count(|| {
        let y = PlanesMut::values(MatMut::new(&mut y, dims.n_out, 2 * batch));
        let extra = (&mut kept, &mut kept_dot);
        block.forward_dot(&params, params_dot, x, y, extra.0, extra.1, &mut scratch);
    });
    let at = DotPoint {
        params: &params,
        params_dot,
        x,
        y: Planes::values(Mat::new(&y, dims.n_out, 2 * batch)),
        extra: &kept,
        extra_dot: &kept_dot,
        batch,
    };
    let y_bar = half(dims.n_out * 2 * batch);
    let y_bar = Cotangents::new(Mat::new(&y_bar, dims.n_out, 2 * batch));
    match op {
        DotOp::Forward => forward,
        DotOp::VjpParams(acc) => {
            let mut target = half(dims.n_params);
            count(|| block.vjp_params_dot(&at, y_bar, acc, &mut target, &mut scratch)).1
        }
        DotOp::VjpInput => {
            let target = MatMut::new(&mut x_bar, dims.n_in, 2 * batch);
            let target = PlanesMut::cotangents(target);
            count(|| block.vjp_input_dot(&at, y_bar, target, &mut scratch)).1
        }
    }
}
