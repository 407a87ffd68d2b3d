//! Weights: safetensors.

use std::io::Cursor;
use std::path::Path;

use nalgebra::DMatrix;
use pushpull_files::weights::{Wanted, Weights, gradients, like};
use pushpull_files::{Element, FileError, Kind};

use crate::one_line;

const WIDTHS: [usize; 3] = [2, 3, 1];

/// Bytes as weights of a network 2-3-1.
pub fn weights(data: &[u8]) -> bool {
    let read = open(data, "\u{1b}[31m.safetensors").and_then(|file| match file.kind() {
        Kind::F32 => again::<f32>(file),
        _ => again::<f64>(file),
    });
    read.inspect_err(one_line).is_ok()
}

fn open<'a>(data: &'a [u8], name: &str) -> Result<Weights<Cursor<&'a [u8]>>, FileError> {
    Weights::new(
        Path::new(name),
        Cursor::new(data),
        data.len() as u64,
        &Wanted::widths(&WIDTHS),
    )
}

/// The parameters, written and read again, are the same.
fn again<T: Element>(mut file: Weights<Cursor<&[u8]>>) -> Result<(), FileError> {
    let params = file.read::<T>()?;
    let place = Path::new("again");
    let layers = file.layers().to_vec();
    let bytes = like(place, &layers, &params, &[]).expect("parameters of these layers");
    let same = open(&bytes, "again").and_then(|mut file| file.read::<T>());
    let same = same.expect("a file that was just written");
    let bits = |params: &[T]| -> Vec<u8> {
        let mut bytes = Vec::new();
        params.iter().for_each(|value| value.to_le(&mut bytes));
        bytes
    };
    assert!(bits(&params) == bits(&same), "{params:?} became {same:?}");
    // As gradients they have the names of this file, and `x` besides, which is no layer's.
    let x = DMatrix::from_element(2, 1, T::zero());
    let bytes = gradients(place, &layers, &params, Some(&x)).expect("parameters of these layers");
    let read = open(&bytes, "g").expect("the layers, and x");
    assert!(read.said().iter().any(|line| line.contains("\"x\"")));
    Ok(())
}
