//! Tries the usual slips on the numbers of several cases and names the one that explains all of them.

use pushpull_core::AnyBlock;

use crate::Diagnosis;
use crate::bench::Finding;
use crate::case::{Case, Domain, Flavour};
use crate::compare::largest;

mod evidence;
mod prediction;

use evidence::{Evidence, gather};

/// Names the slip behind a finding.
pub(crate) fn explain(block: &dyn AnyBlock, domain: Domain, finding: &Finding) -> Diagnosis {
    if let Some(known) = &finding.known {
        return known.clone();
    }
    let Some(rule) = finding.rule else {
        return Diagnosis::Unexplained;
    };
    let shapes = [(1, 1), (2, 3), (3, 2), (3, 4), (4, 1)];
    let mut evidence = Vec::new();
    for flavour in [Flavour::Plain, Flavour::Ties] {
        for (i, &(batch, seeds)) in shapes.iter().enumerate() {
            let case = Case {
                member: 0,
                batch,
                seeds,
                gap: 0,
                flavour,
                number: 0x5eed + i as u64,
            };
            match gather(block, domain, case, finding.law, rule) {
                Ok(Some(one)) => evidence.push(one),
                _ => return Diagnosis::Unexplained,
            }
        }
    }
    judge(&evidence)
}

/// The first slip that explains all of the evidence.
fn judge(evidence: &[Evidence]) -> Diagnosis {
    let all = |slip: &dyn Fn(&Evidence) -> bool| evidence.iter().all(slip);
    if all(&Evidence::sound) {
        return Diagnosis::Unexplained;
    }
    let plain = |one: &&Evidence| one.flavour == Flavour::Plain;
    if evidence.iter().filter(plain).all(Evidence::sound) {
        return Diagnosis::Kink;
    }
    if all(&|one| one.scaled(-1.0)) {
        return Diagnosis::Sign;
    }
    if all(&|one| one.scaled(1.0 / one.batch as f64)) {
        return Diagnosis::MeanForSum;
    }
    if all(&|one| one.scaled(one.batch as f64)) {
        return Diagnosis::SumForMean;
    }
    for factor in [2.0, 0.5] {
        if all(&|one| one.scaled(factor)) {
            return Diagnosis::Factor(factor);
        }
    }
    let counts: [fn(&Evidence) -> usize; 2] = [|one| one.n_in, |one| one.n_out];
    for count in counts {
        if all(&|one| one.scaled(1.0 / count(one) as f64)) {
            return Diagnosis::MeanForSum;
        }
        if all(&|one| one.scaled(count(one) as f64)) {
            return Diagnosis::SumForMean;
        }
    }
    if all(&|one| one.rolled(1)) || all(&|one| one.rolled(one.nrows - 1)) {
        return Diagnosis::RowOffByOne;
    }
    for at in 0..evidence[0].predictions.len() {
        let explains = |one: &Evidence| {
            let numbers = one.predictions.get(at).map(|prediction| &prediction.1);
            numbers.is_some_and(|numbers| one.same(numbers, &one.got))
        };
        if all(&explains) {
            return evidence[0].predictions[at].0.clone();
        }
    }
    if let Some(diagnosis) = factor(evidence) {
        return diagnosis;
    }
    if all(&Evidence::forgotten) {
        return Diagnosis::Forgotten;
    }
    match constant(evidence, true) {
        Some(-1.0) => Diagnosis::Sign,
        Some(factor) => Diagnosis::Factor(factor),
        None => Diagnosis::Unexplained,
    }
}

/// A factor that is missing, doubled, or constant.
fn factor(evidence: &[Evidence]) -> Option<Diagnosis> {
    let all = |slip: &dyn Fn(&Evidence) -> bool| evidence.iter().all(slip);
    let times = |a: &[f64], b: &[f64]| -> Vec<f64> {
        let pairs = a.iter().zip(b);
        pairs.map(|(a, b)| a * b).collect()
    };
    for &(name, _) in &evidence[0].factors {
        let of = |one: &'_ Evidence| one.factor(name).map(<[f64]>::to_vec);
        if all(&|one| of(one).is_some_and(|f| one.same(&one.expected, &times(&one.got, &f)))) {
            return Some(Diagnosis::MissingFactor(name));
        }
        if all(&|one| of(one).is_some_and(|f| one.same(&times(&one.expected, &f), &one.got))) {
            return Some(Diagnosis::DoubledFactor(name));
        }
    }
    constant(evidence, false).map(Diagnosis::Factor)
}

/// One constant by which all numbers are wrong, or, if `some_rows`, all that are wrong.
fn constant(evidence: &[Evidence], some_rows: bool) -> Option<f64> {
    let wrong = |one: &Evidence, at: usize| {
        !some_rows || !close(one.expected[at], one.got[at], largest(&one.expected))
    };
    // Read off the largest right number.
    let entries = evidence
        .iter()
        .flat_map(|one| (0..one.got.len()).map(move |at| (one, at)));
    let size = |&(one, at): &(&Evidence, usize)| one.expected[at].abs();
    let (one, at) = entries
        .filter(|&(one, at)| wrong(one, at) && one.expected[at].is_finite())
        .max_by(|a, b| size(a).total_cmp(&size(b)))?;
    let factor = one.got[at] / one.expected[at];
    let explains = |one: &Evidence| {
        let numbers = one.expected.iter().enumerate();
        let scaled: Vec<f64> = numbers
            .map(|(at, &e)| if wrong(one, at) { e * factor } else { e })
            .collect();
        one.same(&scaled, &one.got)
    };
    let plain = factor.is_finite() && factor != 0.0;
    // Said to the digits that mean something.
    let digits = (factor * 1e9).round() / 1e9;
    (plain && evidence.iter().all(explains)).then_some(if digits == 0.0 { factor } else { digits })
}

/// Whether two numbers are the same but for rounding.
fn close(a: f64, b: f64, scale: f64) -> bool {
    (a - b).abs() <= 2e-10 * scale || a.is_finite() != b.is_finite()
}
