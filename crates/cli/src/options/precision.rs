//! A type of numbers.

use clap::ValueEnum;
use pushpull_files::Kind;
use pushpull_files::weights::Weights;

/// A type of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Precision {
    F32,
    F64,
}

impl Precision {
    /// What was asked for; else that of the weights, f64 where some are.
    pub fn of(asked: Option<Self>, weights: &Weights) -> Self {
        asked.unwrap_or(match weights.kind() {
            Kind::F32 => Self::F32,
            _ => Self::F64,
        })
    }
}
