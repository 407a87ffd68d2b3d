//! Jacobians row by row: one adjoint sweep an output, several side by side as columns.

use std::ops::Range;

use nalgebra::DMatrix;
use pushpull_core::program::{all_finite, in_range};
use pushpull_core::siblings::memory;
use pushpull_core::{Mat, MatMut, Result, Scalar, Wrt};

use crate::Reverse;

impl<T: Scalar> Reverse<T> {
    /// The Jacobian of all outputs with respect to the parameters: row `sample * n_outputs + output`, a column a
    /// parameter. One adjoint sweep an output serves all samples, since a sample's output depends on it alone.
    ///
    /// # Errors
    /// As [`pushpull_core::Graph::check`] and [`pushpull_core::Graph::check_slopes`]; [`pushpull_core::Error::TooLarge`] before anything is allocated.
    ///
    /// ```
    /// use nalgebra::dmatrix;
    /// use pushpull_core::{Builder, blocks::Linear};
    /// use pushpull_reverse_mode::Reverse;
    /// let mut b = Builder::new();
    /// let x = b.input("x", 1);
    /// let y = b.block(Linear::new(1, 2), x);
    /// let graph = b.build(y)?;
    /// let mut reverse = Reverse::new(&graph, 1)?;
    /// let jacobian = reverse.jacobian_params(&[0.0; 4], &dmatrix![7.0])?;
    /// assert_eq!(jacobian, dmatrix![7.0, 0.0, 1.0, 0.0; 0.0, 7.0, 0.0, 1.0]);
    /// # Ok::<(), pushpull_core::Error>(())
    /// ```
    pub fn jacobian_params<'a>(
        &mut self,
        params: &'a [T],
        x: impl Into<Mat<'a, T>>,
    ) -> Result<DMatrix<T>> {
        let n_params = self.graph().n_params();
        self.by_rows(params, x.into(), "parameters", n_params, Wrt::PARAMS)
    }

    /// The Jacobian of all outputs with respect to the inputs, sample by sample: row `sample * n_outputs + output`, a
    /// column a row of the input matrix. Columns of constant inputs are exact zeros.
    ///
    /// # Errors
    /// As [`Reverse::jacobian_params`].
    pub fn jacobian_inputs<'a>(
        &mut self,
        params: &'a [T],
        x: impl Into<Mat<'a, T>>,
    ) -> Result<DMatrix<T>> {
        let n_inputs = self.graph().n_inputs();
        self.by_rows(params, x.into(), "inputs", n_inputs, Wrt::INPUTS)
    }

    /// Records once, then pulls back the unit cotangents of every group of outputs.
    fn by_rows(
        &mut self,
        params: &[T],
        x: Mat<'_, T>,
        what: &str,
        all: usize,
        wrt: Wrt,
    ) -> Result<DMatrix<T>> {
        let (batch, n_outputs) = (self.batch(), self.graph().n_outputs());
        let (rows, seeds) = (
            memory::elements(&[n_outputs, batch]),
            self.side().min(n_outputs),
        );
        memory::fits::<T>(
            format_args!("the Jacobian of {rows} outputs by {all} {what}"),
            memory::elements(&[rows.saturating_add(seeds * batch), all]),
            "use a smaller batch, or pull back the cotangents you need",
        )?;
        let doubt = self.record(params, x)?.doubt;
        if doubt.meets(wrt) {
            self.graph().check_slopes(params, x, wrt, T::DUAL)?;
        }
        let mut jacobian = DMatrix::from_element(rows, all, T::zero());
        // A column a (seed, sample): what is written lies in one piece, the Jacobian's rows do not.
        let mut columns = vec![T::zero(); all * seeds * batch];
        let Self { prepared, team, .. } = self;
        for first in (0..n_outputs).step_by(seeds) {
            let outputs = first..n_outputs.min(first + seeds);
            let target = MatMut::new(&mut columns, all, outputs.len() * batch);
            in_range([target], all_finite, |[target], unit| {
                team.run(|| prepared.rows(params, x, &outputs, wrt.inputs, target, unit))
            })?;
            let columns = Mat::new(&columns, all, outputs.len() * batch);
            write_rows(&mut jacobian, columns, outputs, batch);
        }
        Ok(jacobian)
    }
}

/// Columns of a Jacobian that are written side by side. Their entries lie a column apart, often a power of two, where
/// more than a handful would push one another out of the nearest cache.
const SIDE_BY_SIDE: usize = 8;

/// Writes the rows of these outputs, which `columns` has as columns (output, sample), sample by sample. Row by row,
/// every entry would be a cache line of its own: of 2,048 rows of 256 inputs that took three quarters of all time.
fn write_rows<T: Scalar>(
    jacobian: &mut DMatrix<T>,
    columns: Mat<'_, T>,
    outputs: Range<usize>,
    batch: usize,
) {
    let (rows, n_outputs) = (jacobian.nrows(), jacobian.nrows() / batch.max(1));
    let wide = (rows * SIDE_BY_SIDE).max(1);
    for (tile, part) in jacobian.as_mut_slice().chunks_mut(wide).enumerate() {
        let first = tile * SIDE_BY_SIDE;
        for sample in 0..batch {
            for (k, output) in outputs.clone().enumerate() {
                let row = &columns.col(k * batch + sample)[first..][..part.len() / rows];
                let to = part[sample * n_outputs + output..].iter_mut();
                to.step_by(rows).zip(row).for_each(|(j, &g)| *j = g);
            }
        }
    }
}
