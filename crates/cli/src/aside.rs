//! Files that are there whole or not at all: written aside, then renamed.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::fault::Fault;

fn refused(file: &Path, detail: impl ToString) -> Fault {
    Fault::Write {
        file: file.to_owned(),
        detail: detail.to_string(),
    }
}

/// The directory that a file lies in.
fn parent(file: &Path) -> &Path {
    match file.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

/// Refuses an output that cannot come about, before any work is done: no directory for it, a directory in its place, or one
/// of the inputs.
pub fn check(output: &Path, inputs: &[&Path]) -> Result<(), Fault> {
    let shown = || output.display().to_string();
    let fault = |expected: &str, got: String, remedy: &str| {
        Err(Fault::option("--output", expected, got, remedy))
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

/// Refuses a directory of outputs in whose place a file is, before any work is done.
pub fn check_directory(output: &Path) -> Result<(), Fault> {
    if !output.exists() || output.is_dir() {
        return Ok(());
    }
    let got = format!("the file {}", output.display());
    Err(Fault::option(
        "--output",
        "a directory",
        got,
        "choose another name",
    ))
}

/// Writes a file.
pub fn write(output: &Path, bytes: &[u8]) -> Result<(), Fault> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".pushpull-");
    // Those of any new file, less the user's mask; a temporary file's own are private.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let aside = builder.tempfile_in(parent(output));
    let mut aside = aside.map_err(|error| refused(output, error))?;
    aside
        .write_all(bytes)
        .and_then(|()| aside.as_file().sync_all())
        .map_err(|error| refused(output, error))?;
    aside
        .persist(output)
        .map_err(|error| refused(output, error.error))?;
    Ok(())
}

/// Lets `fill` write files into an empty directory, then moves them to `directory`, which is made if need be.
pub fn write_all(
    directory: &Path,
    fill: impl FnOnce(&Path) -> Result<(), Fault>,
) -> Result<Vec<PathBuf>, Fault> {
    let failed = |error: std::io::Error| refused(directory, error);
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
        fs::rename(entry.path(), &target).map_err(|error| refused(&target, error))?;
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
            Err(refused(aside, "no room"))
        });
        assert!(failed.is_err());
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
    }

    #[test]
    fn outputs_that_cannot_come_about_are_refused_first() {
        let place = tempfile::tempdir().unwrap();
        let input = place.path().join("w.safetensors");
        fs::write(&input, "weights").unwrap();
        assert!(check(&place.path().join("none/g"), &[]).is_err());
        assert!(check(place.path(), &[]).is_err());
        assert!(check(&place.path().join("./w.safetensors"), &[&input]).is_err());
        assert!(check(&place.path().join("g.safetensors"), &[&input]).is_ok());
    }
}
