//! How the tangents of a node follow from those of its sources, as moves.

use std::collections::HashMap;

use pushpull_core::graph::Origin;
use pushpull_core::siblings::arena::{Planner, Slot};
use pushpull_core::siblings::memory;
use pushpull_core::{Graph, InputJacobian, Result};

use super::moves::{Action, Form, Move};
use super::occurrence::{Kind, Occurrence};
use super::term::{Columns, Light, State};

pub(super) const REMEDY: &str = "carry fewer samples at once with Chunk::Auto or Chunk::Fixed(n), or take Forward, which chunks directions";

/// A program in the making.
pub(super) struct Draft<'a, T> {
    pub(super) graph: &'a Graph,
    pub(super) occurrences: &'a [Occurrence],
    /// The occurrence at each node.
    pub(super) own: Vec<Option<usize>>,
    pub(super) samples: usize,
    pub(super) planner: Planner,
    pub(super) states: Vec<State>,
    pub(super) moves: Vec<Move>,
    pub(super) scalar: std::marker::PhantomData<T>,
}

impl<T> Draft<'_, T> {
    /// A buffer of `rows` for some columns of every sample, at node `i`.
    fn slot(&mut self, i: usize, rows: usize, columns: usize) -> Result<Slot> {
        let len = memory::elements(&[rows, self.samples, columns]);
        let what = || format!("the structured tangents of {}", self.graph.nodes()[i].name);
        memory::fits::<T>(&what(), len, REMEDY)?;
        Ok(self.planner.slot(len, i, i))
    }

    fn push(&mut self, node: usize, does: Action) {
        self.moves.push(Move { node, does });
    }

    /// Keeps what a state holds until node `i` has run.
    fn keep(&mut self, state: &State, i: usize) {
        let diagonals = state.light.iter().filter_map(|light| light.diagonal);
        for slot in diagonals.chain(state.dense.iter().map(|dense| dense.slot)) {
            self.planner.keep_until(slot, i);
        }
    }

    fn columns(&self, occurrence: usize) -> usize {
        self.occurrences[occurrence].columns
    }

    /// The tangents of node `j` for one of its consumers: the only one takes them.
    fn arriving(&mut self, j: usize) -> State {
        if self.graph.consumers()[j].len() == 1 {
            std::mem::take(&mut self.states[j])
        } else {
            self.states[j].clone()
        }
    }

    /// Pushes what arrives at node `i` and starts its own parameters.
    pub(super) fn node(&mut self, i: usize) -> Result<State> {
        let node = &self.graph.nodes()[i];
        let own = self.own[i];
        let start = own.filter(|&own| self.occurrences[own].kind == Kind::Dense);
        let mut state = match node.sources[..] {
            [source] => match source.origin {
                Origin::Node(j) if !source.stopped => {
                    let arriving = self.arriving(j);
                    self.keep(&arriving, i);
                    self.through(i, arriving, start)?
                }
                _ => self.through(i, State::default(), start)?,
            },
            _ => {
                let stacked = self.stack(i)?;
                self.through(i, stacked, start)?
            }
        };
        if let (Some(occurrence), None) = (own, start) {
            state.light.push(Light {
                occurrence,
                diagonal: None,
            });
        }
        Ok(state)
    }

    /// The tangents of a stacked input: a row of blocks for every occurrence that reaches a source.
    fn stack(&mut self, i: usize) -> Result<State> {
        let node = &self.graph.nodes()[i];
        let mut reaching: Vec<usize> = Vec::new();
        let mut parts = Vec::with_capacity(node.sources.len());
        let mut row = 0;
        for source in &node.sources {
            let rows = row..row + self.graph.rows(source.origin);
            row = rows.end;
            let state = match source.origin {
                Origin::Node(j) if !source.stopped => self.arriving(j),
                _ => State::default(),
            };
            self.keep(&state, i);
            let forms: HashMap<usize, Form> = state.forms().collect();
            reaching.extend(forms.keys());
            parts.push((rows, forms));
        }
        reaching.sort_unstable();
        reaching.dedup();
        let columns = reaching.iter().map(|&occurrence| self.columns(occurrence));
        let count = columns.fold(0, usize::saturating_add);
        if count == 0 {
            return Ok(State::default());
        }
        let to = self.slot(i, node.dims().n_in, count)?;
        let mut terms = Vec::with_capacity(reaching.len());
        let mut first = 0;
        for occurrence in reaching {
            let columns = self.columns(occurrence);
            for (rows, forms) in &parts {
                let (form, rows) = (forms.get(&occurrence).copied(), rows.clone());
                self.push(
                    i,
                    Action::Stack {
                        form,
                        columns,
                        rows,
                        to,
                        first,
                    },
                );
            }
            terms.push((occurrence, first));
            first += columns;
        }
        Ok(State {
            light: Vec::new(),
            dense: Some(Columns {
                slot: to,
                count,
                terms,
            }),
            exclusive: true,
        })
    }

    /// The tangents at the output of node `i`, given those at its input and, if it starts dense columns, its
    /// occurrence.
    fn through(&mut self, i: usize, arriving: State, start: Option<usize>) -> Result<State> {
        let node = &self.graph.nodes()[i];
        let structure = node.input_jacobian();
        match structure {
            InputJacobian::Identity if start.is_none() => return Ok(arriving),
            InputJacobian::Diagonal | InputJacobian::Identity => {
                return self.scaled(i, arriving, start);
            }
            // What is none of these is pushed as any matrix.
            _ => {}
        }
        let dims = node.dims();
        let light = arriving
            .light
            .iter()
            .map(|term| self.columns(term.occurrence));
        let unfolded = light.fold(0, usize::saturating_add);
        let started = start.map_or(0, |own| self.columns(own));
        let (dense, mut first) = (arriving.columns(), arriving.columns());
        let count = dense.saturating_add(unfolded).saturating_add(started);
        if count == 0 {
            return Ok(State::default());
        }
        let to = self.slot(i, dims.n_out, count)?;
        let State { light, dense, .. } = arriving;
        let mut terms = self.pushed(i, dense, to);
        if structure == InputJacobian::Weight {
            for term in light {
                let diagonal = term.diagonal;
                self.push(
                    i,
                    Action::Weigh {
                        diagonal,
                        to,
                        first,
                    },
                );
                terms.push((term.occurrence, first));
                first += dims.n_in;
            }
        } else if unfolded > 0 {
            let from = self.slot(i, dims.n_in, unfolded)?;
            for (k, term) in light.iter().enumerate() {
                self.push(
                    i,
                    Action::Stack {
                        form: Some(term.form()),
                        columns: dims.n_in,
                        rows: 0..dims.n_in,
                        to: from,
                        first: k * dims.n_in,
                    },
                );
                terms.push((term.occurrence, first + k * dims.n_in));
            }
            self.push(
                i,
                Action::Push {
                    from,
                    to,
                    first,
                    seeds: unfolded,
                },
            );
            first += unfolded;
        }
        self.start(i, start, to, first, &mut terms);
        Ok(State {
            light: Vec::new(),
            dense: Some(Columns {
                slot: to,
                count,
                terms,
            }),
            exclusive: true,
        })
    }

    /// The same for a diagonal Jacobian: a diagonal is pushed as one seed and stays one.
    fn scaled(&mut self, i: usize, arriving: State, start: Option<usize>) -> Result<State> {
        let node = &self.graph.nodes()[i];
        let n = node.dims().n_out;
        let started = start.map_or(0, |own| self.columns(own));
        let (seeds, exclusive) = (arriving.columns(), arriving.exclusive);
        let count = seeds.saturating_add(started);
        let State { light, dense, .. } = arriving;
        let mut state = match dense {
            Some(dense) if started == 0 && exclusive && node.block.overwrites() => {
                let at = dense.slot;
                self.push(i, Action::Over { at, seeds });
                State {
                    light: Vec::new(),
                    dense: Some(dense),
                    exclusive,
                }
            }
            dense if count > 0 => {
                let to = self.slot(i, n, count)?;
                let mut terms = self.pushed(i, dense, to);
                self.start(i, start, to, seeds, &mut terms);
                State {
                    light: Vec::new(),
                    dense: Some(Columns {
                        slot: to,
                        count,
                        terms,
                    }),
                    exclusive: true,
                }
            }
            _ => State::default(),
        };
        for term in light {
            let from = match term.diagonal {
                Some(from) => from,
                None => {
                    let ones = self.slot(i, n, 1)?;
                    self.push(i, Action::Ones { to: ones });
                    ones
                }
            };
            let to = self.slot(i, n, 1)?;
            self.push(
                i,
                Action::Push {
                    from,
                    to,
                    first: 0,
                    seeds: 1,
                },
            );
            state.light.push(Light {
                occurrence: term.occurrence,
                diagonal: Some(to),
            });
        }
        Ok(state)
    }

    /// The dense columns that arrive, pushed to the start of `to`: where they lie is known as before.
    fn pushed(&mut self, i: usize, arriving: Option<Columns>, to: Slot) -> Vec<(usize, usize)> {
        let Some(Columns { slot, count, terms }) = arriving else {
            return Vec::new();
        };
        self.push(
            i,
            Action::Push {
                from: slot,
                to,
                first: 0,
                seeds: count,
            },
        );
        terms
    }

    fn start(
        &mut self,
        i: usize,
        own: Option<usize>,
        to: Slot,
        first: usize,
        terms: &mut Vec<(usize, usize)>,
    ) {
        let Some(occurrence) = own else { return };
        self.push(i, Action::Start { to, first });
        terms.push((occurrence, first));
    }

    /// Sums the output's columns, each for its occurrence.
    pub(super) fn collect(&mut self) {
        let Some(state) = self.states.pop() else {
            return;
        };
        let last = self.states.len();
        for (occurrence, form) in state.forms() {
            let columns = self.columns(occurrence);
            self.push(
                last,
                Action::Collect {
                    occurrence,
                    form,
                    columns,
                },
            );
        }
    }
}
