//! What is watched, what is connected, what persists.

mod common;

use common::{agree, numbers};
use nalgebra::{DMatrix, dmatrix};
use pushpull_planner::{Budget, Question};
use pushpull_tape::{Connection, Mode, Tape};

#[test]
fn a_tape_answers_many_questions_while_more_is_recorded() {
    let tape = Tape::new();
    let x = tape.variable(dmatrix![1.0, 2.0]);
    let y = x * x;
    let first = tape.gradient(&y, &[&x]).unwrap();
    assert_eq!(first, tape.gradient(&y, &[&x]).unwrap());
    let z = y * x;
    assert_eq!(tape.gradient(&z, &[&x]).unwrap()[0], dmatrix![3.0, 12.0]);
    assert_eq!(first[0], dmatrix![2.0, 4.0]);
    assert_eq!(
        tape.jacobian(&z, &x).unwrap().matrix(),
        &dmatrix![3.0, 0.0; 0.0, 12.0]
    );
}

#[test]
fn a_computed_value_can_be_a_source_beside_what_it_was_computed_from() {
    for mode in [Mode::Forward, Mode::Reverse] {
        let tape = Tape::new();
        let x = tape.scalar(3.0);
        let h = x * x;
        let y = h * x;
        let gradients = tape.by(mode).gradient(&y, &[&x, &h]).unwrap();
        assert_eq!((gradients[0][(0, 0)], gradients[1][(0, 0)]), (27.0, 3.0));
        let late = tape.by(mode).gradient(&h, &[&y, &h]).unwrap();
        assert_eq!((late[0][(0, 0)], late[1][(0, 0)]), (0.0, 1.0));
        assert_eq!(late.connection(0), Connection::Unconnected);
    }
}

#[test]
fn the_gradient_of_a_source_in_itself_is_one() {
    let tape = Tape::new();
    let x = tape.variable(dmatrix![1.0, 2.0]);
    assert_eq!(tape.gradient(&x, &[&x]).unwrap()[0], dmatrix![1.0, 1.0]);
    assert_eq!(
        tape.jacobian(&x, &x).unwrap().matrix(),
        &DMatrix::identity(2, 2)
    );
    assert_eq!(tape.gradient(&x, &[&x, &x]).unwrap()[1], dmatrix![1.0, 1.0]);
}

#[test]
fn unconnected_sources_give_zeros_and_say_so() {
    let tape = Tape::new();
    let (x, c) = (tape.scalar(3.0), tape.constant(dmatrix![2.0, 5.0]));
    let (unused, stopped) = (tape.scalar(1.0), x.stop_gradient() * 2.0);
    let y = (c * x).sum();
    for mode in [Mode::Forward, Mode::Reverse] {
        let gradients = tape.by(mode).gradient(&y, &[&x, &c, &unused]).unwrap();
        assert_eq!(gradients[0], dmatrix![7.0]);
        assert_eq!(
            (&gradients[1], &gradients[2]),
            (&dmatrix![0.0, 0.0], &dmatrix![0.0])
        );
        let said = [0, 1, 2].map(|i| gradients.connection(i));
        assert_eq!(
            said,
            [
                Connection::Connected,
                Connection::NotWatched,
                Connection::Unconnected
            ]
        );
        let cut = tape.by(mode).gradient(&stopped, &[&x]).unwrap();
        assert_eq!(
            (cut[0][(0, 0)], cut.connection(0)),
            (0.0, Connection::Unconnected)
        );
        let only = tape.by(mode).gradient(&y, &[&c]).unwrap();
        assert_eq!(
            (&only[0], only.connection(0)),
            (&dmatrix![0.0, 0.0], Connection::NotWatched)
        );
    }
    let jacobian = tape.jacobian(&y, &c).unwrap();
    assert_eq!(
        (jacobian.matrix(), jacobian.connection()),
        (&dmatrix![0.0, 0.0], Connection::NotWatched)
    );
}

#[test]
fn stop_gradient_cuts_second_derivatives_as_well() {
    let tape = Tape::new();
    let x = tape.scalar(3.0);
    let y = x * x * x.stop_gradient();
    let one = dmatrix![1.0];
    for mode in [Mode::Forward, Mode::Reverse] {
        let product = tape.by(mode).hessian_vector(&y, &[(&x, &one)]).unwrap();
        assert_eq!(product[0], dmatrix![6.0]);
    }
}

#[test]
fn what_ran_is_what_is_recorded() {
    // Newton's iteration for a square root, until it stands still.
    let tape = Tape::<f64>::new();
    let a = tape.scalar(2.0);
    let mut x = tape.constant(dmatrix![1.0]);
    loop {
        let next = (x + a / x) * 0.5;
        let moved = (next.number().unwrap() - x.number().unwrap()).abs();
        x = next;
        if moved < 1e-15 {
            break;
        }
    }
    let gradient = tape.gradient(&x, &[&a]).unwrap()[0][(0, 0)];
    assert!((gradient - 0.5 / 2f64.sqrt()).abs() < 1e-12);
}

#[test]
fn vjps_and_jvps_are_rows_and_columns_of_the_jacobian() {
    let tape = Tape::new();
    let x = tape.variable(numbers(3, 2, 1, (-1.0, 1.0)));
    let h = x.matmul(x.t()).tanh();
    let jacobian = tape.jacobian(&h, &x).unwrap();
    let (h_bar, x_dot) = (numbers(3, 3, 2, (-1.0, 1.0)), numbers(3, 2, 3, (-1.0, 1.0)));
    let flat = |m: &DMatrix<f64>| DMatrix::from_column_slice(m.len(), 1, m.as_slice());
    for mode in [Mode::Forward, Mode::Reverse, Mode::Planned] {
        let by = tape.by(mode);
        agree(
            "jacobian",
            by.jacobian(&h, &x).unwrap().matrix(),
            jacobian.matrix(),
            1e-12,
        );
        let pulled = by.vjp(&h, &h_bar, &[&x]).unwrap();
        agree(
            "vjp",
            &flat(&pulled[0]),
            &(jacobian.matrix().transpose() * flat(&h_bar)),
            1e-12,
        );
        let pushed = by.jvp(&h, &[(&x, &x_dot)]).unwrap();
        agree(
            "jvp",
            &flat(&pushed),
            &(jacobian.matrix() * flat(&x_dot)),
            1e-12,
        );
        let several = by.jvps(&h, &[&[(&x, &x_dot)], &[]]).unwrap();
        assert_eq!((&several[0], several[1].sum()), (&pushed, 0.0));
    }
}

#[test]
fn hessian_products_make_the_hessian_by_every_way() {
    // f = sum of (x' A x)^2 / 4 ...: checked against Jacobians of the gradient by hand for a quadratic form.
    let a = numbers(3, 3, 9, (-1.0, 1.0));
    let tape = Tape::new();
    let (m, x) = (
        tape.constant(&a),
        tape.variable(numbers(3, 1, 4, (-1.0, 1.0))),
    );
    let form = x.t().matmul(m).matmul(x);
    let hessian = &a + a.transpose();
    for mode in [Mode::Forward, Mode::Reverse, Mode::Planned] {
        for i in 0..3 {
            let unit = DMatrix::from_fn(3, 1, |k, _| f64::from(u8::from(k == i)));
            let product = tape.by(mode).hessian_vector(&form, &[(&x, &unit)]).unwrap();
            agree(
                "column",
                &product[0],
                &hessian.columns(i, 1).into_owned(),
                1e-12,
            );
        }
    }
}

#[test]
fn a_program_is_planned_explained_and_checkpointed() {
    let tape = Tape::new();
    let w = tape.variable(numbers(4, 4, 1, (-0.5, 0.5)));
    let mut h = tape.constant(numbers(4, 1, 2, (-1.0, 1.0)));
    for _ in 0..20 {
        h = w.matmul(h).tanh();
    }
    let y = h.sum();
    let program = tape.program(&y, &[&w]).unwrap();
    assert_eq!(program.graph().nodes().len(), 42);
    let plan = program.plan(Question::Gradient, Budget::Unlimited).unwrap();
    assert!(plan.to_string().contains("reverse checkpointed"), "{plan}");
    let want = tape.gradient(&y, &[&w]).unwrap();
    for candidate in plan
        .candidates()
        .iter()
        .filter(|candidate| candidate.is_feasible())
    {
        let replay = program
            .clone()
            .prepare_way(Question::Gradient, candidate.way);
        let got = replay
            .unwrap()
            .gradient()
            .unwrap()
            .of(w)
            .unwrap()
            .to_dmatrix();
        agree(candidate.way.name(), &got, &want[0], 1e-12);
    }
}

#[test]
fn f32_runs_like_f64() {
    let tape = Tape::<f32>::new();
    let x = tape.variable(dmatrix![0.5_f32, -0.5]);
    let y = (2.0 * x.exp() + 1.0 / x - 3.0).sum();
    let gradient = tape.gradient(&y, &[&x]).unwrap();
    let want = [0.5_f32, -0.5].map(|x: f32| 2.0 * x.exp() - 1.0 / (x * x));
    assert!(
        gradient[0]
            .iter()
            .zip(want)
            .all(|(a, b)| (a - b).abs() < 1e-5)
    );
}
