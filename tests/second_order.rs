//! Second derivatives, on graphs at random and on every named one: reverse mode and forward mode at duals agree, the
//! Hessian is symmetric and linear.

mod common;

use common::assembly::build_with;
use common::case::Case;
use common::checks::Outcome;
use common::recipe::{Recipe, recipe};
use common::scenarios::scenarios;
use common::second;
use common::seeds;
use common::tampered::{Fault, Map, Tampered};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use pushpull::blocks::{Activation, Linear, Mul, Square};
use pushpull::nalgebra::{DMatrix, dmatrix};
use pushpull::{Builder, Cost, Dual, Error, ForwardOverForward, HessianVector, Mlp, Scalar};

fn all<T: Scalar>(recipe: &Recipe) -> Outcome
where
    Dual<T>: Scalar,
{
    let recipe = second::decided::<T>(recipe);
    second::both_ways(&mut Case::<T>::new(&recipe))?;
    second::planes_are_duals(&mut Case::<T>::new(&recipe))?;
    second::symmetric_and_linear(&mut Case::<T>::new(&recipe))?;
    second::hessian(&mut Case::<T>::new(&recipe))
}

proptest! {
    #![proptest_config(seeds::config(256, "tests/proptest-regressions/second_order.txt"))]

    #[test]
    fn both_ways_agree_and_the_hessian_is_symmetric(recipe in recipe()) {
        all::<f64>(&recipe).map_err(TestCaseError::fail)?;
        all::<f32>(&recipe).map_err(TestCaseError::fail)?;
    }
}

#[test]
fn every_named_graph_passes() {
    for scenario in scenarios() {
        let outcome = all::<f64>(&scenario.recipe).and_then(|()| all::<f32>(&scenario.recipe));
        outcome.unwrap_or_else(|fault| panic!("{}: {fault}", scenario.name));
    }
}

/// Checks that pass a rule that is wrong in the ninth digit would prove nothing.
#[test]
fn a_rule_that_is_wrong_by_1e_9_is_found() {
    let recipe = scenarios().swap_remove(1).recipe;
    for map in [Map::JvpInput, Map::VjpInput, Map::JvpParams, Map::VjpParams] {
        let wrong = Tampered::all(Fault::Scaled(map, 1.0 + 1e-9));
        let graph = build_with(&recipe, &wrong).unwrap();
        let mut case = Case::<f64>::of(graph, recipe.batch, recipe.seed);
        let outcome = second::both_ways(&mut case);
        assert!(outcome.is_err(), "a wrong {map:?} passes");
    }
}

/// One block that offers no planes, and the graph goes by duals: to the same numbers.
#[test]
fn a_graph_with_a_block_without_planes_runs_by_duals() {
    let recipe = scenarios().swap_remove(1).recipe;
    let plain = Tampered::all(Fault::Scaled(Map::JvpInput, 1.0));
    let graph = build_with(&recipe, &plain).unwrap();
    let mut case = Case::<f64>::of(graph, recipe.batch, recipe.seed);
    assert!(!second::engine(&case).on_planes());
    second::both_ways(&mut case).unwrap();
}

/// Directions of a wrong shape or with a NaN are named, and nothing panics.
#[test]
fn bad_directions_are_named() {
    let graph = Mlp::new(&[3, 4, 2], Activation::Tanh).build().unwrap();
    let (params, x) = (vec![0.5; graph.n_params()], dmatrix![1.0; 2.0; 3.0]);
    let mut engine = HessianVector::new(&graph, 1).unwrap();
    let fault = engine.hessian_vector(&params, &x, &[1.0]).unwrap_err();
    assert!(fault.to_string().contains("direction"), "{fault}");
    let mut direction = params.clone();
    direction[3] = f64::NAN;
    let fault = engine.hessian_vector(&params, &x, &direction).unwrap_err();
    assert!(matches!(fault, Error::NotFinite { .. }), "{fault}");
    let none = engine.hessian_vectors(&params, &x, None, None, None, None);
    assert!(matches!(none, Err(Error::Shape { .. })));
    assert!(
        HessianVector::plan(&graph, 1)
            .threads(0)
            .prepare::<f64>()
            .is_err()
    );
    assert!(HessianVector::<f64>::new(&graph, 0).is_err());
    let wide = Mlp::new(&[1 << 10, 1 << 10], Activation::Tanh)
        .build()
        .unwrap();
    let (params, x) = (wide.layout().zeros(), DMatrix::zeros(1 << 10, 1));
    let mut engine = HessianVector::<f64>::new(&wide, 1).unwrap();
    let fault = engine.hessian(&params, &x).unwrap_err();
    assert!(matches!(fault, Error::TooLarge { .. }), "{fault}");
}

/// The eight products of a linear layer less the structural zeros, counted: issue 4's figure for 64-128-128-10.
#[test]
fn a_product_on_planes_costs_what_the_products_say() {
    let (widths, batch) = ([5, 7, 4, 3], 6);
    let mut b = Builder::new();
    let mut h = b.input("x", widths[0]);
    for pair in widths.windows(2) {
        h = b.block(Linear::without_bias(pair[0], pair[1]), h);
    }
    let graph = b.build(h).unwrap();
    let mut want = Cost::flops(widths[3] * batch);
    for (i, pair) in widths.windows(2).enumerate() {
        let (product, added) = (Cost::flops(2 * pair[0] * pair[1] * batch), |rows: usize| {
            Cost::flops(rows * batch)
        });
        // W x, W_dot x and y_bar_dot x'; behind the first also W x_dot, W' y_bar, W' y_bar_dot, W_dot' y_bar, y_bar x_dot'.
        want += product * if i == 0 { 3 } else { 8 };
        if i > 0 {
            want += added(pair[1]) + added(pair[0]);
        }
    }
    let engine = HessianVector::<f64>::new(&graph, batch).unwrap();
    assert_eq!(engine.cost(false), want);
}

/// y = stop(w x) (w x) is linear in w where the stopped factor is a constant: the second derivative is 0, not x^2.
#[test]
fn a_stopped_factor_is_a_constant_in_the_second_derivative_too() {
    let mut b = Builder::new();
    let x = b.input("x", 1);
    let h = b.block(Linear::without_bias(1, 1), x);
    let stopped = b.stop_gradient(h);
    let gate = b.map(Square, stopped);
    let y = b.block(Mul::new(1), [gate, h]);
    let graph = b.build(y).unwrap();
    let mut reverse = HessianVector::new(&graph, 1).unwrap();
    let (_, gradient, product) = reverse
        .gradient_and_hessian_vector(&[3.0], &dmatrix![2.0], &[1.0])
        .unwrap();
    assert_eq!((gradient, product), (&[72.0][..], &[0.0][..]));
    let mut forward = ForwardOverForward::new(&graph, 1).unwrap();
    let (_, product) = forward
        .hessian_vector(&[3.0], &dmatrix![2.0], &[1.0])
        .unwrap();
    assert_eq!(product, [0.0]);
}
