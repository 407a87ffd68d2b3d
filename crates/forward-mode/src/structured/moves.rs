//! The moves that push tangents through one node, on the samples of a chunk.
//!
//! A tangent of S columns is n x c S for c samples, column `column * c + sample`: the columns of a sample's Jacobian
//! lie as seeds do everywhere, so a block's own maps push them.

use std::ops::Range;

use pushpull_core::graph::Node;
use pushpull_core::linalg::{times_diagonals, total};
use pushpull_core::siblings::arena::{Arena, Slot, disjoint};
use pushpull_core::siblings::memory;
use pushpull_core::{Accum, Cost, Mat, MatMut, Op, Point, Result, Scalar, cost};

/// How the tangent of an occurrence is held at a node: the Jacobian of the node's output with respect to the
/// occurrence's.
#[derive(Clone, Copy, Debug)]
pub(super) enum Form {
    /// I: nothing is held.
    Identity,
    /// The diagonal of each sample, n x c.
    Diagonal(Slot),
    /// Columns of a dense tangent, from this one on.
    Dense(Slot, usize),
}

/// One step of a program, at a node.
#[derive(Clone, Debug)]
pub(super) struct Move {
    pub(super) node: usize,
    pub(super) does: Action,
}

/// What a move does. `to` and `first` say where dense columns go.
#[derive(Clone, Debug)]
pub(super) enum Action {
    /// The diagonal of I, to be pushed as one seed.
    Ones { to: Slot },
    /// `jvp_input` of all columns of a tangent.
    Push {
        from: Slot,
        to: Slot,
        first: usize,
        seeds: usize,
    },
    /// The same in its place.
    Over { at: Slot, seeds: usize },
    /// `W diag(d)`, or W: column k of a sample is `d_k` times column k of W.
    Weigh {
        diagonal: Option<Slot>,
        to: Slot,
        first: usize,
    },
    /// The unit vectors of the node's parameters.
    Start { to: Slot, first: usize },
    /// Some rows of stacked columns; `None` are zeros.
    Stack {
        form: Option<Form>,
        columns: usize,
        rows: Range<usize>,
        to: Slot,
        first: usize,
    },
    /// Columns of the output's tangent, each summed over the outputs.
    Collect {
        occurrence: usize,
        form: Form,
        columns: usize,
    },
}

/// What a move reads and writes besides the arena of tangents.
pub(super) struct Place<'a, T> {
    pub(super) arena: &'a Arena,
    /// Samples of the chunk.
    pub(super) samples: Range<usize>,
    pub(super) scratch: &'a mut [T],
}

impl Move {
    /// Runs it; a [`Action::Collect`] goes to `sums`, columns x batch of its occurrence.
    pub(super) fn run<T: Scalar>(
        &self,
        node: &Node,
        at: &Point<'_, T>,
        tangents: &mut [T],
        sums: &mut [T],
        place: Place<'_, T>,
    ) {
        let (block, dims, c) = (T::of(&*node.block), node.dims(), place.samples.len());
        let arena = place.arena;
        let dense = |to: Slot, rows: usize, first: usize, columns: usize| {
            let start = arena.range(to).start + rows * c * first;
            start..start + rows * c * columns
        };
        match self.does {
            Action::Ones { to } => tangents[arena.range(to)].fill(T::one()),
            Action::Push {
                from,
                to,
                first,
                seeds,
            } => {
                let (from, to) = (
                    dense(from, dims.n_in, 0, seeds),
                    dense(to, dims.n_out, first, seeds),
                );
                let [from, to] = disjoint(tangents, [&from, &to]);
                let x_dot = Mat::new(from, dims.n_in, c * seeds);
                let y_dot = MatMut::new(to, dims.n_out, c * seeds);
                block.jvp_input(at, x_dot, y_dot, place.scratch);
            }
            Action::Over { at: slot, seeds } => {
                let dot = &mut tangents[dense(slot, dims.n_out, 0, seeds)];
                let dot = MatMut::new(dot, dims.n_out, c * seeds);
                if let Some(block) = block.in_place() {
                    block.jvp_input_in_place(at, dot, place.scratch);
                }
            }
            Action::Weigh {
                diagonal,
                to,
                first,
            } => {
                let to = dense(to, dims.n_out, first, dims.n_in);
                let weight = Mat::new(at.params, dims.n_out, dims.n_in);
                match diagonal {
                    None => {
                        let samples = tangents[to].chunks_exact_mut(dims.n_out * c);
                        for (to, weight) in samples.zip(weight.columns()) {
                            to.chunks_exact_mut(dims.n_out)
                                .for_each(|to| to.copy_from_slice(weight));
                        }
                    }
                    Some(diagonal) => {
                        let [diagonal, to] = disjoint(tangents, [&arena.range(diagonal), &to]);
                        times_diagonals(
                            MatMut::new(to, dims.n_out, dims.n_in * c),
                            weight,
                            Mat::new(diagonal, dims.n_in, c),
                        );
                    }
                }
            }
            Action::Start { to, first } => {
                let y_dot = &mut tangents[dense(to, dims.n_out, first, dims.n_params)];
                let y_dot = MatMut::new(y_dot, dims.n_out, c * dims.n_params);
                block.unit_params(at, 0, Accum::Set, y_dot, place.scratch);
            }
            Action::Stack {
                form,
                columns,
                ref rows,
                to,
                first,
            } => {
                let to = dense(to, dims.n_in, first, columns);
                let stacked = |to| MatMut::new(to, dims.n_in, c * columns).rows(rows.clone());
                match form {
                    None => stacked(&mut tangents[to]).fill(T::zero()),
                    Some(Form::Dense(from, start)) => {
                        let from = dense(from, rows.len(), start, columns);
                        let [from, to] = disjoint(tangents, [&from, &to]);
                        stacked(to).copy_from(Mat::new(from, rows.len(), c * columns));
                    }
                    Some(Form::Identity) => {
                        diagonally(stacked(&mut tangents[to]), c, |_, _| T::one())
                    }
                    Some(Form::Diagonal(from)) => {
                        let [from, to] = disjoint(tangents, [&arena.range(from), &to]);
                        let from = Mat::new(from, rows.len(), c);
                        diagonally(stacked(to), c, |row, sample| from.get(row, sample));
                    }
                }
            }
            Action::Collect { form, columns, .. } => {
                let sums = &mut sums[place.samples.start * columns..place.samples.end * columns];
                match form {
                    Form::Identity => sums.fill(T::one()),
                    Form::Diagonal(from) => sums.copy_from_slice(&tangents[arena.range(from)]),
                    Form::Dense(from, start) => {
                        let from = &tangents[dense(from, dims.n_out, start, columns)];
                        collect(Mat::new(from, dims.n_out, c * columns), c, columns, sums);
                    }
                }
            }
        }
    }

    /// Its exact cost on `c` samples.
    pub(super) fn cost(&self, node: &Node, c: usize) -> Cost {
        let (block, dims) = (&*node.block, node.dims());
        match self.does {
            Action::Push { seeds, .. } | Action::Over { seeds, .. } => {
                cost::of(block, Op::JvpInput, c, seeds)
            }
            Action::Weigh {
                diagonal: Some(_), ..
            } => Cost::flops(memory::elements(&[dims.n_out, dims.n_in, c])),
            Action::Start { .. } => cost::of(block, Op::UnitParams(Accum::Set), c, dims.n_params),
            Action::Collect {
                form: Form::Dense(..),
                columns,
                ..
            } => Cost::flops(memory::elements(&[dims.n_out - 1, columns, c])),
            Action::Ones { .. }
            | Action::Weigh { diagonal: None, .. }
            | Action::Stack { .. }
            | Action::Collect { .. } => Cost::ZERO,
        }
    }

    /// Numbers of scratch memory that it needs on `c` samples.
    pub(super) fn scratch_len<T>(&self, node: &Node, c: usize) -> Result<usize> {
        match self.does {
            Action::Push { seeds, .. } | Action::Over { seeds, .. } => {
                node.scratch_len::<T>(Op::JvpInput, c, seeds)
            }
            Action::Start { .. } => {
                let seeds = node.dims().n_params;
                node.scratch_len::<T>(Op::UnitParams(Accum::Set), c, seeds)
            }
            _ => Ok(0),
        }
    }
}

/// Diagonal blocks: zero but for row `column`, where `entry(row, sample)` is.
fn diagonally<T: Scalar>(mut to: MatMut<'_, T>, c: usize, entry: impl Fn(usize, usize) -> T) {
    for column in 0..to.ncols() {
        let (row, sample) = (column / c, column % c);
        let to = to.col_mut(column);
        to.fill(T::zero());
        to[row] = entry(row, sample);
    }
}

/// `sums[:, sample] = 1' tangent` for each column: one flop an entry beyond the first.
fn collect<T: Scalar>(tangent: Mat<'_, T>, c: usize, columns: usize, sums: &mut [T]) {
    let mut sums = MatMut::new(sums, columns, c);
    for sample in 0..c {
        for (column, sum) in sums.col_mut(sample).iter_mut().enumerate() {
            let entries = tangent.col(column * c + sample);
            *sum = total(entries.len(), |i| entries[i]);
        }
    }
}
