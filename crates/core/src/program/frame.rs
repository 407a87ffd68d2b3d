//! What a run is given: the caller's matrices, and the views of them and of the arena that an instruction reads and writes.

use std::ops::Range;

use super::finals::{Finals, Told};
use super::place::{Place, Region, Step};
use super::{Asked, Code, Given};
use crate::{Mat, MatMut};

/// The caller's matrices for one run.
#[derive(Debug)]
pub struct Frame<'f, T> {
    pub(super) reads: Reads<'f, T>,
    asked: [MatMut<'f, T>; 6],
    pub(super) told: Option<Told<'f, T>>,
}

/// What of it is read.
#[derive(Debug)]
pub(super) struct Reads<'f, T> {
    pub params: &'f [T],
    pub given: [Mat<'f, T>; 4],
    /// Columns of one place for a seed: 1 where there is one for all, and the seeds of this run.
    seeds: [usize; 2],
    pub shift: usize,
    /// What unit vectors and ones are made of, where that is not 1.
    pub unit: Option<T>,
    /// Where the regions of the arena start.
    pub bases: [usize; 3],
}

impl<T> Reads<'_, T> {
    /// The first unit vector of a step.
    #[inline(always)]
    pub(super) const fn first(&self, step: &Step) -> usize {
        self.shift.wrapping_add_signed(step.first as isize)
    }
}

impl<'f, T> Frame<'f, T> {
    /// Parameters and inputs, for the seeds that the program was emitted for.
    #[inline]
    pub fn new(code: &Code, params: &'f [T], x: Mat<'f, T>) -> Self {
        let nothing = Mat::empty();
        Self {
            reads: Reads {
                params,
                given: [x, nothing, nothing, nothing],
                seeds: [1, code.seeds()],
                shift: 0,
                unit: None,
                bases: [0; 3],
            },
            asked: std::array::from_fn(|_| MatMut::new(&mut [], 0, 0)),
            told: None,
        }
    }

    /// Hands in a matrix.
    #[inline]
    #[must_use]
    pub fn give(mut self, which: Given, matrix: Mat<'f, T>) -> Self {
        self.reads.given[which as usize] = matrix;
        self
    }

    /// Says where a result goes.
    #[inline]
    #[must_use]
    pub fn ask(mut self, which: Asked, matrix: MatMut<'f, T>) -> Self {
        self.asked[which as usize] = matrix;
        self
    }

    /// Says who is told of each part of the gradient when it is final, in a run by [`super::Machine::run_down_to`];
    /// other runs tell nobody.
    #[must_use]
    pub fn tell(mut self, finals: &'f Finals, to: &'f mut dyn FnMut(Range<usize>, &[T])) -> Self {
        self.told = Some(Told::new(finals, to));
        self
    }

    /// Runs with fewer seeds than the program was emitted for.
    #[inline]
    #[must_use]
    pub const fn seeds(mut self, seeds: usize) -> Self {
        self.reads.seeds = [1, seeds];
        self
    }

    /// The first seed of a run: unit vectors are counted from it.
    #[inline]
    #[must_use]
    pub const fn shift(mut self, first: usize) -> Self {
        self.reads.shift = first;
        self
    }

    /// What the program's own seeds, ones and unit vectors, are made of: [`super::in_range`] says.
    #[inline]
    #[must_use]
    pub fn unit(mut self, unit: Option<T>) -> Self {
        self.reads.unit = unit;
        self
    }
}

/// All that an instruction may read: the caller's matrices, and the arena on both sides of what it writes.
///
/// `STAGED`: whether regions of the arena lie anywhere but at its start. Else nothing is added to where a view starts.
pub(super) struct Rest<'a, T, const STAGED: bool> {
    pub reads: &'a Reads<'a, T>,
    low: &'a [T],
    high: &'a [T],
    /// Where `high` starts.
    from: usize,
}

/// A view taken apart: its numbers, rows, columns and stride. Views are put together where they are handed on: one that was
/// chosen among several would be copied right after it was written, word by word, which the processor waits for.
pub(super) type Parts<'a, T> = (&'a [T], usize, usize, usize);

/// The same of a view to write to.
pub(super) type PartsMut<'a, T> = (&'a mut [T], usize, usize, usize);

#[inline(always)]
pub(super) fn view<T>((data, rows, cols, stride): Parts<'_, T>) -> Mat<'_, T> {
    Mat::spanning(data, rows, cols, stride)
}

#[inline(always)]
pub(super) fn view_mut<T>((data, rows, cols, stride): PartsMut<'_, T>) -> MatMut<'_, T> {
    MatMut::spanning(data, rows, cols, stride)
}

impl<'a, T, const STAGED: bool> Rest<'a, T, STAGED> {
    #[inline(always)]
    pub(super) fn mat(&self, place: &Place) -> Mat<'a, T> {
        view(self.parts(place))
    }

    /// Numbers of the arena, which lie on one side of what is written.
    #[inline(always)]
    fn numbers(&self, region: Region, start: usize, len: usize) -> &'a [T] {
        let start = based::<STAGED>(&self.reads.bases, region, start);
        let (part, start) = if start < self.from {
            (self.low, start)
        } else {
            (self.high, start - self.from)
        };
        &part[start..][..len]
    }

    #[inline(always)]
    pub(super) fn parts(&self, place: &Place) -> Parts<'a, T> {
        match *place {
            Place::Dense {
                region,
                start,
                len,
                rows,
                cols,
            } => {
                let (rows, cols) = (rows as usize, cols as usize);
                let numbers = self.numbers(region, start, len as usize);
                (numbers, rows, cols, rows)
            }
            Place::Arena {
                region,
                start,
                rows,
                cols,
                stride,
                seeded,
            } => {
                let cols = cols as usize * self.reads.seeds[usize::from(seeded)];
                let (rows, stride) = (rows as usize, stride as usize);
                let numbers = self.numbers(region, start, span(rows, cols, stride));
                (numbers, rows, cols, stride)
            }
            Place::Given {
                which,
                seeded,
                rows,
                cols,
            } => {
                let mut all = self.reads.given[which as usize];
                let (rows, cols) = (
                    rows.range(1),
                    cols.range(self.reads.seeds[usize::from(seeded)]),
                );
                if rows != (0, all.nrows()) {
                    all = all.rows(rows.0..rows.1);
                }
                if cols != (0, all.ncols()) {
                    all = all.cols(cols.0..cols.1);
                }
                (all.data(), all.nrows(), all.ncols(), all.stride())
            }
            Place::Empty { rows, cols } => (&[], rows as usize, cols as usize, rows as usize),
            Place::Nothing | Place::Asked { .. } => (&[], 0, 0, 0),
        }
    }

    /// A matrix that may not be there.
    pub(super) fn given(&self, place: &Place) -> Option<Mat<'a, T>> {
        (*place != Place::Nothing).then(|| self.mat(place))
    }
}

/// Where a view starts in the arena.
#[inline(always)]
const fn based<const STAGED: bool>(bases: &[usize; 3], region: Region, start: usize) -> usize {
    if STAGED {
        start + bases[region as usize]
    } else {
        start
    }
}

/// Numbers from the first entry to the last: a run has some seeds, and a place some entries.
#[inline(always)]
const fn span(rows: usize, cols: usize, stride: usize) -> usize {
    (cols - 1) * stride + rows
}

/// What an instruction writes, taken apart, and the arena on both sides of it, with where the second starts.
type Parted<'a, T> = (PartsMut<'a, T>, (&'a [T], &'a [T], usize));

/// Cuts a part out of the arena.
#[inline(always)]
fn parted<T>(
    arena: &mut [T],
    start: usize,
    len: usize,
    (rows, cols, stride): (usize, usize, usize),
) -> Parted<'_, T> {
    let (low, tail) = arena.split_at_mut(start);
    let (to, high) = tail.split_at_mut(len);
    ((to, rows, cols, stride), (low, high, start + len))
}

impl<T> Frame<'_, T> {
    /// Cuts what an instruction writes out of what it may read.
    #[inline(always)]
    pub(super) fn cut<'a, const STAGED: bool>(
        &'a mut self,
        to: &Place,
        arena: &'a mut [T],
    ) -> (PartsMut<'a, T>, Rest<'a, T, STAGED>) {
        let Reads { seeds, bases, .. } = &self.reads;
        let (to, (low, high, from)): Parted<'a, T> = match *to {
            Place::Dense {
                region,
                start,
                len,
                rows,
                cols,
            } => {
                let (rows, cols) = (rows as usize, cols as usize);
                let start = based::<STAGED>(bases, region, start);
                parted(arena, start, len as usize, (rows, cols, rows))
            }
            Place::Arena {
                region,
                start,
                rows,
                cols,
                stride,
                seeded,
            } => {
                let start = based::<STAGED>(bases, region, start);
                let (rows, stride) = (rows as usize, stride as usize);
                let cols = cols as usize * seeds[usize::from(seeded)];
                let len = span(rows, cols, stride);
                parted(arena, start, len, (rows, cols, stride))
            }
            Place::Asked {
                which,
                seeded,
                rows,
                cols,
            } => {
                let mut all = self.asked[which as usize].rb_mut();
                let (rows, cols) = (rows.range(1), cols.range(seeds[usize::from(seeded)]));
                if rows != (0, all.nrows()) {
                    all = all.rows(rows.0..rows.1);
                }
                if cols != (0, all.ncols()) {
                    all = all.cols(cols.0..cols.1);
                }
                let (nrows, ncols, stride) = (all.nrows(), all.ncols(), all.stride());
                let to = (all.into_data(), nrows, ncols, stride);
                (to, (arena, &[], usize::MAX))
            }
            Place::Empty { rows, cols } => {
                let to: PartsMut<'a, T> = (&mut [], rows as usize, cols as usize, rows as usize);
                (to, (arena, &[], usize::MAX))
            }
            Place::Nothing | Place::Given { .. } => ((&mut [], 0, 0, 0), (arena, &[], usize::MAX)),
        };
        let rest = Rest {
            reads: &self.reads,
            low,
            high,
            from,
        };
        (to, rest)
    }

    /// All of the arena to read, where nothing is written.
    pub(super) const fn rest<'a>(&'a self, arena: &'a [T]) -> Rest<'a, T, true> {
        Rest {
            reads: &self.reads,
            low: arena,
            high: &[],
            from: usize::MAX,
        }
    }

    /// Tells of a part of the gradient.
    pub(super) fn tell_of(&mut self, part: &Range<usize>) {
        let gradient = self.asked[Asked::ParamsBar as usize].rb();
        if let Some(told) = &mut self.told {
            told.of(part, gradient.col(0));
        }
    }

    /// What was written to a place.
    pub(super) fn written<'a>(&'a self, place: &Place, arena: &'a [T]) -> Mat<'a, T> {
        let Place::Asked {
            which,
            seeded,
            rows,
            cols,
        } = *place
        else {
            return self.rest(arena).mat(place);
        };
        let (rows, cols) = (
            rows.range(1),
            cols.range(self.reads.seeds[usize::from(seeded)]),
        );
        let all = self.asked[which as usize].rb();
        all.rows(rows.0..rows.1).cols(cols.0..cols.1)
    }
}
