//! Files that are read.

use std::fs::File;
use std::path::Path;

use crate::FileError;

/// Opens a file that is one, with its length: a pipe would wait, a device would never end.
///
/// # Errors
/// [`FileError::Input`] for what is not there, cannot be read, or is no file.
pub fn open(path: &Path) -> Result<(File, u64), FileError> {
    let fault = |got: &str, remedy: &str| {
        FileError::input(path, "the file", "a file that can be read", got, remedy)
    };
    let unread =
        |error: std::io::Error| fault(&error.to_string(), "check the name and its permissions");
    let metadata = std::fs::metadata(path).map_err(unread)?;
    if metadata.is_dir() {
        return Err(fault("a directory", "give the name of a file in it"));
    }
    if !metadata.is_file() {
        let remedy = "save it as a file; a table may come from standard input, as -";
        return Err(fault("a device or pipe", remedy));
    }
    let file = File::open(path).map_err(unread)?;
    Ok((file, metadata.len()))
}
