//! The planner's test alone: every candidate of every cell, and the score.
//!
//! `cargo run --release -p pushpull-bench --example plan -- [--quick] [--seed N] [FILE.csv]`
//!
//! The report's seed is 1973; another one draws cells that no choice in the planner was ever made on.

use std::path::Path;

use pushpull_bench::alloc::CountingAllocator;
use pushpull_bench::plan;
use pushpull_bench::sweep::Extent;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (mut extent, mut seed, mut file) = (Extent::Full, plan::SEED, None);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--quick" => extent = Extent::Quick,
            "--seed" => seed = arguments.next().unwrap_or_default().parse()?,
            _ => file = Some(argument),
        }
    }
    let (rows, _) = plan::measure(extent, seed)?;
    if let Some(path) = file {
        plan::record::write(Path::new(&path), &rows)?;
    }
    println!("{}", plan::section::section(&rows, seed, &[]));
    Ok(())
}
