//! Where the picture and the table go: into a directory, or a picture of the user's own name with the table beside it.

use std::fs;
use std::path::{Path, PathBuf};

use pushpull_files::{FileError, output};
use pushpull_plot::Multiples;

use crate::fault::Fault;

/// The name of the files in a directory.
const NAME: &str = "compare";

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
                    output::check("--output", path, inputs)?;
                    output::check("--output", &path.with_extension("csv"), inputs)?;
                    pictures.push(("--output", path.as_path()));
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
                    output::check_directory("--output", path)?;
                    pictures.push(("--output", path.as_path()));
                    Place::Directory(path.clone())
                }
            });
        }
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
                        let put = |end: &str, bytes: &[u8]| {
                            let path = aside.join(format!("{NAME}.{end}"));
                            fs::write(&path, bytes).map_err(|error| FileError::write(&path, error))
                        };
                        put("csv", table)?;
                        Ok(put("png", &Kind::Png.bytes(page)?)?)
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
