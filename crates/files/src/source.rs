//! Files that are read.

use std::fs::File;
use std::path::Path;

use crate::FileError;

/// Opens a file that is one, with its length: a pipe would wait, a device would never end.
///
/// # Errors
/// [`FileError::Input`] for what is not there, cannot be read, or is no file.
pub fn open(path: &Path) -> Result<(File, u64), FileError> {
    let remedy = "check the name and its permissions";
    let fault =
        |got: String| FileError::input(path, "the file", "a file that can be read", got, remedy);
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
