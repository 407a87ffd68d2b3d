//! Misuse is a typed error that names the operation, both shapes and the caller's line. What does not compile is in the crate's
//! documentation, as tests.

use nalgebra::{DMatrix, dmatrix};
use pushpull_core::blocks::{Linear, Scale};
use pushpull_planner::Question;
use pushpull_tape::{Error, Mode, Tape};

#[test]
fn shapes_that_do_not_match_are_told_with_the_line() {
    let tape = Tape::new();
    let (a, b) = (
        tape.variable(dmatrix![1.0, 2.0]),
        tape.variable(dmatrix![1.0, 2.0, 3.0]),
    );
    let line = line!() + 1;
    let wrong = a + b;
    let Some(Error::Shapes {
        op,
        left,
        right,
        at,
        ..
    }) = wrong.fault()
    else {
        panic!("{wrong:?}");
    };
    assert_eq!((&op[..], &left[..], &right[..]), ("add", "1 x 2", "1 x 3"));
    assert_eq!((at.file(), at.line()), (file!(), line));
}

#[test]
fn the_first_fault_travels_to_the_question() {
    let tape = Tape::new();
    let (a, b) = (
        tape.variable(dmatrix![1.0, 2.0]),
        tape.variable(dmatrix![1.0; 2.0; 3.0]),
    );
    let wrong = a.matmul(b);
    let y = ((wrong * a).tanh().sum() + 1.0)
        .softmax()
        .max()
        .reshape(1, 1);
    let fault = tape.gradient(&y, &[&a]).unwrap_err();
    assert_eq!(Some(&fault), wrong.fault().as_ref());
    assert!(
        fault.to_string().contains("matmul of 1 x 2 and 3 x 1"),
        "{fault}"
    );
    assert!(tape.check().is_err());
    // What does not depend on it is not touched.
    assert!(tape.gradient(&a.sum(), &[&a]).is_ok());
}

#[test]
fn every_operation_refuses_what_does_not_fit() {
    let tape = Tape::new();
    let a = tape.variable(DMatrix::from_element(2, 3, 1.0));
    let b = tape.variable(DMatrix::from_element(3, 2, 1.0));
    let faults = [
        a - b,
        a * b,
        a / b,
        a.matmul(a),
        a.reshape(4, 2),
        a.slice(1..4, ..),
        a.slice(1..1, ..),
        a.row(2),
        a.column(3),
        a.broadcast(4, 3),
        tape.hstack(&[a, b]),
        tape.vstack(&[a, b]),
        tape.hstack(&[]),
        tape.apply(Scale::new(3, 2.0), a),
        tape.apply(Scale::new(2, f64::NAN), a),
        tape.apply_with(Linear::new(2, 3), &[b], a),
        tape.apply_stacked(Scale::new(6, 2.0), &[a], (2, 2)),
        tape.constant(DMatrix::zeros(0, 3)),
    ];
    for (i, var) in faults.iter().enumerate() {
        let fault = var.fault().unwrap_or_else(|| panic!("operation {i}"));
        assert!(fault.to_string().contains("misuse.rs"), "{fault}");
    }
}

#[test]
fn values_of_two_tapes_do_not_mix() {
    let (one, other) = (Tape::new(), Tape::new());
    let (a, b) = (one.scalar(1.0), other.scalar(2.0));
    for wrong in [a + b, a.matmul(b), one.hstack(&[a, b])] {
        assert!(
            matches!(wrong.fault(), Some(Error::OtherTape { .. })),
            "{wrong:?}"
        );
    }
    assert!(matches!(
        one.gradient(&a, &[&b]),
        Err(Error::OtherTape { .. })
    ));
    assert!(matches!(one.watch(&b), Err(Error::OtherTape { .. })));
    let copied = one.constant(b.value().unwrap());
    assert_eq!((a + copied).number(), Ok(3.0));
}

#[test]
fn directions_and_new_numbers_of_another_shape_are_refused() {
    let tape = Tape::new();
    let (x, unused) = (tape.variable(dmatrix![1.0, 2.0]), tape.scalar(1.0));
    let y = x.square();
    let wrong = dmatrix![1.0; 2.0];
    assert!(matches!(
        tape.jvp(&y, &[(&x, &wrong)]),
        Err(Error::Shape { .. })
    ));
    assert!(matches!(
        tape.vjp(&y, &wrong, &[&x]),
        Err(Error::Shape { .. })
    ));
    assert!(matches!(
        tape.hessian_vector(&y, &[(&x, &wrong)]),
        Err(Error::Shape { .. })
    ));
    let mut program = tape.program(&y, &[&x]).unwrap();
    assert!(matches!(program.set(x, &wrong), Err(Error::Shape { .. })));
    assert!(matches!(
        program.set(unused, &dmatrix![1.0]),
        Err(Error::NoPlace { .. })
    ));
    assert!(matches!(
        program.set(y, &dmatrix![1.0, 2.0]),
        Err(Error::NoPlace { .. })
    ));
    let mut jacobian = program
        .prepare(Question::JacobianParams, Mode::Reverse)
        .unwrap();
    assert!(jacobian.gradient().is_err());
}

#[test]
fn numbers_that_are_not_finite_are_told_when_a_derivative_is_asked() {
    let tape = Tape::new();
    let x = tape.variable(dmatrix![f64::NAN]);
    assert!(matches!(
        tape.gradient(&x.square(), &[&x]),
        Err(Error::Graph(_))
    ));
}

#[test]
fn recording_goes_on_after_a_panic_while_it_stood_still() {
    let tape = Tape::new();
    let x = tape.scalar(2.0);
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        tape.stop_recording(|| panic!("on purpose"));
    }));
    assert!(caught.is_err());
    assert_eq!(tape.gradient(&(x * x), &[&x]).unwrap()[0][(0, 0)], 4.0);
}
