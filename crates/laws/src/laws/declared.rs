//! What a block declares: sizes, other forms of its maps, structure, cost.

use pushpull_core::{Accum, AnyBlock, Cost, Counted, InputJacobian, Keeps, ParamJacobian, count};

use crate::bench::{Bench, Finding};
use crate::buffer::Fill;
use crate::compare::first_difference;
use crate::diagnosis::Mispriced;
use crate::probe::{Call, Hide, Probe};
use crate::violation::Entry;
use crate::{Diagnosis, Law, Rule};

type Checked = Result<(), Finding>;

/// What can be said without running anything.
pub(crate) fn declarations(block: &dyn AnyBlock) -> Checked {
    let (dims, keeps) = (block.dims(), block.keeps());
    let wrong = |what: String| {
        let known = Diagnosis::Declaration(what.into());
        Err(Finding::plain(Law::Declarations, None, known))
    };
    if let Err(error) = block.validate() {
        return wrong(error.to_string());
    }
    if dims.n_in == 0 || dims.n_out == 0 {
        return wrong(format!("{} inputs, {} outputs", dims.n_in, dims.n_out));
    }
    let in_params: usize = block.params().iter().map(|p| p.nrows * p.ncols).sum();
    if in_params != dims.n_params {
        let n = dims.n_params;
        return wrong(format!(
            "params() holds {in_params} numbers, n_params is {n}"
        ));
    }
    if block.overwrites() && (dims.n_in != dims.n_out || keeps.x) {
        return wrong("a block in place needs n_in = n_out, and cannot keep x".into());
    }
    let weights = dims.n_out.saturating_mul(dims.n_in);
    match block.input_jacobian() {
        InputJacobian::Diagonal | InputJacobian::Identity if dims.n_in != dims.n_out => {
            return wrong("a diagonal input Jacobian needs n_in = n_out".into());
        }
        InputJacobian::Weight if dims.n_params < weights => {
            return wrong("a weight as input Jacobian needs n_out n_in parameters".into());
        }
        _ => {}
    }
    let fits = match block.param_jacobian() {
        ParamJacobian::None => dims.n_params == 0,
        ParamJacobian::Kronecker { bias: false } => dims.n_params == weights,
        ParamJacobian::Kronecker { bias: true } => dims.n_params == weights + dims.n_out,
        _ => dims.n_params > 0,
    };
    if fits {
        Ok(())
    } else {
        wrong("the structure of the parameter Jacobian needs another n_params".into())
    }
}

pub(super) fn forms(bench: &Bench<'_>) -> Checked {
    let (probe, data) = (&bench.probe, &bench.data);
    if probe.dims.n_params > 0 {
        let (first, n) = bench.units();
        let mut seed = vec![0.0; n * probe.dims.n_params];
        for s in 0..n {
            seed[s * probe.dims.n_params + first + s] = 1.0;
        }
        for acc in [Accum::Set, Accum::Add] {
            let expected = bench.run(&Call::new(Rule::JvpParams, &seed).acc(acc))?;
            let got = bench.run(&Call::units(first, n).acc(acc))?;
            bench.differ(Law::Forms, Rule::UnitParams, &expected, &got)?;
        }
    }
    if probe.block.optional_extra() {
        let keeps = Keeps {
            extra: 0,
            ..probe.keeps
        };
        let bare = Probe { keeps, ..*probe };
        for rule in [Rule::Forward, Rule::ForwardInPlace] {
            if rule == Rule::Forward || probe.block.overwrites() {
                let at = bare.forward(rule, &data.params, &data.x, Fill::Nan)?;
                bench.differ(Law::Forms, rule, &bench.at.y, &at.y)?;
            }
        }
    }
    if probe.block.overwrites() {
        let at = probe.forward(Rule::ForwardInPlace, &data.params, &data.x, Fill::Nan)?;
        bench.differ(Law::Forms, Rule::ForwardInPlace, &bench.at.y, &at.y)?;
        if let Some(i) = first_difference(&bench.at.extra, &at.extra, probe.keeps.extra, 1.0) {
            let (expected, got) = (bench.at.extra[i], at.extra[i]);
            let mut finding = bench.finding(Law::Forms, Rule::ForwardInPlace, i, expected, got);
            finding.entry.buffer = "extra";
            return Err(finding);
        }
        for rule in [Rule::JvpInputInPlace, Rule::VjpInputInPlace] {
            let expected = bench.run(&bench.call(rule.out_of_place()))?;
            bench.differ(Law::Forms, rule, &expected, &bench.run(&bench.call(rule))?)?;
        }
    }
    Ok(())
}

pub(super) fn structure(bench: &Bench<'_>) -> Checked {
    input_structure(bench)?;
    param_structure(bench)
}

/// One entry against what the structure says it is.
fn entry(bench: &Bench<'_>, rule: Rule, at: usize, got: f64, says: f64) -> Checked {
    let near = (got - says).abs() <= 2e-10 * says.abs();
    if near || got.is_nan() {
        return Ok(());
    }
    let why = match rule {
        Rule::JvpInput => "the Jacobian with respect to the input is not as `input_jacobian` says",
        _ => "the Jacobian with respect to the parameters is not as `param_jacobian` says",
    };
    Err(bench
        .finding(Law::Structure, rule, at, says, got)
        .because(Diagnosis::WrongStructure(why)))
}

fn input_structure(bench: &Bench<'_>) -> Checked {
    let (dims, batch) = (bench.probe.dims, bench.data.batch);
    let declared = bench.probe.block.input_jacobian();
    if declared == InputJacobian::Dense {
        return Ok(());
    }
    for k in bench.case.indices(dims.n_in) {
        let unit: Vec<f64> = (0..dims.n_in * batch)
            .map(|i| f64::from(u8::from(i % dims.n_in == k)))
            .collect();
        let y_dot = bench.run(&Call::new(Rule::JvpInput, &unit))?;
        for (at, &got) in y_dot.iter().enumerate() {
            if declared == InputJacobian::Weight {
                let says = bench.data.params[k * dims.n_out + at % dims.n_out];
                entry(bench, Rule::JvpInput, at, got, says)?;
            } else if at % dims.n_out != k {
                entry(bench, Rule::JvpInput, at, got, 0.0)?;
            } else if declared == InputJacobian::Identity {
                entry(bench, Rule::JvpInput, at, got, 1.0)?;
            }
        }
    }
    // Then engines hand in no point.
    for rule in [Rule::JvpInput, Rule::VjpInput] {
        let call = bench.call(rule);
        let seeing = |hide| bench.probe.run(&bench.at, &Call { hide, ..call });
        if declared.is_constant() {
            let why =
                "the Jacobian is to be the same everywhere, and the map reads its input or output";
            bench
                .differ(
                    Law::Structure,
                    rule,
                    &seeing(Hide::Nothing)?,
                    &seeing(Hide::Point)?,
                )
                .map_err(|finding| finding.because(Diagnosis::WrongStructure(why)))?;
        }
    }
    Ok(())
}

fn param_structure(bench: &Bench<'_>) -> Checked {
    let dims = bench.probe.dims;
    let declared = bench.probe.block.param_jacobian();
    if matches!(declared, ParamJacobian::None | ParamJacobian::Dense) {
        return Ok(());
    }
    for param in bench.case.indices(dims.n_params) {
        let mut unit = vec![0.0; dims.n_params];
        unit[param] = 1.0;
        let y_dot = bench.run(&Call::new(Rule::JvpParams, &unit))?;
        let (own, feature) = (param % dims.n_out, param / dims.n_out);
        for (at, &got) in y_dot.iter().enumerate() {
            let (row, sample) = (at % dims.n_out, at / dims.n_out);
            if row != own {
                entry(bench, Rule::JvpParams, at, got, 0.0)?;
            } else if matches!(declared, ParamJacobian::Kronecker { .. }) {
                let bias = feature >= dims.n_in;
                let x = bench.data.x.get(sample * dims.n_in + feature);
                let says = if bias {
                    1.0
                } else {
                    x.copied().unwrap_or(f64::NAN)
                };
                entry(bench, Rule::JvpParams, at, got, says)?;
            }
        }
    }
    Ok(())
}

pub(super) fn cost(bench: &Bench<'_>) -> Checked {
    let (probe, data) = (&bench.probe, &bench.data);
    let counted = |numbers: &[f64]| -> Vec<Counted<f64>> {
        numbers.iter().map(|&number| Counted(number)).collect()
    };
    let (params, x) = (counted(&data.params), counted(&data.x));
    let (at, cost) = count(|| probe.forward(Rule::Forward, &params, &x, Fill::Nan));
    let at = at?;
    compare(probe, data.batch, 1, Rule::Forward, Accum::Set, cost)?;
    if probe.block.overwrites() {
        let rule = Rule::ForwardInPlace;
        let (run, cost) = count(|| probe.forward(rule, &params, &x, Fill::Nan));
        run?;
        compare(probe, data.batch, 1, rule, Accum::Set, cost)?;
    }
    for rule in probe.rules() {
        for acc in [Accum::Set, Accum::Add] {
            if acc == Accum::Add && !rule.accumulates() {
                continue;
            }
            let plain = bench.call(rule).acc(acc);
            let seed = counted(plain.seed);
            let call = Call {
                rule,
                acc,
                seed: &seed,
                units: plain.units,
                output: plain.output,
                scratch: plain.scratch,
                hide: plain.hide,
            };
            let (run, cost) = count(|| probe.run(&at, &call));
            run?;
            let seeds = match rule {
                Rule::VjpParams => 1,
                Rule::UnitParams => plain.units.1,
                _ => data.seeds,
            };
            compare(probe, data.batch, seeds, rule, acc, cost)?;
        }
    }
    Ok(())
}

fn compare(
    probe: &Probe<'_>,
    batch: usize,
    seeds: usize,
    rule: Rule,
    acc: Accum,
    counted: Cost,
) -> Checked {
    let op = rule.op(acc);
    let Some(declared) = probe.block.cost(op, batch, seeds) else {
        return Ok(());
    };
    let (buffer, expected, got) = if declared.flops != counted.flops {
        ("flops", counted.flops, declared.flops)
    } else if declared.calls != counted.calls {
        ("calls", counted.calls, declared.calls)
    } else {
        return Ok(());
    };
    Err(Finding {
        law: Law::Cost,
        rule: Some(rule),
        entry: Entry {
            buffer,
            row: 0,
            column: 0,
        },
        expected: expected as f64,
        got: got as f64,
        known: Some(Diagnosis::CostOff(Box::new(Mispriced {
            op,
            declared,
            counted,
        }))),
    })
}
