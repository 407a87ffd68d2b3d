//! Jacobians column by column: the tangents of unit vectors at the output.

use std::ops::Range;

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
        let all = self.graph().n_params();
        let asked = (Purpose::JacobianParams, Wrt::PARAMS, columns);
        self.by_columns(params, x.into(), "parameters", all, asked)
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
        let all = self.graph().n_inputs();
        let asked = (Purpose::JacobianInputs, Wrt::INPUTS, columns);
        self.by_columns(params, x.into(), "inputs", all, asked)
    }

    fn by_columns(
        &mut self,
        params: &[T],
        x: Mat<'_, T>,
        what: &str,
        all: usize,
        (purpose, wrt, asked): (Purpose, Wrt, Range<usize>),
    ) -> Result<DMatrix<T>> {
        let (n_outputs, batch) = (self.graph().n_outputs(), self.batch());
        self.graph().check(params, x, batch)?;
        if asked.start > asked.end || asked.end > all {
            return Err(Error::Shape {
                name: format!("the columns of the Jacobian by {what}"),
                expected: format!("some of 0..{all}"),
                got: format!("{asked:?}"),
                remedy: "ask for columns that there are".into(),
            });
        }
        let rows = memory::elements(&[n_outputs, batch]);
        memory::fits::<T>(
            format_args!("the Jacobian of {rows} outputs by {all} {what}"),
            memory::elements(&[rows, asked.len()]),
            "use a smaller batch, or push the directions you need",
        )?;
        self.prepare(purpose)?;
        let mut jacobian = DMatrix::from_element(rows, asked.len(), T::zero());
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
            // The tangents of a seed, sample after sample, are a column of the Jacobian.
            let own = (part.start - asked.start) * rows..(part.end - asked.start) * rows;
            let own = &mut jacobian.as_mut_slice()[own];
            let whole = part == chunk;
            if !whole {
                across.resize(chunk.len() * rows, T::zero());
            }
            let columns = if whole { &mut *own } else { &mut across[..] };
            let target = MatMut::new(columns, n_outputs, batch * chunk.len());
            in_range([target], all_finite, |[target], unit| {
                let mut frame = Frame::new(machine.code(), params, x)
                    .ask(Asked::YDot, target)
                    .shift(chunk.start)
                    .unit(unit);
                let check = |doubt| setting.check(params, x, wrt, chunk.start, doubt);
                team.run(|| machine.run(path, &mut frame, check))
            })?;
            if !whole {
                own.copy_from_slice(&across[(part.start - chunk.start) * rows..][..own.len()]);
            }
        }
        Ok(jacobian)
    }
}
