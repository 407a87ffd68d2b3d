//! Jacobians column by column: the tangents of unit vectors at the output.

use std::ops::Range;

use nalgebra::DMatrix;
use pushpull_core::{Mat, Result, Scalar, memory};

use crate::Forward;
use crate::chunk::pieces;
use crate::sweep::{Question, Seeds};

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
    /// use pushpull_forward_mode::{Chunk, Forward};
    /// let mut b = Builder::new();
    /// let x = b.input("x", 1);
    /// let y = b.block(Linear::new(1, 2), x);
    /// let graph = b.build(y)?;
    /// let mut forward = Forward::new(&graph, 1, Chunk::Auto, 1)?;
    /// let jacobian = forward.jacobian_params(&[0.0; 4], &dmatrix![7.0])?;
    /// assert_eq!(jacobian, dmatrix![7.0, 0.0, 1.0, 0.0; 0.0, 7.0, 0.0, 1.0]);
    /// # Ok::<(), pushpull_core::Error>(())
    /// ```
    pub fn jacobian_params<'a>(
        &mut self,
        params: &[T],
        x: impl Into<Mat<'a, T>>,
    ) -> Result<DMatrix<T>> {
        let (all, width) = (self.graph().n_params(), self.chunk_width());
        self.by_columns(
            params,
            x.into(),
            "parameters",
            all,
            width,
            Question::UnitParams,
            Seeds::UnitParams,
        )
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
        let width = self.width_of(all);
        self.by_columns(
            params,
            x.into(),
            "inputs",
            all,
            width,
            Question::UnitInputs,
            Seeds::UnitInputs,
        )
    }

    #[allow(clippy::too_many_arguments)]
    fn by_columns(
        &mut self,
        params: &[T],
        x: Mat<'_, T>,
        what: &str,
        all: usize,
        width: usize,
        question: impl Fn(Range<usize>) -> Question,
        seeds: impl Fn(Range<usize>) -> Seeds<'static, T>,
    ) -> Result<DMatrix<T>> {
        let batch = self.batch();
        self.graph().check(params, x, batch)?;
        let rows = memory::elements(&[self.graph().n_outputs(), batch]);
        memory::fits::<T>(
            format_args!("the Jacobian of {rows} outputs by {all} {what}"),
            memory::elements(&[rows, all]),
            "use a smaller batch, or push the directions you need",
        )?;
        self.prepare(question(0..all))?;
        let mut jacobian = DMatrix::from_element(rows, all, T::zero());
        for piece in pieces(all, width) {
            let first = piece.start;
            self.sweep(params, x, &seeds(piece), first == 0, |_, span, y_dot| {
                for (k, seed) in span.enumerate() {
                    // A seed's columns follow one another, and so do a Jacobian's rows.
                    let column = jacobian.column_mut(first + seed).data.into_slice_mut();
                    let tangent = y_dot.cols(k * batch..(k + 1) * batch);
                    match tangent.as_slice() {
                        Some(tangent) => column.copy_from_slice(tangent),
                        None => column
                            .chunks_exact_mut(tangent.nrows())
                            .zip(tangent.columns())
                            .for_each(|(rows, tangent)| rows.copy_from_slice(tangent)),
                    }
                }
            })?;
        }
        Ok(jacobian)
    }
}
