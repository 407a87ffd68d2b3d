//! How long it takes to build graphs of 100 blocks: in a debug build with the check of every distinct block, in a
//! release build without.
//!
//! `cargo run -p pushpull-laws --example build_time`, then the same with `--release`.

use std::time::Instant;

use pushpull_core::blocks::{Activation, Linear, Sum};
use pushpull_core::{Builder, Graph, Result};

/// 50 linear blocks with an activation after each; `width(i)` units in layer i.
fn network(width: impl Fn(usize) -> usize) -> Result<Graph> {
    let mut b = Builder::new();
    let mut h = b.input("x", width(0));
    for i in 0..50 {
        h = b.block(Linear::new(h.rows(), width(i + 1)), h);
        let activation = Activation::ALL[i % Activation::ALL.len()];
        h = match i {
            49 => b.block(Sum::new(h.rows()), h),
            _ => b.block(activation.block(h.rows()), h),
        };
    }
    b.build(h)
}

fn main() -> Result<()> {
    let checked = if cfg!(debug_assertions) {
        "checked"
    } else {
        "not checked"
    };
    let cases = [
        ("100 blocks of 64, alike", 64, 0),
        ("100 blocks of 16 to 65, no two alike", 16, 1),
        ("100 blocks of 128 to 177, no two alike", 128, 1),
    ];
    for (name, first, step) in cases {
        let mut times: Vec<f64> = Vec::new();
        for _ in 0..11 {
            let start = Instant::now();
            network(|i| first + step * i)?;
            times.push(start.elapsed().as_secs_f64() * 1e3);
        }
        times.sort_by(f64::total_cmp);
        println!("{name}, {checked}: {:.2} ms (median of 11)", times[5]);
    }
    Ok(())
}
