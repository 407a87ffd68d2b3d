//! Where parameters enter a graph, and how a tangent becomes their gradient there.

use std::collections::HashSet;
use std::ops::Range;

use pushpull_core::blocks::chain;
use pushpull_core::graph::Node;
use pushpull_core::linalg::{product, row_sums, sum_columns};
use pushpull_core::siblings::memory;
use pushpull_core::{Accum, Cost, Graph, Mat, MatMut, Op, ParamJacobian, Point, Scalar, cost};

/// How the parameters of an occurrence act on its output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// `dy/dvec(W) = x' (x) I`, and I for a bias: a column an *output*.
    Kronecker { bias: bool },
    /// Parameter i acts on output i mod n_out alone: a column an output.
    Diagonal,
    /// Anything: a column a parameter.
    Dense,
}

/// One use of parameters by a node that the output depends on. Shared parameters have several.
#[derive(Clone, Copy, Debug)]
pub(super) struct Occurrence {
    pub(super) node: usize,
    pub(super) kind: Kind,
    /// Columns that its tangent carries for each sample.
    pub(super) columns: usize,
    /// `Set` at the first occurrence of its parameters, `Add` at further ones.
    pub(super) acc: Accum,
}

/// All occurrences, in the order of the nodes.
pub(super) fn occurrences(graph: &Graph) -> Vec<Occurrence> {
    let mut found: Vec<Occurrence> = Vec::new();
    let mut seen: HashSet<&Range<usize>> = HashSet::new();
    let nodes = graph.nodes();
    for (i, node) in nodes.iter().enumerate() {
        if node.params.is_empty() || !graph.activity()[i].output {
            continue;
        }
        let again = !seen.insert(&node.params);
        let (kind, columns) = kind(node);
        found.push(Occurrence {
            node: i,
            kind,
            columns,
            acc: if again { Accum::Add } else { Accum::Set },
        });
    }
    found
}

/// What a block declares, where its sizes allow it: a structure that does not fit is carried dense.
fn kind(node: &Node) -> (Kind, usize) {
    let dims = node.dims();
    let weights = memory::elements(&[dims.n_out, dims.n_in]);
    match node.block.param_jacobian() {
        ParamJacobian::Kronecker { bias }
            if node.block.keeps().x
                && dims.n_params == weights.saturating_add(if bias { dims.n_out } else { 0 }) =>
        {
            (Kind::Kronecker { bias }, dims.n_out)
        }
        ParamJacobian::Diagonal => (Kind::Diagonal, dims.n_out),
        _ => (Kind::Dense, dims.n_params),
    }
}

impl Occurrence {
    /// Numbers of scratch that [`Occurrence::contract`] needs.
    pub(super) fn scratch_len(&self, graph: &Graph, batch: usize) -> usize {
        let node = &graph.nodes()[self.node];
        let dims = node.dims();
        if self.kind != Kind::Diagonal {
            return 0;
        }
        let own = node.block.scratch_len(Op::JvpParams(Accum::Set), batch, 1);
        memory::elements(&[dims.n_out, batch])
            .saturating_add(dims.n_params)
            .saturating_add(own)
    }

    /// The gradient of the occurrence's parameters from `sums`, columns x batch: the tangent's columns at the output,
    /// each summed over the outputs, which is da/dh for the sum a of all outputs and the occurrence's output h.
    ///
    /// - Kronecker: `vec(W_bar) = sum_s (x_s (x) I) a_s`, that is `W_bar = A X'`; `b_bar = A 1`.
    /// - Diagonal: `w_bar_i = sum_s d_is a_(i mod n_out)s` with the diagonals d pushed as a direction of ones.
    /// - Dense: `w_bar = A 1`.
    pub(super) fn contract<T: Scalar>(
        &self,
        node: &Node,
        at: &Point<'_, T>,
        sums: Mat<'_, T>,
        gradient: &mut [T],
        scratch: &mut [T],
    ) {
        let dims = node.dims();
        match self.kind {
            Kind::Kronecker { bias } => {
                let (weight, rest) = gradient.split_at_mut(dims.n_out * dims.n_in);
                let weight = MatMut::new(weight, dims.n_out, dims.n_in);
                product(weight, self.acc, sums, at.x.t());
                if bias {
                    row_sums(sums, self.acc, rest);
                }
            }
            Kind::Diagonal => self.by_diagonals(node, at, sums, gradient, scratch),
            Kind::Dense => row_sums(sums, self.acc, gradient),
        }
    }

    fn by_diagonals<T: Scalar>(
        &self,
        node: &Node,
        at: &Point<'_, T>,
        sums: Mat<'_, T>,
        gradient: &mut [T],
        scratch: &mut [T],
    ) {
        let dims = node.dims();
        let (direction, rest) = scratch.split_at_mut(dims.n_params);
        let (diagonals, rest) = rest.split_at_mut(dims.n_out * at.batch);
        if self.acc == Accum::Set {
            gradient.fill(T::zero());
        }
        for (group, target) in gradient.chunks_mut(dims.n_out).enumerate() {
            direction.fill(T::zero());
            direction[group * dims.n_out..][..target.len()].fill(T::one());
            let diagonal = MatMut::new(diagonals, dims.n_out, at.batch);
            let seed = Mat::new(direction, dims.n_params, 1);
            T::of(&*node.block).jvp_params(at, seed, Accum::Set, diagonal, rest);
            let diagonals = Mat::new(diagonals, dims.n_out, at.batch);
            sum_columns(at.batch, Accum::Add, target, |samples, rows, target| {
                let (diagonals, sums) = (diagonals.rows(rows.clone()), sums.rows(rows));
                for j in samples.clone() {
                    let factors = diagonals.col(j).iter().zip(sums.col(j));
                    for (target, (&slope, &sum)) in target.iter_mut().zip(factors) {
                        // A sum that is zero is a structural zero, whatever the slope is.
                        *target = if j == samples.start {
                            chain(slope, sum)
                        } else {
                            let added = slope.mul_add(sum, *target);
                            if sum.is_zero() { *target } else { added }
                        };
                    }
                }
            });
        }
    }

    /// The exact cost of [`Occurrence::contract`].
    pub(super) fn cost(&self, graph: &Graph, batch: usize) -> Cost {
        let node = &graph.nodes()[self.node];
        let dims = node.dims();
        match self.kind {
            Kind::Kronecker { bias } => {
                let added = match self.acc {
                    Accum::Set => Cost::ZERO,
                    Accum::Add => Cost::flops(memory::elements(&[dims.n_out, dims.n_in])),
                };
                let biases = Cost::flops(if bias {
                    memory::elements(&[dims.n_out, batch])
                } else {
                    0
                });
                Cost::product(dims.n_out, batch, dims.n_in) + added + biases
            }
            Kind::Diagonal => {
                let groups = dims.n_params.div_ceil(dims.n_out);
                let diagonal = cost::of(&*node.block, Op::JvpParams(Accum::Set), batch, 1);
                diagonal * groups + Cost::flops(memory::elements(&[2, dims.n_params, batch]))
            }
            Kind::Dense => Cost::flops(memory::elements(&[self.columns, batch])),
        }
    }
}
