//! Derivatives that leave the range of numbers on their way and come back.

use crate::finite::first_not_finite;
use crate::{MatMut, Result, Scalar};

/// Runs for results that are linear in the program's own seeds; an entry that is then not finite is computed again from
/// seeds as small as the square root of the smallest normal number.
///
/// A tangent can overflow and meet a slope of zero behind, which makes NaN of a derivative that is zero; a cotangent on the
/// other way does not get there. So one mode would answer and the other would not. From small seeds neither overflows, unless
/// numbers of more than three halves of the range meet. `run` is told where to write and what its seeds are made of, if not of
/// ones ([`super::Frame::unit`]). The second run allocates and is in no count.
///
/// # Errors
/// Those of `run`.
///
/// ```
/// use pushpull_core::{MatMut, program::in_range};
/// let mut slope = [0.0];
/// // 0 (1e200 (1e200 seed))
/// in_range([MatMut::new(&mut slope, 1, 1)], |[mut to], unit| {
///     to.fill(0.0 * (1e200 * (1e200 * unit.unwrap_or(1.0))));
///     Ok(())
/// })?;
/// assert_eq!(slope, [0.0]);
/// # Ok::<(), pushpull_core::Error>(())
/// ```
#[inline]
pub fn in_range<T: Scalar, const N: usize>(
    mut to: [MatMut<'_, T>; N],
    mut run: impl FnMut([MatMut<'_, T>; N], Option<T>) -> Result<()>,
) -> Result<()> {
    run(to.each_mut().map(|to| to.rb_mut()), None)?;
    // A count or an error analysis is of the run as it is.
    if !T::VECTORS || to.iter().all(|to| first_not_finite(to.rb()).is_none()) {
        return Ok(());
    }
    again(to, run)
}

#[cold]
#[inline(never)]
fn again<T: Scalar, const N: usize>(
    to: [MatMut<'_, T>; N],
    mut run: impl FnMut([MatMut<'_, T>; N], Option<T>) -> Result<()>,
) -> Result<()> {
    let mut numbers = to
        .each_ref()
        .map(|to| vec![T::zero(); to.nrows() * to.ncols()]);
    let unit = T::from_f64(T::MIN_NORMAL.sqrt());
    let mut shapes = to.iter().map(|to| (to.nrows(), to.ncols()));
    let small = numbers.each_mut().map(|numbers| {
        let (rows, cols) = shapes.next().unwrap_or_default();
        MatMut::new(numbers, rows, cols)
    });
    T::uncounted(|| run(small, Some(unit)))?;
    for (mut to, numbers) in to.into_iter().zip(numbers) {
        let rows = to.nrows();
        for j in 0..to.ncols() {
            let pairs = to.col_mut(j).iter_mut().zip(&numbers[j * rows..]);
            for (entry, &small) in pairs.filter(|(entry, _)| !entry.is_finite()) {
                *entry = small / unit;
            }
        }
    }
    Ok(())
}
