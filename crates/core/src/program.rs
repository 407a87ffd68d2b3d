//! Programs as values: what an engine does, as a list of instructions over virtual buffers.
//!
//! The lecture names three programs, primal, tangent and adjoint. A mode *emits* its program as a list ([`Instr`]); all
//! else is one piece of code over the list, whichever mode wrote it: [`Program::place`] lays the buffers in one arena,
//! [`Code::run`] runs what was placed, [`Program::cost`] and its neighbours count, [`Program::lines`] prints. So what is
//! predicted, printed and run cannot differ.
//!
//! A [`View`] is some rows and columns of a buffer, or of a matrix that the caller hands in ([`Given`]) or gets
//! ([`Asked`]). Buffers are virtual: two that are never alive together share their place, and a map that can overwrites what
//! it reads, where nothing reads that afterwards.
//!
//! ```
//! use pushpull_core::program::Program;
//! use pushpull_core::{Mlp, blocks::Activation};
//! let graph = Mlp::new(&[2, 3, 1], Activation::Tanh).build()?;
//! let program = Program::primal(&graph, 5)?;
//! assert_eq!(program.lines(), ["h1 = layer0(x, w1)", "h2 = tanh0(h1)", "h3 = layer1(h2, w2)"]);
//! # Ok::<(), pushpull_core::Error>(())
//! ```

use std::ops::Range;

use crate::graph::{Origin, Source};
use crate::planes::{DotOp, Moving};
use crate::{Error, Graph, Op, Result, memory};

mod alive;
mod along;
mod count;
mod finals;
mod frame;
mod lives;
mod machine;
mod norms;
mod paths;
mod place;
mod primal;
mod range;
mod record;
mod run;
mod shared;
mod stages;
mod text;
mod trace;

pub use alive::Alive;
pub use finals::Finals;
pub use frame::Frame;
pub use machine::Machine;
use paths::{Path, Shared};
pub use place::Code;
use place::Place;
pub use range::{all_finite, gradient_finite, in_range};
pub use stages::{Cursor, Run, Spot, Stage};
pub use text::width;
pub use trace::Written;

/// A matrix that the caller hands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Given {
    /// The inputs: n_inputs x batch.
    X,
    /// Directions in the inputs: n_inputs x batch S.
    XDot,
    /// Directions in the parameters: n_params x S.
    ParamsDot,
    /// Cotangents of the output: n_outputs x batch S.
    YBar,
}

/// A matrix that the caller gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Asked {
    /// The sum of all outputs: 1 x 1.
    Value,
    /// The output's tangents: n_outputs x batch S.
    YDot,
    /// The parameters' gradients: n_params x S.
    ParamsBar,
    /// The inputs' gradients: n_inputs x batch S.
    XBar,
    /// The derivative of the parameters' gradient along a direction: n_params x 1.
    ParamsBarDot,
    /// The derivative of the inputs' gradient along a direction: n_inputs x batch.
    XBarDot,
}

/// What a view is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Base {
    /// Not there: an instruction does not use it.
    Nothing,
    /// A buffer of the program.
    Buf(usize),
    /// The caller's, to read.
    Given(Given),
    /// The caller's, to write.
    Asked(Asked),
}

/// Rows and columns of a buffer or of a matrix of the caller's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct View {
    /// Of what.
    pub base: Base,
    /// First row.
    pub row: usize,
    /// Number of rows.
    pub rows: usize,
    /// First column.
    pub col: usize,
    /// Number of columns.
    pub cols: usize,
}

impl View {
    /// Nothing.
    pub const NOTHING: Self = Self::of(Base::Nothing, 0, 0);

    /// All of something.
    pub const fn of(base: Base, rows: usize, cols: usize) -> Self {
        Self {
            base,
            row: 0,
            rows,
            col: 0,
            cols,
        }
    }

    /// Some of its rows, counted from its first.
    #[must_use]
    pub fn rows(self, range: Range<usize>) -> Self {
        Self {
            row: self.row.saturating_add(range.start),
            rows: range.len(),
            ..self
        }
    }

    /// Some of its columns, counted from its first.
    #[must_use]
    pub fn cols(self, range: Range<usize>) -> Self {
        Self {
            col: self.col.saturating_add(range.start),
            cols: range.len(),
            ..self
        }
    }

    /// Numbers in it.
    pub fn numbers(&self) -> usize {
        memory::elements(&[self.rows, self.cols])
    }
}

/// What a buffer holds, of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Its value h: n_out x batch.
    Value,
    /// Several sources as one input: n_in x batch.
    Stack,
    /// What its block keeps besides: a column a sample.
    Extra,
    /// A tangent of its value, seed after seed: n_out x batch S.
    Tangent,
    /// A tangent of a stack: n_in x batch S.
    StackTangent,
    /// A cotangent of its value: n_out x batch S.
    Cotangent,
    /// A cotangent of a stack: n_in x batch S.
    StackCotangent,
    /// The samples' gradients by its parameters: n_params x batch S.
    Gradients,
}

impl Role {
    /// Whether there is one for each seed.
    const fn seeded(self) -> bool {
        !matches!(self, Self::Value | Self::Stack | Self::Extra)
    }

    /// Whether it is of several sources as one input.
    const fn is_stack(self) -> bool {
        matches!(
            self,
            Self::Stack | Self::StackTangent | Self::StackCotangent
        )
    }
}

/// A virtual buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Buf {
    /// Rows.
    pub rows: usize,
    /// Columns.
    pub cols: usize,
    /// What it holds.
    pub role: Role,
    /// Whose.
    pub node: usize,
}

/// What an instruction does with what it reads (`from`) and writes (`to`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Act {
    /// Calls a map of the node's block.
    Map(Op),
    /// Calls a map together with its derivative along a direction: both lie side by side.
    Dot(DotOp, Moving),
    /// `to = from`
    Copy,
    /// `to = from` as a constant: a dual number loses its derivative.
    Stop,
    /// `to += from`
    Add,
    /// `to = 0`
    Zero,
    /// `to = 1`
    Ones,
    /// Each sample of a seed gets the unit vector of a row: the instruction's `first` and those after it, a row a seed.
    Unit,
    /// Each sample of a seed gets a row of the weights that are the node's Jacobian by its input
    /// ([`crate::InputJacobian::Weight`]): what [`Act::Unit`] is pulled back to, without a product.
    WeightRows,
    /// The same with a column: what [`Act::Unit`] is pushed to.
    WeightColumns,
    /// Every entry of `to` is the sum of as many columns of `from`.
    Sum,
    /// `to_j` := the length of `to_j` and of the gradient of sample j, which is column j of `from`; of a linear layer whose
    /// input `at` has, the outer product of both, which is not formed.
    Norms,
    /// Nothing: somebody reads where the derivative is taken. It is never run.
    Read,
    /// Stops the run if a derivative does not exist, the output `from` being known. What the caller gets is written later.
    Check,
}

impl Act {
    /// Whether it computes a node's value.
    pub(crate) const fn is_forward(self) -> bool {
        matches!(self, Self::Map(Op::Forward) | Self::Dot(DotOp::Forward, _))
    }
}

/// Where a derivative is taken, as far as the block keeps it; of `forward`, what it writes besides its output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct At<V> {
    /// Its input.
    pub x: V,
    /// Its output.
    pub y: V,
    /// What it keeps besides.
    pub extra: V,
}

/// One instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Instr {
    /// What it does.
    pub act: Act,
    /// Whose block's map it is, or for whom numbers are moved.
    pub node: usize,
    /// Where the derivative is taken.
    pub at: At<View>,
    /// What it reads.
    pub from: View,
    /// What it writes.
    pub to: View,
    /// Along a direction: the tangent of an input of the caller's, and that of the extra numbers.
    pub dot: [View; 2],
    /// The first unit vector, less the first seed of a run ([`Frame::shift`]): it may wrap below zero.
    pub first: usize,
}

impl Instr {
    /// All that it reads and writes.
    pub const fn views(&self) -> [View; 7] {
        let At { x, y, extra } = self.at;
        [x, y, extra, self.from, self.to, self.dot[0], self.dot[1]]
    }
}

/// No tangents.
const STILL: [View; 2] = [View::NOTHING; 2];

/// No point of a derivative.
const NOWHERE: At<View> = At {
    x: View::NOTHING,
    y: View::NOTHING,
    extra: View::NOTHING,
};

/// A list of instructions over virtual buffers, for a graph, a batch and a number of seeds.
///
/// An emitter appends to it in the order in which things happen. A run may take less than all seeds ([`Frame::seeds`]).
#[derive(Clone, Debug)]
pub struct Program {
    graph: Graph,
    batch: usize,
    seeds: usize,
    instrs: Vec<Instr>,
    /// When each instruction runs, beside the others: buffers live from the first to the last that touches them.
    times: Vec<usize>,
    bufs: Vec<Buf>,
    /// Where each node's input, output and extra numbers lie, as it was emitted last.
    values: Vec<At<View>>,
    /// Along a direction: the same with their tangents beside them, and the tangent of an input of the caller's.
    both: Vec<(At<View>, View)>,
    paths: Vec<Path>,
    /// What paths of one list share, while they are emitted.
    shared: Option<Shared>,
    /// What the caller reads of the arena after a run.
    output: View,
    /// Whether a run looks for slopes that are not finite.
    checks: bool,
    /// From this time on the program can be run again: what is read of before lives on.
    again: usize,
    /// How often each node's value is computed for one answer; empty for once.
    computed: Vec<u64>,
}

impl Program {
    /// An empty program. `seeds`: the tangents or cotangents that are carried side by side.
    ///
    /// # Errors
    /// [`Error::EmptyBatch`]
    pub fn new(graph: &Graph, batch: usize, seeds: usize) -> Result<Self> {
        if batch == 0 {
            return Err(Error::EmptyBatch {
                name: "batch".into(),
            });
        }
        Ok(Self {
            batch,
            seeds: seeds.max(1),
            instrs: Vec::new(),
            times: Vec::new(),
            bufs: Vec::new(),
            values: vec![NOWHERE; graph.nodes().len()],
            both: Vec::new(),
            paths: Vec::new(),
            shared: None,
            output: View::NOTHING,
            checks: false,
            again: usize::MAX,
            computed: Vec::new(),
            graph: graph.clone(),
        })
    }

    /// The graph.
    pub const fn graph(&self) -> &Graph {
        &self.graph
    }
    /// Samples.
    pub const fn batch(&self) -> usize {
        self.batch
    }
    /// Tangents or cotangents that are carried side by side.
    pub const fn seeds(&self) -> usize {
        self.seeds
    }
    /// The instructions.
    pub fn instrs(&self) -> &[Instr] {
        &self.instrs
    }
    /// The buffers.
    pub fn bufs(&self) -> &[Buf] {
        &self.bufs
    }
    /// The value h of a node that was emitted.
    pub fn value(&self, node: usize) -> View {
        self.values[node].y
    }
    /// Lets the caller read a buffer after the run.
    pub const fn leave(&mut self, output: View) {
        self.output = output;
    }

    /// From here on the program can be run any number of times.
    pub fn again(&mut self) {
        self.again = self.now();
    }

    /// Says how often each node's value is computed where a path says once, for what is counted.
    #[must_use]
    pub fn computing(mut self, times: Vec<u64>) -> Self {
        self.computed = times;
        self
    }

    /// When the next instruction runs.
    fn now(&self) -> usize {
        match &self.shared {
            Some(shared) => shared.now(),
            None => self.instrs.len(),
        }
    }

    /// A new buffer of a node's; on paths the one that they share, as wide as the widest needs it.
    pub fn buf(&mut self, node: usize, role: Role, rows: usize, cols: usize) -> View {
        let buf = Buf {
            rows,
            cols,
            role,
            node,
        };
        let next = self.bufs.len();
        let known = match &mut self.shared {
            Some(shared) => shared.buf(node, role, next),
            None => next,
        };
        match self.bufs.get_mut(known) {
            Some(known) => known.cols = known.cols.max(cols),
            None => self.bufs.push(buf),
        }
        View::of(Base::Buf(known), rows, cols)
    }

    fn push(&mut self, instr: Instr) {
        self.checks |= instr.act == Act::Check;
        self.times.push(self.now());
        self.instrs.push(instr);
    }

    /// `to` := an engine's own move of `from`.
    pub fn act(&mut self, act: Act, node: usize, from: View, to: View) {
        self.act_first(act, node, from, to, 0);
    }

    /// The same with the first unit vector of [`Act::Unit`] and its kin.
    pub fn act_first(&mut self, act: Act, node: usize, from: View, to: View, first: usize) {
        self.push(Instr {
            act,
            node,
            at: NOWHERE,
            from,
            to,
            dot: STILL,
            first,
        });
    }

    /// A derivative map of a node, taken where its value was emitted last.
    pub fn map(&mut self, op: Op, node: usize, from: View, to: View) {
        self.map_first(op, node, from, to, 0);
    }

    /// The same with the first unit vector of [`Op::UnitParams`].
    pub fn map_first(&mut self, op: Op, node: usize, from: View, to: View, first: usize) {
        let mut at = self.point_of(node);
        if matches!(op, Op::JvpInput | Op::VjpInput) && self.constant(node) {
            // Then the place of x is free for the cotangent that is pulled back.
            (at.x, at.y) = (View::NOTHING, View::NOTHING);
        }
        self.push(Instr {
            act: Act::Map(op),
            node,
            at,
            from,
            to,
            dot: STILL,
            first,
        });
    }

    /// The norms of the samples' gradients by a node's parameters, joined to those in `to`: from its cotangents, where its
    /// gradient is an outer product, else from what `formed` holds.
    pub fn norms(&mut self, node: usize, from: View, formed: bool, to: View) {
        let x = match formed {
            true => View::NOTHING,
            false => self.values[node].x,
        };
        self.push(Instr {
            act: Act::Norms,
            node,
            at: At { x, ..NOWHERE },
            from,
            to,
            dot: STILL,
            first: 0,
        });
    }

    /// Whether a node's derivative by its input is the same at every input.
    fn constant(&self, node: usize) -> bool {
        self.graph.nodes()[node].input_jacobian().is_constant()
    }

    /// Where a node's derivative is taken, as it was emitted last.
    fn point_of(&self, node: usize) -> At<View> {
        let (kept, all) = (self.graph.nodes()[node].block.keeps(), self.values[node]);
        let keep = |kept: bool, view| if kept { view } else { View::NOTHING };
        At {
            x: keep(kept.x, all.x),
            y: keep(kept.y, all.y),
            extra: all.extra,
        }
    }

    /// `h = f(x, w)` of a node. Returns h.
    pub fn forward(&mut self, node: usize, x: View) -> View {
        let of = &self.graph.nodes()[node];
        let (dims, keeps, batch) = (of.dims(), of.block.keeps(), self.batch);
        let y = self.buf(node, Role::Value, dims.n_out, batch);
        let extra = match keeps.extra {
            0 => View::NOTHING,
            n => self.buf(node, Role::Extra, n, batch),
        };
        self.values[node] = At { x, y, extra };
        self.push(Instr {
            act: Act::Map(Op::Forward),
            node,
            at: At { extra, ..NOWHERE },
            from: x,
            to: y,
            dot: STILL,
            first: 0,
        });
        y
    }

    /// The sources of a node, each with its rows of the node's input.
    pub fn parts(&self, node: usize) -> Vec<(Source, Range<usize>)> {
        let mut row = 0;
        let rows = |source: &Source| {
            let start = row;
            row += self.graph.rows(source.origin);
            (*source, start..row)
        };
        self.graph.nodes()[node].sources.iter().map(rows).collect()
    }

    /// A source's value.
    pub fn source(&self, origin: Origin) -> View {
        match origin {
            Origin::Node(node) => self.value(node),
            Origin::Input(input) => {
                let x = self.operand(Base::Given(Given::X), self.batch);
                x.rows(self.graph.inputs()[input].rows.clone())
            }
        }
    }

    /// All rows and so many columns of a matrix of the caller's.
    pub fn operand(&self, base: Base, cols: usize) -> View {
        let rows = match base {
            Base::Given(Given::X | Given::XDot) | Base::Asked(Asked::XBar | Asked::XBarDot) => {
                self.graph.n_inputs()
            }
            Base::Given(Given::YBar) | Base::Asked(Asked::YDot) => self.graph.n_outputs(),
            Base::Given(Given::ParamsDot) | Base::Asked(Asked::ParamsBar | Asked::ParamsBarDot) => {
                self.graph.n_params()
            }
            Base::Asked(Asked::Value) => 1,
            Base::Nothing | Base::Buf(_) => 0,
        };
        View::of(base, rows, cols)
    }

    /// Whether what a view is of has a part for each seed.
    fn seeded(&self, view: &View) -> bool {
        match view.base {
            Base::Nothing | Base::Given(Given::X) => false,
            Base::Buf(buf) => self.bufs[buf].role.seeded(),
            Base::Given(_) => true,
            Base::Asked(which) => matches!(which, Asked::YDot | Asked::ParamsBar | Asked::XBar),
        }
    }
}

#[cfg(test)]
mod tests;
