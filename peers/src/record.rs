//! The rows of `peers.csv`.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::grid::{Cell, PEERS};
use crate::net::{Dtype, Task, nets};

/// One peer in one cell. Without a ratio: the peer could not be measured there, the log says why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    pub net: String,
    pub dtype: Dtype,
    pub batch: usize,
    pub threads: usize,
    pub task: Task,
    pub peer: String,
    pub version: String,
    /// Median over the rounds, of one call.
    pub time_us: Option<f64>,
    /// Median over the rounds of the peer's time over pushpull's.
    pub ratio_to_pushpull: Option<f64>,
    /// Lower quartile of the same.
    pub ratio_lower_quartile: Option<f64>,
    /// pushpull's counted flops over its median time in this run, in parts of the peak of the cell's threads.
    pub pushpull_of_peak: Option<f64>,
}

impl Row {
    /// A row of a peer without a time.
    pub fn empty(cell: &Cell, peer: &str, version: &str) -> Self {
        Self {
            net: cell.net.name.clone(),
            dtype: cell.dtype,
            batch: cell.net.batch,
            threads: cell.threads,
            task: cell.task,
            peer: peer.into(),
            version: version.into(),
            time_us: None,
            ratio_to_pushpull: None,
            ratio_lower_quartile: None,
            pushpull_of_peak: None,
        }
    }

    fn key(&self) -> (&str, Dtype, usize, usize, Task, &str) {
        (
            &self.net,
            self.dtype,
            self.batch,
            self.threads,
            self.task,
            &self.peer,
        )
    }
}

/// Reads a table; none if there is no file.
///
/// # Errors
/// A file that is no such table.
pub fn read(path: &Path) -> Result<Vec<Row>, csv::Error> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    csv::Reader::from_path(path)?.deserialize().collect()
}

/// `earlier` with `new` rows in the place of those of the same cell and peer, in the grid's order.
pub fn merged(mut earlier: Vec<Row>, new: &[Row]) -> Vec<Row> {
    earlier.retain(|row| new.iter().all(|n| n.key() != row.key()));
    earlier.extend_from_slice(new);
    let grid = nets();
    let place = |row: &Row| {
        let net = grid
            .iter()
            .position(|net| net.name == row.net && net.batch == row.batch);
        let dtype = Dtype::ALL.iter().position(|d| *d == row.dtype);
        let task = Task::ALL.iter().position(|t| *t == row.task);
        let peer = PEERS.iter().position(|p| *p == row.peer);
        (net, dtype, row.threads, task, peer)
    };
    earlier.sort_by_key(place);
    earlier
}

/// Replaces a table whole or not at all: written aside, then renamed.
///
/// # Errors
/// A place that cannot be written.
pub fn write(path: &Path, rows: &[Row]) -> Result<(), csv::Error> {
    let aside = path.with_extension("csv.aside");
    let mut writer = csv::Writer::from_path(&aside)?;
    for row in rows {
        writer.serialize(row)?;
    }
    writer.flush()?;
    drop(writer);
    fs::rename(&aside, path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(net: &str, peer: &str, ratio: Option<f64>) -> Row {
        Row {
            net: net.into(),
            dtype: Dtype::F64,
            batch: 32,
            threads: 1,
            task: Task::ForwardGradient,
            peer: peer.into(),
            version: "1.2".into(),
            time_us: ratio,
            ratio_to_pushpull: ratio,
            ratio_lower_quartile: ratio,
            pushpull_of_peak: None,
        }
    }

    #[test]
    fn a_table_survives_the_file_and_has_the_agreed_columns() {
        let path = std::env::temp_dir().join(format!("peers-{}.csv", std::process::id()));
        let rows = [row("2-4-1", "jax", Some(3.5)), row("2-4-1", "torch", None)];
        write(&path, &rows).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(
            text,
            "net,dtype,batch,threads,task,peer,version,time_us,ratio_to_pushpull,ratio_lower_quartile,pushpull_of_peak\n\
             2-4-1,f64,32,1,forward-gradient,jax,1.2,3.5,3.5,3.5,\n\
             2-4-1,f64,32,1,forward-gradient,torch,1.2,,,,\n"
        );
        assert_eq!(read(&path).unwrap(), rows);
        fs::remove_file(&path).unwrap();
        assert!(read(&path).unwrap().is_empty());
    }

    #[test]
    fn merging_replaces_equal_keys_and_keeps_the_grids_order() {
        let earlier = vec![
            row("50x64", "jax", Some(1.0)),
            row("2-4-1", "jax", Some(1.0)),
        ];
        let all = merged(
            earlier,
            &[row("2-4-1", "jax", None), row("2-4-1", "burn", Some(2.0))],
        );
        let seen: Vec<_> = all
            .iter()
            .map(|r| (r.net.as_str(), r.peer.as_str(), r.time_us))
            .collect();
        assert_eq!(
            seen,
            [
                ("2-4-1", "jax", None),
                ("2-4-1", "burn", Some(2.0)),
                ("50x64", "jax", Some(1.0))
            ]
        );
    }
}
