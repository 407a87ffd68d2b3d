//! A cell of the comparison: one network, batch and precision, and the tasks measured on it.

use nalgebra::DMatrix;
use pushpull_core::blocks::{Activation, Loss};
use pushpull_core::{Cost, Counted, Dual, Error, Graph, Init, Mlp, Real, Scalar, count};
use pushpull_forward_mode::Chunk;
use pushpull_planner::PlanError;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::alloc::{self, AllocError};
use crate::data::{DataError, Dataset};
use crate::job::{Subject, Task, prepare};
use crate::net::Net;
use crate::record::{Dtype, FlopsSource, Layers, Mode, Record, Sweep};
use crate::timer::{Timer, TimerError};

/// Operations up to which a task is counted by running it; above, the formula stands in.
pub const COUNT_LIMIT: u64 = 1_000_000_000;

/// The seed of parameters, directions and cotangents.
pub const SEED: u64 = 20_18;

/// One network with the tasks to measure on it.
#[derive(Clone, Debug)]
pub struct Cell {
    /// The sweep that it belongs to.
    pub sweep: Sweep,
    /// Widths from the input to the last layer.
    pub widths: Vec<usize>,
    /// Between the layers.
    pub activation: Activation,
    /// At the end; `None`: the last layer is the output.
    pub loss: Option<Loss>,
    /// Samples.
    pub batch: usize,
    /// Precision.
    pub dtype: Dtype,
    /// What is measured beside the primal.
    pub tasks: Vec<Task>,
}

/// Why a cell could not be measured.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CellError {
    /// The network or its data.
    #[error(transparent)]
    Graph(#[from] Error),
    /// From a way's preparation or its first run.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The data set.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The counting allocator.
    #[error(transparent)]
    Alloc(#[from] AllocError),
    /// Criterion.
    #[error(transparent)]
    Timer(#[from] TimerError),
}

impl Cell {
    /// The network.
    ///
    /// # Errors
    /// As [`Mlp::build`].
    pub fn graph(&self) -> Result<Graph, Error> {
        let net = Mlp::new(&self.widths, self.activation);
        self.loss.map_or_else(
            || net.clone().build(),
            |loss| net.clone().loss(loss).build(),
        )
    }

    /// The network at Glorot's parameters, on real data: the first samples of `data`. A network with fewer inputs than
    /// features takes the features from the middle of the picture; one with more takes several samples side by side. The reader's
    /// own networks get numbers of a formula.
    ///
    /// # Errors
    /// [`CellError::Graph`], [`CellError::Data`]
    pub fn subject<T: Scalar>(&self, data: &Dataset) -> Result<Subject<T>, CellError> {
        let graph = self.graph()?;
        if let (Sweep::Networks, Some(loss)) = (self.sweep, self.loss) {
            return Ok(self.by_formula(graph, loss));
        }
        let n_x = self.widths[0];
        let features = data.inputs.nrows();
        let samples = n_x.div_ceil(features).max(1);
        let batch = data.batch(0, self.batch * samples)?;
        let first = if n_x < features {
            (features - n_x) / 2
        } else {
            0
        };
        let x = DMatrix::from_fn(graph.n_inputs(), self.batch, |i, j| {
            let entry =
                |i: usize| batch.inputs[((first + i) % features, j * samples + i / features)];
            T::from_f64(if i < n_x {
                entry(i)
            } else {
                batch.targets[(i - n_x, j * samples)]
            })
        });
        Ok(self.seeded(graph, x))
    }

    /// Inputs and targets of a formula, which has samples of any shape.
    fn by_formula<T: Scalar>(&self, graph: Graph, loss: Loss) -> Subject<T> {
        let net = Net {
            name: Layers(self.widths.clone()).to_string(),
            widths: self.widths.clone(),
            activation: self.activation,
            loss,
            batch: self.batch,
        };
        let x = net.data(&graph).1;
        self.seeded(graph, x)
    }

    /// With Glorot's parameters, a direction and a cotangent.
    fn seeded<T: Real>(&self, graph: Graph, x: DMatrix<T>) -> Subject<T> {
        let mut rng = ChaCha8Rng::seed_from_u64(SEED);
        let mut random = |_, _| T::from_f64(2.0 * rng.random::<f64>() - 1.0);
        Subject {
            params: graph.layout().init(Init::Glorot, SEED),
            params_dot: DMatrix::from_fn(graph.n_params(), 1, &mut random),
            y_bar: DMatrix::from_fn(graph.n_outputs(), self.batch, &mut random),
            x,
            graph,
        }
    }

    /// Measures every task: a row each, the primal first.
    ///
    /// # Errors
    /// [`CellError`]
    pub fn measure(
        &self,
        index: usize,
        data: &Dataset,
        timer: &mut dyn Timer,
    ) -> Result<Vec<Record>, CellError> {
        match self.dtype {
            Dtype::F32 => self.measure_at::<f32>(index, data, timer),
            Dtype::F64 => self.measure_at::<f64>(index, data, timer),
        }
    }

    fn measure_at<T: Scalar>(
        &self,
        index: usize,
        data: &Dataset,
        timer: &mut dyn Timer,
    ) -> Result<Vec<Record>, CellError>
    where
        Dual<T>: Scalar,
    {
        let subject = self.subject::<T>(data)?;
        let counted = self.subject::<Counted<f64>>(data)?;
        let mut rows: Vec<Record> = Vec::with_capacity(self.tasks.len() + 1);
        for task in std::iter::once(Task::new(Mode::Primal)).chain(self.tasks.iter().copied()) {
            // Warm: what the GEMM library keeps for itself is not this task's memory.
            (prepare(task, &subject)?.run)();
            // What is held while it runs. Lists that planning makes and gives back before are no part of a mode's memory.
            let (job, prepared) = alloc::measure(|| prepare(task, &subject))?;
            let mut job = job?;
            let ((), running) = alloc::measure(|| (job.run)())?;
            let chunk = job.chunk;
            let id = format!(
                "{}-{index}-{}-b{}-{}-{}",
                self.sweep,
                self.dtype,
                self.batch,
                task.mode,
                chunk.unwrap_or(0)
            );
            let time = timer.time(&id, &mut *job.run)?;
            let (cost, flops_source) = count_task(task, chunk, job.cost, &counted)?;
            let primal_time_s = rows.first().map_or(time.median, |primal| primal.time_s);
            rows.push(Record {
                sweep: self.sweep,
                layers: Layers(self.widths.clone()),
                activation: self.activation.to_string(),
                dtype: self.dtype,
                batch: self.batch,
                params: subject.graph.n_params(),
                outputs: subject.graph.n_outputs(),
                mode: task.mode,
                chunk: if matches!(
                    task.mode,
                    Mode::Forward | Mode::ForwardStructured | Mode::Jvp | Mode::JacobianForward
                ) {
                    chunk
                } else {
                    None
                },
                threads: 1,
                time_s: time.median,
                primal_time_s,
                peak_bytes: prepared.kept_bytes.unsigned_abs() + running.peak_bytes,
                flops: cost.flops,
                inputs: self.widths[0],
                calls: cost.calls,
                time_low_s: time.low,
                time_high_s: time.high,
                flops_source,
            });
        }
        Ok(rows)
    }
}

/// The operations of a task, counted where that is quick, with the same chunk as measured.
fn count_task(
    task: Task,
    chunk: Option<usize>,
    formula: Cost,
    subject: &Subject<Counted<f64>>,
) -> Result<(Cost, FlopsSource), PlanError> {
    if formula.flops > COUNT_LIMIT {
        return Ok((formula, FlopsSource::Formula));
    }
    let chunk = chunk.map_or(task.chunk, Chunk::Fixed);
    let mut job = prepare(Task { chunk, ..task }, subject)?;
    Ok((count(|| (job.run)()).1, FlopsSource::Counted))
}
