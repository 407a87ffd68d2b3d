//! Acyclic graphs of blocks: fan-in stacks, fan-out sums, parameters may be shared, gradients may be stopped.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use nalgebra::DMatrix;

use crate::erase::IntoBlock;
use crate::finite::first_not_finite;
use crate::{AnyBlock, Dims, Error, InputJacobian, Layout, Mat, Op, Real, Result, memory};

mod audit;
mod builder;
pub(crate) mod singular;
pub use builder::{Builder, Value};
pub use singular::Wrt;

/// Where a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// The input of this index.
    Input(usize),
    /// The output of the node of this index.
    Node(usize),
}

/// One input of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Source {
    /// Where the value comes from.
    pub origin: Origin,
    /// Whether derivatives are cut here, in both modes.
    pub stopped: bool,
}

/// A named part of the graph's input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// Its name.
    pub name: String,
    /// Its rows within the graph's input matrix.
    pub rows: Range<usize>,
    /// Whether it is constant: derivatives with respect to it are not asked for, and are exact zeros.
    pub constant: bool,
}

/// A block at its place in a graph.
#[derive(Clone, Debug)]
pub struct Node {
    /// Its name, the first part of its parameters' names.
    pub name: String,
    /// The block.
    pub block: Arc<dyn AnyBlock>,
    /// Its inputs, stacked in this order.
    pub sources: Vec<Source>,
    /// Its parameters within the flat vector; nodes that share parameters have the same range.
    pub params: Range<usize>,
}

impl Node {
    /// The block's sizes.
    pub fn dims(&self) -> Dims {
        self.block.dims()
    }

    /// The structure of the block's Jacobian by its input as the block declares it, where its sizes allow that: else
    /// [`InputJacobian::Dense`]. What skips work because of a structure asks here, so that a wrong declaration, which is an
    /// [`Error::Law`] in a debug build, is no panic in a release build.
    ///
    /// ```
    /// use pushpull_core::{InputJacobian, Mlp, blocks::Activation};
    /// let graph = Mlp::new(&[2, 3, 1], Activation::Tanh).build()?;
    /// let structures: Vec<_> = graph.nodes().iter().map(|node| node.input_jacobian()).collect();
    /// assert_eq!(structures, [InputJacobian::Weight, InputJacobian::Diagonal, InputJacobian::Weight]);
    /// # Ok::<(), pushpull_core::Error>(())
    /// ```
    pub fn input_jacobian(&self) -> InputJacobian {
        let dims = self.dims();
        let (square, weights) = (
            dims.n_in == dims.n_out,
            memory::elements(&[dims.n_out, dims.n_in]),
        );
        match self.block.input_jacobian() {
            InputJacobian::Diagonal | InputJacobian::Identity if !square => InputJacobian::Dense,
            InputJacobian::Weight if dims.n_params < weights => InputJacobian::Dense,
            declared => declared,
        }
    }

    /// Numbers of scratch memory that a map of the block needs at the scalar `T`. Asked for only after the sizes of its
    /// operands were found to fit, so that a block can multiply them.
    ///
    /// # Errors
    /// [`Error::TooLarge`] if they cannot fit.
    pub fn scratch_len<T>(&self, op: Op, batch: usize, seeds: usize) -> Result<usize> {
        let len = self.block.scratch_len(op, batch, seeds);
        self.fits::<T>("the scratch memory of", len)?;
        Ok(len)
    }

    /// Refuses `len` numbers of the block, beside its inputs and outputs, that cannot fit.
    ///
    /// # Errors
    /// [`Error::TooLarge`]
    pub fn fits<T>(&self, what: &str, len: usize) -> Result<()> {
        let remedy = "let the block ask for less, or use a smaller batch";
        memory::fits::<T>(format_args!("{what} {}", self.name), len, remedy)
    }
}

/// What a node's value depends on through paths that are not stopped, and whether the output depends on it so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Activity {
    /// Some parameter.
    pub params: bool,
    /// Some input that is not constant.
    pub inputs: bool,
    /// The output changes with the node's value.
    pub output: bool,
}

/// A network: blocks in an order in which each follows what it reads; the last one is the output.
///
/// It holds no scalar: the same graph runs at `f32`, `f64`, duals and counted numbers. Inputs are stacked in one matrix
/// n_inputs x batch, a sample a column, in the order in which they were declared.
///
/// ```
/// use pushpull_core::{Builder, blocks::{Linear, Sum, Tanh}};
/// let mut b = Builder::new();
/// let x = b.input("x", 2);
/// let h = b.block(Linear::new(2, 3), [x]);
/// let h = b.map(Tanh, h);
/// let y = b.block(Sum::new(3), [h]);
/// let graph = b.build(y)?;
/// assert_eq!((graph.n_inputs(), graph.n_outputs(), graph.n_params()), (2, 1, 9));
/// # Ok::<(), pushpull_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Graph {
    nodes: Arc<[Node]>,
    inputs: Arc<[Input]>,
    links: Arc<Links>,
    layout: Arc<Layout>,
    /// Whether engines look for slopes that are not finite.
    guarded: bool,
}

/// What follows from the nodes' sources.
#[derive(Clone, Debug)]
struct Links {
    activity: Vec<Activity>,
    /// The readers of each node's value: (node, position among its sources).
    consumers: Vec<Vec<(usize, usize)>>,
}

impl Graph {
    fn new(nodes: Vec<Node>, inputs: Vec<Input>, layout: Layout, output_stopped: bool) -> Self {
        let mut activity = vec![Activity::default(); nodes.len()];
        for (i, node) in nodes.iter().enumerate() {
            activity[i].params = !node.params.is_empty();
            for source in node.sources.iter().filter(|source| !source.stopped) {
                match source.origin {
                    Origin::Input(input) => activity[i].inputs |= !inputs[input].constant,
                    Origin::Node(j) => {
                        activity[i].params |= activity[j].params;
                        activity[i].inputs |= activity[j].inputs;
                    }
                }
            }
        }
        if let Some(last) = activity.last_mut() {
            last.output = !output_stopped;
        }
        for (i, node) in nodes.iter().enumerate().rev() {
            for source in node.sources.iter().filter(|source| !source.stopped) {
                if let Origin::Node(j) = source.origin {
                    activity[j].output |= activity[i].output;
                }
            }
        }
        let mut consumers = vec![Vec::new(); nodes.len()];
        for (i, node) in nodes.iter().enumerate() {
            for (position, source) in node.sources.iter().enumerate() {
                if let Origin::Node(j) = source.origin {
                    consumers[j].push((i, position));
                }
            }
        }
        Self {
            nodes: nodes.into(),
            inputs: inputs.into(),
            links: Arc::new(Links {
                activity,
                consumers,
            }),
            layout: Arc::new(layout),
            guarded: true,
        }
    }

    /// The same graph, whose derivatives are whatever the arithmetic makes of slopes that are not finite, different from
    /// engine to engine: for tools that look for such places, and nobody else.
    ///
    /// ```
    /// use pushpull_core::{Builder, Wrt, blocks::Sqrt};
    /// let mut b = Builder::new();
    /// let x = b.input("x", 1);
    /// let y = b.map(Sqrt, x);
    /// let graph = b.build(y)?;
    /// assert!(graph.is_guarded() && !graph.unguarded().is_guarded());
    /// # Ok::<(), pushpull_core::Error>(())
    /// ```
    #[must_use]
    pub fn unguarded(mut self) -> Self {
        self.guarded = false;
        self
    }

    /// Whether an engine returns an error where a slope is not finite.
    pub const fn is_guarded(&self) -> bool {
        self.guarded
    }

    /// The nodes, each after what it reads; the last one is the output.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }
    /// The inputs in the order of their rows.
    pub fn inputs(&self) -> &[Input] {
        &self.inputs
    }
    /// What each node depends on and carries.
    pub fn activity(&self) -> &[Activity] {
        &self.links.activity
    }
    /// Where the parameters lie.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }
    /// Rows of the input matrix: all inputs, stacked.
    pub fn n_inputs(&self) -> usize {
        self.inputs.last().map_or(0, |input| input.rows.end)
    }
    /// Rows of the output.
    pub fn n_outputs(&self) -> usize {
        self.nodes.last().map_or(0, |node| node.dims().n_out)
    }
    /// Number of parameters.
    pub fn n_params(&self) -> usize {
        self.layout.len()
    }
    /// Rows of a value.
    pub fn rows(&self, origin: Origin) -> usize {
        match origin {
            Origin::Input(i) => self.inputs[i].rows.len(),
            Origin::Node(i) => self.nodes[i].dims().n_out,
        }
    }

    /// Stacks named inputs into the graph's input matrix.
    ///
    /// # Errors
    /// [`Error::UnknownName`] for a name the graph lacks or an input that is missing, [`Error::Shape`] for a wrong shape.
    ///
    /// ```
    /// # use pushpull_core::{Builder, blocks::{Linear, SquaredError}};
    /// # let mut b = Builder::new();
    /// # let (x, target) = (b.input("x", 2), b.constant("target", 1));
    /// # let out = b.block(Linear::new(2, 1), [x]);
    /// # let loss = b.block(SquaredError::new(1), [out, target]);
    /// # let graph = b.build(loss)?;
    /// use nalgebra::DMatrix;
    /// let (x, target) = (DMatrix::from_element(2, 5, 1.0), DMatrix::from_element(1, 5, 3.0));
    /// let stacked = graph.stack(&[("x", (&x).into()), ("target", (&target).into())])?;
    /// assert_eq!(stacked.shape(), (3, 5));
    /// # Ok::<(), pushpull_core::Error>(())
    /// ```
    pub fn stack<T: Real>(&self, parts: &[(&str, Mat<'_, T>)]) -> Result<DMatrix<T>> {
        let unknown = |name: &str| Error::UnknownName {
            kind: "input".into(),
            name: name.into(),
            known: self
                .inputs
                .iter()
                .map(|input| input.name.as_str())
                .collect::<Vec<_>>()
                .join(", "),
        };
        let names: HashSet<&str> = self.inputs.iter().map(|input| &*input.name).collect();
        if let Some((name, _)) = parts.iter().find(|(name, _)| !names.contains(name)) {
            return Err(unknown(name));
        }
        let batch = parts.first().map_or(0, |(_, part)| part.ncols());
        let given: HashMap<&str, Mat<'_, T>> = parts.iter().copied().rev().collect();
        for input in &*self.inputs {
            let part = given.get(&*input.name).ok_or_else(|| Error::Shape {
                name: input.name.clone(),
                expected: format!("{} x {batch} (rows x columns)", input.rows.len()),
                got: "nothing".into(),
                remedy: "give every input of the graph".into(),
            })?;
            if part.shape() != (input.rows.len(), batch) {
                return Err(Error::matrix(
                    &input.name,
                    (input.rows.len(), batch),
                    part.shape(),
                    "give each sample as a column, and the same number of samples for all inputs",
                ));
            }
        }
        // What is handed in is somewhere already, so what it makes stacked is no surprise.
        let mut x = DMatrix::from_element(self.n_inputs(), batch, T::zero());
        for input in &*self.inputs {
            let part = given[&*input.name];
            for j in 0..batch {
                x.column_mut(j).as_mut_slice()[input.rows.clone()].copy_from_slice(part.col(j));
            }
        }
        Ok(x)
    }

    /// Whether `params` and `x` can be run: lengths, shapes, and every number finite. A constant input may be infinite, as
    /// a mask of minus infinity before a softmax is; NaN it may not be.
    ///
    /// # Errors
    /// [`Error::Length`], [`Error::Shape`], [`Error::NotFinite`]
    pub fn check<T: Real>(&self, params: &[T], x: Mat<'_, T>, batch: usize) -> Result<()> {
        self.layout.check("params", params)?;
        if x.shape() != (self.n_inputs(), batch) {
            return Err(Error::matrix(
                "x",
                (self.n_inputs(), batch),
                x.shape(),
                "give each sample as a column, as many as the engine was prepared for",
            ));
        }
        if first_not_finite(x).is_some() {
            self.check_inputs(x)?;
        }
        if let Some((i, _)) = first_not_finite(Mat::from(params)) {
            let entry = self
                .layout
                .entries()
                .iter()
                .find(|entry| entry.range().contains(&i));
            let (name, at) = entry.map_or(("params", i), |entry| (&entry.name, i - entry.offset));
            return Err(not_finite(name, format!("[{at}]"), params[i]));
        }
        Ok(())
    }

    /// The search for the entry that is at fault.
    #[cold]
    fn check_inputs<T: Real>(&self, x: Mat<'_, T>) -> Result<()> {
        for (j, column) in x.columns().enumerate() {
            for input in &*self.inputs {
                let fault = |x: &T| x.is_nan() || !(x.is_finite() || input.constant);
                if let Some(row) = column[input.rows.clone()].iter().position(fault) {
                    let value = column[input.rows.start + row];
                    return Err(not_finite(&input.name, format!("[{row}, {j}]"), value));
                }
            }
        }
        Ok(())
    }

    /// The consumers of each node: (consumer, position among its sources), in the order of the nodes.
    pub fn consumers(&self) -> &[Vec<(usize, usize)>] {
        &self.links.consumers
    }
}

fn not_finite<T: Real>(name: &str, entry: String, value: T) -> Error {
    Error::NotFinite {
        name: name.into(),
        entry,
        value: value.to_string(),
    }
}

#[cfg(test)]
mod tests;
