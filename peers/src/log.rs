//! What the run says: to the terminal and to a file.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

/// The log of one run.
pub struct Log(File);

impl Log {
    /// Begins `run.log` in `directory` anew, which also takes the libraries' own output.
    ///
    /// # Errors
    /// A directory that cannot be written.
    pub fn begin(directory: &Path) -> io::Result<Self> {
        // What libraries printed in an earlier run would be taken for this one's.
        if directory.exists() {
            std::fs::remove_dir_all(directory)?;
        }
        std::fs::create_dir_all(directory)?;
        Ok(Self(File::create(directory.join("run.log"))?))
    }

    /// Says a line.
    pub fn say(&mut self, line: &str) {
        eprintln!("{line}");
        // A full disk must not end a measurement.
        let _ = writeln!(self.0, "{line}");
    }
}
