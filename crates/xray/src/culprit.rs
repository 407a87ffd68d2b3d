//! The first block and value that made a number NaN or infinite.

use nalgebra::DMatrix;
use pushpull_core::graph::{Node, Origin};
use pushpull_core::linalg::first_not_finite;
use pushpull_core::{Graph, InputJacobian, Mat, Scalar};
use serde::Serialize;

use crate::values::Values;

/// Where numbers stopped being finite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Pass {
    /// They came so: inputs or parameters.
    Data,
    /// In the primal program: the block read finite numbers and wrote others.
    Primal,
    /// In the adjoint program: the block was given finite cotangents and passed on others.
    Adjoint,
    /// Finite numbers were added, of several readers, uses or samples, and their sum is none.
    Sum,
}

/// The first block and value that made a number NaN or infinite. Blocks are searched in the order in which they run: forwards
/// for values, backwards for cotangents; of one block's entries the first sample's first is named.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Culprit {
    /// Where it happened.
    pub pass: Pass,
    /// The block, the input or the matrix of parameters.
    pub name: String,
    /// Row and sample, or row and column, of what is not finite; counted from 0.
    pub entry: [usize; 2],
    /// `NaN`, `inf` or `-inf`.
    pub got: String,
    /// What the block was given there: of a block that acts entry by entry the number itself, of others the largest of the sample.
    pub given: Option<f64>,
    /// Row and sample of `given` in what the block reads.
    pub given_at: Option<[usize; 2]>,
    /// One sentence.
    pub reason: String,
}

impl Culprit {
    /// Inputs and parameters that are not finite.
    pub(crate) fn of_data<T: Scalar>(graph: &Graph, params: &[T], x: &DMatrix<T>) -> Option<Self> {
        if let Some((i, j)) = first_not_finite(Mat::from(x)) {
            let input = graph
                .inputs()
                .iter()
                .find(|input| input.rows.contains(&i))?;
            let (got, row) = (x[(i, j)].to_string(), i - input.rows.start);
            return Some(Self {
                reason: format!("the input {} is {got} at row {row}, sample {j}", input.name),
                ..Self::at(Pass::Data, &input.name, [row, j], got)
            });
        }
        let (i, _) = first_not_finite(Mat::from(params))?;
        let mut entries = graph.layout().entries().iter();
        let entry = entries.find(|entry| entry.range().contains(&i))?;
        let (got, k) = (params[i].to_string(), i - entry.offset);
        let (row, column) = (k % entry.shape.nrows, k / entry.shape.nrows);
        Some(Self {
            reason: format!("the parameter {}[{row}, {column}] is {got}", entry.name),
            ..Self::at(Pass::Data, &entry.name, [row, column], got)
        })
    }

    fn at(pass: Pass, name: &str, entry: [usize; 2], got: String) -> Self {
        Self {
            pass,
            name: name.to_owned(),
            entry,
            got,
            given: None,
            given_at: None,
            reason: String::new(),
        }
    }

    /// The first block whose value is not finite: all that it read is.
    pub(crate) fn of_values<T: Scalar>(
        graph: &Graph,
        params: &[T],
        values: &Values<'_, T>,
    ) -> Option<Self> {
        let nodes = graph.nodes().iter().enumerate();
        let (i, node, (row, sample)) = nodes.into_iter().find_map(|(i, node)| {
            let value = values.of(i).into_owned();
            Some((i, node, first_not_finite(Mat::from(&value))?))
        })?;
        let got = values.of(i)[(row, sample)].to_string();
        let mut found = Self::at(Pass::Primal, &node.name, [row, sample], got);
        found.blame(node, &values.read_by(i), &params[node.params.clone()]);
        found.reason = format!(
            "{} made {} at row {row}, sample {sample} of {}",
            node.name, found.got, found.reason
        );
        Some(found)
    }

    /// The last block that was given finite cotangents and passed on others, to what it reads or to its parameters.
    pub(crate) fn of_cotangents<T: Scalar>(
        graph: &Graph,
        params: &[T],
        values: &Values<'_, T>,
        back: &Backward<'_, T>,
    ) -> Option<Self> {
        for (i, node) in graph.nodes().iter().enumerate().rev() {
            if !graph.activity()[i].output
                || first_not_finite(Mat::from(&back.cotangents[i])).is_some()
            {
                continue;
            }
            let passed = &back.passed[i];
            let rows = live_rows(graph, node);
            let wrong = passed
                .iter()
                .enumerate()
                .find(|&(k, entry)| !entry.is_finite() && rows[k % passed.nrows()]);
            let wrong = wrong.map(|(k, entry)| {
                let at = [k % passed.nrows(), k / passed.nrows()];
                ("the cotangent of what it reads", at, entry.to_string())
            });
            let of_params = || {
                let k = back.gradients[i].iter().position(|g| !g.is_finite())?;
                let got = back.gradients[i][k].to_string();
                Some(("the gradient of its parameters", [k, 0], got))
            };
            let Some((what, entry, got)) = wrong.or_else(of_params) else {
                continue;
            };
            let mut found = Self::at(Pass::Adjoint, &node.name, entry, got);
            found.blame(node, &values.read_by(i), &params[node.params.clone()]);
            let cotangent = largest(&back.cotangents[i], None);
            found.reason = format!(
                "{} made {} at [{}, {}] of {what}, given cotangents of at most {:e} and {}",
                node.name, found.got, entry[0], entry[1], cotangent.1, found.reason
            );
            return Some(found);
        }
        None
    }

    /// A sum of finite numbers that is none: of cotangents where a value is read more than once, of uses of parameters, of all
    /// outputs.
    pub(crate) fn of_sums<T: Scalar>(
        graph: &Graph,
        back: &Backward<'_, T>,
        value: T,
        gradient: &[f64],
    ) -> Option<Self> {
        let name = |i: usize| graph.nodes()[i].name.clone();
        for (i, cotangent) in back.cotangents.iter().enumerate().rev() {
            if let Some((row, sample)) = first_not_finite(Mat::from(cotangent)) {
                let got = cotangent[(row, sample)].to_string();
                return Some(Self {
                    reason: format!(
                        "the cotangents of {} add up to {got} at row {row}, sample {sample}",
                        name(i)
                    ),
                    ..Self::at(Pass::Sum, &name(i), [row, sample], got)
                });
            }
        }
        if let Some(k) = gradient.iter().position(|g| !g.is_finite()) {
            let mut entries = graph.layout().entries().iter();
            let entry = entries.find(|entry| entry.range().contains(&k))?;
            let got = gradient[k].to_string();
            let at = [
                (k - entry.offset) % entry.shape.nrows,
                (k - entry.offset) / entry.shape.nrows,
            ];
            return Some(Self {
                reason: format!(
                    "the gradients of the uses of {} add up to {got}",
                    entry.name
                ),
                ..Self::at(Pass::Sum, &entry.name, at, got)
            });
        }
        if !value.is_finite() {
            let last = graph.nodes().len() - 1;
            return Some(Self {
                reason: format!("the outputs add up to {value}"),
                ..Self::at(Pass::Sum, &name(last), [0, 0], value.to_string())
            });
        }
        None
    }

    /// What the block was given: the number itself where it acts entry by entry, else the largest of the sample, and the
    /// largest parameter.
    fn blame<T: Scalar>(&mut self, node: &Node, read: &DMatrix<T>, params: &[T]) {
        let entrywise = matches!(
            node.block.input_jacobian(),
            InputJacobian::Diagonal | InputJacobian::Identity
        );
        let sample = self.entry[1].min(read.ncols() - 1);
        let ((row, sample), given) = if entrywise && self.entry[0] < read.nrows() {
            (
                (self.entry[0], sample),
                read[(self.entry[0], sample)].to_f64(),
            )
        } else {
            largest(read, Some(sample))
        };
        (self.given, self.given_at) = (Some(given), Some([row, sample]));
        self.reason = if entrywise {
            format!("{given:e}")
        } else {
            format!("numbers of at most {:e}", given.abs())
        };
        if !params.is_empty() {
            let most = params
                .iter()
                .fold(0.0_f64, |most, w| most.max(w.to_f64().abs()));
            self.reason += &format!(" and parameters of at most {most:e}");
        }
    }
}

/// What one reverse sweep over the watched graph gave, node by node.
pub(crate) struct Backward<'a, T: Scalar> {
    /// h̃_i, n_out x B.
    pub cotangents: &'a [DMatrix<T>],
    /// ũ_i, n_in x B.
    pub passed: &'a [DMatrix<T>],
    /// dy/dw_i by this use alone.
    pub gradients: &'a [Vec<f64>],
}

/// Which rows of what a node reads pass a derivative on.
pub(crate) fn live_rows(graph: &Graph, node: &Node) -> Vec<bool> {
    let mut rows = Vec::with_capacity(node.dims().n_in);
    for source in &node.sources {
        let live = !source.stopped
            && match source.origin {
                Origin::Input(input) => !graph.inputs()[input].constant,
                Origin::Node(_) => true,
            };
        rows.extend(std::iter::repeat_n(live, graph.rows(source.origin)));
    }
    rows
}

/// The entry of the largest absolute value, of one sample or all.
fn largest<T: Scalar>(matrix: &DMatrix<T>, sample: Option<usize>) -> ((usize, usize), f64) {
    let mut found = ((0, sample.unwrap_or(0)), 0.0_f64);
    for j in 0..matrix.ncols() {
        if sample.is_some_and(|sample| sample != j) {
            continue;
        }
        for (i, entry) in matrix.column(j).iter().enumerate() {
            let entry = entry.to_f64();
            if entry.abs() > found.1.abs() {
                found = ((i, j), entry);
            }
        }
    }
    found
}
