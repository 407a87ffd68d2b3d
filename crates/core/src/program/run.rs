//! The interpreter of placed programs: it looks nothing up and allocates nothing.

use super::place::{Place, Span, Step};
use super::{Act, Asked, At, Code, Given};
use crate::finite::first_not_finite;
use crate::graph::Wrt;
use crate::graph::singular::{in_doubt, output_in_doubt};
use crate::linalg::sum;
use crate::planes::{Cotangents, DotOp, DotPoint, Moving, Planes, PlanesMut};
use crate::primal::disjoint;
use crate::{Mat, MatMut, Op, Point, Result, Scalar};

/// The caller's matrices for one run.
#[derive(Debug)]
pub struct Frame<'f, T> {
    params: &'f [T],
    given: [Mat<'f, T>; 4],
    asked: [MatMut<'f, T>; 6],
    /// Columns of one place for a seed: 1 where there is one for all, and the seeds of this run.
    seeds: [usize; 2],
    shift: usize,
}

impl<'f, T> Frame<'f, T> {
    /// Parameters and inputs, for the seeds that the program was emitted for.
    #[inline]
    pub fn new(code: &Code, params: &'f [T], x: Mat<'f, T>) -> Self {
        let nothing = Mat::empty();
        Self {
            params,
            given: [x, nothing, nothing, nothing],
            asked: std::array::from_fn(|_| MatMut::new(&mut [], 0, 0)),
            seeds: [1, code.seeds()],
            shift: 0,
        }
    }

    /// Hands in a matrix.
    #[inline]
    #[must_use]
    pub fn give(mut self, which: Given, matrix: Mat<'f, T>) -> Self {
        self.given[which as usize] = matrix;
        self
    }

    /// Says where a result goes.
    #[inline]
    #[must_use]
    pub fn ask(mut self, which: Asked, matrix: MatMut<'f, T>) -> Self {
        self.asked[which as usize] = matrix;
        self
    }

    /// Runs with less seeds than the program was emitted for.
    #[inline]
    #[must_use]
    pub const fn seeds(mut self, seeds: usize) -> Self {
        self.seeds = [1, seeds];
        self
    }

    /// The first seed of a run: unit vectors are counted from it.
    #[inline]
    #[must_use]
    pub const fn shift(mut self, first: usize) -> Self {
        self.shift = first;
        self
    }
}

/// All that an instruction may read: the caller's matrices, and the arena on both sides of what it writes.
struct Rest<'a, T> {
    given: &'a [Mat<'a, T>; 4],
    seeds: &'a [usize; 2],
    low: &'a [T],
    high: &'a [T],
    /// Where `high` starts.
    from: usize,
}

impl Place {
    /// Where the numbers of a buffer lie that is written or read whole.
    fn whole(&self) -> std::ops::Range<usize> {
        match *self {
            Self::Dense { start, len, .. } => start..start + len as usize,
            Self::Arena {
                start, rows, cols, ..
            } => start..start + rows as usize * cols as usize,
            _ => 0..0,
        }
    }

    const fn in_arena(&self) -> bool {
        matches!(self, Self::Dense { .. } | Self::Arena { .. })
    }
}

impl Span {
    #[inline(always)]
    const fn range(self, times: usize) -> (usize, usize) {
        let start = self.start as usize;
        (start, start + self.len as usize * times)
    }
}

/// A view taken apart: its numbers, rows, columns and stride. Views are put together where they are handed on: one that was
/// chosen among several would be copied right after it was written, word by word, which the processor waits for.
type Parts<'a, T> = (&'a [T], usize, usize, usize);

/// The same of a view to write to.
type PartsMut<'a, T> = (&'a mut [T], usize, usize, usize);

#[inline(always)]
fn view<T>((data, rows, cols, stride): Parts<'_, T>) -> Mat<'_, T> {
    Mat::spanning(data, rows, cols, stride)
}

#[inline(always)]
fn view_mut<T>((data, rows, cols, stride): PartsMut<'_, T>) -> MatMut<'_, T> {
    MatMut::spanning(data, rows, cols, stride)
}

impl<'a, T> Rest<'a, T> {
    /// All of the arena, where nothing is written.
    const fn all(given: &'a [Mat<'a, T>; 4], seeds: &'a [usize; 2], arena: &'a [T]) -> Self {
        Self {
            given,
            seeds,
            low: arena,
            high: &[],
            from: usize::MAX,
        }
    }

    #[inline(always)]
    fn mat(&self, place: &Place) -> Mat<'a, T> {
        view(self.parts(place))
    }

    #[inline(always)]
    fn parts(&self, place: &Place) -> Parts<'a, T> {
        match *place {
            Place::Dense {
                start,
                len,
                rows,
                cols,
            } => {
                let (part, start) = if start < self.from {
                    (self.low, start)
                } else {
                    (self.high, start - self.from)
                };
                let (rows, cols) = (rows as usize, cols as usize);
                (&part[start..][..len as usize], rows, cols, rows)
            }
            Place::Arena {
                start,
                rows,
                cols,
                stride,
                seeded,
            } => {
                let cols = cols as usize * self.seeds[usize::from(seeded)];
                let (rows, stride) = (rows as usize, stride as usize);
                let len = span(rows, cols, stride);
                let (part, start) = if start < self.from {
                    (self.low, start)
                } else {
                    (self.high, start - self.from)
                };
                (&part[start..][..len], rows, cols, stride)
            }
            Place::Given {
                which,
                seeded,
                rows,
                cols,
            } => {
                let all = self.given[which as usize];
                let (rows, cols) = (rows.range(1), cols.range(self.seeds[usize::from(seeded)]));
                if rows == (0, all.nrows()) && cols == (0, all.ncols()) {
                    return (all.data(), all.nrows(), all.ncols(), all.stride());
                }
                let some = all.rows(rows.0..rows.1).cols(cols.0..cols.1);
                (some.data(), some.nrows(), some.ncols(), some.stride())
            }
            Place::Empty { rows, cols } => (&[], rows as usize, cols as usize, rows as usize),
            Place::Nothing | Place::Asked { .. } => (&[], 0, 0, 0),
        }
    }

    /// A matrix that may not be there.
    fn given(&self, place: &Place) -> Option<Mat<'a, T>> {
        (*place != Place::Nothing).then(|| self.mat(place))
    }
}

/// Numbers from the first entry to the last: a run has some seeds, and a place some entries.
#[inline(always)]
const fn span(rows: usize, cols: usize, stride: usize) -> usize {
    (cols - 1) * stride + rows
}

/// What an instruction writes, taken apart, and what it may read: the arena on both sides of it, with where the second starts.
type Cut<'a, T> = (
    (&'a mut [T], usize, usize, usize),
    (&'a [T], &'a [T], usize),
);

/// Cuts what an instruction writes out of what it may read.
#[inline(always)]
fn cut<'a, T>(
    to: &Place,
    asked: &'a mut [MatMut<'_, T>; 6],
    seeds: &[usize; 2],
    arena: &'a mut [T],
) -> Cut<'a, T> {
    match *to {
        Place::Dense {
            start,
            len,
            rows,
            cols,
        } => {
            let (low, tail) = arena.split_at_mut(start);
            let (to, high) = tail.split_at_mut(len as usize);
            let (rows, cols) = (rows as usize, cols as usize);
            ((to, rows, cols, rows), (low, high, start + len as usize))
        }
        Place::Arena {
            start,
            rows,
            cols,
            stride,
            seeded,
        } => {
            let (rows, stride) = (rows as usize, stride as usize);
            let cols = cols as usize * seeds[usize::from(seeded)];
            let len = span(rows, cols, stride);
            let (low, tail) = arena.split_at_mut(start);
            let (to, high) = tail.split_at_mut(len);
            ((to, rows, cols, stride), (low, high, start + len))
        }
        Place::Asked {
            which,
            seeded,
            rows,
            cols,
        } => {
            let all = asked[which as usize].rb_mut();
            let (rows, cols) = (rows.range(1), cols.range(seeds[usize::from(seeded)]));
            let some = if rows == (0, all.nrows()) && cols == (0, all.ncols()) {
                all
            } else {
                all.rows(rows.0..rows.1).cols(cols.0..cols.1)
            };
            let (nrows, ncols, stride) = (some.nrows(), some.ncols(), some.stride());
            let rest: (&[T], &[T], usize) = (arena, &[], usize::MAX);
            ((some.into_data(), nrows, ncols, stride), rest)
        }
        Place::Nothing | Place::Empty { .. } | Place::Given { .. } => {
            let (rows, cols) = match *to {
                Place::Empty { rows, cols } => (rows as usize, cols as usize),
                _ => (0, 0),
            };
            let rest: (&[T], &[T], usize) = (arena, &[], usize::MAX);
            ((&mut [], rows, cols, rows), rest)
        }
    }
}

impl Code {
    /// Runs one path. At a [`Act::Check`], `check` is told by what derivatives are in doubt, since a slope or the output is
    /// not finite; its error ends the run.
    ///
    /// # Errors
    /// Those of `check`.
    ///
    /// # Panics
    /// If a matrix of the frame has not the shape that the program was emitted for, or the arena is not as long as
    /// [`Code::len`] and [`Code::scratch_len`] say.
    #[inline]
    pub fn run<T: Scalar>(
        &self,
        path: usize,
        frame: &mut Frame<'_, T>,
        arena: &mut [T],
        scratch: &mut [T],
        mut check: impl FnMut(Wrt) -> Result<()>,
    ) -> Result<()> {
        let mut doubt = Wrt::NOTHING;
        for range in &self.paths[path] {
            for step in &self.steps[range.start as usize..range.end as usize] {
                if step.forks {
                    match step.act {
                        Act::Dot(op, moving) => self.along(op, moving, step, frame, arena, scratch),
                        _ => self.forward_extra(step, frame, arena),
                    }
                } else {
                    let (to, (low, high, from)) =
                        cut(&step.to, &mut frame.asked, &frame.seeds, arena);
                    let rest = Rest {
                        given: &frame.given,
                        seeds: &frame.seeds,
                        low,
                        high,
                        from,
                    };
                    let from = rest.parts(&step.from);
                    match step.act {
                        Act::Map(op) => {
                            let first = step.first.wrapping_add(frame.shift);
                            self.map(op, first, step, frame.params, (from, to), &rest, scratch);
                        }
                        Act::Check => check(doubt | output_in_doubt(view(from)))?,
                        act => {
                            let first = step.first.wrapping_add(frame.shift);
                            moved(act, self.batch(), first, view(from), view_mut(to));
                        }
                    }
                }
                if step.watched {
                    doubt |= self.doubt(step, frame, arena);
                }
            }
        }
        Ok(())
    }

    /// A forward map that writes two buffers.
    #[inline(never)]
    fn forward_extra<T: Scalar>(&self, step: &Step, frame: &mut Frame<'_, T>, arena: &mut [T]) {
        let extra = &self.points[step.at as usize].extra;
        let (block, params) = (T::of(&*step.block), &frame.params[step.params.clone()]);
        let span = Place::whole;
        let from = if step.over { 0..0 } else { span(&step.from) };
        let [x, y, extra] = disjoint(arena, [&from, &span(&step.to), &span(extra)]);
        let y = MatMut::new(y, block.dims().n_out, self.batch());
        if step.over {
            return block.forward_in_place(params, y, extra);
        }
        let x = match step.from {
            Place::Dense { rows, cols, .. } | Place::Arena { rows, cols, .. } => {
                Mat::new(x, rows as usize, cols as usize)
            }
            ref from => Rest::all(&frame.given, &frame.seeds, &[]).mat(from),
        };
        block.forward(params, x, y, extra);
    }

    /// By what the slopes of a watched node, which was just run, put derivatives in doubt: next to nothing to look at where
    /// a finite input settles it.
    #[inline(never)]
    fn doubt<T: Scalar>(&self, step: &Step, frame: &Frame<'_, T>, arena: &[T]) -> Wrt {
        let watched = &self.nodes[step.node as usize];
        let all = Rest::all(&frame.given, &frame.seeds, arena);
        let read = step.from.in_arena();
        if watched.with_input && read && first_not_finite(all.mat(&step.from)).is_none() {
            return Wrt::NOTHING;
        }
        let at = Point {
            params: &frame.params[step.params.clone()],
            x: if watched.keeps_x {
                self.alone(all.mat(&step.from))
            } else {
                Mat::empty()
            },
            y: self.alone(all.mat(&step.to)),
            extra: all.mat(&self.points[step.at as usize].extra).data(),
            batch: self.batch(),
        };
        in_doubt(T::of(&*step.block), &at, watched.by, watched.second)
    }

    /// A value without the tangent that may lie behind it.
    fn alone<'a, T>(&self, both: Mat<'a, T>) -> Mat<'a, T> {
        both.cols(0..self.batch().min(both.ncols()))
    }

    /// Calls a map of first derivatives, or a forward map that writes nothing besides.
    #[allow(clippy::too_many_arguments)]
    #[inline(always)]
    fn map<T: Scalar>(
        &self,
        op: Op,
        first: usize,
        step: &Step,
        params: &[T],
        (from, to): (Parts<'_, T>, PartsMut<'_, T>),
        rest: &Rest<'_, T>,
        scratch: &mut [T],
    ) {
        let batch = self.batch();
        let (block, params) = (T::of(&*step.block), &params[step.params.clone()]);
        if op == Op::Forward {
            return if step.over {
                block.forward_in_place(params, view_mut(to), &mut [])
            } else {
                block.forward(params, view(from), view_mut(to), &mut [])
            };
        }
        let At { x, y, extra } = &self.points[step.at as usize];
        let at = Point {
            params,
            x: rest.mat(x),
            y: rest.mat(y),
            extra: rest.mat(extra).data(),
            batch,
        };
        match op {
            Op::Forward => {}
            Op::JvpInput if step.over => block.jvp_input_in_place(&at, view_mut(to), scratch),
            Op::VjpInput if step.over => block.vjp_input_in_place(&at, view_mut(to), scratch),
            Op::JvpInput => block.jvp_input(&at, view(from), view_mut(to), scratch),
            Op::VjpInput => block.vjp_input(&at, view(from), view_mut(to), scratch),
            Op::JvpParams(acc) => block.jvp_params(&at, view(from), acc, view_mut(to), scratch),
            Op::UnitParams(acc) => block.unit_params(&at, first, acc, view_mut(to), scratch),
            Op::VjpParams(acc) if to.2 == 1 => {
                block.vjp_params(&at, view(from), acc, &mut to.0[..to.1], scratch);
            }
            Op::VjpParams(acc) => {
                let (from, mut to) = (view(from), view_mut(to));
                let columns = from.ncols() / to.ncols();
                for k in 0..to.ncols() {
                    let bar = from.cols(k * columns..(k + 1) * columns);
                    // A column for each seed, or for each sample: then its part of the point alone.
                    if columns == batch {
                        block.vjp_params(&at, bar, acc, to.col_mut(k), scratch);
                    } else {
                        let at = at.sample(k % batch);
                        block.vjp_params(&at, bar, acc, to.col_mut(k), scratch);
                    }
                }
            }
        }
    }
}

/// Along a direction, with values and tangents, or cotangents and their derivatives, side by side.
impl Code {
    #[inline(never)]
    fn along<T: Scalar>(
        &self,
        op: DotOp,
        moving: Moving,
        step: &Step,
        frame: &mut Frame<'_, T>,
        arena: &mut [T],
        scratch: &mut [T],
    ) {
        let batch = self.batch();
        let (block, params) = (T::of(&*step.block), &frame.params[step.params.clone()]);
        let params_dot = frame.given[Given::ParamsDot as usize];
        let params_dot = moving
            .params
            .then(|| &params_dot.data()[step.params.clone()]);
        let [x_dot, extra_dot] = &self.dots[step.dot as usize];
        let At { x, y, extra } = &self.points[step.at as usize];
        if op == DotOp::Forward {
            let span = Place::whole;
            let ranges = [&step.from, &step.to, extra, extra_dot].map(span);
            let [from, to, extra, extra_dot] =
                disjoint(arena, [&ranges[0], &ranges[1], &ranges[2], &ranges[3]]);
            let rest = Rest::all(&frame.given, &frame.seeds, &[]);
            let x = match step.from {
                Place::Dense { rows, cols, .. } | Place::Arena { rows, cols, .. } => {
                    planes(Mat::new(from, rows as usize, cols as usize), None, batch)
                }
                ref given => planes(rest.mat(given), rest.given(x_dot), batch),
            };
            let y = PlanesMut::values(MatMut::new(to, block.dims().n_out, 2 * batch));
            block.forward_dot(params, params_dot, x, y, extra, extra_dot, scratch);
            return;
        }
        let (to, (low, high, from)) = cut(&step.to, &mut frame.asked, &frame.seeds, arena);
        let mut to = view_mut(to);
        let rest = Rest {
            given: &frame.given,
            seeds: &frame.seeds,
            low,
            high,
            from,
        };
        let at = DotPoint {
            params,
            params_dot,
            x: planes(rest.mat(x), rest.given(x_dot), batch),
            y: planes(rest.mat(y), None, batch),
            extra: rest.mat(extra).data(),
            extra_dot: rest.mat(extra_dot).data(),
            batch,
        };
        let bar = Cotangents::new(rest.mat(&step.from));
        match op {
            DotOp::Forward => {}
            DotOp::VjpInput => block.vjp_input_dot(&at, bar, PlanesMut::cotangents(to), scratch),
            DotOp::VjpParams(acc) => block.vjp_params_dot(&at, bar, acc, to.col_mut(0), scratch),
        }
    }
}

/// A value with the tangent that lies beside it, or that is given.
fn planes<'a, T>(mat: Mat<'a, T>, dot: Option<Mat<'a, T>>, batch: usize) -> Planes<'a, T> {
    if mat.ncols() == 2 * batch {
        Planes::values(mat)
    } else {
        Planes::new(mat, dot)
    }
}

/// What an engine does itself.
fn moved<T: Scalar>(act: Act, batch: usize, first: usize, from: Mat<'_, T>, mut to: MatMut<'_, T>) {
    match act {
        Act::Map(_) | Act::Dot(..) | Act::Check => {}
        Act::Copy => to.copy_from(from),
        Act::Stop => {
            for j in 0..to.ncols() {
                let pairs = to.col_mut(j).iter_mut().zip(from.col(j));
                pairs.for_each(|(to, from)| *to = from.stopped());
            }
        }
        Act::Add => {
            for j in 0..to.ncols() {
                let pairs = to.col_mut(j).iter_mut().zip(from.col(j));
                pairs.for_each(|(to, &from)| *to += from);
            }
        }
        Act::Zero => to.fill(T::zero()),
        Act::Ones => to.fill(T::one()),
        Act::Unit => {
            to.fill(T::zero());
            for j in 0..to.ncols() {
                to.col_mut(j)[first + j / batch] = T::one();
            }
        }
        Act::Sum => {
            let entries = to.nrows() * to.ncols();
            let columns = from.ncols() / entries.max(1);
            for (k, to) in to.data_mut().iter_mut().enumerate() {
                *to = sum(from.cols(k * columns..(k + 1) * columns));
            }
        }
    }
}

/// A program with its numbers.
#[derive(Clone, Debug)]
pub struct Machine<T> {
    code: Code,
    arena: Vec<T>,
    scratch: Vec<T>,
}

impl<T: Scalar> Machine<T> {
    /// A placed program and its buffers, which are allocated here.
    pub fn new(code: Code) -> Self {
        Self {
            arena: vec![T::zero(); code.len()],
            scratch: vec![T::zero(); code.scratch_len()],
            code,
        }
    }

    /// The program.
    #[inline]
    pub const fn code(&self) -> &Code {
        &self.code
    }

    /// Gives the buffers back, where another program is about to ask for its own. It cannot run any more.
    pub fn release(&mut self) {
        (self.arena, self.scratch) = (Vec::new(), Vec::new());
    }

    /// Runs one path: [`Code::run`].
    ///
    /// # Errors
    /// Those of `check`.
    #[inline]
    pub fn run(
        &mut self,
        path: usize,
        frame: &mut Frame<'_, T>,
        check: impl FnMut(Wrt) -> Result<()>,
    ) -> Result<()> {
        let Self {
            code,
            arena,
            scratch,
        } = self;
        code.run(path, frame, arena, scratch, check)
    }

    /// What the program left for the caller.
    pub fn output(&self) -> Mat<'_, T> {
        match self.code.output {
            Place::Dense {
                start, rows, cols, ..
            }
            | Place::Arena {
                start, rows, cols, ..
            } => Mat::new(&self.arena[start..], rows as usize, cols as usize),
            _ => Mat::empty(),
        }
    }
}
