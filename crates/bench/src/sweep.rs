//! The sweeps and their cells, as `benches/cost.toml` says them.

mod file;

pub use file::SweepError;

use std::path::{Path, PathBuf};

use pushpull_core::blocks::{Activation, Loss};
use pushpull_forward_mode::Chunk;

use crate::cell::Cell;
use crate::grid::Grid;
use crate::job::Task;
use crate::record::{Dtype, Mode, Sweep};

/// How much is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// The report: a few minutes.
    Full,
    /// A look whether everything runs: well under a minute.
    Quick,
}

/// The sweeps of the report.
pub const ALL: [Sweep; 4] = [
    Sweep::Width,
    Sweep::Depth,
    Sweep::Outputs,
    Sweep::Directions,
];

/// Width of the networks of the depth sweep.
pub const DEPTH_WIDTH: usize = 16;

/// Columns of the middle curve of memory against depth.
pub const DEPTH_CHUNK: usize = 32;

/// Where the repository's sweeps are written down.
pub fn file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../benches/cost.toml")
}

/// The sweeps of a file.
///
/// ```
/// use pushpull_bench::sweep::{Extent, Sweeps, file};
/// use pushpull_bench::record::Sweep;
/// let sweeps = Sweeps::read(&file())?;
/// assert!(sweeps.cells(Sweep::Depth, Extent::Full).len() > 2);
/// # Ok::<(), pushpull_bench::sweep::SweepError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Sweeps {
    full: Vec<Cell>,
    quick: Vec<Cell>,
}

impl Sweeps {
    /// Reads a file: all its values are held against what can be run.
    ///
    /// # Errors
    /// [`SweepError`]
    pub fn read(path: &Path) -> Result<Self, SweepError> {
        file::read(path)
    }

    /// The cells of a sweep, in the order in which they are measured.
    pub fn cells(&self, sweep: Sweep, extent: Extent) -> Vec<Cell> {
        let cells = match extent {
            Extent::Full => &self.full,
            Extent::Quick => &self.quick,
        };
        let of_sweep = cells.iter().filter(|cell| cell.sweep == sweep);
        of_sweep.cloned().collect()
    }
}

/// What a sweep measures in every one of its cells.
struct Shape {
    sweep: Sweep,
    activation: Activation,
    loss: Option<Loss>,
    tasks: Vec<Task>,
}

impl Shape {
    fn cells(&self, grid: &Grid) -> Vec<Cell> {
        let cell = |configuration: crate::grid::Configuration| Cell {
            sweep: self.sweep,
            widths: configuration.widths,
            activation: self.activation,
            loss: self.loss,
            batch: configuration.batch,
            dtype: configuration.dtype,
            tasks: self.tasks.clone(),
        };
        grid.configurations().map(cell).collect()
    }
}

/// 64-w-10 on digits, softmax cross-entropy: p = 75 w + 10 parameters.
fn width(widths: &[usize], batches: &[usize], dtypes: &[Dtype], tasks: Vec<Task>) -> Vec<Cell> {
    let grid = Grid {
        networks: widths.iter().map(|&w| vec![64, w, 10]).collect(),
        batches: batches.to_vec(),
        dtypes: dtypes.to_vec(),
    };
    let shape = Shape {
        sweep: Sweep::Width,
        activation: Activation::Tanh,
        loss: Some(Loss::SoftmaxCrossEntropy),
        tasks,
    };
    shape.cells(&grid)
}

/// Linear blocks of equal width with tanh between them, then the lecture's sum.
fn depth(depths: &[usize]) -> Vec<Cell> {
    let network = |&depth: &usize| vec![DEPTH_WIDTH; depth + 1];
    let grid = Grid {
        networks: depths.iter().map(network).collect(),
        batches: vec![32],
        dtypes: vec![Dtype::F64],
    };
    let shape = Shape {
        sweep: Sweep::Depth,
        activation: Activation::Tanh,
        loss: Some(Loss::Sum),
        tasks: vec![
            Task::new(Mode::Jvp),
            Task::new(Mode::Reverse),
            Task::forward(Chunk::Fixed(DEPTH_CHUNK)),
            Task::forward(Chunk::Full),
        ],
    };
    shape.cells(&grid)
}

/// n-64-o: the Jacobian with respect to the inputs by both modes.
fn outputs(inputs: &[usize], outputs: &[usize]) -> Vec<Cell> {
    let networks = |&n: &usize| outputs.iter().map(move |&o| vec![n, 64, o]);
    let grid = Grid {
        networks: inputs.iter().flat_map(networks).collect(),
        batches: vec![1],
        dtypes: vec![Dtype::F64],
    };
    let shape = Shape {
        sweep: Sweep::Outputs,
        activation: Activation::Tanh,
        loss: None,
        tasks: vec![
            Task::new(Mode::JacobianForward),
            Task::new(Mode::JacobianReverse),
        ],
    };
    shape.cells(&grid)
}

/// 64-w-w-10: one direction forward, one cotangent back, and the full gradient both ways.
fn directions(widths: &[usize], batch: usize) -> Vec<Cell> {
    let grid = Grid {
        networks: widths.iter().map(|&w| vec![64, w, w, 10]).collect(),
        batches: vec![batch],
        dtypes: vec![Dtype::F64],
    };
    let shape = Shape {
        sweep: Sweep::Directions,
        activation: Activation::Tanh,
        loss: Some(Loss::SoftmaxCrossEntropy),
        tasks: [Mode::Jvp, Mode::Vjp, Mode::Reverse, Mode::Forward]
            .map(Task::new)
            .to_vec(),
    };
    shape.cells(&grid)
}
