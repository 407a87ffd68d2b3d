//! Files of the data sets.

use std::fs;
use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use pushpull_data::{DataError, Dataset};
use tempfile::TempDir;

use crate::one_line;

thread_local! {
    static PLACE: TempDir = tempfile::tempdir().expect("a directory for temporary files");
}

/// Bytes as each of the files: plain, packed, and as what is packed.
pub fn sets(data: &[u8]) -> bool {
    PLACE.with(|place| {
        let place = place.path();
        let packed = packed(data);
        let target = self::packed(b"1\n2\n3\n");
        let read = |files: &[(&str, &[u8])], set: fn(&Path) -> Result<Dataset, DataError>| {
            for (name, bytes) in files {
                fs::write(place.join(name), bytes).expect("a temporary file");
            }
            set(place).inspect_err(one_line).inspect(checked).is_ok()
        };
        let (raw, numbers) = ("diabetes_data_raw.csv.gz", "diabetes_target.csv.gz");
        [
            read(&[("breast_cancer.csv", data)], Dataset::breast_cancer),
            read(&[("digits.csv.gz", data)], Dataset::digits),
            read(&[("digits.csv.gz", &packed)], Dataset::digits),
            read(&[(raw, &packed), (numbers, &target)], Dataset::diabetes),
        ]
        .contains(&true)
    })
}

/// A set holds numbers, and a target for every sample.
fn checked(set: &Dataset) {
    assert!(set.samples() > 0);
    assert_eq!(set.inputs.ncols(), set.targets.ncols());
    assert!(
        set.inputs
            .iter()
            .chain(&set.targets)
            .all(|value| value.is_finite())
    );
    let standardised = set.clone().standardised();
    assert!(
        standardised.inputs.iter().all(|value| value.is_finite()),
        "{}",
        set.inputs
    );
}

fn packed(data: &[u8]) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(data).expect("bytes in memory");
    packer.finish().expect("bytes in memory")
}
