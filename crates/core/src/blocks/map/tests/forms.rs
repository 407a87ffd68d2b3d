//! A block's value, slope and second derivative from each of its maps.

use crate::planes::{Cotangents, DotPoint, Planes, PlanesMut};
use crate::{AnyBlock, Dual, Keeps, Mat, MatMut, Point, Real, Scalar};

/// f, f', f'': what a form gives.
pub(super) type Jet<T> = [Option<T>; 3];

/// A way to a block's numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Form {
    Plain,
    InPlace,
    Dual,
    DualInPlace,
    Planes,
}

/// The block on a row of entries: value, and what a record keeps.
struct Recorded<'b, T> {
    block: &'b dyn AnyBlock,
    x: Vec<T>,
    y: Vec<T>,
    extra: Vec<T>,
}

impl<'b, T: Scalar> Recorded<'b, T> {
    fn new(block: &'b dyn AnyBlock, x: Vec<T>, in_place: bool) -> Self {
        let (keeps, n) = (block.keeps(), x.len());
        let mut extra = vec![T::from_f64(7.0); keeps.extra * n];
        let mut y = x.clone();
        if in_place {
            let block = T::of(block).in_place().unwrap();
            block.forward_in_place(&[], MatMut::new(&mut y, 1, n), &mut extra);
        } else {
            y.fill(T::from_f64(7.0));
            let to = MatMut::new(&mut y, 1, n);
            T::of(block).forward(&[], Mat::new(&x, 1, n), to, &mut extra);
        }
        Self { block, x, y, extra }
    }

    /// Only what is kept is there.
    fn point(&self) -> Point<'_, T> {
        let (keeps, n) = (self.block.keeps(), self.x.len());
        let row = |kept, numbers| {
            if kept {
                Mat::new(numbers, 1, n)
            } else {
                Mat::empty()
            }
        };
        Point {
            params: &[],
            x: row(keeps.x, &self.x),
            y: row(keeps.y, &self.y),
            extra: &self.extra,
            batch: n,
        }
    }

    /// What becomes of a seed of ones, forward or back, for one seed or the last of three.
    fn ones(&self, back: bool, seeds: usize, in_place: bool) -> Vec<T> {
        let n = self.x.len();
        let (at, block) = (self.point(), T::of(self.block));
        let op = crate::Op::JvpInput;
        let mut scratch = vec![T::from_f64(7.0); self.block.scratch_len(op, n, seeds)];
        let seed = vec![T::one(); n * seeds];
        let mut out = seed.clone();
        let to = MatMut::new(&mut out, 1, n * seeds);
        match (block.in_place().filter(|_| in_place), back) {
            (Some(block), false) => block.jvp_input_in_place(&at, to, &mut scratch),
            (Some(block), true) => block.vjp_input_in_place(&at, to, &mut scratch),
            (None, false) => {
                block.jvp_input(&at, Mat::new(&seed, 1, n * seeds), to, &mut scratch);
            }
            (None, true) => {
                block.vjp_input(&at, Mat::new(&seed, 1, n * seeds), to, &mut scratch);
            }
        }
        out.split_off(n * (seeds - 1))
    }
}

/// f, f' and f'' as the plain maps give them, f'' at duals.
pub(super) fn plain_jets<T: Scalar>(block: &dyn AnyBlock, xs: &[T]) -> Vec<Jet<T>>
where
    Dual<T>: Scalar,
{
    let plain = Recorded::new(block, xs.to_vec(), false);
    let slopes = plain.ones(false, 1, false);
    let second = Recorded::new(block, moving(xs), false).ones(true, 1, false);
    let all = plain.y.iter().zip(slopes).zip(second);
    all.map(|((&y, slope), second)| [Some(y), Some(slope), Some(second.derivative)])
        .collect()
}

/// The numbers with derivative 1.
fn moving<T: Real>(xs: &[T]) -> Vec<Dual<T>> {
    xs.iter().map(|&x| Dual::new(x, T::one())).collect()
}

/// Every form of the block.
pub(super) fn jets<T: Scalar>(block: &dyn AnyBlock, xs: &[T]) -> Vec<(Form, Vec<Jet<T>>)>
where
    Dual<T>: Scalar,
{
    let mut all = Vec::new();
    for in_place in [false, true] {
        if in_place && !block.overwrites() {
            continue;
        }
        let (plain, dual) = if in_place {
            (Form::InPlace, Form::DualInPlace)
        } else {
            (Form::Plain, Form::Dual)
        };
        let recorded = Recorded::new(block, xs.to_vec(), in_place);
        let at_duals = Recorded::new(block, moving(xs), in_place);
        for (back, seeds) in [(false, 1), (true, 1), (false, 3), (true, 3)] {
            let slopes = recorded.ones(back, seeds, in_place);
            let pairs = recorded.y.iter().zip(slopes);
            let jets = pairs.map(|(&y, slope)| [Some(y), Some(slope), None]);
            all.push((plain, jets.collect()));
            let pulled = at_duals.ones(back, seeds, in_place);
            // The slope twice: as the derivative of the value, and as what becomes of a seed.
            let pairs = at_duals.y.iter().zip(&pulled);
            let jets = pairs.map(|(y, p)| [Some(y.value), Some(y.derivative), Some(p.derivative)]);
            all.push((dual, jets.collect()));
            let jets = pulled.iter().map(|p| [None, Some(p.value), None]);
            all.push((dual, jets.collect()));
        }
    }
    all.extend(planes(block, xs).map(|jets| (Form::Planes, jets)));
    all
}

/// The maps on planes: f and f' of the way forward, f' and f'' of the way back.
fn planes<T: Scalar>(block: &dyn AnyBlock, xs: &[T]) -> [Vec<Jet<T>>; 2] {
    let n = xs.len();
    let Keeps {
        x: keeps_x,
        y: keeps_y,
        extra: kept,
    } = block.keeps();
    let seven = T::from_f64(7.0);
    let (mut y, mut pulled) = (vec![seven; 2 * n], vec![seven; 2 * n]);
    let (mut extra, mut extra_dot) = (vec![seven; kept * n], vec![seven; kept * n]);
    let mut scratch = vec![seven; block.dot_scratch_len(n)];
    let x = [xs, &vec![T::one(); n]].concat();
    let x = Planes::values(Mat::new(&x, 1, 2 * n));
    let second = T::of(block).second().unwrap();
    second.forward_dot(
        &[],
        None,
        x,
        PlanesMut::values(MatMut::new(&mut y, 1, 2 * n)),
        [&mut extra, &mut extra_dot],
        &mut scratch,
    );
    let nothing = Planes::new(Mat::empty(), None);
    let at = DotPoint {
        params: &[],
        params_dot: None,
        x: if keeps_x { x } else { nothing },
        y: if keeps_y {
            Planes::values(Mat::new(&y, 1, 2 * n))
        } else {
            nothing
        },
        extra: &extra,
        extra_dot: &extra_dot,
        batch: n,
    };
    let bars = [vec![T::zero(); n], vec![T::one(); n]].concat();
    second.vjp_input_dot(
        &at,
        Cotangents::new(Mat::new(&bars, 1, 2 * n)),
        PlanesMut::cotangents(MatMut::new(&mut pulled, 1, 2 * n)),
        &mut scratch,
    );
    let forward = y[..n].iter().zip(&y[n..]);
    let back = pulled[n..].iter().zip(&pulled[..n]);
    [
        forward
            .map(|(&y, &slope)| [Some(y), Some(slope), None])
            .collect(),
        back.map(|(&slope, &second)| [None, Some(slope), Some(second)])
            .collect(),
    ]
}
