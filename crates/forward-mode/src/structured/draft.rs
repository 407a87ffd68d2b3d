//! How the tangents of a node follow from those of its sources, as moves.

use pushpull_core::arena::{Planner, Slot};
use pushpull_core::graph::Origin;
use pushpull_core::{Graph, InputJacobian, Result, memory};

use super::moves::{Action, Form, Move};
use super::occurrence::{Kind, Occurrence};
use super::program::REMEDY;
use super::term::{State, Term, structure};

/// A program in the making.
pub(super) struct Draft<'a, T> {
    pub(super) graph: &'a Graph,
    pub(super) occurrences: &'a [Occurrence],
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
        for term in &state.terms {
            if let Form::Diagonal(slot) | Form::Dense(slot, _) = term.form {
                self.planner.keep_until(slot, i);
            }
        }
    }

    fn columns(&self, occurrence: usize) -> usize {
        self.occurrences[occurrence].columns
    }

    /// Pushes what arrives at node `i` and starts its own parameters.
    pub(super) fn node(&mut self, i: usize) -> Result<State> {
        let node = &self.graph.nodes()[i];
        let own = self
            .occurrences
            .iter()
            .position(|occurrence| occurrence.node == i);
        let start = own.filter(|&own| self.occurrences[own].kind == Kind::Dense);
        let mut state = match node.sources[..] {
            [source] => match source.origin {
                Origin::Node(j) if !source.stopped => {
                    let arriving = self.states[j].clone();
                    self.keep(&arriving, i);
                    self.through(i, &arriving, start)?
                }
                _ => self.through(i, &State::default(), start)?,
            },
            _ => {
                let stacked = self.stack(i)?;
                self.through(i, &stacked, start)?
            }
        };
        if let (Some(occurrence), None) = (own, start) {
            state.terms.push(Term {
                occurrence,
                form: Form::Identity,
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
                Origin::Node(j) if !source.stopped => self.states[j].clone(),
                _ => State::default(),
            };
            self.keep(&state, i);
            reaching.extend(state.terms.iter().map(|term| term.occurrence));
            parts.push((rows, state));
        }
        reaching.sort_unstable();
        reaching.dedup();
        let columns = reaching.iter().map(|&occurrence| self.columns(occurrence));
        let columns = columns.fold(0, usize::saturating_add);
        if columns == 0 {
            return Ok(State::default());
        }
        let to = self.slot(i, node.dims().n_in, columns)?;
        let mut stacked = State {
            dense: Some(to),
            columns,
            exclusive: true,
            ..State::default()
        };
        let mut first = 0;
        for occurrence in reaching {
            let columns = self.columns(occurrence);
            for (rows, state) in &parts {
                let form = state
                    .terms
                    .iter()
                    .find(|term| term.occurrence == occurrence)
                    .map(|term| term.form);
                self.push(
                    i,
                    Action::Stack {
                        form,
                        columns,
                        rows: rows.clone(),
                        to,
                        first,
                    },
                );
            }
            stacked.terms.push(Term {
                occurrence,
                form: Form::Dense(to, first),
            });
            first += columns;
        }
        Ok(stacked)
    }

    /// The tangents at the output of node `i`, given those at its input and, if it starts dense columns, its
    /// occurrence.
    fn through(&mut self, i: usize, arriving: &State, start: Option<usize>) -> Result<State> {
        let node = &self.graph.nodes()[i];
        let structure = structure(node);
        match structure {
            InputJacobian::Identity if start.is_none() => return Ok(arriving.clone()),
            InputJacobian::Diagonal | InputJacobian::Identity => {
                return self.scaled(i, arriving, start);
            }
            InputJacobian::Weight | InputJacobian::Dense => {}
        }
        let dims = node.dims();
        let light: Vec<Term> = arriving.diagonal_terms().collect();
        let unfolded: usize = light.iter().map(|t| self.columns(t.occurrence)).sum();
        let started = start.map_or(0, |own| self.columns(own));
        let columns = arriving
            .columns
            .saturating_add(unfolded)
            .saturating_add(started);
        if columns == 0 {
            return Ok(State::default());
        }
        let to = self.slot(i, dims.n_out, columns)?;
        let mut state = self.pushed(i, arriving, to, columns);
        let mut first = arriving.columns;
        let diagonal = |form| match form {
            Form::Diagonal(slot) => Some(slot),
            Form::Identity | Form::Dense(..) => None,
        };
        if structure == InputJacobian::Weight {
            for term in &light {
                let diagonal = diagonal(term.form);
                self.push(
                    i,
                    Action::Weigh {
                        diagonal,
                        to,
                        first,
                    },
                );
                state.terms.push(Term {
                    occurrence: term.occurrence,
                    form: Form::Dense(to, first),
                });
                first += dims.n_in;
            }
        } else if unfolded > 0 {
            let from = self.slot(i, dims.n_in, unfolded)?;
            for (k, term) in light.iter().enumerate() {
                self.push(
                    i,
                    Action::Stack {
                        form: Some(term.form),
                        columns: dims.n_in,
                        rows: 0..dims.n_in,
                        to: from,
                        first: k * dims.n_in,
                    },
                );
                state.terms.push(Term {
                    occurrence: term.occurrence,
                    form: Form::Dense(to, first + k * dims.n_in),
                });
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
        self.start(i, start, to, first, &mut state);
        Ok(state)
    }

    /// The same for a diagonal Jacobian: a diagonal is pushed as one seed and stays one.
    fn scaled(&mut self, i: usize, arriving: &State, start: Option<usize>) -> Result<State> {
        let node = &self.graph.nodes()[i];
        let n = node.dims().n_out;
        let started = start.map_or(0, |own| self.columns(own));
        let columns = arriving.columns.saturating_add(started);
        let mut state = match arriving.dense {
            Some(at) if started == 0 && arriving.exclusive && node.block.in_place() => {
                let seeds = arriving.columns;
                self.push(i, Action::Over { at, seeds });
                State {
                    terms: arriving.dense_terms().collect(),
                    ..arriving.clone()
                }
            }
            _ if columns > 0 => {
                let to = self.slot(i, n, columns)?;
                let mut state = self.pushed(i, arriving, to, columns);
                self.start(i, start, to, arriving.columns, &mut state);
                state
            }
            _ => State::default(),
        };
        for term in &arriving.terms {
            let from = match term.form {
                Form::Dense(..) => continue,
                Form::Diagonal(from) => from,
                Form::Identity => {
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
            state.terms.push(Term {
                occurrence: term.occurrence,
                form: Form::Diagonal(to),
            });
        }
        Ok(state)
    }

    /// The dense columns that arrive, pushed to the start of `to`.
    fn pushed(&mut self, i: usize, arriving: &State, to: Slot, columns: usize) -> State {
        if let Some(from) = arriving.dense {
            let seeds = arriving.columns;
            self.push(
                i,
                Action::Push {
                    from,
                    to,
                    first: 0,
                    seeds,
                },
            );
        }
        let moved = arriving.dense_terms().map(|term| Term {
            form: match term.form {
                Form::Dense(_, first) => Form::Dense(to, first),
                light => light,
            },
            ..term
        });
        State {
            terms: moved.collect(),
            dense: Some(to),
            columns,
            exclusive: true,
        }
    }

    fn start(&mut self, i: usize, own: Option<usize>, to: Slot, first: usize, state: &mut State) {
        let Some(occurrence) = own else { return };
        self.push(i, Action::Start { to, first });
        state.terms.push(Term {
            occurrence,
            form: Form::Dense(to, first),
        });
    }

    /// Sums the output's columns, each for its occurrence.
    pub(super) fn collect(&mut self) {
        let Some(state) = self.states.last().cloned() else {
            return;
        };
        let last = self.states.len() - 1;
        for term in state.terms {
            let columns = self.columns(term.occurrence);
            self.push(
                last,
                Action::Collect {
                    occurrence: term.occurrence,
                    form: term.form,
                    columns,
                },
            );
        }
    }
}
