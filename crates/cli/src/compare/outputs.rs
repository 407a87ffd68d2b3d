//! Where the picture and the table go: into a directory, or a picture of the user's own name with the table beside it.

use std::fs;
use std::path::{Path, PathBuf};

use pushpull_files::{FileError, output};
use pushpull_plot::Multiples;

use crate::destination::{self, Named};
use crate::fault::Fault;

/// The files in a directory.
const FILES: [&str; 2] = ["compare.csv", "compare.png"];

/// How a picture is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Png,
    Svg,
}

impl Kind {
    /// By the end of a name.
    fn of(path: &Path) -> Option<Self> {
        let end = path.extension()?.to_str()?.to_lowercase();
        match &end[..] {
            "png" => Some(Self::Png),
            "svg" => Some(Self::Svg),
            _ => None,
        }
    }

    fn bytes(self, page: &Multiples) -> Result<Vec<u8>, Fault> {
        Ok(match self {
            Self::Png => page.png()?,
            Self::Svg => page.svg()?.into_bytes(),
        })
    }
}

/// Ends of names that are files and no directories, but no pictures that are drawn here.
const OTHERS: [&str; 11] = [
    "jpg", "jpeg", "gif", "webp", "bmp", "tiff", "pdf", "eps", "csv", "json", "txt",
];

enum Place {
    Directory(PathBuf),
    Picture(PathBuf, Kind),
}

/// All places that were named.
pub struct Outputs(Vec<Place>);

impl Outputs {
    /// Refuses what cannot be written, before any work is done.
    pub fn of(named: &[PathBuf], inputs: &[&Path]) -> Result<Self, Fault> {
        let (mut places, mut pictures) = (Vec::new(), Vec::new());
        for path in named {
            let end = path.extension().and_then(|end| end.to_str());
            let end = end.unwrap_or_default().to_lowercase();
            places.push(match Kind::of(path) {
                Some(kind) if !path.is_dir() => {
                    let numbers = path.with_extension("csv");
                    let files: [Named; 2] = [("--output", path, &[]), ("--output", &numbers, &[])];
                    destination::check(&files, inputs)?;
                    pictures.push(path.clone());
                    Place::Picture(path.clone(), kind)
                }
                _ if OTHERS.contains(&&end[..]) && !path.is_dir() => {
                    return Err(Fault::option(
                        "--output",
                        "a directory, or a picture whose name ends in .png or .svg",
                        path.display().to_string(),
                        "choose another name; the table is written beside the picture",
                    ));
                }
                _ => {
                    destination::check(&[("--output", path, &FILES)], inputs)?;
                    pictures.extend([path.clone(), path.join(FILES[1])]);
                    Place::Directory(path.clone())
                }
            });
        }
        let pictures: Vec<(&str, &Path)> = pictures
            .iter()
            .map(|path| ("--output", path.as_path()))
            .collect();
        output::distinct(&pictures)?;
        Ok(Self(places))
    }

    /// Writes the table and the picture everywhere; their paths.
    pub fn write(&self, table: &[u8], page: &Multiples) -> Result<Vec<PathBuf>, Fault> {
        let mut files = Vec::new();
        for place in &self.0 {
            match place {
                Place::Directory(directory) => {
                    let written = output::write_all::<Fault>(directory, |aside| {
                        for (name, bytes) in FILES.iter().zip([table, &Kind::Png.bytes(page)?]) {
                            let path = aside.join(name);
                            fs::write(&path, bytes)
                                .map_err(|error| FileError::write(&path, error))?;
                        }
                        Ok(())
                    })?;
                    files.extend(written);
                }
                Place::Picture(path, kind) => {
                    let numbers = path.with_extension("csv");
                    if !files.contains(&numbers) {
                        output::write(&numbers, table)?;
                        files.push(numbers);
                    }
                    output::write(path, &kind.bytes(page)?)?;
                    files.push(path.clone());
                }
            }
        }
        Ok(files)
    }
}
