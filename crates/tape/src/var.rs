//! A value on a tape.

use std::fmt;

use nalgebra::DMatrix;
use pushpull_core::{Mat, Scalar};

use crate::error::shown;
use crate::state::Inner;
use crate::{Error, Result};

/// No entry: the value stands for a fault.
const FAULTY: u32 = u32::MAX;

/// A matrix on a tape: what a variable, a constant or an operation gives. It is a copyable handle; the numbers are the tape's.
///
/// Operators are entry by entry, with a row, a column or a number repeated over a matrix as it needs; [`Var::matmul`] is the
/// matrix product. Whatever goes wrong is kept in the result and returned by [`Var::value`] or the question asked of it.
///
/// ```
/// use nalgebra::dmatrix;
/// let tape = pushpull_tape::Tape::new();
/// let a = tape.variable(dmatrix![1.0, 2.0; 3.0, 4.0]);
/// let row = tape.constant(dmatrix![10.0, 20.0]);
/// assert_eq!((a * a + row).value()?, dmatrix![11.0, 24.0; 19.0, 36.0]);
/// let wrong = a + tape.constant(dmatrix![1.0, 2.0, 3.0]);
/// assert!(wrong.sum().value().unwrap_err().to_string().contains("add of 2 x 2 and 1 x 3"));
/// # Ok::<(), pushpull_tape::Error>(())
/// ```
pub struct Var<'t, T> {
    inner: &'t Inner<T>,
    entry: u32,
    /// Of a fault, its index.
    nrows: usize,
    ncols: usize,
}

/// A value's name without the tape's lifetime: it addresses the value's place in a [`crate::Program`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    pub(crate) tape: u64,
    pub(crate) entry: u32,
    pub(crate) shape: (usize, usize),
}

impl<T> Clone for Var<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Var<'_, T> {}

impl<T> From<&Var<'_, T>> for Key {
    fn from(var: &Var<'_, T>) -> Self {
        Self {
            tape: var.inner.id,
            entry: var.entry,
            shape: (var.nrows, var.ncols),
        }
    }
}

impl<T> From<Var<'_, T>> for Key {
    fn from(var: Var<'_, T>) -> Self {
        Self::from(&var)
    }
}

impl<'t, T> Var<'t, T> {
    pub(crate) const fn new(inner: &'t Inner<T>, entry: usize, shape: (usize, usize)) -> Self {
        Self {
            inner,
            entry: entry as u32,
            nrows: shape.0,
            ncols: shape.1,
        }
    }

    pub(crate) const fn faulty(inner: &'t Inner<T>, fault: usize) -> Self {
        Self {
            inner,
            entry: FAULTY,
            nrows: fault,
            ncols: 0,
        }
    }

    pub(crate) const fn inner(&self) -> &'t Inner<T> {
        self.inner
    }

    pub(crate) const fn entry(&self) -> usize {
        self.entry as usize
    }

    pub(crate) const fn is_faulty(&self) -> bool {
        self.entry == FAULTY
    }

    pub(crate) const fn len(&self) -> usize {
        if self.is_faulty() {
            0
        } else {
            self.nrows * self.ncols
        }
    }

    /// The fault that it stands for.
    pub fn fault(&self) -> Option<Error> {
        self.is_faulty()
            .then(|| self.inner.record.borrow().faults[self.nrows].clone())
    }

    /// Rows and columns; (0, 0) of a value that stands for a fault.
    pub const fn shape(&self) -> (usize, usize) {
        if self.is_faulty() {
            (0, 0)
        } else {
            (self.nrows, self.ncols)
        }
    }

    /// Rows.
    pub const fn nrows(&self) -> usize {
        self.shape().0
    }

    /// Columns.
    pub const fn ncols(&self) -> usize {
        self.shape().1
    }

    /// The value's name in programs made of its tape.
    pub fn key(&self) -> Key {
        self.into()
    }

    /// Where it was written.
    pub(crate) fn written(&self) -> Option<&'static std::panic::Location<'static>> {
        let record = self.inner.record.borrow();
        record.entries.get(self.entry()).map(|entry| entry.at)
    }
}

impl<T: Scalar> Var<'_, T> {
    /// The numbers, as the program ran.
    ///
    /// # Errors
    /// The first fault on the way to this value.
    pub fn value(&self) -> Result<DMatrix<T>> {
        if let Some(fault) = self.fault() {
            return Err(fault);
        }
        let record = self.inner.record.borrow();
        let (nrows, ncols) = self.shape();
        Ok(Mat::new(record.value(self.entry()), nrows, ncols).to_dmatrix())
    }

    /// The number of a 1 x 1 value.
    ///
    /// # Errors
    /// The first fault on the way to this value; [`Error::Shape`] for a larger one.
    ///
    /// ```
    /// let tape = pushpull_tape::Tape::new();
    /// let x = tape.scalar(3.0);
    /// assert_eq!((x * x).number()?, 9.0);
    /// # Ok::<(), pushpull_tape::Error>(())
    /// ```
    #[track_caller]
    pub fn number(&self) -> Result<T> {
        if let Some(fault) = self.fault() {
            return Err(fault);
        }
        if self.shape() != (1, 1) {
            return Err(Error::Shape {
                op: "number".into(),
                expected: shown((1, 1)),
                got: shown(self.shape()),
                remedy: "take the sum, or an entry by slice",
                at: std::panic::Location::caller(),
            });
        }
        Ok(self.inner.record.borrow().value(self.entry())[0])
    }
}

/// The shape, and where it was written.
impl<T> fmt::Debug for Var<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.fault(), self.written()) {
            (Some(fault), _) => write!(f, "Var({fault})"),
            (None, Some(at)) => write!(f, "Var({}, {at})", shown(self.shape())),
            (None, None) => write!(f, "Var({})", shown(self.shape())),
        }
    }
}
