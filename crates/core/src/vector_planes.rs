//! Elementwise loops over planes with the widest vector instructions that this processor has: as `vector`, for a
//! cotangent and its derivative at once.

use pulp::NullaryFnOnce;

use crate::vector::widest;
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
            kept,
            y_bar,
            each,
        } = self;
        let whole = |mats: [Mat<'_, T>; 2]| mats.iter().all(|mat| mat.as_slice().is_some());
        if whole(kept) && whole(y_bar) {
            // No gap between the columns: one loop, as small columns fill no vector.
            if let (Some(value), Some(dot)) = (value.as_mut_slice(), dot.as_mut_slice()) {
                return run(
                    value,
                    dot,
                    kept.map(|m| m.data()),
                    y_bar.map(|m| m.data()),
                    &each,
                );
            }
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
    if entries < WORTH {
        work.call()
    } else {
        widest::<T, _>(work)
    }
}
