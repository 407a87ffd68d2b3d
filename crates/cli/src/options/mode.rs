//! How a gradient is computed.

use clap::ValueEnum;

/// How a gradient is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// Record, then pull back
    Reverse,
    /// Push tangent matrices, a chunk of unit vectors at a time
    Forward,
    /// Push tangents kept as Kronecker products; the inputs' by forward mode
    Structured,
    /// Reverse mode that keeps some values and computes the others again
    Checkpointed,
    /// The way that is predicted to be the fastest within --memory
    Auto,
}

impl Mode {
    /// The name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reverse => "reverse",
            Self::Forward => "forward",
            Self::Structured => "structured",
            Self::Checkpointed => "checkpointed",
            Self::Auto => "auto",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_named_as_they_are_typed() {
        for mode in Mode::value_variants() {
            assert_eq!(Mode::from_str(mode.name(), false), Ok(*mode));
        }
    }
}
