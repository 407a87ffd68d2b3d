//! How a map treats its columns: many seeds, many samples, zero seeds, sums of seeds.

use crate::bench::{Bench, Finding};
use crate::buffer::Fill;
use crate::probe::Call;
use crate::{Diagnosis, Law, Rule};

type Checked = Result<(), Finding>;

pub(super) fn seeds(bench: &Bench<'_>) -> Checked {
    let n = bench.data.seeds;
    if n == 1 {
        return Ok(());
    }
    for rule in bench.probe.rules() {
        if matches!(rule, Rule::VjpParams | Rule::UnitParams) {
            continue;
        }
        let seed = bench.seed(rule);
        let mut expected = Vec::new();
        for one in seed.chunks_exact(seed.len() / n) {
            expected.extend(bench.run(&Call::new(rule, one))?);
        }
        let got = bench.run(&bench.call(rule))?;
        bench.differ(Law::Seeds, rule, &expected, &got)?;
    }
    Ok(())
}

pub(super) fn batch(bench: &Bench<'_>) -> Checked {
    let (data, dims) = (&bench.data, bench.probe.dims);
    if data.batch == 1 {
        return Ok(());
    }
    let mut samples = Vec::new();
    for x in data.x.chunks_exact(dims.n_in) {
        samples.push(
            bench
                .probe
                .forward(Rule::Forward, &data.params, x, Fill::Nan)?,
        );
    }
    let single: Vec<f64> = samples.iter().flat_map(|at| at.y.clone()).collect();
    bench
        .differ(Law::Batch, Rule::Forward, &single, &bench.at.y)
        .map_err(|finding| finding.because(Diagnosis::SamplesMixed))?;
    for rule in bench.probe.rules() {
        let call = bench.call(rule);
        let got = bench.run(&call)?;
        let rows = bench.probe.output_rows(rule);
        let mut expected = vec![0.0; got.len()];
        for (j, at) in samples.iter().enumerate() {
            let seed = match rule {
                Rule::JvpParams | Rule::UnitParams => call.seed.to_vec(),
                _ => columns_of_sample(call.seed, bench.probe.seed_rows(rule), data.batch, j),
            };
            let one = bench.probe.run(
                at,
                &Call {
                    seed: &seed,
                    ..call
                },
            )?;
            if rule == Rule::VjpParams {
                expected
                    .iter_mut()
                    .zip(one)
                    .for_each(|(sum, one)| *sum += one);
                continue;
            }
            for (s, column) in one.chunks_exact(rows).enumerate() {
                expected[(s * data.batch + j) * rows..][..rows].copy_from_slice(column);
            }
        }
        bench.differ(Law::Batch, rule, &expected, &got)?;
    }
    Ok(())
}

/// The columns of sample `j` from every seed.
fn columns_of_sample(seed: &[f64], nrows: usize, batch: usize, j: usize) -> Vec<f64> {
    let columns = seed.chunks_exact(nrows);
    columns.skip(j).step_by(batch).flatten().copied().collect()
}

pub(super) fn zero_seed(bench: &Bench<'_>) -> Checked {
    at_zero_seed(bench)?;
    // Where a logarithm, a root or a quotient has an infinite derivative.
    let edge = bench.at_input(vec![0.0; bench.data.x.len()])?;
    if edge.at.y.iter().any(|y| y.is_nan()) {
        return Ok(());
    }
    at_zero_seed(&edge)
}

fn at_zero_seed(bench: &Bench<'_>) -> Checked {
    for rule in bench.probe.rules() {
        if rule == Rule::UnitParams {
            continue;
        }
        let given = bench.seed(rule);
        // A zero seed alone, then one beside others.
        let mut beside = given.to_vec();
        let first = beside.len()
            / if rule == Rule::VjpParams {
                1
            } else {
                bench.data.seeds
            };
        beside[..first].fill(0.0);
        for seed in [vec![0.0; first], beside] {
            let got = bench.run(&Call::new(rule, &seed))?;
            let zeros = if rule == Rule::VjpParams {
                got.len()
            } else {
                got.len() * first / seed.len()
            };
            if let Some(at) = got[..zeros].iter().position(|&number| number != 0.0) {
                let finding = bench.finding(Law::ZeroSeed, rule, at, 0.0, got[at]);
                return Err(if got[at].is_nan() {
                    finding.because(Diagnosis::ZeroTimesInfinity)
                } else {
                    finding.because(Diagnosis::NotLinear)
                });
            }
        }
    }
    Ok(())
}

pub(super) fn linear(bench: &Bench<'_>) -> Checked {
    const A: f64 = 1000.0;
    const B: f64 = -0.5;
    for rule in bench.probe.rules() {
        if rule == Rule::UnitParams {
            continue;
        }
        let u = bench.seed(rule).to_vec();
        let v: Vec<f64> = u.iter().rev().copied().collect();
        let combine = |u: &[f64], v: &[f64]| -> Vec<f64> {
            let pairs = u.iter().zip(v);
            pairs.map(|(u, v)| A * u + B * v).collect()
        };
        let expected = combine(
            &bench.run(&Call::new(rule, &u))?,
            &bench.run(&Call::new(rule, &v))?,
        );
        let got = bench.run(&Call::new(rule, &combine(&u, &v)))?;
        let nrows = bench.probe.output_rows(rule);
        let seed = A * bench.seed_size(rule);
        if let Some(at) = crate::compare::first_difference(&expected, &got, nrows, seed) {
            return Err(bench
                .finding(Law::Linear, rule, at, expected[at], got[at])
                .because(Diagnosis::NotLinear));
        }
    }
    Ok(())
}
