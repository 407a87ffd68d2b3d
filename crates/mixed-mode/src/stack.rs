//! The Jacobians of a batch side by side, and what is done to them without a block: laying out, scaling, multiplying.

use pushpull_core::blocks::chain;
use pushpull_core::linalg::{Factor, product};
use pushpull_core::{Accum, Mat, MatMut, Real};

use crate::search::Form;

/// The shape of `samples` Jacobians of rows x cols, and how they lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    pub rows: usize,
    pub cols: usize,
    pub samples: usize,
    pub form: Form,
}

impl Shape {
    /// Numbers that it takes, saturated.
    pub(crate) fn len(&self) -> usize {
        let cols = if self.form == Form::Diagonal {
            1
        } else {
            self.cols
        };
        pushpull_core::siblings::memory::elements(&[self.rows, cols, self.samples])
    }

    /// (rows, seeds) of the tangents or cotangents that it is, `samples` columns a seed.
    pub(crate) const fn seeds(&self) -> (usize, usize) {
        match self.form {
            Form::Params | Form::Columns => (self.rows, self.cols),
            Form::Rows => (self.cols, self.rows),
            Form::Diagonal => (self.rows, 1),
        }
    }

    /// The Jacobian of sample `s`, or its transpose, as a factor of a product. One Jacobian stands for all samples.
    fn sample<'a, T>(&self, data: &'a [T], s: usize, transposed: bool) -> Factor<'a, T> {
        let (s, (height, seeds)) = (s % self.samples, self.seeds());
        let mat = Mat::with_stride(&data[s * height..], height, seeds, height * self.samples);
        if transposed == (self.form == Form::Rows) {
            mat.into()
        } else {
            mat.t()
        }
    }

    /// All Jacobians as one matrix, side by side.
    fn all<'a, T>(&self, data: &'a [T]) -> Mat<'a, T> {
        let (height, seeds) = self.seeds();
        Mat::new(data, height, seeds * self.samples)
    }
}

/// Numbers with their shape.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stack<'a, T> {
    pub shape: Shape,
    pub data: &'a [T],
}

/// Numbers with their shape, to be written.
#[derive(Debug)]
pub(crate) struct StackMut<'a, T> {
    pub shape: Shape,
    pub data: &'a mut [T],
}

impl<T: Real> StackMut<'_, T> {
    /// The tangents or cotangents of all seeds and samples.
    pub(crate) fn all(&mut self) -> MatMut<'_, T> {
        let (height, seeds) = self.shape.seeds();
        MatMut::new(self.data, height, seeds * self.shape.samples)
    }

    /// Unit seeds: the identity for every sample, or its diagonal.
    pub(crate) fn unit(&mut self) {
        if self.shape.form == Form::Diagonal {
            return self.data.fill(T::one());
        }
        let samples = self.shape.samples;
        let mut all = self.all();
        all.fill(T::zero());
        for column in 0..all.ncols() {
            all.col_mut(column)[column / samples] = T::one();
        }
    }

    /// The entries of `source` in this shape: transposed, spread out from a diagonal, repeated for every sample.
    pub(crate) fn lay(&mut self, source: Stack<'_, T>) {
        let (from, samples) = (source.shape, self.shape.samples);
        let transposed = (from.form == Form::Rows) != (self.shape.form == Form::Rows);
        let spread = from.form == Form::Diagonal && self.shape.form != Form::Diagonal;
        let (height, _) = from.seeds();
        let (_, seeds) = self.shape.seeds();
        let mut all = self.all();
        for (seed, sample) in (0..seeds).flat_map(|seed| (0..samples).map(move |s| (seed, s))) {
            let s = if from.samples == 1 { 0 } else { sample };
            let target = all.col_mut(seed * samples + sample);
            if spread {
                target.fill(T::zero());
                target[seed] = source.data[s * height + seed];
            } else if transposed {
                let entries = source.data[s * height + seed..].iter();
                let entries = entries.step_by(height * from.samples);
                target.iter_mut().zip(entries).for_each(|(t, &e)| *t = e);
            } else {
                let start = (seed * from.samples + s) * height;
                target.copy_from_slice(&source.data[start..start + height]);
            }
        }
    }

    /// `D A` for a diagonal D: one flop an entry. A zero entry of A stays zero, whatever its factor.
    pub(crate) fn scale_rows(&mut self, diagonal: Stack<'_, T>) {
        self.scale(diagonal, self.shape.form == Form::Rows);
    }

    /// `A D` for a diagonal D: one flop an entry.
    pub(crate) fn scale_columns(&mut self, diagonal: Stack<'_, T>) {
        self.scale(diagonal, self.shape.form != Form::Rows);
    }

    /// Multiplies whole seeds by an entry of the diagonal each, or every seed by the diagonal entry by entry.
    fn scale(&mut self, diagonal: Stack<'_, T>, by_seeds: bool) {
        let (samples, n) = (self.shape.samples, diagonal.shape.rows);
        let mut all = self.all();
        for column in 0..all.ncols() {
            let (seed, s) = (column / samples, column % samples % diagonal.shape.samples);
            let slopes = &diagonal.data[s * n..(s + 1) * n];
            let entries = all.col_mut(column).iter_mut();
            if by_seeds {
                entries.for_each(|entry| *entry = chain(slopes[seed], *entry));
            } else {
                entries
                    .zip(slopes)
                    .for_each(|(entry, &slope)| *entry = chain(slope, *entry));
            }
        }
    }

    /// `U L` for every sample: n flops for diagonals of n, else `2 m k n`.
    pub(crate) fn multiply(&mut self, upper: Stack<'_, T>, lower: Stack<'_, T>) {
        let (samples, form) = (self.shape.samples, self.shape.form);
        if form == Form::Diagonal {
            let (n, mut all) = (self.shape.rows, self.all());
            for s in 0..samples {
                let row =
                    |stack: &Stack<'_, T>, i: usize| stack.data[s % stack.shape.samples * n + i];
                for (i, entry) in all.col_mut(s).iter_mut().enumerate() {
                    *entry = chain(row(&upper, i), row(&lower, i));
                }
            }
            return;
        }
        let (height, seeds) = self.shape.seeds();
        if upper.shape.samples == 1
            && (samples, form, lower.shape.form)
                == (lower.shape.samples, Form::Columns, Form::Columns)
        {
            let (u, l) = (
                upper.shape.sample(upper.data, 0, false),
                lower.shape.all(lower.data),
            );
            return product(self.all(), Accum::Set, u, l);
        }
        if lower.shape.samples == 1
            && (samples, form, upper.shape.form) == (upper.shape.samples, Form::Rows, Form::Rows)
        {
            let (l, u) = (
                lower.shape.sample(lower.data, 0, true),
                upper.shape.all(upper.data),
            );
            return product(self.all(), Accum::Set, l, u);
        }
        for s in 0..samples {
            let target = MatMut::with_stride(
                &mut self.data[s * height..],
                height,
                seeds,
                height * samples,
            );
            let transposed = form == Form::Rows;
            let u = upper.shape.sample(upper.data, s, transposed);
            let l = lower.shape.sample(lower.data, s, transposed);
            if transposed {
                product(target, Accum::Set, l, u);
            } else {
                product(target, Accum::Set, u, l);
            }
        }
    }
}

#[cfg(test)]
mod tests;
