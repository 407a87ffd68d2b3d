//! Shared parameters: what each use adds to their gradient.

use pushpull_core::Graph;
use serde::Serialize;

use crate::values::norm;

/// One use of shared parameters.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Use {
    /// The node.
    pub block: String,
    /// The norm of the gradient by this use alone.
    pub norm: f64,
    /// `<g_u, g> / <g, g>`: negative where it works against the others; `None` where the gradient is 0 or not finite.
    pub share: Option<f64>,
}

/// Parameters that several nodes use, and what each adds to their gradient.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Sharing {
    /// The node that has them first.
    pub params: String,
    /// The norm of the whole gradient, the sum over all uses.
    pub norm: f64,
    /// The uses in the graph's order.
    pub uses: Vec<Use>,
}

/// All shared parameters of a graph, given the gradient by each node's own use.
pub(crate) fn sharing(graph: &Graph, gradients: &[Vec<f64>]) -> Vec<Sharing> {
    let nodes = graph.nodes();
    let mut found = Vec::new();
    for (i, node) in nodes.iter().enumerate() {
        let uses: Vec<usize> = (0..nodes.len())
            .filter(|&j| nodes[j].params == node.params)
            .collect();
        if node.params.is_empty() || uses.len() < 2 || uses[0] != i {
            continue;
        }
        let mut whole = vec![0.0; node.params.len()];
        for &j in &uses {
            let parts = whole.iter_mut().zip(&gradients[j]);
            parts.for_each(|(sum, part)| *sum += part);
        }
        let length = norm(whole.iter().copied());
        // By unit vectors, so that no square overflows or vanishes.
        let along = |part: &[f64]| {
            let products = part.iter().zip(&whole);
            let inner: f64 = products.map(|(a, b)| a / length * (b / length)).sum();
            Some(inner).filter(|share| share.is_finite())
        };
        found.push(Sharing {
            params: node.name.clone(),
            norm: length,
            uses: uses
                .iter()
                .map(|&j| Use {
                    block: nodes[j].name.clone(),
                    norm: norm(gradients[j].iter().copied()),
                    share: along(&gradients[j]),
                })
                .collect(),
        });
    }
    found
}
