//! Samples out of a file of either kind: an npz, or a table of numbers.

use std::path::Path;

use nalgebra::DMatrix;

use crate::arrays::{Kind, Npz};
use crate::fault::Fault;
use crate::network::Network;
use crate::{rows, samples};

/// The first samples of a file, all of them if no batch is asked for: inputs over targets.
pub fn given(path: &Path, network: &Network, batch: Option<usize>) -> Result<DMatrix<f64>, Fault> {
    let name = path.to_string_lossy();
    if name.ends_with(".csv") || name.ends_with(".csv.gz") {
        return rows::read(path, network, batch);
    }
    let mut npz = Npz::open(path)?;
    let all = match npz.head("x")?.kind {
        Kind::F32 => samples::read::<f32>(&mut npz, network)?.map(f64::from),
        _ => samples::read::<f64>(&mut npz, network)?,
    };
    match batch {
        None => Ok(all),
        Some(batch) if batch <= all.ncols() => Ok(all.columns(0, batch).into_owned()),
        Some(batch) => Err(npz.fault(
            "x",
            format!("at least {batch} samples, as --batch says"),
            all.ncols().to_string(),
            "give a smaller --batch",
        )),
    }
}
