//! What must hold for every graph: both modes agree with each other and with the naive reference.
//!
//! Cotangents and directions are random, never ones: a rule that is right for ones only would pass.

use pushpull::nalgebra::DMatrix;
use pushpull::{Chunk, Mat, Scalar, textbook};

use super::case::{Case, tolerance};
use super::comparison::{close, numbers, slice};
use super::reference::Reference;

/// What a check says: what differs, and by how much.
pub type Outcome = Result<(), String>;

pub(super) fn reference<T: Scalar>(case: &Case<T>) -> Reference {
    Reference::new(&case.graph, &case.params, &case.x)
}

pub(super) fn fails<E: std::fmt::Display>(error: E) -> String {
    error.to_string()
}

/// The gradients of the sum, and of randomly weighted sums: forward mode's columns against reverse mode's row.
pub fn gradients<T: Scalar>(case: &mut Case<T>) -> Outcome {
    let (exact, tol) = (reference(case), tolerance::<T>());
    let y_bar = case.y_bar(1);
    let (mut forward, mut reverse) = (case.forward(Chunk::Auto), case.reverse());
    let (pushed_value, pushed) = forward
        .value_and_gradient(&case.params, &case.x)
        .map_err(fails)?;
    let mut x_bar = DMatrix::from_element(case.n_inputs(), case.batch, T::from_f64(f64::NAN));
    let pulled = reverse.value_and_gradients(&case.params, &case.x, &mut x_bar);
    let (pulled_value, pulled) = pulled.map_err(fails)?;
    let ones = vec![1.0; exact.output.len()];
    let value: f64 = exact.output.iter().sum();
    let size: f64 = exact.output.iter().map(|y| y.abs()).sum();
    close(
        "value, forward",
        &[pushed_value.to_f64()],
        &[value],
        &[size],
        tol,
    )?;
    close(
        "value, reverse",
        &[pulled_value.to_f64()],
        &[value],
        &[size],
        tol,
    )?;
    let (want, terms) = exact.params_bar(&ones);
    close(
        "gradient, forward = reverse",
        &slice(pushed),
        &slice(pulled),
        &terms,
        tol,
    )?;
    close(
        "gradient, reverse = reference",
        &slice(pulled),
        &want,
        &terms,
        tol,
    )?;
    textbooks(case, &[value], &[size], &want, &terms)?;
    let (want, terms) = exact.x_bar(&ones);
    close(
        "input gradient, reverse = reference",
        &numbers(&x_bar),
        &want,
        &terms,
        tol,
    )?;

    let (params_bar, x_bar) = reverse.vjp(&case.params, &case.x, &y_bar).map_err(fails)?;
    let jacobian = forward
        .jacobian_params(&case.params, &case.x)
        .map_err(fails)?;
    let weights = DMatrix::from_column_slice(y_bar.len(), 1, &numbers(&y_bar));
    let weighted = jacobian.map(|entry| entry.to_f64()).tr_mul(&weights);
    let (want, terms) = exact.params_bar(weights.as_slice());
    close(
        "vjp = J' y_bar of forward mode",
        &numbers(&params_bar),
        weighted.as_slice(),
        &terms,
        tol,
    )?;
    close("vjp = reference", &numbers(&params_bar), &want, &terms, tol)?;
    let (want, terms) = exact.x_bar(weights.as_slice());
    close(
        "vjp of inputs = reference",
        &numbers(&x_bar),
        &want,
        &terms,
        tol,
    )
}

/// The slides' algorithms give the value and the gradient of the reference, each by the block's maps of its own mode.
fn textbooks<T: Scalar>(
    case: &Case<T>,
    value: &[f64],
    size: &[f64],
    gradient: &[f64],
    terms: &[f64],
) -> Outcome {
    let (graph, params, x) = (&case.graph, &case.params[..], &case.x);
    let pushed = textbook::forward_mode::gradient(graph, params, x);
    let pulled = textbook::reverse_mode::gradient(graph, params, x);
    for (mode, found) in [("forward", pushed), ("reverse", pulled)] {
        let (y, found) = found.map_err(fails)?;
        let (what, tol) = (format!("textbook, {mode}"), tolerance::<T>());
        close(&what, &[y.to_f64()], value, size, tol)?;
        close(&what, &slice(&found), gradient, terms, tol)?;
    }
    Ok(())
}

/// Structured tangents give the gradient of dense ones, of reverse mode and of the reference, whatever the chunk.
pub fn structured<T: Scalar>(case: &mut Case<T>, width: usize) -> Outcome {
    let (exact, tol) = (reference(case), tolerance::<T>());
    let ones = vec![1.0; exact.output.len()];
    let (want, terms) = exact.params_bar(&ones);
    let (params, x) = (&case.params, &case.x);
    let (mut forward, mut reverse) = (case.forward(Chunk::Auto), case.reverse());
    let (value, pushed) = forward.value_and_gradient(params, x).map_err(fails)?;
    let pulled = reverse.value_and_gradient(params, x).map_err(fails)?.1;
    for chunk in [
        Chunk::Auto,
        Chunk::Full,
        Chunk::Fixed(1),
        Chunk::Fixed(width),
    ] {
        let mut engine = case.structured(chunk);
        let first = slice(engine.value_and_gradient(params, x).map_err(fails)?.1);
        let (again, got) = engine.value_and_gradient(params, x).map_err(fails)?;
        if again.to_f64().to_bits() != value.to_f64().to_bits() {
            return Err(format!("value, {chunk:?}: {again} for {value}"));
        }
        let got = slice(got);
        if got
            .iter()
            .zip(&first)
            .any(|(a, b)| a.to_bits() != b.to_bits())
        {
            return Err(format!(
                "gradient, {chunk:?}: a second call gives other bits"
            ));
        }
        let against = [
            ("structured = forward", slice(pushed)),
            ("structured = reverse", slice(pulled)),
            ("structured = reference", want.clone()),
        ];
        for (what, expected) in against {
            close(&format!("{what}, {chunk:?}"), &got, &expected, &terms, tol)?;
        }
        let zeros = got
            .iter()
            .zip(pulled)
            .all(|(got, pulled)| !pulled.is_zero() || *got == 0.0);
        let dependent = exact.params.iter().any(|&entry| entry != 0.0);
        if !dependent && !zeros {
            return Err(format!("{chunk:?}: a gradient that is no exact zero"));
        }
    }
    Ok(())
}

/// `<y_bar, J v> = <J' y_bar, v>` for v in parameters and inputs together.
pub fn adjoint<T: Scalar>(case: &mut Case<T>) -> Outcome {
    let (exact, tol) = (reference(case), tolerance::<T>());
    let (params_dot, x_dot, y_bar) = (case.params_dot(1), case.x_dot(1), case.y_bar(1));
    let mut forward = case.forward(Chunk::Full);
    let directions = (Some(Mat::from(&params_dot)), Some(Mat::from(&x_dot)));
    let pushed = forward.jvp(&case.params, &case.x, directions.0, directions.1);
    let (y, y_dot) = pushed.map_err(fails)?;
    let (params_bar, x_bar) = case
        .reverse()
        .vjp(&case.params, &case.x, &y_bar)
        .map_err(fails)?;
    let dot = |a: &DMatrix<T>, b: &DMatrix<T>| -> f64 {
        a.iter().zip(b).map(|(a, b)| a.to_f64() * b.to_f64()).sum()
    };
    close("output", &numbers(&y), exact.output.as_slice(), &[], tol)?;
    let (want, terms) = exact.y_dot(&numbers(&params_dot), &numbers(&x_dot));
    close("jvp = reference", &numbers(&y_dot), &want, &terms, tol)?;
    let size: f64 = numbers(&y_bar)
        .iter()
        .zip(&terms)
        .map(|(y_bar, terms)| y_bar.abs() * terms)
        .sum();
    let (left, right) = (
        dot(&y_bar, &y_dot),
        dot(&params_bar, &params_dot) + dot(&x_bar, &x_dot),
    );
    close(
        "<y_bar, J v> = <J' y_bar, v>",
        &[left],
        &[right],
        &[size],
        tol,
    )
}

/// The norms of the samples' gradients beside the sums of the reference's rows.
fn norms_of_samples<T: Scalar>(
    norms: &[T],
    exact: &Reference,
    outputs: usize,
    tol: f64,
) -> Outcome {
    let summed = |matrix: &DMatrix<f64>, sample: usize| {
        matrix.rows(sample * outputs, outputs).row_sum().norm()
    };
    let samples = 0..norms.len();
    let expected: Vec<f64> = samples.clone().map(|j| summed(&exact.params, j)).collect();
    let terms: Vec<f64> = samples.map(|j| summed(&exact.params_terms, j)).collect();
    let got: Vec<f64> = norms.iter().map(|norm| norm.to_f64()).collect();
    close("norms of gradients", &got, &expected, &terms, tol)
}

fn same<T: Scalar>(what: &str, got: &[T], expected: &[T]) -> Outcome {
    if got == expected {
        return Ok(());
    }
    Err(format!(
        "{what} as they are left: {got:?}, in a Jacobian: {expected:?}"
    ))
}

/// The Jacobians by columns, by rows, and by several rows side by side.
pub fn jacobians<T: Scalar>(case: &mut Case<T>) -> Outcome {
    let (exact, tol) = (reference(case), tolerance::<T>());
    let side_by_side = case.n_outputs().div_ceil(2).max(2);
    let mut forward = case.forward(Chunk::Auto);
    let (params, x) = (&case.params, &case.x);
    let by_columns = forward.jacobian_params(params, x).map_err(fails)?;
    let inputs_by_columns = forward.jacobian_inputs(params, x).map_err(fails)?;
    let terms = exact.params_terms.as_slice();
    let inputs_terms = exact.inputs_terms.as_slice();
    close(
        "Jacobian, forward = reference",
        &numbers(&by_columns),
        exact.params.as_slice(),
        terms,
        tol,
    )?;
    let got = numbers(&inputs_by_columns);
    close(
        "input Jacobian, forward = reference",
        &got,
        exact.inputs.as_slice(),
        inputs_terms,
        tol,
    )?;
    let (batch, outputs) = (case.batch, case.n_outputs());
    // As the products leave it: the same numbers elsewhere.
    let mut columns = DMatrix::from_element(outputs, batch * case.graph.n_params(), T::zero());
    forward
        .jacobian_params_into(params, x, &mut columns)
        .map_err(fails)?;
    same("columns", columns.as_slice(), by_columns.as_slice())?;
    let mut columns = DMatrix::from_element(outputs, batch * case.graph.n_inputs(), T::zero());
    forward
        .jacobian_inputs_into(params, x, &mut columns)
        .map_err(fails)?;
    same("columns", columns.as_slice(), inputs_by_columns.as_slice())?;
    let laid = |rows: &DMatrix<T>| {
        DMatrix::from_fn(outputs * batch, rows.nrows(), |row, column| {
            rows[(column, row % outputs * batch + row / outputs)]
        })
    };
    for mut reverse in [case.reverse(), case.side_by_side(side_by_side)] {
        let by_rows = reverse.jacobian_params(params, x).map_err(fails)?;
        let mut rows = DMatrix::from_element(by_rows.ncols(), outputs * batch, T::zero());
        reverse
            .jacobian_params_into(params, x, &mut rows)
            .map_err(fails)?;
        same("rows", laid(&rows).as_slice(), by_rows.as_slice())?;
        let inputs = reverse.jacobian_inputs(params, x).map_err(fails)?;
        let mut rows = DMatrix::from_element(inputs.ncols(), outputs * batch, T::zero());
        reverse
            .jacobian_inputs_into(params, x, &mut rows)
            .map_err(fails)?;
        same("rows", laid(&rows).as_slice(), inputs.as_slice())?;
        let norms = reverse.gradient_norms(params, x).map_err(fails)?;
        norms_of_samples(&norms, &exact, outputs, tol)?;
        close(
            "Jacobian, forward = reverse",
            &numbers(&by_columns),
            &numbers(&by_rows),
            terms,
            tol,
        )?;
        let by_rows = numbers(&reverse.jacobian_inputs(params, x).map_err(fails)?);
        close(
            "input Jacobian, forward = reverse",
            &got,
            &by_rows,
            inputs_terms,
            tol,
        )?;
    }
    Ok(())
}
