//! The table of a dynamic program over the ranges of a chain.

/// What the best way for a range of factors does last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Choice {
    /// One factor, accumulated.
    #[default]
    Factor,
    /// The part above factor k times the part up to it.
    Product(usize),
    /// The part above factor k, its rows pulled through the factors up to it.
    Pulled(usize),
    /// The part up to factor k, its columns pushed through the factors above it.
    Pushed(usize),
}

/// The least cost of every range of a chain. Costs saturate: `u128::MAX` says that 128 bits cannot hold them.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    n: usize,
    /// Of the range i..=j at `i * n + j` and at `j * n + i`: the parts below and above a split are then neighbours.
    costs: Vec<u128>,
    choices: Vec<Choice>,
}

impl Table {
    /// Fills the table for `n` factors: `factor(i)` is the cost of one, `split(i, k, j, lower, upper)` the ways to join
    /// i..=k and k + 1..=j, given what they cost accumulated. Of equal ways the first one found stays.
    pub(crate) fn new<const WAYS: usize>(
        n: usize,
        factor: impl Fn(usize) -> u128,
        split: impl Fn(usize, usize, usize, u128, u128) -> [(Choice, u128); WAYS],
    ) -> Self {
        let mut table = Self {
            n,
            costs: vec![0; n * n],
            choices: vec![Choice::Factor; n * n],
        };
        for i in 0..n {
            table.costs[i * n + i] = factor(i);
        }
        for length in 1..n {
            for i in 0..n - length {
                let j = i + length;
                let (mut best, mut how) = (u128::MAX, Choice::Product(i));
                let below = table.costs[i * n + i..i * n + j].iter();
                let above = table.costs[j * n + i + 1..=j * n + j].iter();
                for (k, (&lower, &upper)) in (i..j).zip(below.zip(above)) {
                    for (choice, cost) in split(i, k, j, lower, upper) {
                        if cost < best {
                            (best, how) = (cost, choice);
                        }
                    }
                }
                (table.costs[i * n + j], table.costs[j * n + i]) = (best, best);
                table.choices[i * n + j] = how;
            }
        }
        table
    }

    /// The least cost of the factors i..=j.
    pub(crate) fn cost(&self, i: usize, j: usize) -> u128 {
        self.costs[i * self.n + j]
    }

    /// What the best way for the factors i..=j does last.
    pub(crate) fn choice(&self, i: usize, j: usize) -> Choice {
        self.choices[i * self.n + j]
    }
}
