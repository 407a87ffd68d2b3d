//! Where a command writes: refused before the work if it cannot come about, is an input, or is written twice.

use std::fs;
use std::path::{Path, PathBuf};

use pushpull_files::{Line, output};

use crate::fault::Fault;

/// An option, the path that it names and, where that is a directory, the names of the files that are written into it.
pub type Named<'a> = (&'static str, &'a Path, &'a [&'a str]);

/// Refuses outputs that cannot come about, that are among the inputs, or that are one file, by whatever spelling.
pub fn check(named: &[Named], inputs: &[&Path]) -> Result<(), Fault> {
    let mut files = Vec::new();
    for &(option, path, names) in named {
        if path == Path::new("-") {
            let remedy = "write /dev/stdout for standard output, or ./- for a file of this name";
            return Err(Fault::option(option, "a file or a directory", "-", remedy));
        }
        if names.is_empty() {
            output::check(option, path, inputs)?;
            files.push((option, path.to_owned()));
            continue;
        }
        output::check_directory(option, path)?;
        for name in names {
            let file = path.join(name);
            // In a directory that is not there yet lies no input.
            if path.is_dir() {
                output::check(option, &file, inputs)?;
            }
            files.push((option, file));
        }
    }
    let files: Vec<(&str, &Path)> = files.iter().map(|(o, file)| (*o, file.as_path())).collect();
    Ok(output::distinct(&files)?)
}

/// Writes files. What is written through, such as a pipe, comes first: it may fail half-way, and then no file has been written.
pub fn write(mut files: Vec<(PathBuf, Vec<u8>)>) -> Result<(), Fault> {
    let is_stream = |path: &Path| fs::metadata(path).is_ok_and(|found| !found.is_file());
    files.sort_by_key(|(path, _)| !is_stream(path));
    for (path, bytes) in files {
        output::write(&path, &bytes)?;
    }
    Ok(())
}

/// A line for each file that was written.
pub fn listed(files: &[PathBuf], before: &str) -> String {
    let line = |file: &PathBuf| format!("{before}{}\n", Line(file.display()));
    files.iter().map(line).collect()
}
