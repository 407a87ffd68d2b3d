//! What the tests (and the benches) share: graphs at random and by name, a naive reference, the comparison of numbers.
//!
//! Every test binary compiles all of it and uses a part, hence the `allow`.
#![allow(dead_code)]

pub mod assembly;
pub mod case;
pub mod checkpoints;
pub mod checks;
pub mod comparison;
pub mod consistency;
pub mod edges;
pub mod meter;
pub mod recipe;
pub mod reference;
pub mod scenarios;
pub mod second;
pub mod seeds;
pub mod tampered;
