//! A program with its engine.

use std::panic::Location;

use nalgebra::DMatrix;
use pushpull_core::{Dual, Mat, Scalar};
use pushpull_planner::{Answer, PlanError, Prepared, Question, Seeds, Way};

use crate::error::shown;
use crate::{Error, Key, Program, Result};

/// A recorded program with an engine prepared for one question: it runs on new values without recording, as fast as a graph
/// built by hand, and allocates nothing (but a Jacobian, which is the answer's own).
///
/// ```
/// use nalgebra::dmatrix;
/// use pushpull_planner::Question;
/// use pushpull_tape::{Mode, Tape};
/// let tape = Tape::new();
/// let (w, x) = (tape.variable(dmatrix![1.0, 1.0]), tape.constant(dmatrix![1.0; 2.0]));
/// let error = w.matmul(x) - 5.0;
/// let program = tape.program(&error.square(), &[&w])?;
/// let mut replay = program.prepare(Question::Gradient, Mode::Reverse)?;
/// let mut weights = dmatrix![1.0, 1.0];
/// for _ in 0..20 {
///     let pulled = replay.gradient()?;
///     weights -= pulled.of(&w)?.to_dmatrix() * 0.05;
///     replay.set(&w, &weights)?;
/// }
/// assert!(replay.gradient()?.value() < 1e-5);
/// # Ok::<(), pushpull_tape::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Replay<T: nalgebra::Scalar> {
    program: Program<T>,
    prepared: Prepared<T>,
    question: Question,
    way: Way,
}

/// The sum of the output's entries, with its gradient.
#[derive(Debug)]
pub struct Pulled<'a, T> {
    program: &'a Program<T>,
    value: T,
    gradient: &'a [T],
}

impl<'a, T: Scalar> Pulled<'a, T> {
    /// The sum of the output's entries.
    pub const fn value(&self) -> T {
        self.value
    }

    /// The gradient, source after source.
    pub const fn flat(&self) -> &'a [T] {
        self.gradient
    }

    /// The gradient with respect to a source, in its shape.
    ///
    /// # Errors
    /// [`Error::NoPlace`] for what is no source.
    #[track_caller]
    pub fn of(&self, source: impl Into<Key>) -> Result<Mat<'a, T>> {
        let key = source.into();
        match self.program.range_of(key) {
            Some((range, (nrows, ncols))) => Ok(Mat::new(&self.gradient[range], nrows, ncols)),
            None => Err(Error::NoPlace {
                shape: shown(key.shape),
                at: Location::caller(),
            }),
        }
    }
}

impl<T: Scalar> Replay<T>
where
    Dual<T>: Scalar,
{
    pub(crate) fn new(program: Program<T>, question: Question, way: Way) -> Result<Self> {
        Ok(Self {
            prepared: Prepared::new(program.graph(), 1, question, way)?,
            program,
            question,
            way,
        })
    }

    /// The same engine on some threads, the caller's among them: the same bits.
    ///
    /// # Errors
    /// [`Error::Graph`] as [`pushpull_core::Team::new`].
    ///
    /// ```
    /// use nalgebra::DMatrix;
    /// use pushpull_planner::Question;
    /// use pushpull_tape::{Mode, Tape};
    /// let tape = Tape::new();
    /// let w = tape.variable(DMatrix::from_fn(200, 200, |i, j| ((i * j) as f64).sin()));
    /// let program = tape.program(&w.matmul(w).tanh().sum(), &[&w])?;
    /// let mut one = program.clone().prepare(Question::Gradient, Mode::Reverse)?;
    /// let mut two = program.prepare(Question::Gradient, Mode::Reverse)?.threads(2)?;
    /// assert_eq!(one.gradient()?.flat(), two.gradient()?.flat());
    /// # Ok::<(), pushpull_tape::Error>(())
    /// ```
    pub fn threads(self, threads: usize) -> Result<Self> {
        let Self {
            program,
            prepared,
            question,
            way,
        } = self;
        drop(prepared); // One engine at a time.
        Ok(Self {
            prepared: Prepared::on_threads(program.graph(), 1, question, way, threads)?,
            program,
            question,
            way,
        })
    }

    /// The program, with the numbers of now.
    pub const fn program(&self) -> &Program<T> {
        &self.program
    }

    /// What it answers.
    pub const fn question(&self) -> Question {
        self.question
    }

    /// The way that it runs.
    pub const fn way(&self) -> Way {
        self.way
    }

    /// New numbers for a variable or a constant. Allocates nothing.
    ///
    /// # Errors
    /// As [`Program::set`].
    #[track_caller]
    pub fn set(&mut self, var: impl Into<Key>, numbers: &DMatrix<T>) -> Result<()> {
        self.program.set(var, numbers)
    }

    /// Runs a [`Question::Gradient`].
    ///
    /// # Errors
    /// [`Error::Plan`] for another question; [`Error::Graph`] for numbers that are not finite.
    pub fn gradient(&mut self) -> Result<Pulled<'_, T>> {
        let question = self.question;
        let Self {
            program, prepared, ..
        } = self;
        let program = &*program;
        match prepared.run(program.params(), program.inputs(), Seeds::None)? {
            Answer::Gradient(value, gradient) => Ok(Pulled {
                program,
                value,
                gradient,
            }),
            _ => Err(Error::from(PlanError::Seeds {
                question,
                expected: "a replay of a gradient",
                got: "a replay prepared for another question",
                remedy: "prepare it for Question::Gradient, or use Replay::run",
            })),
        }
    }

    /// Runs the question, with its seeds: rows of directions are the flat parameters, rows of cotangents the output's numbers.
    ///
    /// # Errors
    /// As [`Prepared::run`].
    pub fn run(&mut self, seeds: Seeds<'_, T>) -> Result<Answer<'_, T>> {
        let Self {
            program, prepared, ..
        } = self;
        Ok(prepared.run(program.params(), program.inputs(), seeds)?)
    }
}
