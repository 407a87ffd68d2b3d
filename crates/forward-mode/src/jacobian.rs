//! Jacobians column by column: the tangents of unit vectors at the output.

use std::ops::Range;

use nalgebra::DMatrix;
use pushpull_core::program::{Asked, Frame, all_finite, in_range};
use pushpull_core::siblings::{given, memory};
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
        self.jacobian_params_columns(params, x, 0..self.graph().n_params())
    }

    /// Some columns of [`Forward::jacobian_params`], with the same bits: for programs that compute the others elsewhere.
    /// Chunks are those of all columns, and those that have one of these are pushed.
    ///
    /// # Errors
    /// As [`Forward::jacobian_params`]; [`Error::Shape`] for columns that there are not.
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
    /// assert_eq!(forward.jacobian_params_columns(&[0.0; 4], &dmatrix![7.0], 1..3)?, dmatrix![0.0, 1.0; 7.0, 0.0]);
    /// # Ok::<(), pushpull_core::Error>(())
    /// ```
    pub fn jacobian_params_columns<'a>(
        &mut self,
        params: &[T],
        x: impl Into<Mat<'a, T>>,
        columns: Range<usize>,
    ) -> Result<DMatrix<T>> {
        self.by_columns(params, x.into(), Wrt::PARAMS, columns)
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
        self.jacobian_inputs_columns(params, x, 0..self.graph().n_inputs())
    }

    /// Some columns of [`Forward::jacobian_inputs`], as [`Forward::jacobian_params_columns`].
    ///
    /// # Errors
    /// As [`Forward::jacobian_params_columns`].
    pub fn jacobian_inputs_columns<'a>(
        &mut self,
        params: &[T],
        x: impl Into<Mat<'a, T>>,
        columns: Range<usize>,
    ) -> Result<DMatrix<T>> {
        self.by_columns(params, x.into(), Wrt::INPUTS, columns)
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
        let all = 0..self.graph().n_params();
        self.columns_into(params, x.into(), Wrt::PARAMS, all, columns.into())
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
        let all = 0..self.graph().n_inputs();
        self.columns_into(params, x.into(), Wrt::INPUTS, all, columns.into())
    }

    /// Columns of a Jacobian in a matrix of their own. The tangents of a seed, sample after sample, are one of them.
    fn by_columns(
        &mut self,
        params: &[T],
        x: Mat<'_, T>,
        wrt: Wrt,
        asked: Range<usize>,
    ) -> Result<DMatrix<T>> {
        let (n_outputs, batch) = (self.graph().n_outputs(), self.batch());
        let (what, all) = match wrt.inputs {
            true => ("inputs", self.graph().n_inputs()),
            false => ("parameters", self.graph().n_params()),
        };
        let Range { start, end } = asked;
        if start > end || end > all {
            return Err(Error::Shape {
                name: format!("the columns of the Jacobian by {what}"),
                expected: format!("some of 0..{all}"),
                got: format!("{start}..{end}"),
                remedy: "ask for columns that there are".into(),
            });
        }
        let (rows, columns) = (memory::elements(&[n_outputs, batch]), end - start);
        memory::fits::<T>(
            format_args!("the Jacobian of {rows} outputs by {all} {what}"),
            memory::elements(&[rows, columns]),
            "use a smaller batch, or push the directions you need",
        )?;
        let mut jacobian = DMatrix::from_element(rows, columns, T::zero());
        let target = MatMut::new(jacobian.as_mut_slice(), n_outputs, batch * columns);
        self.columns_into(params, x, wrt, asked, target)?;
        Ok(jacobian)
    }

    fn columns_into(
        &mut self,
        params: &[T],
        x: Mat<'_, T>,
        wrt: Wrt,
        asked: Range<usize>,
        mut columns: MatMut<'_, T>,
    ) -> Result<()> {
        let (n_outputs, batch) = (self.graph().n_outputs(), self.batch());
        self.graph().check(params, x, batch)?;
        let expected = (n_outputs, memory::elements(&[batch, asked.len()]));
        let remedy = "give every seed one column for each sample";
        given::shaped("columns", columns.shape(), expected, remedy)?;
        self.prepare(match wrt.inputs {
            true => Purpose::JacobianInputs,
            false => Purpose::JacobianParams,
        })?;
        let Self {
            setting,
            prepared,
            team,
            ..
        } = self;
        let Prepared {
            chunks, machine, ..
        } = prepared;
        // Of a chunk that lies across an end of what is asked for.
        let mut across = Vec::new();
        for (path, chunk) in sweeps(chunks) {
            let part = chunk.start.max(asked.start)..chunk.end.min(asked.end);
            if part.is_empty() {
                continue;
            }
            let own = (part.start - asked.start) * batch..(part.end - asked.start) * batch;
            let mut own = columns.rb_mut().cols(own);
            let whole = part == chunk;
            let target = if whole {
                own.rb_mut()
            } else {
                across.resize(n_outputs * batch * chunk.len(), T::zero());
                MatMut::new(&mut across, n_outputs, batch * chunk.len())
            };
            in_range([target], all_finite, |[target], unit| {
                let mut frame = Frame::new(machine.code(), params, x)
                    .ask(Asked::YDot, target)
                    .shift(chunk.start)
                    .unit(unit);
                let check = |doubt| setting.check(params, x, wrt, chunk.start, doubt);
                team.run(|| machine.run(path, &mut frame, check))
            })?;
            if !whole {
                let within = (part.start - chunk.start) * batch..(part.end - chunk.start) * batch;
                let all = Mat::new(&across, n_outputs, batch * chunk.len());
                own.copy_from(all.cols(within));
            }
        }
        Ok(())
    }
}
