//! Jacobians row by row: one adjoint sweep an output, several side by side as columns.

use std::ops::Range;

use nalgebra::DMatrix;
use pushpull_core::{Mat, MatMut, Result, Scalar, Wrt, memory};

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
    /// use pushpull_reverse_mode::{Reverse, Store};
    /// let mut b = Builder::new();
    /// let x = b.input("x", 1);
    /// let y = b.block(Linear::new(1, 2), x);
    /// let graph = b.build(y)?;
    /// let mut reverse = Reverse::new(&graph, 1, Store::All, 1)?;
    /// let jacobian = reverse.jacobian_params(&[0.0; 4], &dmatrix![7.0])?;
    /// assert_eq!(jacobian, dmatrix![7.0, 0.0, 1.0, 0.0; 0.0, 7.0, 0.0, 1.0]);
    /// # Ok::<(), pushpull_core::Error>(())
    /// ```
    pub fn jacobian_params<'a>(
        &mut self,
        params: &'a [T],
        x: impl Into<Mat<'a, T>>,
    ) -> Result<DMatrix<T>> {
        let (batch, n_outputs, n_params) = (
            self.batch(),
            self.graph().n_outputs(),
            self.graph().n_params(),
        );
        let seeds = self.adjoint.seeds().min(n_outputs);
        let rows = memory::elements(&[n_outputs, batch]);
        memory::fits::<T>(
            format_args!("the Jacobian of {rows} outputs by {n_params} parameters"),
            memory::elements(&[rows.saturating_add(seeds * batch), n_params]),
            "use a smaller batch, or pull back the cotangents you need",
        )?;
        let mut jacobian = DMatrix::from_element(rows, n_params, T::zero());
        // A column a (seed, sample): vjp_params writes contiguous parameters, the Jacobian's rows are not.
        let mut columns = DMatrix::from_element(n_params, seeds * batch, T::zero());
        self.by_rows(
            params,
            x.into(),
            Wrt::PARAMS,
            |engine, params, x, outputs| {
                let Reverse {
                    program,
                    adjoint,
                    record,
                    cotangents,
                    seed,
                    scratch,
                    team,
                    ..
                } = engine;
                let y_bar = Mat::new(seed, n_outputs, outputs.len() * batch);
                team.run(|| {
                    program.pull(
                        adjoint,
                        params,
                        x,
                        record,
                        y_bar,
                        cotangents,
                        scratch,
                        true,
                        None,
                        |visit, own, scratch| {
                            for column in 0..outputs.len() * batch {
                                let (sample, own) = (
                                    visit.at.sample(column % batch),
                                    own.cols(column..column + 1),
                                );
                                let target = &mut columns.column_mut(column).data.into_slice_mut()
                                    [visit.params.clone()];
                                visit
                                    .block
                                    .vjp_params(&sample, own, visit.first, target, scratch);
                            }
                        },
                    )
                });
                write_rows(&mut jacobian, Mat::from(&columns), outputs, batch);
                Ok(())
            },
        )?;
        Ok(jacobian)
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
        let (batch, n_outputs, n_inputs) = (
            self.batch(),
            self.graph().n_outputs(),
            self.graph().n_inputs(),
        );
        let seeds = self.adjoint.seeds().min(n_outputs);
        let rows = memory::elements(&[n_outputs, batch]);
        memory::fits::<T>(
            format_args!("the Jacobian of {rows} outputs by {n_inputs} inputs"),
            memory::elements(&[rows.saturating_add(seeds * batch), n_inputs]),
            "use a smaller batch, or pull back the cotangents you need",
        )?;
        let mut jacobian = DMatrix::from_element(rows, n_inputs, T::zero());
        let mut columns = vec![T::zero(); n_inputs * seeds * batch];
        self.by_rows(
            params,
            x.into(),
            Wrt::INPUTS,
            |engine, params, x, outputs| {
                let Reverse {
                    program,
                    adjoint,
                    record,
                    cotangents,
                    seed,
                    scratch,
                    team,
                    ..
                } = engine;
                let width = outputs.len() * batch;
                let y_bar = Mat::new(seed, n_outputs, width);
                let x_bar = Some(MatMut::new(&mut columns, n_inputs, width));
                team.run(|| {
                    program.pull(
                        adjoint,
                        params,
                        x,
                        record,
                        y_bar,
                        cotangents,
                        scratch,
                        false,
                        x_bar,
                        |_, _, _| {},
                    )
                });
                let columns = Mat::new(&columns, n_inputs, width);
                write_rows(&mut jacobian, columns, outputs, batch);
                Ok(())
            },
        )?;
        Ok(jacobian)
    }

    /// Records once, then hands every group of outputs to `sweep` with their unit cotangents in `seed`.
    fn by_rows(
        &mut self,
        params: &[T],
        x: Mat<'_, T>,
        wrt: Wrt,
        mut sweep: impl FnMut(&mut Self, &[T], Mat<'_, T>, Range<usize>) -> Result<()>,
    ) -> Result<()> {
        let (batch, n_outputs) = (self.batch(), self.graph().n_outputs());
        let doubt = self.record(params, x)?.doubt;
        if doubt.meets(wrt) {
            self.graph().check_slopes(params, x, wrt, T::DUAL)?;
        }
        let seeds = self.adjoint.seeds().min(n_outputs);
        for first in (0..n_outputs).step_by(seeds) {
            let outputs = first..n_outputs.min(first + seeds);
            self.seed.fill(T::zero());
            let mut unit = MatMut::new(&mut self.seed, n_outputs, outputs.len() * batch);
            for (k, output) in outputs.clone().enumerate() {
                for sample in 0..batch {
                    unit.col_mut(k * batch + sample)[output] = T::one();
                }
            }
            sweep(self, params, x, outputs)?;
        }
        Ok(())
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
