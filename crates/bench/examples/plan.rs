//! The planner's test alone: every candidate of every cell, and the score.
//!
//! `cargo run --release -p pushpull-bench --example plan -- [--quick] [FILE.csv]`

use std::path::Path;

use pushpull_bench::alloc::CountingAllocator;
use pushpull_bench::plan;
use pushpull_bench::sweep::Extent;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let extent = if arguments.iter().any(|argument| argument == "--quick") {
        Extent::Quick
    } else {
        Extent::Full
    };
    let rows = plan::measure(extent)?;
    if let Some(path) = arguments.iter().find(|argument| *argument != "--quick") {
        plan::record::write(Path::new(path), &rows)?;
    }
    println!("{}", plan::section::section(&rows));
    Ok(())
}
