//! Blocks on plain matrices: what the slides' algorithms need of them, to be read, and to check engines with.
//!
//! Everything is allocated anew and nothing is overwritten. The blocks' maps are all that is shared with the engines: no
//! arena, no chunk, no map in place, no product of stacked inputs by ranges. `pushpull_forward_mode::textbook` and
//! `pushpull_reverse_mode::textbook` are the two algorithms.
//!
//! ```
//! use nalgebra::dmatrix;
//! use pushpull_core::{Builder, blocks::Linear, textbook::Applied};
//! let mut b = Builder::new();
//! let x = b.input("x", 2);
//! let h = b.block(Linear::without_bias(2, 1), x);
//! let graph = b.build(h)?;
//! // h = W x with W = [3 4]
//! let h = Applied::new(&graph.nodes()[0], &[3.0, 4.0], dmatrix![1.0; 2.0]);
//! assert_eq!(h.output(), &dmatrix![11.0]);
//! assert_eq!(h.push(&dmatrix![1.0; 0.0]), dmatrix![3.0]); // [dh/dx] x_dot
//! assert_eq!(h.params_jacobian(), dmatrix![1.0, 2.0]); // dh/dw
//! assert_eq!(h.pull(&dmatrix![1.0]), dmatrix![3.0; 4.0]); // [dh/dx]' h_bar
//! assert_eq!(h.pull_params(&dmatrix![1.0]), dmatrix![1.0; 2.0]); // [dh/dw]' h_bar
//! # Ok::<(), pushpull_core::Error>(())
//! ```

use nalgebra::DMatrix;

use crate::graph::{Node, Origin, Source};
use crate::{Accum, Block, Graph, Mat, MatMut, Op, Point, Scalar};

/// A block at work on a batch of samples: what it was given, `h = f(x, w)`, and products with its two Jacobians (equation 12
/// of the lecture). Matrices of several seeds lie side by side, those of a seed together.
#[derive(Clone, Debug)]
pub struct Applied<'g, T> {
    node: &'g Node,
    params: &'g [T],
    x: DMatrix<T>,
    h: DMatrix<T>,
    extra: Vec<T>,
}

impl<'g, T: Scalar> Applied<'g, T> {
    /// `h = f(x, w)` at x of n_in x batch; `params` are those of the whole graph.
    pub fn new(node: &'g Node, params: &'g [T], x: DMatrix<T>) -> Self {
        let params = &params[node.params.clone()];
        let mut h = zeros(node.dims().n_out, x.ncols());
        let mut extra = vec![T::zero(); node.block.keeps().extra * x.ncols()];
        let block = T::of(&*node.block);
        block.forward(params, Mat::from(&x), MatMut::from(&mut h), &mut extra);
        Self {
            node,
            params,
            x,
            h,
            extra,
        }
    }

    /// x: n_in x batch.
    pub const fn input(&self) -> &DMatrix<T> {
        &self.x
    }

    /// h: n_out x batch.
    pub const fn output(&self) -> &DMatrix<T> {
        &self.h
    }

    /// `[dh/dx] x_dot`: n_in x batch S to n_out x batch S.
    pub fn push(&self, x_dot: &DMatrix<T>) -> DMatrix<T> {
        let mut h_dot = zeros(self.h.nrows(), x_dot.ncols());
        let (from, to) = (Mat::from(x_dot), MatMut::from(&mut h_dot));
        let (at, mut scratch) = (self.point(), self.scratch(Op::JvpInput, x_dot));
        self.block().jvp_input(&at, from, to, &mut scratch);
        h_dot
    }

    /// `dh/dw`: n_out x batch n_params, the samples of the first parameter, of the second, ...
    pub fn params_jacobian(&self) -> DMatrix<T> {
        let n = self.params.len();
        let mut jacobian = zeros(self.h.nrows(), self.x.ncols() * n);
        if n > 0 {
            let op = Op::JvpParams(Accum::Set);
            let (at, mut scratch) = (self.point(), self.scratch(op, &jacobian));
            let mut unit = zeros(n, n);
            unit.fill_diagonal(T::one());
            let (from, to) = (Mat::from(&unit), MatMut::from(&mut jacobian));
            self.block()
                .jvp_params(&at, from, Accum::Set, to, &mut scratch);
        }
        jacobian
    }

    /// `[dh/dx]' h_bar`: n_out x batch S to n_in x batch S.
    pub fn pull(&self, h_bar: &DMatrix<T>) -> DMatrix<T> {
        let mut x_bar = zeros(self.x.nrows(), h_bar.ncols());
        let (from, to) = (Mat::from(h_bar), MatMut::from(&mut x_bar));
        let (at, mut scratch) = (self.point(), self.scratch(Op::VjpInput, h_bar));
        self.block().vjp_input(&at, from, to, &mut scratch);
        x_bar
    }

    /// `[dh/dw]' h_bar`, summed over the batch: n_out x batch to n_params x 1.
    pub fn pull_params(&self, h_bar: &DMatrix<T>) -> DMatrix<T> {
        let mut bar = zeros(self.params.len(), 1);
        if !bar.is_empty() {
            let op = Op::VjpParams(Accum::Set);
            let (at, mut scratch) = (self.point(), self.scratch(op, h_bar));
            let (from, to) = (Mat::from(h_bar), bar.as_mut_slice());
            self.block()
                .vjp_params(&at, from, Accum::Set, to, &mut scratch);
        }
        bar
    }

    fn block(&self) -> &dyn Block<T> {
        T::of(&*self.node.block)
    }

    /// Where the derivatives are taken: everything, whatever the block keeps.
    pub fn point(&self) -> Point<'_, T> {
        Point {
            params: self.params,
            x: Mat::from(&self.x),
            y: Mat::from(&self.h),
            extra: &self.extra,
            batch: self.x.ncols(),
        }
    }

    /// Memory that a map asks for, with as many seeds as a matrix has.
    fn scratch(&self, op: Op, seeds: &DMatrix<T>) -> Vec<T> {
        let batch = self.x.ncols();
        let len = self
            .node
            .block
            .scratch_len(op, batch, seeds.ncols() / batch);
        vec![T::zero(); len]
    }
}

/// What a node reads, stacked: of each source a matrix, or zeros.
pub fn stack<T: Scalar>(
    graph: &Graph,
    node: &Node,
    columns: usize,
    of: impl Fn(Source) -> Option<DMatrix<T>>,
) -> DMatrix<T> {
    let (mut stacked, mut row) = (zeros(node.dims().n_in, columns), 0);
    for &source in &node.sources {
        let rows = graph.rows(source.origin);
        if let Some(part) = of(source) {
            stacked.rows_mut(row, rows).copy_from(&part);
        }
        row += rows;
    }
    stacked
}

/// What a node reads: values of the blocks before it, and rows of the graph's input.
pub fn values<T: Scalar>(
    graph: &Graph,
    node: &Node,
    before: &[Applied<'_, T>],
    x: &DMatrix<T>,
) -> DMatrix<T> {
    stack(graph, node, x.ncols(), |source| match source.origin {
        Origin::Node(j) => Some(before[j].output().clone()),
        Origin::Input(k) => {
            let rows = graph.inputs()[k].rows.clone();
            Some(x.rows(rows.start, rows.len()).into_owned())
        }
    })
}

/// The primal program, everything kept: `h1 = f1(x, w1)`, `h2 = f2(h1, w2)`, ..
///
/// # Panics
/// If there are fewer parameters or rows of x than the graph has: [`Graph::check`] says so.
pub fn primal<'g, T: Scalar>(
    graph: &'g Graph,
    params: &'g [T],
    x: &DMatrix<T>,
) -> Vec<Applied<'g, T>> {
    let mut h = Vec::new();
    for node in graph.nodes() {
        h.push(Applied::new(node, params, values(graph, node, &h, x)));
    }
    h
}

fn zeros<T: Scalar>(rows: usize, columns: usize) -> DMatrix<T> {
    DMatrix::from_element(rows, columns, T::zero())
}
