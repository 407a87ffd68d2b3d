//! The ready-made blocks, one file each. A block's page holds its formulas and its costs.

mod activation;
mod combine;
mod exponentials;
mod linear;
mod log_softmax;
pub mod loss;
pub mod map;
mod norm;
mod scale;
mod select;
mod softmax;
mod sum;

pub use activation::Activation;
pub use combine::{Add, Mul};
pub use linear::Linear;
pub use log_softmax::LogSoftmax;
pub use loss::{Loss, SigmoidCrossEntropy, SoftmaxCrossEntropy, SquaredError};
pub use map::*;
pub use norm::LayerNorm;
pub use scale::Scale;
pub use select::Select;
pub use softmax::Softmax;
pub use sum::Sum;
