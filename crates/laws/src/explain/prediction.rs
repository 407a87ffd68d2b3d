//! What a map would have given under slips that need more than the right result.

use crate::bench::Bench;
use crate::reference::Reference;
use crate::{Diagnosis, Rule};

/// Results under slips that need more than the right result.
pub(super) fn predictions(
    bench: &Bench<'_>,
    rule: Rule,
    reference: &Reference,
) -> Vec<(Diagnosis, Vec<f64>)> {
    let (dims, data) = (bench.probe.dims, &bench.data);
    let (batch, seeds) = (data.batch, data.seeds);
    let seed = bench.seed(rule);
    if rule.out_of_place() == Rule::Forward {
        return Vec::new();
    }
    let own = |c: usize| c % batch;
    let mut found = Vec::new();
    let mut predict = |diagnosis: Diagnosis, numbers: Vec<f64>| found.push((diagnosis, numbers));
    // Transposes of J, and J read row by row.
    if matches!(rule.out_of_place(), Rule::JvpInput | Rule::VjpInput) {
        let (rows, columns) = (dims.n_out, dims.n_in);
        if rows == columns {
            let flipped = reference.with_input(|j| transpose(j, rows, columns));
            predict(
                Diagnosis::Transposed,
                flipped.product(bench, rule, seed, &own),
            );
        }
        // Column-major numbers read as if row-major.
        let reread = reference.with_input(|j| transpose(j, columns, rows));
        predict(
            Diagnosis::Transposed,
            reread.product(bench, rule, seed, &own),
        );
    }
    if rule == Rule::VjpParams {
        let right = reference.right(bench, rule);
        let mut flipped = Vec::new();
        let mut rest = right.as_slice();
        for shape in bench.probe.block.params() {
            let (matrix, after) = rest.split_at(shape.nrows * shape.ncols);
            flipped.extend(transpose(matrix, shape.nrows, shape.ncols));
            rest = after;
        }
        predict(Diagnosis::Transposed, flipped);
    }
    // The diagonal alone.
    if matches!(rule.out_of_place(), Rule::JvpInput | Rule::VjpInput) && dims.n_in == dims.n_out {
        let n = dims.n_in;
        let diagonal = reference.with_input(|j| {
            let entries = j.iter().enumerate();
            let on = |at: usize| at / n == at % n;
            entries
                .map(|(at, &slope)| if on(at) { slope } else { 0.0 })
                .collect()
        });
        let numbers = diagonal.product(bench, rule, seed, &own);
        predict(Diagnosis::Forgotten, numbers);
    }
    // One term of a product x g(x), whose g is y / x.
    if matches!(rule.out_of_place(), Rule::JvpInput | Rule::VjpInput) && dims.n_in == dims.n_out {
        for first in [true, false] {
            let mut part = reference.clone();
            for (j, slopes) in part.input.iter_mut().enumerate() {
                for i in 0..dims.n_in {
                    let at = j * dims.n_in + i;
                    let slope = &mut slopes[i * dims.n_in + i];
                    // At 0 the slope of x g(x) is g(0).
                    let factor = match bench.at.x[at] {
                        0.0 => *slope,
                        x => bench.at.y[at] / x,
                    };
                    *slope = if first { factor } else { *slope - factor };
                }
            }
            let numbers = part.product(bench, rule, seed, &own);
            predict(Diagnosis::ProductRule, numbers);
        }
    }
    // One sample's part of a sum over the batch.
    if rule == Rule::VjpParams {
        for kept in [0, batch - 1] {
            let columns = seed.iter().enumerate();
            let alone = columns.map(|(i, &s)| if i / dims.n_out == kept { s } else { 0.0 });
            let alone: Vec<f64> = alone.collect();
            let numbers = reference.product(bench, rule, &alone, &own);
            predict(Diagnosis::NotSummed, numbers);
        }
    }
    // Another sample's point.
    let samples: [&dyn Fn(usize) -> usize; 4] = [
        &|c| (c / seeds) % batch,
        &|_| 0,
        &|c| (c + 1) % batch,
        &|_| batch - 1,
    ];
    for sample in samples {
        let numbers = reference.product(bench, rule, seed, sample);
        predict(Diagnosis::AnotherSample, numbers);
    }
    // The derivative at the output.
    if dims.n_in == dims.n_out {
        let there = bench.at_input(bench.at.y.clone());
        if let Some(there) = there.and_then(|there| Reference::of(&there)).ok().flatten() {
            predict(Diagnosis::AtOutput, there.right(bench, rule));
        }
    }
    // One of several terms: half of a stacked input, one matrix of the parameters.
    let without = |keep: &dyn Fn(usize) -> bool, nrows: usize| -> Vec<f64> {
        let entries = seed.iter().enumerate();
        entries
            .map(|(i, &s)| if keep(i % nrows) { s } else { 0.0 })
            .collect()
    };
    if rule.out_of_place() == Rule::JvpInput && dims.n_in > 1 {
        let half = dims.n_in / 2;
        for first in [true, false] {
            let kept = without(&|i| (i < half) == first, dims.n_in);
            let numbers = reference.product(bench, rule, &kept, &own);
            predict(Diagnosis::Forgotten, numbers);
        }
    }
    if rule == Rule::JvpParams {
        let mut start = 0;
        for shape in bench.probe.block.params() {
            let end = start + shape.nrows * shape.ncols;
            let kept = without(&|i| !(start..end).contains(&i), dims.n_params);
            let numbers = reference.product(bench, rule, &kept, &own);
            predict(Diagnosis::Forgotten, numbers);
            start = end;
        }
    }
    // Seeds one row off.
    let nrows = bench.probe.seed_rows(rule);
    if !seed.is_empty() && nrows > 1 {
        for shift in [1, nrows - 1] {
            let from = |i: usize| i / nrows * nrows + (i + shift) % nrows;
            let rolled: Vec<f64> = (0..seed.len()).map(|i| seed[from(i)]).collect();
            let numbers = reference.product(bench, rule, &rolled, &own);
            predict(Diagnosis::RowOffByOne, numbers);
        }
    }
    if rule == Rule::UnitParams {
        let (first, n) = bench.units();
        for shift in [1, dims.n_params - 1] {
            let numbers = (0..n * batch).flat_map(|c| {
                let param = (first + c / batch + shift) % dims.n_params;
                reference.params[c % batch][param * dims.n_out..][..dims.n_out].to_vec()
            });
            predict(Diagnosis::RowOffByOne, numbers.collect());
        }
    }
    found
}

/// A matrix of nrows x ncols, column by column, as its transpose, column by column.
fn transpose(matrix: &[f64], nrows: usize, ncols: usize) -> Vec<f64> {
    let entry = |at: usize| matrix[at % ncols * nrows + at / ncols];
    (0..matrix.len()).map(entry).collect()
}
