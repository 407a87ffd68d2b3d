//! Second derivatives: the maps on planes against the maps at dual numbers, which know nothing of planes.

use pushpull_core::planes::{Cotangents, DotPoint, Planes, PlanesMut};
use pushpull_core::siblings::quiet::catch;
use pushpull_core::{Accum, Block, Dual, Mat, MatMut};

use crate::bench::{Bench, Finding};
use crate::buffer::Fill;
use crate::compare::{first_difference, largest};
use crate::probe::Call;
use crate::violation::Entry;
use crate::{Diagnosis, Law, Rule};

type Checked = Result<(), Finding>;

/// Pulling a cotangent back at dual numbers gives, as its derivative, `J' y_bar_dot + J_dot' y_bar`. A block that says it
/// runs on planes has to give the same.
pub(super) fn planes(bench: &Bench<'_>) -> Checked {
    planes_by(bench, &mut |_, map| map())
}

/// Calls a map on planes, given its name.
type Caller<'c> = dyn FnMut(&'static str, &mut dyn FnMut()) + 'c;

/// The same, where `call` calls the maps.
pub(super) fn planes_by(bench: &Bench<'_>, call: &mut Caller<'_>) -> Checked {
    if !bench.probe.block.planes() {
        return Ok(());
    }
    let has_params = bench.probe.dims.n_params > 0;
    for (x_moves, params_move) in [(true, false), (true, true), (false, true)] {
        if has_params || !params_move {
            // x lies beside its tangent where another node made both, and apart from it where the user did.
            moving(bench, x_moves, params_move, false, call)?;
            moving(bench, x_moves, params_move, true, call)?;
        }
    }
    Ok(())
}

fn duals(values: &[f64], dots: &[f64]) -> Vec<Dual<f64>> {
    let pairs = values.iter().zip(dots);
    pairs.map(|(&value, &dot)| Dual::new(value, dot)).collect()
}

fn derivatives(duals: &[Dual<f64>]) -> Vec<f64> {
    duals.iter().map(|dual| dual.derivative).collect()
}

/// One case: which of x and w has a tangent, and whether x and its tangent lie side by side.
fn moving(
    bench: &Bench<'_>,
    x_moves: bool,
    params_move: bool,
    joined: bool,
    call: &mut Caller<'_>,
) -> Checked {
    let (probe, data, batch) = (&bench.probe, &bench.data, bench.data.batch);
    let (dims, keeps) = (probe.dims, probe.keeps);
    let moved = |moves: bool, dot: &[f64]| -> Vec<f64> {
        dot.iter()
            .map(|&dot| if moves { dot } else { 0.0 })
            .collect()
    };
    let x_dot = moved(x_moves, &data.x_dot[..dims.n_in * batch]);
    let params_dot = moved(params_move, &data.params_dot[..dims.n_params]);
    let y_bar = &data.y_bar[..dims.n_out * batch];
    let y_bar_dot: Vec<f64> = y_bar.iter().rev().map(|bar| 0.75 - bar).collect();

    let (params, x) = (duals(&data.params, &params_dot), duals(&data.x, &x_dot));
    let at = probe.forward(Rule::Forward, &params, &x, Fill::Nan)?;
    let bars = duals(y_bar, &y_bar_dot);
    let x_bar = probe.run(&at, &Call::new(Rule::VjpInput, &bars))?;

    let mut scratch = Fill::Nan.entries::<f64>(probe.block.dot_scratch_len(batch));
    let mut y = Fill::Nan.entries::<f64>(2 * dims.n_out * batch);
    let mut extra = Fill::Nan.entries::<f64>(keeps.extra * batch);
    let mut extra_dot = extra.clone();
    let mut pulled = Fill::Nan.entries::<f64>(2 * dims.n_in * batch);
    let mut params_bar_dot = Fill::Nan.entries::<f64>(dims.n_params);
    let start = Fill::Numbers.entries::<f64>(dims.n_params);
    let mut added = start.clone();
    let Some(block) = Block::<f64>::second(probe.block) else {
        return Ok(());
    };
    let params_dot = params_move.then_some(&params_dot[..]);
    let beside = [&data.x[..], &x_dot].concat();
    let x = if joined && x_moves {
        Planes::values(Mat::new(&beside, dims.n_in, 2 * batch))
    } else {
        let dot = x_moves.then(|| Mat::new(&x_dot, dims.n_in, batch));
        Planes::new(Mat::new(&data.x, dims.n_in, batch), dot)
    };
    catch(|| {
        call("forward_dot", &mut || {
            block.forward_dot(
                &data.params,
                params_dot,
                x,
                PlanesMut::values(MatMut::new(&mut y, dims.n_out, 2 * batch)),
                [&mut extra, &mut extra_dot],
                &mut scratch,
            );
        });
        // What is not kept is not there.
        let nothing = Planes::new(Mat::empty(), None);
        let kept = Planes::values(Mat::new(&y, dims.n_out, 2 * batch));
        let at = DotPoint {
            params: &data.params,
            params_dot,
            x: if keeps.x { x } else { nothing },
            y: if keeps.y { kept } else { nothing },
            extra: &extra,
            extra_dot: &extra_dot,
            batch,
        };
        let bars = [&y_bar_dot[..], y_bar].concat();
        let bars = Cotangents::new(Mat::new(&bars, dims.n_out, 2 * batch));
        scratch.fill(f64::NAN);
        call("vjp_input_dot", &mut || {
            let target = MatMut::new(&mut pulled, dims.n_in, 2 * batch);
            block.vjp_input_dot(&at, bars, PlanesMut::cotangents(target), &mut scratch);
        });
        if dims.n_params > 0 {
            for (acc, bar) in [(Accum::Set, &mut params_bar_dot), (Accum::Add, &mut added)] {
                call("vjp_params_dot", &mut || {
                    block.vjp_params_dot(&at, bars, acc, bar, &mut scratch);
                });
            }
        }
    })
    .map_err(|message| Finding::plain(Law::Panics, None, Diagnosis::Panicked(message.into())))?;

    let size = largest(y_bar).max(largest(&y_bar_dot))
        * largest(&data.x_dot).max(largest(&data.params_dot)).max(1.0);
    let compare = |buffer, expected: &[f64], got: &[f64], rows: usize| match first_difference(
        expected, got, rows, size,
    ) {
        None => Ok(()),
        Some(i) => Err(Finding {
            law: Law::Planes,
            rule: None,
            entry: Entry {
                buffer,
                row: i % rows,
                column: i / rows,
            },
            expected: expected[i],
            got: got[i],
            known: Some(Diagnosis::Unexplained),
        }),
    };
    let half = dims.n_out * batch;
    compare("y_dot", &derivatives(&at.y), &y[half..], dims.n_out)?;
    let half = dims.n_in * batch;
    compare(
        "x_bar_dot",
        &derivatives(&x_bar),
        &pulled[..half],
        dims.n_in,
    )?;
    if dims.n_params == 0 {
        return Ok(());
    }
    let expected = probe.run(&at, &Call::new(Rule::VjpParams, &bars))?;
    let expected = derivatives(&expected);
    compare("params_bar_dot", &expected, &params_bar_dot, dims.n_params)?;
    let sums = expected.iter().zip(&start).map(|(dot, start)| dot + start);
    let sums: Vec<f64> = sums.collect();
    compare("params_bar_dot, added", &sums, &added, dims.n_params)
}
