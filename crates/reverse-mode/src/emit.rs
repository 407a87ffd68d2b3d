//! The adjoint program: the blocks in reverse, of each first the gradient of its parameters, then the cotangent of what it
//! read.

use std::collections::{BTreeMap, HashSet};
use std::ops::Range;

use pushpull_core::graph::{Origin, Source};
use pushpull_core::program::{Act, Asked, Base, Given, Program, Role, View};
use pushpull_core::{Accum, Graph, InputJacobian, Op, ParamJacobian};

use crate::wanted::{Seed, Wanted, unused};

/// 1. The output of all blocks, storing each intermediate value (slide "Reverse-mode autodiff"); then a look at slopes.
pub(crate) fn record(p: &mut Program) -> View {
    let last = p.graph().nodes().len() - 1;
    let h = (0..=last).fold(View::NOTHING, |_, i| p.primal_of(i));
    if p.graph().is_guarded() {
        p.phase(last + 1, 0);
        p.act(Act::Check, last, h, View::NOTHING);
    }
    h
}

/// The adjoint program; `params_bar`: where the gradients of parameters go.
pub(crate) fn pullback(p: &mut Program, seed: Seed, wanted: Wanted, params_bar: View) {
    let last = p.graph().nodes().len() - 1;
    let columns = p.batch().saturating_mul(p.seeds());
    let x_bar = p.operand(Base::Asked(Asked::XBar), columns);
    let mut adjoint = Adjoint::new(p, wanted, x_bar, columns);
    // The unit cotangents themselves are needed for parameters alone, where they come out of the weights as rows of them.
    let weighs = adjoint.graph.nodes()[last].input_jacobian() == InputJacobian::Weight;
    let rows = (seed == Seed::Unit && weighs).then_some(last);
    if adjoint.active(last) {
        let bar = match (rows, wanted.params) {
            (Some(_), None) => View::NOTHING,
            _ => adjoint.seed(seed),
        };
        adjoint.bars[last] = Some(bar);
    }
    let mut first = First { params_bar, rows };
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
    /// Whose cotangents are unit vectors, where its weights have what comes of them.
    rows: Option<usize>,
}

impl Maps for First {
    fn params(&mut self, p: &mut Program, i: usize, bar: View, acc: Accum) {
        let rows = p.graph().nodes()[i].params.clone();
        p.map(Op::VjpParams(acc), i, bar, self.params_bar.rows(rows));
    }

    fn input(&mut self, p: &mut Program, i: usize, bar: View, to: View) {
        if self.rows == Some(i) {
            return p.act(Act::WeightRows, i, View::NOTHING, to);
        }
        p.map(Op::VjpInput, i, bar, to);
    }
}

/// The adjoint program for the norms of the samples' gradients, which go `to` 1 x batch numbers.
pub(crate) fn norms_pulled(p: &mut Program, to: View) {
    let last = p.graph().nodes().len() - 1;
    p.act(Act::Zero, last, View::NOTHING, to);
    let wanted = Wanted::of(Some(Accum::Set), false);
    let columns = p.batch();
    let mut adjoint = Adjoint::new(p, wanted, View::NOTHING, columns);
    if adjoint.active(last) {
        adjoint.bars[last] = Some(adjoint.seed(Seed::Ones));
    }
    let mut norms = Norms {
        to,
        formed: BTreeMap::new(),
    };
    (0..=last).rev().for_each(|i| adjoint.pull(i, &mut norms));
    for (node, gradients) in norms.formed.into_values() {
        p.norms(node, gradients, true, to);
    }
}

/// Norms in place of gradients: what several nodes share is added up first.
struct Norms {
    to: View,
    /// The samples' gradients by parameters that several nodes share, each with one of the nodes.
    formed: BTreeMap<usize, (usize, View)>,
}

impl Maps for Norms {
    fn params(&mut self, p: &mut Program, i: usize, bar: View, _: Accum) {
        let (nodes, batch) = (p.graph().nodes(), p.batch());
        let own = nodes[i].params.clone();
        let alone = nodes.iter().filter(|node| node.params == own).count() == 1;
        let outer = matches!(
            nodes[i].block.param_jacobian(),
            ParamJacobian::Kronecker { .. }
        );
        if alone && outer && nodes[i].block.keeps().x {
            return p.norms(i, bar, false, self.to);
        }
        let (acc, gradients) = match self.formed.get(&own.start) {
            Some(&(_, gradients)) => (Accum::Add, gradients),
            None => (Accum::Set, p.buf(i, Role::Gradients, own.len(), batch)),
        };
        p.map(Op::VjpParams(acc), i, bar, gradients);
        if alone {
            p.norms(i, gradients, true, self.to);
        } else {
            self.formed.insert(own.start, (i, gradients));
        }
    }

    fn input(&mut self, p: &mut Program, i: usize, bar: View, to: View) {
        p.map(Op::VjpInput, i, bar, to);
    }
}

/// An adjoint program in the making.
pub(crate) struct Adjoint<'p> {
    pub p: &'p mut Program,
    graph: Graph,
    wanted: Wanted,
    /// The cotangent h~ of each value, where one was written.
    bars: Vec<Option<View>>,
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
        let bar = self.cotangent(last);
        self.p.act(act, last, View::NOTHING, bar);
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

    /// A buffer for h~ of a node.
    pub(crate) fn cotangent(&mut self, j: usize) -> View {
        let rows = self.graph.rows(Origin::Node(j));
        let bar = self.p.buf(j, Role::Cotangent, rows, self.columns);
        *self.bars[j].insert(bar)
    }

    /// Where a source's cotangent lies, and whether it is set there or meets another.
    fn target(&mut self, origin: Origin) -> (View, Act) {
        let (view, first) = match origin {
            Origin::Input(k) => {
                let first = !std::mem::replace(&mut self.assigned[k], true);
                (self.x_bar.rows(self.graph.inputs()[k].rows.clone()), first)
            }
            Origin::Node(j) => match self.bars[j] {
                Some(bar) => (bar, false),
                None => (self.cotangent(j), true),
            },
        };
        (view, if first { Act::Copy } else { Act::Add })
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
        let mut to = Vec::new();
        for (source, rows) in self.p.parts(i) {
            if self.live(&source) {
                to.push((rows, self.target(source.origin)));
            }
        }
        if to.is_empty() {
            return;
        }
        self.p.phase(turn, 1);
        if let ([(_, (only, Act::Copy))], true) = (&to[..], alone) {
            // An input's place may have room for a part of the columns alone.
            if only.cols == self.columns {
                return maps.input(self.p, i, bar, *only);
            }
        }
        let stack = self.p.buf(i, Role::StackCotangent, n_in, self.columns);
        maps.input(self.p, i, bar, stack);
        self.p.phase(turn, 2);
        for (rows, (target, act)) in to {
            let from = stack.rows(rows).cols(0..target.cols);
            self.p.act(act, i, from, target);
        }
    }

    /// Exact zeros for what nothing came to.
    pub(crate) fn zeros(self, params_bars: &[View]) {
        let set = self.wanted.params == Some(Accum::Set);
        for range in unused(self.graph.n_params(), self.used) {
            for params_bar in params_bars.iter().filter(|_| set) {
                let rest = params_bar.rows(range.clone());
                self.p.act(Act::Zero, 0, View::NOTHING, rest);
            }
        }
        let inputs = self.graph.inputs().iter().zip(&self.assigned);
        for (input, _) in inputs.filter(|(_, assigned)| self.wanted.inputs && !**assigned) {
            let rest = self.x_bar.rows(input.rows.clone());
            self.p.act(Act::Zero, 0, View::NOTHING, rest);
        }
    }
}
