//! The interpreter of placed programs: it looks nothing up and allocates nothing.

use super::place::{Called, Place, Span, Step};
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
    seeds: [usize; 2],
    low: &'a [T],
    high: &'a [T],
    /// Where `high` starts.
    from: usize,
}

impl Span {
    #[inline(always)]
    const fn range(self, times: usize) -> (usize, usize) {
        let start = self.start as usize;
        (start, start + self.len as usize * times)
    }
}

impl<'a, T> Rest<'a, T> {
    #[inline(always)]
    fn mat(&self, place: &Place) -> Mat<'a, T> {
        match *place {
            Place::Arena {
                start,
                rows,
                cols,
                stride,
                seeded,
            } => {
                let part = if start < self.from {
                    &self.low[start..]
                } else {
                    &self.high[start - self.from..]
                };
                let cols = cols as usize * self.seeds[usize::from(seeded)];
                Mat::with_stride(part, rows as usize, cols, stride as usize)
            }
            Place::Given {
                which,
                seeded,
                rows,
                cols,
            } => {
                let all = self.given[which as usize];
                let (rows, cols) = (rows.range(1), cols.range(self.seeds[usize::from(seeded)]));
                let some = if rows == (0, all.nrows()) {
                    all
                } else {
                    all.rows(rows.0..rows.1)
                };
                if cols == (0, all.ncols()) {
                    some
                } else {
                    some.cols(cols.0..cols.1)
                }
            }
            Place::Nothing | Place::Asked { .. } => Mat::empty(),
        }
    }

    /// A matrix that may not be there.
    fn given(&self, place: &Place) -> Option<Mat<'a, T>> {
        (*place != Place::Nothing).then(|| self.mat(place))
    }
}

/// What an instruction writes, cut out of what it may read.
#[inline(always)]
fn cut<'a, T>(
    to: &Place,
    given: &'a [Mat<'a, T>; 4],
    asked: &'a mut [MatMut<'_, T>; 6],
    seeds: [usize; 2],
    arena: &'a mut [T],
) -> (MatMut<'a, T>, Rest<'a, T>) {
    match *to {
        Place::Arena {
            start,
            rows,
            cols,
            stride,
            seeded,
        } => {
            let (rows, stride) = (rows as usize, stride as usize);
            let cols = cols as usize * seeds[usize::from(seeded)];
            let len = if rows == 0 || cols == 0 {
                0
            } else {
                (cols - 1) * stride + rows
            };
            let (low, tail) = arena.split_at_mut(start);
            let (to, high) = tail.split_at_mut(len);
            let rest = Rest {
                given,
                seeds,
                low,
                high,
                from: start + len,
            };
            (MatMut::with_stride(to, rows, cols, stride), rest)
        }
        Place::Asked {
            which,
            seeded,
            rows,
            cols,
        } => {
            let all = asked[which as usize].rb_mut();
            let (rows, cols) = (rows.range(1), cols.range(seeds[usize::from(seeded)]));
            let to = if rows == (0, all.nrows()) {
                all
            } else {
                all.rows(rows.0..rows.1)
            };
            let to = if cols == (0, to.ncols()) {
                to
            } else {
                to.cols(cols.0..cols.1)
            };
            let rest = Rest {
                given,
                seeds,
                low: arena,
                high: &[],
                from: usize::MAX,
            };
            (to, rest)
        }
        Place::Nothing | Place::Given { .. } => {
            let rest = Rest {
                given,
                seeds,
                low: arena,
                high: &[],
                from: usize::MAX,
            };
            (MatMut::new(&mut [], 0, 0), rest)
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
                match step.act {
                    Act::Map(Op::Forward) => doubt |= self.forward(step, frame, arena),
                    Act::Map(op) => self.derivative(op, step, frame, arena, scratch),
                    Act::Dot(op, moving) => {
                        doubt |= self.along(op, moving, step, frame, arena, scratch);
                    }
                    Act::Check => {
                        let (_, rest) =
                            cut(&step.to, &frame.given, &mut frame.asked, frame.seeds, arena);
                        check(doubt | output_in_doubt(rest.mat(&step.from)))?;
                    }
                    act => {
                        let (to, rest) =
                            cut(&step.to, &frame.given, &mut frame.asked, frame.seeds, arena);
                        let first = step.first.wrapping_add(frame.shift);
                        moved(act, self.batch(), first, rest.mat(&step.from), to);
                    }
                }
            }
        }
        Ok(())
    }

    /// Runs a node's forward map. Returns by what derivatives are in doubt, since a slope is not finite.
    #[inline(always)]
    fn forward<T: Scalar>(&self, step: &Step, frame: &mut Frame<'_, T>, arena: &mut [T]) -> Wrt {
        let called = &self.nodes[step.node as usize];
        let (block, params) = (T::of(&*called.block), &frame.params[called.params.clone()]);
        let extra = &self.points[step.at as usize].extra;
        if let Place::Arena { .. } = extra {
            self.forward_extra(step, extra, frame, arena);
        } else {
            let (to, rest) = cut(&step.to, &frame.given, &mut frame.asked, frame.seeds, arena);
            if step.over {
                block.forward_in_place(params, to, &mut []);
            } else {
                block.forward(params, rest.mat(&step.from), to, &mut []);
            }
        }
        if called.watched == Wrt::NOTHING {
            return Wrt::NOTHING;
        }
        self.doubt(called, step, frame, arena)
    }

    /// A forward map that writes two buffers.
    #[inline(never)]
    fn forward_extra<T: Scalar>(
        &self,
        step: &Step,
        extra: &Place,
        frame: &mut Frame<'_, T>,
        arena: &mut [T],
    ) {
        let called = &self.nodes[step.node as usize];
        let (block, params) = (T::of(&*called.block), &frame.params[called.params.clone()]);
        let span = |place: &Place| match *place {
            Place::Arena {
                start, rows, cols, ..
            } => start..start + rows as usize * cols as usize,
            _ => 0..0,
        };
        let from = if step.over { 0..0 } else { span(&step.from) };
        let [x, y, extra] = disjoint(arena, [&from, &span(&step.to), &span(extra)]);
        let y = MatMut::new(y, block.dims().n_out, self.batch());
        if step.over {
            return block.forward_in_place(params, y, extra);
        }
        let x = match step.from {
            Place::Arena { rows, cols, .. } => Mat::new(x, rows as usize, cols as usize),
            ref from => {
                let rest = Rest {
                    given: &frame.given,
                    seeds: frame.seeds,
                    low: &[],
                    high: &[],
                    from: 0,
                };
                rest.mat(from)
            }
        };
        block.forward(params, x, y, extra);
    }

    /// By what the slopes of a watched node, which was just run, put derivatives in doubt: next to nothing to look at where
    /// a finite input settles it.
    #[inline(never)]
    fn doubt<T: Scalar>(
        &self,
        called: &Called,
        step: &Step,
        frame: &Frame<'_, T>,
        arena: &[T],
    ) -> Wrt {
        let all = Rest {
            given: &frame.given,
            seeds: frame.seeds,
            low: arena,
            high: &[],
            from: usize::MAX,
        };
        let read = matches!(step.from, Place::Arena { .. }) && !step.over;
        if called.with_input && read && first_not_finite(all.mat(&step.from)).is_none() {
            return Wrt::NOTHING;
        }
        let at = Point {
            params: &frame.params[called.params.clone()],
            x: if called.keeps_x {
                self.alone(all.mat(&step.from))
            } else {
                Mat::empty()
            },
            y: self.alone(all.mat(&step.to)),
            extra: all.mat(&self.points[step.at as usize].extra).data(),
            batch: self.batch(),
        };
        in_doubt(T::of(&*called.block), &at, called.watched, called.second)
    }

    /// A value without the tangent that may lie behind it.
    fn alone<'a, T>(&self, both: Mat<'a, T>) -> Mat<'a, T> {
        both.cols(0..self.batch().min(both.ncols()))
    }

    #[inline(always)]
    fn derivative<T: Scalar>(
        &self,
        op: Op,
        step: &Step,
        frame: &mut Frame<'_, T>,
        arena: &mut [T],
        scratch: &mut [T],
    ) {
        let (called, batch) = (&self.nodes[step.node as usize], self.batch());
        let block = T::of(&*called.block);
        let (mut to, rest) = cut(&step.to, &frame.given, &mut frame.asked, frame.seeds, arena);
        let At { x, y, extra } = &self.points[step.at as usize];
        let at = Point {
            params: &frame.params[called.params.clone()],
            x: rest.mat(x),
            y: rest.mat(y),
            extra: rest.mat(extra).data(),
            batch,
        };
        match op {
            Op::Forward => {}
            Op::JvpInput if step.over => block.jvp_input_in_place(&at, to, scratch),
            Op::VjpInput if step.over => block.vjp_input_in_place(&at, to, scratch),
            Op::JvpInput => block.jvp_input(&at, rest.mat(&step.from), to, scratch),
            Op::VjpInput => block.vjp_input(&at, rest.mat(&step.from), to, scratch),
            Op::JvpParams(acc) => block.jvp_params(&at, rest.mat(&step.from), acc, to, scratch),
            Op::UnitParams(acc) => {
                let first = step.first.wrapping_add(frame.shift);
                block.unit_params(&at, first, acc, to, scratch);
            }
            Op::VjpParams(acc) => {
                let bar = rest.mat(&step.from);
                if to.ncols() == bar.ncols() && batch > 1 {
                    // A column for each sample: its part of the point alone.
                    for column in 0..to.ncols() {
                        let (at, bar) = (at.sample(column % batch), bar.cols(column..column + 1));
                        block.vjp_params(&at, bar, acc, to.col_mut(column), scratch);
                    }
                    return;
                }
                for seed in 0..to.ncols() {
                    let bar = bar.cols(seed * batch..(seed + 1) * batch);
                    block.vjp_params(&at, bar, acc, to.col_mut(seed), scratch);
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
    ) -> Wrt {
        let (called, batch) = (&self.nodes[step.node as usize], self.batch());
        let (block, params) = (T::of(&*called.block), &frame.params[called.params.clone()]);
        let params_dot = frame.given[Given::ParamsDot as usize];
        let params_dot = moving
            .params
            .then(|| &params_dot.data()[called.params.clone()]);
        let [x_dot, extra_dot] = &self.dots[step.dot as usize];
        let At { x, y, extra } = &self.points[step.at as usize];
        if op == DotOp::Forward {
            let span = |place: &Place| match *place {
                Place::Arena {
                    start, rows, cols, ..
                } => start..start + rows as usize * cols as usize,
                _ => 0..0,
            };
            let ranges = [&step.from, &step.to, extra, extra_dot].map(span);
            let [from, to, extra, extra_dot] =
                disjoint(arena, [&ranges[0], &ranges[1], &ranges[2], &ranges[3]]);
            let rest = Rest {
                given: &frame.given,
                seeds: frame.seeds,
                low: &[],
                high: &[],
                from: 0,
            };
            let x = match step.from {
                Place::Arena { rows, cols, .. } => {
                    planes(Mat::new(from, rows as usize, cols as usize), None, batch)
                }
                ref given => planes(rest.mat(given), rest.given(x_dot), batch),
            };
            let y = PlanesMut::values(MatMut::new(to, block.dims().n_out, 2 * batch));
            block.forward_dot(params, params_dot, x, y, extra, extra_dot, scratch);
            return match called.watched {
                Wrt::NOTHING => Wrt::NOTHING,
                _ => self.doubt(called, step, frame, arena),
            };
        }
        let (mut to, rest) = cut(&step.to, &frame.given, &mut frame.asked, frame.seeds, arena);
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
        Wrt::NOTHING
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
            Place::Arena {
                start,
                rows,
                cols,
                stride,
                ..
            } => Mat::with_stride(
                &self.arena[start..],
                rows as usize,
                cols as usize,
                stride as usize,
            ),
            _ => Mat::empty(),
        }
    }
}
