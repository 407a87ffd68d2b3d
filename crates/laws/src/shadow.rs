//! The shadow check: during a long run, every k-th gradient must agree with a jvp along one random direction.
//!
//! # What must hold
//! Let s be the sum of all outputs over the batch, g its gradient in the parameters and d a direction. Forward mode
//! gives the derivative of s along d without g, so `jvp . 1 = <g, d>`: two programs that share nothing but the blocks.
//! A pullback that is wrong, a buffer that is stale, a gradient that was clipped, or one of another batch breaks it.
//!
//! The sizes of d are drawn, its signs are those of g, and each node's parameters are scaled (by a power of two, at most
//! 2^40) to the same share of `<g, d> = sum |g_i| |d_i|`, which does not cancel. A rule that is 0.1 % wrong in one of N
//! nodes with parameters then shows as about 0.1 % / N of the whole, whatever the draw and however small that node's
//! gradient; with random signs it would be 0.1 % of a number that is sometimes almost 0. What is seen are two modes
//! that contradict each other: rules that are wrong in the same way are [`crate::check`]'s business.
//!
//! # What rounding may do
//! At node i let `t_i` be the computed tangent, `b_i` the computed cotangent (of a seed of ones), `J_i`, `K_i` the exact
//! Jacobians at the *computed* values, which both modes share, and `d_i` the direction in the node's parameters. Then
//!
//! ```text
//! t_i  = J_i t_(i-1) + K_i d_i + e_i      b_(i-1) = J_i' b_i + f_i      g_i = K_i' b_i + h_i
//! ```
//!
//! with rounding errors e, f, h of one block each. Multiply the first by `b_i`, put in the others, and sum over the
//! nodes: everything but the errors telescopes away, *exactly*, to all orders and whatever the depth,
//!
//! ```text
//! jvp . 1 - <g, d> = sum_i  <b_i, e_i> - <f_i, t_(i-1)> - <h_i, d_i>
//! ```
//!
//! So the bound is a sum over blocks of the rounding of *one* block, weighed with what it is multiplied by, and nothing
//! grows with the product of the layers' norms. The rounding of one block is what a running error analysis of its own
//! code says (Wilkinson 1986): its maps are run at [`pushpull_core::Rounded`], which adds up the magnitudes of the terms
//! that make each result: for a product of k terms `k sum |a| |b|`, whatever the order of the sum. Call `r_1, r_2, ..` the roundings of all entries of all blocks, each with its weight:
//!
//! ```text
//! |b_i| terms(t_i),  terms(b_(i-1)) |t_(i-1)|,  terms(g_i) |d_i|     entry by entry
//! m |b| |t|, m |g| |d|     where m >= 2 nodes read a value or share parameters, whose cotangents are summed
//!
//! bound = 2 u min(sum r, 8 sqrt(sum r^2))
//!       + 2 n v sum |g d| + 2 n v sum |jvp|     the two sums of the check itself, in f64 with unit roundoff v
//! ```
//!
//! u is the unit roundoff of the scalar, 2^-24 in f32 and 2^-53 in f64. The constants: 2 for gamma_n = n u / (1 - n u)
//! <= 2 n u, which asks for n u <= 1/2, sums of at most 2^23 terms in f32; those of [`pushpull_core::Rounded`]; and 8.
//! `sum r` is the worst case, all roundings of one sign. If the roundings of *different entries* are independent with
//! mean 0 (the model of Higham and Mary 2019, who find it holds), Hoeffding's inequality says that they pass
//! `8 sqrt(sum r^2)` with probability at most 2 exp(-8^2 / 2) = 3e-14. Within an entry the worst case is kept, k where
//! sqrt(k) is usual, and that slack pays for entries that are equal, such as those of equal samples.
//!
//! The bound holds for gradients that are pulled back at the same parameters and batch, in the same arithmetic: a
//! gradient computed in another precision is at another point. Forward mode's own gradient rounds otherwise; for it the
//! bound is not proved, only tested.
//!
//! # What it costs
//! The bound needs cotangents, which the check does not have. What it does have allows for the last rounding of each
//! entry of the gradient, and is what the check accepts at the least:
//!
//! ```text
//! screen = 2 u sum_i (1 + n_i) sum |g d| over the node's parameters,  n_i = B + rows of its input for x' (x) I, else 0
//! ```
//!
//! since products of B terms (the pullback) and of as many terms as the input has rows (the pushforward) make it.
//! Within the screen the gradient is right and *one forward sweep* was all. Beyond it the bound itself is computed, and
//! each block is tried alone: `<y_bar, J v> = <J' y_bar, v>` where the run uses it, for random seeds and with its own
//! part of the bound. That is the work of about ten gradients in plain loops, rare for right rules. The gradient is
//! refused if the bound is passed, or if a block is proven wrong: alone, it is not diluted by the others, so a deep
//! network in f32, whose bound is wide, hides nothing that the screen has noticed.

use std::collections::HashSet;
use std::ops::Range;

use pushpull_core::siblings::given;
use pushpull_core::{Error, Graph, Mat, MatMut, ParamJacobian, Question, Result, Scalar};
use pushpull_forward_mode::Forward;

use crate::identity::{Dot, Seeds, Spread, terms};
use crate::suspect::Suspect;
use crate::unit::unit;
use crate::walk::{Walk, zeros};

mod miss;
pub use miss::{Agreement, Miss, ShadowError};

/// The largest log2 of a group's scale: far from overflow in f32.
const LARGEST_SCALE: f64 = 40.0;

/// Checks every k-th gradient of a run. Nothing is checked unless somebody makes one and hands it the gradients.
///
/// ```
/// use pushpull_core::{Init, Mlp, blocks::{Activation, Loss}};
/// use pushpull_laws::Shadow;
/// use pushpull_reverse_mode::{Reverse, Store};
/// use nalgebra::DMatrix;
/// let graph = Mlp::new(&[4, 8, 2], Activation::Tanh).loss(Loss::SquaredError).build()?;
/// let mut params: Vec<f32> = graph.layout().init(Init::Glorot, 1);
/// let data = DMatrix::from_fn(graph.n_inputs(), 16, |i, j| ((3 * i + 5 * j) % 7) as f32 / 7.0);
/// let mut reverse = Reverse::new(&graph, 16)?;
/// let mut shadow = Shadow::new(&graph, 16, 10, 1)?;
/// for _ in 0..100 {
///     let (_, gradient) = reverse.value_and_gradient(&params, &data)?;
///     shadow.check(&params, &data, gradient)?; // every tenth
///     params.iter_mut().zip(gradient).for_each(|(w, g)| *w -= 1e-3 * g);
/// }
/// assert_eq!((shadow.seen(), shadow.checked()), (100, 10));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Shadow<T> {
    forward: Forward<T>,
    every: u64,
    seed: u64,
    seen: u64,
    checked: u64,
    direction: Vec<T>,
    /// n_outputs x batch
    y_dot: Vec<T>,
    groups: Vec<Group>,
}

/// The parameters of a node, or of several that share them.
#[derive(Clone, Debug)]
struct Group {
    range: Range<usize>,
    /// Roundings that each entry of their gradient is certain to have gone through.
    roundings: f64,
    /// sum |g|
    size: f64,
}

impl<T: Scalar> Shadow<T> {
    /// Prepares to check every `every`-th gradient for batches of `batch` samples; the directions follow from `seed`.
    /// At `T` = f32 or f64.
    ///
    /// # Errors
    /// [`Error::Setting`] for `every` = 0 or a graph without parameters; [`Error::EmptyBatch`], [`Error::TooLarge`].
    pub fn new(graph: &Graph, batch: usize, every: u64, seed: u64) -> Result<Self> {
        if every == 0 {
            return Err(Error::setting(
                "Shadow",
                "every",
                "at least 1; make no Shadow where nothing is to be checked",
                0,
            ));
        }
        if graph.n_params() == 0 {
            return Err(Error::setting(
                "Shadow",
                "graph",
                "one with parameters, whose gradient can be checked",
                "none",
            ));
        }
        let mut groups: Vec<Group> = Vec::new();
        let mut known: HashSet<&Range<usize>> = HashSet::new();
        for node in graph.nodes() {
            let roundings = match node.block.param_jacobian() {
                ParamJacobian::Kronecker { .. } => {
                    node.dims().n_in.saturating_add(batch).saturating_add(1)
                }
                _ => 1,
            };
            if !node.params.is_empty() && known.insert(&node.params) {
                groups.push(Group {
                    range: node.params.clone(),
                    roundings: roundings as f64,
                    size: 0.0,
                });
            }
        }
        Ok(Self {
            forward: Forward::plan(graph, batch, Question::Jvp(1)).prepare()?,
            every,
            seed,
            seen: 0,
            checked: 0,
            direction: zeros(graph.n_params()),
            y_dot: zeros(graph.n_outputs() * batch),
            groups,
        })
    }

    /// Gradients that were handed in.
    pub const fn seen(&self) -> u64 {
        self.seen
    }

    /// Gradients that were checked.
    pub const fn checked(&self) -> u64 {
        self.checked
    }

    /// Takes note of a gradient of the sum of all outputs over the batch, from whichever program, and checks every k-th:
    /// `None` where it was not due, which costs nothing. Allocates nothing where the screen is enough.
    ///
    /// # Errors
    /// [`ShadowError::Miss`]; [`ShadowError::Data`] for lengths, shapes and numbers that are not finite.
    pub fn check<'a>(
        &mut self,
        params: &[T],
        x: impl Into<Mat<'a, T>>,
        gradient: &[T],
    ) -> Result<Option<Agreement>, ShadowError> {
        self.seen += 1;
        if !self.seen.is_multiple_of(self.every) {
            return Ok(None);
        }
        self.check_now(params, x.into(), gradient).map(Some)
    }

    /// Checks a gradient, due or not.
    ///
    /// # Errors
    /// As [`Shadow::check`].
    pub fn check_now<'a>(
        &mut self,
        params: &[T],
        x: impl Into<Mat<'a, T>>,
        gradient: &[T],
    ) -> Result<Agreement, ShadowError> {
        let x = x.into();
        let (n_params, batch) = (self.direction.len(), self.forward.batch());
        self.forward.graph().layout().check("gradient", gradient)?;
        given::finite_row("gradient", gradient).map_err(ShadowError::Data)?;
        self.checked += 1;
        self.draw(gradient);
        let n_outputs = self.forward.graph().n_outputs();
        self.forward.jvp_into(
            params,
            x,
            Some(Mat::new(&self.direction, n_params, 1)),
            None,
            MatMut::new(&mut self.y_dot, n_outputs, batch),
        )?;
        let (jvp, along) = (Dot::ones(&self.y_dot), Dot::of(gradient, &self.direction));
        let screen = self.groups.iter().map(|group| {
            let range = group.range.clone();
            let own = Dot::of(&gradient[range.clone()], &self.direction[range]);
            2.0 * T::UNIT_ROUNDOFF * group.roundings * own.size
        });
        let mut agreement = Agreement {
            jvp: jvp.sum,
            along: along.sum,
            bound: screen.sum::<f64>() + jvp.error() + along.error(),
        };
        let within =
            |agreement: &Agreement| (agreement.jvp - agreement.along).abs() <= agreement.bound;
        if within(&agreement) {
            return Ok(agreement);
        }
        let walk = Walk::new(self.forward.graph(), params, x)?;
        let judged = bound(&walk, &self.direction) + jvp.error() + along.error();
        agreement.bound = agreement.bound.max(judged);
        // One block's identity is sharper than the sum over all of them.
        let worst = Suspect::worst(&walk, self.seed);
        if within(&agreement) && !worst.is_proven() {
            return Ok(agreement);
        }
        Err(ShadowError::Miss(Box::new(Miss {
            number: self.seen,
            expected: agreement.jvp,
            got: agreement.along,
            bound: agreement.bound,
            worst,
        })))
    }

    /// The next direction: random sizes, the signs of the gradient, and the same share for each node's parameters.
    fn draw(&mut self, gradient: &[T]) {
        let mut largest = 0.0_f64;
        for group in &mut self.groups {
            let own = gradient[group.range.clone()].iter();
            group.size = own.map(|g| g.to_f64().abs()).sum();
            largest = largest.max(group.size);
        }
        for group in &self.groups {
            // A power of two, so that scaling rounds nothing.
            let scale = if group.size > 0.0 {
                (largest / group.size)
                    .log2()
                    .round()
                    .min(LARGEST_SCALE)
                    .exp2()
            } else {
                1.0
            };
            for i in group.range.clone() {
                let draw = |stream| unit([self.seed, self.checked, stream, i as u64]);
                let negative = if gradient[i].is_zero() {
                    draw(1) < 0.5
                } else {
                    gradient[i] < T::zero()
                };
                let size = scale * (0.5 + draw(0));
                self.direction[i] = T::from_f64(if negative { -size } else { size });
            }
        }
    }
}

/// What the rounding of all blocks may do; see the module's documentation.
fn bound<T: Scalar>(walk: &Walk<'_, T>, direction: &[T]) -> f64 {
    let (tangents, pulled) = (walk.tangents(direction), walk.cotangents(|_, _, _| {}));
    let (nodes, consumers) = (walk.graph.nodes(), walk.graph.consumers());
    let mut spread = Spread::default();
    for (i, node) in nodes.iter().enumerate() {
        let (tangent, cotangent) = (&tangents[i], &pulled.nodes[i]);
        let params_dot = &direction[node.params.clone()];
        let seeds = Seeds {
            x_dot: &tangent.x,
            params_dot,
            y_bar: &cotangent.y,
        };
        terms(walk, i, seeds, &mut spread);
        // A value that several nodes read has its cotangents summed, and so has a parameter that several nodes share.
        let readers = node.sources.iter().map(|source| match source.origin {
            pushpull_core::graph::Origin::Node(j) => consumers[j].len(),
            pushpull_core::graph::Origin::Input(_) => 0,
        });
        let sharers = nodes
            .iter()
            .filter(|other| other.params == node.params)
            .count();
        let weight = |n: usize| if n > 1 { n as f64 } else { 0.0 };
        spread.add_products(weight(readers.max().unwrap_or(0)), &cotangent.x, &tangent.x);
        spread.add_products(weight(sharers), &pulled.own[i], params_dot);
    }
    2.0 * T::UNIT_ROUNDOFF * spread.most()
}

#[cfg(test)]
mod tests;
