//! What must hold for every graph within each mode: how a question is cut up does not change the answer.

use pushpull::nalgebra::DMatrix;
use pushpull::{Accum, Chunk, Mat, MatMut, Scalar};

use super::case::{Case, tolerance};
use super::checks::{Outcome, fails, reference};
use super::comparison::{close, close_in_norm, numbers, slice};

/// Columns of seed `k`.
fn seed<T: Scalar>(matrix: &DMatrix<T>, k: usize, batch: usize) -> DMatrix<T> {
    matrix.columns(k * batch, batch).into_owned()
}

/// Any chunk gives what the full tangent matrices give.
pub fn chunks<T: Scalar>(case: &mut Case<T>, width: usize) -> Outcome {
    let (exact, tol) = (reference(case), tolerance::<T>());
    let (_, terms) = exact.params_bar(&vec![1.0; exact.output.len()]);
    let (params_dot, x_dot) = (case.params_dot(5), case.x_dot(5));
    let run = |chunk: Chunk| -> Result<_, String> {
        let (mut forward, params, x) = (case.forward(chunk), &case.params, &case.x);
        let gradient = slice(forward.value_and_gradient(params, x).map_err(fails)?.1);
        let jacobian = numbers(&forward.jacobian_params(params, x).map_err(fails)?);
        let inputs = numbers(&forward.jacobian_inputs(params, x).map_err(fails)?);
        let directions = (Some(Mat::from(&params_dot)), Some(Mat::from(&x_dot)));
        let y_dot = forward
            .jvp(params, x, directions.0, directions.1)
            .map_err(fails)?
            .1;
        Ok((gradient, jacobian, inputs, numbers(&y_dot)))
    };
    let full = run(Chunk::Full)?;
    let directions = (numbers(&params_dot), numbers(&x_dot));
    let each = (0..5).flat_map(|k| {
        let (p, i) = (case.n_params(), case.n_inputs() * case.batch);
        exact
            .y_dot(&directions.0[k * p..][..p], &directions.1[k * i..][..i])
            .1
    });
    let y_dot_terms: Vec<f64> = each.collect();
    for chunk in [Chunk::Fixed(1), Chunk::Fixed(width), Chunk::Auto] {
        let part = run(chunk)?;
        close(
            &format!("gradient, {chunk:?}"),
            &part.0,
            &full.0,
            &terms,
            tol,
        )?;
        let terms = exact.params_terms.as_slice();
        close(
            &format!("Jacobian, {chunk:?}"),
            &part.1,
            &full.1,
            terms,
            tol,
        )?;
        let terms = exact.inputs_terms.as_slice();
        close(
            &format!("input Jacobian, {chunk:?}"),
            &part.2,
            &full.2,
            terms,
            tol,
        )?;
        close(
            &format!("jvp, {chunk:?}"),
            &part.3,
            &full.3,
            &y_dot_terms,
            tol,
        )?;
    }
    Ok(())
}

/// Several directions and cotangents are those taken one by one; in parameters, in inputs, in both.
pub fn directions<T: Scalar>(case: &mut Case<T>, seeds: usize) -> Outcome {
    let (exact, tol, batch) = (reference(case), tolerance::<T>(), case.batch);
    let (params_dot, x_dot, y_bar) = (case.params_dot(seeds), case.x_dot(seeds), case.y_bar(seeds));
    let (params, x) = (&case.params, &case.x);
    for (in_params, in_inputs) in [(true, true), (true, false), (false, true)] {
        let mut forward = case.forward(Chunk::Fixed(2));
        let dots = (
            in_params.then(|| Mat::from(&params_dot)),
            in_inputs.then(|| Mat::from(&x_dot)),
        );
        let (_, all) = forward.jvp(params, x, dots.0, dots.1).map_err(fails)?;
        for k in 0..seeds {
            let (p, i) = (seed(&params_dot, k, 1), seed(&x_dot, k, batch));
            let dots = (
                in_params.then(|| Mat::from(&p)),
                in_inputs.then(|| Mat::from(&i)),
            );
            let (_, one) = forward.jvp(params, x, dots.0, dots.1).map_err(fails)?;
            let p = if in_params { numbers(&p) } else { Vec::new() };
            let i = if in_inputs { numbers(&i) } else { Vec::new() };
            let (want, terms) = exact.y_dot(&p, &i);
            let got = numbers(&seed(&all, k, batch));
            close(
                &format!("direction {k} of {seeds}"),
                &got,
                &numbers(&one),
                &terms,
                tol,
            )?;
            close(
                &format!("direction {k} = reference"),
                &got,
                &want,
                &terms,
                tol,
            )?;
        }
    }
    let (mut single, mut several) = (case.reverse(), case.side_by_side(2));
    let all = single.vjp(params, x, &y_bar).map_err(fails)?;
    let side_by_side = several.vjp(params, x, &y_bar).map_err(fails)?;
    for k in 0..seeds {
        let weights = seed(&y_bar, k, batch);
        let one = single.vjp(params, x, &weights).map_err(fails)?;
        let weights = numbers(&weights);
        let ((want, terms), (want_x, terms_x)) =
            (exact.params_bar(&weights), exact.x_bar(&weights));
        for (how, (params_bar, x_bar)) in [("by turns", &all), ("side by side", &side_by_side)] {
            let (p, i) = (
                numbers(&seed(params_bar, k, 1)),
                numbers(&seed(x_bar, k, batch)),
            );
            close(
                &format!("cotangent {k} {how}"),
                &p,
                &numbers(&one.0),
                &terms,
                tol,
            )?;
            close(
                &format!("cotangent {k} {how} = reference"),
                &p,
                &want,
                &terms,
                tol,
            )?;
            close(
                &format!("inputs' cotangent {k} {how}"),
                &i,
                &numbers(&one.1),
                &terms_x,
                tol,
            )?;
            close(
                &format!("inputs' cotangent {k} {how} = reference"),
                &i,
                &want_x,
                &terms_x,
                tol,
            )?;
        }
    }
    Ok(())
}

/// A batch is its samples one by one.
pub fn samples<T: Scalar>(case: &mut Case<T>) -> Outcome {
    let (exact, tol) = (reference(case), tolerance::<T>());
    let y_bar = case.y_bar(1);
    let weights = numbers(&y_bar);
    let (params, mut reverse) = (&case.params, case.reverse());
    let (params_bar, x_bar) = reverse.vjp(params, &case.x, &y_bar).map_err(fails)?;
    let jacobian = case
        .forward(Chunk::Auto)
        .jacobian_params(params, &case.x)
        .map_err(fails)?;
    let alone = Case::of(case.graph.clone(), 1, 0);
    let (mut forward, mut reverse) = (alone.forward(Chunk::Auto), alone.reverse());
    let mut sum = vec![0.0; case.n_params()];
    let mut columns = Vec::new();
    for j in 0..case.batch {
        let (x, y_bar) = (case.sample(j), seed(&y_bar, j, 1));
        let one = reverse.vjp(params, &x, &y_bar).map_err(fails)?;
        sum.iter_mut()
            .zip(numbers(&one.0))
            .for_each(|(sum, entry)| *sum += entry);
        columns.extend(numbers(&one.1));
        let rows = (j * case.n_outputs(), case.n_outputs());
        let part = |jacobian: &DMatrix<f64>| jacobian.rows(rows.0, rows.1).into_owned();
        let of_batch = part(&jacobian.map(|entry| entry.to_f64()));
        let one = forward.jacobian_params(params, &x).map_err(fails)?;
        let terms = part(&exact.params_terms);
        let what = format!("Jacobian of sample {j}");
        close_in_norm(
            &what,
            &numbers(&one),
            of_batch.as_slice(),
            terms.as_slice(),
            tol,
        )?;
    }
    close_in_norm(
        "gradient = sum of samples'",
        &numbers(&params_bar),
        &sum,
        &exact.params_bar(&weights).1,
        tol,
    )?;
    close_in_norm(
        "inputs' gradient",
        &numbers(&x_bar),
        &columns,
        &exact.x_bar(&weights).1,
        tol,
    )
}

/// The same call gives the same bits, whatever was asked in between; a pullback adds where told to.
pub fn repeats<T: Scalar>(case: &mut Case<T>) -> Outcome {
    let (y_bar, params_dot) = (case.y_bar(2), case.params_dot(1));
    let (params, x, tol) = (&case.params, &case.x, tolerance::<T>());
    let (mut forward, mut reverse) = (case.forward(Chunk::Fixed(3)), case.reverse());
    let same = |what: &str, same: bool| {
        if same {
            Ok(())
        } else {
            Err(format!("{what}: other bits"))
        }
    };
    let (value, gradient) = forward.value_and_gradient(params, x).map_err(fails)?;
    let first = (value, gradient.to_vec());
    forward
        .jvp(params, x, Some(Mat::from(&params_dot)), None)
        .map_err(fails)?;
    forward.jacobian_inputs(params, x).map_err(fails)?;
    let (value, gradient) = forward.value_and_gradient(params, x).map_err(fails)?;
    same("forward", value == first.0 && gradient == first.1)?;
    let (value, gradient) = reverse.value_and_gradient(params, x).map_err(fails)?;
    let first = (value, gradient.to_vec());
    let once = reverse.vjp(params, x, &y_bar).map_err(fails)?;
    reverse.jacobian_params(params, x).map_err(fails)?;
    same(
        "vjp",
        reverse.vjp(params, x, &y_bar).map_err(fails)? == once,
    )?;
    let (value, gradient) = reverse.value_and_gradient(params, x).map_err(fails)?;
    same("reverse", value == first.0 && gradient == first.1)?;

    let start = DMatrix::from_fn(case.n_params(), 2, |i, j| {
        T::from_f64(0.5 - (i + j) as f64 % 3.0)
    });
    let mut sum = start.clone();
    let mut record = reverse.record(params, x).map_err(fails)?;
    let target = Some(MatMut::from(&mut sum));
    record
        .pullback(&y_bar, Accum::Add, target, None)
        .map_err(fails)?;
    let exact = reference(case);
    let both = numbers(&y_bar);
    let terms = both
        .chunks(exact.output.len())
        .flat_map(|y_bar| exact.params_bar(y_bar).1);
    let terms: Vec<f64> = terms
        .zip(&start)
        .map(|(terms, start)| terms + start.to_f64().abs())
        .collect();
    let want: Vec<f64> = numbers(&once.0)
        .iter()
        .zip(&start)
        .map(|(a, b)| a + b.to_f64())
        .collect();
    close("pullback that adds", &numbers(&sum), &want, &terms, tol)
}
