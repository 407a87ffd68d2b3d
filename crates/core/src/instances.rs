//! The ready-made blocks, compiled here for the debug builds of this workspace, whose crates share what they compile: else each
//! crate and each test that makes one of these blocks would compile it again, at every scalar. Optimised builds do not share.

use std::sync::Arc;

use crate::AnyBlock;
use crate::blocks::*;

macro_rules! instances {
    ($($block:ty),* $(,)?) => {
        $(const _: () = {
            #[used]
            static INSTANCE: fn($block) -> Arc<dyn AnyBlock> = |block| Arc::new(block);
        };)*
    };
}

// Those that a multilayer perceptron is made of are compiled here anyway.
instances!(
    Add,
    Bias,
    Broadcast,
    Columns,
    Div,
    LayerNorm,
    LogSoftmax,
    LogSumExp,
    MatMul,
    Max,
    Mul,
    Norm,
    OnTop,
    Parameter,
    Scale,
    Select,
    Softmax,
    Sub,
    Submatrix,
    Sum,
    Sums,
    Transpose,
    Where,
    Map<Abs>,
    Map<Clamp>,
    Map<Cos>,
    Map<Over>,
    Map<Power>,
    Map<Recip>,
    Map<Shift>,
    Map<Sqrt>,
    Zip<Atan2>,
    Zip<Maximum>,
    Zip<Minimum>,
    Zip<Pow>,
);
