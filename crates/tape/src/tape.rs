//! The tape.

use std::cell::Cell;
use std::marker::PhantomData;
use std::panic::Location;
use std::sync::Arc;

use pushpull_core::blocks::{Columns, Identity, Map, OnTop};
use pushpull_core::erase::IntoBlock;
use pushpull_core::{AnyBlock, Scalar};

use crate::error::shown;
use crate::state::{Inner, Kind};
use crate::{Error, Leaf, Result, Var};

/// Records operations on matrices as they run. See the [crate's documentation](crate).
///
/// `'p` is how long what was lent to it stays lent ([`Leaf`]).
#[derive(Debug)]
pub struct Tape<'p, T> {
    pub(crate) inner: Inner<T>,
    lent: PhantomData<Cell<&'p ()>>,
}

impl<T: Scalar> Default for Tape<'_, T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<'p, T: Scalar> Tape<'p, T> {
    /// An empty tape.
    pub fn new() -> Self {
        Self {
            inner: Inner::new(),
            lent: PhantomData,
        }
    }

    /// A watched matrix: derivatives may be asked for it.
    #[track_caller]
    pub fn variable<'t>(&'t self, matrix: impl Leaf<'p, T>) -> Var<'t, T> {
        let (shape, at) = (matrix.shape(), Location::caller());
        self.inner
            .leaf("variable", shape, matrix.entries(), true, at)
    }

    /// A matrix that is not watched: no derivative is asked for it, unless [`Tape::watch`] says so.
    #[track_caller]
    pub fn constant<'t>(&'t self, matrix: impl Leaf<'p, T>) -> Var<'t, T> {
        let (shape, at) = (matrix.shape(), Location::caller());
        self.inner
            .leaf("constant", shape, matrix.entries(), false, at)
    }

    /// A watched number.
    #[track_caller]
    pub fn scalar(&self, number: T) -> Var<'_, T> {
        self.inner
            .leaf("scalar", (1, 1), &[number], true, Location::caller())
    }

    /// Makes a constant a variable, for all questions from now on, whenever it was used. What is watched or computed already
    /// stays as it is.
    ///
    /// # Errors
    /// [`Error::OtherTape`], and the fault that the value stands for.
    ///
    /// ```
    /// use nalgebra::dmatrix;
    /// use pushpull_tape::{Connection, Tape};
    /// let tape = Tape::new();
    /// let c = tape.constant(dmatrix![3.0]);
    /// let y = c * c;
    /// let before = tape.gradient(&y, &[&c])?;
    /// assert_eq!((before[0][(0, 0)], before.connection(0)), (0.0, Connection::NotWatched));
    /// tape.watch(&c)?;
    /// assert_eq!(tape.gradient(&y, &[&c])?[0][(0, 0)], 6.0);
    /// # Ok::<(), pushpull_tape::Error>(())
    /// ```
    #[track_caller]
    pub fn watch(&self, var: &Var<'_, T>) -> Result<()> {
        self.inner.check("watch", var, Location::caller())?;
        let mut record = self.inner.record.borrow_mut();
        if let Kind::Leaf { watched } = &mut record.entries[var.entry()].kind {
            *watched = true;
        }
        Ok(())
    }

    /// Runs `code` without recording: what it computes are constants, with the values of now.
    ///
    /// ```
    /// let tape = pushpull_tape::Tape::new();
    /// let x = tape.scalar(3.0);
    /// let scale = tape.stop_recording(|| (x * x).recip());
    /// assert_eq!(tape.gradient(&(x * scale), &[&x])?[0][(0, 0)], 1.0 / 9.0);
    /// # Ok::<(), pushpull_tape::Error>(())
    /// ```
    pub fn stop_recording<R>(&self, code: impl FnOnce() -> R) -> R {
        /// Recording goes on even if the code panics.
        struct Resume<'a, T>(&'a Inner<T>);
        impl<T> Drop for Resume<'_, T> {
            fn drop(&mut self) {
                self.0.record.borrow_mut().paused -= 1;
            }
        }
        self.inner.record.borrow_mut().paused += 1;
        let _resume = Resume(&self.inner);
        code()
    }

    /// A block on each column of `x`, n_in x K: n_out x K. Its own maps are the derivatives, whatever they are.
    ///
    /// ```
    /// use nalgebra::dmatrix;
    /// use pushpull_core::blocks::Softmax;
    /// let tape = pushpull_tape::Tape::new();
    /// let x = tape.variable(dmatrix![0.0, 1.0; 0.0, 1.0]);
    /// assert_eq!(tape.apply(Softmax::new(2), x).value()?, dmatrix![0.5, 0.5; 0.5, 0.5]);
    /// # Ok::<(), pushpull_tape::Error>(())
    /// ```
    #[track_caller]
    pub fn apply<'t>(&'t self, block: impl IntoBlock, x: Var<'t, T>) -> Var<'t, T> {
        let (block, at) = (block.into_block(&[x.nrows()]), Location::caller());
        let (dims, count) = (block.dims(), x.ncols());
        if !x.is_faulty() && dims.n_in != x.nrows() {
            return self.wrong_width(&*block, x, at);
        }
        let shape = (dims.n_out, count);
        if count == 1 {
            return self.inner.push(block, &[x], shape, false, at);
        }
        let block: Arc<dyn AnyBlock> = Arc::new(Columns::new(block, count));
        self.inner.push(block, &[x], shape, false, at)
    }

    /// A block with parameters on each column of `x`, n_in x K; `params` are its n_params numbers in flat order, from one or
    /// several values: of a [`Linear`](pushpull_core::blocks::Linear), W and b.
    ///
    /// ```
    /// use nalgebra::dmatrix;
    /// use pushpull_core::blocks::Linear;
    /// let tape = pushpull_tape::Tape::new();
    /// let (w, b) = (tape.variable(dmatrix![1.0, 2.0]), tape.variable(dmatrix![10.0]));
    /// let x = tape.constant(dmatrix![1.0, 0.0, 1.0; 0.0, 1.0, 1.0]);
    /// let y = tape.apply_with(Linear::new(2, 1), &[w, b], x);
    /// assert_eq!(y.value()?, dmatrix![11.0, 12.0, 13.0]);
    /// assert_eq!(tape.gradient(&y, &[&w, &b])?[1], dmatrix![3.0]);
    /// # Ok::<(), pushpull_tape::Error>(())
    /// ```
    #[track_caller]
    pub fn apply_with<'t>(
        &'t self,
        block: impl IntoBlock,
        params: &[Var<'t, T>],
        x: Var<'t, T>,
    ) -> Var<'t, T> {
        let (block, at) = (block.into_block(&[x.nrows()]), Location::caller());
        let (dims, count) = (block.dims(), x.ncols());
        let operands: Vec<Var<'t, T>> = params.iter().copied().chain([x]).collect();
        if operands.iter().all(|var| !var.is_faulty()) {
            let given: usize = params.iter().map(Var::len).sum();
            if given != dims.n_params {
                return self.inner.fail(Error::Shape {
                    op: format!("parameters of {}", block.name()),
                    expected: format!("{} numbers", dims.n_params),
                    got: given.to_string(),
                    remedy: "give them in flat order, as the block's `params` lists them",
                    at,
                });
            }
            if dims.n_in != x.nrows() {
                return self.wrong_width(&*block, x, at);
            }
        }
        let block: Arc<dyn AnyBlock> = Arc::new(Columns::new(block, count));
        self.inner
            .push(block, &operands, (dims.n_out, count), false, at)
    }

    #[cold]
    fn wrong_width<'t>(
        &'t self,
        block: &dyn AnyBlock,
        x: Var<'t, T>,
        at: &'static Location<'static>,
    ) -> Var<'t, T> {
        self.inner.fail(Error::Shape {
            op: block.name().into(),
            expected: format!("{} rows", block.dims().n_in),
            got: shown(x.shape()),
            remedy: "each column is a sample; give the block as many inputs as a column has entries",
            at,
        })
    }

    /// A block on all numbers of `operands`, stacked into one column, with a result of `shape`: for blocks that read several
    /// values.
    ///
    /// ```
    /// use nalgebra::dmatrix;
    /// use pushpull_core::blocks::SquaredError;
    /// let tape = pushpull_tape::Tape::new();
    /// let (x, target) = (tape.variable(dmatrix![1.0; 5.0]), tape.constant(dmatrix![0.0; 2.0]));
    /// let loss = tape.apply_stacked(SquaredError::new(2), &[x, target], (1, 1));
    /// assert_eq!(tape.gradient(&loss, &[&x])?[0], dmatrix![2.0; 6.0]);
    /// # Ok::<(), pushpull_tape::Error>(())
    /// ```
    #[track_caller]
    pub fn apply_stacked<'t>(
        &'t self,
        block: impl IntoBlock,
        operands: &[Var<'t, T>],
        shape: (usize, usize),
    ) -> Var<'t, T> {
        let at = Location::caller();
        if operands.is_empty() {
            return self.nothing("apply_stacked", at);
        }
        let rows: Vec<usize> = operands.iter().map(Var::len).collect();
        let block = block.into_block(&rows);
        self.inner.push(block, operands, shape, false, at)
    }

    #[cold]
    fn nothing(&self, op: &str, at: &'static Location<'static>) -> Var<'_, T> {
        self.inner.fail(Error::Shape {
            op: op.into(),
            expected: "at least one value".into(),
            got: "none".into(),
            remedy: "give the values that are to be joined",
            at,
        })
    }

    /// Matrices of the same number of rows side by side.
    #[track_caller]
    pub fn hstack<'t>(&'t self, parts: &[Var<'t, T>]) -> Var<'t, T> {
        let at = Location::caller();
        let Some(first) = parts.first() else {
            return self.nothing("hstack", at);
        };
        if let Some(wrong) = self.apart("hstack", "rows", parts, |var| var.nrows(), at) {
            return wrong;
        }
        let columns = parts.iter().map(Var::ncols).sum();
        let block = Arc::new(Map::new(Identity, first.nrows() * columns));
        self.inner
            .push(block, parts, (first.nrows(), columns), false, at)
    }

    /// Matrices of the same number of columns on top of one another.
    ///
    /// ```
    /// use nalgebra::dmatrix;
    /// let tape = pushpull_tape::Tape::new();
    /// let (a, b) = (tape.variable(dmatrix![1.0, 2.0]), tape.variable(dmatrix![3.0, 4.0]));
    /// assert_eq!(tape.vstack(&[a, b]).value()?, dmatrix![1.0, 2.0; 3.0, 4.0]);
    /// assert_eq!(tape.hstack(&[a, b]).value()?, dmatrix![1.0, 2.0, 3.0, 4.0]);
    /// # Ok::<(), pushpull_tape::Error>(())
    /// ```
    #[track_caller]
    pub fn vstack<'t>(&'t self, parts: &[Var<'t, T>]) -> Var<'t, T> {
        let at = Location::caller();
        let Some(first) = parts.first() else {
            return self.nothing("vstack", at);
        };
        if let Some(wrong) = self.apart("vstack", "columns", parts, |var| var.ncols(), at) {
            return wrong;
        }
        let rows: Vec<usize> = parts.iter().map(Var::nrows).collect();
        let shape = (rows.iter().sum(), first.ncols());
        let block = Arc::new(OnTop::new(rows, first.ncols()));
        self.inner.push(block, parts, shape, false, at)
    }

    /// The fault of parts that differ where they have to agree.
    fn apart<'t>(
        &'t self,
        op: &str,
        what: &str,
        parts: &[Var<'t, T>],
        side: impl Fn(&Var<'t, T>) -> usize,
        at: &'static Location<'static>,
    ) -> Option<Var<'t, T>> {
        if let Some(faulty) = parts.iter().find(|var| var.is_faulty()) {
            return Some(*faulty);
        }
        let first = &parts[0];
        let other = parts.iter().find(|var| side(var) != side(first))?;
        Some(self.inner.fail(Error::Shapes {
            op: op.into(),
            left: shown(first.shape()),
            right: shown(other.shape()),
            expected: format!("as many {what}"),
            at,
        }))
    }

    /// Values and operations recorded so far.
    pub fn len(&self) -> usize {
        self.inner.record.borrow().entries.len()
    }

    /// Whether nothing is recorded.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The first fault of all, also one that nobody asked about.
    ///
    /// # Errors
    /// That fault.
    pub fn check(&self) -> Result<()> {
        match self.inner.record.borrow().faults.first() {
            Some(fault) => Err(fault.clone()),
            None => Ok(()),
        }
    }
}
