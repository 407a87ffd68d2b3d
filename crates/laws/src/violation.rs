//! A broken law: which block, which law, which entry, both numbers, and the slip that explains them.

use std::fmt;

use crate::{Diagnosis, Law, Rule};

/// A number in a buffer of a map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// `y_dot`, `params_bar`, `flops`, ...
    pub buffer: &'static str,
    /// Its row.
    pub row: usize,
    /// Its column: of tangents and cotangents `seed * batch + sample`.
    pub column: usize,
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{}, {}]", self.buffer, self.row, self.column)
    }
}

/// A law that a block breaks, at the smallest shape found.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub struct Violation {
    /// The block's name with its sizes, such as `linear 3 -> 2`.
    pub block: String,
    /// The law.
    pub law: Law,
    /// The map at fault, where one is.
    pub rule: Option<Rule>,
    /// Samples of the smallest failing case.
    pub batch: usize,
    /// Seeds of the smallest failing case.
    pub seeds: usize,
    /// The first entry that is wrong.
    pub entry: Entry,
    /// What the law asks for. NaN where the law is not about a number.
    pub expected: f64,
    /// What the block gave. NaN where the law is not about a number.
    pub got: f64,
    /// The slip that explains it.
    pub diagnosis: Diagnosis,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.block)?;
        if let Some(rule) = self.rule {
            write!(f, ", {rule}")?;
        }
        let verdict = match self.diagnosis {
            Diagnosis::NotCounted => "is not held against",
            _ => "breaks",
        };
        let (law, statement) = (self.law, self.law.statement());
        write!(f, ": {verdict} the law `{law}`, {statement}")?;
        if !(self.expected.is_nan() && self.got.is_nan()) {
            let (entry, expected, got) = (&self.entry, self.expected, self.got);
            write!(f, "; {entry}: expected {expected:e}, got {got:e}")?;
        }
        if self.batch > 0 {
            write!(f, " (batch {}, seeds {})", self.batch, self.seeds)?;
        }
        write!(f, "; {}", self.diagnosis)
    }
}
