//! Arrays of numbers written as NumPy reads them.

use std::io::{Cursor, Write};
use std::path::Path;

use npyz::WriterBuilder;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::FileError;

/// An array of float64.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    /// Its name in the archive.
    pub name: &'static str,
    /// Its lengths.
    pub shape: Vec<usize>,
    /// As many as the lengths multiply to, the last index first.
    pub numbers: Vec<f64>,
}

/// The bytes of the archive `output`, not packed.
///
/// # Errors
/// [`FileError::Write`] for numbers that do not fill the shape.
///
/// ```
/// use std::path::Path;
/// use pushpull_files::{Array, Npz, npz_bytes};
/// let array = Array { name: "y", shape: vec![2, 1], numbers: vec![3.0, 4.0] };
/// let bytes = npz_bytes(Path::new("y.npz"), &[array])?;
/// let mut npz = Npz::new(Path::new("y.npz"), std::io::Cursor::new(&bytes), bytes.len() as u64)?;
/// assert_eq!(npz.head("y")?.shape(), [2, 1]);
/// # Ok::<(), pushpull_files::FileError>(())
/// ```
pub fn npz_bytes(output: &Path, arrays: &[Array]) -> Result<Vec<u8>, FileError> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for array in arrays {
        let failed = |error: std::io::Error| FileError::write(output, error);
        let name = npyz::npz::file_name_from_array_name(array.name);
        let started = archive.start_file(name, options);
        started.map_err(|error| FileError::write(output, error))?;
        let shape: Vec<u64> = array.shape.iter().map(|&n| n as u64).collect();
        let mut bytes = Vec::new();
        let writer = npyz::WriteOptions::new().default_dtype().shape(&shape);
        let mut writer = writer.writer(&mut bytes).begin_nd().map_err(failed)?;
        writer
            .extend(array.numbers.iter().copied())
            .map_err(failed)?;
        writer.finish().map_err(failed)?;
        archive.write_all(&bytes).map_err(failed)?;
    }
    let done = archive
        .finish()
        .map_err(|error| FileError::write(output, error))?;
    Ok(done.into_inner())
}
