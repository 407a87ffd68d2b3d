//! A matrix with its derivative along one direction, as two matrices: what a matrix of [`crate::Dual`] numbers is, at
//! the speed of ordinary ones.
//!
//! Pushing values and tangents together, and pulling cotangents back together with *their* tangents, gives second
//! derivatives ([`crate::SecondOrder::vjp_input_dot`]). Where both halves lie side by side, a product with the same factor is
//! one product of twice the columns, and the sum of two products is one product of twice the contracted length.

use crate::{Accum, Mat, MatMut, Point};

/// A matrix and its derivative along the direction, each rows x batch. Without a derivative, it is a structural zero.
#[derive(Clone, Copy, Debug)]
pub struct Planes<'a, T> {
    /// The matrix.
    pub value: Mat<'a, T>,
    /// Its derivative, of the same shape; `None`: zero.
    pub dot: Option<Mat<'a, T>>,
    /// Both side by side, where they lie so: rows x 2 batch, the value first.
    pub both: Option<Mat<'a, T>>,
}

impl<'a, T> Planes<'a, T> {
    /// Two matrices that lie apart.
    pub const fn new(value: Mat<'a, T>, dot: Option<Mat<'a, T>>) -> Self {
        Self {
            value,
            dot,
            both: None,
        }
    }

    /// Values that lie side by side: rows x 2 batch, the value first.
    ///
    /// ```
    /// use pushpull_core::{Mat, planes::Planes};
    /// let x = Planes::values(Mat::new(&[1.0, 2.0, 0.5, 0.25], 1, 4));
    /// assert_eq!((x.value.get(0, 1), x.dot.unwrap().get(0, 0)), (2.0, 0.5));
    /// ```
    pub fn values(both: Mat<'a, T>) -> Self {
        let batch = both.ncols() / 2;
        Self {
            value: both.cols(0..batch),
            dot: Some(both.cols(batch..2 * batch)),
            both: Some(both),
        }
    }

    /// Column `j` of the matrix and of its derivative.
    pub fn col(&self, j: usize) -> (&'a [T], Option<&'a [T]>) {
        (self.value.col(j), self.dot.map(|dot| dot.col(j)))
    }
}

/// A cotangent and its derivative along the direction, side by side: rows x 2 batch, the *derivative* first. So
/// `y_bar_dot x' + y_bar x_dot'` is one product of both matrices.
#[derive(Clone, Copy, Debug)]
pub struct Cotangents<'a, T> {
    both: Mat<'a, T>,
}

impl<'a, T> Cotangents<'a, T> {
    /// From a matrix of rows x 2 batch.
    ///
    /// ```
    /// use pushpull_core::{Mat, planes::Cotangents};
    /// let y_bar = Cotangents::new(Mat::new(&[1.0, 2.0, 0.5, 0.25], 1, 4));
    /// assert_eq!((y_bar.dot().get(0, 1), y_bar.value().get(0, 0)), (2.0, 0.5));
    /// ```
    pub const fn new(both: Mat<'a, T>) -> Self {
        Self { both }
    }

    /// The cotangent.
    pub fn value(&self) -> Mat<'a, T> {
        let batch = self.both.ncols() / 2;
        self.both.cols(batch..2 * batch)
    }

    /// Its derivative.
    pub fn dot(&self) -> Mat<'a, T> {
        self.both.cols(0..self.both.ncols() / 2)
    }

    /// Both, as two seeds of a pullback.
    pub const fn both(&self) -> Mat<'a, T> {
        self.both
    }

    /// Column `j` of the cotangent and of its derivative.
    pub fn col(&self, j: usize) -> (&'a [T], &'a [T]) {
        let batch = self.both.ncols() / 2;
        (self.both.col(batch + j), self.both.col(j))
    }
}

/// Where a matrix and its derivative are written, side by side: rows x 2 batch.
#[derive(Debug)]
pub struct PlanesMut<'a, T> {
    both: MatMut<'a, T>,
    value_first: bool,
}

impl<'a, T> PlanesMut<'a, T> {
    /// For values: the value first.
    pub const fn values(both: MatMut<'a, T>) -> Self {
        Self {
            both,
            value_first: true,
        }
    }

    /// For cotangents: the derivative first.
    pub const fn cotangents(both: MatMut<'a, T>) -> Self {
        Self {
            both,
            value_first: false,
        }
    }

    /// The matrix and its derivative.
    ///
    /// ```
    /// use pushpull_core::{MatMut, planes::PlanesMut};
    /// let mut both = [0.0; 4];
    /// let (mut value, mut dot) = PlanesMut::cotangents(MatMut::new(&mut both, 1, 4)).split();
    /// value.fill(1.0);
    /// dot.fill(2.0);
    /// assert_eq!(both, [2.0, 2.0, 1.0, 1.0]);
    /// ```
    pub fn split(self) -> (MatMut<'a, T>, MatMut<'a, T>) {
        let (first, second) = {
            let batch = self.both.ncols() / 2;
            self.both.split_cols(batch)
        };
        if self.value_first {
            (first, second)
        } else {
            (second, first)
        }
    }

    /// Both side by side.
    pub fn both(self) -> MatMut<'a, T> {
        self.both
    }

    /// A shorter borrow.
    pub fn rb_mut(&mut self) -> PlanesMut<'_, T> {
        PlanesMut {
            both: self.both.rb_mut(),
            value_first: self.value_first,
        }
    }
}

/// Where a second derivative is taken: a [`Point`] and its derivative along the direction.
#[derive(Clone, Copy, Debug)]
pub struct DotPoint<'a, T> {
    /// n_params numbers.
    pub params: &'a [T],
    /// Their derivative; `None`: zero.
    pub params_dot: Option<&'a [T]>,
    /// n_in x batch, if it is kept.
    pub x: Planes<'a, T>,
    /// n_out x batch, if it is kept.
    pub y: Planes<'a, T>,
    /// `keeps().extra` numbers for each column.
    pub extra: &'a [T],
    /// Their derivatives.
    pub extra_dot: &'a [T],
    /// Number of samples.
    pub batch: usize,
}

impl<'a, T> DotPoint<'a, T> {
    /// The point without its derivative.
    pub const fn point(&self) -> Point<'a, T> {
        Point {
            params: self.params,
            x: self.x.value,
            y: self.y.value,
            extra: self.extra,
            batch: self.batch,
        }
    }
}

/// A map with its derivative along the direction, where its cost is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DotOp {
    /// [`crate::SecondOrder::forward_dot`]
    Forward,
    /// [`crate::SecondOrder::vjp_input_dot`]
    VjpInput,
    /// [`crate::SecondOrder::vjp_params_dot`]
    VjpParams(Accum),
}

/// Which tangents a block meets in a run: at least one of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Moving {
    /// The direction of its own parameters.
    pub params: bool,
    /// The tangent of its input, side by side with the value.
    pub input: bool,
}
