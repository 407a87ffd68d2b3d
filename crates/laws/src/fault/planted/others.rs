//! Faults in all other blocks.

use pushpull_core::blocks::{
    Add, LayerNorm, LogSoftmax, Mul, Scale, Select, SigmoidCrossEntropy, Softmax,
    SoftmaxCrossEntropy, SquaredError, Sum,
};
use pushpull_core::{Accum, InputJacobian, ParamJacobian};

use super::{Planted, plant};
use crate::Rule::{
    Forward, ForwardInPlace, JvpInput, JvpInputInPlace, UnitParams, VjpInput, VjpInputInPlace,
    VjpParams,
};
use crate::fault::Slip;

pub(super) fn movers(list: &mut Vec<Planted>) {
    plant(
        list,
        || Sum::new(5),
        &[
            (Slip::MeanOverInputs(JvpInput), "mean-for-sum"),
            (Slip::MeanOverInputs(VjpInput), "mean-for-sum"),
            (Slip::Stale(VjpInput), "stale-buffer"),
            (Slip::FlopTooMany(JvpInput, Accum::Set), "cost-off"),
        ],
    );
    plant(
        list,
        || Scale::new(4, -1.5),
        &[
            (Slip::SeedItself(VjpInput), "missing-factor"),
            (Slip::Twice(JvpInput), "doubled-factor"),
            (Slip::Factor(JvpInputInPlace, 1.001), "factor"),
            (Slip::Input(InputJacobian::Identity), "wrong-structure"),
        ],
    );
    plant(
        list,
        || Add::new(3, 2),
        &[
            (Slip::Factor(VjpInput, 0.5), "factor"),
            (Slip::Rolled(JvpInput), "row-off-by-one"),
            (Slip::LastRowZero(VjpInput), "forgotten"),
        ],
    );
    plant(
        list,
        || Mul::new(3),
        &[
            (Slip::Added(VjpInput), "not-assigned"),
            (Slip::KeepsNothing, "reads-unkept"),
            (Slip::FirstSample(VjpInput), "another-sample"),
            (Slip::FirstTermOnly(JvpInput), "forgotten"),
        ],
    );
    plant(
        list,
        || Select::new(5, vec![4, 0, 4]),
        &[
            (Slip::Rolled(VjpInput), "row-off-by-one"),
            (Slip::Rolled(Forward), "row-off-by-one"),
            (Slip::LastRowZero(VjpInput), "forgotten"),
            (Slip::FlopTooMany(VjpInput, Accum::Set), "cost-off"),
        ],
    );
}

pub(super) fn norms(list: &mut Vec<Planted>) {
    plant(
        list,
        || Softmax::new(4),
        &[
            (Slip::Factor(VjpInput, -1.0), "sign"),
            (Slip::Factor(JvpInput, 1.001), "factor"),
            (Slip::FirstSample(VjpInput), "another-sample"),
            (Slip::CallTooFew(Forward), "cost-off"),
            (Slip::Input(InputJacobian::Diagonal), "wrong-structure"),
            (Slip::DiagonalOnly(VjpInput), "forgotten"),
            (Slip::LastRowFactor(JvpInput, 1.001), "factor"),
        ],
    );
    plant(
        list,
        || LogSoftmax::new(4),
        &[
            (Slip::Transposed(VjpInput), "transposed"),
            (Slip::Transposed(JvpInput), "transposed"),
            (Slip::Scratch(JvpInput), "stale-scratch"),
            (Slip::Rolled(VjpInputInPlace), "row-off-by-one"),
        ],
    );
    plant(
        list,
        || LayerNorm::new(4),
        &[
            (Slip::Transposed(VjpInput), "transposed"),
            (Slip::WithoutGain(JvpInput), "missing-factor"),
            (Slip::WithoutGain(VjpInput), "missing-factor"),
            (Slip::DiagonalOnly(JvpInput), "forgotten"),
            (Slip::LastRowFactor(VjpParams, -1.0), "sign"),
            (Slip::SetForAdd(VjpParams), "not-accumulated"),
            (Slip::MeanOverBatch(VjpParams), "mean-for-sum"),
            (Slip::Rolled(VjpParams), "row-off-by-one"),
            (Slip::Factor(VjpParams, 2.0), "factor"),
            (Slip::Factor(ForwardInPlace, -1.0), "sign"),
            (
                Slip::Params(ParamJacobian::Kronecker { bias: false }),
                "declaration",
            ),
            (Slip::Input(InputJacobian::Weight), "declaration"),
            (Slip::FlopTooMany(UnitParams, Accum::Add), "cost-off"),
        ],
    );
    // Four parameters, as many as a 2 x 2 matrix has: only the numbers tell.
    plant(
        list,
        || LayerNorm::new(2),
        &[
            (
                Slip::Params(ParamJacobian::Kronecker { bias: false }),
                "wrong-structure",
            ),
            (Slip::Input(InputJacobian::Weight), "wrong-structure"),
        ],
    );
}

pub(super) fn losses(list: &mut Vec<Planted>) {
    plant(
        list,
        || SquaredError::new(3),
        &[
            (Slip::Factor(VjpInput, 0.5), "factor"),
            (Slip::Factor(JvpInput, -1.0), "sign"),
            (Slip::LastRowZero(VjpInput), "forgotten"),
            (Slip::OptionalExtra, "panicked"),
            (Slip::Detached, "derivative-lost"),
        ],
    );
    plant(
        list,
        || SoftmaxCrossEntropy::new(3),
        &[
            (Slip::Factor(VjpInput, 1.001), "factor"),
            (Slip::SeedItself(VjpInput), "missing-factor"),
            (Slip::FirstSample(VjpInput), "another-sample"),
            (Slip::CallTooFew(Forward), "cost-off"),
        ],
    );
    plant(
        list,
        || SigmoidCrossEntropy::new(3),
        &[
            (Slip::Factor(VjpInput, -1.0), "sign"),
            (Slip::MeanOverInputs(VjpInput), "mean-for-sum"),
            (Slip::SampleMajor(JvpInput), "another-sample"),
            (Slip::Stale(VjpInput), "stale-buffer"),
        ],
    );
}
