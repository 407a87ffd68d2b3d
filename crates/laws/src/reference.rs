//! The Jacobians by dual numbers, a column a run: what every derivative map is measured against.

use crate::Rule;
use crate::bench::{Bench, Finding};

/// More entries than this are not worth an explanation.
const MOST: usize = 1 << 16;

/// dh/dx and dh/dw of every sample, column by column.
#[derive(Clone, Debug)]
pub(crate) struct Reference {
    n_in: usize,
    n_out: usize,
    n_params: usize,
    batch: usize,
    seeds: usize,
    pub(crate) input: Vec<Vec<f64>>,
    pub(crate) params: Vec<Vec<f64>>,
}

impl Reference {
    /// All Jacobians of a case, unless they are too large.
    pub(crate) fn of(bench: &Bench<'_>) -> Result<Option<Self>, Finding> {
        let (dims, batch) = (bench.probe.dims, bench.data.batch);
        let columns = dims.n_in.saturating_add(dims.n_params);
        if columns.saturating_mul(dims.n_out) > MOST {
            return Ok(None);
        }
        let mut input = vec![Vec::new(); batch];
        let mut params = vec![Vec::new(); batch];
        let mut append = |to_params: bool, y_dot: &[f64]| {
            let target = if to_params { &mut params } else { &mut input };
            for (jacobian, column) in target.iter_mut().zip(y_dot.chunks_exact(dims.n_out)) {
                jacobian.extend_from_slice(column);
            }
        };
        for k in 0..dims.n_in {
            let unit: Vec<f64> = (0..dims.n_in * batch)
                .map(|i| f64::from(u8::from(i % dims.n_in == k)))
                .collect();
            append(false, &bench.dual(Some(&unit), None)?.1);
        }
        for k in 0..dims.n_params {
            let mut unit = vec![0.0; dims.n_params];
            unit[k] = 1.0;
            append(true, &bench.dual(None, Some(&unit))?.1);
        }
        Ok(Some(Self {
            n_in: dims.n_in,
            n_out: dims.n_out,
            n_params: dims.n_params,
            batch,
            seeds: bench.data.seeds,
            input,
            params,
        }))
    }

    /// What a derivative map gives for the seeds of `bench`, if column c is taken at sample `sample(c)`.
    pub(crate) fn product(
        &self,
        bench: &Bench<'_>,
        rule: Rule,
        seed: &[f64],
        sample: &dyn Fn(usize) -> usize,
    ) -> Vec<f64> {
        let columns = self.batch * self.seeds;
        let times = |jacobian: &[f64], v: &[f64]| -> Vec<f64> {
            let row = |i: usize| {
                v.iter()
                    .enumerate()
                    .map(|(k, v)| term(jacobian[k * self.n_out + i], *v))
                    .sum()
            };
            (0..self.n_out).map(row).collect()
        };
        let transposed = |jacobian: &[f64], v: &[f64]| -> Vec<f64> {
            let column = |column: &[f64]| column.iter().zip(v).map(|(j, v)| term(*j, *v)).sum();
            jacobian.chunks_exact(self.n_out).map(column).collect()
        };
        match rule.out_of_place() {
            Rule::JvpInput => (0..columns)
                .flat_map(|c| times(&self.input[sample(c)], &seed[c * self.n_in..][..self.n_in]))
                .collect(),
            Rule::VjpInput => (0..columns)
                .flat_map(|c| {
                    let y_bar = &seed[c * self.n_out..][..self.n_out];
                    transposed(&self.input[sample(c)], y_bar)
                })
                .collect(),
            Rule::JvpParams => (0..columns)
                .flat_map(|c| {
                    let direction = &seed[c / self.batch * self.n_params..][..self.n_params];
                    times(&self.params[sample(c)], direction)
                })
                .collect(),
            Rule::VjpParams => {
                let mut sum = vec![0.0; self.n_params];
                for c in 0..self.batch {
                    let y_bar = &seed[c * self.n_out..][..self.n_out];
                    let one = transposed(&self.params[sample(c)], y_bar);
                    sum.iter_mut().zip(one).for_each(|(sum, one)| *sum += one);
                }
                sum
            }
            Rule::UnitParams => {
                let (first, n) = bench.units();
                (0..n * self.batch)
                    .flat_map(|c| {
                        let column = (first + c / self.batch) * self.n_out;
                        self.params[sample(c)][column..][..self.n_out].to_vec()
                    })
                    .collect()
            }
            _ => bench.at.y.clone(),
        }
    }

    /// The right result of a rule.
    pub(crate) fn right(&self, bench: &Bench<'_>, rule: Rule) -> Vec<f64> {
        self.product(bench, rule, bench.seed(rule), &|c| c % self.batch)
    }

    /// The same with every input Jacobian changed.
    pub(crate) fn with_input(&self, change: impl Fn(&[f64]) -> Vec<f64>) -> Self {
        Self {
            input: self.input.iter().map(|jacobian| change(jacobian)).collect(),
            ..self.clone()
        }
    }
}

/// slope * seed with a structural zero.
fn term(slope: f64, seed: f64) -> f64 {
    if seed == 0.0 { 0.0 } else { slope * seed }
}
