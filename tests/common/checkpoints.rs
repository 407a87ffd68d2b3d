//! What must hold for every graph with checkpoints: the bits of `Store::All`, in every answer of reverse mode.

use pushpull::nalgebra::DMatrix;
use pushpull::{Accum, Error, MatMut, Question, Reverse, Scalar, Store};
use pushpull_reverse_mode::Plan;

use super::case::Case;
use super::checks::{Outcome, fails};
use super::comparison::{numbers, slice};

/// A gradient, or so many cotangents side by side.
fn plan<T: Scalar>(case: &Case<T>, side: Option<usize>, store: Store) -> Plan {
    let question = side.map_or(Question::Gradient, Question::Vjp);
    let plan = Reverse::plan(&case.graph, case.batch, question).checkpointing(store);
    plan.seeds(side.unwrap_or(1))
}

/// The smallest byte budget that does.
pub fn smallest<T: Scalar>(case: &Case<T>, side: Option<usize>) -> Result<usize, String> {
    let engine = |bytes| plan(case, side, Store::Bytes(bytes)).prepare::<T>();
    let least = match engine(0) {
        Ok(_) => return Ok(0),
        Err(Error::Budget { smallest, unit, .. }) if unit == "bytes" => smallest as usize,
        Err(other) => return Err(format!("0 bytes give {other}")),
    };
    engine(least).map_err(fails)?;
    Ok(least)
}

/// Slots, and budgets from the smallest to that of a whole record.
pub fn stores<T: Scalar>(case: &Case<T>, side: Option<usize>) -> Result<Vec<Store>, String> {
    let all = plan(case, side, Store::All).prepare::<T>();
    let all = all.map_err(fails)?.bytes();
    let (least, most) = (smallest(case, side)?, all.total() - all.gradient);
    let between = (0..4).map(|k| Store::Bytes(least + most.saturating_sub(least) * k / 4));
    let slots = [1, 2, 4].map(Store::Slots);
    let mut stores: Vec<Store> = between.chain([Store::Bytes(most)]).chain(slots).collect();
    // A graph without a cut has nothing to put into slots.
    stores.retain(|&store| {
        let engine = plan(case, side, store).prepare::<T>();
        !matches!((store, engine), (Store::Slots(_), Err(Error::NoCut { .. })))
    });
    Ok(stores)
}

/// The gradient put together from the parts that are told of, each once: of the bits that the engine returns in the end.
fn told<T: Scalar>(case: &Case<T>, engine: &mut Reverse<T>) -> Result<Vec<f64>, String> {
    let (mut told, mut times) = (vec![f64::NAN; case.n_params()], vec![0_u8; case.n_params()]);
    let (_, gradient) = engine
        .value_and_gradient_in_parts(&case.params, &case.x, |part, numbers| {
            told[part.clone()].copy_from_slice(&slice(numbers));
            times[part].iter_mut().for_each(|times| *times += 1);
        })
        .map_err(fails)?;
    match slice(gradient) == told && times.iter().all(|&times| times == 1) {
        true => Ok(told),
        false => Err(format!(
            "parts of the gradient: {gradient:?}, told {told:?}, {times:?} times"
        )),
    }
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
        ("gradient in parts", told(case, &mut engine)?),
    ];
    answers.push(("input gradient", numbers(&x_bar)));
    let (params_bar, x_bar) = engine.vjp(params, x, y_bar).map_err(fails)?;
    answers.extend([
        ("vjp", numbers(&params_bar)),
        ("vjp of inputs", numbers(&x_bar)),
    ]);
    let (params_bar, x_bar) = (&mut params_bar.clone(), &mut x_bar.clone());
    let mut record = engine.record(params, x).map_err(fails)?;
    let output = |output: pushpull::Mat<'_, T>| numbers(&output.to_dmatrix());
    answers.push(("output", output(record.output())));
    // Three pullbacks of one record: of the parameters, of the inputs, adding to what is there.
    record
        .pullback(
            y_bar,
            Accum::Set,
            Some(MatMut::from(&mut *params_bar)),
            None,
        )
        .map_err(fails)?;
    record
        .pullback(y_bar, Accum::Set, None, Some(MatMut::from(&mut *x_bar)))
        .map_err(fails)?;
    record
        .pullback(
            y_bar,
            Accum::Add,
            Some(MatMut::from(&mut *params_bar)),
            None,
        )
        .map_err(fails)?;
    answers.push(("output after pullbacks", output(record.output())));
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

/// Every store gives the bits of `Store::All`, for a gradient, one cotangent at a time and several side by side, within its
/// budget.
pub fn bits<T: Scalar>(case: &mut Case<T>) -> Outcome {
    let y_bar = case.y_bar(3);
    let gradient = |case: &Case<T>, engine: &mut Reverse<T>| {
        let (value, gradient) = engine
            .value_and_gradient(&case.params, &case.x)
            .map_err(fails)?;
        Ok::<_, String>(vec![
            ("value", vec![value.to_f64()]),
            ("gradient", slice(gradient)),
        ])
    };
    let within = |store: Store, engine: &Reverse<T>| {
        let bytes = engine.bytes();
        if matches!(store, Store::Bytes(budget) if bytes.total() - bytes.gradient > budget) {
            return Err(format!("{store:?}: {bytes:?}"));
        }
        Ok(())
    };
    let want = gradient(case, &mut case.reverse())?;
    for store in stores(case, None)? {
        let mut engine = plan(case, None, store).prepare().map_err(fails)?;
        within(store, &engine)?;
        same(store, &gradient(case, &mut engine)?, &want)?;
    }
    for side in [1, 2] {
        let want = answers(case, case.side_by_side(side), &y_bar)?;
        for store in stores(case, Some(side))? {
            let engine = plan(case, Some(side), store).prepare().map_err(fails)?;
            within(store, &engine)?;
            same(store, &answers(case, engine, &y_bar)?, &want)?;
        }
    }
    Ok(())
}

type Answers = [(&'static str, Vec<f64>)];

fn same(store: Store, got: &Answers, want: &Answers) -> Outcome {
    for ((what, got), (_, want)) in got.iter().zip(want) {
        let mut pairs = got.iter().zip(want);
        if got.len() != want.len() || !pairs.all(|(a, b)| a.to_bits() == b.to_bits()) {
            return Err(format!("{what}, {store:?}: {got:?} for {want:?}"));
        }
    }
    Ok(())
}
