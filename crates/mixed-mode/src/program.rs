//! A searched bracketing as a list of steps on buffers placed beforehand.

use std::ops::Range;

use pushpull_core::arena::{Arena, Planner, Slot};
use pushpull_core::primal::{PrimalPlan, disjoint};
use pushpull_core::{Error, Graph, Mat, Op, Result, Scalar, memory};

use crate::factor::Chain;
use crate::search::{Form, How, Search};
use crate::stack::{Shape, Stack, StackMut};

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
    /// The last step at which each node's values are read.
    reads: Vec<Option<usize>>,
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
            reads: vec![None; graph.nodes().len()],
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

    /// Numbers that the arena of Jacobians holds.
    pub(crate) const fn len(&self) -> usize {
        self.arena.len()
    }

    /// Numbers of scratch memory.
    pub(crate) const fn scratch_len(&self) -> usize {
        self.scratch
    }

    /// The steps.
    pub(crate) fn steps(&self) -> usize {
        self.steps.len()
    }

    /// The step that reads a node's values; none if no step does.
    pub(crate) fn read(&self, node: usize) -> Option<usize> {
        self.reads[node]
    }

    /// Runs all steps. `output` is the Jacobian in the form [`Form::Columns`].
    #[allow(clippy::too_many_arguments)] // The primal's numbers and the Jacobians' are two arenas, borrowed apart.
    pub(crate) fn run<T: Scalar>(
        &self,
        plan: &PrimalPlan,
        params: &[T],
        x: Mat<'_, T>,
        record: &[T],
        values: &mut [T],
        scratch: &mut [T],
        output: &mut [T],
    ) {
        let graph = plan.graph();
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
                    let mut at = plan.point(node, params, x, record);
                    if target.shape.samples < at.batch {
                        at = at.sample(0);
                    }
                    let pushed = matches!(step.action, Action::Push(_));
                    let source = source.map(|source| {
                        let (height, seeds) = source.shape.seeds();
                        Mat::new(source.data, height, seeds * source.shape.samples)
                    });
                    let target = target.all();
                    match (source, pushed) {
                        (Some(x_dot), true) => block.jvp_input(&at, x_dot, target, scratch),
                        (Some(y_bar), false) => block.vjp_input(&at, y_bar, target, scratch),
                        (None, true) => block.jvp_input_in_place(&at, target, scratch),
                        (None, false) => block.vjp_input_in_place(&at, target, scratch),
                    }
                }
                (Action::Lay | Action::Multiply | Action::ScaleRows | Action::ScaleColumns, ..) => {
                    unreachable!("a step was emitted without its operands")
                }
            }
        }
    }
}

/// Steps and buffers as they are collected.
struct Emission<'a> {
    graph: &'a Graph,
    chain: &'a Chain,
    search: &'a Search,
    planner: Planner,
    steps: Vec<Step>,
    reads: Vec<Option<usize>>,
    scratch: usize,
    /// Of all buffers, saturated: no less than the arena.
    numbers: usize,
}

impl Emission<'_> {
    fn shape(&self, i: usize, j: usize, form: Form, samples: usize) -> Shape {
        Shape {
            rows: self.search.size(j),
            cols: self.search.size(i),
            samples,
            form,
        }
    }

    /// A new buffer, or the output, written by the next step.
    fn target(&mut self, shape: Shape, output: bool) -> Value {
        let place = if output {
            Place::Output
        } else {
            let now = self.steps.len();
            self.numbers = self.numbers.saturating_add(shape.len());
            Place::Slot(self.planner.slot(shape.len(), now, now))
        };
        Value { place, shape }
    }

    fn step(&mut self, action: Action, target: Value, operands: [Option<Value>; 2]) -> Value {
        let now = self.steps.len();
        for value in operands.into_iter().flatten().chain([target]) {
            if let Place::Slot(slot) = value.place {
                self.planner.keep_until(slot, now);
            }
        }
        self.steps.push(Step {
            action,
            target,
            operands,
        });
        target
    }

    /// The Jacobian of the factors i..j, made as `from` and laid out as `form` for `samples` samples, in a buffer that
    /// may be overwritten.
    fn laid(
        &mut self,
        i: usize,
        j: usize,
        from: Form,
        form: Form,
        samples: usize,
        output: bool,
    ) -> Value {
        if from == form && self.search.samples(i, j) == samples {
            return self.value(i, j, form, output);
        }
        let source = self.value(i, j, from, false);
        let target = self.target(self.shape(i, j, form, samples), output);
        self.step(Action::Lay, target, [Some(source), None])
    }

    /// The Jacobian of the factors i..j as it is best made in a form.
    fn value(&mut self, i: usize, j: usize, form: Form, output: bool) -> Value {
        let samples = self.search.samples(i, j);
        let shape = self.shape(i, j, form, samples);
        let how = self.search.entry(i, j, form).map(|entry| entry.how);
        match how {
            Some(How::Product { k, upper, lower }) => {
                let k = k as usize;
                let upper = self.value(k, j, upper, false);
                let lower = self.value(i, k, lower, false);
                let target = self.target(shape, output);
                self.step(Action::Multiply, target, [Some(upper), Some(lower)])
            }
            Some(How::ScaledRows { k, from }) => {
                let k = k as usize;
                let diagonal = self.value(k, j, Form::Diagonal, false);
                let target = self.laid(i, k, from, form, samples, output);
                let target = Value { shape, ..target };
                self.step(Action::ScaleRows, target, [Some(diagonal), None])
            }
            Some(How::ScaledColumns { k, from }) => {
                let k = k as usize;
                let diagonal = self.value(i, k, Form::Diagonal, false);
                let target = self.laid(k, j, from, form, samples, output);
                let target = Value { shape, ..target };
                self.step(Action::ScaleColumns, target, [Some(diagonal), None])
            }
            Some(How::Pushed { from }) => {
                let in_place = self.in_place(j - 1);
                let source = self.laid(i, j - 1, from, form, samples, output && in_place);
                self.map(j - 1, true, source, shape, output)
            }
            Some(How::Pulled { from }) => {
                let source = self.laid(i + 1, j, from, form, samples, false);
                self.map(i, false, source, shape, output)
            }
            Some(How::Accumulated) => {
                let pushed = form != Form::Rows;
                let n = self.search.size(if pushed { i } else { j });
                let unit = Shape {
                    rows: n,
                    cols: n,
                    ..shape
                };
                let in_place = self.in_place(i);
                let target = self.target(unit, output && in_place && pushed);
                let source = self.step(Action::Unit, target, [None, None]);
                self.map(i, pushed, source, shape, output)
            }
            Some(How::Given) | None => Value {
                place: Place::Params(self.chain.factors[i].node),
                shape,
            },
        }
    }

    fn in_place(&self, factor: usize) -> bool {
        let node = self.chain.factors[factor].node;
        self.graph.nodes()[node].block.in_place()
    }

    /// `source` through the map of a factor, over itself where the block can.
    fn map(
        &mut self,
        factor: usize,
        pushed: bool,
        source: Value,
        shape: Shape,
        output: bool,
    ) -> Value {
        let node = self.chain.factors[factor].node;
        let block = &self.graph.nodes()[node].block;
        let (op, action) = if pushed {
            (Op::JvpInput, Action::Push(node))
        } else {
            (Op::VjpInput, Action::Pull(node))
        };
        let (_, seeds) = source.shape.seeds();
        self.scratch = self
            .scratch
            .max(block.scratch_len(op, shape.samples, seeds));
        self.reads[node] = Some(self.steps.len());
        if self.in_place(factor) {
            let target = Value { shape, ..source };
            return self.step(action, target, [None, None]);
        }
        let target = self.target(shape, output);
        self.step(action, target, [Some(source), None])
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
