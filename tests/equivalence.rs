//! Both modes are the same chain rule: on graphs at random and on every named one, with random directions.

mod common;

use common::assembly::build_with;
use common::case::Case;
use common::checkpoints;
use common::checks::{self, Outcome};
use common::consistency;
use common::recipe::{Recipe, recipe};
use common::scenarios::scenarios;
use common::seeds;
use common::tampered::{Fault, Map, Tampered};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use pushpull::Scalar;

/// 256 graphs a test.
fn config() -> ProptestConfig {
    seeds::config(256, "tests/proptest-regressions/equivalence.txt")
}

fn holds(outcome: Outcome) -> Result<(), TestCaseError> {
    outcome.map_err(TestCaseError::fail)
}

fn all<T: Scalar>(recipe: &Recipe) -> Outcome {
    let mut case = Case::<T>::new(recipe);
    checks::gradients(&mut case)?;
    checks::structured(&mut case, 2)?;
    checks::adjoint(&mut case)?;
    checks::jacobians(&mut case)?;
    consistency::chunks(&mut case, 7)?;
    consistency::directions(&mut case, 3)?;
    consistency::repeats(&mut case)?;
    checkpoints::bits(&mut case)?;
    consistency::samples(&mut Case::<T>::new(&recipe.clone().smooth().mild()))
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn gradients_agree_in_double_precision(recipe in recipe()) {
        holds(checks::gradients(&mut Case::<f64>::new(&recipe)))?;
    }

    #[test]
    fn gradients_agree_in_single_precision(recipe in recipe()) {
        holds(checks::gradients(&mut Case::<f32>::new(&recipe)))?;
    }

    #[test]
    fn structured_tangents_give_the_same_gradient(recipe in recipe(), width in 2..6_usize) {
        holds(checks::structured(&mut Case::<f64>::new(&recipe), width))?;
        holds(checks::structured(&mut Case::<f32>::new(&recipe), width))?;
    }

    #[test]
    fn pullback_is_the_adjoint_of_pushforward(recipe in recipe()) {
        holds(checks::adjoint(&mut Case::<f64>::new(&recipe)))?;
        holds(checks::adjoint(&mut Case::<f32>::new(&recipe)))?;
    }

    #[test]
    fn jacobians_agree_in_double_precision(recipe in recipe()) {
        holds(checks::jacobians(&mut Case::<f64>::new(&recipe)))?;
    }

    #[test]
    fn jacobians_agree_in_single_precision(recipe in recipe()) {
        holds(checks::jacobians(&mut Case::<f32>::new(&recipe)))?;
    }

    #[test]
    fn any_chunk_gives_what_full_tangent_matrices_give(recipe in recipe(), width in 2..40_usize) {
        holds(consistency::chunks(&mut Case::<f64>::new(&recipe), width))?;
    }

    #[test]
    fn several_directions_are_those_one_by_one(recipe in recipe(), seeds in 1..6_usize) {
        holds(consistency::directions(&mut Case::<f64>::new(&recipe), seeds))?;
    }

    #[test]
    fn a_batch_is_its_samples_one_by_one(recipe in recipe()) {
        let recipe = recipe.smooth().mild();
        holds(consistency::samples(&mut Case::<f64>::new(&recipe)))?;
        holds(consistency::samples(&mut Case::<f32>::new(&recipe)))?;
    }

    #[test]
    fn a_repeated_call_gives_the_same_bits_and_adding_adds(recipe in recipe()) {
        holds(consistency::repeats(&mut Case::<f64>::new(&recipe)))?;
        holds(consistency::repeats(&mut Case::<f32>::new(&recipe)))?;
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn checkpoints_change_no_bits(recipe in recipe()) {
        holds(checkpoints::bits(&mut Case::<f64>::new(&recipe)))?;
        holds(checkpoints::bits(&mut Case::<f32>::new(&recipe)))?;
    }
}

#[test]
fn every_named_graph_passes_every_check() {
    for scenario in scenarios() {
        let outcome = all::<f64>(&scenario.recipe).and_then(|()| all::<f32>(&scenario.recipe));
        outcome.unwrap_or_else(|fault| panic!("{}: {fault}", scenario.name));
    }
}

/// Checks that pass a rule that is wrong in the ninth digit would prove nothing.
#[test]
fn a_rule_that_is_wrong_by_1e_9_is_found() {
    let maps = [Map::JvpInput, Map::VjpInput, Map::JvpParams, Map::VjpParams];
    let recipe = scenarios().swap_remove(1).recipe;
    let checks: [fn(&mut Case<f64>) -> Outcome; 3] =
        [checks::gradients, checks::adjoint, checks::jacobians];
    for map in maps {
        let wrong = Tampered::all(Fault::Scaled(map, 1.0 + 1e-9));
        let graph = build_with(&recipe, &wrong).unwrap();
        for (i, check) in checks.into_iter().enumerate() {
            let outcome = check(&mut Case::of(graph.clone(), recipe.batch, recipe.seed));
            assert!(outcome.is_err(), "check {i} passes a wrong {map:?}");
        }
    }
    let right = build_with(&recipe, &Tampered::all(Fault::Scaled(Map::JvpInput, 1.0))).unwrap();
    for check in checks {
        check(&mut Case::of(right.clone(), recipe.batch, recipe.seed)).unwrap();
    }
}
