//! Jacobians column by column: the tangents of unit vectors at the output.

use nalgebra::DMatrix;
use pushpull_core::program::{Asked, Frame, all_finite, in_range};
use pushpull_core::siblings::memory;
use pushpull_core::{Error, Mat, MatMut, Result, Scalar, Wrt};

use crate::Forward;
use crate::forward::{Prepared, sweeps};
use crate::setting::Purpose;

impl<T: Scalar> Forward<T> {
    /// The Jacobian of all outputs with respect to the parameters: row `sample * n_outputs + output`, a column a
    /// parameter. It is the lecture's tangent matrix at the last block, a chunk of columns a sweep.
    ///
    /// # Errors
    /// As [`pushpull_core::Graph::check`] and [`pushpull_core::Graph::check_slopes`]; [`pushpull_core::Error::TooLarge`] before anything is allocated.
    ///
    /// ```
    /// use nalgebra::dmatrix;
    /// use pushpull_core::{Builder, blocks::Linear};
    /// use pushpull_forward_mode::Forward;
    /// let mut b = Builder::new();
    /// let x = b.input("x", 1);
    /// let y = b.block(Linear::new(1, 2), x);
    /// let graph = b.build(y)?;
    /// let mut forward = Forward::new(&graph, 1)?;
    /// let jacobian = forward.jacobian_params(&[0.0; 4], &dmatrix![7.0])?;
    /// assert_eq!(jacobian, dmatrix![7.0, 0.0, 1.0, 0.0; 0.0, 7.0, 0.0, 1.0]);
    /// # Ok::<(), pushpull_core::Error>(())
    /// ```
    pub fn jacobian_params<'a>(
        &mut self,
        params: &[T],
        x: impl Into<Mat<'a, T>>,
    ) -> Result<DMatrix<T>> {
        let all = self.graph().n_params();
        let purpose = Purpose::JacobianParams;
        self.by_columns(params, x.into(), "parameters", all, purpose, Wrt::PARAMS)
    }

    /// The Jacobian of all outputs with respect to the inputs, sample by sample: row `sample * n_outputs + output`, a
    /// column a row of the input matrix. A unit vector is pushed for all samples at once. Columns of constant inputs
    /// are exact zeros.
    ///
    /// # Errors
    /// As [`Forward::jacobian_params`].
    pub fn jacobian_inputs<'a>(
        &mut self,
        params: &[T],
        x: impl Into<Mat<'a, T>>,
    ) -> Result<DMatrix<T>> {
        let all = self.graph().n_inputs();
        let purpose = Purpose::JacobianInputs;
        self.by_columns(params, x.into(), "inputs", all, purpose, Wrt::INPUTS)
    }

    /// As [`Forward::jacobian_params`], written as the products leave it: into `columns`, `n_outputs` x `B n_params`, whose
    /// column `parameter * B + sample` is the derivative of a sample's outputs by a parameter. Allocates nothing, but the
    /// first time after another question.
    ///
    /// # Errors
    /// As [`Forward::jacobian_params`]; [`pushpull_core::Error::Shape`] for `columns`. Then nothing is written, or columns of
    /// the first parameters.
    ///
    /// ```
    /// use nalgebra::{DMatrix, dmatrix};
    /// use pushpull_core::{Builder, blocks::Linear};
    /// use pushpull_forward_mode::Forward;
    /// let mut b = Builder::new();
    /// let x = b.input("x", 1);
    /// let y = b.block(Linear::new(1, 1), x);
    /// let graph = b.build(y)?;
    /// let mut forward = Forward::new(&graph, 2)?;
    /// let mut columns = DMatrix::zeros(1, 4);
    /// forward.jacobian_params_into(&[0.0; 2], &dmatrix![7.0, 8.0], &mut columns)?;
    /// assert_eq!(columns, dmatrix![7.0, 8.0, 1.0, 1.0]);
    /// # Ok::<(), pushpull_core::Error>(())
    /// ```
    pub fn jacobian_params_into<'a>(
        &mut self,
        params: &[T],
        x: impl Into<Mat<'a, T>>,
        columns: impl Into<MatMut<'a, T>>,
    ) -> Result<()> {
        let all = self.graph().n_params();
        let purpose = Purpose::JacobianParams;
        self.columns_into(
            params,
            x.into(),
            (all, purpose, Wrt::PARAMS),
            columns.into(),
        )
    }

    /// As [`Forward::jacobian_inputs`], written as the products leave it: into `columns`, `n_outputs` x `B n_inputs`, whose
    /// column `input * B + sample` is the derivative of a sample's outputs by one of its inputs. Allocates nothing, but the
    /// first time after another question.
    ///
    /// # Errors
    /// As [`Forward::jacobian_params_into`].
    pub fn jacobian_inputs_into<'a>(
        &mut self,
        params: &[T],
        x: impl Into<Mat<'a, T>>,
        columns: impl Into<MatMut<'a, T>>,
    ) -> Result<()> {
        let all = self.graph().n_inputs();
        let purpose = Purpose::JacobianInputs;
        self.columns_into(
            params,
            x.into(),
            (all, purpose, Wrt::INPUTS),
            columns.into(),
        )
    }

    /// A Jacobian of its own. The tangents of a seed, sample after sample, are one of its columns.
    fn by_columns(
        &mut self,
        params: &[T],
        x: Mat<'_, T>,
        what: &str,
        all: usize,
        purpose: Purpose,
        wrt: Wrt,
    ) -> Result<DMatrix<T>> {
        let (n_outputs, batch) = (self.graph().n_outputs(), self.batch());
        let rows = memory::elements(&[n_outputs, batch]);
        memory::fits::<T>(
            format_args!("the Jacobian of {rows} outputs by {all} {what}"),
            memory::elements(&[rows, all]),
            "use a smaller batch, or push the directions you need",
        )?;
        let mut jacobian = DMatrix::from_element(rows, all, T::zero());
        let columns = MatMut::new(jacobian.as_mut_slice(), n_outputs, batch * all);
        self.columns_into(params, x, (all, purpose, wrt), columns)?;
        Ok(jacobian)
    }

    fn columns_into(
        &mut self,
        params: &[T],
        x: Mat<'_, T>,
        (all, purpose, wrt): (usize, Purpose, Wrt),
        mut columns: MatMut<'_, T>,
    ) -> Result<()> {
        let (n_outputs, batch) = (self.graph().n_outputs(), self.batch());
        self.graph().check(params, x, batch)?;
        let expected = (n_outputs, memory::elements(&[batch, all]));
        let got = (columns.nrows(), columns.ncols());
        if got != expected {
            let remedy = "give every seed one column for each sample";
            return Err(Error::matrix("columns", expected, got, remedy));
        }
        self.prepare(purpose)?;
        let Self {
            setting,
            prepared,
            team,
            ..
        } = self;
        let Prepared {
            chunks, machine, ..
        } = prepared;
        for (path, chunk) in sweeps(chunks) {
            let target = columns
                .rb_mut()
                .cols(chunk.start * batch..chunk.end * batch);
            in_range([target], all_finite, |[target], unit| {
                let mut frame = Frame::new(machine.code(), params, x)
                    .ask(Asked::YDot, target)
                    .shift(chunk.start)
                    .unit(unit);
                let check = |doubt| setting.check(params, x, wrt, chunk.start, doubt);
                team.run(|| machine.run(path, &mut frame, check))
            })?;
        }
        Ok(())
    }
}
