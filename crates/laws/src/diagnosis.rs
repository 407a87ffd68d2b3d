//! What a wrong number usually means.

use std::fmt;

use pushpull_core::{Cost, Op};

/// The slip that explains a violation.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Diagnosis {
    /// The Jacobian where its transpose was meant, or the other way round, or a matrix of parameters row by row.
    Transposed,
    /// The opposite sign.
    Sign,
    /// A constant factor: 2, 1/2, 1.001, ..., on all numbers that are wrong.
    Factor(f64),
    /// A factor of the derivative is missing: the numbers are right after multiplying by this.
    MissingFactor(&'static str),
    /// A factor of the derivative is there twice: the numbers are right after dividing by this.
    DoubledFactor(&'static str),
    /// The derivative is taken at the output where the input was meant.
    AtOutput,
    /// Sets where it was told to add.
    NotAccumulated,
    /// Adds to what was there where it should set.
    NotAssigned,
    /// Some entries are left as they were: not written.
    StaleBuffer,
    /// The result depends on what the scratch memory held before.
    StaleScratch,
    /// Right numbers, one row off.
    RowOffByOne,
    /// Divided by a count: a mean where a sum was meant.
    MeanForSum,
    /// A sum where a mean was meant.
    SumForMean,
    /// The derivative is taken at another sample of the batch.
    AnotherSample,
    /// Outputs of one sample depend on other samples.
    SamplesMixed,
    /// Right but at special values of the input, where the other derivative of a kink is taken.
    Kink,
    /// A term is forgotten: some entries are 0 that should not be, a half of the seed or of the parameters counts for
    /// nothing, or the Jacobian is taken for its diagonal.
    Forgotten,
    /// One of the two terms of a product rule: of `(x g)' = g + x g'` the first or the second alone.
    ProductRule,
    /// The first or the last sample's part of a sum over the batch: set sample by sample, never added.
    NotSummed,
    /// 0 times an infinite derivative: the zero seed is lost.
    ZeroTimesInfinity,
    /// Not linear in the seed: right for small seeds, limited for large ones, or with a constant added.
    NotLinear,
    /// Reads this although `keeps` does not declare it.
    ReadsUnkept(&'static str),
    /// Depends on more than its arguments.
    NotRepeatable,
    /// The block at dual numbers loses the derivative: somewhere a number went through `to_f64` or a constant.
    DerivativeLost,
    /// Writes outside the entries of its output.
    WritesOutside(&'static str),
    /// Changes one of its inputs.
    ChangesInput(&'static str),
    /// The panic's message.
    Panicked(Box<str>),
    /// A declaration that contradicts another.
    Declaration(Box<str>),
    /// The declared structure is not the Jacobian's.
    WrongStructure(&'static str),
    /// The declared cost of a map is not the counted one.
    CostOff(Box<Mispriced>),
    /// It asks the heap for memory each time it runs.
    Allocates(Box<Allocation>),
    /// Nobody counts the heap of this program: whether a map allocates was not looked at.
    NotCounted,
    /// No usual slip explains the numbers.
    Unexplained,
}

/// A declared cost beside the counted one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mispriced {
    /// The map.
    pub op: Op,
    /// What the block declares.
    pub declared: Cost,
    /// What a run counts.
    pub counted: Cost,
}

/// What a map asks the heap for in one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allocation {
    /// The map's name; the maps on planes among them.
    pub map: &'static str,
    /// Allocations and reallocations.
    pub requests: u64,
    /// Bytes of all of them.
    pub bytes: u64,
}

impl Diagnosis {
    /// A short name, without the numbers: as in `reports/laws.csv`.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Transposed => "transposed",
            Self::Sign => "sign",
            Self::Factor(_) => "factor",
            Self::MissingFactor(_) => "missing-factor",
            Self::DoubledFactor(_) => "doubled-factor",
            Self::AtOutput => "at-output",
            Self::NotAccumulated => "not-accumulated",
            Self::NotAssigned => "not-assigned",
            Self::StaleBuffer => "stale-buffer",
            Self::StaleScratch => "stale-scratch",
            Self::RowOffByOne => "row-off-by-one",
            Self::MeanForSum => "mean-for-sum",
            Self::SumForMean => "sum-for-mean",
            Self::AnotherSample => "another-sample",
            Self::SamplesMixed => "samples-mixed",
            Self::Kink => "kink",
            Self::Forgotten => "forgotten",
            Self::ProductRule => "product-rule",
            Self::NotSummed => "not-summed",
            Self::ZeroTimesInfinity => "zero-times-infinity",
            Self::NotLinear => "not-linear",
            Self::ReadsUnkept(_) => "reads-unkept",
            Self::NotRepeatable => "not-repeatable",
            Self::DerivativeLost => "derivative-lost",
            Self::WritesOutside(_) => "writes-outside",
            Self::ChangesInput(_) => "changes-input",
            Self::Panicked(_) => "panicked",
            Self::Declaration(_) => "declaration",
            Self::WrongStructure(_) => "wrong-structure",
            Self::CostOff(_) => "cost-off",
            Self::Allocates(_) => "allocates",
            Self::NotCounted => "not-counted",
            Self::Unexplained => "unexplained",
        }
    }
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Transposed => f.write_str("a transpose explains the numbers"),
            Self::Sign => f.write_str("the opposite sign explains the numbers"),
            Self::Factor(factor) => write!(f, "what is wrong is {factor} times the right number"),
            Self::MissingFactor(what) => write!(f, "the factor `{what}` is missing"),
            Self::DoubledFactor(what) => write!(f, "the factor `{what}` is there twice"),
            Self::AtOutput => f.write_str("the derivative is taken at y instead of x"),
            Self::NotAccumulated => f.write_str("it overwrites where it should add"),
            Self::NotAssigned => f.write_str("it adds to the output where it should overwrite"),
            Self::StaleBuffer => f.write_str("some entries of the output are never written"),
            Self::StaleScratch => f.write_str("it reads scratch memory that it has not written"),
            Self::RowOffByOne => f.write_str("the right numbers are one row off"),
            Self::MeanForSum => f.write_str("it takes a mean instead of a sum"),
            Self::SumForMean => f.write_str("it takes a sum instead of a mean"),
            Self::AnotherSample => f.write_str(
                "it reads the point of another sample: column c belongs to sample c mod batch",
            ),
            Self::SamplesMixed => f.write_str("a sample's output depends on the other samples"),
            Self::Kink => f.write_str("it takes another derivative at a kink or a tie"),
            Self::Forgotten => {
                f.write_str("a term is forgotten: of the entries, of the seed or off the diagonal")
            }
            Self::ProductRule => f.write_str("a term of the product rule is missing"),
            Self::NotSummed => {
                f.write_str("it keeps one sample's part instead of the sum over the batch")
            }
            Self::ZeroTimesInfinity => f.write_str(
                "0 times an infinite or NaN derivative; use `blocks::chain` for slope * seed",
            ),
            Self::NotLinear => f.write_str("the map is not linear in the seed"),
            Self::ReadsUnkept(what) => {
                write!(f, "it reads {what}; declare that in `keeps`, or do without")
            }
            Self::NotRepeatable => f.write_str("it depends on more than its arguments"),
            Self::DerivativeLost => f.write_str(
                "the derivative is lost at dual numbers: a number goes through `to_f64`",
            ),
            Self::WritesOutside(what) => write!(f, "it writes outside {what}"),
            Self::ChangesInput(what) => write!(f, "it changes {what}"),
            Self::Panicked(message) => write!(f, "it panicked: {message}"),
            Self::Declaration(what) => f.write_str(what),
            Self::WrongStructure(what) => f.write_str(what),
            Self::CostOff(cost) => {
                let (op, declared, counted) = (cost.op, cost.declared, cost.counted);
                write!(f, "{op:?}: declared {declared:?}, counted {counted:?}")
            }
            Self::Allocates(asked) => {
                let (map, bytes, requests) = (asked.map, asked.bytes, asked.requests);
                let plural = if requests == 1 { "" } else { "s" };
                write!(
                    f,
                    "{map} asks the heap for {bytes} bytes in {requests} request{plural}; declare the room it needs in \
                     `scratch_len` and use `scratch`"
                )
            }
            Self::NotCounted => write!(
                f,
                "this program does not count its heap; add `{}` to the test",
                crate::INSTALL
            ),
            Self::Unexplained => f.write_str("no common mistake explains the numbers"),
        }
    }
}
