//! What every block reads and writes on a batch.

use std::ops::Range;

use nalgebra::{DMatrix, DMatrixView};
use pushpull_core::graph::Origin;
use pushpull_core::{Graph, Primal, Result, Scalar};

use crate::watched::exposed;

/// The values of all nodes.
pub(crate) struct Values<'a, T: Scalar> {
    graph: &'a Graph,
    x: &'a DMatrix<T>,
    /// Each node's rows of `all`.
    rows: Vec<Range<usize>>,
    all: DMatrix<T>,
}

impl<'a, T: Scalar> Values<'a, T> {
    pub(crate) fn new(graph: &'a Graph, params: &[T], x: &'a DMatrix<T>) -> Result<Self> {
        let (wide, rows) = exposed(graph)?;
        let each: Vec<T> = graph
            .nodes()
            .iter()
            .flat_map(|node| &params[node.params.clone()])
            .copied()
            .collect();
        let mut primal = Primal::new(&wide, x.ncols())?;
        let all = primal.run(&each, x)?.to_dmatrix();
        Ok(Self {
            graph,
            x,
            rows,
            all,
        })
    }

    /// h_i, n_out x B.
    pub(crate) fn of(&self, node: usize) -> DMatrixView<'_, T> {
        let rows = &self.rows[node];
        self.all.rows(rows.start, rows.len())
    }

    /// u_i, n_in x B.
    pub(crate) fn read_by(&self, node: usize) -> DMatrix<T> {
        let of = &self.graph.nodes()[node];
        let mut read = DMatrix::from_element(of.dims().n_in, self.x.ncols(), T::zero());
        let mut row = 0;
        for source in &of.sources {
            let part = match source.origin {
                Origin::Input(input) => {
                    let rows = &self.graph.inputs()[input].rows;
                    self.x.rows(rows.start, rows.len())
                }
                Origin::Node(j) => self.of(j),
            };
            read.rows_mut(row, part.nrows()).copy_from(&part);
            row += part.nrows();
        }
        read
    }
}

/// The Frobenius norm, scaled by a power of two so that no square overflows or vanishes.
pub(crate) fn norm<T: Scalar>(numbers: impl Iterator<Item = T> + Clone) -> f64 {
    let largest = numbers.clone().fold(0.0_f64, |largest, x| {
        let x = x.to_f64().abs();
        if x.is_nan() || x > largest {
            x
        } else {
            largest
        }
    });
    if largest == 0.0 || !largest.is_finite() {
        return largest;
    }
    let scale = largest.log2().floor().clamp(-1000.0, 1000.0).exp2();
    let squares = numbers.map(|x| (x.to_f64() / scale).powi(2)).sum::<f64>();
    scale * squares.sqrt()
}

#[cfg(test)]
mod tests {
    use super::norm;

    #[test]
    fn norms_of_large_and_small_numbers_are_right_and_nan_is_kept() {
        let of = |numbers: &[f64]| norm(numbers.iter().copied());
        assert_eq!(of(&[]), 0.0);
        assert_eq!(of(&[3.0, -4.0]), 5.0);
        for scale in [1e200, 1e-200, 1e300, 1e-300] {
            assert!((of(&[3.0 * scale, 4.0 * scale]) / scale - 5.0).abs() < 1e-14);
        }
        assert!(of(&[f64::NAN, 1.0]).is_nan() && of(&[1.0, f64::NAN, 2.0]).is_nan());
        assert_eq!(of(&[1.0, f64::NEG_INFINITY]), f64::INFINITY);
    }
}
