//! The cheapest way to the Jacobian of every range of a chain of blocks.
//!
//! The dynamic program of [`crate::ChainPlan`] with what is known of blocks: a factor may be diagonal, or be the block's
//! parameters, or the same for all samples of a batch, and so may be what is made of it. A matrix-free step passes one
//! factor; passing several is several such steps, since their costs for a given number of seeds add up.

use std::collections::HashMap;

use pushpull_core::siblings::memory;
use pushpull_core::{Graph, Op, cost};

use crate::factor::{Chain, Structure};

mod way;
use way::CALL;
pub(crate) use way::{Entry, Form, How, Work};

/// The best ways of all ranges `i..j`, in each form.
#[derive(Clone, Debug)]
pub(crate) struct Search {
    n: usize,
    batch: usize,
    sizes: Vec<usize>,
    /// Factors before each that are not diagonal, and that are not shared.
    dense_before: Vec<usize>,
    own_before: Vec<usize>,
    entries: Vec<[Option<Entry>; 4]>,
}

impl Search {
    /// Searches the chain for batches of `batch` samples.
    pub(crate) fn new(graph: &Graph, chain: &Chain, batch: usize) -> Self {
        let n = chain.factors.len();
        let counted = |is: &dyn Fn(usize) -> bool| {
            let mut before = vec![0; n + 1];
            for i in 0..n {
                before[i + 1] = before[i] + usize::from(is(i));
            }
            before
        };
        let mut search = Self {
            n,
            batch,
            sizes: (0..=n).map(|i| chain.size(i)).collect(),
            dense_before: counted(&|i| chain.factors[i].structure != Structure::Diagonal),
            own_before: counted(&|i| !chain.factors[i].shared),
            entries: vec![[None; 4]; n * (n + 1) / 2],
        };
        let mut maps = Maps {
            graph,
            chain,
            known: HashMap::new(),
        };
        for i in 0..n {
            search.factor(i, chain.factors[i].structure, &mut maps);
        }
        for length in 2..=n {
            for i in 0..=n - length {
                search.range(i, i + length, &mut maps);
            }
        }
        search
    }

    /// Heap bytes that the tables keep.
    pub(crate) const fn held(&self) -> usize {
        memory::held(&self.sizes)
            + memory::held(&self.dense_before)
            + memory::held(&self.own_before)
            + memory::held(&self.entries)
    }

    /// Rows of the Jacobian of a range that ends before factor `j`, or columns of one that starts at factor `i`.
    pub(crate) fn size(&self, at: usize) -> usize {
        self.sizes[at]
    }

    /// Whether the Jacobian of a range is diagonal.
    pub(crate) fn diagonal(&self, i: usize, j: usize) -> bool {
        self.dense_before[i] == self.dense_before[j]
    }

    /// How many Jacobians a range has: one for every sample, or one for all.
    pub(crate) fn samples(&self, i: usize, j: usize) -> usize {
        if self.own_before[i] == self.own_before[j] {
            1
        } else {
            self.batch
        }
    }

    /// Where the ways to a range lie: the ranges that start at 0 first, the shortest first.
    const fn place(&self, i: usize, j: usize) -> usize {
        i * self.n - i * i.saturating_sub(1) / 2 + (j - i - 1)
    }

    /// The best way to a range in a form, if it can be had so.
    pub(crate) fn entry(&self, i: usize, j: usize, form: Form) -> Option<Entry> {
        self.entries[self.place(i, j)][form as usize]
    }

    /// The form in which a range is best made if it is needed as `form` for `samples` samples, and the work with laying
    /// it out.
    pub(crate) fn wanted(&self, i: usize, j: usize, form: Form, samples: usize) -> (Work, Form) {
        let columns = match form {
            Form::Diagonal => 1,
            _ => self.size(i) as u64,
        };
        let entries = (self.size(j) as u64)
            .saturating_mul(columns)
            .saturating_mul(samples as u64);
        let made = Form::ALL.into_iter().filter_map(|from| {
            let ready = from == form && self.samples(i, j) == samples;
            // A dense Jacobian is never laid out as a diagonal.
            let possible = form != Form::Diagonal || from == Form::Diagonal;
            let laid = Work::moved(if ready { 0 } else { entries });
            let entry = self.entry(i, j, from).filter(|_| possible)?;
            Some((entry.work.plus(laid), from))
        });
        made.min_by_key(|&(work, _)| work)
            .unwrap_or((Work::moved(u64::MAX), form))
    }

    /// The cheapest dense form of a range, as it is made.
    fn cheapest(&self, i: usize, j: usize) -> (Work, Form) {
        let dense = [Form::Params, Form::Columns, Form::Rows].into_iter();
        let made = dense.filter_map(|form| Some((self.entry(i, j, form)?.work, form)));
        made.min_by_key(|&(work, _)| work)
            .unwrap_or((Work::moved(u64::MAX), Form::Columns))
    }

    /// Keeps a way if it is better than what there is.
    fn offer(&mut self, i: usize, j: usize, form: Form, work: Work, how: How) {
        let place = self.place(i, j);
        let place = &mut self.entries[place][form as usize];
        if place.is_none_or(|best| work < best.work) {
            *place = Some(Entry { work, how });
        }
    }

    /// The ways to one factor.
    fn factor(&mut self, i: usize, structure: Structure, maps: &mut Maps<'_>) {
        let samples = self.samples(i, i + 1);
        let (n_in, n_out) = (self.size(i), self.size(i + 1));
        let units = |n: usize| Work::moved((n as u64).saturating_mul((n * samples) as u64));
        match structure {
            Structure::Params => {
                self.offer(i, i + 1, Form::Params, Work::default(), How::Given);
            }
            Structure::Diagonal => {
                let work = maps.work(i, Op::JvpInput, samples, 1);
                let work = work.plus(Work::moved((n_in * samples) as u64));
                self.offer(i, i + 1, Form::Diagonal, work, How::Accumulated);
            }
            Structure::Dense => {
                let pushed = maps.work(i, Op::JvpInput, samples, n_in).plus(units(n_in));
                let pulled = maps
                    .work(i, Op::VjpInput, samples, n_out)
                    .plus(units(n_out));
                self.offer(i, i + 1, Form::Columns, pushed, How::Accumulated);
                self.offer(i, i + 1, Form::Rows, pulled, How::Accumulated);
            }
        }
    }

    /// The ways to a range of several factors. Products come before matrix-free steps: of equals, one product is better
    /// than one that keeps the block's values.
    fn range(&mut self, i: usize, j: usize, maps: &mut Maps<'_>) {
        for k in i + 1..j {
            self.split(i, k, j);
        }
        let samples = self.samples(i, j);
        let (form, seeds) = if self.diagonal(i, j) {
            (Form::Diagonal, 1)
        } else {
            (Form::Columns, self.size(i))
        };
        let (work, from) = self.wanted(i, j - 1, form, samples);
        let work = work.plus(maps.work(j - 1, Op::JvpInput, samples, seeds));
        self.offer(i, j, form, work, How::Pushed { from });
        let (form, seeds) = if self.diagonal(i, j) {
            (Form::Diagonal, 1)
        } else {
            (Form::Rows, self.size(j))
        };
        let (work, from) = self.wanted(i + 1, j, form, samples);
        let work = work.plus(maps.work(i, Op::VjpInput, samples, seeds));
        self.offer(i, j, form, work, How::Pulled { from });
    }

    /// The ways that join i..k and k..j, both accumulated.
    fn split(&mut self, i: usize, k: usize, j: usize) {
        let samples = self.samples(i, j);
        let at = k as u32;
        let entries = self.size(j) as u64 * self.size(i) as u64 * samples as u64;
        let below = self.wanted_diagonal(i, k);
        let above = self.wanted_diagonal(k, j);
        match (above, below) {
            (Some(above), Some(below)) => {
                let flops = Work::flops(self.size(i) as u64 * samples as u64);
                let how = How::Product {
                    k: at,
                    upper: Form::Diagonal,
                    lower: Form::Diagonal,
                };
                self.offer(i, j, Form::Diagonal, above.plus(below).plus(flops), how);
            }
            (Some(above), None) => {
                for form in Form::DENSE {
                    let (work, from) = self.wanted(i, k, form, samples);
                    let work = work.plus(above).plus(Work::flops(entries));
                    self.offer(i, j, form, work, How::ScaledRows { k: at, from });
                }
            }
            (None, Some(below)) => {
                for form in Form::DENSE {
                    let (work, from) = self.wanted(k, j, form, samples);
                    let work = work.plus(below).plus(Work::flops(entries));
                    self.offer(i, j, form, work, How::ScaledColumns { k: at, from });
                }
            }
            (None, None) => {
                let product = Work::flops(2 * self.size(k) as u64 * entries);
                let (upper, lower) = (self.cheapest(k, j), self.cheapest(i, k));
                let calls = Work::moved(CALL * samples as u64);
                let work = upper.0.plus(lower.0).plus(product).plus(calls);
                let (upper_samples, lower_samples) = (self.samples(k, j), self.samples(i, k));
                let how = How::Product {
                    k: at,
                    upper: upper.1,
                    lower: lower.1,
                };
                for form in Form::DENSE {
                    self.offer(i, j, form, work, how);
                }
                // A factor for all samples times all samples side by side is one product.
                if upper_samples < samples
                    && let Some(side_by_side) = self.entry(i, k, Form::Columns)
                {
                    let work = upper.0.plus(side_by_side.work).plus(product);
                    let (upper, lower) = (upper.1, Form::Columns);
                    let work = work.plus(Work::moved(CALL));
                    self.offer(
                        i,
                        j,
                        Form::Columns,
                        work,
                        How::Product {
                            k: at,
                            upper,
                            lower,
                        },
                    );
                }
                if lower_samples < samples
                    && let Some(side_by_side) = self.entry(k, j, Form::Rows)
                {
                    let work = side_by_side.work.plus(lower.0).plus(product);
                    let (upper, lower) = (Form::Rows, lower.1);
                    let work = work.plus(Work::moved(CALL));
                    self.offer(
                        i,
                        j,
                        Form::Rows,
                        work,
                        How::Product {
                            k: at,
                            upper,
                            lower,
                        },
                    );
                }
            }
        }
    }

    fn wanted_diagonal(&self, i: usize, j: usize) -> Option<Work> {
        Some(self.entry(i, j, Form::Diagonal)?.work)
    }
}

/// The costs of the blocks' maps, asked for once each.
struct Maps<'a> {
    graph: &'a Graph,
    chain: &'a Chain,
    known: HashMap<(usize, Op, usize, usize), Work>,
}

impl Maps<'_> {
    fn work(&mut self, factor: usize, op: Op, samples: usize, seeds: usize) -> Work {
        let node = &self.graph.nodes()[self.chain.factors[factor].node];
        *self
            .known
            .entry((factor, op, samples, seeds))
            .or_insert_with(|| {
                let cost = cost::of(&*node.block, op, samples, seeds);
                Work {
                    flops: cost.flops,
                    calls: cost.calls,
                    moved: CALL,
                }
            })
    }
}
