//! The shapes and data of a check, drawn by proptest, so that a failure shrinks.

use std::ops::RangeInclusive;

use proptest::prelude::*;

use crate::unit::unit;
use pushpull_core::Dims;

/// Where the entries of the input and of the parameters lie.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Domain {
    pub(crate) x: (f64, f64),
    pub(crate) params: (f64, f64),
}

/// How the numbers of a case are picked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flavour {
    /// Anywhere in the domain.
    Plain,
    /// Half of the input from a few special values, 0 among them where the domain has it: kinks and ties.
    Ties,
}

/// One case of a check; the data follow from it and the block's sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Case {
    /// Which block of a family.
    pub(crate) member: usize,
    pub(crate) batch: usize,
    pub(crate) seeds: usize,
    /// Canaries between the columns of every buffer.
    pub(crate) gap: usize,
    pub(crate) flavour: Flavour,
    pub(crate) number: u64,
}

/// The numbers of a case. A smaller batch or fewer seeds keep the numbers of the columns that are left.
#[derive(Clone, Debug)]
pub(crate) struct Data {
    pub(crate) batch: usize,
    pub(crate) seeds: usize,
    /// n_in x batch
    pub(crate) x: Vec<f64>,
    pub(crate) params: Vec<f64>,
    /// n_in x batch seeds
    pub(crate) x_dot: Vec<f64>,
    /// n_out x batch seeds
    pub(crate) y_bar: Vec<f64>,
    /// n_params x seeds
    pub(crate) params_dot: Vec<f64>,
}

/// Cases over the members of a family, batches and seeds. Shrinks to the first member, one sample, one seed, no gap,
/// plain numbers.
pub(crate) fn cases(members: RangeInclusive<usize>) -> impl Strategy<Value = Case> {
    let flavour = prop_oneof![Just(Flavour::Plain), Just(Flavour::Ties)];
    let shape = (members, 1..=4_usize, 1..=4_usize, 0..=2_usize);
    (shape, flavour, any::<u64>().no_shrink()).prop_map(
        |((member, batch, seeds, gap), flavour, number)| Case {
            member,
            batch,
            seeds,
            gap,
            flavour,
            number,
        },
    )
}

impl Case {
    /// The numbers for a block of these sizes.
    pub(crate) fn data(&self, dims: Dims, domain: Domain) -> Data {
        let between = |(low, high): (f64, f64), u: f64| low + (high - low) * u;
        let key = |stream, column: usize, row: usize| {
            unit([self.number, stream, column as u64, row as u64])
        };
        let matrix = |nrows: usize, ncols: usize, entry: &dyn Fn(usize, usize) -> f64| {
            let columns = (0..ncols).map(|j| (0..nrows).map(move |i| entry(i, j)));
            columns.flatten().collect::<Vec<f64>>()
        };
        // Far enough from 0 that a relative tolerance means something, of both signs.
        let seed = |stream, row, column: usize| {
            // A column belongs to its seed and sample, whatever the batch.
            let column = column / self.batch * 64 + column % self.batch;
            let u = 2.0 * key(stream, column, row) - 1.0;
            u.signum() * (0.25 + 1.25 * u.abs())
        };
        let (low, high) = domain.x;
        let zero_or_low = if low <= 0.0 && 0.0 <= high { 0.0 } else { low };
        let special = [zero_or_low, between(domain.x, 0.75)];
        let columns = self.batch * self.seeds;
        Data {
            batch: self.batch,
            seeds: self.seeds,
            x: matrix(dims.n_in, self.batch, &|i, j| {
                let u = key(1, j, i);
                if self.flavour == Flavour::Ties && key(2, j, i) < 0.5 {
                    special[usize::from(u < 0.4)]
                } else {
                    between(domain.x, u)
                }
            }),
            params: matrix(dims.n_params, 1, &|i, _| {
                between(domain.params, key(3, 0, i))
            }),
            x_dot: matrix(dims.n_in, columns, &|i, j| seed(4, i, j)),
            y_bar: matrix(dims.n_out, columns, &|i, j| seed(5, i, j)),
            params_dot: matrix(dims.n_params, self.seeds, &|i, s| {
                seed(6, i, s * self.batch)
            }),
        }
    }

    /// Some of `n` indices: all of a few, else a sample that differs from case to case.
    pub(crate) fn indices(&self, n: usize) -> Vec<usize> {
        const MOST: usize = 48;
        if n <= MOST {
            return (0..n).collect();
        }
        (0..MOST)
            .map(|k| (unit([self.number, 7, k as u64, 0]) * n as f64) as usize)
            .collect()
    }
}
