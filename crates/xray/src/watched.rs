//! The graph built once more, with inputs of zeros where a derivative is wanted and parameters of its own for every use.

use std::ops::Range;
use std::sync::Arc;

use nalgebra::DMatrix;
use pushpull_core::blocks::{Add, Identity, Map};
use pushpull_core::graph::Origin;
use pushpull_core::siblings::memory;
use pushpull_core::{Builder, Graph, Result, Scalar};

/// Where zeros are added: a derivative with respect to them is one with respect to what they are added to.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Taps {
    /// To all that the block reads: its own contribution to the cotangents before it.
    pub before: bool,
    /// To what the block writes: the cotangent of its value.
    pub after: bool,
}

/// A graph with taps.
pub(crate) struct Watched {
    pub graph: Graph,
    /// For each node of the original the rows of its taps in the input matrix.
    pub before: Vec<Range<usize>>,
    pub after: Vec<Range<usize>>,
    /// For each node the place of its own parameters.
    pub params: Vec<Range<usize>>,
    /// The same parameters' places in the original.
    origin: Vec<Range<usize>>,
}

impl Watched {
    /// The nodes `0..=last` of a graph with taps; node `last` is the output. Original inputs are constants here.
    pub(crate) fn new(graph: &Graph, last: usize, taps: impl Fn(usize) -> Taps) -> Result<Self> {
        let mut b = Builder::new();
        let mut rows = 0_usize;
        let mut taken = |n: usize| {
            // Numbers saturate: the builder refuses what no memory holds.
            let start = rows;
            rows = start.saturating_add(n);
            start..rows
        };
        let inputs: Vec<_> = graph
            .inputs()
            .iter()
            .enumerate()
            .map(|(k, input)| {
                taken(input.rows.len());
                b.constant(format!("input {k}"), input.rows.len())
            })
            .collect();
        let (mut before, mut after) = (Vec::new(), Vec::new());
        let (mut params, mut origin, mut values) = (Vec::new(), Vec::new(), Vec::new());
        let mut end = 0_usize;
        for (i, node) in graph.nodes()[..=last].iter().enumerate() {
            let (dims, tap) = (node.dims(), taps(i));
            let mut sources: Vec<_> = node
                .sources
                .iter()
                .map(|source| {
                    let var = match source.origin {
                        Origin::Input(input) => inputs[input],
                        Origin::Node(j) => values[j],
                    };
                    if source.stopped {
                        b.stop_gradient(var)
                    } else {
                        var
                    }
                })
                .collect();
            before.push(0..0);
            if tap.before {
                before[i] = taken(dims.n_in);
                sources.push(b.input(format!("before {i}"), dims.n_in));
                let read = b.named(format!("read {i}"), Add::new(dims.n_in, 2), &sources[..]);
                sources = vec![read];
            }
            let mut value = b.named(format!("block {i}"), Arc::clone(&node.block), &sources[..]);
            after.push(0..0);
            if tap.after {
                after[i] = taken(dims.n_out);
                let zeros = b.input(format!("after {i}"), dims.n_out);
                value = b.named(
                    format!("value {i}"),
                    Add::new(dims.n_out, 2),
                    [value, zeros],
                );
            }
            let next = end.saturating_add(dims.n_params);
            params.push(end..next);
            origin.push(node.params.clone());
            end = next;
            values.push(value);
        }
        let mut output = values[last];
        if last + 1 == graph.nodes().len() && !graph.activity()[last].output {
            output = b.stop_gradient(output);
        }
        Ok(Self {
            graph: b.build(output)?.unguarded(),
            before,
            after,
            params,
            origin,
        })
    }

    /// The original's parameters, once for each use.
    pub(crate) fn params<T: Scalar>(&self, params: &[T]) -> Vec<T> {
        let uses = self.origin.iter();
        uses.flat_map(|range| &params[range.clone()])
            .copied()
            .collect()
    }

    /// Samples of the original with zeros under them.
    pub(crate) fn inputs<T: Scalar>(
        &self,
        x: &DMatrix<T>,
        samples: Range<usize>,
    ) -> Result<DMatrix<T>> {
        let rows = self.graph.n_inputs();
        memory::fits::<T>(
            "the zeros beside the data",
            memory::elements(&[rows, samples.len()]),
            "look at a smaller batch",
        )?;
        let mut all = DMatrix::from_element(rows, samples.len(), T::zero());
        all.rows_mut(0, x.nrows())
            .copy_from(&x.columns(samples.start, samples.len()));
        Ok(all)
    }
}

/// The graph with the values of all its nodes as its output, one under the other.
pub(crate) fn exposed(graph: &Graph) -> Result<(Graph, Vec<Range<usize>>)> {
    let mut b = Builder::new();
    let inputs: Vec<_> = graph
        .inputs()
        .iter()
        .enumerate()
        .map(|(k, input)| b.constant(format!("input {k}"), input.rows.len()))
        .collect();
    let mut values = Vec::with_capacity(graph.nodes().len());
    let (mut rows, mut end) = (Vec::with_capacity(graph.nodes().len()), 0_usize);
    for (i, node) in graph.nodes().iter().enumerate() {
        let sources: Vec<_> = node
            .sources
            .iter()
            .map(|source| match source.origin {
                Origin::Input(input) => inputs[input],
                Origin::Node(j) => values[j],
            })
            .collect();
        values.push(b.named(format!("block {i}"), Arc::clone(&node.block), &sources[..]));
        rows.push(end..end.saturating_add(node.dims().n_out));
        end = rows[i].end;
    }
    let all = b.named("values", Map::new(Identity, end), &values[..]);
    Ok((b.build(all)?.unguarded(), rows))
}
