//! Draws the pictures of the sweeps again from a table of measurements, to look at a change of a picture without measuring.
//!
//! `cargo run --release -p pushpull-bench --example pictures -- reports/cost.csv target/pictures`

use std::path::PathBuf;

use pushpull_bench::edition::Edition;
use pushpull_bench::pictures;
use pushpull_bench::record;
use pushpull_bench::table::Table;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1).map(PathBuf::from);
    let (Some(table), Some(target)) = (arguments.next(), arguments.next()) else {
        return Err("expected a table of measurements and a directory for the pictures".into());
    };
    let rows = record::read(&table)?;
    let setting = format!("From {}.", table.display());
    let edition = Edition::begin(&target)?;
    for picture in pictures::draw(Table(&rows), &setting, &[], &edition)? {
        println!("{}: {}", picture.file, picture.caption);
    }
    edition.commit()?;
    Ok(())
}
