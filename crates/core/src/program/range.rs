//! Derivatives that leave the range of numbers on their way and come back.

use crate::finite::first_not_finite;
use crate::{Graph, Mat, MatMut, ParamJacobian, Result, Scalar};

/// Runs for results that are linear in the program's own seeds; an entry that is then not finite is computed again from
/// seeds as small as the square root of the smallest normal number, and if need be as that number.
///
/// A tangent can overflow and meet a slope of zero behind, which makes NaN of a derivative that is zero; a cotangent on the
/// other way does not get there. So one mode would answer and the other would not. From small seeds neither overflows, unless
/// a derivative on the way is beyond twice the range. `run` is told where to write and what its seeds are made of, if not of
/// ones ([`super::Frame::unit`]). A further run allocates and is in no count. `finite` looks at the results; it may look at a
/// part of them by which the others can be told.
///
/// # Errors
/// Those of `run`.
///
/// ```
/// use pushpull_core::{MatMut, program::{all_finite, in_range}};
/// let mut slope = [0.0];
/// // 0 (1e200 (1e200 seed))
/// in_range([MatMut::new(&mut slope, 1, 1)], all_finite, |[mut to], unit| {
///     to.fill(0.0 * (1e200 * (1e200 * unit.unwrap_or(1.0))));
///     Ok(())
/// })?;
/// assert_eq!(slope, [0.0]);
/// # Ok::<(), pushpull_core::Error>(())
/// ```
#[inline]
pub fn in_range<T: Scalar, const N: usize>(
    mut to: [MatMut<'_, T>; N],
    finite: impl Fn(&[MatMut<'_, T>; N]) -> bool,
    mut run: impl FnMut([MatMut<'_, T>; N], Option<T>) -> Result<()>,
) -> Result<()> {
    run(to.each_mut().map(|to| to.rb_mut()), None)?;
    // A count or an error analysis is of the run as it is.
    if !T::VECTORS || finite(&to) {
        return Ok(());
    }
    again(to, run)
}

/// Whether all entries of some results are finite.
#[inline]
pub fn all_finite<T: Scalar, const N: usize>(to: &[MatMut<'_, T>; N]) -> bool {
    to.iter().all(|to| first_not_finite(to.rb()).is_none())
}

/// Whether the cotangents of all blocks were finite that a gradient of the parameters was made of. Of `W_bar = y_bar x'` the
/// first column says it: what is not finite in y_bar is so in its whole row.
#[inline]
pub fn gradient_finite<T: Scalar>(graph: &Graph, gradient: Mat<'_, T>) -> bool {
    let numbers = gradient.data();
    if numbers.len() < LOOKED_AT_WHOLE {
        return first_not_finite(gradient).is_none();
    }
    graph.nodes().iter().all(|node| {
        let own = &numbers[node.params.clone()];
        let head = match node.block.param_jacobian() {
            ParamJacobian::Kronecker { .. } => node.dims().n_out.min(own.len()),
            _ => own.len(),
        };
        first_not_finite(Mat::from(&own[..head])).is_none()
    })
}

/// Entries below which a look at all costs less than one at each block's.
const LOOKED_AT_WHOLE: usize = 1024;

#[cold]
#[inline(never)]
fn again<T: Scalar, const N: usize>(
    mut to: [MatMut<'_, T>; N],
    mut run: impl FnMut([MatMut<'_, T>; N], Option<T>) -> Result<()>,
) -> Result<()> {
    let mut numbers = to
        .each_ref()
        .map(|to| vec![T::zero(); to.nrows() * to.ncols()]);
    for unit in [T::MIN_NORMAL.sqrt(), T::MIN_NORMAL] {
        let unit = T::from_f64(unit);
        let mut shapes = to.iter().map(|to| to.shape());
        let small = numbers.each_mut().map(|numbers| {
            let (rows, cols) = shapes.next().unwrap_or_default();
            MatMut::new(numbers, rows, cols)
        });
        T::uncounted(|| run(small, Some(unit)))?;
        let mut lost = false;
        for (to, numbers) in to.iter_mut().zip(&numbers) {
            let rows = to.nrows();
            for j in 0..to.ncols() {
                let pairs = to.col_mut(j).iter_mut().zip(&numbers[j * rows..]);
                for (entry, &small) in pairs.filter(|(entry, _)| !entry.is_finite()) {
                    *entry = small / unit;
                    lost |= !entry.is_finite();
                }
            }
        }
        if !lost {
            break;
        }
    }
    Ok(())
}
