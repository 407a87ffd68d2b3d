//! What must hold for every graph with checkpoints: the bits of `Store::All`, in every answer of reverse mode.

use pushpull::nalgebra::DMatrix;
use pushpull::{Accum, Error, MatMut, Reverse, Scalar, Store};

use super::case::Case;
use super::checks::{Outcome, fails};
use super::comparison::{numbers, slice};

/// The smallest byte budget that does for a case.
pub fn smallest<T: Scalar>(case: &Case<T>) -> Result<usize, String> {
    match Reverse::<T>::new(&case.graph, case.batch, Store::Bytes(0), 1) {
        Err(Error::Budget { smallest, unit, .. }) if unit == "bytes" => Ok(smallest as usize),
        other => Err(format!("no bytes at all give {:?}", other.map(|_| ()))),
    }
}

/// Slots, and budgets from the smallest to that of a whole record.
pub fn stores<T: Scalar>(case: &Case<T>) -> Result<Vec<Store>, String> {
    let all = case.reverse().bytes();
    let (least, most) = (smallest(case)?, all.total() - all.gradient);
    let between = (0..4).map(|k| Store::Bytes(least + most.saturating_sub(least) * k / 4));
    let slots = [1, 2, 4].map(Store::Slots);
    let mut stores: Vec<Store> = between.chain([Store::Bytes(most)]).chain(slots).collect();
    // A graph without a cut has nothing to put into slots.
    stores.retain(|&store| {
        let engine = Reverse::<T>::new(&case.graph, case.batch, store, 1);
        !matches!((store, engine), (Store::Slots(_), Err(Error::NoCut { .. })))
    });
    Ok(stores)
}

/// Every answer that reverse mode gives, as numbers.
fn answers<T: Scalar>(
    case: &Case<T>,
    mut engine: Reverse<T>,
    y_bar: &DMatrix<T>,
) -> Result<Vec<(&'static str, Vec<f64>)>, String> {
    let (params, x) = (&case.params[..], &case.x);
    let mut x_bar = DMatrix::from_element(case.n_inputs(), case.batch, T::from_f64(f64::NAN));
    let (value, gradient) = engine
        .value_and_gradients(params, x, &mut x_bar)
        .map_err(fails)?;
    let mut answers = vec![
        ("value", vec![value.to_f64()]),
        ("gradient", slice(gradient)),
    ];
    answers.push(("input gradient", numbers(&x_bar)));
    let (params_bar, x_bar) = engine.vjp(params, x, y_bar).map_err(fails)?;
    answers.extend([
        ("vjp", numbers(&params_bar)),
        ("vjp of inputs", numbers(&x_bar)),
    ]);
    let (params_bar, x_bar) = (&mut params_bar.clone(), &mut x_bar.clone());
    let mut tape = engine.record(params, x).map_err(fails)?;
    let output = |output: pushpull::Mat<'_, T>| numbers(&output.to_dmatrix());
    answers.push(("output", output(tape.output())));
    // Three pullbacks of one tape: of the parameters, of the inputs, adding to what is there.
    tape.pullback(
        y_bar,
        Accum::Set,
        Some(MatMut::from(&mut *params_bar)),
        None,
    )
    .map_err(fails)?;
    tape.pullback(y_bar, Accum::Set, None, Some(MatMut::from(&mut *x_bar)))
        .map_err(fails)?;
    tape.pullback(
        y_bar,
        Accum::Add,
        Some(MatMut::from(&mut *params_bar)),
        None,
    )
    .map_err(fails)?;
    answers.push(("output after pullbacks", output(tape.output())));
    answers.extend([
        ("twice the vjp", numbers(params_bar)),
        ("second pullback", numbers(x_bar)),
    ]);
    let jacobian = engine.jacobian_params(params, x).map_err(fails)?;
    answers.push(("Jacobian", numbers(&jacobian)));
    let jacobian = engine.jacobian_inputs(params, x).map_err(fails)?;
    answers.push(("input Jacobian", numbers(&jacobian)));
    Ok(answers)
}

/// Every store gives the bits of `Store::All`, one cotangent at a time and several side by side, within its budget.
pub fn bits<T: Scalar>(case: &mut Case<T>) -> Outcome {
    let y_bar = case.y_bar(3);
    for side in [1, 2] {
        let want = answers(case, case.reverse().seeds(side).map_err(fails)?, &y_bar)?;
        for store in stores(case)? {
            let engine = Reverse::new(&case.graph, case.batch, store, 1).map_err(fails)?;
            let engine = match engine.seeds(side) {
                // More cotangents side by side do not fit the smallest budgets.
                Err(Error::Budget { .. }) if side > 1 => continue,
                engine => engine.map_err(fails)?,
            };
            let bytes = engine.bytes();
            if matches!(store, Store::Bytes(budget) if bytes.total() - bytes.gradient > budget) {
                return Err(format!("{store:?}: {bytes:?}"));
            }
            for ((what, got), (_, want)) in answers(case, engine, &y_bar)?.iter().zip(&want) {
                let same = got
                    .iter()
                    .zip(want)
                    .all(|(a, b)| a.to_bits() == b.to_bits());
                if !same || got.len() != want.len() {
                    return Err(format!("{what}, {store:?}: {got:?} for {want:?}"));
                }
            }
        }
    }
    Ok(())
}
