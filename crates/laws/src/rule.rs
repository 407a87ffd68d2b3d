//! The maps of a block, by name.

use std::fmt;

use pushpull_core::{Accum, Op};

/// A map of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Rule {
    /// [`pushpull_core::Block::forward`]
    Forward,
    /// [`pushpull_core::Block::jvp_input`]
    JvpInput,
    /// [`pushpull_core::Block::vjp_input`]
    VjpInput,
    /// [`pushpull_core::Block::jvp_params`]
    JvpParams,
    /// [`pushpull_core::Block::vjp_params`]
    VjpParams,
    /// [`pushpull_core::Block::unit_params`]
    UnitParams,
    /// [`pushpull_core::InPlace::forward_in_place`]
    ForwardInPlace,
    /// [`pushpull_core::InPlace::jvp_input_in_place`]
    JvpInputInPlace,
    /// [`pushpull_core::InPlace::vjp_input_in_place`]
    VjpInputInPlace,
}

impl Rule {
    /// The map as costs and scratch lengths name it.
    pub(crate) const fn op(self, acc: Accum) -> Op {
        match self {
            Self::Forward | Self::ForwardInPlace => Op::Forward,
            Self::JvpInput | Self::JvpInputInPlace => Op::JvpInput,
            Self::VjpInput | Self::VjpInputInPlace => Op::VjpInput,
            Self::JvpParams => Op::JvpParams(acc),
            Self::VjpParams => Op::VjpParams(acc),
            Self::UnitParams => Op::UnitParams(acc),
        }
    }

    /// Whether it sets or adds as told.
    pub(crate) const fn accumulates(self) -> bool {
        matches!(self, Self::JvpParams | Self::VjpParams | Self::UnitParams)
    }

    /// The map that it computes over its own input.
    pub(crate) const fn out_of_place(self) -> Self {
        match self {
            Self::ForwardInPlace => Self::Forward,
            Self::JvpInputInPlace => Self::JvpInput,
            Self::VjpInputInPlace => Self::VjpInput,
            other => other,
        }
    }

    /// Its name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Forward => "forward",
            Self::JvpInput => "jvp_input",
            Self::VjpInput => "vjp_input",
            Self::JvpParams => "jvp_params",
            Self::VjpParams => "vjp_params",
            Self::UnitParams => "unit_params",
            Self::ForwardInPlace => "forward_in_place",
            Self::JvpInputInPlace => "jvp_input_in_place",
            Self::VjpInputInPlace => "vjp_input_in_place",
        }
    }

    /// What it writes.
    pub(crate) const fn output(self) -> &'static str {
        match self {
            Self::Forward | Self::ForwardInPlace => "y",
            Self::JvpInput | Self::JvpParams | Self::UnitParams | Self::JvpInputInPlace => "y_dot",
            Self::VjpInput | Self::VjpInputInPlace => "x_bar",
            Self::VjpParams => "params_bar",
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
