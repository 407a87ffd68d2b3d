//! The ready-made blocks, one file each. A block's page holds its formulas and its costs.

mod linear;
pub mod map;

pub use linear::Linear;
pub use map::{Elementwise, Map};
