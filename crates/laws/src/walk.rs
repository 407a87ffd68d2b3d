//! A graph at one point, block by block: every value, tangent and cotangent beside the others, none overwritten.
//!
//! The engines keep as little as they can. What is asked here, which block is at fault and how far a derivative moves,
//! is asked rarely and needs everything, so it has a slow and plain program of its own, in the engines' arithmetic.

use pushpull_core::graph::{Origin, Source};
use pushpull_core::siblings::memory;
use pushpull_core::{Accum, Block, Error, Graph, Mat, MatMut, Op, Point, Result, Scalar};

/// What a node was given and made of it.
#[derive(Clone, Debug)]
pub(crate) struct Values<T> {
    /// n_in x batch, the sources stacked.
    pub(crate) x: Vec<T>,
    /// n_out x batch
    pub(crate) y: Vec<T>,
    extra: Vec<T>,
}

/// The tangents or the cotangents at a node.
#[derive(Clone, Debug)]
pub(crate) struct Sides<T> {
    /// n_in x batch
    pub(crate) x: Vec<T>,
    /// n_out x batch
    pub(crate) y: Vec<T>,
}

/// What a pullback of ones gives: the derivatives of the sum of all outputs over the batch.
#[derive(Clone, Debug)]
pub(crate) struct Cotangents<T> {
    pub(crate) nodes: Vec<Sides<T>>,
    /// Of each node's own parameters, before those of shared ones are summed.
    pub(crate) own: Vec<Vec<T>>,
    pub(crate) params: Vec<T>,
    /// n_inputs x batch
    pub(crate) inputs: Vec<T>,
}

/// The values of a graph at a point.
#[derive(Clone, Debug)]
pub(crate) struct Walk<'a, T> {
    pub(crate) graph: &'a Graph,
    pub(crate) params: &'a [T],
    pub(crate) batch: usize,
    pub(crate) nodes: Vec<Values<T>>,
}

impl<'a, T: Scalar> Walk<'a, T> {
    /// Runs the primal program.
    ///
    /// # Errors
    /// As [`Graph::check`]; [`Error::EmptyBatch`], [`Error::TooLarge`].
    pub(crate) fn new(graph: &'a Graph, params: &'a [T], x: Mat<'_, T>) -> Result<Self> {
        let batch = x.ncols();
        if batch == 0 {
            return Err(Error::EmptyBatch { name: "x".into() });
        }
        graph.check(params, x, batch)?;
        let rows = graph.nodes().iter().map(|node| {
            let dims = node.dims();
            dims.n_in + dims.n_out + node.block.keeps().extra
        });
        // Values, tangents and cotangents.
        let numbers = memory::elements(&[3, rows.sum(), batch]);
        memory::fits::<T>("the values of every block", numbers, "use a smaller batch")?;
        let mut walk = Self {
            graph,
            params,
            batch,
            nodes: Vec::with_capacity(graph.nodes().len()),
        };
        for (i, node) in graph.nodes().iter().enumerate() {
            let (dims, keeps) = (node.dims(), node.block.keeps());
            let stacked = walk.stack(i, |source| match source.origin {
                Origin::Input(input) => Some(x.rows(graph.inputs()[input].rows.clone())),
                Origin::Node(j) => Some(Mat::new(
                    &walk.nodes[j].y,
                    graph.nodes()[j].dims().n_out,
                    batch,
                )),
            });
            let mut values = Values {
                x: stacked,
                y: zeros(dims.n_out * batch),
                extra: zeros(keeps.extra * batch),
            };
            T::of(&*node.block).forward(
                &params[node.params.clone()],
                Mat::new(&values.x, dims.n_in, batch),
                MatMut::new(&mut values.y, dims.n_out, batch),
                &mut values.extra,
            );
            walk.nodes.push(values);
        }
        Ok(walk)
    }

    /// The sources of node `i` stacked; zeros where there is nothing.
    fn stack<'s>(&self, i: usize, of: impl Fn(&Source) -> Option<Mat<'s, T>>) -> Vec<T> {
        let node = &self.graph.nodes()[i];
        let n_in = node.dims().n_in;
        let mut stacked = zeros(n_in * self.batch);
        let mut row = 0;
        for source in &node.sources {
            let rows = row..row + self.graph.rows(source.origin);
            row = rows.end;
            if let Some(part) = of(source) {
                MatMut::new(&mut stacked, n_in, self.batch)
                    .rows(rows)
                    .copy_from(part);
            }
        }
        stacked
    }

    /// Where node `i`'s derivative is taken.
    pub(crate) fn point(&self, i: usize) -> Point<'_, T> {
        let (node, values) = (&self.graph.nodes()[i], &self.nodes[i]);
        let dims = node.dims();
        Point {
            params: &self.params[node.params.clone()],
            x: Mat::new(&values.x, dims.n_in, self.batch),
            y: Mat::new(&values.y, dims.n_out, self.batch),
            extra: &values.extra,
            batch: self.batch,
        }
    }

    /// The tangents of every node along a direction in the parameters.
    pub(crate) fn tangents(&self, params_dot: &[T]) -> Vec<Sides<T>> {
        let mut tangents: Vec<Sides<T>> = Vec::with_capacity(self.nodes.len());
        for (i, node) in self.graph.nodes().iter().enumerate() {
            let x = self.stack(i, |source| match source.origin {
                Origin::Node(j) if !source.stopped => {
                    let n_out = self.graph.nodes()[j].dims().n_out;
                    Some(Mat::new(&tangents[j].y, n_out, self.batch))
                }
                _ => None,
            });
            let y = push(
                T::of(&*node.block),
                &self.point(i),
                &x,
                &params_dot[node.params.clone()],
            );
            tangents.push(Sides { x, y });
        }
        tangents
    }

    /// Pulls ones back from the output. `patch(i, x_bar)` may change what node `i` passes on, given its y_bar.
    pub(crate) fn cotangents(&self, mut patch: impl FnMut(usize, &[T], &mut [T])) -> Cotangents<T> {
        let (graph, batch) = (self.graph, self.batch);
        let mut pulled = Cotangents {
            nodes: graph
                .nodes()
                .iter()
                .map(|node| Sides {
                    x: zeros(node.dims().n_in * batch),
                    y: zeros(node.dims().n_out * batch),
                })
                .collect(),
            own: Vec::new(),
            params: graph.layout().zeros(),
            inputs: zeros(graph.n_inputs() * batch),
        };
        pulled.own = graph
            .nodes()
            .iter()
            .map(|node| zeros(node.params.len()))
            .collect();
        let last = graph.nodes().len() - 1;
        if graph.activity()[last].output {
            pulled.nodes[last].y.fill(T::one());
        }
        for (i, node) in graph.nodes().iter().enumerate().rev() {
            let y_bar = std::mem::take(&mut pulled.nodes[i].y);
            let (mut x_bar, params_bar) = pull(T::of(&*node.block), &self.point(i), &y_bar);
            patch(i, &y_bar, &mut x_bar);
            for (sum, &bar) in pulled.params[node.params.clone()]
                .iter_mut()
                .zip(&params_bar)
            {
                *sum += bar;
            }
            self.deliver(i, &x_bar, &mut pulled);
            pulled.own[i] = params_bar;
            pulled.nodes[i] = Sides { x: x_bar, y: y_bar };
        }
        pulled
    }

    /// Adds what node `i` pulled back to its sources' cotangents.
    fn deliver(&self, i: usize, x_bar: &[T], pulled: &mut Cotangents<T>) {
        let node = &self.graph.nodes()[i];
        let (n_in, mut row) = (node.dims().n_in, 0);
        for source in &node.sources {
            let rows = self.graph.rows(source.origin);
            let first = row;
            row += rows;
            if source.stopped {
                continue;
            }
            let (to, offset, stride) = match source.origin {
                Origin::Input(input) if self.graph.inputs()[input].constant => continue,
                Origin::Input(input) => {
                    let start = self.graph.inputs()[input].rows.start;
                    (&mut pulled.inputs, start, self.graph.n_inputs())
                }
                Origin::Node(j) => (&mut pulled.nodes[j].y, 0, rows),
            };
            for sample in 0..self.batch {
                let from = &x_bar[sample * n_in + first..][..rows];
                let to = &mut to[sample * stride + offset..][..rows];
                to.iter_mut().zip(from).for_each(|(to, &from)| *to += from);
            }
        }
    }
}

/// `J x_dot + K params_dot`, at any scalar.
pub(crate) fn push<T: Scalar>(
    block: &dyn Block<T>,
    at: &Point<'_, T>,
    x_dot: &[T],
    params_dot: &[T],
) -> Vec<T> {
    let (dims, batch) = (block.dims(), at.batch);
    let mut y_dot = zeros(dims.n_out * batch);
    let mut scratch = zeros(block.scratch_len(Op::JvpInput, batch, 1));
    block.jvp_input(
        at,
        Mat::new(x_dot, dims.n_in, batch),
        MatMut::new(&mut y_dot, dims.n_out, batch),
        &mut scratch,
    );
    if dims.n_params > 0 {
        scratch = zeros(block.scratch_len(Op::JvpParams(Accum::Add), batch, 1));
        block.jvp_params(
            at,
            Mat::new(params_dot, dims.n_params, 1),
            Accum::Add,
            MatMut::new(&mut y_dot, dims.n_out, batch),
            &mut scratch,
        );
    }
    y_dot
}

/// `(J' y_bar, K' y_bar)`, at any scalar.
pub(crate) fn pull<T: Scalar>(
    block: &dyn Block<T>,
    at: &Point<'_, T>,
    y_bar: &[T],
) -> (Vec<T>, Vec<T>) {
    let (dims, batch) = (block.dims(), at.batch);
    let (mut x_bar, mut params_bar) = (zeros(dims.n_in * batch), zeros(dims.n_params));
    let mut scratch = zeros(block.scratch_len(Op::VjpInput, batch, 1));
    let y_bar = Mat::new(y_bar, dims.n_out, batch);
    let target = MatMut::new(&mut x_bar, dims.n_in, batch);
    block.vjp_input(at, y_bar, target, &mut scratch);
    if dims.n_params > 0 {
        scratch = zeros(block.scratch_len(Op::VjpParams(Accum::Set), batch, 1));
        block.vjp_params(at, y_bar, Accum::Set, &mut params_bar, &mut scratch);
    }
    (x_bar, params_bar)
}

/// `J x_dot` over x_dot and `J' y_bar` over y_bar, by the maps in place.
pub(crate) fn over<T: Scalar>(
    block: &dyn Block<T>,
    at: &Point<'_, T>,
    dot: &mut [T],
    bar: &mut [T],
) {
    let n = block.dims().n_in;
    let Some(block) = block.in_place() else {
        return;
    };
    let mut scratch = zeros(block.scratch_len(Op::JvpInput, at.batch, 1));
    block.jvp_input_in_place(at, MatMut::new(dot, n, at.batch), &mut scratch);
    scratch = zeros(block.scratch_len(Op::VjpInput, at.batch, 1));
    block.vjp_input_in_place(at, MatMut::new(bar, n, at.batch), &mut scratch);
}

pub(crate) fn zeros<T: Scalar>(n: usize) -> Vec<T> {
    vec![T::zero(); n]
}
