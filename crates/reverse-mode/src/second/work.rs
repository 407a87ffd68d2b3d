//! What a Hessian-vector product does, as a list, without preparing it.

use pushpull_core::work::{Call, Item, Map, Work};
use pushpull_core::{Accum, Dual, Graph, Op, Result, Scalar};

use super::plan::{Destination, Plan, Target};
use crate::HessianVector;

impl<T: Scalar> HessianVector<T>
where
    Dual<T>: Scalar,
{
    /// What one [`HessianVector::hessian_vector`] does on planes.
    ///
    /// # Errors
    /// As [`HessianVector::new`].
    pub fn work(graph: &Graph, batch: usize) -> Result<Work> {
        let plan = Plan::new(graph, batch)?;
        let (nodes, mut work) = (graph.nodes(), Work::default());
        let mut moving = vec![false; nodes.len()];
        let mut arrives = vec![false; nodes.len()];
        let call = |node, map, batch, seeds| {
            Item::Map(Call {
                node,
                map,
                in_place: false,
                batch,
                seeds,
            })
        };
        for (i, node) in nodes.iter().enumerate() {
            arrives[i] = plan.arrives(i, &moving, false);
            let params = graph.activity()[i].output && !node.params.is_empty();
            moving[i] = arrives[i] || params;
            if node.sources.len() > 1 {
                let planes = if arrives[i] { 2 } else { 1 };
                work.add(Item::Moved(node.dims().n_in * batch * planes), 1);
            }
            let map = if moving[i] {
                Map::ForwardDot {
                    x: arrives[i],
                    params,
                }
            } else {
                Map::First(Op::Forward)
            };
            work.add(call(i, map, batch, 1), 1);
        }
        for (i, step) in plan.steps.iter().enumerate() {
            let active = graph.activity()[i];
            if !active.output || !active.params {
                continue;
            }
            if let Some(acc) = step.params {
                let x = arrives[i];
                let map = Map::VjpParamsDot { x, acc };
                work.add(call(i, map, batch, 1), 1);
            }
            if !step.pulls_for_params || matches!(step.target, Target::Nowhere) {
                continue;
            }
            if moving[i] {
                let map = Map::VjpInputDot {
                    x: arrives[i],
                    params: !nodes[i].params.is_empty(),
                };
                work.add(call(i, map, batch, 1), 1);
            } else {
                work.add(call(i, Map::First(Op::VjpInput), batch, 2), 1);
            }
            for part in &step.scatter {
                if let Destination::Node(_, acc) = part.to {
                    let passes = if acc == Accum::Add { 2 } else { 1 };
                    work.add(Item::Moved(part.rows.len() * 2 * batch), passes);
                }
            }
        }
        work.add(Item::Read(graph.n_params()), 2);
        work.add(Item::Read(graph.n_inputs() * batch), 1);
        Ok(work)
    }
}
