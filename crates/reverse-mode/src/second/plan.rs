//! Where values, tangents, cotangents and their derivatives lie, and in which order blocks run.

use std::collections::{BTreeMap, HashSet};
use std::ops::Range;

use pushpull_core::arena::{Planner, Slot};
use pushpull_core::graph::{Origin, Source};
use pushpull_core::{Accum, Error, Graph, Op, Result, memory};

/// One node's buffers. What is not there is `0..0`.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    /// Several sources, stacked: n_in x 2 batch in the record.
    pub stack: Range<usize>,
    /// n_out x 2 batch in the record, or n_out x batch where no tangent can arrive.
    pub y: Range<usize>,
    pub extra: Range<usize>,
    pub extra_dot: Range<usize>,
    /// n_out x 2 batch among the cotangents; the output's is not there.
    pub bar: Option<Range<usize>>,
    pub target: Target,
    /// Where the rows of a stacked target go.
    pub scatter: Vec<Scatter>,
    /// `Set` at the first use of the node's parameters, `Add` at further ones; `None` without parameters.
    pub params: Option<Accum>,
    /// Whether a source's cotangent is needed for parameters' sake, and whether for inputs' sake.
    pub pulls_for_params: bool,
    pub pulls_for_inputs: bool,
}

/// Where the cotangent of a node's input is written.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    /// Nobody wants it.
    Nowhere,
    /// The only source's own cotangent.
    Source(Range<usize>),
    /// A stack, whose rows are delivered afterwards.
    Stack(Range<usize>),
}

/// Some rows of a stack on their way.
#[derive(Clone, Debug)]
pub(crate) struct Scatter {
    pub rows: Range<usize>,
    pub to: Destination,
}

#[derive(Clone, Debug)]
pub(crate) enum Destination {
    /// To the cotangent of a node.
    Node(Range<usize>, Accum),
    /// To these rows of the caller's inputs, where they add.
    Input(Range<usize>),
}

/// The plan of both programs for a graph and a batch, one direction at a time.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub graph: Graph,
    pub batch: usize,
    pub steps: Vec<Step>,
    /// Parameters that the output does not depend on.
    pub unused: Vec<Range<usize>>,
    /// Numbers in the record, among the cotangents, and of scratch memory.
    pub record: usize,
    pub cotangents: usize,
    pub scratch: usize,
}

impl Plan {
    pub(crate) fn new(graph: &Graph, batch: usize) -> Result<Self> {
        if batch == 0 {
            return Err(Error::EmptyBatch {
                name: "batch".into(),
            });
        }
        let nodes = graph.nodes();
        let sizes = nodes.iter().map(|node| {
            let dims = node.dims();
            memory::elements(&[dims.n_in.saturating_add(dims.n_out), 2, batch])
        });
        let total = sizes.fold(0, usize::saturating_add);
        memory::fits::<f64>(
            "the primal program and its tangents",
            total,
            "use a smaller batch",
        )?;
        for node in nodes {
            let extra = memory::elements(&[node.block.keeps().extra, 2, batch]);
            node.fits::<f64>("what is kept by", extra)?;
        }
        let mut scratch = 0;
        for node in nodes {
            let params = node.scratch_len::<f64>(Op::VjpParams(Accum::Add), batch, 1)?;
            let input = node.scratch_len::<f64>(Op::VjpInput, batch, 2)?;
            let dot = node.block.dot_scratch_len(batch);
            node.fits::<f64>("the scratch memory of", dot)?;
            scratch = scratch.max(params).max(input).max(dot);
        }
        let (values, record) = place_values(graph, batch);
        let (mut steps, unused, cotangents) = place_cotangents(graph, batch);
        for (step, [stack, y, extra, extra_dot]) in steps.iter_mut().zip(values) {
            (step.stack, step.y, step.extra, step.extra_dot) = (stack, y, extra, extra_dot);
        }
        let plan = Self {
            scratch,
            graph: graph.clone(),
            batch,
            steps,
            unused,
            record,
            cotangents,
        };
        let remedy = "use a smaller batch";
        memory::fits::<f64>("the record with its tangents", plan.numbers(), remedy)?;
        Ok(plan)
    }

    /// Numbers of the output's cotangent and its derivative.
    pub(crate) fn seed(&self) -> usize {
        memory::elements(&[2, self.graph.n_outputs(), self.batch])
    }

    /// Numbers of all buffers.
    pub(crate) fn numbers(&self) -> usize {
        let kept = self.record.saturating_add(self.cotangents);
        kept.saturating_add(self.seed())
            .saturating_add(self.scratch)
    }

    /// Heap bytes that the plan itself keeps, with a flag a node for what moves in a run.
    pub(crate) fn held(&self) -> usize {
        let scatter = self.steps.iter().map(|step| memory::held(&step.scatter));
        let flags = self.steps.len() * size_of::<bool>();
        let lists = memory::held(&self.steps) + memory::held(&self.unused);
        lists + scatter.sum::<usize>() + flags
    }

    /// Whether a tangent arrives at the input of node `i`, given which nodes move.
    pub(crate) fn arrives(&self, i: usize, moving: &[bool], inputs_move: bool) -> bool {
        self.graph.activity()[i].output
            && self.graph.nodes()[i]
                .sources
                .iter()
                .any(|source| source_moves(&self.graph, source, moving, inputs_move))
    }

    /// Where the input of node `i` lies in the record; `0..0` if it is the caller's.
    pub(crate) fn source(&self, i: usize) -> Range<usize> {
        match self.graph.nodes()[i].sources[..] {
            [source] => match source.origin {
                Origin::Input(_) => 0..0,
                Origin::Node(j) => self.steps[j].y.clone(),
            },
            _ => self.steps[i].stack.clone(),
        }
    }

    /// The rows of the caller's inputs that are the input of node `i`, if it is that alone.
    pub(crate) fn given(&self, i: usize) -> Option<Range<usize>> {
        match self.graph.nodes()[i].sources[..] {
            [source] => match source.origin {
                Origin::Input(input) => Some(self.graph.inputs()[input].rows.clone()),
                Origin::Node(_) => None,
            },
            _ => None,
        }
    }
}

/// Whether a tangent comes through this source.
pub(crate) fn source_moves(
    graph: &Graph,
    source: &Source,
    moving: &[bool],
    inputs_move: bool,
) -> bool {
    !source.stopped
        && match source.origin {
            Origin::Input(input) => inputs_move && !graph.inputs()[input].constant,
            Origin::Node(j) => moving[j],
        }
}

/// Each node's stack, y, extra and extra_dot, and the length of the record. Step i runs node i, step 2n - i pulls it
/// back; the output is read at step n.
fn place_values(graph: &Graph, batch: usize) -> (Vec<[Range<usize>; 4]>, usize) {
    let (nodes, n) = (graph.nodes(), graph.nodes().len());
    let mut planner = Planner::default();
    let mut slots: Vec<[Slot; 4]> = Vec::with_capacity(n);
    let mut moving = vec![false; n];
    let size = |rows: usize, planes: usize| memory::elements(&[rows, batch, planes]);
    for (i, node) in nodes.iter().enumerate() {
        let (dims, keeps, activity) = (node.dims(), node.block.keeps(), graph.activity()[i]);
        let arrives = node
            .sources
            .iter()
            .any(|source| source_moves(graph, source, &moving, true));
        moving[i] = activity.output && (arrives || dims.n_params > 0);
        let planes = if moving[i] { 2 } else { 1 };
        let read = if activity.output { 2 * n - i } else { i };
        let until = |kept: bool| if kept { read } else { i };
        let stacked = node.sources.len() > 1;
        let stack = planner.slot(
            if stacked { size(dims.n_in, 2) } else { 0 },
            i,
            until(keeps.x),
        );
        for source in &node.sources {
            if let Origin::Node(j) = source.origin {
                planner.keep_until(slots[j][1], if stacked { i } else { until(keeps.x) });
            }
        }
        let dies = if i + 1 == n {
            n.max(until(keeps.y))
        } else {
            until(keeps.y)
        };
        let y = planner.slot(size(dims.n_out, planes), i, dies);
        let extra = planner.slot(size(keeps.extra, 1), i, until(keeps.extra > 0));
        let extra_dot = if moving[i] { size(keeps.extra, 1) } else { 0 };
        let extra_dot = planner.slot(extra_dot, i, until(keeps.extra > 0));
        slots.push([stack, y, extra, extra_dot]);
    }
    let arena = planner.finish();
    let place = |slots: &[Slot; 4]| slots.map(|slot| arena.range(slot));
    (slots.iter().map(place).collect(), arena.len())
}

/// The steps without their values, what no step uses of the parameters, and the length of the arena of cotangents.
fn place_cotangents(graph: &Graph, batch: usize) -> (Vec<Step>, Vec<Range<usize>>, usize) {
    let (nodes, activity) = (graph.nodes(), graph.activity());
    let mut planner = Planner::default();
    let mut bars: Vec<Option<Slot>> = vec![None; nodes.len()];
    let mut used: HashSet<Range<usize>> = HashSet::new();
    let mut drafts: Vec<Draft> = Vec::with_capacity(nodes.len());
    for (time, (i, node)) in nodes.iter().enumerate().rev().enumerate() {
        let mut draft = Draft::default();
        let live = |source: &&Source| {
            !source.stopped
                && match source.origin {
                    Origin::Input(input) => !graph.inputs()[input].constant,
                    Origin::Node(j) => activity[j].params || activity[j].inputs,
                }
        };
        if activity[i].output {
            if let Some(own) = bars[i] {
                planner.keep_until(own, time);
            }
            if !node.params.is_empty() {
                let first = used.insert(node.params.clone());
                draft.params = Some(if first { Accum::Set } else { Accum::Add });
            }
            for source in node.sources.iter().filter(live) {
                match source.origin {
                    Origin::Input(_) => draft.pulls_for_inputs = true,
                    Origin::Node(j) => {
                        draft.pulls_for_params |= activity[j].params;
                        draft.pulls_for_inputs |= activity[j].inputs;
                    }
                }
            }
            let size = |rows: usize| memory::elements(&[rows, 2, batch]);
            match node.sources[..] {
                [
                    ref source @ Source {
                        origin: Origin::Node(j),
                        ..
                    },
                ] if live(&source) && bars[j].is_none() => {
                    let slot = planner.slot(size(node.dims().n_in), time, time);
                    bars[j] = Some(slot);
                    draft.target = Some((slot, true));
                }
                _ if node.sources.iter().any(|source| live(&source)) => {
                    let mut row = 0;
                    for source in &node.sources {
                        let rows = row..row + graph.rows(source.origin);
                        row = rows.end;
                        if !live(&source) {
                            continue;
                        }
                        let to = match source.origin {
                            Origin::Input(input) => To::Input(input),
                            Origin::Node(j) => {
                                let acc = if bars[j].is_some() {
                                    Accum::Add
                                } else {
                                    Accum::Set
                                };
                                let slot = *bars[j].get_or_insert_with(|| {
                                    planner.slot(size(rows.len()), time, time)
                                });
                                To::Node(slot, acc)
                            }
                        };
                        draft.scatter.push((rows, to));
                    }
                    draft.target = Some((planner.slot(size(node.dims().n_in), time, time), false));
                }
                _ => {}
            }
        }
        drafts.push(draft);
    }
    let arena = planner.finish();
    drafts.reverse();
    let steps = drafts.into_iter().zip(&bars).map(|(draft, bar)| Step {
        stack: 0..0,
        y: 0..0,
        extra: 0..0,
        extra_dot: 0..0,
        bar: bar.map(|slot| arena.range(slot)),
        target: match draft.target {
            None => Target::Nowhere,
            Some((slot, true)) => Target::Source(arena.range(slot)),
            Some((slot, false)) => Target::Stack(arena.range(slot)),
        },
        scatter: draft
            .scatter
            .into_iter()
            .map(|(rows, to)| Scatter {
                rows,
                to: match to {
                    To::Node(slot, acc) => Destination::Node(arena.range(slot), acc),
                    To::Input(input) => Destination::Input(graph.inputs()[input].rows.clone()),
                },
            })
            .collect(),
        params: draft.params,
        pulls_for_params: draft.pulls_for_params,
        pulls_for_inputs: draft.pulls_for_inputs,
    });
    let entries = graph.layout().entries().iter().map(|entry| entry.range());
    // Nodes share all of their parameters or none.
    let used: BTreeMap<usize, usize> = used.into_iter().map(|r| (r.start, r.end)).collect();
    let unused = entries.filter(|range| {
        let before = used.range(..=range.start).next_back();
        before.is_none_or(|(_, &end)| end <= range.start)
    });
    (steps.collect(), unused.collect(), arena.len())
}

/// A step before the arena is laid out.
#[derive(Default)]
struct Draft {
    /// With whether it is the source's own cotangent.
    target: Option<(Slot, bool)>,
    scatter: Vec<(Range<usize>, To)>,
    params: Option<Accum>,
    pulls_for_params: bool,
    pulls_for_inputs: bool,
}

enum To {
    Node(Slot, Accum),
    Input(usize),
}
