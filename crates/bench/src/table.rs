//! Questions to the measured rows.

use crate::fit::PowerLaw;
use crate::record::{Dtype, Mode, Record, Sweep};

/// All rows of a run.
#[derive(Clone, Copy, Debug)]
pub struct Table<'a>(
    /// The rows.
    pub &'a [Record],
);

/// Which rows a curve takes: those of one sweep, batch, precision and mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Curve {
    /// The sweep.
    pub sweep: Sweep,
    /// Samples.
    pub batch: usize,
    /// Precision.
    pub dtype: Dtype,
    /// What was computed.
    pub mode: Mode,
}

impl Curve {
    /// A curve of a sweep in f64.
    pub const fn new(sweep: Sweep, batch: usize, mode: Mode) -> Self {
        Self {
            sweep,
            batch,
            dtype: Dtype::F64,
            mode,
        }
    }

    /// The same curve in another precision.
    pub const fn at(self, dtype: Dtype) -> Self {
        Self { dtype, ..self }
    }
}

impl<'a> Table<'a> {
    /// The rows of a curve.
    pub fn rows(self, curve: Curve) -> impl Iterator<Item = &'a Record> {
        let Curve {
            sweep,
            batch,
            dtype,
            mode,
        } = curve;
        self.0.iter().filter(move |r| {
            r.sweep == sweep && r.batch == batch && r.dtype == dtype && r.mode == mode
        })
    }

    /// The points of a curve.
    pub fn points(
        self,
        curve: Curve,
        x: impl Fn(&Record) -> f64,
        y: impl Fn(&Record) -> f64,
    ) -> Vec<(f64, f64)> {
        self.rows(curve).map(|r| (x(r), y(r))).collect()
    }

    /// The primal row of the same cell as `row`.
    pub fn primal(self, row: &Record) -> Option<&'a Record> {
        self.0.iter().find(|r| {
            r.mode == Mode::Primal
                && (r.sweep, r.batch, r.dtype) == (row.sweep, row.batch, row.dtype)
                && r.layers == row.layers
        })
    }
}

/// The power law through some points with x at least `from`; `None` where there are too few.
pub fn law(points: &[(f64, f64)], from: f64) -> Option<PowerLaw> {
    let (x, y): (Vec<f64>, Vec<f64>) = points.iter().copied().filter(|(x, _)| *x >= from).unzip();
    PowerLaw::fit(&x, &y).ok()
}

/// Number of parameters.
pub fn params(row: &Record) -> f64 {
    row.params as f64
}

/// Linear blocks of the network.
pub fn blocks(row: &Record) -> f64 {
    row.layers.0.len() as f64 - 1.0
}
