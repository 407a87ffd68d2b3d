//! The engine: the Jacobian of a chain by its cheapest bracketing.

use nalgebra::DMatrix;
use pushpull_core::program::{Code, Machine, Program as Primal};
use pushpull_core::siblings::memory;
use pushpull_core::siblings::work::{Item, Work};
use pushpull_core::{
    Cost, Engine, Error, Graph, Mat, MatMut, Prediction, Result, Scalar, Team, Wrt,
};

use crate::Bracketing;
use crate::program::{Numbers, Program};

/// Bytes of an engine's buffers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Bytes {
    /// The primal values that some step reads.
    pub record: usize,
    /// The Jacobians of parts alive at once.
    pub jacobians: usize,
    /// The blocks' scratch memory.
    pub scratch: usize,
}

impl Bytes {
    /// All of them.
    pub const fn total(&self) -> usize {
        let kept = self.record.saturating_add(self.jacobians);
        kept.saturating_add(self.scratch)
    }
}

/// Mixed mode for a chain of blocks and a batch, at the scalar `T`: the plan, and the buffers to run it.
///
/// What it takes, before it is prepared: [`MixedMode::plan`].
///
/// ```
/// use nalgebra::dmatrix;
/// use pushpull_core::{Builder, blocks::{Linear, Square}};
/// use pushpull_mixed_mode::MixedMode;
/// let mut b = Builder::new();
/// let x = b.input("x", 2);
/// let h = b.block(Linear::without_bias(2, 1), x);
/// let h = b.map(Square, h);
/// let y = b.block(Linear::without_bias(1, 2), h);
/// let graph = b.build(y)?;
/// let mut mixed = MixedMode::new(&graph, 1)?;
/// // y = (u, v) (a x1 + b x2)^2 with a = 1, b = 2, u = 10, v = 100 at x = (3, 1): dy/dx = (u, v)' 2 (a x1 + b x2) (a, b)
/// let jacobian = mixed.jacobian_inputs(&[1.0, 2.0, 10.0, 100.0], &dmatrix![3.0; 1.0])?;
/// assert_eq!(jacobian, dmatrix![100.0, 200.0; 1000.0, 2000.0]);
/// # Ok::<(), pushpull_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct MixedMode<T> {
    bracketing: Bracketing,
    primal: Machine<T>,
    program: Program,
    jacobians: Vec<T>,
    scratch: Vec<T>,
    team: Team,
}

/// The plans without their numbers: what is prepared and what is predicted follow from the same.
struct Design {
    bracketing: Bracketing,
    /// The primal program, which keeps what some step reads.
    record: Primal,
    primal: Code,
    program: Program,
}

impl Design {
    fn new<T: Scalar>(graph: &Graph, batch: usize) -> Result<Self> {
        let bracketing = Bracketing::new(graph, batch)?;
        let program = Program::new::<T>(graph, &bracketing.chain, &bracketing.search, batch)?;
        let record = Primal::record(graph, batch, |node| program.reads(node))?;
        let primal = record.place::<T>("mixed mode's values", "use a smaller batch")?;
        let total = [primal.len(), program.len(), program.scratch_len()];
        memory::fits::<T>(
            "mixed mode's buffers",
            total.into_iter().fold(0, usize::saturating_add),
            "use a smaller batch",
        )?;
        Ok(Self {
            bracketing,
            record,
            primal,
            program,
        })
    }
}

/// The Jacobian of a chain with respect to its inputs, for a batch, to be bracketed: made by [`MixedMode::plan`]. It holds no
/// numbers.
///
/// What it takes: the primal once and the steps of the bracketing; beside the values that some step reads, the Jacobians of
/// parts alive at once. The Jacobian itself is n_outputs B by n_inputs. Every method searches the bracketing.
///
/// ```
/// use pushpull_core::{Mlp, blocks::Activation};
/// use pushpull_mixed_mode::MixedMode;
/// let graph = Mlp::new(&[8, 2, 8], Activation::Tanh).build()?;
/// let plan = MixedMode::plan(&graph, 10);
/// let (predicted, prepared) = (plan.prediction::<f32>()?, plan.prepare::<f32>()?);
/// assert_eq!(predicted.cost, prepared.cost());
/// assert_eq!(predicted.buffers, prepared.bytes().total());
/// # Ok::<(), pushpull_core::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct MixedPlan {
    graph: Graph,
    batch: usize,
    threads: usize,
}

impl MixedPlan {
    /// Threads of the engine, the caller's among them; 1 where nothing is said. The bits are the same for any number.
    pub const fn threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// The engine, prepared: all memory is allocated here.
    ///
    /// # Errors
    /// As [`Bracketing::new`]; [`Error::Setting`] for threads as [`Team::new`].
    pub fn prepare<T: Scalar>(&self) -> Result<MixedMode<T>> {
        let Design {
            bracketing,
            primal,
            program,
            ..
        } = Design::new::<T>(&self.graph, self.batch)?;
        let team = Team::new("MixedMode", self.threads)?;
        Ok(MixedMode {
            primal: Machine::new(primal).shared_by(&team),
            team,
            jacobians: vec![T::zero(); program.len()],
            scratch: vec![T::zero(); program.scratch_len()],
            bracketing,
            program,
        })
    }

    /// What [`MixedMode::jacobian_inputs`] takes at a scalar, exactly, without preparing it.
    ///
    /// # Errors
    /// As [`Bracketing::new`].
    pub fn prediction<T: Scalar>(&self) -> Result<Prediction> {
        Ok(self.prediction_and_work::<T>()?.0)
    }

    /// [`MixedPlan::prediction`], and what [`MixedMode::jacobian_inputs`] does as a list, from one search.
    ///
    /// # Errors
    /// As [`Bracketing::new`].
    pub fn prediction_and_work<T: Scalar>(&self) -> Result<(Prediction, Work)> {
        let (graph, batch) = (&self.graph, self.batch);
        let Design {
            bracketing,
            record,
            primal,
            program,
        } = Design::new::<T>(graph, batch)?;
        let entries = memory::elements(&[graph.n_outputs(), batch, graph.n_inputs()]);
        let results = memory::elements(&[entries, size_of::<T>()]);
        let numbers = primal.len() + program.len() + program.scratch_len();
        let mut work = record.work();
        program.work(&mut work);
        work.add(Item::Read(graph.n_params()), 1);
        work.add(Item::Read(memory::elements(&[graph.n_inputs(), batch])), 1);
        work.add(Item::Fresh(entries), 1);
        let prediction = Prediction {
            cost: bracketing.cost(),
            evaluations: record.evaluations(),
            buffers: numbers * size_of::<T>(),
            plan: bracketing.chain.held()
                + bracketing.search.held()
                + primal.held()
                + program.held(),
            run: results,
            results,
        };
        Ok((prediction, work))
    }
}

impl MixedMode<f64> {
    /// The Jacobian of a chain, to be bracketed. The scalar is named where it matters, in [`MixedPlan::prediction`] and
    /// [`MixedPlan::prepare`].
    pub fn plan(graph: &Graph, batch: usize) -> MixedPlan {
        MixedPlan {
            graph: graph.clone(),
            batch,
            threads: 1,
        }
    }
}

impl<T: Scalar> MixedMode<T> {
    /// Brackets the Jacobian and prepares it for batches of `batch` samples: all memory is allocated here.
    ///
    /// # Errors
    /// As [`Bracketing::new`].
    pub fn new(graph: &Graph, batch: usize) -> Result<Self> {
        MixedMode::plan(graph, batch).prepare()
    }

    /// The bracketing.
    pub const fn bracketing(&self) -> &Bracketing {
        &self.bracketing
    }

    /// The graph.
    pub const fn graph(&self) -> &Graph {
        self.bracketing.graph()
    }

    /// Samples of a batch.
    pub const fn batch(&self) -> usize {
        self.bracketing.batch()
    }

    /// The Jacobian of all outputs with respect to the inputs, sample by sample: row `sample * n_outputs + output`, a
    /// column a row of the input matrix. Columns of inputs that the chain does not read are exact zeros.
    ///
    /// # Errors
    /// As [`Graph::check`] and [`Graph::check_slopes`]; [`Error::TooLarge`] before anything is allocated.
    pub fn jacobian_inputs<'a>(
        &mut self,
        params: &[T],
        x: impl Into<Mat<'a, T>>,
    ) -> Result<DMatrix<T>> {
        let x = x.into();
        self.graph().check(params, x, self.batch())?;
        let (rows, columns) = self.shape();
        memory::fits::<T>(
            format_args!("the Jacobian of {rows} outputs by {columns} inputs"),
            memory::elements(&[rows, columns]),
            "use a smaller batch, or push the directions you need",
        )?;
        let mut jacobian = DMatrix::from_element(rows, columns, T::zero());
        let team = self.team.clone();
        team.run(|| self.run(params, x, jacobian.as_mut_slice()))?;
        Ok(jacobian)
    }

    /// As [`MixedMode::jacobian_inputs`], written to `jacobian`, batch * n_outputs x n_inputs without gaps between its
    /// columns. Allocates nothing.
    ///
    /// # Errors
    /// As [`Graph::check`] and [`Graph::check_slopes`]; [`Error::Shape`] for `jacobian`. Then nothing is written.
    pub fn jacobian_inputs_into<'a>(
        &mut self,
        params: &[T],
        x: impl Into<Mat<'a, T>>,
        mut jacobian: MatMut<'_, T>,
    ) -> Result<()> {
        let x = x.into();
        self.graph().check(params, x, self.batch())?;
        let (expected, got) = (self.shape(), jacobian.shape());
        let remedy = "give one row for each output of each sample, ordered sample by sample, and leave no gaps between the columns";
        let Some(target) = jacobian.as_mut_slice().filter(|_| expected == got) else {
            return Err(Error::matrix("jacobian", expected, got, remedy));
        };
        let team = self.team.clone();
        team.run(|| self.run(params, x, target))
    }

    /// (rows, columns) of the Jacobian of a batch.
    fn shape(&self) -> (usize, usize) {
        let graph = self.graph();
        (
            memory::elements(&[graph.n_outputs(), self.batch()]),
            graph.n_inputs(),
        )
    }

    /// The checked run.
    fn run(&mut self, params: &[T], x: Mat<'_, T>, jacobian: &mut [T]) -> Result<()> {
        let doubt = self.primal.record(params, x);
        self.graph().settle(params, x, doubt, Wrt::INPUTS)?;
        let (rows, _) = self.shape();
        // What the chain does not read; the rest is assigned.
        let read = &self.bracketing.chain.input;
        jacobian[..rows * read.start].fill(T::zero());
        jacobian[rows * read.end..].fill(T::zero());
        // The Jacobian, column by column, is the tangents of the unit vectors of the inputs, sample by sample.
        let own = &mut jacobian[rows * read.start..rows * read.end];
        let numbers = Numbers {
            values: &mut self.jacobians,
            scratch: &mut self.scratch,
            output: own,
        };
        self.program.run(&self.primal, params, x, numbers);
        Ok(())
    }

    /// The exact cost of [`MixedMode::jacobian_inputs`], as [`Bracketing::cost`].
    pub fn cost(&self) -> Cost {
        self.bracketing.cost()
    }

    /// Bytes of all buffers; the Jacobian itself is the caller's.
    pub const fn bytes(&self) -> Bytes {
        let size = size_of::<T>();
        Bytes {
            record: self.primal.code().len() * size,
            jacobians: self.jacobians.len() * size,
            scratch: self.scratch.len() * size,
        }
    }
}

impl<T: Scalar> Engine<T> for MixedMode<T> {
    fn name(&self) -> &'static str {
        "MixedMode"
    }

    fn jacobian_inputs(&mut self, params: &[T], x: Mat<'_, T>) -> Result<DMatrix<T>> {
        Self::jacobian_inputs(self, params, x)
    }
}
