//! Builds a graph, a block a line.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::audit::audit;
use super::{Graph, Input, IntoBlock, Node, Origin, Source};
use crate::blocks::{Elementwise, Map};
use crate::{AnyBlock, Error, Layout, Result, memory};

/// A value of a graph that is being built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Value {
    builder: u32,
    source: Source,
    rows: usize,
}

impl Value {
    /// Rows of the value.
    pub const fn rows(&self) -> usize {
        self.rows
    }
}

impl AsRef<[Value]> for Value {
    fn as_ref(&self) -> &[Value] {
        std::slice::from_ref(self)
    }
}

/// Collects inputs and nodes. Its methods never fail: the first fault is kept and returned by [`Builder::build`], so a
/// chain is one line a block.
///
/// ```
/// use pushpull_core::{Builder, blocks::{Add, Linear, Tanh}};
/// let mut b = Builder::new();
/// let x = b.input("x", 4);
/// let h = b.named("first", Linear::new(4, 4), x);
/// let h = b.map(Tanh, h);
/// let again = b.again("second", h, "first");      // the same parameters once more
/// let y = b.block(Add::new(4, 2), [again, x]);    // fan-in stacks, fan-out of x sums
/// let graph = b.build(y)?;
/// assert_eq!(graph.n_params(), 20);
/// # Ok::<(), pushpull_core::Error>(())
/// ```
#[derive(Debug)]
pub struct Builder {
    id: u32,
    nodes: Vec<Node>,
    inputs: Vec<Input>,
    layout: Layout,
    /// All names, with the nodes that have them; inputs have none.
    names: HashMap<String, Option<usize>>,
    fault: Option<Error>,
}

impl Default for Builder {
    fn default() -> Self {
        Self::new()
    }
}

/// Where a node's parameters come from.
enum Params<'a> {
    Own,
    Of(&'a str),
}

/// Rows of each value.
fn rows(inputs: &[Value]) -> Vec<usize> {
    inputs.iter().map(|input| input.rows).collect()
}

impl Builder {
    /// An empty graph.
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        Self {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            nodes: Vec::new(),
            inputs: Vec::new(),
            layout: Layout::default(),
            names: HashMap::new(),
            fault: None,
        }
    }

    /// An input of `rows` features.
    pub fn input(&mut self, name: impl Into<String>, rows: usize) -> Value {
        self.add_input(name.into(), rows, false)
    }

    /// An input that no derivative is asked for, such as a target.
    pub fn constant(&mut self, name: impl Into<String>, rows: usize) -> Value {
        self.add_input(name.into(), rows, true)
    }

    fn add_input(&mut self, name: String, rows: usize, constant: bool) -> Value {
        if rows == 0 {
            self.fail(Error::ZeroWidth {
                name: name.clone(),
                n_in: 0,
                n_out: 0,
            });
        }
        self.addressable(&name, rows);
        self.claim(&name, None);
        let start = self.inputs.last().map_or(0, |input| input.rows.end);
        let end = start.saturating_add(rows);
        self.addressable("all inputs together", end);
        self.inputs.push(Input {
            name,
            rows: start..end,
            constant,
        });
        self.var(Origin::Input(self.inputs.len() - 1), constant, rows)
    }

    /// A node named after its block and its position, such as `linear0`.
    pub fn block(&mut self, block: impl IntoBlock, inputs: impl AsRef<[Value]>) -> Value {
        let block = block.into_block(&rows(inputs.as_ref()));
        let name = format!("{}{}", block.name(), self.nodes.len());
        self.add_node(name, block, inputs.as_ref(), Params::Own)
    }

    /// A node with a name of your own.
    pub fn named(
        &mut self,
        name: impl Into<String>,
        block: impl IntoBlock,
        inputs: impl AsRef<[Value]>,
    ) -> Value {
        self.add_node(
            name.into(),
            block.into_block(&rows(inputs.as_ref())),
            inputs.as_ref(),
            Params::Own,
        )
    }

    /// A scalar function on every entry of `input`.
    pub fn map(&mut self, function: impl Elementwise, input: Value) -> Value {
        self.block(Map::new(function, input.rows), input)
    }

    /// The block of the node called `like` once more, with the same parameters (weight sharing).
    pub fn again(
        &mut self,
        name: impl Into<String>,
        inputs: impl AsRef<[Value]>,
        like: &str,
    ) -> Value {
        let name = name.into();
        match self.find(like).map(|node| Arc::clone(&node.block)) {
            Some(block) => self.add_node(name, block, inputs.as_ref(), Params::Of(like)),
            None => {
                self.fail(self.unknown_node(like));
                self.placeholder()
            }
        }
    }

    /// Another block on the parameters of the node called `like`; it must have as many of them.
    pub fn tied(
        &mut self,
        name: impl Into<String>,
        block: impl IntoBlock,
        inputs: impl AsRef<[Value]>,
        like: &str,
    ) -> Value {
        self.add_node(
            name.into(),
            block.into_block(&rows(inputs.as_ref())),
            inputs.as_ref(),
            Params::Of(like),
        )
    }

    /// The same value, through which no derivative passes, in either mode.
    pub fn stop_gradient(&self, var: Value) -> Value {
        Value {
            source: Source {
                stopped: true,
                ..var.source
            },
            ..var
        }
    }

    /// The graph that ends in `output`. Nodes that the output does not need are left out; their parameters stay, with
    /// exact zeros as derivatives.
    ///
    /// With debug assertions on (debug and test builds) every distinct block is checked once, quickly: its pushforward
    /// against the block run at dual numbers, its pullback by `<y_bar, J v> = <J' y_bar, v>`, its in-place and unit forms
    /// against the plain maps. A program that counts its heap ([`crate::alloc`]) is told of maps that allocate, too; elsewhere
    /// nobody can see it. A block with more than 2^21 inputs, outputs and parameters, one that is finite on neither
    /// [-2, 2] nor [0.25, 2], and one that says [`crate::Spec::surrogate`] are passed over; so is a map that panics,
    /// since a block may serve one mode alone. `pushpull_laws::check` is the thorough check.
    ///
    /// # Errors
    /// [`Error::Law`] for a block whose rules are wrong; else
    /// the first fault of all calls so far: a width of zero, a name used twice or unknown, inputs whose rows do not
    /// add up to the block's, a variable of another builder, a setting outside its domain; or [`Error::Empty`].
    pub fn build(self, output: Value) -> Result<Graph> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        if output.builder != self.id {
            return Err(Error::ForeignValue {
                name: "output".into(),
            });
        }
        let last = match output.source.origin {
            Origin::Node(last) => last,
            Origin::Input(input) => {
                return Err(Error::Empty {
                    name: self.inputs[input].name.clone(),
                });
            }
        };
        let mut needed = vec![false; self.nodes.len()];
        needed[last] = true;
        for i in (0..=last).rev() {
            if needed[i] {
                for source in &self.nodes[i].sources {
                    if let Origin::Node(j) = source.origin {
                        needed[j] = true;
                    }
                }
            }
        }
        let mut index = vec![0; self.nodes.len()];
        let mut nodes = Vec::with_capacity(self.nodes.len());
        for (i, mut node) in self
            .nodes
            .into_iter()
            .enumerate()
            .filter(|&(i, _)| needed[i])
        {
            index[i] = nodes.len();
            for source in &mut node.sources {
                if let Origin::Node(j) = &mut source.origin {
                    *j = index[*j];
                }
            }
            nodes.push(node);
        }
        // A wrong rule is found where a program is written, and costs nothing where it runs.
        if cfg!(all(debug_assertions, panic = "unwind")) {
            audit(&nodes)?;
        }
        Ok(Graph::new(
            nodes,
            self.inputs,
            self.layout,
            output.source.stopped,
        ))
    }

    fn add_node(
        &mut self,
        name: String,
        block: Arc<dyn AnyBlock>,
        inputs: &[Value],
        params: Params<'_>,
    ) -> Value {
        let dims = block.dims();
        if let Err(fault) = self.check_node(&name, &*block, inputs) {
            self.fail(fault);
        }
        for size in [dims.n_in, dims.n_out, dims.n_params, block.keeps().extra] {
            self.addressable(&name, size);
        }
        // What is shared is found before the node's own name is taken.
        let shared = match params {
            Params::Own => None,
            Params::Of(like) => Some((like, self.find(like).map(|node| node.params.clone()))),
        };
        self.claim(&name, Some(self.nodes.len()));
        let range = match shared {
            None => self.layout.append(&name, block.params()),
            Some((like, range)) => match range {
                Some(range) => range,
                None => {
                    self.fail(self.unknown_node(like));
                    0..0
                }
            },
        };
        self.addressable("all parameters together", self.layout.len());
        if range.len() != dims.n_params {
            self.fail(Error::Length {
                name: format!("{name} (params)"),
                expected: dims.n_params,
                got: range.len(),
            });
        }
        let sources = inputs.iter().map(|var| var.source).collect();
        self.nodes.push(Node {
            name,
            block,
            sources,
            params: range,
        });
        self.var(Origin::Node(self.nodes.len() - 1), false, dims.n_out)
    }

    fn check_node(&self, name: &str, block: &dyn AnyBlock, inputs: &[Value]) -> Result<()> {
        let dims = block.dims();
        block.validate()?;
        if dims.n_in == 0 || dims.n_out == 0 {
            return Err(Error::ZeroWidth {
                name: name.into(),
                n_in: dims.n_in,
                n_out: dims.n_out,
            });
        }
        if inputs.iter().any(|var| var.builder != self.id) {
            return Err(Error::ForeignValue { name: name.into() });
        }
        let rows = inputs.iter().map(|var| var.rows);
        let rows = rows.fold(0, usize::saturating_add);
        if rows != dims.n_in {
            let parts: Vec<String> = inputs.iter().map(|var| var.rows.to_string()).collect();
            return Err(Error::Shape {
                name: name.into(),
                expected: format!("{} input rows", dims.n_in),
                got: format!("{rows} ({})", parts.join(" + ")),
                remedy: "give the block as many inputs as it reads".into(),
            });
        }
        Ok(())
    }

    /// Refuses more numbers than an address can tell apart: whatever is added up later stays a number.
    fn addressable(&mut self, name: &str, numbers: usize) {
        const MOST: usize = isize::MAX as usize;
        if numbers > MOST {
            self.fail(Error::TooLarge {
                what: name.into(),
                bytes: (numbers as u64).saturating_mul(size_of::<f64>() as u64),
                available: memory::available(),
                remedy: "use narrower blocks and fewer of them".into(),
            });
        }
    }

    /// The first node of a name.
    fn find(&self, name: &str) -> Option<&Node> {
        let known = self.names.get(name).copied().flatten();
        known.map(|node| &self.nodes[node])
    }

    fn claim(&mut self, name: &str, node: Option<usize>) {
        if self.names.contains_key(name) {
            self.fail(Error::DuplicateName { name: name.into() });
        } else {
            self.names.insert(name.to_owned(), node);
        }
    }

    fn unknown_node(&self, name: &str) -> Error {
        let known: Vec<&str> = self.nodes.iter().map(|node| node.name.as_str()).collect();
        Error::UnknownName {
            kind: "node".into(),
            name: name.into(),
            known: known.join(", "),
        }
    }

    fn fail(&mut self, fault: Error) {
        self.fault.get_or_insert(fault);
    }

    fn var(&self, origin: Origin, stopped: bool, rows: usize) -> Value {
        Value {
            builder: self.id,
            source: Source { origin, stopped },
            rows,
        }
    }

    /// Stands for a value whose fault is already kept.
    fn placeholder(&self) -> Value {
        self.var(Origin::Input(0), true, 0)
    }
}
