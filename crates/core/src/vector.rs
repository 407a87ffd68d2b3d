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

/// Does `work`, a loop over numbers `T`, with the widest vectors that hold them; with those of any processor where choosing
/// is not `worth` it.
pub(crate) fn widest<T: Real, W: NullaryFnOnce>(worth: bool, work: W) -> W::Output {
    // A module of WebAssembly is compiled with vectors or without: there is no choice, and a second copy of each loop would be
    // bytes alone.
    if const { !T::VECTORS || cfg!(target_family = "wasm") } {
        return work.call();
    }
    let arch = if worth { Arch::new() } else { Arch::Scalar };
    arch.dispatch(work)
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
                let Self { mut $y, $(mut $more,)* $(mut $x,)* each } = self;
                // One column where no gap lies between them: small columns fill no vector.
                if $y.rb().is_flat() $(&& $more.rb().is_flat())* $(&& $x.is_flat())* {
                    $y = $y.flat();
                    $($more = $more.flat();)*
                    $($x = $x.flat();)*
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
            if entries < SHARED_FROM {
                let worth = entries * size_of::<T>() >= WORTH;
                return widest::<T, _>(worth, $loop { $y, $($more,)* $($x,)* each: &each });
            }
            by_columns([$y, $($more,)*], &|_columns, [$y, $($more,)*]| {
                $(let $x = $x.cols(_columns.clone());)*
                widest::<T, _>(true, $loop { $y, $($more,)* $($x,)* each: &each });
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
