//! Whether the derivative is right: against dual numbers, against Taylor's theorem, and push against pull.

use crate::bench::{Bench, Finding};
use crate::compare::{FLOOR, RELATIVE, TINY, largest};
use crate::probe::Call;
use crate::{Diagnosis, Law, Rule};

type Checked = Result<(), Finding>;

/// The seeds of a pushforward as directions of the input or of the parameters.
fn directions<'a>(bench: &'a Bench<'_>, rule: Rule) -> impl Iterator<Item = &'a [f64]> {
    let seed = bench.seed(rule);
    seed.chunks_exact(seed.len() / bench.data.seeds)
}

fn along(
    bench: &Bench<'_>,
    rule: Rule,
    direction: &[f64],
) -> Result<(Vec<f64>, Vec<f64>), Finding> {
    match rule {
        Rule::JvpParams => bench.dual(None, Some(direction)),
        _ => bench.dual(Some(direction), None),
    }
}

fn pushforwards(bench: &Bench<'_>) -> impl Iterator<Item = Rule> {
    let rules = bench.probe.rules().into_iter();
    rules.filter(|rule| matches!(rule, Rule::JvpInput | Rule::JvpParams))
}

pub(super) fn dual(bench: &Bench<'_>) -> Checked {
    for rule in pushforwards(bench) {
        let mut expected = Vec::new();
        for direction in directions(bench, rule) {
            let (y, y_dot) = along(bench, rule, direction)?;
            bench.differ(Law::Dual, Rule::Forward, &bench.at.y, &y)?;
            expected.extend(y_dot);
        }
        bench.differ(Law::Dual, rule, &expected, &bench.run(&bench.call(rule))?)?;
    }
    Ok(())
}

pub(super) fn taylor(bench: &Bench<'_>) -> Checked {
    const H: f64 = 1.0 / 65536.0;
    // Rounding of f over H leaves about 1e-11 of f; the curvature's curvature less.
    const TOLERANCE: f64 = 1e-8;
    for rule in pushforwards(bench) {
        let Some(v) = directions(bench, rule).next() else {
            continue;
        };
        let step = |from: &[f64]| -> Vec<f64> {
            let pairs = from.iter().zip(v);
            pairs.map(|(from, v)| from + H * v).collect()
        };
        let mut data = bench.data.clone();
        match rule {
            Rule::JvpParams => data.params = step(&data.params),
            _ => data.x = step(&data.x),
        }
        let ahead = Bench::with_data(bench.probe, bench.case, data)?;
        let (at_start, at_end) = (along(bench, rule, v)?.1, along(&ahead, rule, v)?.1);
        let got = bench.run(&Call::new(rule, v))?;
        let scale = largest(&bench.at.y).max(largest(&at_start)).max(1e-300);
        for (i, &got) in got.iter().enumerate() {
            let expected = (ahead.at.y[i] - bench.at.y[i]) / H;
            let bound = 2.0 * (at_end[i] - at_start[i]).abs() + TOLERANCE * scale;
            if (expected - got).abs() > bound {
                return Err(bench
                    .finding(Law::Taylor, rule, i, expected, got)
                    .because(Diagnosis::DerivativeLost));
            }
        }
    }
    Ok(())
}

fn inner(a: &[f64], b: &[f64]) -> (f64, f64) {
    let products = a.iter().zip(b).map(|(a, b)| a * b);
    let sums = |(sum, size): (f64, f64), product: f64| (sum + product, size + product.abs());
    products.fold((0.0, 0.0), sums)
}

/// Whether two inner products agree; not finite ones cannot be compared. `seeds` is the largest cotangent times the
/// largest tangent.
fn equal(pushed: (f64, f64), pulled: (f64, f64), seeds: f64) -> bool {
    let tolerance = RELATIVE * (pushed.1 + pulled.1) + FLOOR * seeds + TINY;
    !pushed.0.is_finite() || (pushed.0 - pulled.0).abs() <= tolerance
}

pub(super) fn adjoint(bench: &Bench<'_>) -> Checked {
    let dims = bench.probe.dims;
    let y_bar = bench.seed(Rule::VjpInput);
    let seeds = largest(y_bar) * largest(&bench.data.x_dot);
    let pushed = bench.run(&bench.call(Rule::JvpInput))?;
    let pulled = bench.run(&bench.call(Rule::VjpInput))?;
    for c in 0..bench.data.batch * bench.data.seeds {
        let (outputs, inputs) = (
            c * dims.n_out..(c + 1) * dims.n_out,
            c * dims.n_in..(c + 1) * dims.n_in,
        );
        let left = inner(&y_bar[outputs.clone()], &pushed[outputs]);
        let right = inner(&pulled[inputs.clone()], &bench.data.x_dot[inputs]);
        if !equal(left, right, seeds) {
            return Err(locate_input(bench, c, &pulled, (left.0, right.0)));
        }
    }
    if dims.n_params == 0 {
        return Ok(());
    }
    let y_bar = bench.seed(Rule::VjpParams);
    let seeds = largest(y_bar) * largest(&bench.data.params_dot);
    let params_bar = bench.run(&bench.call(Rule::VjpParams))?;
    for direction in directions(bench, Rule::JvpParams) {
        let y_dot = bench.run(&Call::new(Rule::JvpParams, direction))?;
        let (left, right) = (inner(y_bar, &y_dot), inner(&params_bar, direction));
        if !equal(left, right, seeds) {
            return Err(locate_params(bench, &params_bar, (left.0, right.0)));
        }
    }
    Ok(())
}

/// The identity with v = e_k: the first entry of column `c` of the pullback that is not `<y_bar, J e_k>`.
fn locate_input(
    bench: &Bench<'_>,
    c: usize,
    pulled: &[f64],
    (expected, got): (f64, f64),
) -> Finding {
    let (dims, batch, rule) = (bench.probe.dims, bench.data.batch, Rule::VjpInput);
    let y_bar = &bench.seed(rule)[c * dims.n_out..][..dims.n_out];
    let scale = largest(&pulled[c * dims.n_in..][..dims.n_in]);
    let floor = FLOOR * largest(y_bar) + TINY;
    for k in 0..dims.n_in {
        let mut unit = vec![0.0; dims.n_in * batch];
        unit[c % batch * dims.n_in + k] = 1.0;
        let Ok(y_dot) = bench.run(&Call::new(Rule::JvpInput, &unit)) else {
            break;
        };
        let left = inner(y_bar, &y_dot[c % batch * dims.n_out..][..dims.n_out]);
        let at = c * dims.n_in + k;
        let wrong = (left.0 - pulled[at]).abs() > RELATIVE * left.1.max(scale) + floor;
        if left.0.is_finite() && (wrong || pulled[at].is_nan()) {
            return bench.finding(Law::Adjoint, rule, at, left.0, pulled[at]);
        }
    }
    bench.finding(Law::Adjoint, rule, c * dims.n_in, expected, got)
}

/// The same for the parameters.
fn locate_params(bench: &Bench<'_>, params_bar: &[f64], (expected, got): (f64, f64)) -> Finding {
    let (dims, rule) = (bench.probe.dims, Rule::VjpParams);
    let scale = largest(params_bar);
    let floor = FLOOR * largest(bench.seed(rule)) + TINY;
    for k in 0..dims.n_params {
        let mut unit = vec![0.0; dims.n_params];
        unit[k] = 1.0;
        let Ok(y_dot) = bench.run(&Call::new(Rule::JvpParams, &unit)) else {
            break;
        };
        let left = inner(bench.seed(rule), &y_dot);
        let wrong = (left.0 - params_bar[k]).abs() > RELATIVE * left.1.max(scale) + floor;
        if left.0.is_finite() && (wrong || params_bar[k].is_nan()) {
            return bench.finding(Law::Adjoint, rule, k, left.0, params_bar[k]);
        }
    }
    bench.finding(Law::Adjoint, rule, 0, expected, got)
}
