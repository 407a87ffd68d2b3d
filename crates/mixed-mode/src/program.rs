//! A searched bracketing as a list of steps on buffers placed beforehand.

use std::ops::Range;

use pushpull_core::program::Machine;
use pushpull_core::siblings::arena::disjoint;
use pushpull_core::siblings::arena::{Arena, Planner, Slot};
use pushpull_core::siblings::memory;
use pushpull_core::{Error, Graph, Mat, Result, Scalar};

use crate::factor::Chain;
use crate::search::{Form, Search};
use crate::stack::{Shape, Stack, StackMut};

mod emission;
mod work;
use emission::Emission;

/// The buffers of a run, which the primal's numbers are apart from.
pub(crate) struct Numbers<'a, T> {
    pub values: &'a mut [T],
    pub scratch: &'a mut [T],
    /// The Jacobian in the form [`Form::Columns`].
    pub output: &'a mut [T],
}

/// Where numbers lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// In the parameters of this node.
    Params(usize),
    Slot(Slot),
    /// In the Jacobian that is asked for.
    Output,
}

#[derive(Clone, Copy, Debug)]
struct Value {
    place: Place,
    shape: Shape,
}

/// What a step does to its target.
#[derive(Clone, Copy, Debug)]
enum Action {
    /// Unit seeds.
    Unit,
    /// The first operand, laid out.
    Lay,
    /// The first operand times the second.
    Multiply,
    /// Its rows, or its columns, times the diagonal that is the first operand.
    ScaleRows,
    ScaleColumns,
    /// The first operand, or the target itself, through a node's map.
    Push(usize),
    Pull(usize),
}

#[derive(Clone, Debug)]
struct Step {
    action: Action,
    target: Value,
    operands: [Option<Value>; 2],
}

/// The steps to the Jacobian of a chain.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    steps: Vec<Step>,
    arena: Arena,
    scratch: usize,
    /// Whether some step reads a node's values.
    reads: Vec<bool>,
}

impl Program {
    /// The program of the best bracketing.
    ///
    /// # Errors
    /// [`Error::TooLarge`] before anything is allocated.
    pub(crate) fn new<T: Scalar>(
        graph: &Graph,
        chain: &Chain,
        search: &Search,
        batch: usize,
    ) -> Result<Self> {
        let n = chain.factors.len();
        let mut emission = Emission {
            graph,
            chain,
            search,
            planner: Planner::default(),
            steps: Vec::new(),
            reads: vec![false; graph.nodes().len()],
            scratch: 0,
            numbers: 0,
        };
        let (_, from) = search.wanted(0, n, Form::Columns, batch);
        emission.laid(0, n, from, Form::Columns, batch, true);
        let total = emission.numbers.saturating_add(emission.scratch);
        memory::fits::<T>(
            "mixed mode's Jacobians of parts",
            total,
            "use a smaller batch",
        )?;
        Ok(Self {
            steps: emission.steps,
            arena: emission.planner.finish(),
            scratch: emission.scratch,
            reads: emission.reads,
        })
    }

    /// Heap bytes that the program itself keeps.
    pub(crate) const fn held(&self) -> usize {
        memory::held(&self.steps) + self.arena.held() + memory::held(&self.reads)
    }

    /// Numbers that the arena of Jacobians holds.
    pub(crate) const fn len(&self) -> usize {
        self.arena.len()
    }

    /// Numbers of scratch memory.
    pub(crate) const fn scratch_len(&self) -> usize {
        self.scratch
    }

    /// Whether some step reads a node's values.
    pub(crate) fn reads(&self, node: usize) -> bool {
        self.reads[node]
    }

    /// Runs all steps.
    pub(crate) fn run<T: Scalar>(
        &self,
        primal: &Machine<T>,
        params: &[T],
        x: Mat<'_, T>,
        numbers: Numbers<'_, T>,
    ) {
        let Numbers {
            values,
            scratch,
            output,
        } = numbers;
        let graph = primal.code().graph();
        let range = |value: Option<Value>| match value {
            Some(Value {
                place: Place::Slot(slot),
                ..
            }) => self.arena.range(slot),
            _ => 0..0,
        };
        for step in &self.steps {
            let operands = step.operands.map(range);
            let (target, operands): (&mut [T], [&[T]; 2]) = match step.target.place {
                Place::Slot(slot) => {
                    let own = self.arena.range(slot);
                    let [target, a, b] = disjoint(values, [&own, &operands[0], &operands[1]]);
                    (target, [a, b])
                }
                Place::Output | Place::Params(_) => (
                    &mut *output,
                    operands.map(|range: Range<usize>| &values[range]),
                ),
            };
            let operand = |i: usize| {
                step.operands[i].map(|value| Stack {
                    shape: value.shape,
                    data: match value.place {
                        Place::Params(node) => &params[graph.nodes()[node].params.clone()],
                        _ => operands[i],
                    },
                })
            };
            let mut target = StackMut {
                shape: step.target.shape,
                data: target,
            };
            match (step.action, operand(0), operand(1)) {
                (Action::Unit, ..) => target.unit(),
                (Action::Lay, Some(source), _) => target.lay(source),
                (Action::Multiply, Some(upper), Some(lower)) => target.multiply(upper, lower),
                (Action::ScaleRows, Some(diagonal), _) => target.scale_rows(diagonal),
                (Action::ScaleColumns, Some(diagonal), _) => target.scale_columns(diagonal),
                (Action::Push(node) | Action::Pull(node), source, _) => {
                    let block = T::of(&*graph.nodes()[node].block);
                    let mut at = primal.point(node, params, x);
                    if target.shape.samples < at.batch {
                        at = at.sample(0);
                    }
                    let pushed = matches!(step.action, Action::Push(_));
                    let source = source.map(|source| {
                        let (height, seeds) = source.shape.seeds();
                        Mat::new(source.data, height, seeds * source.shape.samples)
                    });
                    let target = target.all();
                    match (source, block.in_place(), pushed) {
                        (Some(x_dot), _, true) => block.jvp_input(&at, x_dot, target, scratch),
                        (Some(y_bar), _, false) => block.vjp_input(&at, y_bar, target, scratch),
                        (None, Some(block), true) => {
                            block.jvp_input_in_place(&at, target, scratch);
                        }
                        (None, Some(block), false) => {
                            block.vjp_input_in_place(&at, target, scratch);
                        }
                        (None, None, _) => unreachable!("a step was emitted without its operand"),
                    }
                }
                (Action::Lay | Action::Multiply | Action::ScaleRows | Action::ScaleColumns, ..) => {
                    unreachable!("a step was emitted without its operands")
                }
            }
        }
    }
}

/// The refusal of a chain whose costs 64 bits could not count.
pub(crate) fn countable(graph: &Graph, batch: usize) -> Result<()> {
    let dims = graph.nodes().iter().map(|node| node.dims());
    let widest = dims.clone().map(|dims| dims.n_in.max(dims.n_out)).max();
    let seeds = memory::elements(&[widest.unwrap_or(0), batch, 64]) as u128;
    for (node, dims) in graph.nodes().iter().zip(dims) {
        let entries = dims.n_in as u128 * dims.n_out as u128;
        if entries.saturating_mul(seeds) > u128::from(u64::MAX) {
            return Err(Error::TooLarge {
                what: format!(
                    "the local Jacobian of {}, for all samples and seeds,",
                    node.name
                ),
                bytes: u64::MAX,
                available: memory::available(),
                remedy: "use narrower blocks or a smaller batch".into(),
            });
        }
    }
    Ok(())
}
