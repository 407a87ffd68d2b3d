//! The graph run naively, a buffer for everything: its value, its Jacobians, and the sums of their absolute terms.
//!
//! A third opinion beside the engines and the textbooks, whose primal program it takes: it knows no arena, no chunk, no
//! in-place form and no fan-in by ranges, and takes one Jacobian of each block for each sample, through `vjp_input` and `vjp_params` of unit cotangents. The same
//! sweep over the *absolute* local Jacobians sums the absolute terms of every derivative over all paths: what rounding
//! errors are relative to. A local Jacobian that is itself a difference (layer norm, softmax) gives its own terms.

use pushpull::graph::Origin;
use pushpull::nalgebra::DMatrix;
use pushpull::textbook::{Applied, primal};
use pushpull::{Accum, Block, Graph, Mat, MatMut, Point, Scalar};

/// Jacobians of all outputs, row `sample * n_outputs + output`, and their absolute terms.
#[derive(Debug)]
pub struct Reference {
    /// n_outputs x batch
    pub output: DMatrix<f64>,
    /// A column a parameter.
    pub params: DMatrix<f64>,
    pub params_terms: DMatrix<f64>,
    /// A column a row of the input, each of the row's own sample.
    pub inputs: DMatrix<f64>,
    pub inputs_terms: DMatrix<f64>,
}

/// Cotangents of one sample for all outputs (rows x n_outputs), and their absolute terms.
#[derive(Clone)]
struct Bars {
    exact: DMatrix<f64>,
    terms: DMatrix<f64>,
}

impl Bars {
    fn zeros(rows: usize, outputs: usize) -> Self {
        let zeros = DMatrix::zeros(rows, outputs);
        Self {
            exact: zeros.clone(),
            terms: zeros,
        }
    }
}

impl Reference {
    pub fn new<T: Scalar>(graph: &Graph, params: &[T], x: &DMatrix<T>) -> Self {
        let values = primal(graph, params, x);
        let (batch, n_outputs) = (x.ncols(), graph.n_outputs());
        let rows = n_outputs * batch;
        let last = values[values.len() - 1].output();
        let mut all = Self {
            output: last.map(|entry| entry.to_f64()),
            params: DMatrix::zeros(rows, graph.n_params()),
            params_terms: DMatrix::zeros(rows, graph.n_params()),
            inputs: DMatrix::zeros(rows, graph.n_inputs()),
            inputs_terms: DMatrix::zeros(rows, graph.n_inputs()),
        };
        for sample in 0..batch {
            all.pull(graph, &values, sample);
        }
        all
    }

    /// The adjoint program of one sample, for all outputs at once.
    fn pull<T: Scalar>(&mut self, graph: &Graph, values: &[Applied<'_, T>], sample: usize) {
        let (nodes, n_outputs) = (graph.nodes(), graph.n_outputs());
        let first = sample * n_outputs;
        let mut bars: Vec<Bars> = nodes
            .iter()
            .map(|node| Bars::zeros(node.dims().n_out, n_outputs))
            .collect();
        let last = nodes.len() - 1;
        if graph.activity()[last].output {
            let unit = DMatrix::identity(n_outputs, n_outputs);
            bars[last] = Bars {
                exact: unit.clone(),
                terms: unit,
            };
        }
        for (i, node) in nodes.iter().enumerate().rev() {
            let (block, dims) = (T::of(&*node.block), node.dims());
            let own = bars[i].clone();
            let at = values[i].point().sample(sample);
            // Parameters: row r of the local Jacobian is the cotangent of output r.
            let mut row = vec![T::zero(); dims.n_params];
            let mut unit = DMatrix::from_element(dims.n_out, 1, T::zero());
            let mut scratch = scratch(block, 1, 1);
            for r in (0..dims.n_out).filter(|_| dims.n_params > 0) {
                unit.fill(T::zero());
                unit[r] = T::one();
                block.vjp_params(&at, Mat::from(&unit), Accum::Set, &mut row, &mut scratch);
                for (k, entry) in row.iter().enumerate().filter(|(_, entry)| !entry.is_zero()) {
                    let (entry, column) = (entry.to_f64(), node.params.start + k);
                    for o in 0..n_outputs {
                        self.params[(first + o, column)] += entry * own.exact[(r, o)];
                        self.params_terms[(first + o, column)] += entry.abs() * own.terms[(r, o)];
                    }
                }
            }
            let (local, local_terms) = local_jacobian(block, &at);
            let x_bar = local.tr_mul(&own.exact);
            let x_terms = local_terms.tr_mul(&own.terms);
            let mut start = 0;
            for source in &node.sources {
                let rows = graph.rows(source.origin);
                let (exact, terms) = (x_bar.rows(start, rows), x_terms.rows(start, rows));
                start += rows;
                match source.origin {
                    _ if source.stopped => {}
                    Origin::Node(j) => {
                        bars[j].exact += exact;
                        bars[j].terms += terms;
                    }
                    Origin::Input(input) if !graph.inputs()[input].constant => {
                        let column = graph.inputs()[input].rows.start;
                        let shape = ((first, column), (n_outputs, rows));
                        let mut target = self.inputs.view_mut(shape.0, shape.1);
                        target += exact.transpose();
                        let mut target = self.inputs_terms.view_mut(shape.0, shape.1);
                        target += terms.transpose();
                    }
                    Origin::Input(_) => {}
                }
            }
        }
    }

    /// `J' y_bar` summed over the batch, for one seed (n_outputs x batch); with its terms.
    pub fn params_bar(&self, y_bar: &[f64]) -> (Vec<f64>, Vec<f64>) {
        pulled(&self.params, &self.params_terms, y_bar)
    }

    /// `J' y_bar` of every sample's own inputs (n_inputs x batch), for one seed; with its terms.
    pub fn x_bar(&self, y_bar: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let n_outputs = self.output.nrows();
        let mut both = (Vec::new(), Vec::new());
        for (sample, y_bar) in y_bar.chunks(n_outputs).enumerate() {
            let rows = (sample * n_outputs, n_outputs);
            let exact = self.inputs.rows(rows.0, rows.1).into_owned();
            let terms = self.inputs_terms.rows(rows.0, rows.1).into_owned();
            let (exact, terms) = pulled(&exact, &terms, y_bar);
            both.0.extend(exact);
            both.1.extend(terms);
        }
        both
    }

    /// `J params_dot + J x_dot` (n_outputs x batch) for one seed; with its terms. An empty direction is none.
    pub fn y_dot(&self, params_dot: &[f64], x_dot: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let (n_outputs, n_inputs) = (self.output.nrows(), self.inputs.ncols());
        let rows = 0..self.output.len();
        let pushed = |params: &DMatrix<f64>, inputs: &DMatrix<f64>, absolute: bool| {
            let size = |entry: f64| if absolute { entry.abs() } else { entry };
            let row = |row: usize| {
                let x_dot = x_dot.iter().skip(row / n_outputs * n_inputs).take(n_inputs);
                let by_params = params_dot
                    .iter()
                    .enumerate()
                    .map(|(k, d)| params[(row, k)] * size(*d));
                let by_inputs = x_dot.enumerate().map(|(k, d)| inputs[(row, k)] * size(*d));
                by_params.sum::<f64>() + by_inputs.sum::<f64>()
            };
            rows.clone().map(row).collect()
        };
        let exact = pushed(&self.params, &self.inputs, false);
        (exact, pushed(&self.params_terms, &self.inputs_terms, true))
    }
}

fn pulled(jacobian: &DMatrix<f64>, terms: &DMatrix<f64>, y_bar: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let y_bar = DMatrix::from_column_slice(y_bar.len(), 1, y_bar);
    let exact = jacobian.tr_mul(&y_bar);
    let terms = terms.tr_mul(&y_bar.abs());
    (exact.as_slice().to_vec(), terms.as_slice().to_vec())
}

fn scratch<T: Scalar>(block: &dyn Block<T>, batch: usize, seeds: usize) -> Vec<T> {
    use pushpull::Op;
    let ops = [Op::VjpInput, Op::VjpParams(Accum::Set)];
    let len = ops
        .into_iter()
        .map(|op| block.scratch_len(op, batch, seeds))
        .max();
    vec![T::zero(); len.unwrap_or(0)]
}

/// n_out x n_in at one sample, and the absolute terms of its entries.
fn local_jacobian<T: Scalar>(
    block: &dyn Block<T>,
    at: &Point<'_, T>,
) -> (DMatrix<f64>, DMatrix<f64>) {
    let (n_in, n_out) = (block.dims().n_in, block.dims().n_out);
    let unit = DMatrix::from_fn(
        n_out,
        n_out,
        |i, j| if i == j { T::one() } else { T::zero() },
    );
    let mut transposed = DMatrix::from_element(n_in, n_out, T::zero());
    let mut scratch = scratch(block, 1, n_out);
    block.vjp_input(
        at,
        Mat::from(&unit),
        MatMut::from(&mut transposed),
        &mut scratch,
    );
    let exact = transposed.map(|entry| entry.to_f64()).transpose();
    let unit = |i, k| if i == k { 1.0 } else { 0.0 };
    let n = n_in as f64;
    let terms = match block.name() {
        // g_i (1 - 1/n - u_i u_k / n) / sigma
        "layer-norm" => DMatrix::from_fn(n_out, n_in, |i, k| {
            let u = |i: usize| at.extra[i].to_f64().abs();
            let size = (unit(i, k) + 1.0 / n + u(i) * u(k) / n) * at.extra[n_in].to_f64();
            at.params[i].to_f64().abs() * size
        }),
        // y_i (1 - y_k)
        "softmax" => DMatrix::from_fn(n_out, n_in, |i, k| {
            at.y.get(i, 0).to_f64() * (unit(i, k) + at.y.get(k, 0).to_f64())
        }),
        // 1 - e^(y_k)
        "log-softmax" => DMatrix::from_fn(n_out, n_in, |i, k| {
            unit(i, k) + at.y.get(k, 0).to_f64().exp()
        }),
        // d/dz = p sum(t) - t and the like: differences of prediction and target, which `exact` holds for y_bar = 1.
        "softmax-cross-entropy" | "sigmoid-cross-entropy" | "squared-error" => {
            let half = n_in / 2;
            let x = |k: usize| at.x.get(k, 0).to_f64().abs();
            DMatrix::from_fn(n_out, n_in, |i, k| {
                let factor = if block.name() == "squared-error" {
                    2.0
                } else {
                    1.0
                };
                let own = exact[(i, k)].abs();
                if k < half {
                    own + 2.0 * factor * x(half + k)
                } else {
                    own + factor * x(k - half)
                }
            })
        }
        _ => exact.abs(),
    };
    (exact, terms)
}
