//! A chain of factors of which only sizes and edges are known, planned with matrix-free steps.
//!
//! A factor of a chain need not be a matrix: it may be a program, of which a tangent version computes `F v` and an
//! adjoint version `F' u`. Griewank and Naumann (*Accumulating Jacobians as chained sparse matrix products*, Math.
//! Program. 95, 2003) bracket chains of local Jacobians; Naumann (*Optimization of generalized Jacobian chain products
//! without memory constraints*, 2020; *Matrix-free Jacobian chaining*, 2024) adds tangents and adjoints as choices. In
//! our words: let factor i have m_i outputs, n_i inputs and E_i edges, so that one direction through it costs E_i. To
//! have a factor's own Jacobian costs `E_i min(n_i, m_i)`: a tangent for every input or an adjoint for every output.
//! To have the Jacobian of the factors i..=j costs the least, over every split after a factor k, of
//!
//! | way | cost |
//! |---|---|
//! | both parts, and their product | `c(i, k) + c(k + 1, j) + m_j m_k n_i` |
//! | the upper part, its m_j rows pulled through the lower | `c(k + 1, j) + m_j (E_i + .. + E_k)` |
//! | the lower part, its n_i columns pushed through the upper | `c(i, k) + n_i (E_(k+1) + .. + E_j)` |
//!
//! For a given number of directions the costs of factors add up, so passing several is passing one after the other, and
//! the table of all ranges needs only the passes through the first or the last factor of each.

use std::fmt;
use std::io::BufRead;
use std::str::FromStr;

use pushpull_core::siblings::figures::grouped;

use crate::bracket::Bracket;
use crate::dense::{dense, product};
use crate::table::Table;

pub(crate) mod error;
mod parse;

pub use error::ChainError;

/// One factor of a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ChainFactor {
    /// Its outputs, the rows of its Jacobian: m.
    pub n_out: u64,
    /// Its inputs, the columns: n.
    pub n_in: u64,
    /// What one tangent or adjoint direction through it costs: E.
    pub edges: u64,
}

/// Plans a file of lines `m n E`: outputs, inputs and edges of a factor, the factor evaluated first in the first line.
/// Empty lines and what follows a `#` are skipped. See [`ChainPlan`] for what comes out.
///
/// # Errors
/// [`ChainError`], naming the line: not three whole numbers, a size of zero, sizes that do not chain, a number beyond 64
/// bits, a line of more than 256 bytes, no factor, more than [`ChainPlan::MAX_FACTORS`] factors, a cost beyond 128 bits.
/// No more of the file is read than is needed to say so.
///
/// ```
/// use pushpull_mixed_mode::plan_chain;
/// let file = "1 20 400   # evaluated first: 20 inputs to 1 output\n20 1 400\n1 20 400\n";
/// let plan = plan_chain(file.as_bytes())?;
/// assert_eq!((plan.optimum(), plan.all_tangent(), plan.all_adjoint(), plan.preaccumulation()), (1_200, 24_000, 1_200, 1_240));
/// let fault = plan_chain("2 3 6\n2 3 6\n".as_bytes()).unwrap_err();
/// assert_eq!(
///     fault.to_string(),
///     "line 2: expected n = 2, the outputs of the factor before it (line 1), got n = 3; let every factor read what the one before it writes"
/// );
/// # Ok::<(), pushpull_mixed_mode::ChainError>(())
/// ```
pub fn plan_chain(input: impl BufRead) -> Result<ChainPlan, ChainError> {
    let (factors, lines) = parse::factors(input)?;
    ChainPlan::checked(&factors, |i| lines[i])
}

/// The cheapest way to the Jacobian of a chain of factors, beside three others. Costs are in the unit of the edges, with
/// m k n for a product of m x k by k x n.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainPlan {
    all_tangent: u128,
    all_adjoint: u128,
    preaccumulation: u128,
    bracket: Bracket,
}

impl ChainPlan {
    /// The most factors that are planned: the tables then take 32 MB and the search about a second at most.
    pub const MAX_FACTORS: usize = 1_000;

    /// Plans a chain, the factor evaluated first first.
    ///
    /// # Errors
    /// As [`plan_chain`]; positions stand for lines.
    pub fn new(factors: &[ChainFactor]) -> Result<Self, ChainError> {
        Self::checked(factors, |i| i + 1)
    }

    fn checked(factors: &[ChainFactor], line: impl Fn(usize) -> usize) -> Result<Self, ChainError> {
        let n = factors.len();
        if n == 0 {
            return Err(ChainError::Empty);
        }
        if n > Self::MAX_FACTORS {
            return Err(ChainError::TooMany {
                line: line(Self::MAX_FACTORS),
                limit: Self::MAX_FACTORS,
            });
        }
        for (i, factor) in factors.iter().enumerate() {
            for (name, size) in [("m", factor.n_out), ("n", factor.n_in)] {
                if size == 0 {
                    return Err(ChainError::Line {
                        line: line(i),
                        expected: format!("{name} of at least 1"),
                        got: format!("{name} = 0"),
                        remedy: "every factor has an output and an input".into(),
                    });
                }
            }
            if let Some(before) = i.checked_sub(1).map(|before| factors[before])
                && before.n_out != factor.n_in
            {
                return Err(ChainError::Line {
                    line: line(i),
                    expected: format!(
                        "n = {}, the outputs of the factor before it (line {})",
                        before.n_out,
                        line(i - 1)
                    ),
                    got: format!("n = {}", factor.n_in),
                    remedy: "let every factor read what the one before it writes".into(),
                });
            }
        }
        Self::search(factors)
    }

    fn search(factors: &[ChainFactor]) -> Result<Self, ChainError> {
        let n = factors.len();
        let d: Vec<u64> = std::iter::once(factors[0].n_in)
            .chain(factors.iter().map(|factor| factor.n_out))
            .collect();
        let own = |i: usize| product(factors[i].edges, d[i].min(d[i + 1]), 1);
        // At most 1000 x 2^64, which fits.
        let edges: u128 = factors.iter().map(|factor| u128::from(factor.edges)).sum();
        let directions = |count: u64| edges.saturating_mul(u128::from(count));
        let join = |i: usize, k: usize, j: usize| product(d[j + 1], d[k + 1], d[i]);
        let pass = |i: usize, j: usize| {
            Some([
                product(factors[i].edges, d[j + 1], 1),
                product(factors[j].edges, d[i], 1),
            ])
        };
        let table = Table::new(n, own, join, pass);
        let within = |what: &str, cost: u128| {
            if cost == u128::MAX {
                Err(ChainError::Overflow { what: what.into() })
            } else {
                Ok(cost)
            }
        };
        within("the optimum", table.cost(0, n - 1))?;
        Ok(Self {
            all_tangent: within("all tangents", directions(d[0]))?,
            all_adjoint: within("all adjoints", directions(d[n]))?,
            preaccumulation: within("preaccumulation", dense(&d, own).cost(0, n - 1))?,
            bracket: Bracket::of(&table, 0, n - 1),
        })
    }

    /// The least cost.
    pub fn optimum(&self) -> u128 {
        self.bracket.total()
    }

    /// One tangent for every input of the chain, through all factors.
    pub const fn all_tangent(&self) -> u128 {
        self.all_tangent
    }

    /// One adjoint for every output of the chain, through all factors.
    pub const fn all_adjoint(&self) -> u128 {
        self.all_adjoint
    }

    /// Every factor accumulated, then the cheapest bracketing of the dense chain.
    pub const fn preaccumulation(&self) -> u128 {
        self.preaccumulation
    }

    /// The bracketing that reaches the optimum.
    pub const fn bracket(&self) -> &Bracket {
        &self.bracket
    }
}

/// The plan of a file's text.
impl FromStr for ChainPlan {
    type Err = ChainError;

    fn from_str(text: &str) -> Result<Self, ChainError> {
        plan_chain(text.as_bytes())
    }
}

/// The four costs, and the tree of the best bracketing.
impl fmt::Display for ChainPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = [
            ("optimum", self.optimum()),
            ("all tangents", self.all_tangent),
            ("all adjoints", self.all_adjoint),
            ("preaccumulation", self.preaccumulation),
        ];
        let width = rows.map(|(_, cost)| grouped(cost).len()).into_iter().max();
        for (name, cost) in rows {
            writeln!(
                f,
                "{name:<15}  {:>width$}",
                grouped(cost),
                width = width.unwrap_or(0)
            )?;
        }
        self.bracket.fmt(f)
    }
}
