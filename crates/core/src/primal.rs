//! The primal program: the blocks in order, each reading what earlier ones wrote.

use crate::program::{Code, Frame, Machine, Program};
use crate::{Cost, Graph, Mat, Prediction, Result, Scalar, Team, memory};

/// The primal program alone: values without derivatives.
///
/// ```
/// use nalgebra::dmatrix;
/// use pushpull_core::{Builder, Primal, blocks::Square};
/// let mut b = Builder::new();
/// let x = b.input("x", 2);
/// let y = b.map(Square, x);
/// let graph = b.build(y)?;
/// let mut primal = Primal::new(&graph, 2)?;
/// let y = primal.run(&[], &dmatrix![1.0, 2.0; 3.0, 4.0])?;
/// assert_eq!(y.to_dmatrix(), dmatrix![1.0, 4.0; 9.0, 16.0]);
/// # Ok::<(), pushpull_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Primal<T> {
    machine: Machine<T>,
    cost: Cost,
    team: Team,
}

impl<T: Scalar> Primal<T> {
    /// Prepares the program for batches of `batch` samples: all memory is allocated here.
    ///
    /// # Errors
    /// [`crate::Error::EmptyBatch`], or [`crate::Error::TooLarge`] before anything is allocated.
    pub fn new(graph: &Graph, batch: usize) -> Result<Self> {
        let program = Program::primal(graph, batch)?;
        Ok(Self {
            machine: Machine::new(placed::<T>(&program)?),
            cost: program.cost::<T>(),
            team: Team::alone(),
        })
    }

    /// What [`Primal::run`] takes, without preparing it: each block's forward map once, in an arena of the values alive
    /// at once.
    ///
    /// # Errors
    /// As [`Primal::new`].
    ///
    /// ```
    /// use pushpull_core::{Cost, Mlp, Primal, blocks::Activation};
    /// let graph = Mlp::new(&[3, 4, 2], Activation::Tanh).build()?;
    /// let primal = Primal::<f32>::predict(&graph, 5)?;
    /// assert_eq!(primal.cost, Cost { flops: 5 * (2 * 4 * 3 + 4 + 2 * 2 * 4 + 2), calls: 5 * 4 });
    /// assert_eq!((primal.evaluations, primal.buffers), (3, 4 * 5 * (4 + 2))); // tanh runs in its input's place
    /// # Ok::<(), pushpull_core::Error>(())
    /// ```
    pub fn predict(graph: &Graph, batch: usize) -> Result<Prediction> {
        let program = Program::primal(graph, batch)?;
        let code = placed::<T>(&program)?;
        let numbers = code.len().saturating_add(code.scratch_len());
        let prediction = Prediction {
            cost: program.cost::<T>(),
            evaluations: program.evaluations(),
            buffers: memory::elements(&[numbers, size_of::<T>()]),
            plan: code.held(),
            ..Prediction::default()
        };
        prediction.counted("the primal program", REMEDY)
    }

    /// The same program on `threads` threads, the caller's among them: the same bits. A small graph's is not shared
    /// ([`Team::of_graph`]).
    ///
    /// # Errors
    /// [`crate::Error::Setting`] as [`Team::new`].
    pub fn with_threads(mut self, threads: usize) -> Result<Self> {
        let code = self.machine.code();
        self.team = Team::of_graph("Primal", threads, code.graph(), code.batch())?;
        self.machine = self.machine.shared_by(&self.team);
        Ok(self)
    }

    /// The output, n_outputs x batch. Allocates nothing.
    ///
    /// # Errors
    /// As [`Graph::check`].
    pub fn run<'a>(&mut self, params: &[T], x: impl Into<Mat<'a, T>>) -> Result<Mat<'_, T>> {
        let (x, Self { machine, team, .. }) = (x.into(), self);
        let code = machine.code();
        code.graph().check(params, x, code.batch())?;
        let mut frame = Frame::new(code, params, x);
        // Values need no derivative: nothing is checked.
        team.run(|| machine.run(0, &mut frame, |_| Ok(())))?;
        Ok(machine.output())
    }

    /// The exact cost of [`Primal::run`].
    pub const fn cost(&self) -> Cost {
        self.cost
    }

    /// Bytes of the arena.
    pub fn bytes(&self) -> usize {
        let code = self.machine.code();
        (code.len() + code.scratch_len()) * size_of::<T>()
    }
}

const REMEDY: &str = "use a smaller batch";

fn placed<T>(program: &Program) -> Result<Code> {
    program.place::<T>("the primal program", REMEDY)
}
