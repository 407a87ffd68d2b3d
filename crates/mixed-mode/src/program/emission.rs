//! The walk from a searched bracketing to its steps and their buffers.

use pushpull_core::siblings::arena::Planner;
use pushpull_core::{Graph, Op};

use super::{Action, Place, Step, Value};
use crate::factor::Chain;
use crate::search::{Form, How, Search};
use crate::stack::Shape;

/// Steps and buffers as they are collected.
pub(super) struct Emission<'a> {
    pub graph: &'a Graph,
    pub chain: &'a Chain,
    pub search: &'a Search,
    pub planner: Planner,
    pub steps: Vec<Step>,
    pub reads: Vec<bool>,
    pub scratch: usize,
    /// Of all buffers, saturated: no less than the arena.
    pub numbers: usize,
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
    pub(super) fn laid(
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
        self.graph.nodes()[node].block.overwrites()
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
        self.reads[node] = true;
        if self.in_place(factor) {
            let target = Value { shape, ..source };
            return self.step(action, target, [None, None]);
        }
        let target = self.target(shape, output);
        self.step(action, target, [Some(source), None])
    }
}
