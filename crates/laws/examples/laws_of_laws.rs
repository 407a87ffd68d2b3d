//! Puts every planted fault before the checker and writes `reports/laws.csv`; then checks the right blocks at random and
//! counts false alarms.
//!
//! `cargo run --release -p pushpull-laws --example laws_of_laws [checks] [path]`: 10,000 checks by default.

use std::error::Error;
use std::path::PathBuf;

use pushpull_laws::fault::{planted, right_blocks, trial};
use pushpull_laws::{Check, CountingAllocator};

// Maps that allocate are seen only where the heap is counted.
#[global_allocator]
static HEAP: CountingAllocator = CountingAllocator;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let checks: u64 = arguments.next().map_or(Ok(10_000), |n| n.parse())?;
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../../reports/laws.csv");
    let path = PathBuf::from(arguments.next().unwrap_or_else(|| default.into()));
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    // Written beside the old file and then moved: an interrupted run leaves the old one whole.
    let fresh = path.with_extension("csv.part");
    let mut table = csv::Writer::from_path(&fresh)?;
    table.write_record([
        "block",
        "fault",
        "caught",
        "law",
        "diagnosis",
        "right_diagnosis",
    ])?;
    let (mut caught, mut right) = (0, 0);
    let faults = planted();
    for planted in &faults {
        let verdict = trial(planted);
        let violation = verdict.violation.as_ref();
        table.write_record([
            planted.block.name(),
            &format!("{:?}", planted.slip),
            &violation.is_some().to_string(),
            violation.map_or("", |violation| violation.law.name()),
            violation.map_or("", |violation| violation.diagnosis.kind()),
            &verdict.right.to_string(),
        ])?;
        caught += usize::from(violation.is_some());
        right += usize::from(verdict.right);
        if !verdict.right {
            let said = violation.map_or("nothing".into(), ToString::to_string);
            eprintln!("{:?} should be {}: {said}", planted.slip, planted.diagnosis);
        }
    }
    table.flush()?;
    std::fs::rename(&fresh, &path)?;
    println!(
        "{} planted faults: {caught} caught, {right} diagnosed rightly",
        faults.len()
    );

    let mut alarms = 0;
    for number in 0..checks {
        let blocks = right_blocks(1 + (number / 31 % 6) as usize);
        let block = &blocks[number as usize % blocks.len()];
        if let Err(violation) = Check::new().seed(number + 1).cases(1).run(&**block) {
            alarms += 1;
            eprintln!("false alarm {number}: {violation}");
        }
    }
    println!("{checks} random checks of right blocks: {alarms} false alarms");
    if caught == faults.len() && alarms == 0 {
        Ok(())
    } else {
        Err("a fault went unseen, or a right block raised an alarm".into())
    }
}
