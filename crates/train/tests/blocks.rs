//! Blocks against the full batch: the lecture's mini-batch gradient estimates the full one.

mod common;

use common::{bits, model, samples, settings, training};
use nalgebra::DMatrix;
use pushpull_core::blocks::{Activation, Loss};
use pushpull_core::{Builder, Init, blocks};
use pushpull_train::{Batches, Engine, Mode, Model, Optimiser, Samples, Settings, Training};

/// The mean gradient of each block of an epoch, and of all samples.
fn gradients(
    objective: &pushpull_core::Graph,
    params: &[f64],
    x: &DMatrix<f64>,
    size: usize,
) -> (Vec<Vec<f64>>, Vec<f64>) {
    let batches = Batches::new(x.ncols(), size, 3).unwrap();
    let mean = |samples: &[usize]| {
        let mut engine = Engine::<f64>::new(objective, samples.len(), Mode::Reverse, 1, 0).unwrap();
        let (_, gradient) = engine
            .value_and_gradient(params, &x.select_columns(samples), 0)
            .unwrap();
        gradient
            .iter()
            .map(|g| g / samples.len() as f64)
            .collect::<Vec<_>>()
    };
    let blocks = (0..batches.blocks())
        .map(|i| mean(batches.block(i)))
        .collect();
    (blocks, mean(&(0..x.ncols()).collect::<Vec<_>>()))
}

fn average(blocks: &[Vec<f64>]) -> Vec<f64> {
    let n = blocks.len() as f64;
    (0..blocks[0].len())
        .map(|i| blocks.iter().map(|g| g[i]).sum::<f64>() / n)
        .collect()
}

/// A linear least-squares problem in small whole numbers and powers of two: no operation rounds, so the average of equal
/// blocks has to be the full gradient bit by bit.
#[test]
fn equal_blocks_average_to_the_full_gradient_exactly_where_nothing_rounds() {
    let mut b = Builder::new();
    let (x, target) = (b.input("x", 3), b.constant("target", 1));
    let y = b.named("layer0", blocks::Linear::new(3, 1), x);
    let loss = b.named("loss", blocks::SquaredError::new(1), [y, target]);
    let graph = b.build(loss).unwrap();
    let data = DMatrix::from_fn(4, 64, |i, j| ((5 * i + 7 * j) % 11) as f64 - 5.0);
    let params = [1.0, -2.0, 3.0, 1.0];
    for size in [1, 2, 4, 8, 16, 32, 64] {
        let (blocks, full) = gradients(&graph, &params, &data, size);
        assert_eq!(average(&blocks), full, "blocks of {size}");
        assert!(size == 64 || blocks[0] != full, "a block that says nothing");
    }
}

#[test]
fn equal_blocks_average_to_the_full_gradient_within_rounding() {
    let model = model();
    let params: Vec<f64> = model.objective().layout().init(Init::Glorot, 1);
    let samples = samples(60, 0);
    let data = DMatrix::from_fn(6, 60, |i, j| {
        if i < 3 {
            samples.inputs()[(i, j)]
        } else {
            samples.targets()[(i - 3, j)]
        }
    });
    for size in [1, 5, 12, 30] {
        let (blocks, full) = gradients(model.objective(), &params, &data, size);
        let apart = average(&blocks)
            .iter()
            .zip(&full)
            .map(|(a, b)| (a - b).abs())
            .fold(0.0, f64::max);
        let largest = full.iter().map(|g| g.abs()).fold(0.0, f64::max);
        assert!(
            apart <= 1e-14 * largest.max(1.0),
            "blocks of {size}: {apart:e}"
        );
    }
}

/// Two steps of a run, worked out: f = w x + b on (1, 2), (3, -1) as one full batch.
#[test]
fn a_step_moves_along_the_mean_gradient() {
    let samples =
        Samples::new(nalgebra::dmatrix![1.0, 3.0], nalgebra::dmatrix![2.0, -1.0]).unwrap();
    let model = Model::mlp(&[1, 1], Activation::Tanh, Loss::SquaredError).unwrap();
    let settings = Settings {
        batch: 2,
        epochs: 1,
        optimiser: Optimiser::sgd(0.125),
        ..Settings::default()
    };
    let mut run = Training::<f64>::new(&model, settings, &samples, None).unwrap();
    run.start_from(&[1.0, 0.0]).unwrap();
    // Residuals -1 and 4: loss (1 + 16) / 2, gradient 2/2 (-1 + 12, -1 + 4) = (11, 3).
    let step = run.step().unwrap().unwrap();
    assert_eq!((step.loss, step.samples, step.ends_epoch), (8.5, 2, true));
    assert!((step.gradient_norm - 130.0_f64.sqrt()).abs() < 1e-14);
    assert_eq!(run.params(), [1.0 - 11.0 / 8.0, -3.0 / 8.0]);
    assert_eq!(run.step(), Ok(None));
    assert!(run.start_from(&[1.0, 0.0]).is_err());
}

#[test]
fn a_smaller_last_block_is_a_mean_of_its_own() {
    let mut run = training::<f64>(settings());
    let mut sizes = Vec::new();
    for _ in 0..7 {
        sizes.push(run.step().unwrap().unwrap().samples);
    }
    assert_eq!(sizes, [8, 8, 8, 8, 8, 8, 2]);
    assert_eq!(run.history().len(), 1);
}

#[test]
fn online_and_full_batch_run() {
    for batch in [1, 50] {
        let mut run = training::<f32>(Settings {
            batch,
            epochs: 2,
            ..settings()
        });
        run.run(&mut ()).unwrap();
        assert_eq!(run.steps_done(), 2 * (50 / batch as u64));
    }
}

#[test]
fn runs_repeat_with_the_seed_and_differ_without() {
    let run = |seed| {
        let mut run = training::<f32>(Settings { seed, ..settings() });
        run.run(&mut ()).unwrap();
        bits(&run)
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}
