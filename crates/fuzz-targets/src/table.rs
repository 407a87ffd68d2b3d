//! Tables: CSV, and CSV in gzip.

use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use nalgebra::DMatrix;
use pushpull_core::blocks::Loss;
use pushpull_files::{FileError, Reading, Sample, table as tables};

use crate::one_line;

const LOSSES: [Loss; 3] = [Loss::Sum, Loss::SquaredError, Loss::SoftmaxCrossEntropy];

/// Bytes as a table of samples, for each loss, whole and its first sample.
pub fn table(data: &[u8]) -> bool {
    LOSSES.map(|loss| plain(data, loss)).contains(&true)
}

/// Bytes as a packed table.
pub fn gz(data: &[u8]) -> bool {
    let sample = Sample::new(1, 1, Loss::SquaredError).expect("a sample");
    let read = tables::parse(Path::new("\r.csv.gz"), data, &sample, &Reading::default());
    read.inspect_err(one_line).is_ok()
}

fn plain(data: &[u8], loss: Loss) -> bool {
    let sample = Sample::new(2, 3, loss).expect("a sample");
    let parse = |name: &str, bytes: &[u8], batch: Option<usize>| {
        let asked = Reading {
            batch,
            ..Reading::default()
        };
        tables::parse(Path::new(name), bytes, &sample, &asked).map(|samples| samples.x)
    };
    let first = parse("\u{9b}2J.csv", data, Some(1)).inspect_err(one_line);
    let all = parse("\u{9b}2J.csv", data, None).inspect_err(one_line);
    // Packed it says the same.
    let packed = parse("\u{9b}2J.csv.gz", &packed(data), None);
    match (&all, &packed) {
        (Ok(all), Ok(packed)) => assert!(bits(all) == bits(packed), "{all} became {packed}"),
        (Err(all), Err(packed)) => same_but_for_the_name(all, packed),
        _ => panic!("plain: {all:?}; packed: {packed:?}"),
    }
    let Ok(all) = all else { return false };
    let first = first.expect("the first of the samples");
    assert!(bits(&first) == bits(&all.columns(0, 1).into_owned()));
    let again = parse("again.csv", written(&all, &sample).as_bytes(), None);
    let again = again.expect("a table that was just written");
    assert!(bits(&all) == bits(&again), "{all} became {again}");
    true
}

fn same_but_for_the_name(plain: &FileError, packed: &FileError) {
    let parts = |fault: &FileError| match fault {
        FileError::Input {
            what,
            expected,
            got,
            ..
        } => (what.clone(), expected.clone(), got.clone()),
        other => panic!("{other}"),
    };
    assert_eq!(parts(plain), parts(packed));
}

fn bits(numbers: &DMatrix<f64>) -> Vec<u64> {
    numbers.iter().map(|value| value.to_bits()).collect()
}

fn packed(data: &[u8]) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(data).expect("bytes in memory");
    packer.finish().expect("bytes in memory")
}

/// A line for each sample, the shortest numbers that read back the same.
fn written(samples: &DMatrix<f64>, sample: &Sample) -> String {
    let mut text = String::new();
    for column in samples.column_iter() {
        let mut fields: Vec<String> = column.iter().map(|value| format!("{value:?}")).collect();
        if sample.loss() == Loss::SoftmaxCrossEntropy {
            let classes = column.rows(sample.inputs(), sample.outputs());
            let class = classes.iter().position(|value| *value == 1.0);
            fields.truncate(sample.inputs());
            fields.push(class.expect("a class").to_string());
        }
        text += &fields.join(",");
        text += "\n";
    }
    text
}
