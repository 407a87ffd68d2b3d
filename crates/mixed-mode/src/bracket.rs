//! How a chain of factors is multiplied out: a tree of products and matrix-free passes.

use std::fmt;
use std::ops::Range;

use pushpull_core::siblings::figures::grouped;

use crate::drawing::Drawing;
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
