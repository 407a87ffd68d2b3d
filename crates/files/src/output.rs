//! Files that are written: there whole or not at all, written aside, then renamed.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::FileError;

/// The directory that a file lies in.
fn parent(file: &Path) -> &Path {
    match file.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

/// Refuses an output that cannot come about, before any work is done: no directory for it, a directory in its place, or one
/// of the inputs. `option` is where it was named.
///
/// # Errors
/// [`FileError::Request`]
pub fn check(option: &str, output: &Path, inputs: &[&Path]) -> Result<(), FileError> {
    let shown = || output.display().to_string();
    let fault = |expected: &str, got: String, remedy: &str| {
        Err(FileError::request(option, expected, got, remedy))
    };
    if !parent(output).is_dir() || output.file_name().is_none() {
        return fault(
            "a file in a directory that exists",
            shown(),
            "make the directory first",
        );
    }
    if output.is_dir() {
        return fault("a file", format!("the directory {}", shown()), "add a name");
    }
    let Ok(real) = fs::canonicalize(output) else {
        return Ok(());
    };
    if inputs
        .iter()
        .any(|input| fs::canonicalize(input).is_ok_and(|input| input == real))
    {
        let got = format!("{}, an input", shown());
        return fault("a file of its own", got, "choose another name");
    }
    Ok(())
}

/// Refuses a directory of outputs in whose place a file is, before any work is done. `option` is where it was named.
///
/// # Errors
/// [`FileError::Request`]
pub fn check_directory(option: &str, output: &Path) -> Result<(), FileError> {
    if !output.exists() || output.is_dir() {
        return Ok(());
    }
    let got = format!("the file {}", output.display());
    Err(FileError::request(
        option,
        "a directory",
        got,
        "choose another name",
    ))
}

/// Writes a file.
///
/// # Errors
/// [`FileError::Write`]; what was there before is then as it was.
pub fn write(output: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".pushpull-");
    // Those of any new file, less the user's mask; a temporary file's own are private.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let aside = builder.tempfile_in(parent(output));
    let mut aside = aside.map_err(|error| FileError::write(output, error))?;
    aside
        .write_all(bytes)
        .and_then(|()| aside.as_file().sync_all())
        .map_err(|error| FileError::write(output, error))?;
    aside
        .persist(output)
        .map_err(|error| FileError::write(output, error.error))?;
    Ok(())
}

/// Lets `fill` write files into an empty directory, then moves them to `directory`, which is made if need be. Their paths,
/// sorted.
///
/// # Errors
/// [`FileError::Write`], and those of `fill`; nothing is left of a `fill` that failed.
pub fn write_all<E: From<FileError>>(
    directory: &Path,
    fill: impl FnOnce(&Path) -> Result<(), E>,
) -> Result<Vec<PathBuf>, E> {
    let failed = |error: std::io::Error| FileError::write(directory, error);
    fs::create_dir_all(directory).map_err(failed)?;
    let aside = tempfile::Builder::new()
        .prefix(".pushpull-")
        .tempdir_in(directory)
        .map_err(failed)?;
    fill(aside.path())?;
    let mut moved = Vec::new();
    for entry in fs::read_dir(aside.path()).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let target = directory.join(entry.file_name());
        fs::rename(entry.path(), &target).map_err(|error| FileError::write(&target, error))?;
        moved.push(target);
    }
    moved.sort();
    Ok(moved)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_fill_leaves_nothing() {
        let place = tempfile::tempdir().unwrap();
        let failed = write_all(place.path(), |aside| {
            fs::write(aside.join("half.csv"), "x").unwrap();
            Err(FileError::write(aside, "no room"))
        });
        assert!(failed.is_err());
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
    }

    #[test]
    fn outputs_that_cannot_come_about_are_refused_first() {
        let place = tempfile::tempdir().unwrap();
        let input = place.path().join("w.safetensors");
        fs::write(&input, "weights").unwrap();
        assert!(check("--output", &place.path().join("none/g"), &[]).is_err());
        assert!(check("--output", place.path(), &[]).is_err());
        assert!(check("--output", &place.path().join("./w.safetensors"), &[&input]).is_err());
        assert!(check("--output", &place.path().join("g.safetensors"), &[&input]).is_ok());
    }
}
