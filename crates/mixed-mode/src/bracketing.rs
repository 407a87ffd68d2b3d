//! A bracketing of a graph's Jacobian, with what it costs beside the two pure modes.

use std::fmt;

use pushpull_core::graph::Node;
use pushpull_core::siblings::figures::grouped;
use pushpull_core::siblings::memory;
use pushpull_core::{Cost, Error, Graph, InputJacobian, Op, Result, cost};

use crate::factor::{Chain, Structure};
use crate::program::countable;
use crate::search::{Form, How, Search, Work};
use crate::step::Step;

/// The cheapest bracketing of the Jacobian of a chain of blocks with respect to its input, for batches of a given size:
/// made from the graph alone, without numbers. The search looks at every split of every range: the time grows with the
/// cube of the number of blocks (12 ms for 99 blocks, 1.5 s for 399, on an EPYC of the Zen 4 kind).
///
/// Its text is the product with its brackets, the three costs, and the tree of steps from the whole Jacobian down to
/// the blocks, each with its own flops for the whole batch.
///
/// ```
/// use pushpull_core::{Mlp, blocks::Activation};
/// use pushpull_mixed_mode::Bracketing;
/// let graph = Mlp::new(&[8, 2, 8], Activation::Tanh).build()?;
/// let plan = Bracketing::new(&graph, 1)?;
/// assert_eq!(plan.formula(), "((layer1 tanh0) layer0)");
/// assert_eq!(plan.to_string(), "\
/// J = ((layer1 tanh0) layer0)
///   mixed         346 flops, 2 calls
///   all tangents  346 flops, 2 calls
///   all adjoints  346 flops, 2 calls
/// 8 x 2 times 2 x 8: 256 flops
/// ├─ 8 rows pulled through tanh0: 16 flops
/// │  └─ layer1: its parameters
/// └─ layer0: its parameters");
/// # Ok::<(), pushpull_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Bracketing {
    graph: Graph,
    batch: usize,
    pub(crate) chain: Chain,
    pub(crate) search: Search,
    primal: Cost,
    tangents: Cost,
    adjoints: Cost,
}

impl Bracketing {
    /// The most blocks that are bracketed: minutes of search.
    pub const MAX_BLOCKS: usize = 2_048;

    /// Plans the Jacobian of a chain for batches of `batch` samples.
    ///
    /// # Errors
    /// [`Error::NotAChain`] for the first node that does not read the node before it and nothing else, and for more than
    /// [`Bracketing::MAX_BLOCKS`] of them, [`Error::EmptyBatch`], [`Error::TooLarge`] before anything large is allocated.
    pub fn new(graph: &Graph, batch: usize) -> Result<Self> {
        if batch == 0 {
            return Err(Error::EmptyBatch {
                name: "batch".into(),
            });
        }
        memory::fits::<f64>(
            "the parameters of one block",
            graph.n_params(),
            "use narrower blocks",
        )?;
        countable(graph, batch)?;
        let nodes = graph.nodes();
        if nodes.len() > Self::MAX_BLOCKS {
            return Err(Error::NotAChain {
                name: "the graph".into(),
                expected: format!("at most {} blocks to bracket", Self::MAX_BLOCKS),
                got: nodes.len().to_string(),
                remedy:
                    "merge neighbouring blocks into one: the search takes time cubic in their number"
                        .into(),
            });
        }
        memory::fits::<[[u64; 4]; 4]>(
            "the table of a chain's ranges",
            memory::elements(&[nodes.len(), nodes.len() + 1]) / 2,
            "merge neighbouring blocks into one",
        )?;
        let chain = Chain::new(graph)?;
        let search = Search::new(graph, &chain, batch);
        // Unit vectors come out of weights without a product, at the end where they start.
        let all = |op: Op, seeds: usize| {
            let start = match op {
                Op::JvpInput => Some(0),
                Op::VjpInput => Some(nodes.len() - 1),
                _ => None,
            };
            let costs = nodes.iter().enumerate().map(|(i, node)| {
                if Some(i) == start && node.input_jacobian() == InputJacobian::Weight {
                    return Cost::ZERO;
                }
                cost::of(&*node.block, op, batch, seeds)
            });
            costs.sum()
        };
        Ok(Self {
            primal: all(Op::Forward, 1),
            tangents: all(Op::JvpInput, chain.input.len()),
            adjoints: all(Op::VjpInput, graph.n_outputs()),
            graph: graph.clone(),
            batch,
            chain,
            search,
        })
    }

    /// The graph.
    pub const fn graph(&self) -> &Graph {
        &self.graph
    }

    /// Samples of a batch.
    pub const fn batch(&self) -> usize {
        self.batch
    }

    /// The exact cost of the Jacobian by this plan, the primal included.
    pub fn cost(&self) -> Cost {
        let (work, _) = self.whole();
        self.primal
            + Cost {
                flops: work.flops,
                calls: work.calls,
            }
    }

    /// The exact cost of the Jacobian by tangents alone, all pushed at once: forward mode, the primal included.
    pub fn all_tangents_cost(&self) -> Cost {
        self.primal + self.tangents
    }

    /// The exact cost of the Jacobian by adjoints alone, all pulled back from one record: reverse mode, the primal
    /// included.
    pub fn all_adjoints_cost(&self) -> Cost {
        self.primal + self.adjoints
    }

    /// The product with its brackets, blocks by their names, the output first. Blocks whose Jacobian is the identity
    /// are left out.
    pub fn formula(&self) -> String {
        let (_, from) = self.whole();
        self.bracketed(0, self.chain.factors.len(), from)
    }

    /// The steps, from the whole Jacobian down to the blocks. Their costs and the primal's add up to
    /// [`Bracketing::cost`].
    pub fn tree(&self) -> Step {
        let (_, from) = self.whole();
        self.steps(0, self.chain.factors.len(), from)
    }

    /// The work for the whole Jacobian but the primal, and the form in which it is made.
    fn whole(&self) -> (Work, Form) {
        self.search
            .wanted(0, self.chain.factors.len(), Form::Columns, self.batch)
    }

    fn node(&self, factor: usize) -> &Node {
        &self.graph.nodes()[self.chain.factors[factor].node]
    }

    /// What the range i..j does last.
    fn how(&self, i: usize, j: usize, form: Form) -> How {
        self.search
            .entry(i, j, form)
            .map_or(How::Given, |entry| entry.how)
    }

    fn bracketed(&self, i: usize, j: usize, form: Form) -> String {
        let (k, upper, lower) = match self.how(i, j, form) {
            How::Given | How::Accumulated => return self.node(i).name.clone(),
            How::Product { k, upper, lower } => (k as usize, upper, lower),
            How::ScaledRows { k, from } => (k as usize, Form::Diagonal, from),
            How::ScaledColumns { k, from } => (k as usize, from, Form::Diagonal),
            How::Pushed { from } => {
                let last = &self.node(j - 1).name;
                return format!("({last} {})", self.bracketed(i, j - 1, from));
            }
            How::Pulled { from } => {
                let first = &self.node(i).name;
                return format!("({} {first})", self.bracketed(i + 1, j, from));
            }
        };
        let (upper, lower) = (self.bracketed(k, j, upper), self.bracketed(i, k, lower));
        format!("({upper} {lower})")
    }

    /// The work of the range's own last step.
    fn own(&self, i: usize, j: usize, form: Form, parts: &[(usize, usize, Form)]) -> Cost {
        let work = |i, j, form| {
            self.search
                .entry(i, j, form)
                .map_or(Work::default(), |entry| entry.work)
        };
        let (mut flops, mut calls) = (work(i, j, form).flops, work(i, j, form).calls);
        for &(i, j, form) in parts {
            flops -= work(i, j, form).flops;
            calls -= work(i, j, form).calls;
        }
        Cost { flops, calls }
    }

    fn steps(&self, i: usize, j: usize, form: Form) -> Step {
        let (rows, cols) = (self.search.size(j), self.search.size(i));
        let each = match self.search.samples(i, j) {
            1 if self.batch > 1 => ", once for all samples".to_owned(),
            1 => String::new(),
            samples => format!(", {samples} samples"),
        };
        match self.how(i, j, form) {
            How::Given => Step::given(format!("{}: its parameters", self.node(i).name)),
            How::Accumulated => {
                let (name, own) = (&self.node(i).name, self.own(i, j, form, &[]));
                let by = match (self.chain.factors[i].structure, form) {
                    (Structure::Diagonal, _) => "its diagonal".into(),
                    (_, Form::Rows) => format!("{rows} rows, by adjoints"),
                    _ => format!("{cols} columns, by tangents"),
                };
                Step {
                    cost: Some(own),
                    ..Step::given(format!("{name}: {by}{each}"))
                }
            }
            How::Product { k, upper, lower } => {
                let k = k as usize;
                let own = self.own(i, j, form, &[(k, j, upper), (i, k, lower)]);
                let middle = self.search.size(k);
                let words = match form {
                    Form::Diagonal => format!("diagonal of {rows} times diagonal{each}"),
                    _ => format!("{rows} x {middle} times {middle} x {cols}{each}"),
                };
                Step {
                    words,
                    cost: Some(own),
                    below: vec![self.steps(k, j, upper), self.steps(i, k, lower)],
                }
            }
            How::ScaledRows { k, from } => {
                let k = k as usize;
                let own = self.own(i, j, form, &[(k, j, Form::Diagonal), (i, k, from)]);
                Step {
                    words: format!("diagonal of {rows} times {rows} x {cols}{each}"),
                    cost: Some(own),
                    below: vec![self.steps(k, j, Form::Diagonal), self.steps(i, k, from)],
                }
            }
            How::ScaledColumns { k, from } => {
                let k = k as usize;
                let own = self.own(i, j, form, &[(k, j, from), (i, k, Form::Diagonal)]);
                Step {
                    words: format!("{rows} x {cols} times diagonal of {cols}{each}"),
                    cost: Some(own),
                    below: vec![self.steps(k, j, from), self.steps(i, k, Form::Diagonal)],
                }
            }
            How::Pushed { .. } => {
                let (mut names, mut top, mut made) = (Vec::new(), j, form);
                // Neighbouring matrix-free steps with the same seeds are one line.
                while let How::Pushed { from } = self.how(i, top, made)
                    && (top == j || self.search.samples(i, top) == self.search.samples(i, j))
                    && self.search.diagonal(i, top) == self.search.diagonal(i, j)
                {
                    names.push(self.node(top - 1).name.as_str());
                    (top, made) = (top - 1, from);
                }
                names.reverse();
                let own = self.own(i, j, form, &[(i, top, made)]);
                let seeds = seeds(form, cols, "column");
                Step {
                    words: format!("{seeds} pushed through {}{each}", names.join(", ")),
                    cost: Some(own),
                    below: vec![self.steps(i, top, made)],
                }
            }
            How::Pulled { .. } => {
                let (mut names, mut bottom, mut made) = (Vec::new(), i, form);
                while let How::Pulled { from } = self.how(bottom, j, made)
                    && (bottom == i || self.search.samples(bottom, j) == self.search.samples(i, j))
                    && self.search.diagonal(bottom, j) == self.search.diagonal(i, j)
                {
                    names.push(self.node(bottom).name.as_str());
                    (bottom, made) = (bottom + 1, from);
                }
                names.reverse();
                let own = self.own(i, j, form, &[(bottom, j, made)]);
                let seeds = seeds(form, rows, "row");
                Step {
                    words: format!("{seeds} pulled through {}{each}", names.join(", ")),
                    cost: Some(own),
                    below: vec![self.steps(bottom, j, made)],
                }
            }
        }
    }
}

fn seeds(form: Form, n: usize, kind: &str) -> String {
    match (form, n) {
        (Form::Diagonal, _) => "the diagonal".into(),
        (_, 1) => format!("1 {kind}"),
        _ => format!("{n} {kind}s"),
    }
}

impl fmt::Display for Bracketing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "J = {}", self.formula())?;
        let costs = [
            ("mixed", self.cost()),
            ("all tangents", self.all_tangents_cost()),
            ("all adjoints", self.all_adjoints_cost()),
        ];
        let width = |cost: &Cost| grouped(cost.flops).len();
        let width = costs.iter().map(|(_, cost)| width(cost)).max();
        for (name, cost) in costs {
            let calls = match cost.calls {
                0 => String::new(),
                calls => format!(", {} calls", grouped(calls)),
            };
            let width = width.unwrap_or(0);
            writeln!(
                f,
                "  {name:<12}  {:>width$} flops{calls}",
                grouped(cost.flops)
            )?;
        }
        self.tree().fmt(f)
    }
}
