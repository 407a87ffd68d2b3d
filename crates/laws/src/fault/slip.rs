//! The ways in which a planted block lies.

use pushpull_core::{Accum, InputJacobian, ParamJacobian};

use crate::Rule;

/// One lie. Where a [`Rule`] is named, that map alone is wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Slip {
    /// Every number times this: -1 is a wrong sign, 1.001 a rule that is 0.1 % wrong.
    Factor(Rule, f64),
    /// Divided by the number of samples.
    MeanOverBatch(Rule),
    /// Divided by the number of inputs.
    MeanOverInputs(Rule),
    /// One row off, cyclically.
    Rolled(Rule),
    /// The last row is not written.
    Stale(Rule),
    /// The last row is set to zero.
    LastRowZero(Rule),
    /// The last row times this, the others right.
    LastRowFactor(Rule, f64),
    /// The diagonal of the Jacobian alone.
    DiagonalOnly(Rule),
    /// The second half of the seed is forgotten.
    FirstTermOnly(Rule),
    /// Added to the output where it should be set.
    Added(Rule),
    /// `Add` is taken for `Set`.
    SetForAdd(Rule),
    /// The adjoint in place of the map, or a parameter matrix row by row.
    Transposed(Rule),
    /// The output in place of the input.
    AtOutput(Rule),
    /// The seed itself: the derivative is forgotten.
    SeedItself(Rule),
    /// The derivative twice.
    Twice(Rule),
    /// Divided by the parameters, row by row: their factor is forgotten.
    WithoutGain(Rule),
    /// Every sample at the point of the first one.
    FirstSample(Rule),
    /// Column c taken for a seed of sample c / seeds.
    SampleMajor(Rule),
    /// At an input of exactly 0, this derivative.
    AtZero(Rule, f64),
    /// slope * seed without a structural zero.
    NaiveProduct(Rule),
    /// Numbers beyond this are cut off.
    Clipped(Rule, f64),
    /// Adds what the scratch memory held.
    Scratch(Rule),
    /// Writes between the columns of the output.
    Gap(Rule),
    /// Panics on more than one sample.
    Panic(Rule),
    /// `keeps` declares neither input nor output nor numbers beside them: what is read is hidden.
    KeepsNothing,
    /// A flop too many is declared for every sample.
    FlopTooMany(Rule, Accum),
    /// A call of an elementary function is not declared.
    CallTooFew(Rule),
    /// The cost is declared for one seed.
    SeedsForgotten(Rule),
    /// This structure of the input Jacobian is declared.
    Input(InputJacobian),
    /// This structure of the parameter Jacobian is declared.
    Params(ParamJacobian),
    /// Another number at every call.
    Unrepeatable,
    /// The first sample's output is added to all.
    Mixed,
    /// `forward` loses derivatives at dual numbers, and the pushforward is 0 as well.
    Detached,
    /// Asks the heap for this many bytes, and is right otherwise.
    Allocates(Rule, usize),
    /// `forward` is said to do without the numbers it keeps.
    OptionalExtra,
    /// `params()` declares one number more.
    ParamTooMany,
}

impl Slip {
    /// Whether it spoils the contribution of a parameter map, which is then set or added as told.
    pub(super) fn spoils_contribution(self, rule: Rule) -> bool {
        match self {
            Self::Factor(own, _)
            | Self::MeanOverBatch(own)
            | Self::MeanOverInputs(own)
            | Self::Rolled(own)
            | Self::LastRowZero(own)
            | Self::LastRowFactor(own, _)
            | Self::Transposed(own)
            | Self::WithoutGain(own) => own == rule,
            _ => false,
        }
    }
}
