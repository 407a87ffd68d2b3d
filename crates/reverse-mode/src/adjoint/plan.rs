//! The plan of the adjoint program: where cotangents lie and how long, and what each step does with them.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use pushpull_core::arena::{Planner, Slot};
use pushpull_core::graph::{Origin, Source};
use pushpull_core::{Accum, Graph, Op, Result, memory};

use super::{Adjoint, Destination, Scatter, Step, Target};

impl Adjoint {
    /// Plans the program of a graph for a batch and `seeds` seeds side by side.
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
        let mut used: HashSet<Range<usize>> = HashSet::new();
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
            let size = |rows: usize| memory::elements(&[rows, batch, seeds]);
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
                let first = used.insert(node.params.clone());
                if first { Accum::Set } else { Accum::Add }
            });
            drafts.push((i, target, scatter, params, by(false), by(true)));
        }
        let arena = planner.finish();
        let input_rows = |input: usize| graph.inputs()[input].rows.clone();
        let steps = drafts.into_iter().map(
            |(node, target, scatter, first, pulls_for_params, pulls_for_inputs)| Step {
                block: Arc::clone(&nodes[node].block),
                n_in: nodes[node].dims().n_in,
                n_out: nodes[node].dims().n_out,
                node,
                params: nodes[node].params.clone(),
                first,
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
                by_params: activity[node].params,
                by_inputs: activity[node].inputs,
                pulls_for_params,
                pulls_for_inputs,
            },
        );
        let mut scratch = 0;
        for node in nodes {
            let params = node.scratch_len::<f64>(Op::VjpParams(Accum::Add), batch, 1)?;
            let input = node.scratch_len::<f64>(Op::VjpInput, batch, seeds)?;
            scratch = scratch.max(params).max(input);
        }
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
            scratch,
            seeds,
        })
    }
}

/// A place before the arena is laid out.
enum Place {
    Nowhere,
    Over,
    Slot(Slot),
    Input(usize),
}

/// What no used range covers.
pub(crate) fn unused(n_params: usize, used: HashSet<Range<usize>>) -> Vec<Range<usize>> {
    let mut used: Vec<Range<usize>> = used.into_iter().collect();
    used.sort_unstable_by_key(|range| (range.start, range.end));
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
