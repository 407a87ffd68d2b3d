//! What was recorded on the way to one value, as a graph with its numbers.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::panic::Location;

use nalgebra::DMatrix;
use pushpull_core::blocks::{Bias, Identity, Parameter};
use pushpull_core::{Builder, Graph, Mat, Scalar, Value as Node};
use pushpull_planner::{Budget, Plan, Question, Way};

use crate::error::shown;
use crate::state::{Inner, Kind, Record};
use crate::{Connection, Error, Key, Mode, Number, Replay, Result, Var};

/// Where the numbers of a recorded value lie in a program.
#[derive(Clone, Debug)]
enum Place {
    Params(Range<usize>),
    Input(Range<usize>),
}

/// A source of derivatives.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub key: Key,
    /// Its numbers within the flat parameters; of a constant nobody watches, nowhere.
    pub range: Option<Range<usize>>,
    pub connection: Connection,
}

/// A recorded program from its sources to one output: a [`Graph`] of one sample, with the numbers it ran on. Sources are
/// the graph's parameters, in the order in which they were named; constants and watched values that are no sources are its
/// inputs. It outlives the tape.
///
/// ```
/// use nalgebra::dmatrix;
/// use pushpull_planner::Question;
/// use pushpull_tape::{Mode, Tape};
/// let w = dmatrix![1.0, 2.0];
/// let (program, key) = {
///     let tape = Tape::new();
///     let (w, x) = (tape.variable(&w), tape.constant(dmatrix![3.0; 4.0]));
///     (tape.program(&w.matmul(x).tanh(), &[&w])?, w.key())
/// };
/// assert_eq!((program.graph().n_params(), program.graph().n_outputs()), (2, 1));
/// let mut replay = program.prepare(Question::Gradient, Mode::Reverse)?;
/// replay.set(key, &dmatrix![0.0, 0.0])?;
/// assert_eq!(replay.gradient()?.of(key)?.to_dmatrix(), dmatrix![3.0, 4.0]);
/// # Ok::<(), pushpull_tape::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Program<T> {
    graph: Graph,
    params: Vec<T>,
    x: Vec<T>,
    /// By entry, in increasing order.
    places: Vec<(u32, Place)>,
    pub(crate) wanted: Vec<Wanted>,
    /// The first source of each entry.
    by_entry: HashMap<u32, usize>,
    tape: u64,
    shape: (usize, usize),
}

/// Which entries the output depends on, and whether by a path that is not stopped.
fn reached<T>(record: &Record<T>, output: usize) -> Vec<(bool, bool)> {
    let mut reached = vec![(false, false); output + 1];
    reached[output] = (true, true);
    for entry in (0..=output).rev() {
        let (needed, open) = reached[entry];
        if !needed {
            continue;
        }
        let stopped = record.entries[entry].kind == Kind::Made { stopped: true };
        for &source in record.sources_of(entry) {
            let source = &mut reached[source as usize];
            *source = (true, source.1 || (open && !stopped));
        }
    }
    reached
}

impl<T: Scalar> Program<T> {
    pub(crate) fn new(
        inner: &Inner<T>,
        output: &Var<'_, T>,
        sources: &[&Var<'_, T>],
        at: &'static Location<'static>,
    ) -> Result<Self> {
        inner.check("the output", output, at)?;
        for source in sources {
            inner.check("a source", source, at)?;
        }
        let record = inner.record.borrow();
        let last = output.entry();
        let reached = reached(&record, last);
        let kind = |entry: usize| record.entries[entry].kind;
        let asked_for: HashSet<usize> = sources.iter().map(|source| source.entry()).collect();
        let is_source = |entry: usize| asked_for.contains(&entry);

        let mut builder = Builder::new();
        let (mut params, mut x) = (Vec::new(), vec![T::zero()]);
        let mut places: Vec<(u32, Place)> = Vec::new();
        let mut nodes: Vec<Option<Node>> = vec![None; last + 1];
        // A block reads something; what a parameter reads does not matter.
        let ground = builder.constant("ground", 1);
        // Sources first, in the order in which they were named.
        let mut placed: HashSet<usize> = HashSet::new();
        for source in sources {
            let entry = source.entry();
            let asked = kind(entry) == Kind::Leaf { watched: true };
            if !asked || !placed.insert(entry) {
                continue;
            }
            let (nrows, ncols) = record.entries[entry].shape();
            let start = params.len();
            params.extend_from_slice(record.value(entry));
            places.push((entry as u32, Place::Params(start..params.len())));
            let node = builder.block(Parameter::new(nrows, ncols), ground);
            if let Some(place) = nodes.get_mut(entry) {
                *place = Some(node);
            }
        }
        let mut shifted: HashMap<usize, Range<usize>> = HashMap::new();
        let mut operands: Vec<Node> = Vec::new();
        for entry in (0..=last).filter(|&entry| reached[entry].0) {
            let node = match (&record.entries[entry].block, nodes[entry]) {
                (_, Some(_)) => continue,
                (None, None) => {
                    let value = record.value(entry);
                    let rows = x.len()..x.len() + value.len();
                    x.extend_from_slice(value);
                    places.push((entry as u32, Place::Input(rows)));
                    builder.constant(format!("value{entry}"), value.len())
                }
                (Some(block), None) => {
                    let stopped = kind(entry) == Kind::Made { stopped: true };
                    operands.clear();
                    for &source in record.sources_of(entry) {
                        // Recorded before this entry, and reached since it is.
                        let operand = nodes[source as usize].unwrap_or(ground);
                        operands.push(if stopped {
                            builder.stop_gradient(operand)
                        } else {
                            operand
                        });
                    }
                    builder.block(std::sync::Arc::clone(block), &operands)
                }
            };
            let made = matches!(kind(entry), Kind::Made { .. });
            nodes[entry] = Some(if made && is_source(entry) {
                let n = record.value(entry).len();
                shifted.insert(entry, params.len()..params.len() + n);
                params.resize(params.len() + n, T::zero());
                builder.block(Bias::new(n), node)
            } else {
                node
            });
        }
        // A computed source that the output does not need is a parameter that nobody reads.
        for source in sources.iter().filter(|source| !source.is_faulty()) {
            let entry = source.entry();
            let made = matches!(kind(entry), Kind::Made { .. });
            if made && !shifted.contains_key(&entry) {
                let n = record.value(entry).len();
                shifted.insert(entry, params.len()..params.len() + n);
                params.resize(params.len() + n, T::zero());
                builder.block(Parameter::new(n, 1), ground);
            }
        }
        let mut end = nodes[last].unwrap_or(ground);
        if record.entries[last].block.is_none() && !is_source(last)
            || kind(last) == (Kind::Leaf { watched: false })
        {
            // A graph has at least one block.
            end = builder.map(Identity, end);
        }
        places.sort_by_key(|&(entry, _)| entry);
        let wanted: Vec<Wanted> = sources
            .iter()
            .map(|source| {
                let entry = source.entry();
                let own = places.binary_search_by_key(&(entry as u32), |&(known, _)| known);
                let range = match own.map(|i| &places[i].1) {
                    Ok(Place::Params(range)) => Some(range.clone()),
                    _ => shifted.get(&entry).cloned(),
                };
                let open = reached.get(entry).is_some_and(|&(_, open)| open);
                let connection = match (&range, open) {
                    (None, _) => Connection::NotWatched,
                    (Some(_), true) => Connection::Connected,
                    (Some(_), false) => Connection::Unconnected,
                };
                Wanted {
                    key: (*source).into(),
                    range,
                    connection,
                }
            })
            .collect();
        Ok(Self {
            graph: builder.build(end)?,
            params,
            x,
            places,
            // The last one to be put in is the first in order.
            by_entry: (0..wanted.len())
                .rev()
                .map(|i| (wanted[i].key.entry, i))
                .collect(),
            wanted,
            tape: inner.id,
            shape: output.shape(),
        })
    }

    /// The graph: one sample, the sources its parameters.
    pub const fn graph(&self) -> &Graph {
        &self.graph
    }

    /// The graph's parameters: the sources' numbers in the order in which they were named. Of a source that was computed
    /// they are the shift added to it, which is 0.
    pub fn params(&self) -> &[T] {
        &self.params
    }

    /// The graph's input, one column: a row that nobody reads, then every other value that was not computed.
    pub fn inputs(&self) -> Mat<'_, T> {
        Mat::from(&self.x[..])
    }

    /// Rows and columns of the output.
    pub const fn shape(&self) -> (usize, usize) {
        self.shape
    }

    /// The sources, as they were named.
    pub fn sources(&self) -> impl ExactSizeIterator<Item = Key> {
        self.wanted.iter().map(|wanted| wanted.key)
    }

    /// Whether the output depends on source `i`.
    ///
    /// # Panics
    /// If there are not so many.
    pub fn connection(&self, i: usize) -> Connection {
        self.wanted[i].connection
    }

    /// Values that [`Program::set`] takes besides the sources: constants, and variables that are not among the sources.
    pub fn constants(&self) -> impl Iterator<Item = (Key, usize)> {
        self.places.iter().filter_map(|(entry, place)| match place {
            Place::Input(rows) => {
                let key = Key {
                    tape: self.tape,
                    entry: *entry,
                    shape: (rows.len(), 1),
                };
                Some((key, rows.len()))
            }
            Place::Params(_) => None,
        })
    }

    /// New numbers for a variable or a constant. Allocates nothing.
    ///
    /// # Errors
    /// [`Error::NoPlace`] for a value that the program computes, does not need or does not know; [`Error::Shape`].
    #[track_caller]
    pub fn set(&mut self, var: impl Into<Key>, numbers: &DMatrix<T>) -> Result<()> {
        let (key, at) = (var.into(), Location::caller());
        let known = self
            .places
            .binary_search_by_key(&key.entry, |&(entry, _)| entry);
        let known = known.ok().filter(|_| key.tape == self.tape);
        let Some(place) = known.map(|i| &self.places[i].1) else {
            return Err(Error::NoPlace {
                shape: shown(key.shape),
                at,
            });
        };
        if numbers.shape() != key.shape {
            return Err(Error::Shape {
                op: "set".into(),
                expected: shown(key.shape),
                got: shown(numbers.shape()),
                remedy: "a replay runs on the shapes that were recorded; record again for others",
                at,
            });
        }
        let target = match place {
            Place::Params(range) => &mut self.params[range.clone()],
            Place::Input(rows) => &mut self.x[rows.clone()],
        };
        target.copy_from_slice(numbers.as_slice());
        Ok(())
    }

    /// Where a source's numbers lie within the flat parameters, and its shape.
    pub(crate) fn range_of(&self, key: Key) -> Option<(Range<usize>, (usize, usize))> {
        let own = self.by_entry.get(&key.entry)?;
        let wanted = Some(&self.wanted[*own]).filter(|wanted| wanted.key.tape == key.tape)?;
        Some((wanted.range.clone()?, key.shape))
    }
}

impl<T: Number> Program<T>
where
    pushpull_core::Dual<T>: Scalar,
{
    /// The planner's table of ways to a question's answer within a budget, with its pick and the reason: print it.
    ///
    /// # Errors
    /// As [`Plan::new`].
    ///
    /// ```
    /// use nalgebra::dmatrix;
    /// use pushpull_planner::{Budget, Question};
    /// let tape = pushpull_tape::Tape::new();
    /// let w = tape.variable(dmatrix![1.0, 2.0; 3.0, 4.0]);
    /// let program = tape.program(&w.matmul(w).tanh().sum(), &[&w])?;
    /// assert!(program.plan(Question::Gradient, Budget::Unlimited)?.to_string().contains("picked"));
    /// # Ok::<(), pushpull_tape::Error>(())
    /// ```
    pub fn plan(&self, question: Question, budget: Budget) -> Result<Plan<T>> {
        T::plan(&self.graph, question, budget)
    }

    /// An engine for a question, by a mode or by the planner's pick. All memory is allocated here.
    ///
    /// # Errors
    /// As [`pushpull_planner::Prepared::new`], and as [`Plan::new`] for [`Mode::Planned`].
    pub fn prepare(self, question: Question, mode: Mode) -> Result<Replay<T>> {
        let way = self.way(question, mode)?;
        self.prepare_way(question, way)
    }

    /// An engine for a question by a way of your choice: with checkpoints, by
    /// [`Way::ReverseCheckpointed`].
    ///
    /// # Errors
    /// As [`pushpull_planner::Prepared::new`].
    ///
    /// ```
    /// use pushpull_planner::{Question, Way};
    /// use pushpull_reverse_mode::Store;
    /// let tape = pushpull_tape::Tape::new();
    /// let x = tape.scalar(0.5);
    /// let mut y = x;
    /// for _ in 0..50 {
    ///     y = y.sin();
    /// }
    /// let program = tape.program(&y, &[&x])?;
    /// let mut all = program.clone().prepare_way(Question::Gradient, Way::Reverse(1))?;
    /// let few = Way::ReverseCheckpointed(Store::Slots(4), 1);
    /// let mut few = program.prepare_way(Question::Gradient, few)?;
    /// assert_eq!(all.gradient()?.of(&x)?.get(0, 0), few.gradient()?.of(&x)?.get(0, 0));
    /// # Ok::<(), pushpull_tape::Error>(())
    /// ```
    pub fn prepare_way(self, question: Question, way: Way) -> Result<Replay<T>> {
        Replay::new(self, question, way)
    }

    /// The way of a mode to a question's answer.
    pub(crate) fn way(&self, question: Question, mode: Mode) -> Result<Way> {
        /// Directions that forward mode carries at once; rows that a Jacobian by reverse mode pulls at once.
        const AT_ONCE: usize = 64;
        let directions = self.params.len().clamp(1, AT_ONCE);
        Ok(match (mode, question) {
            (Mode::Planned, _) => self.plan(question, Budget::Unlimited)?.picked().way,
            (Mode::Forward, Question::HessianVector(_)) => Way::ForwardOverForward(directions),
            (Mode::Forward, Question::Jvp(k)) => Way::ForwardChunked(k.clamp(1, AT_ONCE)),
            (Mode::Forward, _) => Way::ForwardChunked(directions),
            (Mode::Reverse, Question::HessianVector(_)) => Way::Planes,
            (Mode::Reverse, Question::Vjp(k)) => Way::Reverse(k.max(1)),
            (Mode::Reverse, Question::Gradient) => Way::Reverse(1),
            (Mode::Reverse, _) => Way::Reverse(self.graph.n_outputs().clamp(1, AT_ONCE)),
        })
    }
}
