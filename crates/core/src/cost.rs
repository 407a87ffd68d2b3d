//! What a computation costs, in exact counts.

use std::cmp::Ordering;
use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Mul};

use crate::figures::grouped;
use crate::memory;
use crate::planes::{Cotangents, DotOp, DotPoint, Moving, Planes, PlanesMut};
use crate::{Accum, AnyBlock, Block, Counted, Dual, Mat, MatMut, Op, Point, Scalar, count};

/// Counted work: `+ - * /` are one flop each, a fused multiply-add two, a sum of k products 2k, negation, absolute
/// value, comparison and copying none; elementary functions are counted apart, as calls. Numbers beyond 64 bits saturate.
///
/// ```
/// use pushpull_core::Cost;
/// let product = Cost::flops(2 * 3 * 4);
/// assert_eq!(product + Cost::calls(3) * 2, Cost { flops: 24, calls: 6 });
/// assert_eq!((product * 1000 + Cost::calls(3)).to_string(), "24,000 flops, 3 calls");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Cost {
    /// Floating-point operations.
    pub flops: u64,
    /// Calls of elementary functions (exp, ln, tanh, sqrt, ...).
    pub calls: u64,
}

impl Cost {
    /// No work.
    pub const ZERO: Self = Self { flops: 0, calls: 0 };

    /// Only flops.
    pub const fn flops(n: usize) -> Self {
        Self {
            flops: n as u64,
            calls: 0,
        }
    }

    /// Only calls.
    pub const fn calls(n: usize) -> Self {
        Self {
            flops: 0,
            calls: n as u64,
        }
    }

    /// A product of m x k by k x n: 2 m k n.
    pub const fn product(m: usize, k: usize, n: usize) -> Self {
        let entries = (m as u64).saturating_mul(k as u64);
        let flops = entries.saturating_mul(n as u64).saturating_mul(2);
        Self { flops, calls: 0 }
    }

    /// What a schedule or a team weighs it by: the flops, and `call` for every call.
    pub const fn weighed(self, call: u64) -> u64 {
        self.flops.saturating_add(call.saturating_mul(self.calls))
    }
}

impl Add for Cost {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self {
            flops: self.flops.saturating_add(other.flops),
            calls: self.calls.saturating_add(other.calls),
        }
    }
}

impl AddAssign for Cost {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Mul<usize> for Cost {
    type Output = Self;
    fn mul(self, n: usize) -> Self {
        Self {
            flops: self.flops.saturating_mul(n as u64),
            calls: self.calls.saturating_mul(n as u64),
        }
    }
}

impl Mul<Cost> for usize {
    type Output = Cost;
    fn mul(self, cost: Cost) -> Cost {
        cost * self
    }
}

/// Less work is less in flops and in calls; where one is more and the other less, neither is.
impl PartialOrd for Cost {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        match (self.flops.cmp(&other.flops), self.calls.cmp(&other.calls)) {
            (flops, Ordering::Equal) => Some(flops),
            (Ordering::Equal, calls) => Some(calls),
            (flops, calls) => (flops == calls).then_some(flops),
        }
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} flops", grouped(self.flops))?;
        if self.calls == 0 {
            return Ok(());
        }
        write!(f, ", {} calls", grouped(self.calls))
    }
}

impl Sum for Cost {
    fn sum<I: Iterator<Item = Self>>(costs: I) -> Self {
        costs.fold(Self::ZERO, Add::add)
    }
}

/// The cost of a block's map on `batch` samples with `seeds` seeds: what the block declares, or what a run at
/// [`Counted`] counts. Counts of large batches follow from two small ones, see [`counted`].
pub fn of(block: &dyn AnyBlock, op: Op, batch: usize, seeds: usize) -> Cost {
    block
        .cost(op, batch, seeds)
        .unwrap_or_else(|| counted(block, op, batch, seeds))
}

/// The cost of a block's map, counted by running it at ordinary numbers.
///
/// Samples and seeds do not see each other (law 1), so what a map does is affine in the number of either: up to
/// [`BATCH`] samples and [`SEEDS`] seeds it is run as it is, and more follow from the last two counts. A block of one's
/// own whose work grows otherwise declares it in [`crate::Spec::cost`].
///
/// ```
/// use pushpull_core::{Cost, Op, blocks::Linear, cost};
/// assert_eq!(cost::counted(&Linear::new(3, 2), Op::Forward, 5, 1), Cost::flops(2 * 2 * 3 * 5 + 2 * 5));
/// assert_eq!(cost::counted(&Linear::new(3, 2), Op::JvpInput, 1000, 7), Cost::flops(2 * 2 * 3 * 1000 * 7));
/// ```
pub fn counted(block: &dyn AnyBlock, op: Op, batch: usize, seeds: usize) -> Cost {
    at::<Counted<f64>>(block, op, batch, seeds)
}

/// The cost of a block's map at [`Dual`] numbers, in operations of their parts: counted as in [`counted`].
///
/// ```
/// use pushpull_core::{Cost, Op, blocks::Scale, cost};
/// // (c + 0 e)(x + x' e) = c x + (0 x + c x') e
/// assert_eq!(cost::counted_at_duals(&Scale::new(3, 2.0), Op::Forward, 5, 1), Cost::flops(4 * 3 * 5));
/// ```
pub fn counted_at_duals(block: &dyn AnyBlock, op: Op, batch: usize, seeds: usize) -> Cost {
    at::<Dual<Counted<f64>>>(block, op, batch, seeds)
}

/// The cost of a block's map at [`Dual`] numbers, in operations of their parts: what the block declares, or what is
/// counted.
pub fn at_duals(block: &dyn AnyBlock, op: Op, batch: usize, seeds: usize) -> Cost {
    block
        .dual_cost(op, batch, seeds)
        .unwrap_or_else(|| counted_at_duals(block, op, batch, seeds))
}

/// Samples up to which a map is counted on the batch itself. More than any number at which a kernel changes its way.
pub const BATCH: usize = 16;

/// Seeds up to which a map is counted with the seeds themselves.
pub const SEEDS: usize = 2;

fn at<S: Scalar>(block: &dyn AnyBlock, op: Op, batch: usize, seeds: usize) -> Cost {
    let with_seeds = |batch| affine(seeds, SEEDS, |seeds| run::<S>(block, op, batch, seeds));
    affine(batch, BATCH, with_seeds)
}

/// `cost(n)`, or for `n` beyond `limit` the line through the last two.
///
/// ```
/// use pushpull_core::{Cost, cost};
/// assert_eq!(cost::affine(1000, 16, |n| Cost::flops(3 * n + 5)), Cost::flops(3005));
/// ```
pub fn affine(n: usize, limit: usize, cost: impl Fn(usize) -> Cost) -> Cost {
    if n <= limit || limit == 0 {
        return cost(n);
    }
    let (before, last) = (cost(limit - 1), cost(limit));
    let step = Cost {
        flops: last.flops.saturating_sub(before.flops),
        calls: last.calls.saturating_sub(before.calls),
    };
    last + step * (n - limit)
}

/// Numbers of scratch memory from which the system is asked whether there is so much.
const LARGE: usize = 1 << 24;

/// One run of a map at a scalar that counts, and what it counted.
fn run<S: Scalar>(block: &dyn AnyBlock, op: Op, batch: usize, seeds: usize) -> Cost {
    let block: &dyn Block<S> = S::of(block);
    let (dims, keeps) = (block.dims(), block.keeps());
    // What cannot be run costs more than can be counted.
    let scratch_len = block.scratch_len(op, batch, seeds);
    if scratch_len > LARGE && memory::fits::<S>("scratch memory", scratch_len, "").is_err() {
        return Cost {
            flops: u64::MAX,
            calls: u64::MAX,
        };
    }
    let half = |n: usize| vec![S::from_f64(0.5); n];
    let params = half(dims.n_params);
    let (x, mut y) = (half(dims.n_in * batch), half(dims.n_out * batch));
    let mut extra = half(keeps.extra * batch);
    let mut scratch = half(scratch_len);
    let x = Mat::new(&x, dims.n_in, batch);
    let (_, forward) = count(|| {
        block.forward(
            &params,
            x,
            MatMut::new(&mut y, dims.n_out, batch),
            &mut extra,
        )
    });
    let at = Point {
        params: &params,
        x,
        y: Mat::new(&y, dims.n_out, batch),
        extra: &extra,
        batch,
    };
    let (mut x_dot, mut y_dot) = (
        half(dims.n_in * batch * seeds),
        half(dims.n_out * batch * seeds),
    );
    let mut params_dot = half(dims.n_params * seeds);
    let columns = batch * seeds;
    match op {
        Op::Forward => forward,
        Op::JvpInput => {
            let (x_dot, y_dot) = (
                Mat::new(&x_dot, dims.n_in, columns),
                MatMut::new(&mut y_dot, dims.n_out, columns),
            );
            count(|| block.jvp_input(&at, x_dot, y_dot, &mut scratch)).1
        }
        Op::VjpInput => {
            let (y_bar, x_bar) = (
                Mat::new(&y_dot, dims.n_out, columns),
                MatMut::new(&mut x_dot, dims.n_in, columns),
            );
            count(|| block.vjp_input(&at, y_bar, x_bar, &mut scratch)).1
        }
        _ if dims.n_params == 0 => Cost::ZERO,
        Op::JvpParams(acc) => {
            let params_dot = Mat::new(&params_dot, dims.n_params, seeds);
            let y_dot = MatMut::new(&mut y_dot, dims.n_out, columns);
            count(|| block.jvp_params(&at, params_dot, acc, y_dot, &mut scratch)).1
        }
        Op::VjpParams(acc) => {
            let y_bar = Mat::new(&y_dot, dims.n_out, batch);
            let params_bar = &mut params_dot[..dims.n_params];
            count(|| block.vjp_params(&at, y_bar, acc, params_bar, &mut scratch)).1
        }
        Op::UnitParams(acc) => {
            let y_dot = MatMut::new(&mut y_dot, dims.n_out, columns);
            count(|| block.unit_params(&at, 0, acc, y_dot, &mut scratch)).1
        }
    }
}
/// The cost of a block's map with its derivative along a direction, on planes: what the block declares
/// ([`crate::Spec::dot_cost`]), else counted.
pub fn along(block: &dyn AnyBlock, op: DotOp, moving: Moving, batch: usize) -> Cost {
    let counted = |batch| counted_along(block, moving, batch, op);
    let declared = block.dot_cost(op, moving, batch);
    declared.unwrap_or_else(|| affine(batch, BATCH, counted))
}

/// One run of a map with its derivative, counted.
fn counted_along(block: &dyn AnyBlock, moving: Moving, batch: usize, op: DotOp) -> Cost {
    let Some(block) = Block::<Counted<f64>>::second(block) else {
        return Cost::ZERO;
    };
    let (dims, extra) = (block.dims(), block.keeps().extra * batch);
    let half = |n: usize| vec![Counted(0.5); n];
    let (params, x) = (half(dims.n_params), half(dims.n_in * 2 * batch));
    let (mut y, mut x_bar) = (half(dims.n_out * 2 * batch), half(dims.n_in * 2 * batch));
    let (mut kept, mut kept_dot) = (half(extra), half(extra));
    let plain = block.scratch_len(Op::VjpParams(Accum::Add), batch, 1);
    let plain = plain.max(block.scratch_len(Op::VjpInput, batch, 2));
    let mut scratch = half(plain.max(block.dot_scratch_len(batch)));
    let both = Mat::new(&x, dims.n_in, 2 * batch);
    let x = if moving.input {
        Planes::values(both)
    } else {
        Planes::new(both.cols(0..batch), None)
    };
    let params_dot = moving.params.then_some(&params[..]);
    let (_, forward) = count(|| {
        let y = PlanesMut::values(MatMut::new(&mut y, dims.n_out, 2 * batch));
        let extra = (&mut kept, &mut kept_dot);
        block.forward_dot(&params, params_dot, x, y, [extra.0, extra.1], &mut scratch);
    });
    let at = DotPoint {
        params: &params,
        params_dot,
        x,
        y: Planes::values(Mat::new(&y, dims.n_out, 2 * batch)),
        extra: &kept,
        extra_dot: &kept_dot,
        batch,
    };
    let y_bar = half(dims.n_out * 2 * batch);
    let y_bar = Cotangents::new(Mat::new(&y_bar, dims.n_out, 2 * batch));
    match op {
        DotOp::Forward => forward,
        DotOp::VjpParams(acc) => {
            let mut target = half(dims.n_params);
            count(|| block.vjp_params_dot(&at, y_bar, acc, &mut target, &mut scratch)).1
        }
        DotOp::VjpInput => {
            let target = MatMut::new(&mut x_bar, dims.n_in, 2 * batch);
            let target = PlanesMut::cotangents(target);
            count(|| block.vjp_input_dot(&at, y_bar, target, &mut scratch)).1
        }
    }
}
