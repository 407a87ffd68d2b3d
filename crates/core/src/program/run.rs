//! The interpreter of placed programs: it looks nothing up and allocates nothing.

use super::frame::{Frame, Parts, PartsMut, Rest, view, view_mut};
use super::norms::{Way, join};
use super::place::{Place, Step};
use super::{Act, At, Code, Given};
use crate::arena::disjoint;
use crate::finite::first_not_finite;
use crate::graph::Wrt;
use crate::graph::singular::{in_doubt, output_in_doubt};
use crate::linalg::sum;
use crate::planes::{Cotangents, DotOp, DotPoint, Moving, Planes, PlanesMut};
use crate::team::by_columns;
use crate::{Accum, AnyBlock, Mat, MatMut, Op, Point, Result, Scalar};

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
            let steps = &self.steps[range.start as usize..range.end as usize];
            self.steps::<T, false>(steps, frame, arena, scratch, &mut doubt, &mut check)?;
        }
        Ok(())
    }

    /// Runs some steps, in doubt since the first of a run. Inlined where a call would be felt in the smallest networks; a module of
    /// WebAssembly is small first, and each question of an engine would have the whole interpreter once more.
    #[cfg_attr(target_family = "wasm", inline(never))]
    #[cfg_attr(not(target_family = "wasm"), inline(always))]
    pub(super) fn steps<T: Scalar, const STAGED: bool>(
        &self,
        steps: &[Step],
        frame: &mut Frame<'_, T>,
        arena: &mut [T],
        scratch: &mut [T],
        doubt: &mut Wrt,
        check: &mut dyn FnMut(Wrt) -> Result<()>,
    ) -> Result<()> {
        for step in steps {
            if step.forks {
                match step.act {
                    Act::Dot(op, moving) => self.along(op, moving, step, frame, arena, scratch),
                    // Its target lies where it reads.
                    Act::Copy => {}
                    Act::Map(op) if step.shared && !self.writes_extra(step) => {
                        self.shared(op, step, frame, arena);
                    }
                    _ => self.forward_extra(step, frame, arena),
                }
            } else {
                let (to, rest) = frame.cut::<STAGED>(&step.to, arena);
                let from = rest.parts(&step.from);
                match step.act {
                    Act::Map(op) => self.map(op, step, (from, to), &rest, scratch),
                    Act::Check => check(*doubt | output_in_doubt(view(from)))?,
                    act => {
                        self.by_engine(act, step, (from, to), &rest);
                    }
                }
            }
            if step.watched {
                *doubt |= self.doubt(step, frame, arena);
            }
        }
        Ok(())
    }

    /// Whether it is a forward map that writes two buffers.
    fn writes_extra(&self, step: &Step) -> bool {
        step.act.is_forward() && self.points[step.at as usize].extra != Place::Nothing
    }

    /// A forward map that writes two buffers.
    #[inline(never)]
    fn forward_extra<T: Scalar>(&self, step: &Step, frame: &mut Frame<'_, T>, arena: &mut [T]) {
        let extra = &self.points[step.at as usize].extra;
        let (block, params) = (
            T::of(&*step.block),
            &frame.reads.params[step.params.clone()],
        );
        let span = |place: &Place| place.whole(&frame.reads.bases);
        let rows = step.to.shape().0;
        if step.over {
            let [y, extra] = disjoint(arena, [&span(&step.to), &span(extra)]);
            let y = MatMut::new(y, rows, self.batch());
            // It was placed so since the block has the maps.
            if let Some(block) = block.in_place() {
                block.forward_in_place(params, y, extra);
            }
            return;
        }
        let [x, y, extra] = disjoint(arena, [&span(&step.from), &span(&step.to), &span(extra)]);
        let y = MatMut::new(y, rows, self.batch());
        let x = match step.from {
            Place::Dense { rows, cols, .. } | Place::Arena { rows, cols, .. } => {
                Mat::new(x, rows as usize, cols as usize)
            }
            ref from => frame.rest(&[]).mat(from),
        };
        if !step.shared {
            return block.forward(params, x, y, extra);
        }
        let extra = MatMut::new(extra, block.keeps().extra, self.batch());
        by_columns([y, extra], &|range, [y, extra]| {
            block.forward(params, x.cols(range), y, extra.into_data());
        });
    }

    /// By what the slopes of a watched node, which was just run, put derivatives in doubt: next to nothing to look at where
    /// a finite input settles it.
    #[inline(never)]
    fn doubt<T: Scalar>(&self, step: &Step, frame: &Frame<'_, T>, arena: &[T]) -> Wrt {
        let watched = &self.nodes[step.node as usize];
        let all = frame.rest(arena);
        let read = step.from.in_arena();
        if watched.with_input && read && first_not_finite(all.mat(&step.from)).is_none() {
            return Wrt::NOTHING;
        }
        let at = Point {
            params: &frame.reads.params[step.params.clone()],
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

    /// What an engine does itself.
    #[inline(always)]
    fn by_engine<T: Scalar, const STAGED: bool>(
        &self,
        act: Act,
        step: &Step,
        (from, to): (Parts<'_, T>, PartsMut<'_, T>),
        rest: &Rest<'_, T, STAGED>,
    ) {
        let first = (
            rest.reads.first(step),
            rest.reads.unit.unwrap_or_else(T::one),
        );
        match act {
            Act::WeightRows | Act::WeightColumns => {
                let own = &rest.reads.params[step.params.clone()];
                let own = (own, step.block.dims().n_out);
                weights(act, self.batch(), first, own, view_mut(to));
            }
            Act::Norms => {
                let x = self.points[step.at as usize].x;
                let way = Way::of(step.block.param_jacobian(), x != Place::Nothing);
                join(way, view(from), rest.mat(&x), to.0);
            }
            _ => moved(act, self.batch(), first, view(from), view_mut(to)),
        }
    }

    /// Calls a map of first derivatives, or a forward map that writes nothing besides.
    #[inline(always)]
    fn map<T: Scalar, const STAGED: bool>(
        &self,
        op: Op,
        step: &Step,
        (from, to): (Parts<'_, T>, PartsMut<'_, T>),
        rest: &Rest<'_, T, STAGED>,
        scratch: &mut [T],
    ) {
        let (block, batch) = (T::of(&*step.block), self.batch());
        let params = &rest.reads.params[step.params.clone()];
        if op == Op::Forward {
            return if !step.over {
                block.forward(params, view(from), view_mut(to), &mut []);
            } else if let Some(block) = block.in_place() {
                block.forward_in_place(params, view_mut(to), &mut []);
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
            // It was placed so since the block has the maps.
            Op::JvpInput | Op::VjpInput if step.over => match block.in_place() {
                Some(block) if op == Op::JvpInput => {
                    block.jvp_input_in_place(&at, view_mut(to), scratch);
                }
                Some(block) => block.vjp_input_in_place(&at, view_mut(to), scratch),
                None => {}
            },
            Op::JvpInput => block.jvp_input(&at, view(from), view_mut(to), scratch),
            Op::VjpInput => block.vjp_input(&at, view(from), view_mut(to), scratch),
            Op::JvpParams(acc) => block.jvp_params(&at, view(from), acc, view_mut(to), scratch),
            Op::UnitParams(acc) => {
                let (first, to) = (rest.reads.first(step), view_mut(to));
                match rest.reads.unit {
                    Some(unit) => small_unit_params(&*step.block, &at, first, acc, to, unit),
                    None => block.unit_params(&at, first, acc, to, scratch),
                }
            }
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
        // The emitter asks for none of a block that has none.
        let Some(block) = T::of(&*step.block).second() else {
            return;
        };
        let params = &frame.reads.params[step.params.clone()];
        let params_dot = frame.reads.given[Given::ParamsDot as usize];
        let params_dot = moving
            .params
            .then(|| &params_dot.data()[step.params.clone()]);
        let [x_dot, extra_dot] = &self.dots[step.dot as usize];
        let At { x, y, extra } = &self.points[step.at as usize];
        if op == DotOp::Forward {
            let ranges = [&step.from, &step.to, extra, extra_dot];
            let ranges = ranges.map(|place| place.whole(&frame.reads.bases));
            let [from, to, extra, extra_dot] =
                disjoint(arena, [&ranges[0], &ranges[1], &ranges[2], &ranges[3]]);
            let rest = frame.rest(&[]);
            let x = match step.from {
                Place::Dense { rows, cols, .. } | Place::Arena { rows, cols, .. } => {
                    planes(Mat::new(from, rows as usize, cols as usize), None, batch)
                }
                ref given => planes(rest.mat(given), rest.given(x_dot), batch),
            };
            let y = PlanesMut::values(MatMut::new(to, block.dims().n_out, 2 * batch));
            block.forward_dot(params, params_dot, x, y, [extra, extra_dot], scratch);
            return;
        }
        let (to, rest) = frame.cut::<true>(&step.to, arena);
        let mut to = view_mut(to);
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

/// The tangents of small vectors along the parameters' axes. Allocates: for [`super::in_range`].
#[cold]
#[inline(never)]
fn small_unit_params<T: Scalar>(
    block: &dyn AnyBlock,
    at: &Point<'_, T>,
    first: usize,
    acc: Accum,
    y_dot: MatMut<'_, T>,
    unit: T,
) {
    let (n_params, seeds) = (block.dims().n_params, y_dot.ncols() / at.batch);
    let mut directions = vec![T::zero(); n_params * seeds];
    for seed in 0..seeds {
        directions[seed * n_params + first + seed] = unit;
    }
    let mut scratch = vec![T::zero(); block.scratch_len(Op::JvpParams(acc), at.batch, seeds)];
    let directions = Mat::new(&directions, n_params, seeds);
    T::of(block).jvp_params(at, directions, acc, y_dot, &mut scratch);
}

/// Numbers that are moved, set or added.
fn moved<T: Scalar>(
    act: Act,
    batch: usize,
    (first, unit): (usize, T),
    from: Mat<'_, T>,
    mut to: MatMut<'_, T>,
) {
    match act {
        Act::Map(_) | Act::Dot(..) | Act::Read | Act::Check => {}
        Act::WeightRows | Act::WeightColumns | Act::Norms => {}
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
        Act::Ones => to.fill(unit),
        Act::Unit => {
            to.fill(T::zero());
            for j in 0..to.ncols() {
                to.col_mut(j)[first + j / batch] = unit;
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

/// Rows or columns of a node's weights, n_out x n_in, which are its first parameters column by column: for each sample of a
/// seed the same.
#[inline(never)]
fn weights<T: Scalar>(
    act: Act,
    batch: usize,
    (first, unit): (usize, T),
    (params, n_out): (&[T], usize),
    mut to: MatMut<'_, T>,
) {
    for seed in 0..to.ncols() / batch {
        let samples = to.rb_mut().cols(seed * batch..(seed + 1) * batch);
        let (mut head, mut others) = samples.split_cols(1);
        let (head, k) = (head.col_mut(0), first + seed);
        if act == Act::WeightRows {
            let row = params[k..].iter().step_by(n_out);
            head.iter_mut().zip(row).for_each(|(to, &w)| *to = w);
        } else {
            head.copy_from_slice(&params[k * n_out..][..n_out]);
        }
        if unit != T::one() {
            head.iter_mut().for_each(|to| *to *= unit);
        }
        for j in 0..others.ncols() {
            others.col_mut(j).copy_from_slice(head);
        }
    }
}
