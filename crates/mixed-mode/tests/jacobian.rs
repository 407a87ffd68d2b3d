//! Mixed mode makes the Jacobian that forward mode, reverse mode and the definition make, at the cost that it foretells.

mod common;

use nalgebra::DMatrix;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use pushpull_core::blocks::Activation;
use pushpull_core::{Builder, Cost, Counted, Graph, MatMut, Mlp, Question, Real, Scalar, count};
use pushpull_forward_mode::{Chunk, Forward};
use pushpull_mixed_mode::MixedMode;
use pushpull_reverse_mode::Reverse;

use common::{by_definition, graph, links, numbers, seeds};

/// Entry by entry, relative to the terms that were added up. The seeds are ones: where the exact result is 0, such as the
/// norm of a single row, roundings of ones are left.
fn close<T: Real>(
    what: &str,
    got: &DMatrix<T>,
    want: &DMatrix<f64>,
    terms: &DMatrix<f64>,
    tolerance: f64,
) -> Result<(), String> {
    if got.shape() != want.shape() {
        return Err(format!("{what}: {:?} for {:?}", got.shape(), want.shape()));
    }
    for ((got, want), terms) in got.iter().zip(want).zip(terms) {
        let error = (got.to_f64() - want).abs();
        let allowed = tolerance * terms.max(want.abs()) + 8.0 * T::UNIT_ROUNDOFF;
        if error.is_nan() || error > allowed {
            return Err(format!("{what}: {got} for {want}, terms {terms}"));
        }
    }
    Ok(())
}

/// All ways to the Jacobian of a chain, against each other.
fn agree<T: Scalar>(graph: &Graph, batch: usize, seed: u64, tolerance: f64) -> Result<(), String> {
    let (params, x) = numbers::<T>(graph, batch, seed);
    let (exact_params, exact_x) = numbers::<f64>(graph, batch, seed);
    let (exact, terms) = by_definition(graph, &exact_params, &exact_x);
    let say = |error: pushpull_core::Error| error.to_string();
    let mut mixed = MixedMode::<T>::new(graph, batch).map_err(say)?;
    let got = mixed.jacobian_inputs(&params, &x).map_err(say)?;
    let mut forward = Forward::new(graph, batch).map_err(say)?;
    let mut reverse = Reverse::new(graph, batch).map_err(say)?;
    let pure = [
        ("forward mode", forward.jacobian_inputs(&params, &x)),
        ("reverse mode", reverse.jacobian_inputs(&params, &x)),
    ];
    for (mode, jacobian) in pure {
        let jacobian = jacobian.map_err(say)?.map(|entry| entry.to_f64());
        close(mode, &got, &jacobian, &terms, tolerance)?;
    }
    if T::UNIT_ROUNDOFF < 1e-10 {
        close("the definition", &got, &exact, &terms, tolerance)?;
    }
    // Once more into a matrix of the caller's, with other contents: the same bits.
    let mut again = DMatrix::from_element(got.nrows(), got.ncols(), T::from_f64(f64::NAN));
    let into = mixed.jacobian_inputs_into(&params, &x, MatMut::from(&mut again));
    into.map_err(say)?;
    if got != again {
        return Err("a second run gives other bits".into());
    }
    Ok(())
}

/// What a run at counted numbers counts is what the plan says, and both pure costs are those of the engines.
fn costs(graph: &Graph, batch: usize) -> Result<(), String> {
    let (params, x) = numbers::<Counted<f64>>(graph, batch, 3);
    let mut mixed = MixedMode::new(graph, batch).unwrap();
    let (result, counted) = count(|| mixed.jacobian_inputs(&params, &x));
    result.unwrap();
    let bracketing = mixed.bracketing();
    let forward = Forward::plan(graph, batch, Question::JacobianInputs).chunk(Chunk::Full);
    let reverse = Reverse::plan(graph, batch, Question::JacobianInputs).seeds(graph.n_outputs());
    let pairs = [
        ("mixed", mixed.cost(), counted),
        (
            "forward",
            bracketing.all_tangents_cost(),
            forward.prediction::<f64>().unwrap().cost,
        ),
        (
            "reverse",
            bracketing.all_adjoints_cost(),
            reverse.prediction::<f64>().unwrap().cost,
        ),
    ];
    for (mode, said, true_cost) in pairs {
        if said != true_cost {
            return Err(format!("{mode}: {said:?} for {true_cost:?}\n{bracketing}"));
        }
    }
    let flops = |cost: Cost| cost.flops;
    let pure = flops(bracketing.all_tangents_cost()).min(flops(bracketing.all_adjoints_cost()));
    if flops(mixed.cost()) > pure {
        return Err(format!("a pure mode is cheaper\n{bracketing}"));
    }
    Ok(())
}

proptest! {
    #![proptest_config(seeds::config(256, "tests/proptest-regressions/jacobian.txt"))]

    #[test]
    fn all_modes_agree_in_double_precision((n, links) in links(9), batch in 1..5_usize, seed in 0..1000_u64) {
        agree::<f64>(&graph(n, &links), batch, seed, 1e-12).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn all_modes_agree_in_single_precision((n, links) in links(9), batch in 1..5_usize, seed in 0..1000_u64) {
        agree::<f32>(&graph(n, &links), batch, seed, 1e-4).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn the_cost_is_the_count((n, links) in links(9), batch in 1..5_usize) {
        costs(&graph(n, &links), batch).map_err(TestCaseError::fail)?;
    }
}

#[test]
fn bottlenecks_large_enough_for_the_kernel_agree_and_cost_what_they_say() {
    for widths in [
        &[40, 3, 50, 2, 30][..],
        &[30, 30, 2, 30, 30],
        &[1, 60, 1],
        &[2, 20, 33],
    ] {
        let net = Mlp::new(widths, Activation::Tanh).build().unwrap();
        for batch in [1, 6] {
            agree::<f64>(&net, batch, 5, 1e-12).unwrap();
            agree::<f32>(&net, batch, 5, 1e-4).unwrap();
            costs(&net, batch).unwrap();
        }
    }
}

#[test]
fn inputs_that_the_chain_does_not_read_have_columns_of_zeros() {
    let mut b = Builder::new();
    let (_, x, _) = (
        b.input("before", 2),
        b.input("x", 3),
        b.constant("after", 1),
    );
    let y = b.map(pushpull_core::blocks::Square, x);
    let graph = b.build(y).unwrap();
    let mut mixed = MixedMode::new(&graph, 2).unwrap();
    let x = DMatrix::from_fn(6, 2, |i, j| (i + 10 * j) as f64);
    let jacobian = mixed.jacobian_inputs(&[], &x).unwrap();
    let expected = DMatrix::from_fn(6, 6, |row, column| {
        let (sample, output) = (row / 3, row % 3);
        if column == 2 + output {
            2.0 * x[(column, sample)]
        } else {
            0.0
        }
    });
    assert_eq!(jacobian, expected);
}

/// Checks that pass a plan with one wrong count, or a Jacobian wrong in the ninth digit, would prove nothing.
#[test]
fn the_comparison_sees_an_error_of_1e_9_and_a_nan() {
    let want = DMatrix::from_element(2, 2, 1.0);
    for wrong in [1.0 + 1e-9, f64::NAN] {
        let mut got = want.clone();
        got[(1, 0)] = wrong;
        assert!(close("planted", &got, &want, &want, 1e-12).is_err());
    }
    assert!(close("right", &want, &want, &want, 1e-12).is_ok());
}

#[test]
fn threads_change_no_bit() {
    let graph = Mlp::new(&[64, 8, 64], Activation::Tanh).build().unwrap();
    let (params, x) = numbers::<f64>(&graph, 32, 5);
    let by = |threads| {
        let plan = MixedMode::plan(&graph, 32).threads(threads);
        let mut mixed = plan.prepare::<f64>().unwrap();
        mixed.jacobian_inputs(&params, &x).unwrap()
    };
    let alone = by(1);
    assert!((2..=3).all(|threads| by(threads) == alone));
}
