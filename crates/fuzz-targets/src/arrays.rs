//! Arrays: npz, and npy in it.

use std::io::{Cursor, Write};
use std::path::Path;

use nalgebra::DMatrix;
use pushpull_core::blocks::Loss;
use pushpull_files::{FileError, Npz, Sample, samples};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::one_line;

/// Bytes as an archive of samples, for each loss.
pub fn npz(data: &[u8]) -> bool {
    [Loss::Sum, Loss::SquaredError, Loss::SoftmaxCrossEntropy]
        .map(|loss| samples_of(data, loss).inspect_err(one_line).is_ok())
        .contains(&true)
}

/// Bytes as an array of NumPy in an archive: as inputs, as outputs, as classes.
pub fn npy(data: &[u8]) -> bool {
    let x = written(&DMatrix::from_row_slice(2, 2, &[1.0, 2.0, 3.0, 4.0]));
    let alone = archive(&[("x", data)]);
    let both = archive(&[("x", &x), ("y", data)]);
    [
        (&alone, Loss::Sum),
        (&both, Loss::SquaredError),
        (&both, Loss::SoftmaxCrossEntropy),
    ]
    .map(|(bytes, loss)| samples_of(bytes, loss).inspect_err(one_line).is_ok())
    .contains(&true)
}

fn samples_of(bytes: &[u8], loss: Loss) -> Result<(), FileError> {
    let sample = Sample::new(2, 3, loss)?;
    let mut file = open(bytes, "\n.npz")?;
    for name in ["x", "y", "none"] {
        if let Err(fault) = file.head(name) {
            one_line(&fault);
        }
    }
    again(&mut file, &sample)
}

fn open<'a>(bytes: &'a [u8], name: &str) -> Result<Npz<Cursor<&'a [u8]>>, FileError> {
    Npz::new(Path::new(name), Cursor::new(bytes), bytes.len() as u64)
}

/// The samples, written as an archive and read again, are the same.
fn again(file: &mut Npz<Cursor<&[u8]>>, sample: &Sample) -> Result<(), FileError> {
    let read = samples::of_arrays(file, sample)?;
    assert_eq!(read.nrows(), sample.rows());
    assert!(read.iter().all(|value| value.is_finite()));
    let x = written(&read.rows(0, sample.inputs()).into_owned());
    let y = read.rows(sample.inputs(), sample.rows() - sample.inputs());
    let bytes = match sample.loss() {
        Loss::Sum => archive(&[("x", &x)]),
        Loss::SoftmaxCrossEntropy => {
            let class = |column: usize| y.column(column).iter().position(|one| *one == 1.0);
            let classes: Vec<u8> = (0..y.ncols())
                .flat_map(|k| (class(k).expect("a class") as i64).to_le_bytes())
                .collect();
            archive(&[
                ("x", &x),
                ("y", &array("<i8", &format!("({},)", y.ncols()), &classes)),
            ])
        }
        _ => archive(&[("x", &x), ("y", &written(&y.into_owned()))]),
    };
    let same = open(&bytes, "again").and_then(|mut file| samples::of_arrays(&mut file, sample));
    let same = same.expect("an archive that was just written");
    assert!(bits(&read) == bits(&same), "{read} became {same}");
    Ok(())
}

fn bits(numbers: &DMatrix<f64>) -> Vec<u8> {
    numbers
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect()
}

/// Samples as columns, written as rows: in C order the same numbers.
fn written(samples: &DMatrix<f64>) -> Vec<u8> {
    let shape = format!("({}, {})", samples.ncols(), samples.nrows());
    array("<f8", &shape, &bits(samples))
}

fn array(descr: &str, shape: &str, numbers: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend_from_slice(&(header.len() as u16).to_le_bytes());
    bytes.extend_from_slice(header.as_bytes());
    bytes.extend_from_slice(numbers);
    bytes
}

fn archive(arrays: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for (name, bytes) in arrays {
        archive
            .start_file(format!("{name}.npy"), options)
            .and_then(|()| Ok(archive.write_all(bytes)?))
            .expect("an archive in memory");
    }
    archive.finish().expect("an archive in memory").into_inner()
}
