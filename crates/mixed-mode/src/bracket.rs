//! Bracketings of a chain of matrices, and the cheapest one of a dense chain.
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
use std::ops::Range;

use crate::chain::ChainError;
use crate::drawing::{Drawing, grouped};
use crate::table::{Choice, Table};

/// How a chain of factors is multiplied out. Factors are numbered from 0, the one evaluated first; text numbers them
/// from 1, as `F1`. Costs are those of the step alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bracket {
    /// A factor's own Jacobian, accumulated.
    Factor {
        /// Its number.
        factor: usize,
        /// What it costs to have it.
        cost: u128,
    },
    /// The product of two accumulated parts.
    Product {
        /// The factors evaluated later.
        upper: Box<Self>,
        /// The factors evaluated first.
        lower: Box<Self>,
        /// Of the product alone.
        cost: u128,
    },
    /// The rows of the upper part pulled back through the factors below it: adjoints, no matrix is formed.
    Pulled {
        /// The accumulated part.
        upper: Box<Self>,
        /// The factors that its rows pass, downwards.
        through: Range<usize>,
        /// Of the adjoints alone.
        cost: u128,
    },
    /// The columns of the lower part pushed forward through the factors above it: tangents, no matrix is formed.
    Pushed {
        /// The accumulated part.
        lower: Box<Self>,
        /// The factors that its columns pass, upwards.
        through: Range<usize>,
        /// Of the tangents alone.
        cost: u128,
    },
}

impl Bracket {
    /// The cost of the whole bracketing.
    pub fn total(&self) -> u128 {
        match self {
            Self::Factor { cost, .. } => *cost,
            Self::Product { upper, lower, cost } => upper.total() + lower.total() + cost,
            Self::Pulled { upper, cost, .. } => upper.total() + cost,
            Self::Pushed { lower, cost, .. } => lower.total() + cost,
        }
    }

    /// The best bracketing of the factors `i..=j` that a table found.
    pub(crate) fn of(table: &Table, i: usize, j: usize) -> Self {
        let cost = |parts: &[u128]| table.cost(i, j) - parts.iter().sum::<u128>();
        match table.choice(i, j) {
            Choice::Factor => Self::Factor {
                factor: i,
                cost: table.cost(i, j),
            },
            Choice::Product(k) => Self::Product {
                upper: Box::new(Self::of(table, k + 1, j)),
                lower: Box::new(Self::of(table, i, k)),
                cost: cost(&[table.cost(i, k), table.cost(k + 1, j)]),
            },
            Choice::Pulled => {
                let run = (i..j).take_while(|&k| table.choice(k, j) == Choice::Pulled);
                let k = i + run.count();
                Self::Pulled {
                    upper: Box::new(Self::of(table, k, j)),
                    through: i..k,
                    cost: cost(&[table.cost(k, j)]),
                }
            }
            Choice::Pushed => {
                let run = (i + 1..j + 1).rev();
                let run = run.take_while(|&k| table.choice(i, k) == Choice::Pushed);
                let k = j - run.count();
                Self::Pushed {
                    lower: Box::new(Self::of(table, i, k)),
                    through: k + 1..j + 1,
                    cost: cost(&[table.cost(i, k)]),
                }
            }
        }
    }

    pub(crate) fn drawing(&self) -> Drawing {
        let name = |range: &Range<usize>| {
            if range.len() == 1 {
                format!("F{}", range.end)
            } else {
                format!("F{} .. F{}", range.end, range.start + 1)
            }
        };
        match self {
            Self::Factor { factor, cost: 0 } => Drawing::leaf(format!("F{}", factor + 1)),
            Self::Factor { factor, cost } => {
                Drawing::leaf(format!("F{} accumulated: {}", factor + 1, grouped(*cost)))
            }
            Self::Product { upper, lower, cost } => Drawing {
                label: format!("product: {}", grouped(*cost)),
                below: vec![upper.drawing(), lower.drawing()],
            },
            Self::Pulled {
                upper,
                through,
                cost,
            } => Drawing {
                label: format!("rows pulled through {}: {}", name(through), grouped(*cost)),
                below: vec![upper.drawing()],
            },
            Self::Pushed {
                lower,
                through,
                cost,
            } => Drawing {
                label: format!(
                    "columns pushed through {}: {}",
                    name(through),
                    grouped(*cost)
                ),
                below: vec![lower.drawing()],
            },
        }
    }
}

/// The tree of the bracketing, each step with its cost.
impl fmt::Display for Bracket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.drawing().fmt(f)
    }
}

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
