//! Measures what both modes cost and draws it.
//!
//! Rooms that know no engine: [`alloc`] (heap bytes, exact), [`fit`] (power laws), [`record`] (the rows of `cost.csv`),
//! [`machine`] (what a number was measured on), [`edition`] (a report directory that is replaced whole or not at all),
//! [`progress`] (what is running, and how long it will still take). The [`data`] sets are a crate of their own, and so are pictures.
//!
//! The comparison: a [`grid`] of networks, batches and precisions, for `pushpull compare` too; [`sweep`] reads which
//! [`cell`]s there are, a cell prepares [`job`]s on one network and times them ([`timer`]);
//! [`pictures`], [`claims`] and the [`report`] are made from the rows alone, which a [`table`] answers questions about; a [`verdict`]
//! on a time needs points enough and their spread.
//! [`plan`] puts the planner to the test. [`kinks`] is no cost: what both modes give where there is no derivative.
//!
//! Speed: the [`net`]works whose derivatives are timed here and beside other libraries, interleaved [`rounds`], and the
//! [`peak`] that rates are divided by. [`scale`]: how time and memory grow over decades of parameters, samples and layers.

pub mod bottleneck;
pub mod cell;
pub mod checkpoint;
pub mod claims;
pub mod edition;
pub mod fit;
pub mod grid;
pub mod job;
pub mod kinks;
pub mod machine;
pub mod net;
pub mod peak;
pub mod pictures;
pub mod plan;
pub mod progress;
pub mod record;
pub mod report;
pub mod rounds;
pub mod scale;
pub mod sweep;
pub mod table;
pub mod timer;
pub mod verdict;

pub use pushpull_core::alloc;
pub use pushpull_data as data;

// The unit tests run cells, which count the heap's bytes.
#[cfg(test)]
#[global_allocator]
static ALLOCATOR: alloc::CountingAllocator = alloc::CountingAllocator;
