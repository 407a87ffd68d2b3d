//! Right numbers, spoilt.

use pushpull_core::{Block, Mat, MatMut, Point, Real};

use super::Faulty;
use crate::Rule;
use crate::fault::Slip;

/// A column-by-column copy.
pub(super) fn copy<T: Real>(mat: Mat<'_, T>) -> Vec<T> {
    mat.columns().flatten().copied().collect()
}

/// What a map is called with, as far as its slip needs to know.
pub(super) struct Site<'a, T> {
    pub(super) rule: Rule,
    pub(super) at: &'a Point<'a, T>,
    pub(super) seed: Vec<T>,
    pub(super) scratch: T,
}

impl<B> Faulty<B> {
    /// Spoils the right numbers of a map in `out`, where `before` was what it held.
    pub(super) fn spoil<T: Real>(&self, site: &Site<'_, T>, before: &[T], mut out: MatMut<'_, T>)
    where
        B: Block<T>,
    {
        let (rule, at, dims) = (site.rule, site.at, self.block.dims());
        let (nrows, ncols) = out.shape();
        let right = copy(out.rb());
        let mut each = |entry: &dyn Fn(usize, usize, usize) -> T| {
            for j in 0..ncols {
                for (i, target) in out.col_mut(j).iter_mut().enumerate() {
                    *target = entry(i, j, j * nrows + i);
                }
            }
        };
        let over = |n: usize| T::from_f64(n as f64).recip();
        match self.slip {
            Slip::Factor(r, factor) if r == rule => each(&|_, _, k| right[k] * T::from_f64(factor)),
            Slip::MeanOverBatch(r) if r == rule => each(&|_, _, k| right[k] * over(at.batch)),
            Slip::MeanOverInputs(r) if r == rule => each(&|_, _, k| right[k] * over(dims.n_in)),
            Slip::Rolled(r) if r == rule => {
                each(&|i, j, _| right[j * nrows + (i + 1) % nrows]);
            }
            Slip::Stale(r) if r == rule => each(&|i, _, k| {
                if i + 1 == nrows { before[k] } else { right[k] }
            }),
            Slip::LastRowFactor(r, factor) if r == rule => each(&|i, _, k| {
                let last = i + 1 == nrows;
                right[k] * if last { T::from_f64(factor) } else { T::one() }
            }),
            Slip::LastRowZero(r) if r == rule => each(&|i, _, k| {
                if i + 1 == nrows { T::zero() } else { right[k] }
            }),
            Slip::Added(r) if r == rule => each(&|_, _, k| right[k] + before[k]),
            Slip::Transposed(r) if r == rule && rule == Rule::VjpParams => {
                let weights = dims.n_in * dims.n_out;
                each(&|i, _, k| {
                    let flipped = i % dims.n_in * dims.n_out + i / dims.n_in;
                    if i < weights {
                        right[flipped]
                    } else {
                        right[k]
                    }
                });
            }
            Slip::SeedItself(r) if r == rule => {
                // A seed of one row is copied to all, a seed of more rows is added up.
                let rows = site.seed.len() / ncols;
                each(&|i, j, _| {
                    if rows == nrows || rows == 1 {
                        site.seed[j * rows + i % rows]
                    } else {
                        let own = &site.seed[j * rows..][..rows];
                        own.iter().fold(T::zero(), |sum, &seed| sum + seed)
                    }
                });
            }
            Slip::WithoutGain(r) if r == rule => each(&|i, _, k| right[k] / at.params[i]),
            Slip::AtZero(r, slope) if r == rule => each(&|i, j, k| {
                if at.x.get(i, j % at.batch).is_zero() {
                    T::from_f64(slope) * site.seed[k]
                } else {
                    right[k]
                }
            }),
            Slip::Clipped(r, bound) if r == rule => {
                let bound = T::from_f64(bound);
                each(&|_, _, k| right[k].min(bound).max(-bound));
            }
            Slip::Scratch(r) if r == rule => each(&|_, _, k| right[k] + site.scratch),
            Slip::Gap(r) if r == rule => {
                let stride = out.stride();
                if stride > nrows && ncols > 1 {
                    out.data_mut()[nrows] = T::zero();
                }
            }
            Slip::Panic(r) if r == rule => {
                assert!(at.batch < 2, "planted: one sample only");
            }
            _ => {}
        }
    }
}
