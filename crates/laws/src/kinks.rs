//! Kinks: how many entries of a batch sit on one, and how far the gradient depends on what is chosen there.
//!
//! # The mathematics
//! A function like relu has no derivative at its kink, but one to the left and one to the right; the numbers between
//! them are its Clarke subdifferential there (Clarke 1975), and for a convex function each is a subgradient:
//! `f(z) - f(x) >= g (z - x)` for all z. An autodiff system picks one; which, for each function, is said in
//! [`pushpull_core::blocks::Elementwise`], the same for both modes and every spelling.
//!
//! The chain rule holds for derivatives, not for subdifferentials. `relu(x) - relu(-x)` is x, with derivative 1, but with
//! relu'(0) = 0 autodiff gives 0 at 0; `relu(-x) + x - relu(x)` is 0, and gets 1: neither lies in the subdifferential of
//! the whole (Kakade and Lee 2018, arXiv 1809.08530, who show how to get one that does at a constant factor of the
//! cost). What autodiff computes is an element of a *conservative field* (Bolte and Pauwels 2020, arXiv 2006.02080): it
//! is the derivative everywhere but on a set of measure zero, and it obeys the chain rule along almost every path, so
//! gradient methods may use it. Both modes compute the same element, since both multiply the same slopes.
//!
//! # What is measured
//! For each block with kinks: the entries of its input that are *within rounding* of a kink, and how far the gradient of
//! the sum of all outputs moves when the slope there is chosen 0, 1/2 or 1 of the way from the left one to the right.
//! An entry x made by a sum of k terms is within rounding of the kink at c if `|x - c| <= 2 u terms(x) + u |c|`, u the
//! scalar's unit roundoff: had its terms been added in another order, it might lie on the other side. The terms are the
//! magnitudes that the block before it adds up ([`pushpull_core::Rounded`]), its own input taken as exact; `u |c|` is the
//! rounding of the kink's place. An entry of the graph's input is exact: it is at a kink or it is not.
//!
//! A gradient that moves by as much as its own norm says nothing about descent; one that moves by nothing is safe.
//! Kinks that a function does not list ([`pushpull_core::Spec::kinks`]) are not seen, nor are those of blocks that do
//! not act entry by entry.

use std::fmt;

use pushpull_core::graph::Origin;
use pushpull_core::{
    Block, Error, Graph, InputJacobian, Mat, MatMut, Result, Rounded, Scalar, blocks,
};

use crate::identity::exact;
use crate::walk::Walk;

/// How far from the left slope to the right one the choices lie.
pub const CHOICES: [f64; 3] = [0.0, 0.5, 1.0];

/// The gradient of the sum of all outputs over the batch.
#[derive(Clone, Debug, PartialEq)]
pub struct Gradient<T> {
    /// With respect to the parameters.
    pub params: Vec<T>,
    /// With respect to the inputs, n_inputs x batch, column by column; zeros for constant ones.
    pub inputs: Vec<T>,
}

impl<T: Scalar> Gradient<T> {
    /// The Euclidean norm over parameters and inputs.
    pub fn norm(&self) -> f64 {
        let all = self.params.iter().chain(&self.inputs);
        all.map(|g| g.to_f64() * g.to_f64()).sum::<f64>().sqrt()
    }

    /// The norm of the difference.
    pub fn distance(&self, other: &Self) -> f64 {
        let (ours, theirs) = (
            self.params.iter().chain(&self.inputs),
            other.params.iter().chain(&other.inputs),
        );
        let differences = ours.zip(theirs).map(|(a, b)| a.to_f64() - b.to_f64());
        differences.map(|d| d * d).sum::<f64>().sqrt()
    }
}

/// A block with kinks.
#[derive(Clone, Debug, PartialEq)]
pub struct AtKinks {
    /// The node's name in the graph.
    pub node: String,
    /// The block's name.
    pub block: String,
    /// Entries of its input: rows x batch.
    pub entries: usize,
    /// Those within rounding of a kink.
    pub near: usize,
    /// How far the gradient moves between the choices at this block, the others keeping theirs.
    pub moves: f64,
}

/// What [`kinks`] found.
#[derive(Clone, Debug, PartialEq)]
pub struct Report<T> {
    /// The blocks with kinks, in the graph's order.
    pub blocks: Vec<AtKinks>,
    /// The gradient with the documented derivatives, as both engines compute it.
    pub gradient: Gradient<T>,
    /// The gradients with each of [`CHOICES`] at all entries near a kink.
    pub choices: [Gradient<T>; 3],
}

impl<T: Scalar> Report<T> {
    /// Entries near a kink, over all blocks.
    pub fn near(&self) -> usize {
        self.blocks.iter().map(|block| block.near).sum()
    }

    /// How far the gradient moves between the choices, made at all blocks alike.
    pub fn moves(&self) -> f64 {
        let [left, middle, right] = &self.choices;
        let distances = [
            left.distance(middle),
            middle.distance(right),
            left.distance(right),
        ];
        distances.into_iter().fold(0.0, f64::max)
    }
}

impl<T: Scalar> fmt::Display for Report<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for AtKinks {
            node,
            block,
            entries,
            near,
            moves,
        } in &self.blocks
        {
            writeln!(
                f,
                "{node} ({block}): {near} of {entries} entries at a kink, the gradient moves by {moves:e}"
            )?;
        }
        write!(
            f,
            "in all {}: it moves by {:e} of {:e}",
            self.near(),
            self.moves(),
            self.gradient.norm()
        )
    }
}

/// An entry near a kink.
#[derive(Clone, Copy, Debug)]
struct Near {
    /// Its place in the block's input, column by column.
    at: usize,
    left: f64,
    right: f64,
}

/// Which entries sit at a kink, and how far the gradient depends on what is chosen there.
///
/// # Errors
/// As [`Graph::check`]; [`Error::EmptyBatch`], [`Error::TooLarge`]; [`Error::Setting`] for a block that lists kinks and
/// does not act entry by entry.
///
/// ```
/// use pushpull_core::{Builder, blocks::{Add, Relu, Scale}};
/// use nalgebra::dmatrix;
/// let mut b = Builder::new();
/// let x = b.input("x", 1);
/// let right = b.map(Relu, x);
/// let minus = b.block(Scale::new(1, -1.0), x);
/// let left = b.map(Relu, minus);
/// let left = b.block(Scale::new(1, -1.0), left);
/// let y = b.block(Add::new(1, 2), [right, left]); // relu(x) - relu(-x) = x
/// let report = pushpull_laws::kinks(&b.build(y)?, &[], &dmatrix![0.0])?;
/// assert_eq!(report.gradient.inputs, [0.0]); // the true derivative is 1
/// assert_eq!((report.near(), report.moves()), (2, 2.0)); // and the report warns
/// # Ok::<(), pushpull_core::Error>(())
/// ```
pub fn kinks<'a, T: Scalar>(
    graph: &Graph,
    params: &[T],
    x: impl Into<Mat<'a, T>>,
) -> Result<Report<T>> {
    let walk = Walk::new(graph, params, x.into())?;
    let near = graph.nodes().iter().enumerate();
    let near: Vec<Option<Vec<Near>>> = near
        .map(|(i, _)| near_kinks(&walk, i))
        .collect::<Result<_>>()?;
    let gradient = |choice: &dyn Fn(usize) -> Option<f64>| {
        let pulled = walk.cotangents(|i, y_bar, x_bar| {
            let (Some(near), Some(way)) = (&near[i], choice(i)) else {
                return;
            };
            for entry in near {
                let slope = T::from_f64(entry.left + way * (entry.right - entry.left));
                x_bar[entry.at] = blocks::chain(slope, y_bar[entry.at]);
            }
        });
        Gradient {
            params: pulled.params,
            inputs: pulled.inputs,
        }
    };
    let alone = |i: usize| {
        // The gradient is affine in the slope of one block, so the outer choices are the furthest apart.
        let [left, right] = [0.0, 1.0].map(|way| gradient(&|node| (node == i).then_some(way)));
        left.distance(&right)
    };
    let blocks = graph
        .nodes()
        .iter()
        .zip(&near)
        .enumerate()
        .filter_map(|(i, (node, near))| {
            let near = near.as_ref()?.len();
            Some(AtKinks {
                node: node.name.clone(),
                block: node.block.name().into(),
                entries: walk.nodes[i].x.len(),
                near,
                moves: if near == 0 { 0.0 } else { alone(i) },
            })
        });
    Ok(Report {
        blocks: blocks.collect(),
        gradient: gradient(&|_| None),
        choices: CHOICES.map(|way| gradient(&|_| Some(way))),
    })
}

/// The entries of node `i`'s input near a kink; `None` for a block without kinks.
fn near_kinks<T: Scalar>(walk: &Walk<'_, T>, i: usize) -> Result<Option<Vec<Near>>> {
    let node = &walk.graph.nodes()[i];
    let kinks = node.block.kinks();
    if kinks.is_empty() {
        return Ok(None);
    }
    if node.block.input_jacobian() != InputJacobian::Diagonal {
        return Err(Error::setting(
            &node.name,
            "kinks",
            "empty for a block whose input_jacobian is not Diagonal",
            format_args!("{} of them", kinks.len()),
        ));
    }
    let (n_in, mut row) = (node.dims().n_in, 0);
    let mut near = Vec::new();
    for source in &node.sources {
        let rows = row..row + walk.graph.rows(source.origin);
        row = rows.end;
        let errors = match source.origin {
            Origin::Input(_) => None,
            Origin::Node(j) => Some(errors(walk, j)),
        };
        for sample in 0..walk.batch {
            for (k, row) in rows.clone().enumerate() {
                let at = sample * n_in + row;
                let x = walk.nodes[i].x[at].to_f64();
                let error = errors
                    .as_ref()
                    .map_or(0.0, |errors| errors[sample * rows.len() + k]);
                let close = |&&(place, _, _): &&(f64, f64, f64)| {
                    let place: f64 = place;
                    (x - place).abs() <= error + T::UNIT_ROUNDOFF * place.abs()
                };
                near.extend(kinks.iter().find(close).map(|&(_, left, right)| Near {
                    at,
                    left,
                    right,
                }));
            }
        }
    }
    Ok(Some(near))
}

/// The rounding error that each entry of node `j`'s output may carry, its input taken as exact.
fn errors<T: Scalar>(walk: &Walk<'_, T>, j: usize) -> Vec<f64> {
    let (block, at): (&dyn Block<Rounded>, _) = (&*walk.graph.nodes()[j].block, walk.point(j));
    let (dims, keeps) = (block.dims(), block.keeps());
    let (params, x) = (exact(at.params), exact(at.x.data()));
    let mut y = vec![Rounded::exact(0.0); dims.n_out * walk.batch];
    let mut extra = vec![Rounded::exact(0.0); keeps.extra * walk.batch];
    block.forward(
        &params,
        Mat::new(&x, dims.n_in, walk.batch),
        MatMut::new(&mut y, dims.n_out, walk.batch),
        &mut extra,
    );
    y.into_iter().map(Rounded::error::<T>).collect()
}
