//! The adjoint program: which cotangent lies where, and in which order blocks pull it back.

use std::ops::Range;

use pushpull_core::arena::{Planner, Slot};
use pushpull_core::graph::{Origin, Source};
use pushpull_core::primal::{PrimalPlan, disjoint};
use pushpull_core::{Accum, Cost, Graph, Mat, MatMut, Op, Point, Result, Scalar, cost, memory};

/// One node's step. Ranges lie in the arena of cotangents and are sized for all seeds.
#[derive(Clone, Debug)]
struct Step {
    node: usize,
    /// Where the node's own cotangent lies; the output's is the caller's.
    y_bar: Option<Range<usize>>,
    /// Where `vjp_input` writes.
    target: Target,
    /// Where the rows of a target that is not the source's own cotangent go afterwards.
    scatter: Vec<Scatter>,
    /// `Set` at the first use of the node's parameters, `Add` at further ones; `None` without parameters.
    params: Option<Accum>,
    /// Whether the node's value depends on parameters, and whether on inputs.
    by_params: bool,
    by_inputs: bool,
    /// Whether some source's cotangent is needed for parameters' sake, and whether for inputs' sake.
    pulls_for_params: bool,
    pulls_for_inputs: bool,
}

/// Where a node's input cotangent is written.
#[derive(Clone, Debug)]
enum Target {
    /// Nobody wants it.
    Nowhere,
    /// Over the node's own cotangent.
    InPlace,
    /// Into the arena: either the source's own cotangent or a stack that is scattered.
    Arena(Range<usize>),
    /// Into the caller's `x_bar`, straight, at the rows of this input.
    Input(Range<usize>),
}

/// One part of a stacked cotangent on its way to its source.
#[derive(Clone, Debug)]
struct Scatter {
    rows: Range<usize>,
    to: Destination,
    acc: Accum,
}

#[derive(Clone, Debug)]
enum Destination {
    Arena(Range<usize>),
    Input(Range<usize>),
}

/// The adjoint program of a graph for a batch and a number of seeds.
#[derive(Clone, Debug)]
pub(crate) struct Adjoint {
    steps: Vec<Step>,
    /// Parameters that the output does not depend on: exact zeros.
    unused: Vec<Range<usize>>,
    /// Rows of inputs that no step assigns: exact zeros.
    unassigned: Vec<Range<usize>>,
    len: usize,
    scratch: usize,
    seeds: usize,
}

/// Cotangents that a pullback is asked for. A column of `params` is one seed's.
pub(crate) struct Wanted<'a, T> {
    pub params: Option<(Accum, MatMut<'a, T>)>,
    pub inputs: Option<MatMut<'a, T>>,
}

impl Adjoint {
    pub(crate) fn new(graph: &Graph, batch: usize, seeds: usize) -> Result<Self> {
        let (nodes, activity) = (graph.nodes(), graph.activity());
        let widest = nodes
            .iter()
            .map(|node| node.dims().n_in.max(node.dims().n_out))
            .max()
            .unwrap_or(0);
        memory::fits::<f64>(
            "the cotangents of one block",
            memory::elements(&[widest, batch, seeds]),
            "pull back fewer seeds side by side, or use a smaller batch",
        )?;
        let mut planner = Planner::default();
        let mut cotangents: Vec<Option<Slot>> = vec![None; nodes.len()];
        let mut assigned = vec![false; graph.inputs().len()];
        let mut used: Vec<Range<usize>> = Vec::new();
        let mut drafts = Vec::new();
        let order = (0..nodes.len()).rev();
        for (time, i) in order
            .filter(|&i| activity[i].output && (activity[i].params || activity[i].inputs))
            .enumerate()
        {
            let (node, dims) = (&nodes[i], nodes[i].dims());
            let last = i + 1 == nodes.len();
            let live = |source: &Source| {
                !source.stopped
                    && match source.origin {
                        Origin::Input(input) => !graph.inputs()[input].constant,
                        Origin::Node(j) => activity[j].params || activity[j].inputs,
                    }
            };
            let by = |inputs: bool| {
                node.sources
                    .iter()
                    .filter(|source| live(source))
                    .any(|source| match source.origin {
                        Origin::Input(_) => inputs,
                        Origin::Node(j) => {
                            if inputs {
                                activity[j].inputs
                            } else {
                                activity[j].params
                            }
                        }
                    })
            };
            let size = |rows: usize| rows * batch * seeds;
            let single = match node.sources[..] {
                [source] => live(&source).then_some(source.origin),
                _ => None,
            };
            let mut scatter = Vec::new();
            let target = match single {
                Some(Origin::Node(j)) if cotangents[j].is_none() => match cotangents[i] {
                    Some(own) if node.block.in_place() && !last => {
                        planner.keep_until(own, time + 1);
                        cotangents[j] = Some(own);
                        Place::Over
                    }
                    _ => {
                        let slot = planner.slot(size(dims.n_in), time, time + 1);
                        cotangents[j] = Some(slot);
                        Place::Slot(slot)
                    }
                },
                Some(Origin::Input(input)) if !assigned[input] => {
                    assigned[input] = true;
                    Place::Input(input)
                }
                _ if !node.sources.iter().any(live) => Place::Nowhere,
                _ => {
                    let mut row = 0;
                    for source in &node.sources {
                        let rows = row..row + graph.rows(source.origin);
                        row = rows.end;
                        if !live(source) {
                            continue;
                        }
                        let (to, first) = match source.origin {
                            Origin::Input(input) => (
                                Place::Input(input),
                                !std::mem::replace(&mut assigned[input], true),
                            ),
                            Origin::Node(j) => {
                                let first = cotangents[j].is_none();
                                let slot = *cotangents[j].get_or_insert_with(|| {
                                    planner.slot(size(rows.len()), time, time + 1)
                                });
                                (Place::Slot(slot), first)
                            }
                        };
                        scatter.push((rows, to, if first { Accum::Set } else { Accum::Add }));
                    }
                    Place::Slot(planner.slot(size(dims.n_in), time, time))
                }
            };
            if let Some(own) = cotangents[i] {
                planner.keep_until(own, time);
            }
            let params = (dims.n_params > 0).then(|| {
                let shared = used.contains(&node.params);
                used.push(node.params.clone());
                if shared { Accum::Add } else { Accum::Set }
            });
            drafts.push((i, target, scatter, params, by(false), by(true)));
        }
        let arena = planner.finish();
        let input_rows = |input: usize| graph.inputs()[input].rows.clone();
        let steps = drafts.into_iter().map(
            |(node, target, scatter, params, pulls_for_params, pulls_for_inputs)| Step {
                node,
                y_bar: cotangents[node].map(|slot| arena.range(slot)),
                target: match target {
                    Place::Nowhere => Target::Nowhere,
                    Place::Over => Target::InPlace,
                    Place::Slot(slot) => Target::Arena(arena.range(slot)),
                    Place::Input(input) => Target::Input(input_rows(input)),
                },
                scatter: scatter
                    .into_iter()
                    .filter_map(|(rows, to, acc)| {
                        let to = match to {
                            Place::Slot(slot) => Destination::Arena(arena.range(slot)),
                            Place::Input(input) => Destination::Input(input_rows(input)),
                            Place::Nowhere | Place::Over => return None,
                        };
                        Some(Scatter { rows, to, acc })
                    })
                    .collect(),
                params,
                by_params: activity[node].params,
                by_inputs: activity[node].inputs,
                pulls_for_params,
                pulls_for_inputs,
            },
        );
        let scratch = nodes.iter().map(|node| {
            let params = node.block.scratch_len(Op::VjpParams(Accum::Add), batch, 1);
            node.block
                .scratch_len(Op::VjpInput, batch, seeds)
                .max(params)
        });
        Ok(Self {
            steps: steps.collect(),
            unused: unused(graph.n_params(), used),
            unassigned: assigned
                .iter()
                .enumerate()
                .filter(|&(_, &done)| !done)
                .map(|(i, _)| input_rows(i))
                .collect(),
            len: arena.len(),
            scratch: scratch.max().unwrap_or(0),
            seeds,
        })
    }

    /// Numbers that the arena of cotangents holds.
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// Numbers of scratch memory.
    pub(crate) const fn scratch_len(&self) -> usize {
        self.scratch
    }

    /// Seeds that fit side by side.
    pub(crate) const fn seeds(&self) -> usize {
        self.seeds
    }

    /// The adjoint program for the cotangent `y_bar` of the output, n_outputs x batch S with S at most `seeds()`.
    /// `params_of` does what is wanted with a node's parameters, given its cotangent.
    #[allow(clippy::too_many_arguments)] // The primal's numbers and the cotangents' are two arenas, borrowed apart.
    pub(crate) fn run<T: Scalar>(
        &self,
        plan: &PrimalPlan,
        params: &[T],
        x: Mat<'_, T>,
        record: &[T],
        y_bar: Mat<'_, T>,
        cotangents: &mut [T],
        scratch: &mut [T],
        wants_params: bool,
        mut x_bar: Option<MatMut<'_, T>>,
        mut params_of: impl FnMut(&Visit<'_, T>, Mat<'_, T>, &mut [T]),
    ) {
        let (graph, columns) = (plan.graph(), y_bar.ncols());
        let wants_inputs = x_bar.is_some();
        if let Some(x_bar) = &mut x_bar {
            for rows in &self.unassigned {
                x_bar.rb_mut().rows(rows.clone()).fill(T::zero());
            }
        }
        for step in &self.steps {
            if !(wants_params && step.by_params || wants_inputs && step.by_inputs) {
                continue;
            }
            let node = &graph.nodes()[step.node];
            let (block, dims) = (T::of(&*node.block), node.dims());
            let at = plan.point(step.node, params, x, record);
            if let (true, Some(first)) = (wants_params, step.params) {
                let own = match &step.y_bar {
                    Some(range) => Mat::new(&cotangents[range.clone()], dims.n_out, columns),
                    None => y_bar,
                };
                params_of(
                    &Visit {
                        node: step.node,
                        at,
                        first,
                    },
                    own,
                    scratch,
                );
            }
            if !(wants_params && step.pulls_for_params || wants_inputs && step.pulls_for_inputs) {
                continue;
            }
            match (&step.target, &step.y_bar) {
                (Target::Nowhere, _) => {}
                (Target::InPlace, own) => {
                    let own = own.clone().unwrap_or(0..0);
                    block.vjp_input_in_place(
                        &at,
                        MatMut::new(&mut cotangents[own], dims.n_out, columns),
                        scratch,
                    );
                }
                (Target::Arena(target), Some(own)) => {
                    let [own, target] = disjoint(cotangents, [own, target]);
                    let own = Mat::new(own, dims.n_out, columns);
                    block.vjp_input(&at, own, MatMut::new(target, dims.n_in, columns), scratch);
                }
                (Target::Arena(target), None) => {
                    let target = MatMut::new(&mut cotangents[target.clone()], dims.n_in, columns);
                    block.vjp_input(&at, y_bar, target, scratch);
                }
                (Target::Input(rows), own) => {
                    if let Some(x_bar) = &mut x_bar {
                        let own = match own {
                            Some(range) => {
                                Mat::new(&cotangents[range.clone()], dims.n_out, columns)
                            }
                            None => y_bar,
                        };
                        block.vjp_input(&at, own, x_bar.rb_mut().rows(rows.clone()), scratch);
                    }
                }
            }
            if let Target::Arena(stack) = &step.target {
                for part in &step.scatter {
                    match &part.to {
                        Destination::Arena(to) => {
                            let [stack, to] = disjoint(cotangents, [stack, to]);
                            let from = Mat::new(stack, dims.n_in, columns).rows(part.rows.clone());
                            deliver(from, part.acc, MatMut::new(to, part.rows.len(), columns));
                        }
                        Destination::Input(rows) => {
                            if let Some(x_bar) = &mut x_bar {
                                let stack =
                                    Mat::new(&cotangents[stack.clone()], dims.n_in, columns);
                                deliver(
                                    stack.rows(part.rows.clone()),
                                    part.acc,
                                    x_bar.rb_mut().rows(rows.clone()),
                                );
                            }
                        }
                    }
                }
            }
        }
    }

    /// Runs the program and accumulates the parameters' cotangents, a column a seed.
    #[allow(clippy::too_many_arguments)]
    pub(crate) fn pullback<T: Scalar>(
        &self,
        plan: &PrimalPlan,
        params: &[T],
        x: Mat<'_, T>,
        record: &[T],
        y_bar: Mat<'_, T>,
        cotangents: &mut [T],
        scratch: &mut [T],
        mut wanted: Wanted<'_, T>,
    ) {
        let batch = plan.batch();
        let seeds = y_bar.ncols() / batch;
        if let Some((Accum::Set, params_bar)) = &mut wanted.params {
            for range in &self.unused {
                params_bar.rb_mut().rows(range.clone()).fill(T::zero());
            }
        }
        let wants_params = wanted.params.is_some();
        let mut params_bar = wanted.params;
        let each = |visit: &Visit<'_, T>, own: Mat<'_, T>, scratch: &mut [T]| {
            let Some((acc, params_bar)) = &mut params_bar else {
                return;
            };
            let node = &plan.graph().nodes()[visit.node];
            // Adding to what the caller has, every use adds; else the first use of shared parameters sets.
            let acc = if *acc == Accum::Add {
                Accum::Add
            } else {
                visit.first
            };
            for seed in 0..seeds {
                let own = own.cols(seed * batch..(seed + 1) * batch);
                let target = &mut params_bar.col_mut(seed)[node.params.clone()];
                T::of(&*node.block).vjp_params(&visit.at, own, acc, target, scratch);
            }
        };
        self.run(
            plan,
            params,
            x,
            record,
            y_bar,
            cotangents,
            scratch,
            wants_params,
            wanted.inputs,
            each,
        );
    }

    /// The exact cost of one pullback that sets.
    pub(crate) fn cost(
        &self,
        plan: &PrimalPlan,
        seeds: usize,
        wants_params: bool,
        wants_inputs: bool,
    ) -> Cost {
        let (graph, batch) = (plan.graph(), plan.batch());
        let mut total = Cost::ZERO;
        for step in &self.steps {
            let block = &*graph.nodes()[step.node].block;
            if let (true, Some(acc)) = (wants_params, step.params) {
                total += cost::of(block, Op::VjpParams(acc), batch, 1) * seeds;
            }
            if !(wants_params && step.pulls_for_params || wants_inputs && step.pulls_for_inputs) {
                continue;
            }
            total += cost::of(block, Op::VjpInput, batch, seeds);
            for part in step.scatter.iter().filter(|part| part.acc == Accum::Add) {
                if wants_inputs || matches!(part.to, Destination::Arena(_)) {
                    total += Cost::flops(part.rows.len() * batch * seeds);
                }
            }
        }
        total
    }
}

/// A node on the way of the adjoint program.
pub(crate) struct Visit<'a, T> {
    pub node: usize,
    pub at: Point<'a, T>,
    /// `Set` if no later use of the same parameters was visited before.
    pub first: Accum,
}

/// A place before the arena is laid out.
enum Place {
    Nowhere,
    Over,
    Slot(Slot),
    Input(usize),
}

/// Copies or adds a part of a stacked cotangent to its source's.
fn deliver<T: Scalar>(from: Mat<'_, T>, acc: Accum, mut to: MatMut<'_, T>) {
    match acc {
        Accum::Set => to.copy_from(from),
        Accum::Add => {
            for j in 0..from.ncols() {
                for (to, &from) in to.col_mut(j).iter_mut().zip(from.col(j)) {
                    *to += from;
                }
            }
        }
    }
}

/// What no used range covers.
fn unused(n_params: usize, mut used: Vec<Range<usize>>) -> Vec<Range<usize>> {
    used.sort_by_key(|range| range.start);
    let mut gaps = Vec::new();
    let mut end = 0;
    for range in used {
        if range.start > end {
            gaps.push(end..range.start);
        }
        end = end.max(range.end);
    }
    if end < n_params {
        gaps.push(end..n_params);
    }
    gaps
}
