//! The cells of each sweep.

use pushpull_core::blocks::{Activation, Loss};
use pushpull_forward_mode::Chunk;

use crate::cell::Cell;
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

/// All sweeps.
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

/// The cells of a sweep.
pub fn cells(sweep: Sweep, extent: Extent) -> Vec<Cell> {
    match sweep {
        Sweep::Width => width(extent),
        Sweep::Depth => depth(extent),
        Sweep::Outputs => outputs(extent),
        Sweep::Directions => directions(extent),
    }
}

/// 64-w-10 on digits, softmax cross-entropy: p = 75 w + 10 parameters.
fn width(extent: Extent) -> Vec<Cell> {
    let (both, reverse, batches): (&[usize], &[usize], &[usize]) = match extent {
        Extent::Full => (
            &[1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1333],
            &[4_096, 16_384, 65_536, 133_333],
            &[1, 32],
        ),
        Extent::Quick => (&[2, 16, 64], &[512], &[32]),
    };
    let mut cells = Vec::new();
    for dtype in [Dtype::F64, Dtype::F32] {
        for &batch in batches {
            let with_forward = both.iter().map(|&w| (w, true));
            for (w, forward) in with_forward.chain(reverse.iter().map(|&w| (w, false))) {
                let mut tasks = vec![Task::new(Mode::Reverse), Task::new(Mode::ForwardStructured)];
                tasks.extend(forward.then(|| Task::forward(Chunk::Auto)));
                cells.push(Cell {
                    sweep: Sweep::Width,
                    widths: vec![64, w, 10],
                    activation: Activation::Tanh,
                    loss: Some(Loss::SoftmaxCrossEntropy),
                    batch,
                    dtype,
                    tasks,
                });
            }
        }
    }
    cells
}

/// 2 to 64 linear blocks of equal width with tanh between them, then the lecture's sum.
fn depth(extent: Extent) -> Vec<Cell> {
    let depths: &[usize] = match extent {
        Extent::Full => &[2, 4, 8, 16, 32, 64],
        Extent::Quick => &[2, 8],
    };
    let tasks = vec![
        Task::new(Mode::Jvp),
        Task::new(Mode::Reverse),
        Task::forward(Chunk::Fixed(DEPTH_CHUNK)),
        Task::forward(Chunk::Full),
    ];
    let cell = |&depth: &usize| Cell {
        sweep: Sweep::Depth,
        widths: vec![DEPTH_WIDTH; depth + 1],
        activation: Activation::Tanh,
        loss: Some(Loss::Sum),
        batch: 32,
        dtype: Dtype::F64,
        tasks: tasks.clone(),
    };
    depths.iter().map(cell).collect()
}

/// n-64-o: the Jacobian with respect to the inputs by both modes.
fn outputs(extent: Extent) -> Vec<Cell> {
    let sizes: &[usize] = match extent {
        Extent::Full => &[1, 4, 16, 64, 256, 1024],
        Extent::Quick => &[1, 16, 64],
    };
    let cell = |n_in: usize, n_out: usize| Cell {
        sweep: Sweep::Outputs,
        widths: vec![n_in, 64, n_out],
        activation: Activation::Tanh,
        loss: None,
        batch: 1,
        dtype: Dtype::F64,
        tasks: vec![
            Task::new(Mode::JacobianForward),
            Task::new(Mode::JacobianReverse),
        ],
    };
    sizes
        .iter()
        .flat_map(|&n_in| sizes.iter().map(move |&n_out| cell(n_in, n_out)))
        .collect()
}

/// One direction forward, one cotangent back, and the full gradient both ways.
fn directions(extent: Extent) -> Vec<Cell> {
    let widths: &[usize] = match extent {
        Extent::Full => &[8, 32, 128, 512],
        Extent::Quick => &[8, 32],
    };
    let tasks = [Mode::Jvp, Mode::Vjp, Mode::Reverse, Mode::Forward]
        .map(Task::new)
        .to_vec();
    let cell = |&w: &usize| Cell {
        sweep: Sweep::Directions,
        widths: vec![64, w, w, 10],
        activation: Activation::Tanh,
        loss: Some(Loss::SoftmaxCrossEntropy),
        batch: if w > 128 { 1 } else { 32 },
        dtype: Dtype::F64,
        tasks: tasks.clone(),
    };
    widths.iter().map(cell).collect()
}
