//! Arrays of numbers written as NumPy reads them.

use std::io::{Cursor, Write};
use std::path::Path;

use npyz::WriterBuilder;
use zip::result::ZipResult;
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
    let mut members = Vec::with_capacity(arrays.len());
    for array in arrays {
        let failed = |error: std::io::Error| FileError::write(output, error);
        let shape: Vec<u64> = array.shape.iter().map(|&n| n as u64).collect();
        let mut bytes = Vec::new();
        let writer = npyz::WriteOptions::new().default_dtype().shape(&shape);
        let mut writer = writer.writer(&mut bytes).begin_nd().map_err(failed)?;
        writer
            .extend(array.numbers.iter().copied())
            .map_err(failed)?;
        writer.finish().map_err(failed)?;
        members.push((array.name, bytes));
    }
    stored(&members).map_err(|error| FileError::write(output, error))
}

/// An archive of npy files by the names of their arrays, not packed.
pub(crate) fn stored(arrays: &[(&str, Vec<u8>)]) -> ZipResult<Vec<u8>> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for (name, bytes) in arrays {
        archive.start_file(npyz::npz::file_name_from_array_name(name), options)?;
        archive.write_all(bytes)?;
    }
    Ok(archive.finish()?.into_inner())
}
