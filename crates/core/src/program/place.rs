//! Where the buffers of a program lie: those alive together side by side in one arena.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use super::lives::Merged;
use super::{Act, Asked, At, Base, Given, Instr, Program, Role, View};
use crate::arena::Planner;
use crate::graph::Wrt;
use crate::{AnyBlock, Graph, Result, Singular, memory};

/// A view with its place. Columns of what has a part for each seed are those of one seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Place {
    /// Not there.
    Nothing,
    /// A matrix without numbers.
    Empty { rows: u32, cols: u32 },
    /// In the arena, without gaps, one for all seeds.
    Dense {
        region: Region,
        start: usize,
        len: u32,
        rows: u32,
        cols: u32,
    },
    /// In the arena.
    Arena {
        region: Region,
        start: usize,
        rows: u32,
        cols: u32,
        stride: u32,
        seeded: bool,
    },
    /// In a matrix of the caller's.
    Given {
        which: Given,
        seeded: bool,
        rows: Span,
        cols: Span,
    },
    /// The same, to write to.
    Asked {
        which: Asked,
        seeded: bool,
        rows: Span,
        cols: Span,
    },
}

/// From where a place in the arena is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Region {
    /// From the start.
    Fixed,
    /// From where the stage lies that runs ([`super::stages`]).
    Own,
    /// From where the output lies of the stage before it.
    Carried,
}

/// Some rows or columns of a matrix of the caller's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Span {
    pub start: u32,
    pub len: u32,
}

impl Place {
    /// Where the numbers of a buffer lie that is written or read whole; the regions start at `bases`.
    pub(super) fn whole(&self, bases: &[usize; 3]) -> Range<usize> {
        let (region, start, len) = match *self {
            Self::Dense {
                region, start, len, ..
            } => (region, start, len as usize),
            Self::Arena {
                region,
                start,
                rows,
                cols,
                ..
            } => (region, start, rows as usize * cols as usize),
            _ => return 0..0,
        };
        let start = start + bases[region as usize];
        start..start + len
    }

    /// Rows and columns of what lies in the arena.
    pub(super) const fn shape(&self) -> (usize, usize) {
        match *self {
            Self::Dense { rows, cols, .. } | Self::Arena { rows, cols, .. } => {
                (rows as usize, cols as usize)
            }
            _ => (0, 0),
        }
    }

    /// Whether it is a buffer's.
    pub(super) const fn in_arena(&self) -> bool {
        matches!(self, Self::Dense { .. } | Self::Arena { .. })
    }
}

impl Span {
    /// First and last, for so many seeds.
    #[inline(always)]
    pub(super) const fn range(self, times: usize) -> (usize, usize) {
        let start = self.start as usize;
        (start, start + self.len as usize * times)
    }
}

/// What a run looks at after a node's value was computed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Watched {
    /// By what slopes of it that are not finite would be met.
    pub by: Wrt,
    /// Whether they are met where the input is not finite, and nowhere else.
    pub with_input: bool,
    /// Whether second derivatives have to exist, too.
    pub second: bool,
    pub keeps_x: bool,
}

/// One instruction with everything resolved.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub act: Act,
    /// Whether the map overwrites what it reads.
    pub over: bool,
    /// Whether it may write more than one buffer, reads planes, or is cut among threads; or is a copy of what lies there.
    pub forks: bool,
    /// Whose block is called, with its parameters.
    pub block: Arc<dyn AnyBlock>,
    pub params: Range<usize>,
    pub watched: bool,
    /// Whether its columns are cut among threads.
    pub shared: bool,
    pub node: u32,
    /// Which of the points, and which of the tangents along a direction.
    pub at: u32,
    pub dot: u32,
    /// Counted from the first seed of a run, which may lie behind it.
    pub first: i32,
    pub from: Place,
    pub to: Place,
}

/// A program that can be run: everything is resolved and nothing is looked up. It holds no numbers, and serves every
/// scalar.
#[derive(Clone, Debug)]
pub struct Code {
    pub(super) nodes: Vec<Watched>,
    pub(super) points: Vec<At<Place>>,
    pub(super) dots: Vec<[Place; 2]>,
    pub(super) steps: Vec<Step>,
    pub(super) paths: Vec<Vec<Range<u32>>>,
    pub(super) output: Place,
    /// Steps at the start of the list, those that compute values, where they lie in stages.
    pub(super) values: u32,
    /// Of a record: which of the points is each node's.
    pub(super) reads: Vec<u32>,
    graph: Graph,
    batch: usize,
    seeds: usize,
    pub(super) len: usize,
    scratch: usize,
}

/// Where the numbers of each buffer start, of those that are there.
pub(super) type Starts = Vec<Option<(Region, usize)>>;

impl Program {
    /// Numbers at each place that buffers share, if they can fit.
    pub(super) fn lens<T>(&self, merged: &Merged, remedy: &str) -> Result<Vec<usize>> {
        let mut lens = vec![0; self.bufs.len()];
        for (buf, &home) in merged.home.iter().enumerate() {
            if merged.there(buf) {
                lens[home] = self.fitting::<T>(buf, remedy)?.max(lens[home]);
            }
        }
        Ok(lens)
    }

    /// Numbers of a buffer, if they can fit.
    fn fitting<T>(&self, buf: usize, remedy: &str) -> Result<usize> {
        let of = &self.bufs[buf];
        let (node, numbers) = (
            &self.graph.nodes()[of.node],
            memory::elements(&[of.rows, of.cols]),
        );
        match of.role {
            Role::Value | Role::Stack => {
                let what = format_args!("the values of {}", node.name);
                memory::fits::<T>(what, numbers, "use a smaller batch")?;
            }
            Role::Extra => node.fits::<T>("what is kept by", numbers)?,
            Role::Tangent | Role::StackTangent => {
                let what = format_args!("the tangent matrices of {}", node.name);
                memory::fits::<T>(what, numbers, remedy)?;
            }
            Role::Gradients => node.fits::<T>("the samples' gradients of", numbers)?,
            Role::Cotangent | Role::StackCotangent => {
                let what = format_args!("the cotangents of {}", node.name);
                memory::fits::<T>(what, numbers, remedy)?;
            }
        }
        Ok(numbers)
    }

    /// Refuses operands of the caller's that cannot be: a block that is asked about them may multiply their sizes. Rows and
    /// columns are kept in 32 bits. `what` is made, and the `remedy`, are for the error.
    ///
    /// # Errors
    /// [`crate::Error::TooLarge`].
    pub fn countable<T>(&self, what: &str, remedy: &str) -> Result<()> {
        let (mut numbers, mut end) = (0, 0);
        for view in self.instrs.iter().flat_map(Instr::views) {
            numbers = view.numbers().max(numbers);
            let rows = view.row.saturating_add(view.rows);
            end = view.col.saturating_add(view.cols).max(rows).max(end);
        }
        // A first seed may lie before the run's, so it has a sign.
        let signed = |instr: &Instr| i32::try_from(instr.first as isize).is_ok();
        let counted = u32::try_from(end).is_ok() && self.instrs.iter().all(signed);
        memory::fits::<T>(what, if counted { numbers } else { usize::MAX }, remedy)
    }

    /// The program with all buffers in their places, for numbers of type `T`. `what` is made, and the `remedy`, are for
    /// errors.
    ///
    /// # Errors
    /// [`crate::Error::TooLarge`] for buffers that cannot fit, each and together, before any is allocated.
    pub fn place<T>(&self, what: &str, remedy: &str) -> Result<Code> {
        let merged = self.joined(self.merged(self.lives()));
        let lens = self.lens::<T>(&merged, remedy)?;
        let mut planner = Planner::default();
        let each = lens.iter().zip(&merged.lives);
        let slots: Vec<_> = each
            .map(|(&len, life)| planner.slot(len, life.born, life.dies))
            .collect();
        let arena = planner.finish();
        let start = |(buf, &home): (usize, &usize)| {
            let start = arena.range(slots[home]).start + merged.offset[buf];
            merged.there(buf).then_some((Region::Fixed, start))
        };
        let starts: Starts = merged.home.iter().enumerate().map(start).collect();
        let mut code = self.unplaced::<T>(arena.len(), what, remedy)?;
        let mut tables = Tables::default();
        let steps = self.instrs.iter().zip(merged.over);
        let steps = steps.map(|(instr, over)| self.step(instr, over, &starts, &mut tables));
        code.steps = steps.collect();
        let joined = code.steps.iter_mut().zip(merged.joined);
        joined.for_each(|(step, joined)| step.forks |= joined);
        code.output = self.resolve(self.output, &starts);
        (code.points, code.dots) = tables.entries();
        if self.instrs.iter().any(|instr| instr.act == Act::Read) {
            code.reads = code.points_by_node();
        }
        Ok(code)
    }

    /// A program without steps, in an arena of `len` numbers.
    pub(super) fn unplaced<T>(&self, len: usize, what: &str, remedy: &str) -> Result<Code> {
        self.countable::<T>(what, remedy)?;
        let scratch = self.scratch::<T>()?;
        memory::fits::<T>(what, len.saturating_add(scratch), remedy)?;
        let ways = self.ways().into_iter();
        let paths = ways.map(|path| {
            let ranges = path.ranges.iter();
            ranges
                .map(|range| range.start as u32..range.end as u32)
                .collect()
        });
        let nodes = self.graph.nodes().iter().enumerate();
        let watched = nodes.map(|(i, node)| Watched {
            by: self.watched(i),
            with_input: node.block.singular() == Singular::WithInput && !self.goes_along(),
            second: self.goes_along(),
            keeps_x: node.block.keeps().x,
        });
        Ok(Code {
            nodes: watched.collect(),
            points: Vec::new(),
            dots: Vec::new(),
            steps: Vec::new(),
            paths: paths.collect(),
            output: Place::Nothing,
            values: 0,
            reads: Vec::new(),
            graph: self.graph.clone(),
            batch: self.batch,
            seeds: self.seeds,
            len,
            scratch,
        })
    }

    /// An instruction with the places of all that it reads and writes.
    pub(super) fn step(
        &self,
        instr: &Instr,
        over: bool,
        starts: &Starts,
        tables: &mut Tables,
    ) -> Step {
        let (At { x, y, extra }, resolve) = (instr.at, |view| self.resolve(view, starts));
        let extra = resolve(extra);
        Step {
            act: instr.act,
            forks: matches!(instr.act, Act::Dot(..))
                || instr.act.is_forward() && extra != Place::Nothing,
            over,
            block: Arc::clone(&self.graph.nodes()[instr.node].block),
            params: self.graph.nodes()[instr.node].params.clone(),
            shared: false,
            watched: instr.act.is_forward() && self.watched(instr.node) != Wrt::NOTHING,
            node: instr.node as u32,
            at: tables.points.index(At {
                x: resolve(x),
                y: resolve(y),
                extra,
            }),
            dot: tables.dots.index(instr.dot.map(resolve)),
            first: instr.first as i32,
            // What is overwritten is not read beside.
            from: resolve(if over { View::NOTHING } else { instr.from }),
            to: resolve(instr.to),
        }
    }

    /// Where a view lies.
    pub(super) fn resolve(&self, view: View, starts: &Starts) -> Place {
        let seeded = self.seeded(&view) && self.seeds > 1;
        let seeds = if seeded { self.seeds } else { 1 };
        let span = |start: usize, len: usize| Span {
            start: start as u32,
            len: len as u32,
        };
        let (rows, cols) = (span(view.row, view.rows), span(view.col, view.cols / seeds));
        match view.base {
            Base::Nothing => Place::Nothing,
            Base::Buf(buf) => {
                let Some((region, start)) = starts[buf] else {
                    return Place::Nothing;
                };
                if rows.len == 0 || cols.len == 0 {
                    return Place::Empty {
                        rows: rows.len,
                        cols: cols.len,
                    };
                }
                let stride = self.bufs[buf].rows;
                let start = start + view.col * stride + view.row;
                let len = u32::try_from(view.numbers());
                let whole = view.rows == stride || view.cols == 1;
                if let (Ok(len), true) = (len, !seeded && whole) {
                    return Place::Dense {
                        region,
                        start,
                        len,
                        rows: rows.len,
                        cols: cols.len,
                    };
                }
                Place::Arena {
                    region,
                    start,
                    rows: rows.len,
                    cols: cols.len,
                    stride: stride as u32,
                    seeded,
                }
            }
            Base::Given(which) => Place::Given {
                which,
                seeded,
                rows,
                cols,
            },
            Base::Asked(which) => Place::Asked {
                which,
                seeded,
                rows,
                cols,
            },
        }
    }
}

/// What steps have in common.
#[derive(Default)]
pub(super) struct Tables {
    points: Table<At<Place>>,
    dots: Table<[Place; 2]>,
}

impl Tables {
    pub(super) fn entries(self) -> (Vec<At<Place>>, Vec<[Place; 2]>) {
        (self.points.entries(), self.dots.entries())
    }
}

/// Entries that are kept once.
struct Table<E> {
    entries: Vec<E>,
    known: HashMap<E, u32>,
}

impl<E> Default for Table<E> {
    fn default() -> Self {
        Self {
            entries: Vec::new(),
            known: HashMap::new(),
        }
    }
}

impl<E: Copy + Eq + std::hash::Hash> Table<E> {
    fn index(&mut self, entry: E) -> u32 {
        *self.known.entry(entry).or_insert_with(|| {
            self.entries.push(entry);
            self.entries.len() as u32 - 1
        })
    }

    fn entries(mut self) -> Vec<E> {
        self.entries.shrink_to_fit();
        self.entries
    }
}

impl Code {
    /// The graph.
    pub const fn graph(&self) -> &Graph {
        &self.graph
    }
    /// Samples.
    pub const fn batch(&self) -> usize {
        self.batch
    }
    /// Seeds side by side, at most.
    pub const fn seeds(&self) -> usize {
        self.seeds
    }
    /// Numbers of the arena.
    #[allow(clippy::len_without_is_empty)] // A program without numbers is no special case.
    pub const fn len(&self) -> usize {
        self.len
    }
    /// Numbers of scratch memory.
    pub const fn scratch_len(&self) -> usize {
        self.scratch
    }
    /// Heap bytes that it keeps: no numbers, and none of the graph.
    pub fn held(&self) -> usize {
        let tables =
            memory::held(&self.nodes) + memory::held(&self.points) + memory::held(&self.dots);
        let paths = self.paths.iter().map(memory::held).sum::<usize>();
        tables
            + memory::held(&self.reads)
            + memory::held(&self.steps)
            + memory::held(&self.paths)
            + paths
    }
}
