//! What a tape has recorded: values in one arena, operations in order.

use std::cell::RefCell;
use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use pushpull_core::siblings::memory;
use pushpull_core::{AnyBlock, Mat, MatMut, Scalar};

use crate::error::shown;
use crate::{Error, Result, Var};

/// What a recorded value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Handed to the tape, or computed while it did not record.
    Leaf { watched: bool },
    /// Computed by a block; `stopped`: no derivative passes into it.
    Made { stopped: bool },
}

/// A recorded value and what made it.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub kind: Kind,
    pub block: Option<Arc<dyn AnyBlock>>,
    /// Its operands, `sources[first_source..]` up to the next entry's.
    pub first_source: u32,
    /// Where its numbers start in the arena.
    pub start: usize,
    pub nrows: u32,
    pub ncols: u32,
    /// Where it was written.
    pub at: &'static Location<'static>,
}

impl Entry {
    pub const fn shape(&self) -> (usize, usize) {
        (self.nrows as usize, self.ncols as usize)
    }
}

/// Everything recorded so far.
#[derive(Debug, Default)]
pub(crate) struct Record<T> {
    pub entries: Vec<Entry>,
    pub sources: Vec<u32>,
    pub values: Vec<T>,
    /// Operands that do not lie side by side are stacked here.
    stack: Vec<T>,
    /// What a block would keep for its derivative maps: engines keep it themselves.
    extra: Vec<T>,
    pub faults: Vec<Error>,
    /// How many calls of `stop_recording` are running.
    pub paused: usize,
}

/// A tape without the lifetime of what was lent to it: what a value points to.
#[derive(Debug)]
pub struct Inner<T> {
    pub(crate) id: u64,
    pub(crate) record: RefCell<Record<T>>,
}

impl<T> Record<T> {
    pub fn sources_of(&self, entry: usize) -> &[u32] {
        let first = self.entries[entry].first_source as usize;
        let next = self.entries.get(entry + 1);
        &self.sources[first..next.map_or(self.sources.len(), |next| next.first_source as usize)]
    }

    pub fn value(&self, entry: usize) -> &[T] {
        let (entry, n) = (&self.entries[entry], self.entries[entry].shape());
        &self.values[entry.start..entry.start + n.0 * n.1]
    }
}

impl<T: Scalar> Inner<T> {
    pub fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            record: RefCell::new(Record {
                entries: Vec::new(),
                sources: Vec::new(),
                values: Vec::new(),
                stack: Vec::new(),
                extra: Vec::new(),
                faults: Vec::new(),
                paused: 0,
            }),
        }
    }

    /// A value that stands for a fault.
    #[cold]
    pub fn fail(&self, fault: Error) -> Var<'_, T> {
        let mut record = self.record.borrow_mut();
        record.faults.push(fault);
        Var::faulty(self, record.faults.len() - 1)
    }

    pub fn leaf(
        &self,
        op: &str,
        shape: (usize, usize),
        entries: &[T],
        watched: bool,
        at: &'static Location<'static>,
    ) -> Var<'_, T> {
        let Some((nrows, ncols)) = small(shape).filter(|&(nrows, ncols)| nrows > 0 && ncols > 0)
        else {
            return self.fail(Error::Shape {
                op: op.into(),
                expected: "1 to 4294967295 rows and columns".into(),
                got: shown(shape),
                remedy: "leave out empty matrices",
                at,
            });
        };
        let mut record = self.record.borrow_mut();
        let (start, first_source) = (record.values.len(), record.sources.len() as u32);
        record.values.extend_from_slice(entries);
        record.entries.push(Entry {
            kind: Kind::Leaf { watched },
            block: None,
            first_source,
            start,
            nrows,
            ncols,
            at,
        });
        Var::new(self, record.entries.len() - 1, shape)
    }

    /// Runs a block on its operands, stacked, and records it. The first fault of an operand is handed on.
    pub fn push<'t>(
        &'t self,
        block: Arc<dyn AnyBlock>,
        operands: &[Var<'t, T>],
        shape: (usize, usize),
        stopped: bool,
        at: &'static Location<'static>,
    ) -> Var<'t, T> {
        if let Some(fault) = operands
            .iter()
            .find_map(|var| self.fault_of(block.name(), var, at))
        {
            return fault;
        }
        let (dims, rows) = (block.dims(), operands.iter().map(Var::len).sum::<usize>());
        if let Err(source) = block.validate() {
            return self.fail(Error::Block {
                source: Box::new(source),
                at,
            });
        }
        let fits = rows == dims.n_in && dims.n_params == 0 && dims.n_out > 0 && rows > 0;
        let Some((nrows, ncols)) = small(shape).filter(|_| fits && dims.n_out == shape.0 * shape.1)
        else {
            return self.fail(Error::Shape {
                op: block.name().into(),
                expected: format!("{} numbers in, {} out, no parameters of its own", dims.n_in, dims.n_out),
                got: format!("{rows} numbers in, a result of {}", shown(shape)),
                remedy: "give the block as many inputs as it reads; parameters are an operand, see Tape::apply_with",
                at,
            });
        };
        let kept = block.keeps().extra;
        let what = format_args!("what {} makes and keeps", block.name());
        if let Err(source) = memory::fits::<T>(
            what,
            dims.n_out.saturating_add(kept),
            "record smaller matrices",
        ) {
            return self.fail(Error::Block {
                source: Box::new(source),
                at,
            });
        }
        let mut record = self.record.borrow_mut();
        let Record {
            entries,
            sources,
            values,
            stack,
            extra,
            paused,
            ..
        } = &mut *record;
        let (start, first_source) = (values.len(), sources.len() as u32);
        let side_by_side = operands.windows(2).all(|pair| {
            let [left, right] = [pair[0].entry(), pair[1].entry()];
            entries[left].start + pair[0].len() == entries[right].start
        });
        values.resize(start + dims.n_out, T::zero());
        let (before, y) = values.split_at_mut(start);
        let x = if side_by_side {
            &before[entries[operands[0].entry()].start..][..rows]
        } else {
            stack.clear();
            for var in operands {
                stack.extend_from_slice(&before[entries[var.entry()].start..][..var.len()]);
            }
            &stack[..]
        };
        extra.resize(kept, T::zero());
        let (x, y) = (Mat::new(x, rows, 1), MatMut::new(y, dims.n_out, 1));
        T::of(&*block).forward(&[], x, y, extra);
        let recording = *paused == 0;
        if recording {
            sources.extend(operands.iter().map(|var| var.entry() as u32));
        }
        entries.push(Entry {
            kind: if recording {
                Kind::Made { stopped }
            } else {
                Kind::Leaf { watched: false }
            },
            block: recording.then_some(block),
            first_source,
            start,
            nrows,
            ncols,
            at,
        });
        Var::new(self, entries.len() - 1, shape)
    }

    /// A value standing for what is wrong with an operand, if anything is.
    fn fault_of<'t>(
        &'t self,
        op: &str,
        var: &Var<'t, T>,
        at: &'static Location<'static>,
    ) -> Option<Var<'t, T>> {
        if !self.owns(var) {
            let other = var.fault();
            return Some(
                self.fail(other.unwrap_or_else(|| Error::OtherTape { op: op.into(), at })),
            );
        }
        var.is_faulty().then_some(*var)
    }

    pub fn owns(&self, var: &Var<'_, T>) -> bool {
        self.id == var.inner().id
    }

    /// Whether a value can be asked about here.
    pub fn check(&self, op: &str, var: &Var<'_, T>, at: &'static Location<'static>) -> Result<()> {
        match var.fault() {
            Some(fault) => Err(fault),
            None if self.owns(var) => Ok(()),
            None => Err(Error::OtherTape { op: op.into(), at }),
        }
    }
}

fn small((nrows, ncols): (usize, usize)) -> Option<(u32, u32)> {
    Some((u32::try_from(nrows).ok()?, u32::try_from(ncols).ok()?))
}
