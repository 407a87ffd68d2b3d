//! The work of a Hessian-vector product on planes, from its plan.

use pushpull_core::planes::{Cotangents, DotPoint, Planes, PlanesMut};
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
        let at = Moves { own, arrives };
        total += at.cost(&*node.block, batch, Map::Forward);
        moves.push(at);
    }
    for (i, (node, step)) in graph.nodes().iter().zip(&plan.steps).enumerate() {
        let (block, active, at) = (&*node.block, graph.activity()[i], moves[i]);
        if !active.output || !active.params {
            continue;
        }
        if let Some(acc) = step.params {
            total += at.cost(block, batch, Map::VjpParams(acc));
            if gradient {
                total += T::cost(block, Op::VjpParams(acc), batch, 1);
            }
        }
        if !step.pulls_for_params || matches!(step.target, Target::Nowhere) {
            continue;
        }
        total += at.cost(block, batch, Map::VjpInput);
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

/// Which tangents a node has: of its own parameters, and of its input, beside its value.
#[derive(Clone, Copy)]
struct Moves {
    own: bool,
    arrives: bool,
}

/// A map with its derivative along the direction.
#[derive(Clone, Copy)]
enum Map {
    Forward,
    VjpParams(Accum),
    VjpInput,
}

impl Moves {
    /// What the node does; without a tangent these are the ordinary maps, for a cotangent and its derivative at once.
    fn cost(self, block: &dyn AnyBlock, batch: usize, map: Map) -> Cost {
        if self.own || self.arrives {
            return cost::affine(batch, cost::BATCH, |batch| self.run(block, batch, map));
        }
        match map {
            Map::Forward => cost::of(block, Op::Forward, batch, 1),
            Map::VjpParams(acc) => cost::of(block, Op::VjpParams(acc), batch, 1),
            Map::VjpInput => cost::of(block, Op::VjpInput, batch, 2),
        }
    }

    /// One run of a map, counted.
    fn run(self, block: &dyn AnyBlock, batch: usize, map: Map) -> Cost {
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
        let x = if self.arrives {
            Planes::values(both)
        } else {
            Planes::new(both.cols(0..batch), None)
        };
        let params_dot = self.own.then_some(&params[..]);
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
        match map {
            Map::Forward => forward,
            Map::VjpParams(acc) => {
                let mut target = half(dims.n_params);
                count(|| block.vjp_params_dot(&at, y_bar, acc, &mut target, &mut scratch)).1
            }
            Map::VjpInput => {
                let target = MatMut::new(&mut x_bar, dims.n_in, 2 * batch);
                let target = PlanesMut::cotangents(target);
                count(|| block.vjp_input_dot(&at, y_bar, target, &mut scratch)).1
            }
        }
    }
}
