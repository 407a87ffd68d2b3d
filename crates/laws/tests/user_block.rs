//! A user's own blocks: a right one passes by one line, wrong ones are named.

use pushpull_core::blocks::{Elementwise, Linear, Map, chain};
use pushpull_core::{Accum, Block, Dims, Keeps, Mat, MatMut, Point, Real, SecondOrder, Spec};
use pushpull_laws::{Check, Diagnosis, Law, Rule, check};

/// `y = |x|^2`, with a switch for each mistake.
#[derive(Clone, Debug, Default)]
struct SquaredNorm {
    factor_in_vjp: f64,
    keeps_nothing: bool,
    claims_planes: bool,
}

impl Spec for SquaredNorm {
    fn name(&self) -> &str {
        "squared-norm"
    }
    fn dims(&self) -> Dims {
        Dims {
            n_in: 3,
            n_out: 1,
            n_params: 0,
        }
    }
    fn keeps(&self) -> Keeps {
        if self.keeps_nothing {
            Keeps::NOTHING
        } else {
            Keeps::X
        }
    }
}

impl<T: Real> SecondOrder<T> for SquaredNorm {}

impl<T: Real> Block<T> for SquaredNorm {
    fn second(&self) -> Option<&dyn SecondOrder<T>> {
        self.claims_planes.then_some(self as _)
    }
    fn forward(&self, _: &[T], x: Mat<'_, T>, mut y: MatMut<'_, T>, _: &mut [T]) {
        for (j, x) in x.columns().enumerate() {
            y.col_mut(j)[0] = x.iter().fold(T::zero(), |sum, &x| sum + x * x);
        }
    }
    fn jvp_input(
        &self,
        at: &Point<'_, T>,
        x_dot: Mat<'_, T>,
        mut y_dot: MatMut<'_, T>,
        _: &mut [T],
    ) {
        for (c, x_dot) in x_dot.columns().enumerate() {
            let products = at.x_of(c).iter().zip(x_dot);
            let sum = products.fold(T::zero(), |sum, (&x, &x_dot)| sum + chain(x, x_dot));
            y_dot.col_mut(c)[0] = sum + sum;
        }
    }
    fn vjp_input(
        &self,
        at: &Point<'_, T>,
        y_bar: Mat<'_, T>,
        mut x_bar: MatMut<'_, T>,
        _: &mut [T],
    ) {
        let factor = T::from_f64(2.0 + self.factor_in_vjp);
        for (c, y_bar) in y_bar.columns().enumerate() {
            for (x_bar, &x) in x_bar.col_mut(c).iter_mut().zip(at.x_of(c)) {
                *x_bar = chain(factor * x, y_bar[0]);
            }
        }
    }
}

#[test]
fn a_right_block_of_one_s_own_passes() {
    assert_eq!(check(&SquaredNorm::default()), Ok(()));
}

#[test]
fn a_law_that_nobody_could_look_at_is_told_and_not_passed() {
    // This program does not count its heap. Its tests show no stderr of their own, so one of them is run apart.
    let program = std::env::current_exe().unwrap();
    let own = ["--exact", "a_right_block_of_one_s_own_passes"];
    let output = std::process::Command::new(program).args(own).output();
    let told = String::from_utf8(output.unwrap().stderr).unwrap();
    assert_eq!(told.matches("`allocates` was not checked").count(), 1);
    assert!(told.contains("#[global_allocator]"), "{told}");
    // Asked for by name, it fails.
    let named = Check::new().laws(&[Law::Allocates]);
    let violation = named.run(&SquaredNorm::default()).unwrap_err();
    assert_eq!(violation.diagnosis, Diagnosis::NotCounted);
    let text = violation.to_string();
    for part in [
        "squared-norm",
        "is not held against the law `allocates`",
        "CountingAllocator",
    ] {
        assert!(text.contains(part), "{part:?} is missing in {text:?}");
    }
}

#[test]
fn a_forgotten_two_is_named() {
    let wrong = SquaredNorm {
        factor_in_vjp: -1.0,
        ..SquaredNorm::default()
    };
    let violation = check(&wrong).expect_err("the 2 of x^2");
    assert_eq!(
        (violation.law, violation.rule),
        (Law::Adjoint, Some(Rule::VjpInput))
    );
    assert_eq!(violation.diagnosis, Diagnosis::Factor(0.5));
    assert_eq!((violation.batch, violation.seeds), (1, 1));
}

#[test]
fn reading_what_is_not_kept_is_named() {
    let wrong = SquaredNorm {
        keeps_nothing: true,
        ..SquaredNorm::default()
    };
    let violation = check(&wrong).expect_err("x is gone");
    assert_eq!(violation.law, Law::Keeps);
    assert_eq!(violation.diagnosis, Diagnosis::ReadsUnkept("x"));
}

#[test]
fn the_provided_maps_on_planes_are_not_enough_for_a_jacobian_that_changes() {
    let wrong = SquaredNorm {
        claims_planes: true,
        ..SquaredNorm::default()
    };
    let violation = check(&wrong).expect_err("J_dot is forgotten");
    assert_eq!(violation.law, Law::Planes);
    assert!(violation.to_string().contains("x_bar_dot"), "{violation}");
}

#[derive(Clone, Debug)]
struct Function {
    primal_is_nan: bool,
    panics: bool,
    kind: &'static str,
}

impl Elementwise for Function {
    fn f<T: Real>(&self, x: T) -> T {
        assert!(!self.panics, "no such function");
        match self.kind {
            "sqrt" if !self.primal_is_nan => x.sqrt(),
            "odd" => x * x,
            _ => T::from_f64(f64::NAN),
        }
    }
    fn df<T: Real>(&self, x: T) -> T {
        match self.kind {
            "sqrt" => (x.sqrt() + x.sqrt()).recip(),
            // 2 x, and something that no slip makes.
            _ => x + x + T::from_f64(0.01) * x.sin() * x.exp(),
        }
    }
}

fn function(kind: &'static str) -> Function {
    Function {
        primal_is_nan: false,
        panics: false,
        kind,
    }
}

#[test]
fn a_root_is_checked_where_it_is_finite() {
    assert_eq!(check(&Map::new(function("sqrt"), 3)), Ok(()));
    let asked = Check::new().domain(1.0..=9.0).cases(50);
    assert_eq!(asked.run(&Map::new(function("sqrt"), 3)), Ok(()));
}

#[test]
fn a_block_that_is_never_finite_asks_for_a_domain() {
    let wrong = Function {
        primal_is_nan: true,
        ..function("sqrt")
    };
    let violation = check(&Map::new(wrong, 2)).expect_err("NaN everywhere");
    assert_eq!(violation.law, Law::Domain);
}

#[test]
fn a_panic_is_a_violation_and_not_a_panic() {
    let wrong = Function {
        panics: true,
        ..function("sqrt")
    };
    let violation = check(&Map::new(wrong, 2)).expect_err("it panics");
    assert_eq!(violation.law, Law::Panics);
    assert_eq!(
        violation.diagnosis,
        Diagnosis::Panicked("no such function".into())
    );
}

#[test]
fn a_mistake_that_is_no_usual_slip_is_not_given_a_name() {
    let violation = check(&Map::new(function("odd"), 3)).expect_err("a wrong derivative");
    assert_eq!(violation.law, Law::Dual);
    assert_eq!(violation.diagnosis, Diagnosis::Unexplained);
}

#[test]
fn settings_out_of_their_domain_are_found_before_anything_runs() {
    let violation = check(&pushpull_core::blocks::Scale::new(2, f64::NAN)).expect_err("NaN");
    assert_eq!(violation.law, Law::Declarations);
    let violation = check(&Linear::new(0, 2)).expect_err("no input");
    assert_eq!(violation.law, Law::Declarations);
}

#[test]
fn a_large_block_takes_seconds_at_most() {
    assert_eq!(Check::new().cases(4).run(&Linear::new(256, 64)), Ok(()));
}

/// A product, `x sin(x)`, whose slope lost a term.
#[derive(Clone, Debug)]
struct Halved {
    first: bool,
}

impl Elementwise for Halved {
    fn f<T: Real>(&self, x: T) -> T {
        x * x.sin()
    }
    fn df<T: Real>(&self, x: T) -> T {
        if self.first { x.sin() } else { x * x.cos() }
    }
}

#[test]
fn a_product_rule_s_forgotten_term_is_named() {
    for first in [true, false] {
        let violation = check(&Map::new(Halved { first }, 3)).expect_err("half of a slope");
        assert_eq!(violation.diagnosis, Diagnosis::ProductRule, "{violation}");
    }
}

/// `h = w * x`, whose gradient is set sample by sample.
#[derive(Debug)]
struct Unsummed {
    last: bool,
}

impl Spec for Unsummed {
    fn dims(&self) -> Dims {
        Dims {
            n_in: 2,
            n_out: 2,
            n_params: 2,
        }
    }
    fn keeps(&self) -> Keeps {
        Keeps::X
    }
}

impl<T: Real> Block<T> for Unsummed {
    fn forward(&self, w: &[T], x: Mat<'_, T>, mut y: MatMut<'_, T>, _: &mut [T]) {
        for (j, x) in x.columns().enumerate() {
            (0..2).for_each(|i| y.col_mut(j)[i] = w[i] * x[i]);
        }
    }
    fn jvp_input(
        &self,
        at: &Point<'_, T>,
        x_dot: Mat<'_, T>,
        mut y_dot: MatMut<'_, T>,
        _: &mut [T],
    ) {
        for (j, x_dot) in x_dot.columns().enumerate() {
            (0..2).for_each(|i| y_dot.col_mut(j)[i] = at.params[i] * x_dot[i]);
        }
    }
    fn vjp_input(
        &self,
        at: &Point<'_, T>,
        y_bar: Mat<'_, T>,
        x_bar: MatMut<'_, T>,
        scratch: &mut [T],
    ) {
        self.jvp_input(at, y_bar, x_bar, scratch);
    }
    fn jvp_params(
        &self,
        at: &Point<'_, T>,
        w_dot: Mat<'_, T>,
        acc: Accum,
        mut y_dot: MatMut<'_, T>,
        _: &mut [T],
    ) {
        for j in 0..y_dot.ncols() {
            let (x, w_dot) = (at.x_of(j), w_dot.col(j / at.batch));
            (0..2).for_each(|i| acc.put(&mut y_dot.col_mut(j)[i], w_dot[i] * x[i]));
        }
    }
    fn vjp_params(
        &self,
        at: &Point<'_, T>,
        y_bar: Mat<'_, T>,
        acc: Accum,
        w_bar: &mut [T],
        _: &mut [T],
    ) {
        let j = if self.last { at.batch - 1 } else { 0 };
        for (i, w_bar) in w_bar.iter_mut().enumerate() {
            acc.put(w_bar, y_bar.get(i, j) * at.x.get(i, j));
        }
    }
}

#[test]
fn a_batch_that_is_not_summed_is_named() {
    for last in [true, false] {
        let violation = check(&Unsummed { last }).expect_err("one sample's gradient");
        assert_eq!(violation.diagnosis, Diagnosis::NotSummed, "{violation}");
    }
}
