//! Faults in linear layers and nonlinearities.

use pushpull_core::blocks::{
    Elu, Exp, Gelu, Identity, LeakyRelu, Linear, Ln, Map, Relu, Sigmoid, Silu, Sin, Softplus,
    Square, Tanh,
};
use pushpull_core::{Accum, InputJacobian, ParamJacobian};

use super::{Planted, plant};
use crate::Rule::{
    Forward, ForwardInPlace, JvpInput, JvpInputInPlace, JvpParams, UnitParams, VjpInput,
    VjpInputInPlace, VjpParams,
};
use crate::fault::Slip;

pub(super) fn linear(list: &mut Vec<Planted>) {
    plant(
        list,
        || Linear::new(4, 4),
        &[
            (Slip::Transposed(VjpInput), "transposed"),
            (Slip::Transposed(JvpInput), "transposed"),
            (Slip::Factor(VjpInput, -1.0), "sign"),
            (Slip::Rolled(VjpInput), "row-off-by-one"),
        ],
    );
    plant(
        list,
        || Linear::new(3, 4),
        &[
            (Slip::Transposed(VjpParams), "transposed"),
            (Slip::Factor(JvpInput, 1.001), "factor"),
            (Slip::Factor(VjpParams, 1.001), "factor"),
            (Slip::Factor(JvpParams, -1.0), "sign"),
            (Slip::SetForAdd(VjpParams), "not-accumulated"),
            (Slip::SetForAdd(JvpParams), "not-accumulated"),
            (Slip::SetForAdd(UnitParams), "not-accumulated"),
            (Slip::Added(VjpParams), "not-assigned"),
            (Slip::Added(JvpParams), "not-assigned"),
            (Slip::Added(VjpInput), "not-assigned"),
            (Slip::MeanOverBatch(VjpParams), "mean-for-sum"),
            (Slip::LastRowZero(VjpParams), "forgotten"),
            (Slip::LastRowFactor(VjpInput, 2.0), "factor"),
            (Slip::Stale(VjpParams), "stale-buffer"),
            (Slip::Stale(Forward), "stale-buffer"),
            (Slip::Rolled(Forward), "row-off-by-one"),
            (Slip::Rolled(UnitParams), "row-off-by-one"),
            (Slip::Factor(UnitParams, 2.0), "factor"),
            (Slip::KeepsNothing, "reads-unkept"),
            (Slip::FlopTooMany(Forward, Accum::Set), "cost-off"),
            (Slip::FlopTooMany(VjpParams, Accum::Add), "cost-off"),
            (Slip::SeedsForgotten(JvpInput), "cost-off"),
            (
                Slip::Params(ParamJacobian::Kronecker { bias: false }),
                "declaration",
            ),
            (Slip::ParamTooMany, "declaration"),
            (Slip::Gap(Forward), "writes-outside"),
            (Slip::Gap(VjpInput), "writes-outside"),
            (Slip::Panic(VjpInput), "panicked"),
            (Slip::Mixed, "samples-mixed"),
            (Slip::Unrepeatable, "not-repeatable"),
        ],
    );
}

pub(super) fn maps(list: &mut Vec<Planted>) {
    let n = 4;
    plant(
        list,
        || Map::new(Tanh, n),
        &[
            (Slip::Factor(VjpInput, -1.0), "sign"),
            (Slip::Factor(VjpInput, 1.001), "factor"),
            (Slip::SeedItself(VjpInput), "missing-factor"),
            (Slip::Twice(VjpInput), "doubled-factor"),
            (Slip::FirstSample(VjpInput), "another-sample"),
            (Slip::SampleMajor(JvpInput), "another-sample"),
            (Slip::Factor(VjpInputInPlace, 2.0), "factor"),
            (Slip::Rolled(ForwardInPlace), "row-off-by-one"),
            (Slip::Detached, "derivative-lost"),
        ],
    );
    plant(
        list,
        || Map::new(Sigmoid, n),
        &[
            (Slip::SeedItself(JvpInput), "missing-factor"),
            (Slip::Twice(JvpInput), "doubled-factor"),
            (Slip::Clipped(VjpInput, 1.0), "not-linear"),
            (Slip::CallTooFew(Forward), "cost-off"),
            (Slip::Factor(ForwardInPlace, 1.001), "factor"),
        ],
    );
    plant(
        list,
        || Map::new(Relu, n),
        &[
            (Slip::AtZero(VjpInput, 1.0), "kink"),
            (Slip::AtZero(JvpInput, 0.5), "kink"),
            (Slip::SeedItself(VjpInput), "missing-factor"),
        ],
    );
    plant(
        list,
        || Map::new(LeakyRelu::default(), n),
        &[
            (Slip::AtZero(JvpInput, 1.0), "kink"),
            (Slip::Stale(JvpInput), "stale-buffer"),
        ],
    );
    plant(
        list,
        || Map::new(Elu { alpha: 0.5 }, n),
        &[
            (Slip::AtZero(VjpInput, 1.0), "kink"),
            (Slip::Factor(JvpInput, 0.5), "factor"),
        ],
    );
    plant(
        list,
        || Map::new(Identity, n),
        &[
            (Slip::Factor(VjpInput, 2.0), "factor"),
            (Slip::Factor(JvpInput, -1.0), "sign"),
        ],
    );
    plant(
        list,
        || Map::new(Softplus, n),
        &[
            (Slip::Added(VjpInput), "not-assigned"),
            (Slip::Clipped(JvpInput, 10.0), "not-linear"),
        ],
    );
    plant(
        list,
        || Map::new(Silu, n),
        &[
            (Slip::Factor(JvpInput, -1.0), "sign"),
            (Slip::SeedItself(VjpInput), "missing-factor"),
        ],
    );
    plant(
        list,
        || Map::new(Gelu, n),
        &[
            (Slip::Rolled(VjpInput), "row-off-by-one"),
            (Slip::Scratch(VjpInput), "stale-scratch"),
        ],
    );
    plant(
        list,
        || Map::new(Exp, n),
        &[
            (Slip::SampleMajor(VjpInput), "another-sample"),
            (Slip::KeepsNothing, "reads-unkept"),
            (Slip::Input(InputJacobian::Identity), "wrong-structure"),
        ],
    );
    plant(
        list,
        || Map::new(Ln, n),
        &[
            (Slip::NaiveProduct(JvpInput), "zero-times-infinity"),
            (Slip::NaiveProduct(VjpInput), "zero-times-infinity"),
            (Slip::SeedItself(JvpInput), "missing-factor"),
        ],
    );
    plant(
        list,
        || Map::new(Sin, n),
        &[
            (Slip::AtOutput(VjpInput), "at-output"),
            (Slip::Factor(JvpInput, -1.0), "sign"),
        ],
    );
    plant(
        list,
        || Map::new(Square, n),
        &[
            (Slip::Factor(VjpInput, 0.5), "factor"),
            (Slip::AtOutput(JvpInput), "at-output"),
            (Slip::KeepsNothing, "reads-unkept"),
        ],
    );
}

/// Maps that ask the heap for memory.
pub(super) fn allocating(list: &mut Vec<Planted>) {
    plant(
        list,
        || Linear::new(3, 2),
        &[
            (Slip::Allocates(Forward, 16), "allocates"),
            (Slip::Allocates(JvpInput, 1), "allocates"),
            (Slip::Allocates(VjpInput, 24), "allocates"),
            (Slip::Allocates(JvpParams, 64), "allocates"),
            (Slip::Allocates(VjpParams, 64), "allocates"),
            (Slip::Allocates(UnitParams, 64), "allocates"),
        ],
    );
    plant(
        list,
        || Map::new(Tanh, 4),
        &[
            (Slip::Allocates(ForwardInPlace, 32), "allocates"),
            (Slip::Allocates(JvpInputInPlace, 32), "allocates"),
            (Slip::Allocates(VjpInputInPlace, 1 << 20), "allocates"),
        ],
    );
}
