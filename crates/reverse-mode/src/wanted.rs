//! What an adjoint program starts from, and what it is asked for.

use pushpull_core::Accum;

/// Which cotangents are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// The parameters', set or added to what the caller has.
    pub params: Option<Accum>,
    /// The inputs'.
    pub inputs: bool,
}

impl Wanted {
    pub(crate) const fn of(params: Option<Accum>, inputs: bool) -> Self {
        Self { params, inputs }
    }
}

/// The cotangents that are pulled back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seed {
    /// Ones: of the sum of all outputs.
    Ones,
    /// The unit vectors of outputs, from the first of a run on.
    Unit,
    /// The caller's.
    Given,
}
