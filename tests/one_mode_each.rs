//! Neither mode borrows the other's rule: with maps of reverse mode that panic, forward mode runs, and the other way
//! round.

mod common;

use std::panic::{AssertUnwindSafe, catch_unwind};

use common::assembly::build_with;
use common::case::Case;
use common::scenarios::scenarios;
use common::tampered::{Fault, Tampered};
use pushpull::nalgebra::DMatrix;
use pushpull::{Accum, Chunk, Counted, Dual, Forward, Mat, MatMut, Question, Scalar, Wrt};

/// Every named graph, all of its blocks with `fault`.
fn faulty<T: Scalar>(fault: Fault) -> impl Iterator<Item = (&'static str, Case<T>)> {
    scenarios().into_iter().map(move |scenario| {
        let recipe = scenario.recipe;
        let graph = build_with(&recipe, &Tampered::all(fault)).unwrap();
        (scenario.name, Case::of(graph, recipe.batch, recipe.seed))
    })
}

fn every_forward_call<T: Scalar>(case: &mut Case<T>) {
    let (params_dot, x_dot) = (case.params_dot(3), case.x_dot(3));
    let (params, x) = (&case.params, &case.x);
    let dots = (Some(Mat::from(&params_dot)), Some(Mat::from(&x_dot)));
    for chunk in [Chunk::Auto, Chunk::Full, Chunk::Fixed(2)] {
        let mut forward = case.forward(chunk);
        forward.value_and_gradient(params, x).unwrap();
        for (in_params, in_inputs) in [dots, (dots.0, None), (None, dots.1)] {
            forward.jvp(params, x, in_params, in_inputs).unwrap();
        }
        forward.jacobian_params(params, x).unwrap();
        forward.jacobian_inputs(params, x).unwrap();
        forward.cost();
        forward.bytes();
    }
    for chunk in [Chunk::Auto, Chunk::Full, Chunk::Fixed(2)] {
        let mut structured = case.structured(chunk);
        structured.value_and_gradient(params, x).unwrap();
        structured.cost();
        structured.bytes();
    }
    let mut forward = Forward::plan(&case.graph, case.batch, Question::Jvp(3))
        .chunk(Chunk::Full)
        .wrt(Wrt::BOTH)
        .prepare()
        .unwrap();
    let mut y_dot = DMatrix::from_element(case.n_outputs(), case.batch * 3, T::zero());
    forward
        .jvp_into(params, x, dots.0, dots.1, MatMut::from(&mut y_dot))
        .unwrap();
}

fn every_reverse_call<T: Scalar>(case: &mut Case<T>) {
    let (y_bar, mut params_bar, mut x_bar) = (case.y_bar(3), case.params_dot(3), case.x_dot(3));
    let mut gradient_x = case.x_dot(1);
    let (params, x) = (&case.params, &case.x);
    for mut reverse in [case.reverse(), case.side_by_side(2)] {
        reverse.value_and_gradient(params, x).unwrap();
        reverse
            .value_and_gradients(params, x, &mut gradient_x)
            .unwrap();
        reverse.vjp(params, x, &y_bar).unwrap();
        reverse.jacobian_params(params, x).unwrap();
        reverse.jacobian_inputs(params, x).unwrap();
        reverse.cost();
        reverse.bytes();
        let mut record = reverse.record(params, x).unwrap();
        record.value();
        record.output().ncols();
        for acc in [Accum::Set, Accum::Add] {
            let (params_bar, x_bar) = (MatMut::from(&mut params_bar), MatMut::from(&mut x_bar));
            record
                .pullback(&y_bar, acc, Some(params_bar), Some(x_bar))
                .unwrap();
        }
    }
}

#[test]
fn forward_mode_calls_no_map_of_reverse_mode() {
    faulty::<f64>(Fault::NoReverse).for_each(|(_, mut case)| every_forward_call(&mut case));
    faulty::<f32>(Fault::NoReverse).for_each(|(_, mut case)| every_forward_call(&mut case));
    faulty::<Dual<f64>>(Fault::NoReverse).for_each(|(_, mut case)| every_forward_call(&mut case));
    faulty::<Counted<f64>>(Fault::NoReverse)
        .for_each(|(_, mut case)| every_forward_call(&mut case));
}

#[test]
fn reverse_mode_calls_no_map_of_forward_mode() {
    faulty::<f64>(Fault::NoForward).for_each(|(_, mut case)| every_reverse_call(&mut case));
    faulty::<f32>(Fault::NoForward).for_each(|(_, mut case)| every_reverse_call(&mut case));
    faulty::<Dual<f64>>(Fault::NoForward).for_each(|(_, mut case)| every_reverse_call(&mut case));
    faulty::<Counted<f64>>(Fault::NoForward)
        .for_each(|(_, mut case)| every_reverse_call(&mut case));
}

/// The trap itself must spring: the other mode panics wherever it has something to differentiate.
#[test]
fn the_other_mode_does_panic() {
    let springs = |run: &mut dyn FnMut()| catch_unwind(AssertUnwindSafe(run)).is_err();
    let nothing_to_do = ["stopped-output", "no-params"];
    for (name, mut case) in faulty::<f64>(Fault::NoReverse) {
        let sprung = springs(&mut || {
            case.reverse()
                .value_and_gradient(&case.params, &case.x)
                .map(|_| ())
                .unwrap();
        });
        assert_eq!(
            sprung,
            !nothing_to_do.contains(&name),
            "reverse mode on {name}"
        );
        assert_eq!(
            springs(&mut || every_reverse_call(&mut case)),
            name != "stopped-output"
        );
    }
    for (name, mut case) in faulty::<f64>(Fault::NoForward) {
        let sprung = springs(&mut || {
            case.forward(Chunk::Auto)
                .value_and_gradient(&case.params, &case.x)
                .map(|_| ())
                .unwrap();
        });
        assert_eq!(
            sprung,
            !nothing_to_do.contains(&name),
            "forward mode on {name}"
        );
        assert_eq!(
            springs(&mut || every_forward_call(&mut case)),
            name != "stopped-output"
        );
    }
}
