//! The ready-made blocks, one file each. A block's page holds its formulas and its costs.

mod activation;
mod broadcast;
mod columns;
mod combine;
mod linear;
mod log_softmax;
pub mod loss;
pub mod map;
mod matmul;
mod norm;
mod parameter;
mod quotient;
mod rearrange;
mod reduce;
mod scale;
mod select;
mod softmax;
mod sum;

pub use activation::Activation;
pub use broadcast::{Broadcast, Extent, Sums};
pub use columns::Columns;
pub use combine::{Add, Mul};
pub use linear::Linear;
pub use log_softmax::LogSoftmax;
pub use loss::{Loss, SigmoidCrossEntropy, SoftmaxCrossEntropy, SquaredError};
pub use map::*;
pub use matmul::MatMul;
pub use norm::LayerNorm;
pub use parameter::{Bias, Parameter};
pub use quotient::{Div, Sub};
pub use rearrange::{OnTop, Submatrix, Transpose};
pub use reduce::{LogSumExp, Max, Norm};
pub use scale::Scale;
pub use select::Select;
pub use softmax::Softmax;
pub use sum::Sum;
