//! What an engine does to answer a question, as a list: the calls of blocks' maps and the engine's own products and
//! copies, with how often each is done. A planner makes times of it.

use std::collections::HashMap;

use crate::{Accum, Cost, Graph, Op, cost};

/// A map of a block, those of second derivatives included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Map {
    /// One of the maps of first derivatives.
    First(Op),
    /// [`crate::SecondOrder::forward_dot`], with a tangent in the input, a direction in the parameters, or both.
    ForwardDot {
        /// Whether a tangent of the input is there.
        x: bool,
        /// Whether a direction of the parameters is there.
        params: bool,
    },
    /// [`crate::SecondOrder::vjp_input_dot`], with a tangent in the input, a direction in the parameters, or both.
    VjpInputDot {
        /// Whether a tangent of the input is there.
        x: bool,
        /// Whether a direction of the parameters is there.
        params: bool,
    },
    /// [`crate::SecondOrder::vjp_params_dot`].
    VjpParamsDot {
        /// Whether a tangent of the input is there.
        x: bool,
        /// Whether it sets or adds.
        acc: Accum,
    },
}

/// One call of a node's map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Call {
    /// The node.
    pub node: usize,
    /// The map.
    pub map: Map,
    /// Whether it is the form that overwrites its operand.
    pub in_place: bool,
    /// Samples.
    pub batch: usize,
    /// Seeds side by side.
    pub seeds: usize,
}

/// One thing that an engine does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Item {
    /// It calls a block.
    Map(Call),
    /// It multiplies rows x depth by depth x columns: by [`crate::linalg::product`].
    Product {
        /// Rows of the left factor.
        rows: usize,
        /// The contracted length.
        depth: usize,
        /// Columns of the right factor.
        columns: usize,
        /// Whether the left and the right factor lie transposed.
        transposed: [bool; 2],
    },
    /// It writes numbers one after the other: copies, fills, adds.
    Moved(usize),
    /// It copies, fills or adds `columns` columns of `len` numbers, one after the other.
    Copied {
        /// Numbers of a column.
        len: usize,
        /// Columns.
        columns: usize,
    },
    /// It adds numbers up one after the other.
    Summed(usize),
    /// It multiplies `columns` columns of `len` numbers by a diagonal.
    Scaled {
        /// Numbers of a column.
        len: usize,
        /// Columns.
        columns: usize,
    },
    /// It allocates and fills a matrix of this many numbers.
    Fresh(usize),
    /// It writes so many numbers that lie apart: a row of a matrix of many rows.
    Strided(usize),
    /// It reads numbers one after the other: the search for what is not finite.
    Read(usize),
}

/// Everything that an engine does in one run, in no order.
///
/// ```
/// use pushpull_core::siblings::work::{Item, Work};
/// let mut work = Work::default();
/// work.add(Item::Product { rows: 2, depth: 3, columns: 4, transposed: [false; 2] }, 10);
/// assert_eq!(work.items().count(), 1);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Work {
    items: HashMap<Item, u64>,
}

impl Work {
    /// The item, `times` more.
    pub fn add(&mut self, item: Item, times: u64) {
        if times > 0 {
            let known = self.items.entry(item).or_default();
            *known = known.saturating_add(times);
        }
    }

    /// A call of a map of first derivatives, `times` more; nothing without seeds.
    pub fn map(&mut self, node: usize, op: Op, in_place: bool, shape: (usize, usize), times: u64) {
        let (batch, seeds) = shape;
        if seeds > 0 {
            let map = Map::First(op);
            let call = Call {
                node,
                map,
                in_place,
                batch,
                seeds,
            };
            self.add(Item::Map(call), times);
        }
    }

    /// All that another list says, `times` more.
    pub fn extend(&mut self, other: &Self, times: u64) {
        for (&item, &n) in &other.items {
            self.add(item, n.saturating_mul(times));
        }
    }

    /// The items, each with how often it is done.
    pub fn items(&self) -> impl Iterator<Item = (Item, u64)> + '_ {
        self.items.iter().map(|(&item, &times)| (item, times))
    }

    /// What the maps of first derivatives and the engine's products cost.
    pub fn cost(&self, graph: &Graph) -> Cost {
        let one = |item: Item| match item {
            Item::Map(Call {
                node,
                map: Map::First(op),
                batch,
                seeds,
                ..
            }) => cost::of(&*graph.nodes()[node].block, op, batch, seeds),
            Item::Product {
                rows,
                depth,
                columns,
                ..
            } => Cost::product(rows, depth, columns),
            _ => Cost::ZERO,
        };
        self.items()
            .map(|(item, times)| one(item) * times as usize)
            .sum()
    }
}
