//! Matrices whose columns are dealt out: every part gets its own.

use super::Crew;
use crate::MatMut;
use crate::team::Columns;

/// The start of a matrix, on its way to the workers.
struct Start<T>(*mut T);

// SAFETY: only `columns` makes one, for entries that are Send, and no two threads reach the same entry through it, nor the
// one that owns the matrix while others do.
unsafe impl<T: Send> Sync for Start<T> {}

/// One matrix whose columns are dealt out.
struct Dealt<T> {
    start: Start<T>,
    nrows: usize,
    stride: usize,
}

impl Crew {
    /// Cuts matrices of as many columns every `width` columns and does `work(columns, their views)` for each part.
    ///
    /// # Panics
    /// As [`Crew::each`]; if one matrix has other columns than the first.
    pub(in crate::team) fn columns<T: Send, const N: usize>(
        &self,
        ys: [MatMut<'_, T>; N],
        width: usize,
        work: Columns<'_, T, N>,
    ) {
        let ncols = ys.first().map_or(0, MatMut::ncols);
        if ncols == 0 || width == 0 {
            return;
        }
        assert!(ys.iter().all(|y| y.ncols() == ncols), "columns of one cut");
        let dealt = ys.map(|mut y| Dealt {
            nrows: y.nrows(),
            stride: y.stride(),
            start: Start(y.data_mut().as_mut_ptr()),
        });
        let dealt = &dealt;
        self.each(ncols.div_ceil(width), &move |part| {
            // Less than `ncols`, as `part` is below their quotient rounded up; the end of the last part may be more.
            let start = part * width;
            let columns = start..ncols.min(start.saturating_add(width));
            let n = columns.len();
            let views = dealt.each_ref().map(|y| {
                if y.nrows == 0 {
                    return MatMut::with_stride(&mut [], 0, n, y.stride);
                }
                // SAFETY: these columns, one at least, lie within a view of `ys`, whose numbers are borrowed for the whole
                // call and reached by nobody else: the last one ends at (ncols - 1) stride + nrows at most, which is the
                // view's length and wraps for no view (`Mat`). Each part has columns of its own and is done once, and
                // `stride >= nrows`, so no two slices overlap; nor do those of two matrices, which are borrowed apart.
                let data = unsafe {
                    std::slice::from_raw_parts_mut(
                        y.start.0.add(columns.start * y.stride),
                        (n - 1) * y.stride + y.nrows,
                    )
                };
                MatMut::with_stride(data, y.nrows, n, y.stride)
            });
            work(columns, views);
        });
    }
}
