//! Runs elementwise loops with the widest vector instructions that this processor has.
//!
//! The compiler turns a plain loop over slices into vector code for whatever instructions the enclosing function may
//! use; a default build may use SSE2 alone. So each loop is compiled once more inside functions that may use AVX2 or
//! AVX-512, and the one that fits is chosen at run time. What is done with an entry is a type, not a closure: only a
//! method can be told to be compiled into each of the loops. The loops use no fused operations, so every width gives
//! the same bits.

use pulp::{Arch, NullaryFnOnce};

use crate::team::by_columns;
use crate::{Mat, MatMut, Real};

/// Bytes from which choosing pays: below, the choice costs as much as the loop.
const WORTH: usize = 64;

/// Entries from which a loop is shared with the team.
pub(crate) const SHARED_FROM: usize = 1 << 14;

/// Does `work`, a loop over numbers `T`, with the widest vectors that hold them.
pub(crate) fn widest<T: Real, W: NullaryFnOnce>(work: W) -> W::Output {
    // WebAssembly has no choice at run time: a module is compiled with vectors or without, and a second copy of each loop
    // would be bytes alone.
    if const { T::VECTORS && !cfg!(target_family = "wasm") } {
        Arch::new().dispatch(work)
    } else {
        work.call()
    }
}

/// What is done with one entry.
pub(crate) trait Single<T> {
    /// Changes it.
    fn at(&self, y: &mut T);
}

/// What is done with an entry, given another.
pub(crate) trait Pair<T> {
    /// Changes `y`.
    fn at(&self, y: &mut T, x: T);
}

/// What is done with an entry, given two others.
pub(crate) trait Triple<T> {
    /// Changes `y`.
    fn at(&self, y: &mut T, x: T, z: T);
}

/// What is done with two entries at once.
pub(crate) trait Twin<T> {
    /// Changes `y`, and assigns `z`.
    fn at(&self, y: &mut T, z: &mut T);
}

/// What is done with two entries at once, given another.
pub(crate) trait TwinPair<T> {
    /// Assigns `y` and `z`.
    fn at(&self, y: &mut T, z: &mut T, x: T);
}

macro_rules! loops {
    ($(#[$doc:meta])* $name:ident $trait:ident $loop:ident ($y:ident $($more:ident)*) ($($x:ident)*)) => {
        struct $loop<'a, T, E> {
            $y: MatMut<'a, T>,
            $($more: MatMut<'a, T>,)*
            $($x: Mat<'a, T>,)*
            each: &'a E,
        }

        impl<T: Real, E: $trait<T>> NullaryFnOnce for $loop<'_, T, E> {
            type Output = ();

            #[inline(always)]
            fn call(self) {
                let Self { mut $y, $(mut $more,)* $($x,)* each } = self;
                // One loop where no gap lies between the columns: small columns fill no vector.
                if let (Some($y), $(Some($more),)* $(Some($x),)*) =
                    ($y.as_mut_slice(), $($more.as_mut_slice(),)* $($x.as_slice(),)*)
                {
                    let n = $y.len();
                    $(let $more = &mut $more[..n];)*
                    $(let $x = &$x[..n];)*
                    for i in 0..n {
                        each.at(&mut $y[i], $(&mut $more[i],)* $($x[i],)*);
                    }
                    return;
                }
                for j in 0..$y.ncols() {
                    let $y = $y.col_mut(j);
                    let n = $y.len();
                    $(let $more = &mut $more.col_mut(j)[..n];)*
                    $(let $x = &$x.col(j)[..n];)*
                    for i in 0..n {
                        each.at(&mut $y[i], $(&mut $more[i],)* $($x[i],)*);
                    }
                }
            }
        }

        $(#[$doc])*
        pub(crate) fn $name<T: Real>(
            $y: MatMut<'_, T>,
            $($more: MatMut<'_, T>,)*
            $($x: Mat<'_, T>,)*
            each: impl $trait<T> + Sync,
        ) {
            let entries = $y.nrows() * $y.ncols();
            if entries * size_of::<T>() < WORTH {
                return $loop { $y, $($more,)* $($x,)* each: &each }.call();
            }
            if entries < SHARED_FROM {
                return widest::<T, _>($loop { $y, $($more,)* $($x,)* each: &each });
            }
            by_columns([$y, $($more,)*], |_columns, [$y, $($more,)*]| {
                $(let $x = $x.cols(_columns.clone());)*
                widest::<T, _>($loop { $y, $($more,)* $($x,)* each: &each });
            });
        }
    };
}

loops!(
    /// Does `each` with every entry of `y`.
    singles Single Singles (y) ()
);
loops!(
    /// Does `each` with every entry of `y` and of `x`.
    pairs Pair Pairs (y) (x)
);
loops!(
    /// Does `each` with every entry of `y`, of `x` and of `z`.
    triples Triple Triples (y) (x z)
);
loops!(
    /// Does `each` with every entry of `y` and of `z`.
    twins Twin Twins (y z) ()
);
loops!(
    /// Does `each` with every entry of `y`, of `z` and of `x`.
    twin_pairs TwinPair TwinPairs (y z) (x)
);
