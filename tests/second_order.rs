//! Second derivatives, on graphs at random and on every named one: reverse mode and forward mode at duals agree, the
//! Hessian is symmetric and linear.

mod common;

use common::assembly::build_with;
use common::case::Case;
use common::checks::Outcome;
use common::recipe::{Recipe, recipe};
use common::scenarios::scenarios;
use common::second::{self, Rounding};
use common::tampered::{Fault, Map, Tampered};
use proptest::prelude::*;
use proptest::test_runner::{FileFailurePersistence, TestCaseError};
use pushpull::blocks::{Linear, Mul, Square};
use pushpull::nalgebra::dmatrix;
use pushpull::{Builder, Chunk, Dual, ForwardOverForward, HessianVector, Scalar, Store};

fn all<T: Scalar>(recipe: &Recipe) -> Outcome
where
    Dual<T>: Scalar,
{
    let rounding = Rounding::new(recipe)?;
    second::both_ways(&mut Case::<T>::new(recipe), rounding)?;
    second::symmetric_and_linear(&mut Case::<T>::new(recipe), rounding)?;
    second::hessian(&mut Case::<T>::new(recipe), rounding)
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(
            "tests/proptest-regressions/second_order.txt",
        ))),
        ..ProptestConfig::default()
    })]

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
    let rounding = Rounding::new(&recipe).unwrap();
    for map in [Map::JvpInput, Map::VjpInput, Map::JvpParams, Map::VjpParams] {
        let wrong = Tampered::all(Fault::Scaled(map, 1.0 + 1e-9));
        let graph = build_with(&recipe, &wrong).unwrap();
        let mut case = Case::<f64>::of(graph, recipe.batch, recipe.seed);
        let outcome = second::both_ways(&mut case, rounding);
        assert!(outcome.is_err(), "a wrong {map:?} passes");
    }
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
    let mut reverse = HessianVector::new(&graph, 1, Store::All, 1).unwrap();
    let (_, gradient, product) = reverse
        .gradient_and_hessian_vector(&[3.0], &dmatrix![2.0], &[1.0])
        .unwrap();
    assert_eq!((gradient, product), (&[72.0][..], &[0.0][..]));
    let mut forward = ForwardOverForward::new(&graph, 1, Chunk::Auto, 1).unwrap();
    let (_, product) = forward
        .hessian_vector(&[3.0], &dmatrix![2.0], &[1.0])
        .unwrap();
    assert_eq!(product, [0.0]);
}
