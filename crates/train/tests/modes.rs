//! Every mode trains the same network, and the estimate is one of the gradient.

mod common;

use common::{bits, model, samples, settings, training};
use nalgebra::DMatrix;
use pushpull_core::blocks::{Activation, Loss};
use pushpull_core::{Init, Mlp};
use pushpull_train::{Engine, Mode, Optimiser, Precision, Settings};

fn run<T: Precision>(mode: Mode, optimiser: Optimiser) -> Vec<f64> {
    let mut run = training::<T>(Settings {
        mode,
        optimiser,
        ..settings()
    });
    run.run(&mut ()).unwrap();
    run.params().iter().map(|w| w.to_f64()).collect()
}

/// Rounding is amplified by a run's steps, so the bound is that of a whole run of 42 steps and not of a gradient.
fn modes_agree<T: Precision>(bound: f64) {
    for optimiser in [Optimiser::momentum(0.05, 0.9), Optimiser::adam(0.01)] {
        let pulled = run::<T>(Mode::Reverse, optimiser);
        let start = training::<T>(settings()).params()[0].to_f64();
        assert!((pulled[0] - start).abs() > 1e-3, "the run did not move");
        for mode in [Mode::Forward, Mode::Structured] {
            let pushed = run::<T>(mode, optimiser);
            let apart = pulled
                .iter()
                .zip(&pushed)
                .map(|(a, b)| (a - b).abs())
                .fold(0.0, f64::max);
            assert!(apart <= bound, "{mode}, {optimiser:?}: {apart:e}");
        }
    }
}

#[test]
fn forward_and_structured_give_the_run_of_reverse_up_to_rounding() {
    modes_agree::<f64>(1e-11);
    modes_agree::<f32>(1e-3);
}

#[test]
fn checkpoints_give_the_bits_of_reverse() {
    let [whole, cut] = [Mode::Reverse, Mode::Checkpointed { slots: 2 }].map(|mode| {
        let mut run = training::<f32>(Settings { mode, ..settings() });
        run.run(&mut ()).unwrap();
        bits(&run)
    });
    assert_eq!(whole, cut);
}

/// The mean of n estimates is within 5 standard errors of the gradient in every entry, with the variance that the
/// documentation states; and an estimate that left out one direction, or scaled by p, would not be.
#[test]
fn the_forward_gradient_has_the_gradient_as_its_mean() {
    let graph = Mlp::new(&[2, 3, 1], Activation::Tanh)
        .loss(Loss::SquaredError)
        .build()
        .unwrap();
    let params: Vec<f64> = graph.layout().init(Init::Glorot, 1);
    let x = DMatrix::from_fn(3, 4, |i, j| (1.0 + (2 * i + 3 * j) as f64).sin());
    let engine = |mode| Engine::<f64>::new(&graph, 4, mode, 1, 9).unwrap();
    let (value, gradient) = {
        let mut reverse = engine(Mode::Reverse);
        let (value, gradient) = reverse.value_and_gradient(&params, &x, 0).unwrap();
        (value, gradient.to_vec())
    };
    let square: f64 = gradient.iter().map(|g| g * g).sum();
    // 40 directions: more than are carried at once.
    for (directions, n) in [(1, 20_000), (40, 500)] {
        let mut estimate = engine(Mode::ForwardGradient { directions });
        let mut sum = vec![0.0; gradient.len()];
        let mut error = 0.0;
        for number in 0..n {
            let (same, g) = estimate.value_and_gradient(&params, &x, number).unwrap();
            assert!((same - value).abs() <= 1e-12 * value.abs());
            sum.iter_mut().zip(g).for_each(|(sum, g)| *sum += g);
            error += g
                .iter()
                .zip(&gradient)
                .map(|(a, b)| (a - b).powi(2))
                .sum::<f64>();
        }
        for (i, (sum, g)) in sum.iter().zip(&gradient).enumerate() {
            let deviation = ((square + g * g) / (directions as f64 * n as f64)).sqrt();
            let off = sum / n as f64 - g;
            assert!(
                off.abs() < 5.0 * deviation,
                "k = {directions}, entry {i}: {off:e}, {deviation:e}"
            );
        }
        let expected = (gradient.len() + 1) as f64 * square / directions as f64;
        let ratio = error / n as f64 / expected;
        assert!((ratio - 1.0).abs() < 0.15, "k = {directions}: {ratio}");
    }
}

#[test]
fn an_estimate_trains_too_and_repeats_with_its_seed() {
    let settings = Settings {
        mode: Mode::ForwardGradient { directions: 8 },
        epochs: 20,
        optimiser: Optimiser::sgd(0.02),
        ..settings()
    };
    let mut run = training::<f64>(settings.clone());
    run.run(&mut ()).unwrap();
    let (first, last) = (&run.history()[0], run.history().last().unwrap());
    assert!(
        last.train.loss < 0.9 * first.train.loss,
        "{} {}",
        first.train,
        last.train
    );
    let mut again = training::<f64>(settings);
    again.run(&mut ()).unwrap();
    assert_eq!(bits(&run), bits(&again));
}

#[test]
fn threads_change_no_bit_in_any_mode() {
    let modes = [
        Mode::Reverse,
        Mode::Forward,
        Mode::Structured,
        Mode::ForwardGradient { directions: 3 },
    ];
    for mode in modes {
        let [alone, together] = [1, 3].map(|threads| {
            let mut run = training::<f32>(Settings {
                mode,
                threads,
                epochs: 2,
                ..settings()
            });
            run.run(&mut ()).unwrap();
            bits(&run)
        });
        assert_eq!(alone, together, "{mode}");
    }
    // Large enough for the work to be cut.
    let wide = pushpull_train::Model::mlp(
        &[3, 128, 128, 3],
        Activation::Relu,
        Loss::SoftmaxCrossEntropy,
    )
    .unwrap();
    let [alone, together] = [1, 2].map(|threads| {
        let settings = Settings {
            batch: 50,
            threads,
            epochs: 3,
            ..settings()
        };
        let mut run =
            pushpull_train::Training::<f32>::new(&wide, settings, &samples(100, 0), None).unwrap();
        run.run(&mut ()).unwrap();
        bits(&run)
    });
    assert_eq!(alone, together);
}

#[test]
fn what_is_no_mode_is_refused() {
    let none = Engine::<f64>::new(
        model().objective(),
        1,
        Mode::ForwardGradient { directions: 0 },
        1,
        0,
    );
    assert!(none.unwrap_err().to_string().contains("at least 1"));
    for name in [
        "",
        "forward-gradient:",
        "forward-gradient:-1",
        "reverse:2",
        "Reverse",
    ] {
        assert!(name.parse::<Mode>().is_err(), "{name}");
    }
}
