//! Jacobians row by row: one adjoint sweep an output, several side by side as columns.

use std::ops::Range;

use nalgebra::DMatrix;
use pushpull_core::program::{all_finite, in_range};
use pushpull_core::siblings::memory;
use pushpull_core::{Mat, MatMut, Result, Scalar, Wrt};

use crate::Reverse;
use crate::record::fits;

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
        self.by_rows(params, x.into(), "parameters", Wrt::PARAMS)
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
        self.by_rows(params, x.into(), "inputs", Wrt::INPUTS)
    }

    /// As [`Reverse::jacobian_params`], written as the products leave it, without a copy: into `rows`, `n_params` x
    /// `n_outputs B`, whose column `output * B + sample` is a row of the Jacobian. Of one output these columns are the
    /// samples' gradients. Allocates nothing, but the first time after a gradient.
    ///
    /// # Errors
    /// As [`Reverse::jacobian_params`]; [`pushpull_core::Error::Shape`] for `rows`. Then nothing is written, or rows of the
    /// first outputs.
    ///
    /// ```
    /// use nalgebra::{DMatrix, dmatrix};
    /// use pushpull_core::{Builder, blocks::Linear};
    /// use pushpull_reverse_mode::Reverse;
    /// let mut b = Builder::new();
    /// let x = b.input("x", 1);
    /// let y = b.block(Linear::new(1, 1), x);
    /// let graph = b.build(y)?;
    /// let mut reverse = Reverse::new(&graph, 3)?;
    /// let mut gradients = DMatrix::zeros(2, 3);
    /// reverse.jacobian_params_into(&[0.0; 2], &dmatrix![7.0, 8.0, 9.0], &mut gradients)?;
    /// assert_eq!(gradients, dmatrix![7.0, 8.0, 9.0; 1.0, 1.0, 1.0]);
    /// # Ok::<(), pushpull_core::Error>(())
    /// ```
    pub fn jacobian_params_into<'a>(
        &mut self,
        params: &'a [T],
        x: impl Into<Mat<'a, T>>,
        rows: impl Into<MatMut<'a, T>>,
    ) -> Result<()> {
        self.rows_into(params, x.into(), Wrt::PARAMS, rows.into())
    }

    /// As [`Reverse::jacobian_inputs`], written as the products leave it, without a copy: into `rows`, `n_inputs` x
    /// `n_outputs B`, whose column `output * B + sample` is a row of the Jacobian. Allocates nothing, but the first time
    /// after a gradient.
    ///
    /// # Errors
    /// As [`Reverse::jacobian_params_into`].
    pub fn jacobian_inputs_into<'a>(
        &mut self,
        params: &'a [T],
        x: impl Into<Mat<'a, T>>,
        rows: impl Into<MatMut<'a, T>>,
    ) -> Result<()> {
        self.rows_into(params, x.into(), Wrt::INPUTS, rows.into())
    }

    fn rows_into(
        &mut self,
        params: &[T],
        x: Mat<'_, T>,
        wrt: Wrt,
        mut rows: MatMut<'_, T>,
    ) -> Result<()> {
        let (batch, n_outputs) = (self.batch(), self.graph().n_outputs());
        let expected = (self.across(wrt), memory::elements(&[n_outputs, batch]));
        fits("rows", &rows, expected)?;
        let seeds = self.side().min(n_outputs);
        self.starts(params, x, wrt)?;
        for outputs in groups(n_outputs, seeds) {
            let target = rows
                .rb_mut()
                .cols(outputs.start * batch..outputs.end * batch);
            self.group(params, x, &outputs, wrt, target)?;
        }
        Ok(())
    }

    /// Columns of a Jacobian.
    fn across(&self, wrt: Wrt) -> usize {
        if wrt.inputs {
            self.graph().n_inputs()
        } else {
            self.graph().n_params()
        }
    }

    /// Records, and refuses slopes that are not finite.
    fn starts(&mut self, params: &[T], x: Mat<'_, T>, wrt: Wrt) -> Result<()> {
        let doubt = self.record(params, x)?.doubt;
        self.graph().settle(params, x, doubt, wrt)
    }

    /// Pulls the unit cotangents of some outputs back from the record.
    fn group(
        &mut self,
        params: &[T],
        x: Mat<'_, T>,
        outputs: &Range<usize>,
        wrt: Wrt,
        target: MatMut<'_, T>,
    ) -> Result<()> {
        let Self { prepared, team, .. } = self;
        in_range([target], all_finite, |[target], unit| {
            team.run(|| prepared.rows(params, x, outputs, wrt.inputs, target, unit))
        })
    }

    /// Records once, then pulls back the unit cotangents of every group of outputs.
    fn by_rows(&mut self, params: &[T], x: Mat<'_, T>, what: &str, wrt: Wrt) -> Result<DMatrix<T>> {
        let (batch, n_outputs, all) = (self.batch(), self.graph().n_outputs(), self.across(wrt));
        let (rows, seeds) = (
            memory::elements(&[n_outputs, batch]),
            self.side().min(n_outputs),
        );
        memory::fits::<T>(
            format_args!("the Jacobian of {rows} outputs by {all} {what}"),
            memory::elements(&[rows.saturating_add(seeds * batch), all]),
            "use a smaller batch, or pull back the cotangents you need",
        )?;
        self.starts(params, x, wrt)?;
        let mut jacobian = DMatrix::from_element(rows, all, T::zero());
        // A column a (seed, sample): what is written lies in one piece, the Jacobian's rows do not.
        let mut columns = vec![T::zero(); all * seeds * batch];
        for outputs in groups(n_outputs, seeds) {
            let target = MatMut::new(&mut columns, all, outputs.len() * batch);
            self.group(params, x, &outputs, wrt, target)?;
            let columns = Mat::new(&columns, all, outputs.len() * batch);
            write_rows(&mut jacobian, columns, outputs, batch);
        }
        Ok(jacobian)
    }
}

/// The outputs, so many side by side.
fn groups(outputs: usize, side: usize) -> impl Iterator<Item = Range<usize>> {
    let starts = (0..outputs).step_by(side.max(1));
    starts.map(move |first| first..outputs.min(first + side))
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
