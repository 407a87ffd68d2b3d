//! The seconds of one thing at several widths.

use super::timed::{Kind, Subject};

/// Measured points of one thing.
#[derive(Clone, Debug)]
pub(crate) struct Curve {
    /// How it is named in a file.
    pub(crate) name: String,
    /// How to measure it; not known of what was only read from a file.
    pub(crate) subject: Option<(Kind, Subject)>,
    /// (width, seconds), by width.
    points: Vec<(usize, f64)>,
}

impl Curve {
    pub(crate) const fn new(name: String) -> Self {
        Self {
            name,
            subject: None,
            points: Vec::new(),
        }
    }

    /// Seconds at a measured width.
    pub(crate) fn point(&self, width: usize) -> Option<f64> {
        let at = self
            .points
            .binary_search_by_key(&width, |&(width, _)| width);
        at.ok().map(|at| self.points[at].1)
    }

    pub(crate) fn set(&mut self, width: usize, seconds: f64) {
        match self
            .points
            .binary_search_by_key(&width, |&(width, _)| width)
        {
            Ok(at) => self.points[at].1 = seconds,
            Err(at) => self.points.insert(at, (width, seconds)),
        }
    }

    pub(crate) fn points(&self) -> &[(usize, f64)] {
        &self.points
    }
}
