//! Points at which derivatives do not exist, are infinite or lose their digits: both modes give the right number, or the
//! same error.

use nalgebra::{DMatrix, dmatrix};
use pushpull_tape::{Error, Mode, Number, Tape, Var};

/// The gradient of a function of one variable by both modes, which have to agree to the bit or in the words of their error.
fn slopes<T: Number>(
    x: DMatrix<T>,
    f: impl for<'t> Fn(Var<'t, T>) -> Var<'t, T>,
) -> Result<Vec<T>, String>
where
    pushpull_core::Dual<T>: pushpull_core::Scalar,
{
    let tape = Tape::new();
    let x = tape.variable(x);
    let y = f(x);
    let by = |mode| match tape.by(mode).gradient(&y, &[&x]) {
        Ok(gradients) => Ok(gradients[0].as_slice().to_vec()),
        Err(fault @ Error::Graph(_)) => Err(fault.to_string()),
        Err(fault) => panic!("{fault}"),
    };
    let (forward, reverse) = (by(Mode::Forward), by(Mode::Reverse));
    assert_eq!(forward, reverse, "the modes differ");
    reverse
}

fn refused(x: f64, node: &str, f: impl for<'t> Fn(Var<'t, f64>) -> Var<'t, f64>) {
    let fault = slopes(dmatrix![x], f).expect_err("a slope that is not finite");
    assert!(fault.starts_with(node), "{fault}");
    for word in ["row 0", "sample 0", "Where", "select"] {
        assert!(fault.contains(word), "{fault}");
    }
}

#[test]
fn a_slope_that_is_not_finite_is_the_same_error_from_both_modes() {
    refused(-10.0, "sqrt", |x| x.relu().sqrt());
    refused(-10.0, "sqrt", |x| x.sqrt().relu());
    refused(0.0, "sqrt", |x| x.sqrt().square());
    refused(0.0, "ln", |x| x.ln().exp());
    refused(0.0, "sqrt", |x| x.sqrt() * 0.0);
    refused(0.0, "ln", |x| x * x.ln());
    refused(-800.0, "ln", |x| x.sigmoid().ln());
    refused(0.0, "div", |x| x / x.norm());
    refused(0.0, "recip", |x| x.recip().exp().recip());
    refused(1e-200, "recip", |x| x.recip().tanh());
    refused(0.0, "power", |x| x.powf(0.5) * 0.0);
    refused(0.0, "power", |x| x.powf(-1.0).tanh());
    refused(0.0, "atan2", |x| x.atan2(x));
    refused(0.0, "over", |x| (1.0 / x).tanh());
    refused(800.0, "exp", |x| (-x.exp()).exp());
    refused(-1.0, "ln", |x| x.ln().relu());
    refused(-1.0, "pow", |x| x.pow(x));
    let fault = slopes(dmatrix![0.0; 3.0], |x| x.ln().log_sum_exp()).unwrap_err();
    assert!(fault.contains("ln") && fault.contains("row 0"), "{fault}");
    let fault = slopes(dmatrix![1.0; 0.0], |x| x.sqrt().sum()).unwrap_err();
    assert!(fault.contains("row 1"), "{fault}");
}

#[test]
fn a_slope_off_every_path_disturbs_nothing() {
    // By what is not asked for, through a stopped value, and where another value is selected.
    let tape = Tape::<f64>::new();
    let (x, c) = (tape.variable(dmatrix![3.0]), tape.constant(dmatrix![0.0]));
    for mode in [Mode::Forward, Mode::Reverse] {
        let y = x * 2.0 + c.sqrt();
        assert_eq!(tape.by(mode).gradient(&y, &[&x]).unwrap()[0][(0, 0)], 2.0);
    }
    let got = slopes(dmatrix![0.0, 4.0], |x| x + x.sqrt().stop_gradient());
    assert_eq!(got.unwrap(), [1.0, 1.0]);
    let got = slopes(dmatrix![0.0, 4.0], |x| x.select(x.sqrt(), x * 7.0).sum());
    assert_eq!(got.unwrap(), [7.0, 0.25]);
    let got = slopes(dmatrix![0.0, 4.0], |x| x.select(x, x + 1.0).sqrt().sum());
    assert_eq!(got.unwrap(), [0.5, 0.25]);
    let got = slopes(dmatrix![-1.0, 2.0], |x| {
        x.select((x.ln() * 3.0).tanh(), x).sum()
    });
    assert!(got.is_ok());
    // The unselected branch is the second one, and blocks of several rows lie between.
    let got = slopes(dmatrix![0.0; 4.0], |x| {
        (-x).select(x.t().t(), x.sqrt()).sum()
    });
    assert!(got.unwrap_err().contains("sqrt"));
    let got = slopes(dmatrix![4.0; 9.0], |x| (-x).select(x.ln(), x.sqrt()).sum());
    assert_eq!(got.unwrap(), [0.25, 1.0 / 6.0]);
}

#[test]
fn an_output_that_is_nan_is_named_where_it_began() {
    let largest = |x: Var<'_, f64>| assert!(x.ln().max().number().unwrap().is_nan());
    for x in [dmatrix![2.0; -1.0], dmatrix![-1.0; 2.0]] {
        let tape = Tape::new();
        largest(tape.variable(&x));
        assert!(slopes(x, |x| x.ln().max()).unwrap_err().starts_with("ln"));
    }
    let tape = Tape::<f64>::new();
    let (x, inf) = (
        tape.variable(dmatrix![1.0]),
        tape.constant(dmatrix![f64::INFINITY]),
    );
    let fault = tape
        .gradient(&((x + inf) - inf), &[&x])
        .unwrap_err()
        .to_string();
    assert!(fault.contains("sub") && fault.contains("NaN"), "{fault}");
    // Infinite constants that mask are none.
    let mask = tape.constant(dmatrix![0.0; f64::NEG_INFINITY]);
    let v = tape.variable(dmatrix![2.0; 5.0]);
    for mode in [Mode::Forward, Mode::Reverse] {
        let tape = tape.by(mode);
        assert_eq!(
            tape.gradient(&(v + mask).log_sum_exp(), &[&v]).unwrap()[0],
            dmatrix![1.0; 0.0]
        );
        let p = (v + mask).softmax();
        assert_eq!(
            tape.gradient(&p.square().sum(), &[&v]).unwrap()[0],
            dmatrix![0.0; 0.0]
        );
    }
    let fault = tape
        .gradient(&(x * inf).tanh(), &[&x])
        .unwrap_err()
        .to_string();
    assert!(fault.contains("mul"), "{fault}");
    let infinite = tape.variable(dmatrix![f64::INFINITY]);
    assert!(tape.gradient(&infinite, &[&infinite]).is_err());
}

#[test]
fn division_divides_and_means_are_means() {
    let tape = Tape::<f64>::new();
    let x = tape.scalar(49.0);
    assert_eq!(
        ((x / 49.0).number().unwrap(), (49.0 / x).number().unwrap()),
        (1.0, 1.0)
    );
    let x = tape.scalar(1e-200);
    assert_eq!((1e-200 / x).number().unwrap(), 1.0);
    assert_eq!(slopes(dmatrix![1e-200], |x| 1e-200 / x).unwrap(), [-1e200]);
    assert_eq!(slopes(dmatrix![1e-30_f32], |x| 1e-30 / x).unwrap(), [-1e30]);
    let x = tape.scalar(1e-310);
    assert_eq!(
        (
            (1e-310 / x).number().unwrap(),
            (x / 1e-310).number().unwrap()
        ),
        (1.0, 1.0)
    );
    assert_eq!(slopes(dmatrix![3.0], |x| x / 49.0).unwrap(), [1.0 / 49.0]);
    let ones = tape.variable(DMatrix::from_element(49, 1, 1.0));
    assert_eq!(ones.mean().number().unwrap(), 1.0);
    assert_eq!(ones.column_means().number().unwrap(), 1.0);
    assert_eq!(ones.t().row_means().number().unwrap(), 1.0);
}

#[test]
fn log_sum_exp_and_norm_keep_their_slopes_at_every_size() {
    for x in [1e3_f32, 1e5, 1e7, 3e7] {
        assert_eq!(
            slopes(dmatrix![x; x], |x| x.log_sum_exp()).unwrap(),
            [0.5, 0.5]
        );
    }
    for x in [1e8_f64, 1e15, 1e16] {
        assert_eq!(
            slopes(dmatrix![x; x], |x| x.log_sum_exp()).unwrap(),
            [0.5, 0.5]
        );
    }
    let one = |x: f32| {
        let tape = Tape::new();
        let x = tape.variable(dmatrix![x]);
        let y = x.norm();
        let second = tape.hessian_vector(&y, &[(&x, &dmatrix![1.0])]).unwrap()[0][(0, 0)];
        (
            y.number().unwrap(),
            tape.gradient(&y, &[&x]).unwrap()[0][(0, 0)],
            second,
        )
    };
    for x in [1e-23, 3e-23, 1e20] {
        assert_eq!(one(x), (x, 1.0, 0.0));
    }
    for x in [1e-170_f64, 3e-162, 1e160] {
        assert_eq!(slopes(dmatrix![x], |x| x.norm()).unwrap(), [1.0]);
    }
}

#[test]
fn ties_and_ends_follow_their_conventions_in_both_modes() {
    assert_eq!(
        slopes(dmatrix![2.0, 5.0, 5.0], |x| x.max()).unwrap(),
        [0.0, 1.0, 0.0]
    );
    assert_eq!(
        slopes(dmatrix![1.0], |x| (x * 3.0).maximum(x + 2.0)).unwrap(),
        [1.0]
    );
    assert_eq!(
        slopes(dmatrix![1.0], |x| (x * 3.0).minimum(x + 2.0)).unwrap(),
        [1.0]
    );
    assert_eq!(
        slopes(dmatrix![-1.0, 0.0, 1.0], |x| x.clamp(-1.0, 1.0).sum()).unwrap(),
        [0.0, 1.0, 0.0]
    );
    assert_eq!(slopes(dmatrix![0.0], |x| x.powf(1.0)).unwrap(), [1.0]);
    assert_eq!(slopes(dmatrix![0.0], |x| x.powf(0.0)).unwrap(), [0.0]);
    assert_eq!(slopes(dmatrix![-2.0], |x| x.powf(3.0)).unwrap(), [12.0]);
    assert_eq!(
        slopes(dmatrix![2.0], |x| x.pow(x)).unwrap(),
        [4.0 * (1.0 + 2f64.ln())]
    );
}
