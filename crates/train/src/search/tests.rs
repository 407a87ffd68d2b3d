use std::ops::ControlFlow;

use super::*;
use crate::Step;
use nalgebra::DMatrix;
use pushpull_core::blocks::{Activation, Loss};

fn space() -> Space {
    Space {
        hidden: vec![vec![], vec![4], vec![4, 4]],
        activations: vec![Activation::Tanh, Activation::Relu],
        rates: vec![1e-3, 1e-1],
        batches: vec![1, 8],
    }
}

fn samples(n: usize) -> Samples {
    let x = DMatrix::from_fn(2, n, |i, j| ((i + 1) * (3 * j + 1) % 17) as f64 / 17.0);
    let y = DMatrix::from_fn(1, n, |_, j| x[(0, j)] - x[(1, j)]);
    Samples::new(x, y).unwrap()
}

#[test]
fn a_grid_has_every_combination_once() {
    let grid = space().grid();
    assert_eq!(grid.len(), 24);
    assert!((0..24).all(|i| (0..i).all(|j| grid[i] != grid[j])));
}

#[test]
fn random_draws_differ_keep_to_the_space_and_repeat_with_the_seed() {
    let drawn = space().random(50, 3);
    assert_eq!(drawn.len(), 50);
    assert!((0..50).all(|i| (0..i).all(|j| drawn[i] != drawn[j])));
    assert!(
        drawn
            .iter()
            .all(|c| (1e-3..=1e-1).contains(&c.rate) && space().batches.contains(&c.batch))
    );
    let low = drawn.iter().filter(|c| c.rate < 1e-2).count();
    assert!((10..=40).contains(&low), "{low} of 50 in the lower decade");
    assert_eq!(drawn, space().random(50, 3));
    assert_ne!(drawn, space().random(50, 4));
    let few = Space {
        rates: vec![0.1],
        ..space()
    };
    assert!(few.random(100, 0).len() <= 12);
}

#[test]
fn trials_that_cannot_run_come_last_with_their_error() {
    let space = Space {
        batches: vec![8, 99],
        rates: vec![1e-2],
        hidden: vec![vec![4]],
        ..space()
    };
    let settings = Settings {
        epochs: 3,
        ..Settings::default()
    };
    let (train, valid) = (samples(20), samples(10));
    let mut seen = Seen(0, usize::MAX);
    let ranking = search::<f64>(
        &space,
        Strategy::Grid,
        Loss::SquaredError,
        &settings,
        &train,
        &valid,
        &mut seen,
    )
    .unwrap();
    assert_eq!(seen.0, 4);
    let fine: Vec<bool> = ranking.trials().iter().map(|t| t.outcome.is_ok()).collect();
    assert_eq!(fine, [true, true, false, false]);
    let loss = |i: usize| ranking.trials()[i].outcome.as_ref().unwrap().valid.loss;
    assert!(loss(0) <= loss(1));
    let (csv, table) = (ranking.to_csv(), ranking.to_string());
    assert_eq!((csv.lines().count(), table.lines().count()), (5, 5));
    assert!(csv.contains("the batch size") && table.contains("the batch size"));
}

/// Counts trials, and asks for an end in the one after so many.
struct Seen(usize, usize);

impl<T: Precision> Watch<T> for Seen {
    fn step(&mut self, _: &Training<T>, _: &Step) -> Result<ControlFlow<()>, TrainError> {
        Ok(match self.0 < self.1 {
            true => ControlFlow::Continue(()),
            false => ControlFlow::Break(()),
        })
    }

    fn trial(&mut self, _: &Trial, of: usize) {
        assert_eq!(of, 4);
        self.0 += 1;
    }
}

#[test]
fn a_search_that_is_asked_for_an_end_ranks_what_is_finished() {
    let settings = Settings {
        epochs: 3,
        ..Settings::default()
    };
    let (train, valid) = (samples(20), samples(10));
    let four = Space {
        hidden: vec![vec![4], vec![5]],
        batches: vec![8, 5],
        rates: vec![1e-2],
        ..space()
    };
    let four = Space {
        activations: four.activations[..1].to_vec(),
        ..four
    };
    for finished in [0, 1, 3] {
        let mut seen = Seen(0, finished);
        // Watchers in each other hand a trial on.
        let mut watch = (Some(&mut seen), ());
        let (loss, grid) = (Loss::SquaredError, Strategy::Grid);
        let ranking =
            search::<f32>(&four, grid, loss, &settings, &train, &valid, &mut watch).unwrap();
        assert_eq!(ranking.trials().len(), finished);
        assert_eq!(seen.0, finished);
        assert!(ranking.trials().iter().all(|trial| trial.outcome.is_ok()));
    }
}

#[test]
fn impossible_searches_are_refused() {
    let data = samples(20);
    let run = |space: &Space, strategy, settings: &Settings| {
        search::<f32>(
            space,
            strategy,
            Loss::SquaredError,
            settings,
            &data,
            &data,
            &mut (),
        )
        .is_err()
    };
    let settings = Settings::default();
    assert!(run(
        &Space {
            hidden: vec![],
            ..space()
        },
        Strategy::Grid,
        &settings
    ));
    assert!(run(
        &Space {
            rates: vec![],
            ..space()
        },
        Strategy::Grid,
        &settings
    ));
    assert!(run(
        &space(),
        Strategy::Random { trials: 0, seed: 0 },
        &settings
    ));
    let negative = Space {
        rates: vec![-1.0],
        ..space()
    };
    assert!(run(
        &negative,
        Strategy::Random { trials: 1, seed: 0 },
        &settings
    ));
    assert!(run(
        &space(),
        Strategy::Grid,
        &Settings {
            epochs: 0,
            ..settings.clone()
        }
    ));
}
