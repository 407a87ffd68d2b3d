//! The table of a dynamic program over the ranges of a chain.

/// What the best way for a range of factors does last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Choice {
    /// One factor, accumulated.
    #[default]
    Factor,
    /// The part above factor k times the part up to it.
    Product(usize),
    /// The part above the first factor, its rows pulled through that factor.
    Pulled,
    /// The part below the last factor, its columns pushed through that factor.
    Pushed,
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
    /// Fills the table for `n` factors: `factor(i)` is the cost of one, `product(i, k, j)` of the product of k + 1..=j
    /// and i..=k, `passes(i, j)` of pulling the rows of i + 1..=j through factor i and of pushing the columns of i..=j - 1
    /// through factor j, where that is possible. Passing several factors is passing them one by one. Of equal ways the
    /// first one found stays.
    pub(crate) fn new(
        n: usize,
        factor: impl Fn(usize) -> u128,
        product: impl Fn(usize, usize, usize) -> u128,
        passes: impl Fn(usize, usize) -> Option<[u128; 2]>,
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
                if let Some([pulled, pushed]) = passes(i, j) {
                    best = table.cost(i + 1, j).saturating_add(pulled);
                    how = Choice::Pulled;
                    let pushed = table.cost(i, j - 1).saturating_add(pushed);
                    if pushed < best {
                        (best, how) = (pushed, Choice::Pushed);
                    }
                }
                let below = table.costs[i * n + i..i * n + j].iter();
                let above = table.costs[j * n + i + 1..=j * n + j].iter();
                for (k, (&lower, &upper)) in (i..j).zip(below.zip(above)) {
                    let both = lower.saturating_add(upper);
                    let cost = both.saturating_add(product(i, k, j));
                    if cost < best {
                        (best, how) = (cost, Choice::Product(k));
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
