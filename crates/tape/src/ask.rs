//! Questions about a tape, by either mode.

use std::collections::HashSet;
use std::panic::Location;

use nalgebra::DMatrix;
use pushpull_core::{Dual, Mat, Scalar};
use pushpull_planner::{Answer, Question, Seeds};

use crate::error::shown;
use crate::{Error, Gradients, Jacobian, Key, Number, Program, Result, Tape, Var};

/// How an answer is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Mode {
    /// Forward mode; second derivatives forward over forward.
    Forward,
    /// Reverse mode; second derivatives forward over reverse.
    Reverse,
    /// Whatever the planner predicts to be fastest on this machine.
    Planned,
}

/// A tape's questions, answered by one mode: [`Tape::by`].
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a, 'p, T> {
    tape: &'a Tape<'p, T>,
    mode: Mode,
}

type At = &'static Location<'static>;

impl<T: Number> Ask<'_, '_, T>
where
    Dual<T>: Scalar,
{
    /// As [`Tape::gradient`].
    ///
    /// # Errors
    /// As [`Tape::gradient`].
    #[track_caller]
    pub fn gradient(&self, y: &Var<'_, T>, sources: &[&Var<'_, T>]) -> Result<Gradients<T>> {
        let program = Program::new(&self.tape.inner, y, sources, Location::caller())?;
        if program.params().is_empty() {
            return Ok(Gradients::new(&program, &[]));
        }
        let mut replay = program.prepare(Question::Gradient, self.mode)?;
        let flat = replay.gradient()?.flat().to_vec();
        Ok(Gradients::new(replay.program(), &flat))
    }

    /// As [`Tape::jacobian`].
    ///
    /// # Errors
    /// As [`Tape::jacobian`].
    #[track_caller]
    pub fn jacobian(&self, h: &Var<'_, T>, w: &Var<'_, T>) -> Result<Jacobian<T>> {
        let program = Program::new(&self.tape.inner, h, &[w], Location::caller())?;
        let (of, by, connection) = (h.shape(), w.shape(), program.connection(0));
        if program.params().is_empty() {
            let zeros = DMatrix::from_element(of.0 * of.1, by.0 * by.1, T::zero());
            return Ok(Jacobian::new(zeros, of, by, connection));
        }
        let mut replay = program.prepare(Question::JacobianParams, self.mode)?;
        match replay.run(Seeds::None)? {
            Answer::Jacobian(matrix) => Ok(Jacobian::new(matrix, of, by, connection)),
            other => unreachable!("a Jacobian was asked for, not {other:?}"),
        }
    }

    /// As [`Tape::vjp`].
    ///
    /// # Errors
    /// As [`Tape::vjp`].
    #[track_caller]
    pub fn vjp(
        &self,
        y: &Var<'_, T>,
        y_bar: &DMatrix<T>,
        sources: &[&Var<'_, T>],
    ) -> Result<Gradients<T>> {
        let at = Location::caller();
        let program = Program::new(&self.tape.inner, y, sources, at)?;
        fits("the cotangent", y.shape(), y_bar, at)?;
        if program.params().is_empty() {
            return Ok(Gradients::new(&program, &[]));
        }
        let mut replay = program.prepare(Question::Vjp(1), self.mode)?;
        let seeds = Seeds::Cotangents(Mat::from(y_bar.as_slice()));
        let flat = match replay.run(seeds)? {
            Answer::Cotangents(flat) => flat.as_slice().to_vec(),
            other => unreachable!("cotangents were asked for, not {other:?}"),
        };
        Ok(Gradients::new(replay.program(), &flat))
    }

    /// As [`Tape::jvp`].
    ///
    /// # Errors
    /// As [`Tape::jvp`].
    #[track_caller]
    pub fn jvp(
        &self,
        y: &Var<'_, T>,
        tangents: &[(&Var<'_, T>, &DMatrix<T>)],
    ) -> Result<DMatrix<T>> {
        let mut pushed = self.pushed(y, &[tangents], Location::caller())?;
        // One direction in, one tangent out.
        Ok(pushed.swap_remove(0))
    }

    /// As [`Tape::jvps`].
    ///
    /// # Errors
    /// As [`Tape::jvp`].
    #[track_caller]
    pub fn jvps(
        &self,
        y: &Var<'_, T>,
        directions: &[&[(&Var<'_, T>, &DMatrix<T>)]],
    ) -> Result<Vec<DMatrix<T>>> {
        self.pushed(y, directions, Location::caller())
    }

    fn pushed(
        &self,
        y: &Var<'_, T>,
        directions: &[&[(&Var<'_, T>, &DMatrix<T>)]],
        at: At,
    ) -> Result<Vec<DMatrix<T>>> {
        let program = Program::new(&self.tape.inner, y, &named(directions), at)?;
        let seeds = flat(&program, directions, at)?;
        let ((nrows, ncols), k) = (y.shape(), directions.len());
        let zeros = || vec![DMatrix::from_element(nrows, ncols, T::zero()); k];
        if program.params().is_empty() || k == 0 {
            return Ok(zeros());
        }
        let mut replay = program.prepare(Question::Jvp(k), self.mode)?;
        match replay.run(Seeds::Directions(Mat::from(&seeds)))? {
            Answer::Tangents(y_dot) => Ok(y_dot
                .column_iter()
                .map(|column| DMatrix::from_column_slice(nrows, ncols, column.as_slice()))
                .collect()),
            other => unreachable!("tangents were asked for, not {other:?}"),
        }
    }

    /// As [`Tape::hessian_vector`].
    ///
    /// # Errors
    /// As [`Tape::hessian_vector`].
    #[track_caller]
    pub fn hessian_vector(
        &self,
        y: &Var<'_, T>,
        direction: &[(&Var<'_, T>, &DMatrix<T>)],
    ) -> Result<Gradients<T>> {
        let at = Location::caller();
        let program = Program::new(&self.tape.inner, y, &named(&[direction]), at)?;
        let seeds = flat(&program, &[direction], at)?;
        if program.params().is_empty() {
            return Ok(Gradients::new(&program, &[]));
        }
        let mut replay = program.prepare(Question::HessianVector(1), self.mode)?;
        let flat = match replay.run(Seeds::Directions(Mat::from(&seeds)))? {
            Answer::Products(_, products) => products.as_slice().to_vec(),
            other => unreachable!("products were asked for, not {other:?}"),
        };
        Ok(Gradients::new(replay.program(), &flat))
    }
}

/// The sources of all directions, each once.
fn named<'d, 'v, T>(directions: &[&'d [(&'d Var<'v, T>, &DMatrix<T>)]]) -> Vec<&'d Var<'v, T>> {
    let mut known = HashSet::new();
    let named = directions.iter().flat_map(|direction| direction.iter());
    let named = named.map(|(source, _)| *source);
    named.filter(|source| known.insert(source.key())).collect()
}

/// Directions as columns over the flat parameters; a source that a direction does not name does not move.
fn flat<T: Scalar>(
    program: &Program<T>,
    directions: &[&[(&Var<'_, T>, &DMatrix<T>)]],
    at: At,
) -> Result<DMatrix<T>> {
    let mut seeds = DMatrix::from_element(program.params().len(), directions.len(), T::zero());
    for (k, direction) in directions.iter().enumerate() {
        for (source, tangent) in direction.iter() {
            fits("a tangent", source.shape(), tangent, at)?;
            if let Some((range, _)) = program.range_of(Key::from(*source)) {
                let mut column = seeds.column_mut(k);
                let target = &mut column.as_mut_slice()[range];
                let pairs = target.iter_mut().zip(tangent.iter());
                pairs.for_each(|(sum, &entry)| *sum += entry);
            }
        }
    }
    Ok(seeds)
}

fn fits<T: Scalar>(op: &str, shape: (usize, usize), given: &DMatrix<T>, at: At) -> Result<()> {
    if given.shape() == shape {
        return Ok(());
    }
    Err(Error::Shape {
        op: op.into(),
        expected: shown(shape),
        got: shown(given.shape()),
        remedy: "give it the shape of the value that it belongs to",
        at,
    })
}

impl<'p, T: Number> Tape<'p, T>
where
    Dual<T>: Scalar,
{
    /// The same questions by a mode of your choice.
    ///
    /// ```
    /// use pushpull_tape::{Mode, Tape};
    /// let tape = Tape::new();
    /// let x = tape.scalar(0.5);
    /// let y = x.exp() * x.sin();
    /// let (pushed, pulled) = (tape.by(Mode::Forward), tape.by(Mode::Reverse));
    /// assert_eq!(pushed.gradient(&y, &[&x])?, pulled.gradient(&y, &[&x])?);
    /// # Ok::<(), pushpull_tape::Error>(())
    /// ```
    pub const fn by(&self, mode: Mode) -> Ask<'_, 'p, T> {
        Ask { tape: self, mode }
    }

    /// The gradient of the *sum* of y's entries with respect to each source, in its shape: one backward pass
    /// (`GradientTape.gradient`).
    ///
    /// # Errors
    /// The first fault on the way to y or a source; [`Error::OtherTape`]; [`Error::Graph`] for numbers that are not finite.
    #[track_caller]
    pub fn gradient(&self, y: &Var<'_, T>, sources: &[&Var<'_, T>]) -> Result<Gradients<T>> {
        self.by(Mode::Reverse).gradient(y, sources)
    }

    /// All entries of h with respect to all of w, a backward pass for each of h's (`GradientTape.jacobian`); up to 64 of them
    /// share one sweep over the program.
    ///
    /// # Errors
    /// As [`Tape::gradient`]; [`Error::Graph`] for a Jacobian that would not fit the memory.
    #[track_caller]
    pub fn jacobian(&self, h: &Var<'_, T>, w: &Var<'_, T>) -> Result<Jacobian<T>> {
        self.by(Mode::Reverse).jacobian(h, w)
    }

    /// The cotangent `y_bar` of y pulled back to each source: `GradientTape.gradient` with `output_gradients`.
    ///
    /// # Errors
    /// As [`Tape::gradient`]; [`Error::Shape`] for a cotangent of another shape than y's.
    ///
    /// ```
    /// use nalgebra::dmatrix;
    /// let tape = pushpull_tape::Tape::new();
    /// let x = tape.variable(dmatrix![1.0, 2.0]);
    /// assert_eq!(tape.vjp(&x.square(), &dmatrix![10.0, 100.0], &[&x])?[0], dmatrix![20.0, 400.0]);
    /// # Ok::<(), pushpull_tape::Error>(())
    /// ```
    #[track_caller]
    pub fn vjp(
        &self,
        y: &Var<'_, T>,
        y_bar: &DMatrix<T>,
        sources: &[&Var<'_, T>],
    ) -> Result<Gradients<T>> {
        self.by(Mode::Reverse).vjp(y, y_bar, sources)
    }

    /// The tangent of y along a tangent of each named source, by forward mode (`ForwardAccumulator`).
    ///
    /// # Errors
    /// As [`Tape::gradient`]; [`Error::Shape`] for a tangent of another shape than its source's.
    ///
    /// ```
    /// use nalgebra::dmatrix;
    /// let tape = pushpull_tape::Tape::new();
    /// let x = tape.variable(dmatrix![1.0, 2.0]);
    /// assert_eq!(tape.jvp(&x.square(), &[(&x, &dmatrix![1.0, 0.5])])?, dmatrix![2.0, 2.0]);
    /// # Ok::<(), pushpull_tape::Error>(())
    /// ```
    #[track_caller]
    pub fn jvp(
        &self,
        y: &Var<'_, T>,
        tangents: &[(&Var<'_, T>, &DMatrix<T>)],
    ) -> Result<DMatrix<T>> {
        self.by(Mode::Forward).jvp(y, tangents)
    }

    /// The tangents of y along several directions at once; a source that a direction does not name stands still.
    ///
    /// # Errors
    /// As [`Tape::jvp`].
    ///
    /// ```
    /// use nalgebra::dmatrix;
    /// let tape = pushpull_tape::Tape::new();
    /// let (a, b) = (tape.scalar(3.0), tape.scalar(5.0));
    /// let one = dmatrix![1.0];
    /// let tangents = tape.jvps(&(a * b), &[&[(&a, &one)], &[(&b, &one)]])?;
    /// assert_eq!(tangents, [dmatrix![5.0], dmatrix![3.0]]);
    /// # Ok::<(), pushpull_tape::Error>(())
    /// ```
    #[track_caller]
    pub fn jvps(
        &self,
        y: &Var<'_, T>,
        directions: &[&[(&Var<'_, T>, &DMatrix<T>)]],
    ) -> Result<Vec<DMatrix<T>>> {
        self.by(Mode::Forward).jvps(y, directions)
    }

    /// The Hessian of the *sum* of y's entries in all named sources together, times a direction: in the sources' shapes, in the
    /// order in which they are named.
    ///
    /// # Errors
    /// As [`Tape::jvp`].
    ///
    /// ```
    /// use nalgebra::dmatrix;
    /// let tape = pushpull_tape::Tape::new();
    /// let (a, b) = (tape.scalar(3.0), tape.scalar(5.0));
    /// let product = tape.hessian_vector(&(a * a * b), &[(&a, &dmatrix![1.0]), (&b, &dmatrix![0.0])])?;
    /// assert_eq!(product.into_vec(), [dmatrix![10.0], dmatrix![6.0]]); // [2b 2a; 2a 0]
    /// # Ok::<(), pushpull_tape::Error>(())
    /// ```
    #[track_caller]
    pub fn hessian_vector(
        &self,
        y: &Var<'_, T>,
        direction: &[(&Var<'_, T>, &DMatrix<T>)],
    ) -> Result<Gradients<T>> {
        self.by(Mode::Reverse).hessian_vector(y, direction)
    }

    /// What was recorded on the way to y, with its sources: to be replayed, planned, explained.
    ///
    /// # Errors
    /// The first fault on the way to y or a source; [`Error::OtherTape`].
    #[track_caller]
    pub fn program(&self, y: &Var<'_, T>, sources: &[&Var<'_, T>]) -> Result<Program<T>> {
        Program::new(&self.inner, y, sources, Location::caller())
    }
}
