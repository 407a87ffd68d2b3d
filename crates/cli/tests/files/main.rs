//! The files that people bring, as the program reads and writes them.

#[path = "../common/mod.rs"]
mod common;

mod arrays;
mod outputs;
mod tables;
mod weights;

use std::fs;
use std::path::Path;

use common::{fault, pushpull};

const NET: [&str; 3] = [
    "--layers=2,3",
    "--activation=identity",
    "--loss=softmax-cross-entropy",
];

/// An epoch on a table of few samples.
const TRAIN: [&str; 6] = [
    "train",
    "--data=t.csv",
    "--epochs=1",
    "--batch=1",
    "--valid=0.5",
    "--plain",
];

/// Trains on a table for an epoch, and gives what was said.
fn read(place: &Path, table: &[u8], more: &[&str]) -> Result<String, String> {
    fs::write(place.join("t.csv"), table).unwrap();
    let output = pushpull(place, &[&TRAIN[..], &NET, more].concat());
    match output.status.code() {
        Some(0) => Ok(fault(&output)),
        Some(2) => Err(fault(&output)),
        other => panic!("{other:?}: {}", fault(&output)),
    }
}
