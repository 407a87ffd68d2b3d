//! What this workspace's other crates need of this one, and nobody else: no part of what is promised.

pub mod arena;
pub mod clock;
pub mod figures;
pub mod given;
pub mod memory;
pub mod names;
pub mod quiet;
pub mod words;
pub mod work;
