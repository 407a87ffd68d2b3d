//! Files from users.

use std::fs::File;
use std::path::Path;

use crate::fault::Fault;

/// Opens a file that is one: a pipe would wait, a device would never end. With its length.
pub fn open(path: &Path) -> Result<(File, u64), Fault> {
    let remedy = "check the name and its permissions";
    let fault =
        |got: String| Fault::input(path, "the file", "a file that can be read", got, remedy);
    let metadata = std::fs::metadata(path).map_err(|error| fault(error.to_string()))?;
    if !metadata.is_file() {
        let got = if metadata.is_dir() {
            "a directory"
        } else {
            "a device or pipe"
        };
        return Err(fault(got.into()));
    }
    let file = File::open(path).map_err(|error| fault(error.to_string()))?;
    Ok((file, metadata.len()))
}
