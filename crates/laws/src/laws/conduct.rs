//! How a map treats its buffers: panics, canaries, repeatability, assignment, accumulation, `keeps`.

use pushpull_core::Accum;

use crate::bench::{Bench, Finding};
use crate::buffer::Fill;
use crate::compare::{agree, first_bit_difference};
use crate::probe::{Call, Hide, Mishap};
use crate::reference::Reference;
use crate::{Diagnosis, Law, Rule};

type Checked = Result<(), Finding>;

/// Every map once in every way: the guards of the probe do the checking.
pub(super) fn runs(bench: &Bench<'_>) -> Checked {
    for rule in bench.probe.rules() {
        bench.run(&bench.call(rule))?;
        if rule.accumulates() {
            bench.run(&bench.call(rule).acc(Accum::Add))?;
        }
    }
    if bench.probe.block.overwrites() {
        let data = &bench.data;
        bench
            .probe
            .forward(Rule::ForwardInPlace, &data.params, &data.x, Fill::Nan)?;
    }
    Ok(())
}

pub(super) fn repeatable(bench: &Bench<'_>) -> Checked {
    let same = |rule, a: &[f64], b: &[f64]| match first_bit_difference(a, b) {
        None => Ok(()),
        Some(at) => Err(bench
            .finding(Law::Repeatable, rule, at, a[at], b[at])
            .because(Diagnosis::NotRepeatable)),
    };
    let again = bench.at_input(bench.data.x.clone())?;
    same(Rule::Forward, &bench.at.y, &again.at.y)?;
    for rule in bench.probe.rules() {
        same(
            rule,
            &bench.run(&bench.call(rule))?,
            &bench.run(&bench.call(rule))?,
        )?;
    }
    Ok(())
}

pub(super) fn assigns(bench: &Bench<'_>) -> Checked {
    let data = &bench.data;
    let filled = bench
        .probe
        .forward(Rule::Forward, &data.params, &data.x, Fill::Numbers)?;
    if let Some(at) = first_bit_difference(&bench.at.y, &filled.y) {
        let finding = bench.finding(
            Law::Assigns,
            Rule::Forward,
            at,
            bench.at.y[at],
            filled.y[at],
        );
        return Err(finding.because(leftover(filled.y[at], at)));
    }
    if let Some(at) = first_bit_difference(&bench.at.extra, &filled.extra) {
        let mut finding = bench.finding(Law::Assigns, Rule::Forward, at, f64::NAN, f64::NAN);
        finding.entry.buffer = "extra";
        (finding.expected, finding.got) = (bench.at.extra[at], filled.extra[at]);
        return Err(finding.because(leftover(filled.extra[at], at)));
    }
    for rule in bench.probe.rules() {
        let poisoned = bench.run(&bench.call(rule))?;
        if matches!(rule, Rule::JvpInput | Rule::VjpInput) {
            let got = bench.run(&Call {
                output: Fill::Numbers,
                ..bench.call(rule)
            })?;
            if let Some(at) = first_bit_difference(&poisoned, &got) {
                let right = right(bench, rule)?;
                let finding = bench.finding(Law::Assigns, rule, at, right[at], got[at]);
                return Err(treated(finding, &right, &got, bench, rule));
            }
        }
        let got = bench.run(&Call {
            scratch: Fill::Numbers,
            ..bench.call(rule)
        })?;
        if let Some(at) = first_bit_difference(&poisoned, &got) {
            let right = right(bench, rule)?;
            let finding = bench.finding(Law::Assigns, rule, at, right[at], got[at]);
            return Err(finding.because(Diagnosis::StaleScratch));
        }
    }
    Ok(())
}

/// What an entry that depends on the earlier contents probably is.
fn leftover(got: f64, at: usize) -> Diagnosis {
    if got == Fill::Numbers.at(at) {
        Diagnosis::StaleBuffer
    } else {
        Diagnosis::NotAssigned
    }
}

/// The right result by dual numbers, or NaN where it would be too large.
fn right(bench: &Bench<'_>, rule: Rule) -> Result<Vec<f64>, Finding> {
    let n = bench.run(&bench.call(rule))?.len();
    Ok(Reference::of(bench)?.map_or(vec![f64::NAN; n], |reference| reference.right(bench, rule)))
}

/// Explains a result over `Fill::Numbers` by how the map treats what was there.
fn treated(finding: Finding, right: &[f64], got: &[f64], bench: &Bench<'_>, rule: Rule) -> Finding {
    let (nrows, seed) = (bench.probe.output_rows(rule), bench.seed_size(rule));
    let before = |i: usize| Fill::Numbers.at(i);
    let numbers = || right.iter().enumerate();
    let added: Vec<f64> = numbers().map(|(i, right)| right + before(i)).collect();
    let left: Vec<f64> = numbers()
        .map(|(i, &right)| {
            if got[i] == before(i) {
                before(i)
            } else {
                right
            }
        })
        .collect();
    let adding = finding.expected.is_finite() && agree(&added, got, nrows, seed);
    if adding {
        finding.because(Diagnosis::NotAssigned)
    } else if agree(&left, got, nrows, seed) {
        finding.because(Diagnosis::StaleBuffer)
    } else {
        finding
    }
}

pub(super) fn accumulates(bench: &Bench<'_>) -> Checked {
    for rule in bench.probe.rules() {
        if !rule.accumulates() {
            continue;
        }
        let poisoned = bench.run(&bench.call(rule))?;
        let set = bench.run(&Call {
            output: Fill::Numbers,
            ..bench.call(rule)
        })?;
        let fresh = |at: &usize| poisoned[*at].is_finite() || !set[*at].is_finite();
        let spoilt = (0..set.len()).find(|at| !fresh(at));
        if let Some(at) = spoilt {
            let right = right(bench, rule)?;
            let finding = bench.finding(Law::Accumulates, rule, at, right[at], set[at]);
            return Err(treated(finding, &right, &set, bench, rule));
        }
        bench
            .differ(Law::Accumulates, rule, &poisoned, &set)
            .map_err(|finding| treated(finding, &poisoned, &set, bench, rule))?;
        let add = bench.run(&bench.call(rule).acc(Accum::Add))?;
        let before = |i: usize| Fill::Numbers.at(i);
        let sums = poisoned.iter().enumerate();
        let expected: Vec<f64> = sums.map(|(i, set)| set + before(i)).collect();
        let seed = bench.seed_size(rule);
        bench
            .differ(Law::Accumulates, rule, &expected, &add)
            .map_err(|finding| {
                let nrows = bench.probe.output_rows(rule);
                let untouched: Vec<f64> = (0..add.len()).map(before).collect();
                if agree(&poisoned, &add, nrows, seed) {
                    finding.because(Diagnosis::NotAccumulated)
                } else if agree(&untouched, &add, nrows, seed) {
                    finding.because(Diagnosis::StaleBuffer)
                } else {
                    finding
                }
            })?;
    }
    Ok(())
}

pub(super) fn keeps(bench: &Bench<'_>) -> Checked {
    let keeps = bench.probe.keeps;
    for rule in bench.probe.rules() {
        let call = bench.call(rule);
        let hidden = |hide| bench.probe.run(&bench.at, &Call { hide, ..call });
        let full = hidden(Hide::Nothing)?;
        for (kept, hide, what) in [(keeps.x, Hide::X, "x"), (keeps.y, Hide::Y, "y")] {
            if !kept {
                bench
                    .differ(Law::Keeps, rule, &full, &hidden(hide)?)
                    .map_err(|finding| finding.because(Diagnosis::ReadsUnkept(what)))?;
            }
        }
        if !(keeps.x && keeps.y) {
            let what = "the shape of what is not kept";
            match hidden(Hide::Empty) {
                Err(Mishap::Panic(..)) => {
                    let reads = Diagnosis::ReadsUnkept(what);
                    return Err(Finding::plain(Law::Keeps, Some(rule), reads));
                }
                other => bench
                    .differ(Law::Keeps, rule, &full, &other?)
                    .map_err(|finding| finding.because(Diagnosis::ReadsUnkept(what)))?,
            }
        }
    }
    Ok(())
}
