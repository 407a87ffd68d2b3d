//! Tangents, Jacobians and Hessians over ranks: each computes a contiguous share of the columns or rows, and nothing is summed.
//!
//! Every function is called with the same arguments on every rank, gives each rank its own [`Part`], and sends nothing.
//! [`Part::gathered`] brings the parts together on rank 0.
//!
//! Columns of Jacobians and Hessians are those of the engine alone, bit by bit: each rank runs the same programs for its columns.
//! Tangents and rows are computed in pieces of directions or samples whose size does not depend on the ranks, so any number of
//! ranks gives the same bits; they are the engine's where products of fewer columns are added in the same order, as those below
//! 256 x 256 are, and else differ from them by rounding.
//!
//! ```
//! use nalgebra::dmatrix;
//! use pushpull_core::{Mlp, blocks::Activation};
//! use pushpull_forward_mode::Forward;
//! use pushpull_mpi::{columns, local};
//! let graph = Mlp::new(&[2, 3, 2], Activation::Tanh).build()?;
//! let (params, x) = (vec![0.25; graph.n_params()], dmatrix![1.0, 2.0; 3.0, 4.0]);
//! let plain = Forward::new(&graph, 2)?.jacobian_params(&params, &x)?;
//! let parts = local::run(3, |rank| {
//!     let part = columns::jacobian_params_columns(&rank, &graph, &params, &x, 1)?;
//!     part.gathered(&rank)
//! });
//! assert_eq!(parts[0], Ok(Some(plain)));
//! assert_eq!(parts[1], Ok(None));
//! # Ok::<(), pushpull_core::Error>(())
//! ```

use std::ops::Range;

use nalgebra::DMatrix;
use pushpull_core::{Dual, Error, Graph, Mat, MatMut, Question, Scalar};
use pushpull_forward_mode::Forward;
use pushpull_reverse_mode::{HessianVector, Reverse};
use pushpull_train::Precision;

use crate::communicator::{bytes_of, gather_any};
use crate::{Communicator, MpiError, share};

/// Along what a matrix is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Along {
    Columns,
    Rows,
}

/// A rank's part of a matrix: some of its columns, or some of its rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Part<T: Precision> {
    along: Along,
    /// Which columns or rows of the whole.
    range: Range<usize>,
    numbers: DMatrix<T>,
    /// Whether the whole is made symmetric: the mean of itself and its transpose.
    symmetric: bool,
}

impl<T: Precision> Part<T> {
    /// Which columns, or rows, of the whole these are.
    pub fn range(&self) -> Range<usize> {
        self.range.clone()
    }

    /// The numbers of this rank.
    pub const fn numbers(&self) -> &DMatrix<T> {
        &self.numbers
    }

    /// The whole on rank 0, `None` on the others.
    ///
    /// # Errors
    /// Those of the communicator; [`Error::TooLarge`] for a whole that does not fit.
    pub fn gathered(&self, comm: &dyn Communicator) -> Result<Option<DMatrix<T>>, MpiError> {
        let Some(all) = gather_any(comm, &bytes_of(self.numbers.as_slice()))? else {
            return Ok(None);
        };
        let columns = self.along == Along::Columns;
        let across = if columns {
            self.numbers.nrows()
        } else {
            self.numbers.ncols()
        };
        let count = all
            .iter()
            .map(|bytes| bytes.len() / T::BYTES)
            .sum::<usize>();
        let along = count.checked_div(across).unwrap_or(0);
        let mut whole = match columns {
            true => DMatrix::from_element(across, along, T::zero()),
            false => DMatrix::from_element(along, across, T::zero()),
        };
        let (mut first, mut numbers) = (0, Vec::new());
        for bytes in all {
            numbers.resize(bytes.len() / T::BYTES, T::zero());
            T::load_all(&bytes, &mut numbers);
            let wide = numbers.len().checked_div(across).unwrap_or(0);
            if columns {
                whole.columns_mut(first, wide).copy_from_slice(&numbers);
            } else {
                whole
                    .rows_mut(first, wide)
                    .copy_from(&DMatrix::from_column_slice(wide, across, &numbers));
            }
            first += wide;
        }
        if self.symmetric {
            let half = T::from_f64(0.5);
            for j in 0..whole.ncols() {
                for i in 0..j {
                    let mean = half * (whole[(i, j)] + whole[(j, i)]);
                    (whole[(i, j)], whole[(j, i)]) = (mean, mean);
                }
            }
        }
        Ok(Some(whole))
    }
}

/// The output's tangents along directions in the parameters, by forward mode: `params_dot` n_params x S; the part has the
/// columns `seed * batch + sample` of this rank's directions, n_outputs rows. As [`Forward::jvp_into`].
///
/// # Errors
/// Those of the engine.
pub fn tangents<T: Precision>(
    comm: &dyn Communicator,
    graph: &Graph,
    params: &[T],
    x: &DMatrix<T>,
    params_dot: &DMatrix<T>,
    threads: usize,
) -> Result<Part<T>, MpiError> {
    let (batch, n_outputs) = (x.ncols(), graph.n_outputs());
    let cut = Cut::new(params_dot.ncols(), NARROW.div_ceil(batch.max(1)));
    let seeds = cut.share(comm);
    let mut y_dot = DMatrix::from_element(n_outputs, batch * seeds.len(), T::zero());
    if !seeds.is_empty() {
        let plan = Forward::plan(graph, batch, Question::Jvp(cut.wide));
        let mut forward = plan.threads(threads).prepare()?;
        let mut along = DMatrix::from_element(n_outputs, batch * cut.wide, T::zero());
        for (own, window) in cut.pieces(&seeds) {
            let directions = Mat::from(params_dot).cols(window.clone());
            let target = MatMut::from(&mut along);
            forward.jvp_into(params, x, Some(directions), None, target)?;
            let (from, n) = ((own.start - window.start) * batch, own.len() * batch);
            let to = (own.start - seeds.start) * batch;
            y_dot.columns_mut(to, n).copy_from(&along.columns(from, n));
        }
    }
    Ok(Part {
        along: Along::Columns,
        range: seeds.start * batch..seeds.end * batch,
        numbers: y_dot,
        symmetric: false,
    })
}

/// The Jacobian of all outputs in the parameters, by forward mode: this rank's columns, a parameter each. As
/// [`Forward::jacobian_params`].
///
/// # Errors
/// Those of the engine.
pub fn jacobian_params_columns<T: Precision>(
    comm: &dyn Communicator,
    graph: &Graph,
    params: &[T],
    x: &DMatrix<T>,
    threads: usize,
) -> Result<Part<T>, MpiError> {
    let plan = Forward::plan(graph, x.ncols(), Question::JacobianParams).threads(threads);
    by_columns(comm, graph.n_params(), |range| {
        plan.prepare()?.jacobian_params_columns(params, x, range)
    })
}

/// The Jacobian of all outputs in the inputs, by forward mode: this rank's columns, an input each. As
/// [`Forward::jacobian_inputs`].
///
/// # Errors
/// Those of the engine.
pub fn jacobian_inputs_columns<T: Precision>(
    comm: &dyn Communicator,
    graph: &Graph,
    params: &[T],
    x: &DMatrix<T>,
    threads: usize,
) -> Result<Part<T>, MpiError> {
    let plan = Forward::plan(graph, x.ncols(), Question::JacobianInputs).threads(threads);
    by_columns(comm, graph.n_inputs(), |range| {
        plan.prepare()?.jacobian_inputs_columns(params, x, range)
    })
}

fn by_columns<T: Precision>(
    comm: &dyn Communicator,
    all: usize,
    columns: impl FnOnce(Range<usize>) -> Result<DMatrix<T>, Error>,
) -> Result<Part<T>, MpiError> {
    let range = share(all, comm.rank(), comm.size());
    Ok(Part {
        along: Along::Columns,
        numbers: columns(range.clone())?,
        range,
        symmetric: false,
    })
}

/// The Jacobian of all outputs in the parameters, by reverse mode: the rows `sample * n_outputs + output` of this rank's samples.
/// A rank records its own samples alone. As [`Reverse::jacobian_params`].
///
/// # Errors
/// Those of the engine.
pub fn jacobian_params_rows<T: Precision>(
    comm: &dyn Communicator,
    graph: &Graph,
    params: &[T],
    x: &DMatrix<T>,
    threads: usize,
) -> Result<Part<T>, MpiError> {
    let n_params = graph.n_params();
    by_rows(
        comm,
        graph,
        x,
        (n_params, Question::JacobianParams, threads),
        |reverse, x| reverse.jacobian_params(params, x),
    )
}

/// The Jacobian of all outputs in the inputs, by reverse mode: the rows `sample * n_outputs + output` of this rank's samples. As
/// [`Reverse::jacobian_inputs`].
///
/// # Errors
/// Those of the engine.
pub fn jacobian_inputs_rows<T: Precision>(
    comm: &dyn Communicator,
    graph: &Graph,
    params: &[T],
    x: &DMatrix<T>,
    threads: usize,
) -> Result<Part<T>, MpiError> {
    let n_inputs = graph.n_inputs();
    by_rows(
        comm,
        graph,
        x,
        (n_inputs, Question::JacobianInputs, threads),
        |reverse, x| reverse.jacobian_inputs(params, x),
    )
}

fn by_rows<T: Precision>(
    comm: &dyn Communicator,
    graph: &Graph,
    x: &DMatrix<T>,
    (columns, question, threads): (usize, Question, usize),
    rows: impl Fn(&mut Reverse<T>, Mat<'_, T>) -> Result<DMatrix<T>, Error>,
) -> Result<Part<T>, MpiError> {
    let (cut, n_outputs) = (Cut::new(x.ncols(), NARROW), graph.n_outputs());
    let samples = cut.share(comm);
    let mut numbers = DMatrix::from_element(samples.len() * n_outputs, columns, T::zero());
    if !samples.is_empty() {
        let plan = Reverse::plan(graph, cut.wide, question).threads(threads);
        let mut reverse = plan.prepare()?;
        for (own, window) in cut.pieces(&samples) {
            let all = rows(&mut reverse, Mat::from(x).cols(window.clone()))?;
            let (from, n) = (
                (own.start - window.start) * n_outputs,
                own.len() * n_outputs,
            );
            let to = (own.start - samples.start) * n_outputs;
            numbers.rows_mut(to, n).copy_from(&all.rows(from, n));
        }
    }
    Ok(Part {
        along: Along::Rows,
        range: samples.start * n_outputs..samples.end * n_outputs,
        numbers,
        symmetric: false,
    })
}

/// Columns of a product from which its bits do not depend on how many there are.
const NARROW: usize = 8;

/// Pieces into which many things are cut, at least.
const PIECES: usize = 64;

/// Things that are computed side by side, in pieces whose size depends on their number alone: a product of fewer columns may
/// add in another order, so a share of any size would have bits of its own.
#[derive(Clone, Copy, Debug)]
struct Cut {
    n: usize,
    /// Things of a piece.
    wide: usize,
}

impl Cut {
    /// Of n things, in pieces of `least` or more.
    fn new(n: usize, least: usize) -> Self {
        let wide = (n / PIECES).max(least).clamp(1, n.max(1));
        Self { n, wide }
    }

    /// The things of a rank: whole pieces.
    fn share(&self, comm: &dyn Communicator) -> Range<usize> {
        let pieces = share(self.n.div_ceil(self.wide), comm.rank(), comm.size());
        (pieces.start * self.wide).min(self.n)..(pieces.end * self.wide).min(self.n)
    }

    /// The pieces of a share, each with the window in which it is computed: as wide as all others, the last one moved back.
    fn pieces(&self, share: &Range<usize>) -> impl Iterator<Item = (Range<usize>, Range<usize>)> {
        let (Self { n, wide }, end) = (*self, share.end);
        share.clone().step_by(wide).map(move |first| {
            let start = first.min(n - wide);
            (first..(first + wide).min(end), start..start + wide)
        })
    }
}

/// The Hessian of the sum of all outputs in the parameters: this rank's columns, its products with unit vectors. Gathered, it is
/// made symmetric as [`HessianVector::hessian`] does, and has the same bits; before that a column is the product as it was computed.
///
/// # Errors
/// Those of the engine.
pub fn hessian_columns<T: Precision>(
    comm: &dyn Communicator,
    graph: &Graph,
    params: &[T],
    x: &DMatrix<T>,
    threads: usize,
) -> Result<Part<T>, MpiError>
where
    Dual<T>: Scalar,
{
    let n_params = graph.n_params();
    let range = share(n_params, comm.rank(), comm.size());
    let mut numbers = DMatrix::from_element(n_params, range.len(), T::zero());
    if !range.is_empty() {
        let plan = HessianVector::plan(graph, x.ncols()).threads(threads);
        let (mut hessian, mut unit) = (plan.prepare()?, vec![T::zero(); n_params]);
        for (at, mut column) in range.clone().zip(numbers.column_iter_mut()) {
            unit[at] = T::one();
            let (_, product) = hessian.hessian_vector(params, x, &unit)?;
            column.copy_from_slice(product);
            unit[at] = T::zero();
        }
    }
    Ok(Part {
        along: Along::Columns,
        range,
        numbers,
        symmetric: true,
    })
}
