//! A block at one case: its primal, its seeds, and what a law has to say about it.

use pushpull_core::{AnyBlock, Dual};

use crate::buffer::Fill;
use crate::case::{Case, Data, Domain};
use crate::compare::{first_difference, largest};
use crate::probe::{Call, Mishap, Primal, Probe};
use crate::violation::Entry;
use crate::{Diagnosis, Law, Rule};

/// A broken law at one case, before it is shrunk and explained.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Finding {
    pub(crate) law: Law,
    pub(crate) rule: Option<Rule>,
    pub(crate) entry: Entry,
    pub(crate) expected: f64,
    pub(crate) got: f64,
    /// The diagnosis, where the law itself knows it.
    pub(crate) known: Option<Diagnosis>,
}

impl Finding {
    /// A finding that is not about a number.
    pub(crate) const fn plain(law: Law, rule: Option<Rule>, known: Diagnosis) -> Self {
        let entry = Entry {
            buffer: "-",
            row: 0,
            column: 0,
        };
        Self {
            law,
            rule,
            entry,
            expected: f64::NAN,
            got: f64::NAN,
            known: Some(known),
        }
    }

    /// The same, explained.
    pub(crate) fn because(self, diagnosis: Diagnosis) -> Self {
        Self {
            known: Some(diagnosis),
            ..self
        }
    }
}

impl From<Mishap> for Finding {
    fn from(mishap: Mishap) -> Self {
        match mishap {
            Mishap::Panic(rule, message) => {
                Self::plain(Law::Panics, Some(rule), Diagnosis::Panicked(message.into()))
            }
            Mishap::Overrun(rule, buffer) => {
                Self::plain(Law::Confined, Some(rule), Diagnosis::WritesOutside(buffer))
            }
            Mishap::Changed(rule, buffer) => {
                Self::plain(Law::Confined, Some(rule), Diagnosis::ChangesInput(buffer))
            }
        }
    }
}

/// A block at one case.
#[derive(Clone, Debug)]
pub(crate) struct Bench<'a> {
    pub(crate) probe: Probe<'a>,
    pub(crate) case: Case,
    pub(crate) data: Data,
    pub(crate) at: Primal<f64>,
}

impl<'a> Bench<'a> {
    /// Runs the primal.
    pub(crate) fn new(
        block: &'a dyn AnyBlock,
        case: Case,
        domain: Domain,
    ) -> Result<Self, Finding> {
        let probe = Probe::new(block, case.gap);
        let data = case.data(probe.dims, domain);
        Self::with_data(probe, case, data)
    }

    /// The same case at another input.
    pub(crate) fn at_input(&self, x: Vec<f64>) -> Result<Self, Finding> {
        let data = Data {
            x,
            ..self.data.clone()
        };
        Self::with_data(self.probe, self.case, data)
    }

    pub(crate) fn with_data(probe: Probe<'a>, case: Case, data: Data) -> Result<Self, Finding> {
        let at = probe.forward(Rule::Forward, &data.params, &data.x, Fill::Nan)?;
        Ok(Self {
            probe,
            case,
            data,
            at,
        })
    }

    /// The seed of a rule: all seeds, but one for `vjp_params`.
    pub(crate) fn seed(&self, rule: Rule) -> &[f64] {
        match rule {
            Rule::JvpInput | Rule::JvpInputInPlace => &self.data.x_dot,
            Rule::VjpInput | Rule::VjpInputInPlace => &self.data.y_bar,
            Rule::JvpParams => &self.data.params_dot,
            Rule::VjpParams => &self.data.y_bar[..self.probe.dims.n_out * self.data.batch],
            Rule::UnitParams | Rule::Forward | Rule::ForwardInPlace => &[],
        }
    }

    /// Some unit vectors: as many as there are seeds, not always from the first parameter.
    pub(crate) fn units(&self) -> (usize, usize) {
        let n = self.data.seeds.min(self.probe.dims.n_params);
        let room = self.probe.dims.n_params - n + 1;
        ((self.case.number % room as u64) as usize, n)
    }

    /// The call of a rule with this case's seeds.
    pub(crate) fn call(&self, rule: Rule) -> Call<'_, f64> {
        if rule == Rule::UnitParams {
            let (first, n) = self.units();
            Call::units(first, n)
        } else {
            Call::new(rule, self.seed(rule))
        }
    }

    pub(crate) fn run(&self, call: &Call<'_, f64>) -> Result<Vec<f64>, Finding> {
        Ok(self.probe.run(&self.at, call)?)
    }

    /// The largest number that the rule's result is linear in.
    pub(crate) fn seed_size(&self, rule: Rule) -> f64 {
        match rule {
            Rule::UnitParams => 1.0,
            Rule::Forward | Rule::ForwardInPlace => 1.0 + largest(&self.data.x),
            _ => largest(self.seed(rule)),
        }
    }

    /// (y, y_dot) by running the block at dual numbers.
    pub(crate) fn dual(
        &self,
        x_dot: Option<&[f64]>,
        params_dot: Option<&[f64]>,
    ) -> Result<(Vec<f64>, Vec<f64>), Finding> {
        let join = |values: &[f64], dots: Option<&[f64]>| -> Vec<Dual<f64>> {
            let slope = |i: usize| dots.map_or(0.0, |dots| dots[i]);
            let numbers = values.iter().enumerate();
            numbers
                .map(|(i, &value)| Dual::new(value, slope(i)))
                .collect()
        };
        let params = join(&self.data.params, params_dot);
        let x = join(&self.data.x, x_dot);
        let at = self.probe.forward(Rule::Forward, &params, &x, Fill::Nan)?;
        let parts = at.y.iter().map(|y| (y.value, y.derivative));
        Ok(parts.unzip())
    }

    /// The first entry of a rule's result that differs from what a law expects.
    pub(crate) fn differ(
        &self,
        law: Law,
        rule: Rule,
        expected: &[f64],
        got: &[f64],
    ) -> Result<(), Finding> {
        let nrows = self.probe.output_rows(rule);
        match first_difference(expected, got, nrows, self.seed_size(rule)) {
            None => Ok(()),
            Some(at) => Err(self.finding(law, rule, at, expected[at], got[at])),
        }
    }

    /// A finding at entry `at` of a rule's result.
    pub(crate) fn finding(
        &self,
        law: Law,
        rule: Rule,
        at: usize,
        expected: f64,
        got: f64,
    ) -> Finding {
        let nrows = self.probe.output_rows(rule);
        Finding {
            law,
            rule: Some(rule),
            entry: Entry {
                buffer: rule.output(),
                row: at % nrows,
                column: at / nrows,
            },
            expected,
            got,
            known: None,
        }
    }
}
