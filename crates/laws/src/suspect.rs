//! The block at fault: each one's own maps held against each other, where the run uses them.

use std::fmt;

use pushpull_core::Scalar;

use crate::identity::{Identity, Seeds};
use crate::unit::unit;
use crate::walk::{Walk, pull, zeros};

/// A block whose pushforward and pullback contradict each other, more or less.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Suspect {
    /// The node's name in the graph.
    pub node: String,
    /// The block's name.
    pub block: String,
    /// The two maps, such as `jvp_params and vjp_params`.
    pub maps: &'static str,
    /// `<y_bar, J v>` by the pushforward, for random seeds.
    pub pushed: f64,
    /// `<J' y_bar, v>` by the pullback, for the same seeds.
    pub pulled: f64,
    /// What rounding accounts for.
    pub bound: f64,
}

impl Suspect {
    /// Whether the two are further apart than rounding can bring them: then one of the maps is wrong.
    pub fn is_proven(&self) -> bool {
        // NaN is no agreement either.
        let near = (self.pushed - self.pulled).abs() <= self.bound;
        !near
    }

    /// The block whose adjoint identity is furthest off, over what rounding accounts for.
    ///
    /// y_bar is random; v has random sizes and the signs of J' y_bar, so that `<J' y_bar, v>` does not cancel.
    pub(crate) fn worst<T: Scalar>(walk: &Walk<'_, T>, seed: u64) -> Self {
        let mut worst: Option<(f64, Self)> = None;
        for (i, node) in walk.graph.nodes().iter().enumerate() {
            let draw = |stream, k: usize| 0.5 + unit([seed, stream, i as u64, k as u64]);
            let y_bar: Vec<T> = (0..walk.nodes[i].y.len())
                .map(|k| {
                    let size = draw(2, k);
                    T::from_f64(if draw(3, k) < 1.0 { -size } else { size })
                })
                .collect();
            let block = T::of(&*node.block);
            let (x_bar, params_bar) = pull(block, &walk.point(i), &y_bar);
            let along = |stream, bar: &[T]| -> Vec<T> {
                let signed = bar.iter().enumerate().map(|(k, bar)| {
                    let size = draw(stream, k);
                    if *bar < T::zero() { -size } else { size }
                });
                signed.map(T::from_f64).collect()
            };
            let (x_dot, params_dot) = (along(4, &x_bar), along(5, &params_bar));
            let (no_x, no_params) = (zeros(x_dot.len()), zeros(params_dot.len()));
            let pairs = [
                ("jvp_input and vjp_input", &x_dot, &no_params, false),
                ("jvp_params and vjp_params", &no_x, &params_dot, false),
                (
                    "jvp_input_in_place and vjp_input_in_place",
                    &x_dot,
                    &no_params,
                    true,
                ),
            ];
            for (maps, x_dot, params_dot, in_place) in pairs {
                if in_place && !node.block.overwrites() {
                    continue;
                }
                let seeds = Seeds {
                    x_dot,
                    params_dot,
                    y_bar: &y_bar,
                };
                let identity = Identity::at(walk, i, seeds, in_place);
                if worst
                    .as_ref()
                    .is_some_and(|(ratio, _)| *ratio >= identity.ratio())
                {
                    continue;
                }
                let suspect = Self {
                    node: node.name.clone(),
                    block: node.block.name().into(),
                    maps,
                    pushed: identity.pushed,
                    pulled: identity.pulled,
                    bound: identity.bound,
                };
                worst = Some((identity.ratio(), suspect));
            }
        }
        // A graph has at least one node.
        worst.map_or_else(Self::nobody, |(_, suspect)| suspect)
    }

    fn nobody() -> Self {
        Self {
            node: "-".into(),
            block: "-".into(),
            maps: "-",
            pushed: 0.0,
            pulled: 0.0,
            bound: 0.0,
        }
    }
}

impl fmt::Display for Suspect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "block {} ({}), {}: <y_bar, J v> = {:e} by the pushforward, {:e} by the pullback, rounding accounts for {:e}",
            self.node, self.block, self.maps, self.pushed, self.pulled, self.bound
        )
    }
}
