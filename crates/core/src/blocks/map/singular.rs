//! Where the slope of a scalar function is not finite.

use super::{Elementwise, Kept, Map};
use crate::{Dual, Mat, Real, Steep};

/// Hands every entry whose slope is not finite to `found`; with `second`, also those whose second derivative is not.
pub(super) fn search<T: Real, F: Elementwise>(
    map: &Map<F>,
    kept: Mat<'_, T>,
    second: bool,
    found: &mut dyn FnMut(Steep),
) {
    for (sample, column) in kept.columns().enumerate() {
        // All at once first, without a branch an entry: there is hardly ever one.
        let finite = column
            .iter()
            .fold(true, |all, &x| all & finite(map, x, second));
        if finite {
            continue;
        }
        for (row, &x) in column.iter().enumerate() {
            if !self::finite(map, x, second) {
                found(Steep {
                    sample,
                    output: row,
                    input: Some(row),
                    at: x.to_f64(),
                });
            }
        }
    }
}

/// At dual numbers the value alone is looked at: what is infinite along one direction is so along every other. An input
/// that is NaN already is somebody else's.
#[inline(always)]
fn finite<T: Real, F: Elementwise>(map: &Map<F>, kept: T, second: bool) -> bool {
    let from = map.kept();
    if from == Kept::Slope {
        return kept.is_nan() || kept.to_f64().is_finite();
    }
    let beyond = from == Kept::Input && kept.is_nan();
    if !second {
        return beyond || map.slope(kept).is_finite();
    }
    let slope = map.slope(Dual::new(kept.stopped(), T::one()));
    // By the input; from the output it is one more slope away.
    let again = if from == Kept::Output {
        slope.derivative * slope.value
    } else {
        slope.derivative
    };
    beyond || slope.value.is_finite() && again.is_finite()
}
