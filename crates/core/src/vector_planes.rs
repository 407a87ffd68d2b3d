//! Elementwise loops over planes with the widest vector instructions that this processor has: as `vector`, for a
//! number or a cotangent and its derivative at once.

use pulp::NullaryFnOnce;

use crate::team::by_columns;
use crate::vector::{SHARED_FROM, widest};
use crate::{Dual, Mat, MatMut, Real};

/// Entries from which choosing the instructions pays.
const WORTH: usize = 16;

/// What becomes of a cotangent at a number, both with their derivatives.
pub(crate) trait Pull<T> {
    /// The cotangent of the function's argument.
    fn at(&self, kept: Dual<T>, y_bar: Dual<T>) -> Dual<T>;
}

struct Loop<'a, T, E> {
    x_bar: [MatMut<'a, T>; 2],
    kept: [Mat<'a, T>; 2],
    y_bar: [Mat<'a, T>; 2],
    each: E,
}

impl<T: Real, E: Pull<T>> NullaryFnOnce for Loop<'_, T, E> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self {
            x_bar: [mut value, mut dot],
            mut kept,
            mut y_bar,
            each,
        } = self;
        // One column where no gap lies between them: small columns fill no vector.
        let read = kept.iter().chain(&y_bar).all(Mat::is_flat);
        if read && value.rb().is_flat() && dot.rb().is_flat() {
            (value, dot) = (value.flat(), dot.flat());
            (kept, y_bar) = (kept.map(Mat::flat), y_bar.map(Mat::flat));
        }
        for j in 0..value.ncols() {
            run(
                value.col_mut(j),
                dot.col_mut(j),
                kept.map(|mat| mat.col(j)),
                y_bar.map(|mat| mat.col(j)),
                &each,
            );
        }
    }
}

#[allow(clippy::needless_range_loop)] // One index over six slices.
#[inline(always)]
fn run<T: Real>(
    value: &mut [T],
    dot: &mut [T],
    kept: [&[T]; 2],
    y_bar: [&[T]; 2],
    each: &impl Pull<T>,
) {
    let n = value.len();
    let dot = &mut dot[..n];
    let (kept, y_bar) = (
        kept.map(|slice| &slice[..n]),
        y_bar.map(|slice| &slice[..n]),
    );
    for i in 0..n {
        let x_bar = each.at(
            Dual::new(kept[0][i], kept[1][i]),
            Dual::new(y_bar[0][i], y_bar[1][i]),
        );
        (value[i], dot[i]) = (x_bar.value, x_bar.derivative);
    }
}

/// Does `each` with every entry of the planes; in each pair the value comes first.
pub(crate) fn pull<T: Real>(
    x_bar: (MatMut<'_, T>, MatMut<'_, T>),
    kept: [Mat<'_, T>; 2],
    y_bar: [Mat<'_, T>; 2],
    each: impl Pull<T>,
) {
    let entries = x_bar.0.nrows() * x_bar.0.ncols();
    let work = Loop {
        x_bar: [x_bar.0, x_bar.1],
        kept,
        y_bar,
        each,
    };
    widest::<T, _>(entries >= WORTH, work)
}

/// What becomes of a number with its derivative: two numbers with theirs.
pub(crate) trait Push<T> {
    /// The function's value, and what a record keeps.
    fn at(&self, x: Dual<T>) -> (Dual<T>, Dual<T>);
}

struct Outward<'a, T, E> {
    /// y, y_dot, what is kept, its derivative.
    to: [MatMut<'a, T>; 4],
    x: [Mat<'a, T>; 2],
    each: &'a E,
}

impl<T: Real, E: Push<T>> NullaryFnOnce for Outward<'_, T, E> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self {
            mut to,
            mut x,
            each,
        } = self;
        if to.iter().all(|mat| mat.rb().is_flat()) && x.iter().all(Mat::is_flat) {
            (to, x) = (to.map(MatMut::flat), x.map(Mat::flat));
        }
        let ([mut y, mut y_dot, mut kept, mut kept_dot], [x, x_dot]) = (to, x);
        for j in 0..y.ncols() {
            let to = [
                y.col_mut(j),
                y_dot.col_mut(j),
                kept.col_mut(j),
                kept_dot.col_mut(j),
            ];
            outward(to, [x.col(j), x_dot.col(j)], each);
        }
    }
}

#[inline(always)]
fn outward<T: Real>(to: [&mut [T]; 4], x: [&[T]; 2], each: &impl Push<T>) {
    let [y, y_dot, kept, kept_dot] = to;
    let n = y.len();
    let (y_dot, kept, kept_dot) = (&mut y_dot[..n], &mut kept[..n], &mut kept_dot[..n]);
    let [x, x_dot] = x.map(|slice| &slice[..n]);
    for i in 0..n {
        let (value, keeps) = each.at(Dual::new(x[i], x_dot[i]));
        (y[i], y_dot[i]) = (value.value, value.derivative);
        (kept[i], kept_dot[i]) = (keeps.value, keeps.derivative);
    }
}

/// Does `each` with every entry of `x` and its derivative; in each pair the value comes first.
pub(crate) fn push<T: Real>(
    y: (MatMut<'_, T>, MatMut<'_, T>),
    kept: (MatMut<'_, T>, MatMut<'_, T>),
    x: [Mat<'_, T>; 2],
    each: impl Push<T> + Sync,
) {
    let entries = y.0.nrows() * y.0.ncols();
    let to = [y.0, y.1, kept.0, kept.1];
    let each = &each;
    if entries < SHARED_FROM {
        widest::<T, _>(entries >= WORTH, Outward { to, x, each });
    } else {
        by_columns(to, &|columns, to| {
            let x = x.map(|mat| mat.cols(columns.clone()));
            widest::<T, _>(true, Outward { to, x, each });
        });
    }
}
