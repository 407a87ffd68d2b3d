//! Any block on every column of a matrix that is one column of a graph, with parameters that are values.

use std::sync::Arc;

use crate::erase::IntoBlock;
use crate::planes::{Cotangents, DotPoint, Planes, PlanesMut};
use crate::{
    Accum, AnyBlock, Block, Cost, Dims, Keeps, Mat, MatMut, Op, Point, Real, Result, Scalar,
    SecondOrder, Singular, Spec, Steep, memory,
};

/// `Y = [f(x_1, w) .. f(x_K, w)]` for the stacked input `[w; x_1; ..; x_K]`: a block f on the K columns of a matrix, with
/// its parameters among the inputs. So a batch of a block is *one* sample of this one, softmax works on each column of a
/// matrix, and parameters may be computed by other blocks. It has no rule of its own: f's maps are called once for all K
/// columns, as a batch of K.
///
/// With B samples, S seeds, and the costs of f at a batch of K:
///
/// | map | formula | cost |
/// |---|---|---|
/// | forward | `y_k = f(x_k, w)` | `B` forward |
/// | jvp_input | `y_dot_k = (df/dx) x_dot_k + (df/dw) w_dot` | `BS` jvp_input, jvp_params adding |
/// | vjp_input | `x_bar_k = (df/dx)' y_bar_k`, `w_bar = sum_k (df/dw)' y_bar_k` | `BS` vjp_input, vjp_params |
///
/// A record keeps what f keeps of K samples, and x where there are parameters. Scratch memory: f's own; for second
/// derivatives also a copy of a sample and its tangents.
///
/// ```
/// use pushpull_core::{Block, Mat, MatMut, blocks::{Columns, Linear}};
/// let mut y = [0.0; 2];
/// let x = [3.0, 100.0, 1.0, 2.0]; // w = 3, b = 100, then two samples
/// Columns::new(Linear::new(1, 1), 2).forward(&[], Mat::new(&x, 4, 1), MatMut::new(&mut y, 2, 1), &mut []);
/// assert_eq!(y, [103.0, 106.0]);
/// ```
#[derive(Clone, Debug)]
pub struct Columns {
    block: Arc<dyn AnyBlock>,
    count: usize,
}

impl Columns {
    /// `block`, whose width has to be its own, on `count` columns.
    pub fn new(block: impl IntoBlock, count: usize) -> Self {
        Self {
            block: block.into_block(&[]),
            count,
        }
    }

    /// Sizes of f.
    fn inner(&self) -> Dims {
        self.block.dims()
    }

    /// A sample's parameters and its columns.
    fn parts<'a, T>(&self, column: &'a [T]) -> (&'a [T], Mat<'a, T>) {
        let dims = self.inner();
        let (params, x) = column.split_at(dims.n_params);
        (params, Mat::new(x, dims.n_in, self.count))
    }

    /// What f's maps read of sample `j`.
    fn at<'a, T: Real>(&self, at: &Point<'a, T>, j: usize) -> Point<'a, T> {
        let (dims, sample) = (self.inner(), at.sample(j));
        let (params, x) = if sample.x.ncols() == 0 {
            (&[][..], Mat::empty())
        } else {
            self.parts(sample.x.col(0))
        };
        let y = if sample.y.ncols() == 0 {
            Mat::empty()
        } else {
            Mat::new(sample.y.col(0), dims.n_out, self.count)
        };
        Point {
            params,
            x,
            y,
            extra: sample.extra,
            batch: self.count,
        }
    }
}

impl Spec for Columns {
    fn name(&self) -> &str {
        self.block.name()
    }

    fn dims(&self) -> Dims {
        let dims = self.inner();
        Dims {
            n_in: (dims.n_in.saturating_mul(self.count)).saturating_add(dims.n_params),
            n_out: dims.n_out.saturating_mul(self.count),
            n_params: 0,
        }
    }

    fn keeps(&self) -> Keeps {
        let keeps = self.block.keeps();
        Keeps {
            x: keeps.x || self.inner().n_params > 0,
            y: keeps.y,
            extra: keeps.extra.saturating_mul(self.count),
        }
    }

    fn cost(&self, op: Op, batch: usize, seeds: usize) -> Option<Cost> {
        let cost = |op| self.block.cost(op, self.count, 1);
        let with = |own: Cost, params: Op| {
            let has = self.inner().n_params > 0;
            Some(if has { own + cost(params)? } else { own })
        };
        Some(match op {
            Op::Forward => cost(op)? * batch,
            Op::JvpInput => with(cost(op)?, Op::JvpParams(Accum::Add))? * batch * seeds,
            Op::VjpInput => with(cost(op)?, Op::VjpParams(Accum::Set))? * batch * seeds,
            _ => Cost::ZERO,
        })
    }

    fn dual_cost(&self, op: Op, batch: usize, seeds: usize) -> Option<Cost> {
        let cost = |op| self.block.dual_cost(op, self.count, 1);
        let with = |own: Cost, params: Op| {
            let has = self.inner().n_params > 0;
            Some(if has { own + cost(params)? } else { own })
        };
        Some(match op {
            Op::Forward => cost(op)? * batch,
            Op::JvpInput => with(cost(op)?, Op::JvpParams(Accum::Add))? * batch * seeds,
            Op::VjpInput => with(cost(op)?, Op::VjpParams(Accum::Set))? * batch * seeds,
            _ => Cost::ZERO,
        })
    }

    fn scratch_len(&self, op: Op, _: usize, _: usize) -> usize {
        let len = |op| self.block.scratch_len(op, self.count, 1);
        match op {
            Op::JvpInput => len(op).max(len(Op::JvpParams(Accum::Add))),
            Op::VjpInput => len(op).max(len(Op::VjpParams(Accum::Set))),
            _ => 0,
        }
    }

    fn dot_scratch_len(&self, _: usize) -> usize {
        let dims = self.inner();
        // x, y and their tangents, both cotangents with theirs, and f's own.
        let columns = memory::elements(&[dims.n_in.saturating_add(dims.n_out), self.count, 4]);
        columns.saturating_add(self.block.dot_scratch_len(self.count))
    }

    fn surrogate(&self) -> bool {
        self.block.surrogate()
    }

    fn singular(&self) -> Singular {
        self.block.singular()
    }

    fn validate(&self) -> Result<()> {
        self.block.validate()
    }
}

/// A matrix with its derivative beside it, copied into `to`, which takes what it needs of it.
fn beside<'s, T: Real>(
    value: Mat<'_, T>,
    dot: Option<Mat<'_, T>>,
    to: &mut &'s mut [T],
    dot_first: bool,
) -> Option<Mat<'s, T>> {
    let (rows, columns) = value.shape();
    let dot = dot?;
    let target = take(to, 2 * rows * columns);
    let (first, second) = if dot_first {
        (dot, value)
    } else {
        (value, dot)
    };
    let (left, right) = MatMut::new(&mut *target, rows, 2 * columns).split_cols(columns);
    for (mut to, from) in [(left, first), (right, second)] {
        to.copy_from(from);
    }
    Some(Mat::new(target, rows, 2 * columns))
}

fn take<'s, T>(from: &mut &'s mut [T], n: usize) -> &'s mut [T] {
    let (taken, rest) = std::mem::take(from).split_at_mut(n);
    *from = rest;
    taken
}

impl<T: Scalar> Block<T> for Columns {
    fn forward(&self, _: &[T], x: Mat<'_, T>, mut y: MatMut<'_, T>, extra: &mut [T]) {
        let (dims, kept) = (self.inner(), self.keeps().extra);
        for (j, column) in x.columns().enumerate() {
            let (params, x) = self.parts(column);
            let y = MatMut::new(y.col_mut(j), dims.n_out, self.count);
            let extra = &mut extra[j * kept..(j + 1) * kept];
            T::of(&*self.block).forward(params, x, y, extra);
        }
    }

    fn singular_at(&self, at: &Point<'_, T>, second: bool, found: &mut dyn FnMut(Steep)) {
        let dims = self.inner();
        for sample in 0..at.batch {
            let inner = self.at(at, sample);
            T::of(&*self.block).singular_at(&inner, second, &mut |steep| {
                let input = |row| dims.n_params + steep.sample * dims.n_in + row;
                found(Steep {
                    sample,
                    output: steep.sample * dims.n_out + steep.output,
                    // f's parameters are the first rows of this input; any of them stands for all.
                    input: Some(steep.input.map_or(0, input)),
                    at: steep.at,
                });
            });
        }
    }

    fn jvp_input(
        &self,
        at: &Point<'_, T>,
        x_dot: Mat<'_, T>,
        mut y_dot: MatMut<'_, T>,
        scratch: &mut [T],
    ) {
        let (dims, block) = (self.inner(), T::of(&*self.block));
        for (column, dot) in x_dot.columns().enumerate() {
            let at = self.at(at, at.sample_of(column));
            let (params_dot, x_dot) = self.parts(dot);
            let mut y_dot = MatMut::new(y_dot.col_mut(column), dims.n_out, self.count);
            block.jvp_input(&at, x_dot, y_dot.rb_mut(), scratch);
            if dims.n_params > 0 {
                block.jvp_params(&at, Mat::from(params_dot), Accum::Add, y_dot, scratch);
            }
        }
    }

    fn vjp_input(
        &self,
        at: &Point<'_, T>,
        y_bar: Mat<'_, T>,
        mut x_bar: MatMut<'_, T>,
        scratch: &mut [T],
    ) {
        let (dims, block) = (self.inner(), T::of(&*self.block));
        for (column, bar) in y_bar.columns().enumerate() {
            let at = self.at(at, at.sample_of(column));
            let y_bar = Mat::new(bar, dims.n_out, self.count);
            let (params_bar, x_bar) = x_bar.col_mut(column).split_at_mut(dims.n_params);
            let x_bar = MatMut::new(x_bar, dims.n_in, self.count);
            block.vjp_input(&at, y_bar, x_bar, scratch);
            if dims.n_params > 0 {
                block.vjp_params(&at, y_bar, Accum::Set, params_bar, scratch);
            }
        }
    }

    fn second(&self) -> Option<&dyn SecondOrder<T>> {
        T::of(&*self.block).second().map(|_| self as _)
    }
}

impl<T: Scalar> SecondOrder<T> for Columns {
    fn forward_dot(
        &self,
        _: &[T],
        _: Option<&[T]>,
        x: Planes<'_, T>,
        y: PlanesMut<'_, T>,
        [extra, extra_dot]: [&mut [T]; 2],
        scratch: &mut [T],
    ) {
        let Some(block) = T::of(&*self.block).second() else {
            return;
        };
        let (dims, kept) = (self.inner(), self.keeps().extra);
        let (mut value, mut dots) = y.split();
        for j in 0..value.ncols() {
            let mut scratch = &mut *scratch;
            let (params, x_value) = self.parts(x.value.col(j));
            let moving = x.dot.map(|dot| self.parts(dot.col(j)));
            let both = beside(x_value, moving.map(|(_, x_dot)| x_dot), &mut scratch, false);
            let planes = match both {
                Some(both) => Planes::values(both),
                None => Planes::new(x_value, None),
            };
            let len = dims.n_out * self.count;
            let target = take(&mut scratch, 2 * len);
            let params_dot = moving.map(|(params_dot, _)| params_dot);
            let own = j * kept..(j + 1) * kept;
            block.forward_dot(
                params,
                params_dot.filter(|_| dims.n_params > 0),
                planes,
                PlanesMut::values(MatMut::new(&mut *target, dims.n_out, 2 * self.count)),
                [&mut extra[own.clone()], &mut extra_dot[own]],
                scratch,
            );
            value.col_mut(j).copy_from_slice(&target[..len]);
            dots.col_mut(j).copy_from_slice(&target[len..]);
        }
    }

    fn vjp_input_dot(
        &self,
        at: &DotPoint<'_, T>,
        y_bar: Cotangents<'_, T>,
        x_bar: PlanesMut<'_, T>,
        scratch: &mut [T],
    ) {
        let (dims, kept) = (self.inner(), self.keeps().extra);
        let Some(block) = T::of(&*self.block).second() else {
            return;
        };
        let (mut value, mut dots) = x_bar.split();
        let point = at.point();
        for j in 0..at.batch {
            let mut scratch = &mut *scratch;
            let inner = self.at(&point, j);
            let moving = at.x.dot.filter(|dot| dot.ncols() > 0);
            let moving = moving.map(|dot| self.parts(dot.col(j)));
            let y_dot = at.y.dot.filter(|dot| dot.ncols() > 0);
            let y_dot = y_dot.map(|dot| Mat::new(dot.col(j), dims.n_out, self.count));
            let mut planes = |value: Mat<'_, T>, dot: Option<Mat<'_, T>>| {
                let both = beside(
                    value,
                    dot.filter(|_| value.ncols() > 0),
                    &mut scratch,
                    false,
                );
                both.map(Planes::values)
            };
            let x = planes(inner.x, moving.map(|(_, x_dot)| x_dot));
            let y = planes(inner.y, y_dot);
            let own = j * kept..(j + 1) * kept;
            let inner = DotPoint {
                params: inner.params,
                params_dot: moving
                    .map(|(params_dot, _)| params_dot)
                    .filter(|_| dims.n_params > 0),
                x: x.unwrap_or(Planes::new(inner.x, None)),
                y: y.unwrap_or(Planes::new(inner.y, None)),
                extra: inner.extra,
                extra_dot: &at.extra_dot[own],
                batch: self.count,
            };
            let (bar, bar_dot) = y_bar.col(j);
            let bars = [bar, bar_dot].map(|bar| Mat::new(bar, dims.n_out, self.count));
            let Some(y_bar) = beside(bars[0], Some(bars[1]), &mut scratch, true) else {
                continue;
            };
            let y_bar = Cotangents::new(y_bar);
            let len = dims.n_in * self.count;
            let target = take(&mut scratch, 2 * len);
            let pulled = MatMut::new(&mut *target, dims.n_in, 2 * self.count);
            block.vjp_input_dot(&inner, y_bar, PlanesMut::cotangents(pulled), scratch);
            let (params_bar, x_bar) = value.col_mut(j).split_at_mut(dims.n_params);
            let (params_bar_dot, x_bar_dot) = dots.col_mut(j).split_at_mut(dims.n_params);
            x_bar_dot.copy_from_slice(&target[..len]);
            x_bar.copy_from_slice(&target[len..]);
            if dims.n_params > 0 {
                let y_bar_value = y_bar.value();
                block.vjp_params(&inner.point(), y_bar_value, Accum::Set, params_bar, scratch);
                block.vjp_params_dot(&inner, y_bar, Accum::Set, params_bar_dot, scratch);
            }
        }
    }
}
