//! The adjoint program: the blocks in reverse, of each first the gradient of its parameters, then the cotangent of what it
//! read.

use std::collections::HashSet;
use std::ops::Range;

use pushpull_core::graph::{Origin, Source};
use pushpull_core::program::{Act, Asked, Base, Given, Program, Role, View};
use pushpull_core::{Accum, Graph, Op, Result};

/// Which cotangents are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// The parameters', set or added to what the caller has.
    pub params: Option<Accum>,
    /// The inputs'.
    pub inputs: bool,
}

impl Wanted {
    pub(crate) const fn of(params: Option<Accum>, inputs: bool) -> Self {
        Self { params, inputs }
    }
}

/// The cotangents that are pulled back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seed {
    /// Ones: of the sum of all outputs.
    Ones,
    /// The unit vectors of outputs, from the first of a run on.
    Unit,
    /// The caller's.
    Given,
}

/// 1. The output of all blocks, storing each intermediate value (slide "Reverse-mode autodiff"); then a look at slopes.
fn record(p: &mut Program) -> View {
    let last = p.graph().nodes().len() - 1;
    (0..=last).for_each(|i| {
        p.primal_of(i);
    });
    let h = p.value(last);
    if p.graph().is_guarded() {
        p.phase(last + 1, 0);
        p.act(Act::Check, last, h, View::NOTHING);
    }
    h
}

/// Value and gradient of the sum of all outputs.
pub(crate) fn gradient(graph: &Graph, batch: usize, inputs: bool) -> Result<Program> {
    let (mut p, last) = (Program::new(graph, batch, 1)?, graph.nodes().len() - 1);
    let h = record(&mut p);
    let y = p.operand(Base::Asked(Asked::Value), 1);
    p.act(Act::Sum, last, h, y);
    let (params, to) = (
        Some(Accum::Set),
        p.operand(Base::Asked(Asked::ParamsBar), 1),
    );
    pullback(&mut p, Seed::Ones, Wanted { params, inputs }, to);
    Ok(p)
}

/// What a tape can be asked for: its paths behind the record.
const PULLS: [(Seed, Wanted); 7] = [
    (Seed::Given, Wanted::of(Some(Accum::Set), false)),
    (Seed::Given, Wanted::of(Some(Accum::Add), false)),
    (Seed::Given, Wanted::of(None, true)),
    (Seed::Given, Wanted::of(Some(Accum::Set), true)),
    (Seed::Given, Wanted::of(Some(Accum::Add), true)),
    (Seed::Unit, Wanted::of(Some(Accum::Set), false)),
    (Seed::Unit, Wanted::of(None, true)),
];

/// The path of [`tape`] that pulls back what is wanted; the record is the first.
pub(crate) fn path(seed: Seed, wanted: Wanted) -> Option<usize> {
    let position = PULLS.iter().position(|&pull| pull == (seed, wanted));
    position.map(|position| position + 1)
}

/// The record, and whatever may be pulled back from it any number of times, for `seeds` cotangents side by side. Unit
/// cotangents give the rows of Jacobians, each sample's for itself.
pub(crate) fn tape(graph: &Graph, batch: usize, seeds: usize) -> Result<Program> {
    let mut p = Program::new(graph, batch, seeds)?;
    p.path(1, |p| {
        let h = record(p);
        p.leave(h);
    });
    p.phase(graph.nodes().len(), 1);
    p.again();
    for (seed, wanted) in PULLS {
        let columns = match seed {
            Seed::Unit => seeds.saturating_mul(batch),
            Seed::Ones | Seed::Given => seeds,
        };
        let to = p.operand(Base::Asked(Asked::ParamsBar), columns);
        p.path(1, |p| pullback(p, seed, wanted, to));
    }
    Ok(p)
}

/// The adjoint program; `params_bar`: where the gradients of parameters go.
fn pullback(p: &mut Program, seed: Seed, wanted: Wanted, params_bar: View) {
    let last = p.graph().nodes().len() - 1;
    let columns = p.batch().saturating_mul(p.seeds());
    let x_bar = p.operand(Base::Asked(Asked::XBar), columns);
    let mut adjoint = Adjoint::new(p, wanted, x_bar, columns);
    if adjoint.active(last) {
        adjoint.bars[last] = Some(adjoint.seed(seed));
    }
    let mut first = First { params_bar };
    (0..=last).rev().for_each(|i| adjoint.pull(i, &mut first));
    adjoint.zeros(&[params_bar]);
}

/// What a node's cotangent is pulled back by.
pub(crate) trait Maps {
    /// 2. The gradient of the parameters of block i is `[dh_i/dw_i]' h~`.
    fn params(&mut self, p: &mut Program, i: usize, bar: View, acc: Accum);
    /// 3. `h~` becomes `[dh_i/dh_(i-1)]' h~`.
    fn input(&mut self, p: &mut Program, i: usize, bar: View, to: View);
}

/// The slide's.
struct First {
    params_bar: View,
}

impl Maps for First {
    fn params(&mut self, p: &mut Program, i: usize, bar: View, acc: Accum) {
        let rows = p.graph().nodes()[i].params.clone();
        p.map(Op::VjpParams(acc), i, bar, self.params_bar.rows(rows));
    }

    fn input(&mut self, p: &mut Program, i: usize, bar: View, to: View) {
        p.map(Op::VjpInput, i, bar, to);
    }
}

/// An adjoint program in the making.
pub(crate) struct Adjoint<'p> {
    p: &'p mut Program,
    graph: Graph,
    wanted: Wanted,
    /// The cotangent h~ of each value, where one was written.
    pub bars: Vec<Option<View>>,
    x_bar: View,
    /// Which inputs have a cotangent, and which parameters a gradient.
    assigned: Vec<bool>,
    used: HashSet<Range<usize>>,
    /// Of every cotangent.
    columns: usize,
}

impl<'p> Adjoint<'p> {
    /// Nothing is pulled back yet. What comes to the inputs goes to `x_bar`, cotangents have so many `columns`.
    pub(crate) fn new(p: &'p mut Program, wanted: Wanted, x_bar: View, columns: usize) -> Self {
        let graph = p.graph().clone();
        Self {
            bars: vec![None; graph.nodes().len()],
            assigned: vec![false; graph.inputs().len()],
            used: HashSet::new(),
            wanted,
            x_bar,
            columns,
            graph,
            p,
        }
    }

    /// h~ of the output.
    fn seed(&mut self, seed: Seed) -> View {
        let last = self.graph.nodes().len() - 1;
        let act = match seed {
            Seed::Given => return self.p.operand(Base::Given(Given::YBar), self.columns),
            Seed::Ones => Act::Ones,
            Seed::Unit => Act::Unit,
        };
        self.p.phase(last + 1, 2);
        let rows = self.graph.n_outputs();
        let bar = self.p.buf(last, Role::Cotangent, rows, self.columns);
        self.p.act(act, last, View::NOTHING, bar);
        bar
    }

    /// h~ of the output along a direction: zeros, then ones. The derivative lies first, so that a gradient's is one product.
    pub(crate) fn seed_along(&mut self) -> View {
        let (last, rows) = (self.graph.nodes().len() - 1, self.graph.n_outputs());
        let (half, bar) = (
            self.columns / 2,
            self.p.buf(last, Role::Cotangent, rows, self.columns),
        );
        self.p
            .act(Act::Zero, last, View::NOTHING, bar.cols(0..half));
        self.p
            .act(Act::Ones, last, View::NOTHING, bar.cols(half..self.columns));
        bar
    }

    /// Whether something that is asked for lies before a value.
    pub(crate) fn active(&self, i: usize) -> bool {
        let on = self.graph.activity()[i];
        on.output && (self.wanted.params.is_some() && on.params || self.wanted.inputs && on.inputs)
    }

    fn live(&self, source: &Source) -> bool {
        !source.stopped
            && match source.origin {
                Origin::Node(j) => self.active(j),
                Origin::Input(k) => self.wanted.inputs && !self.graph.inputs()[k].constant,
            }
    }

    /// Where a source's cotangent lies, and whether it is set there or meets another.
    fn target(&mut self, origin: Origin) -> (View, Accum) {
        let (view, first) = match origin {
            Origin::Input(k) => {
                let first = !std::mem::replace(&mut self.assigned[k], true);
                (self.x_bar.rows(self.graph.inputs()[k].rows.clone()), first)
            }
            Origin::Node(j) => match self.bars[j] {
                Some(bar) => (bar, false),
                None => {
                    let rows = self.graph.rows(origin);
                    let bar = self.p.buf(j, Role::Cotangent, rows, self.columns);
                    (*self.bars[j].insert(bar), true)
                }
            },
        };
        (view, if first { Accum::Set } else { Accum::Add })
    }

    /// Node i: the gradient of its parameters, then the cotangents of what it read.
    pub(crate) fn pull(&mut self, i: usize, maps: &mut impl Maps) {
        let Some(bar) = self.bars[i] else { return };
        let node = &self.graph.nodes()[i];
        let (params, n_in, alone) = (
            node.params.clone(),
            node.dims().n_in,
            node.sources.len() == 1,
        );
        let turn = 2 * self.graph.nodes().len() - i;
        self.p.phase(turn, 0);
        if let (Some(asked), false) = (self.wanted.params, params.is_empty()) {
            let first = self.used.insert(params);
            maps.params(self.p, i, bar, if first { asked } else { Accum::Add });
        }
        let parts = self.p.parts(i).into_iter();
        let live: Vec<_> = parts.filter(|(source, _)| self.live(source)).collect();
        if live.is_empty() {
            return;
        }
        let to: Vec<_> = live
            .into_iter()
            .map(|(source, rows)| (rows, self.target(source.origin)))
            .collect();
        self.p.phase(turn, 1);
        if let ([(_, (only, Accum::Set))], true) = (&to[..], alone) {
            // An input's place may have room for a part of the columns alone.
            if only.cols == self.columns {
                return maps.input(self.p, i, bar, *only);
            }
        }
        let stack = self.p.buf(i, Role::StackCotangent, n_in, self.columns);
        maps.input(self.p, i, bar, stack);
        self.p.phase(turn, 2);
        for (rows, (target, acc)) in to {
            let act = if acc == Accum::Set {
                Act::Copy
            } else {
                Act::Add
            };
            self.p
                .act(act, i, stack.rows(rows).cols(0..target.cols), target);
        }
    }

    /// Exact zeros for what nothing came to.
    pub(crate) fn zeros(self, params_bars: &[View]) {
        let mut used: Vec<_> = self.used.into_iter().collect();
        used.sort_by_key(|range| range.start);
        let all = self.graph.n_params();
        used.push(all..all);
        let mut end = 0;
        for range in used {
            if range.start > end && self.wanted.params == Some(Accum::Set) {
                for params_bar in params_bars {
                    let rest = params_bar.rows(end..range.start);
                    self.p.act(Act::Zero, 0, View::NOTHING, rest);
                }
            }
            end = end.max(range.end);
        }
        let inputs = self.graph.inputs().iter().zip(&self.assigned);
        for (input, _) in inputs.filter(|(_, assigned)| self.wanted.inputs && !**assigned) {
            let rest = self.x_bar.rows(input.rows.clone());
            self.p.act(Act::Zero, 0, View::NOTHING, rest);
        }
    }
}
