//! `cargo bench --bench scale`: how time and memory grow on one machine, over 10^2 .. 10^8 parameters, 1 .. 10^5 samples and
//! 1 .. 10^4 layers, in f32, beside the exact counts: a primal, a jvp in the parameters, a gradient on one and two threads.
//! Prints tables and fitted exponents, and writes `scale.csv` under `target/reports`. Takes about 3 GB.
//!
//! - `-- --quick`: the small sizes, to see that it runs.

use std::path::PathBuf;

use pushpull_bench::alloc::CountingAllocator;
use pushpull_bench::machine::Machine;
use pushpull_bench::rounds::Effort;
use pushpull_bench::scale::{Axis, csv, measure, text};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut quick = false;
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "--bench" => {}
            "--quick" => quick = true,
            other => return Err(format!("unknown argument {other:?}; there is: --quick").into()),
        }
    }
    let effort = match quick {
        true => Effort {
            rounds: 3,
            slice: 1e-4,
        },
        false => Effort {
            rounds: 9,
            slice: 0.02,
        },
    };
    let machine = Machine::read();
    println!("{}, {} cores, f32", machine.cpu, machine.logical_cores);
    let mut all = Vec::new();
    for axis in Axis::ALL {
        let rows = measure(axis, quick, effort)?;
        println!();
        text(axis, &rows)
            .iter()
            .for_each(|line| println!("{}", line.trim_end()));
        all.extend(rows);
    }
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let place = target.join(if quick { "reports/quick" } else { "reports" });
    std::fs::create_dir_all(&place)?;
    std::fs::write(place.join("scale.csv"), csv(&all))?;
    println!("\nscale.csv is in {}", place.display());
    Ok(())
}
