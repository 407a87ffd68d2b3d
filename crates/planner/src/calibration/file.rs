//! A calibration as a file of text: a line that names the version, one that names the machine, then a line for each curve.

use std::fmt::Write as _;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use pushpull_core::siblings::words::Line;

use super::curve::Curve;
use super::{Calibration, machine};

/// The first line. Its number changes with what is measured or how it is written.
const VERSION: &str = "pushpull calibration 1";

/// Bytes of a file, at most: some hundred thousand blocks.
const MOST: u64 = 1 << 24;

/// Why a calibration could not be read or written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CacheError {
    /// The file cannot be read.
    #[error("{file}: expected a calibration, got {detail}; measure one with Calibration::measure", file = Line(.file.display()))]
    Read {
        /// The file.
        file: PathBuf,
        /// What the system said.
        detail: String,
    },
    /// A line that is none of a calibration of this version on this machine.
    #[error("{file}, line {line}: expected {expected}, got {got:?}; remove the file, and the times are measured anew", file = Line(.file.display()))]
    Line {
        /// The file.
        file: PathBuf,
        /// Counted from 1.
        line: usize,
        /// What belongs there.
        expected: String,
        /// What is there, at most 60 characters.
        got: String,
    },
    /// The file cannot be written.
    #[error("{file}: the calibration could not be written ({detail}); give a path that can be written, or none", file = Line(.file.display()))]
    Write {
        /// The file.
        file: PathBuf,
        /// What the system said.
        detail: String,
    },
}

impl Calibration {
    /// Every curve as a line, in the order of their names.
    pub(super) fn lines(&self) -> Vec<String> {
        let line = |curve: &Curve| {
            let mut text = curve.name.clone();
            for (width, seconds) in curve.points() {
                // Writing to a string cannot fail.
                let _ = write!(text, "\t{width}:{seconds:e}");
            }
            text
        };
        let measured = self
            .curves
            .iter()
            .filter(|curve| !curve.points().is_empty());
        let mut lines: Vec<String> = measured.map(line).collect();
        lines.sort_unstable();
        lines
    }

    /// What [`Calibration::save`] writes.
    pub fn text(&self) -> String {
        let mut text = format!("{VERSION}\n{}\n", machine::description());
        for line in self.lines() {
            text.push_str(&line);
            text.push('\n');
        }
        text
    }

    /// Reads a file that [`Calibration::save`] has written.
    ///
    /// # Errors
    /// [`CacheError::Read`]; [`CacheError::Line`] for another version or machine, or a line that is broken.
    pub fn load(path: &Path) -> Result<Self, CacheError> {
        let refused = |detail: String| CacheError::Read {
            file: path.into(),
            detail,
        };
        let metadata = fs::metadata(path).map_err(|fault| refused(fault.to_string()))?;
        // A pipe would wait, a device would never end.
        if !metadata.is_file() {
            return Err(refused("something that is not a file".into()));
        }
        let file = fs::File::open(path).map_err(|fault| refused(fault.to_string()))?;
        Self::read(path, file)
    }

    /// [`Calibration::load`] of what is open already, of 2^24 bytes at most; `name` is for the faults.
    ///
    /// # Errors
    /// As [`Calibration::load`].
    pub fn read(name: &Path, source: impl Read) -> Result<Self, CacheError> {
        let unread = |detail: String| CacheError::Read {
            file: name.into(),
            detail,
        };
        let mut text = String::new();
        source
            .take(MOST + 1)
            .read_to_string(&mut text)
            .map_err(|fault| unread(fault.to_string()))?;
        if text.len() as u64 > MOST {
            return Err(unread(format!("more than {MOST} bytes")));
        }
        let refused = |line: usize, expected: &str, got: &str| CacheError::Line {
            file: name.into(),
            line,
            expected: expected.into(),
            got: got.chars().take(60).collect(),
        };
        let mut lines = text.lines();
        for (i, expected) in [VERSION.to_owned(), machine::description()]
            .iter()
            .enumerate()
        {
            let got = lines.next().unwrap_or_default();
            if got != expected {
                return Err(refused(i + 1, expected, got));
            }
        }
        let mut own = Self::default();
        for (i, line) in lines.enumerate() {
            let wrong = || refused(i + 3, "a name and points `width:seconds`", line);
            let mut parts = line.split('\t');
            let name = parts
                .next()
                .filter(|name| !name.is_empty())
                .ok_or_else(wrong)?;
            let mut curve = Curve::new(name.into());
            for part in parts {
                let (width, seconds) = part.split_once(':').ok_or_else(wrong)?;
                let width: usize = width.parse().map_err(|_| wrong())?;
                let seconds: f64 = seconds.parse().map_err(|_| wrong())?;
                // In order: points out of it would be moved once for each, which of a long line takes forever.
                let above = curve.points().last().map_or(0, |&(last, _)| last);
                if !(width > above && seconds.is_finite() && seconds > 0.0) {
                    return Err(wrong());
                }
                curve.set(width, seconds);
            }
            if curve.points().is_empty() || own.by_name.contains_key(name) {
                return Err(wrong());
            }
            own.by_name.insert(name.into(), own.curves.len());
            own.curves.push(curve);
        }
        Ok(own)
    }

    /// Writes the calibration to a file beside `path` and renames it: a reader sees the old file or the new one, whole.
    ///
    /// # Errors
    /// [`CacheError::Write`]
    pub fn save(&self, path: &Path) -> Result<(), CacheError> {
        let refused = |fault: std::io::Error| CacheError::Write {
            file: path.into(),
            detail: fault.to_string(),
        };
        let parent = path
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty());
        if let Some(parent) = parent {
            fs::create_dir_all(parent).map_err(refused)?;
        }
        let mut name = path.file_name().unwrap_or_default().to_os_string();
        name.push(format!(".{}.new", std::process::id()));
        let aside = path.with_file_name(name);
        fs::write(&aside, self.text()).map_err(refused)?;
        fs::rename(&aside, path).map_err(|fault| {
            // What cannot be put in place is not left behind.
            let _ = fs::remove_file(&aside);
            refused(fault)
        })
    }
}
