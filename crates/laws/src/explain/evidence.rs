//! The right and the given numbers of a case.

use pushpull_core::{Accum, AnyBlock};

use super::prediction::predictions;
use crate::bench::{Bench, Finding};
use crate::buffer::Fill;
use crate::case::{Case, Domain, Flavour};
use crate::compare::agree;
use crate::reference::Reference;
use crate::{Diagnosis, Law, Rule};

/// The right and the given numbers of one case, and what each slip would have given.
pub(super) struct Evidence {
    pub(super) flavour: Flavour,
    pub(super) expected: Vec<f64>,
    pub(super) got: Vec<f64>,
    pub(super) nrows: usize,
    pub(super) seed: f64,
    pub(super) batch: usize,
    pub(super) n_in: usize,
    pub(super) n_out: usize,
    /// Factors of the derivative, one number an entry.
    pub(super) factors: Vec<(&'static str, Vec<f64>)>,
    /// The whole result under a slip.
    pub(super) predictions: Vec<(Diagnosis, Vec<f64>)>,
}

impl Evidence {
    pub(super) fn same(&self, a: &[f64], b: &[f64]) -> bool {
        // Both not finite is agreement here, else a slip that gives NaN could explain nothing, or everything.
        let both = a.iter().zip(b).all(|(a, b)| a.is_finite() == b.is_finite());
        both && agree(a, b, self.nrows, self.seed)
    }

    pub(super) fn sound(&self) -> bool {
        self.same(&self.expected, &self.got)
    }

    pub(super) fn scaled(&self, factor: f64) -> bool {
        let scaled: Vec<f64> = self.expected.iter().map(|e| e * factor).collect();
        self.same(&scaled, &self.got)
    }

    /// The right numbers, but `shift` rows further down. With three rows or more, the row at the edge may hold
    /// anything.
    pub(super) fn rolled(&self, shift: usize) -> bool {
        let n = self.nrows;
        let row = |at: usize| at / n * n + (at + shift) % n;
        let edge = if shift == 1 { n - 1 } else { 0 };
        let free = |at: usize| n > 2 && at % n == edge;
        let rolled: Vec<f64> = (0..self.got.len())
            .map(|at| {
                if free(at) {
                    self.got[at]
                } else {
                    self.expected[row(at)]
                }
            })
            .collect();
        n > 1 && self.same(&rolled, &self.got)
    }

    pub(super) fn factor(&self, name: &str) -> Option<&[f64]> {
        let factor = self.factors.iter().find(|factor| factor.0 == name);
        factor.map(|factor| factor.1.as_slice())
    }

    pub(super) fn forgotten(&self) -> bool {
        let pairs = self.expected.iter().zip(&self.got);
        let kept: Vec<f64> = pairs
            .map(|(&e, &got)| if got == 0.0 { 0.0 } else { e })
            .collect();
        self.same(&kept, &self.got)
    }
}

/// Runs a map at a case, where its Jacobians are not too large.
pub(super) fn gather(
    block: &dyn AnyBlock,
    domain: Domain,
    case: Case,
    law: Law,
    rule: Rule,
) -> Result<Option<Evidence>, Finding> {
    let bench = Bench::new(block, case, domain)?;
    let (dims, batch) = (bench.probe.dims, bench.data.batch);
    let Some(reference) = Reference::of(&bench)? else {
        return Ok(None);
    };
    let (expected, got) = if rule.out_of_place() == Rule::Forward {
        let other = Rule::ForwardInPlace;
        let fill = Fill::Nan;
        let data = &bench.data;
        let in_place = if law == Law::Forms {
            bench.probe.forward(other, &data.params, &data.x, fill)?.y
        } else {
            bench.dual(None, None)?.0
        };
        (bench.at.y.clone(), in_place)
    } else {
        let mut expected = reference.right(&bench, rule);
        let mut call = bench.call(rule);
        if law == Law::Accumulates {
            call = call.acc(Accum::Add);
            let before = (0..expected.len()).map(|i| Fill::Numbers.at(i));
            expected.iter_mut().zip(before).for_each(|(e, b)| *e += b);
        }
        let got = bench.run(&call)?;
        (expected, got)
    };
    Ok(Some(Evidence {
        flavour: case.flavour,
        nrows: bench.probe.output_rows(rule),
        seed: bench.seed_size(rule),
        batch,
        n_in: dims.n_in,
        n_out: dims.n_out,
        factors: factors(&bench, rule, &reference, expected.len()),
        predictions: predictions(&bench, rule, &reference),
        expected,
        got,
    }))
}

/// What a derivative is usually a product of, entry by entry of the result.
fn factors(
    bench: &Bench<'_>,
    rule: Rule,
    reference: &Reference,
    len: usize,
) -> Vec<(&'static str, Vec<f64>)> {
    let (dims, batch) = (bench.probe.dims, bench.data.batch);
    let nrows = bench.probe.output_rows(rule);
    if rule == Rule::VjpParams {
        return Vec::new();
    }
    let spread = |entry: &dyn Fn(usize, usize) -> f64| -> Vec<f64> {
        let place = |at: usize| (at % nrows, at / nrows % batch);
        (0..len)
            .map(|at| {
                let (row, sample) = place(at);
                entry(row, sample)
            })
            .collect()
    };
    let mut factors = Vec::new();
    let pulls = matches!(rule, Rule::VjpInput | Rule::VjpInputInPlace);
    if dims.n_in == dims.n_out {
        let diagonal = |i: usize, j: usize| reference.input[j][i * dims.n_out + i];
        factors.push(("derivative", spread(&diagonal)));
    } else if dims.n_out == 1 && pulls {
        factors.push(("derivative", spread(&|i, j| reference.input[j][i])));
    }
    if nrows == dims.n_in {
        factors.push(("x", spread(&|i, j| bench.at.x[j * nrows + i])));
        let half = |i: usize| (i + nrows / 2) % nrows;
        factors.push((
            "the other half of x",
            spread(&|i, j| bench.at.x[j * nrows + half(i)]),
        ));
    }
    if nrows == dims.n_out {
        factors.push(("y", spread(&|i, j| bench.at.y[j * nrows + i])));
    }
    if dims.n_params >= nrows {
        factors.push(("parameter", spread(&|i, _| bench.at.params[i])));
    }
    let extra = bench.probe.keeps.extra;
    if extra > 0 {
        let of = |k: usize| move |_: usize, j: usize| bench.at.extra[j * extra + k];
        factors.push(("the first kept number", spread(&of(0))));
        factors.push(("the last kept number", spread(&of(extra - 1))));
    }
    if extra >= nrows {
        factors.push(("kept", spread(&|i, j| bench.at.extra[j * extra + i])));
    }
    factors
}
