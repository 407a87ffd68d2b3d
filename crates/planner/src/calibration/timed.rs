//! One thing that a machine's calibration times: a block's map, or a loop or product of an engine's own.

use std::hint::black_box;
use std::sync::Arc;

use super::engine::Engine;
use nalgebra::DMatrix;
use pushpull_core::blocks::chain;
use pushpull_core::linalg::{first_not_finite, product, sum};
use pushpull_core::planes::{Cotangents, DotPoint, Planes, PlanesMut};
use pushpull_core::siblings::clock::Instant;
use pushpull_core::siblings::work::Map;
use pushpull_core::{Accum, AnyBlock, Block, Dual, Mat, MatMut, Op, Point, Scalar};

/// A scalar whose maps are timed.
pub trait Timed: Scalar {
    /// Its name in a calibration.
    const KIND: Kind;
    /// A number of about this size, every part of it other than zero.
    fn noise(x: f64) -> Self;
}

/// The scalars that are timed.
#[allow(missing_docs)] // Not to be named outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    F32,
    F64,
    DualF32,
    DualF64,
}

impl Kind {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F64 => "f64",
            Self::DualF32 => "dual-f32",
            Self::DualF64 => "dual-f64",
        }
    }

    pub(crate) const fn size(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F64 | Self::DualF32 => 8,
            Self::DualF64 => 16,
        }
    }
}

macro_rules! timed {
    ($($t:ident $kind:ident $dual:ident;)*) => {$(
        impl Timed for $t {
            const KIND: Kind = Kind::$kind;
            fn noise(x: f64) -> Self {
                x as $t
            }
        }
        impl Timed for Dual<$t> {
            const KIND: Kind = Kind::$dual;
            fn noise(x: f64) -> Self {
                Self::new(x as $t, (0.75 * x) as $t)
            }
        }
    )*};
}

timed! { f32 F32 DualF32; f64 F64 DualF64; }

/// What is timed, but for its width.
#[derive(Clone, Debug)]
pub(crate) enum Subject {
    /// A block's map on `batch` samples; the width counts seeds.
    Map {
        block: Arc<dyn AnyBlock>,
        map: Map,
        in_place: bool,
        batch: usize,
    },
    /// A product; the width counts columns.
    Product {
        rows: usize,
        depth: usize,
        transposed: [bool; 2],
    },
    /// Copying; the width counts numbers.
    Moved,
    /// Copying columns of `len` numbers; the width counts columns.
    Copied { len: usize },
    /// Adding up; the width counts numbers.
    Summed,
    /// Multiplying columns of `len` numbers by a diagonal; the width counts columns.
    Scaled { len: usize },
    /// Writing rows of a matrix of [`STRIDE`] rows; the width counts its columns.
    Strided,
    /// Allocating and filling; the width counts numbers.
    Fresh,
    /// The search for what is not finite; the width counts numbers.
    Read,
    /// Adding to numbers over and over; the width counts them. What a byte costs where it lies.
    Streamed,
    /// A derivative of a chain of the smallest blocks by an engine; the width counts blocks.
    Engine(Engine),
}

/// Rows of the matrix whose rows are written to time [`Subject::Strided`].
pub(crate) const STRIDE: usize = 64;

/// Seconds that a round spends on one thing, at least, unless one call takes longer. A browser's clock goes in steps of a tenth
/// of a millisecond.
const ENOUGH: f64 = if cfg!(target_family = "wasm") {
    1e-3
} else {
    15e-6
};

/// Calls in a row of a map in place: more would leave the range of ordinary numbers.
const IN_PLACE: usize = 8;

impl Subject {
    /// Numbers that it touches at a width.
    pub(crate) fn numbers(&self, width: usize) -> usize {
        match self {
            Self::Map {
                block, map, batch, ..
            } => {
                let dims = block.dims();
                let columns = match map {
                    Map::First(_) => batch.saturating_mul(width),
                    _ => batch.saturating_mul(2),
                };
                let rows = dims.n_in.saturating_add(dims.n_out);
                rows.saturating_mul(columns).saturating_add(dims.n_params)
            }
            Self::Product { rows, depth, .. } => {
                let sides = rows.saturating_add(*depth).saturating_mul(width);
                sides.saturating_add(rows.saturating_mul(*depth))
            }
            Self::Moved => width.saturating_mul(2),
            Self::Copied { len } | Self::Scaled { len } => {
                len.saturating_mul(width).saturating_mul(2)
            }
            Self::Strided => width.saturating_mul(STRIDE),
            Self::Summed | Self::Fresh | Self::Read | Self::Streamed | Self::Engine(_) => width,
        }
    }

    /// Seconds of one call at a width, from one round.
    pub(crate) fn time<T: Timed>(&self, width: usize) -> f64 {
        match self {
            Self::Map {
                block,
                map,
                in_place,
                batch,
            } => map_time::<T>(T::of(&**block), *map, *in_place, *batch, width),
            &Self::Product {
                rows,
                depth,
                transposed,
            } => {
                let (a, b) = (noise::<T>(rows * depth), noise::<T>(depth * width));
                let mut c = noise::<T>(rows * width);
                again(|| {
                    let factor = |m, rows, cols, transposed: bool| {
                        if transposed {
                            Mat::new(m, cols, rows).t()
                        } else {
                            Mat::new(m, rows, cols).into()
                        }
                    };
                    let a = factor(&a, rows, depth, transposed[0]);
                    let b = factor(&b, depth, width, transposed[1]);
                    product(MatMut::new(&mut c, rows, width), Accum::Set, a, b);
                })
            }
            Self::Moved => {
                let (from, mut to) = (noise::<T>(width), noise::<T>(width));
                again(|| {
                    black_box(&mut to[..]).copy_from_slice(black_box(&from));
                })
            }
            // As an engine adds up the outputs of a batch: mostly a loss, one a sample.
            Self::Summed => {
                let from = noise::<T>(width);
                again(|| {
                    black_box(sum(Mat::new(black_box(&from), 1, width)));
                })
            }
            &Self::Copied { len } => {
                // With a gap behind every column, as in a stack: else it would be one copy.
                let from = noise::<T>(len * width);
                let mut to = noise::<T>((len + 1) * width);
                again(|| {
                    let to = black_box(&mut to[..]);
                    let mut to = MatMut::with_stride(to, len, width, len + 1);
                    to.copy_from(Mat::new(black_box(&from), len, width));
                })
            }
            &Self::Scaled { len } => {
                let (from, slopes) = (noise::<T>(len * width), noise::<T>(width));
                let mut to = noise::<T>(len * width);
                again(|| {
                    let columns = to.chunks_exact_mut(len).zip(from.chunks_exact(len));
                    for ((to, from), &slope) in columns.zip(&slopes) {
                        for (to, &from) in to.iter_mut().zip(from) {
                            *to = chain(slope, from);
                        }
                    }
                    black_box(&mut to);
                })
            }
            Self::Strided => {
                let (from, mut to) = (
                    noise::<T>(width),
                    DMatrix::from_element(STRIDE, width, T::zero()),
                );
                again(|| {
                    for row in 0..STRIDE {
                        let mut row = to.row_mut(row);
                        row.iter_mut()
                            .zip(black_box(&from))
                            .for_each(|(to, &from)| *to = from);
                    }
                })
            }
            Self::Fresh => again(|| {
                black_box(DMatrix::from_element(width, 1, T::zero()));
            }),
            Self::Read => {
                let from = noise::<T>(width);
                again(|| {
                    black_box(first_not_finite(Mat::from(black_box(&from[..]))));
                })
            }
            Self::Engine(engine) => match engine.prepared(width) {
                Ok(run) => again(run),
                Err(_) => 0.0,
            },
            Self::Streamed => {
                let (mut to, one) = (noise::<T>(width), black_box(T::noise(0.5)));
                again(|| {
                    black_box(&mut to)
                        .iter_mut()
                        .for_each(|entry| *entry += one);
                })
            }
        }
    }
}

/// Numbers between -0.7 and 0.7 without a pattern that matters.
fn noise<T: Timed>(n: usize) -> Vec<T> {
    const PERIOD: usize = 257;
    let some: Vec<T> = (0..PERIOD.min(n))
        .map(|i| {
            let x = ((i * 101 + 29) % PERIOD) as f64 / PERIOD as f64;
            T::noise(1.4 * x - 0.7 + 1e-3)
        })
        .collect();
    let mut all = Vec::with_capacity(n);
    while all.len() < n {
        all.extend_from_slice(&some[..PERIOD.min(n - all.len())]);
    }
    all
}

/// Seconds of one call of something that may be called over and over.
fn again(run: impl FnMut()) -> f64 {
    repeat(usize::MAX, || {}, run)
}

/// Seconds of one call of `run`, over as many calls as are enough; at most `limit` between two calls of `before`.
fn repeat(limit: usize, mut before: impl FnMut(), mut run: impl FnMut()) -> f64 {
    before();
    run();
    let mut spent = 0.0;
    let (mut calls, mut next) = (0_usize, 1);
    while spent < ENOUGH {
        before();
        let start = Instant::now();
        for _ in 0..next {
            run();
        }
        spent += start.elapsed().as_secs_f64();
        calls += next;
        next = (2 * next).min(limit).min(4096);
    }
    spent / calls as f64
}

fn map_time<T: Timed>(
    block: &dyn Block<T>,
    map: Map,
    in_place: bool,
    batch: usize,
    seeds: usize,
) -> f64 {
    let (dims, keeps) = (block.dims(), block.keeps());
    let second = !matches!(map, Map::First(_));
    let planes = if second { 2 } else { 1 };
    let params = noise::<T>(dims.n_params);
    let x = noise::<T>(dims.n_in * batch * planes);
    let mut y = noise::<T>(dims.n_out * batch * planes);
    let mut extra = noise::<T>(keeps.extra * batch);
    if keeps.y || keeps.extra > 0 {
        let value = Mat::new(&x[..dims.n_in * batch], dims.n_in, batch);
        let target = MatMut::new(&mut y[..dims.n_out * batch], dims.n_out, batch);
        block.forward(&params, value, target, &mut extra);
    }
    if second {
        return dot_time(block, map, batch, &params, &x, &mut y, &mut extra);
    }
    let Map::First(op) = map else { return 0.0 };
    let mut scratch = noise::<T>(block.scratch_len(op, batch, seeds));
    let x = Mat::new(&x, dims.n_in, batch);
    let over = block.in_place().filter(|_| in_place);
    if op == Op::Forward {
        if let Some(block) = over {
            let (from, mut xy) = (x.data().to_vec(), x.data().to_vec());
            let mut run_extra = extra.clone();
            let cell = std::cell::RefCell::new(&mut xy);
            return repeat(
                IN_PLACE,
                || cell.borrow_mut().copy_from_slice(&from),
                || {
                    let mut xy = cell.borrow_mut();
                    let xy = MatMut::new(&mut xy[..], dims.n_out, batch);
                    block.forward_in_place(&params, xy, &mut run_extra);
                },
            );
        }
        return again(|| {
            block.forward(
                &params,
                x,
                MatMut::new(&mut y, dims.n_out, batch),
                &mut extra,
            );
        });
    }
    let at = Point {
        params: &params,
        x: if keeps.x { x } else { Mat::empty() },
        y: if keeps.y {
            Mat::new(&y, dims.n_out, batch)
        } else {
            Mat::empty()
        },
        extra: &extra,
        batch,
    };
    let columns = batch * seeds;
    let mut once = |run: &mut dyn FnMut(&mut [T])| again(|| run(&mut scratch));
    match op {
        Op::JvpInput | Op::VjpInput if in_place => {
            let Some(block) = over else {
                return 0.0;
            };
            let from = noise::<T>(dims.n_out * columns);
            let mut dot = from.clone();
            let cell = std::cell::RefCell::new(&mut dot);
            repeat(
                IN_PLACE,
                || cell.borrow_mut().copy_from_slice(&from),
                || {
                    let mut dot = cell.borrow_mut();
                    let dot = MatMut::new(&mut dot[..], dims.n_out, columns);
                    if op == Op::JvpInput {
                        block.jvp_input_in_place(&at, dot, &mut scratch);
                    } else {
                        block.vjp_input_in_place(&at, dot, &mut scratch);
                    }
                },
            )
        }
        Op::JvpInput => {
            let from = noise::<T>(dims.n_in * columns);
            let mut to = noise::<T>(dims.n_out * columns);
            once(&mut |scratch| {
                let from = Mat::new(&from, dims.n_in, columns);
                block.jvp_input(
                    &at,
                    from,
                    MatMut::new(&mut to, dims.n_out, columns),
                    scratch,
                );
            })
        }
        Op::VjpInput => {
            let from = noise::<T>(dims.n_out * columns);
            let mut to = noise::<T>(dims.n_in * columns);
            once(&mut |scratch| {
                let from = Mat::new(&from, dims.n_out, columns);
                block.vjp_input(&at, from, MatMut::new(&mut to, dims.n_in, columns), scratch);
            })
        }
        Op::JvpParams(acc) => {
            let from = noise::<T>(dims.n_params * seeds);
            let mut to = noise::<T>(dims.n_out * columns);
            once(&mut |scratch| {
                let from = Mat::new(&from, dims.n_params, seeds);
                let to = MatMut::new(&mut to, dims.n_out, columns);
                block.jvp_params(&at, from, acc, to, scratch);
            })
        }
        Op::VjpParams(acc) => {
            let from = noise::<T>(dims.n_out * batch);
            let mut to = noise::<T>(dims.n_params);
            once(&mut |scratch| {
                let from = Mat::new(&from, dims.n_out, batch);
                block.vjp_params(&at, from, acc, &mut to, scratch);
            })
        }
        Op::UnitParams(acc) => {
            let mut to = noise::<T>(dims.n_out * columns);
            let width = seeds.min(dims.n_params);
            once(&mut |scratch| {
                let to = &mut to[..dims.n_out * batch * width];
                let to = MatMut::new(to, dims.n_out, batch * width);
                block.unit_params(&at, 0, acc, to, scratch);
            }) * seeds as f64
                / width.max(1) as f64
        }
        Op::Forward => 0.0,
    }
}

/// The maps of second derivatives, one direction.
fn dot_time<T: Timed>(
    block: &dyn Block<T>,
    map: Map,
    batch: usize,
    params: &[T],
    x: &[T],
    y: &mut [T],
    extra: &mut [T],
) -> f64 {
    let (dims, keeps) = (block.dims(), block.keeps());
    let direction = noise::<T>(dims.n_params);
    let direction = |given: bool| (given && dims.n_params > 0).then_some(&direction[..]);
    let mut extra_dot = noise::<T>(keeps.extra * batch);
    let mut scratch = noise::<T>(block.dot_scratch_len(batch));
    let both = |numbers, rows| Mat::new(numbers, rows, 2 * batch);
    let pair = |moves: bool| {
        if moves {
            Planes::values(both(x, dims.n_in))
        } else {
            Planes::new(both(x, dims.n_in).cols(0..batch), None)
        }
    };
    let nothing = Planes::new(Mat::empty(), None);
    let (Some(block), false) = (block.second(), matches!(map, Map::First(_))) else {
        return 0.0;
    };
    match map {
        Map::First(_) => 0.0,
        Map::ForwardDot { x, params: moves } => again(|| {
            let y = PlanesMut::values(MatMut::new(y, dims.n_out, 2 * batch));
            let direction = direction(moves);
            block.forward_dot(
                params,
                direction,
                pair(x),
                y,
                [extra, &mut extra_dot],
                &mut scratch,
            );
        }),
        Map::VjpInputDot { x, params: moves } => {
            let at = DotPoint {
                params,
                params_dot: direction(moves),
                x: if keeps.x { pair(x) } else { nothing },
                y: if keeps.y {
                    Planes::values(both(y, dims.n_out))
                } else {
                    nothing
                },
                extra,
                extra_dot: &extra_dot,
                batch,
            };
            let from = noise::<T>(dims.n_out * 2 * batch);
            let mut to = noise::<T>(dims.n_in * 2 * batch);
            again(|| {
                let to = PlanesMut::cotangents(MatMut::new(&mut to, dims.n_in, 2 * batch));
                let from = Cotangents::new(both(&from, dims.n_out));
                block.vjp_input_dot(&at, from, to, &mut scratch);
            })
        }
        Map::VjpParamsDot { x, acc } => {
            let at = DotPoint {
                params,
                params_dot: direction(true),
                x: if keeps.x { pair(x) } else { nothing },
                y: if keeps.y {
                    Planes::values(both(y, dims.n_out))
                } else {
                    nothing
                },
                extra,
                extra_dot: &extra_dot,
                batch,
            };
            let from = noise::<T>(dims.n_out * 2 * batch);
            let mut to = noise::<T>(dims.n_params);
            again(|| {
                let from = Cotangents::new(both(&from, dims.n_out));
                block.vjp_params_dot(&at, from, acc, &mut to, &mut scratch);
            })
        }
    }
}
