//! The cheapest bracketing of a chain of dense matrices.
//!
//! A Jacobian of a composition is a product `J = F_n .. F_2 F_1` (lecture, equation 17, transposed). Where the brackets
//! stand does not change it, but it changes the work. With sizes d_0 (inputs), .., d_n (outputs), factor F_i of d_i x
//! d_(i-1), and `m k n` multiply-adds for a product of m x k by k x n, the least work for the factors i..=j is
//!
//! `c(i, j) = min over i <= k < j of c(i, k) + c(k + 1, j) + d_j d_k d_(i-1)`, `c(i, i) = 0`
//!
//! (Godbole 1973; for Jacobians Griewank and Naumann 2003). Brackets that close from the left, at the outputs, are reverse
//! mode, `d_n sum d_k d_(k-1)`; brackets that close from the right, at the inputs, are forward mode.

use std::fmt;

use pushpull_core::siblings::figures::grouped;

use crate::bracket::Bracket;
use crate::chain::error::ChainError;
use crate::table::Table;

/// The cheapest bracketing of a chain of dense matrices, beside the two pure modes. Costs are multiply-adds, as in the
/// literature: m k n for m x k by k x n.
///
/// ```
/// use pushpull_mixed_mode::DenseChain;
/// let chain = DenseChain::new(&[20, 50, 1, 50, 20])?; // outputs first
/// assert_eq!((chain.optimum(), chain.reverse(), chain.forward()), (2_400, 22_000, 22_000));
/// assert_eq!(chain.to_string(), "\
/// 2,400 multiply-adds; 22,000 in reverse mode, 22,000 in forward mode
/// product: 400
/// ├─ product: 1,000
/// │  ├─ F4
/// │  └─ F3
/// └─ product: 1,000
///    ├─ F2
///    └─ F1");
/// # Ok::<(), pushpull_mixed_mode::ChainError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DenseChain {
    reverse: u128,
    forward: u128,
    bracket: Bracket,
}

impl DenseChain {
    /// The most factors that are planned: the tables then take 24 MB and the search about a second at most.
    pub const MAX_FACTORS: usize = 1_000;

    /// Plans the chain of the sizes from output to input: `[m, k, n]` is m x k times k x n.
    ///
    /// # Errors
    /// [`ChainError::Sizes`] for fewer than two or more than [`DenseChain::MAX_FACTORS`] + 1 sizes,
    /// [`ChainError::ZeroSize`], [`ChainError::Overflow`].
    pub fn new(sizes: &[u64]) -> Result<Self, ChainError> {
        if sizes.len() < 2 || sizes.len() > Self::MAX_FACTORS + 1 {
            return Err(ChainError::Sizes {
                limit: Self::MAX_FACTORS + 1,
                got: sizes.len(),
            });
        }
        if let Some(zero) = sizes.iter().position(|&size| size == 0) {
            return Err(ChainError::ZeroSize { position: zero + 1 });
        }
        let d: Vec<u64> = sizes.iter().rev().copied().collect();
        let n = d.len() - 1;
        let within = |what: &str, cost: u128| {
            if cost == u128::MAX {
                Err(ChainError::Overflow { what: what.into() })
            } else {
                Ok(cost)
            }
        };
        let sum = |terms: &mut dyn Iterator<Item = u128>| terms.fold(0, u128::saturating_add);
        let reverse = sum(&mut (1..n).map(|k| product(d[n], d[k], d[k - 1])));
        let forward = sum(&mut (1..n).map(|k| product(d[k + 1], d[k], d[0])));
        let table = dense(&d, |_| 0);
        within("the optimum", table.cost(0, n - 1))?;
        Ok(Self {
            reverse: within("reverse mode", reverse)?,
            forward: within("forward mode", forward)?,
            bracket: Bracket::of(&table, 0, n - 1),
        })
    }

    /// The least number of multiply-adds.
    pub fn optimum(&self) -> u128 {
        self.bracket.total()
    }

    /// Multiply-adds if all brackets close from the outputs.
    pub const fn reverse(&self) -> u128 {
        self.reverse
    }

    /// Multiply-adds if all brackets close from the inputs.
    pub const fn forward(&self) -> u128 {
        self.forward
    }

    /// The bracketing that reaches the optimum.
    pub const fn bracket(&self) -> &Bracket {
        &self.bracket
    }
}

impl fmt::Display for DenseChain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (optimum, reverse, forward) = (
            grouped(self.optimum()),
            grouped(self.reverse),
            grouped(self.forward),
        );
        writeln!(
            f,
            "{optimum} multiply-adds; {reverse} in reverse mode, {forward} in forward mode"
        )?;
        self.bracket.fmt(f)
    }
}

/// Multiply-adds of a dense product, saturated.
pub(crate) fn product(m: u64, k: u64, n: u64) -> u128 {
    let (outer, k) = (u128::from(m) * u128::from(n), u128::from(k));
    // Ordinary sizes need no check.
    if outer <= u128::from(u64::MAX) {
        outer * k
    } else {
        outer.saturating_mul(k)
    }
}

/// The table of a chain whose parts are only ever multiplied: sizes from input to output, and the cost of having each
/// factor.
pub(crate) fn dense(d: &[u64], factor: impl Fn(usize) -> u128) -> Table {
    let join = |i: usize, k: usize, j: usize| product(d[j + 1], d[k + 1], d[i]);
    Table::new(d.len() - 1, factor, join, |_, _| None)
}

#[cfg(test)]
mod tests {
    use super::{ChainError, DenseChain};

    #[test]
    fn the_known_chains_have_their_known_costs() {
        let chain = DenseChain::new(&[30, 35, 15, 5, 10, 20, 25]).unwrap();
        assert_eq!(
            (chain.optimum(), chain.reverse(), chain.forward()),
            (15_125, 40_500, 47_500)
        );
        let tree = "\
product: 3,750
├─ product: 5,250
│  ├─ F6
│  └─ product: 2,625
│     ├─ F5
│     └─ F4
└─ product: 2,500
   ├─ product: 1,000
   │  ├─ F3
   │  └─ F2
   └─ F1";
        assert_eq!(chain.bracket().to_string(), tree);
    }

    #[test]
    fn one_factor_costs_nothing_and_two_have_one_bracketing() {
        assert_eq!(DenseChain::new(&[7, 3]).unwrap().optimum(), 0);
        let two = DenseChain::new(&[7, 3, 2]).unwrap();
        assert_eq!((two.optimum(), two.reverse(), two.forward()), (42, 42, 42));
    }

    #[test]
    fn sizes_that_are_no_chain_are_refused_by_name() {
        let of = |sizes: &[u64]| DenseChain::new(sizes).unwrap_err();
        assert_eq!(
            of(&[]),
            ChainError::Sizes {
                limit: 1_001,
                got: 0
            }
        );
        assert_eq!(
            of(&[5]),
            ChainError::Sizes {
                limit: 1_001,
                got: 1
            }
        );
        assert_eq!(
            of(&vec![2; 1_002]),
            ChainError::Sizes {
                limit: 1_001,
                got: 1_002
            }
        );
        assert_eq!(of(&[5, 0, 5]), ChainError::ZeroSize { position: 2 });
        assert_eq!(
            of(&[u64::MAX; 4]),
            ChainError::Overflow {
                what: "the optimum".into()
            }
        );
    }

    #[test]
    fn a_cost_that_only_a_bad_bracketing_cannot_hold_is_refused_too() {
        let huge = 1 << 50;
        let fault = DenseChain::new(&[1, 1, huge, huge, huge]).unwrap_err();
        assert_eq!(
            fault,
            ChainError::Overflow {
                what: "forward mode".into()
            }
        );
    }
}
