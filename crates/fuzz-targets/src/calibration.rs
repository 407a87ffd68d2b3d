//! The planner's calibration.

use std::path::Path;

use pushpull_planner::{CacheError, Calibration};

use crate::one_line;

/// Bytes as a calibration, and as the lines of one of this version and machine.
pub fn calibration(data: &[u8]) -> bool {
    let head = Calibration::default().text().into_bytes();
    [data.to_vec(), [&head, data].concat()]
        .map(|bytes| read(&bytes).inspect_err(one_line).is_ok())
        .contains(&true)
}

fn read(bytes: &[u8]) -> Result<(), CacheError> {
    let read = |bytes: &[u8]| Calibration::read(Path::new("\u{7}calibration.txt"), bytes);
    let first = read(bytes)?;
    let text = first.text();
    let again = read(text.as_bytes()).expect("a calibration that was just written");
    assert_eq!(again, first);
    assert_eq!(again.text(), text);
    Ok(())
}
