//! What a run does besides stepping: bad input, divergence, watchers, the shadow check.

mod common;

use std::ops::ControlFlow;

use common::{bits, model, samples, settings, training};
use nalgebra::DMatrix;
use pushpull_core::Builder;
use pushpull_core::Error;
use pushpull_core::blocks::{Activation, Linear, Loss, SquaredError};
use pushpull_laws::Rule;
use pushpull_laws::fault::{Faulty, Slip};
use pushpull_train::{
    Bar, End, Epoch, Mode, Model, Optimiser, Samples, Score, Settings, Step, TrainError, Training,
    Watch,
};

fn refused(settings: Settings) -> TrainError {
    Training::<f32>::new(&model(), settings, &samples(50, 0), None).unwrap_err()
}

#[test]
fn bad_settings_and_data_are_typed_errors() {
    let of = |change: fn(&mut Settings)| {
        let mut wrong = settings();
        change(&mut wrong);
        refused(wrong)
    };
    for change in [
        |s: &mut Settings| s.batch = 0,
        |s: &mut Settings| s.batch = 51,
        |s: &mut Settings| s.optimiser = Optimiser::adam(f64::NAN),
        |s: &mut Settings| s.decay = -1.0,
        |s: &mut Settings| s.l1 = f64::NAN,
        |s: &mut Settings| s.l2 = -1.0,
        |s: &mut Settings| s.patience = Some(0),
        |s: &mut Settings| s.mode = Mode::ForwardGradient { directions: 0 },
    ] {
        let fault = of(change);
        assert!(matches!(fault, TrainError::Setting { .. }), "{fault}");
    }
    assert!(matches!(
        of(|s| s.threads = 0),
        TrainError::Core(Error::Setting { .. })
    ));
    let narrow = Samples::new(DMatrix::zeros(2, 5), DMatrix::zeros(3, 5)).unwrap();
    for (train, valid) in [(&narrow, &samples(50, 0)), (&samples(50, 0), &narrow)] {
        let fault = Training::<f32>::new(&model(), settings(), train, Some(valid)).unwrap_err();
        assert!(matches!(fault, TrainError::Data { .. }), "{fault}");
    }
}

/// f = w x + b at x = 1 with target f: the loss has no slope, so a step is that of the penalties, on w alone.
#[test]
fn penalties_pull_weights_and_not_biases() {
    let model = Model::mlp(&[1, 1], Activation::Tanh, Loss::SquaredError).unwrap();
    for (w, l1, l2, expected) in [
        (2.0, 0.5, 0.0, 2.0 - 0.1 * 0.5),
        (-2.0, 0.5, 0.0, -2.0 + 0.1 * 0.5),
        (0.0, 0.5, 0.25, 0.0),
        (2.0, 0.0, 0.25, 2.0 - 0.1 * 0.25 * 2.0),
        (-2.0, 0.5, 0.25, -2.0 + 0.1 * (0.5 + 0.25 * 2.0)),
    ] {
        let data = Samples::new(
            DMatrix::from_element(1, 1, 1.0),
            DMatrix::from_element(1, 1, w + 3.0),
        );
        let settings = Settings {
            epochs: 1,
            batch: 1,
            optimiser: Optimiser::sgd(0.1),
            l1,
            l2,
            ..Settings::default()
        };
        let mut run = Training::<f64>::new(&model, settings, &data.unwrap(), None).unwrap();
        run.start_from(&[w, 3.0]).unwrap();
        run.run(&mut ()).unwrap();
        assert_eq!(run.params(), [expected, 3.0], "{w} {l1} {l2}");
    }
}

#[test]
fn no_epoch_is_a_run_of_no_step() {
    let mut run = training::<f32>(Settings {
        epochs: 0,
        ..settings()
    });
    assert_eq!(run.run(&mut ()), Ok(End::Epochs));
    assert_eq!((run.steps_done(), run.best().epoch), (0, 0));
}

#[test]
fn a_diverged_run_ends_with_its_step_and_is_not_saved() {
    let x = DMatrix::from_fn(1, 20, |_, j| j as f64);
    let model = Model::mlp(&[1, 1], Activation::Tanh, Loss::SquaredError).unwrap();
    let settings = Settings {
        epochs: 1000,
        batch: 5,
        optimiser: Optimiser::sgd(1.0),
        ..Settings::default()
    };
    let data = Samples::new(x.clone(), x).unwrap();
    let mut run = Training::<f32>::new(&model, settings, &data, None).unwrap();
    let fault = run.run(&mut ()).unwrap_err();
    assert!(
        matches!(fault, TrainError::Diverged { step, .. } if step > 1),
        "{fault}"
    );
    assert!(run.step().is_err());
}

#[derive(Default)]
struct Counter {
    steps: Vec<u64>,
    epochs: Vec<u64>,
    end: Option<End>,
    until: u64,
}

impl Watch<f32> for Counter {
    fn step(&mut self, run: &Training<f32>, step: &Step) -> Result<ControlFlow<()>, TrainError> {
        assert_eq!(run.steps_done(), step.number);
        self.steps.push(step.number);
        Ok(if step.number == self.until {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        })
    }

    fn epoch(&mut self, _: &Training<f32>, epoch: &Epoch) -> Result<ControlFlow<()>, TrainError> {
        assert!(matches!(epoch.train.score, Score::Accuracy(a) if (0.0..=1.0).contains(&a)));
        self.epochs.push(epoch.number);
        Ok(ControlFlow::Continue(()))
    }

    fn end(&mut self, _: &Training<f32>, end: End) -> Result<(), TrainError> {
        self.end = Some(end);
        Ok(())
    }
}

#[test]
fn a_watcher_sees_each_step_and_epoch_and_can_end_the_run() {
    let mut run = training::<f32>(settings());
    let mut first = Counter {
        until: 10,
        ..Counter::default()
    };
    let bar = Bar::new(&run);
    assert_eq!(run.run(&mut (Some(bar), &mut first)), Ok(End::Asked));
    assert_eq!(
        (first.steps.len(), first.epochs, first.end),
        (10, vec![1], Some(End::Asked))
    );
    let mut second = Counter::default();
    assert_eq!(run.run(&mut second), Ok(End::Epochs));
    assert_eq!(
        (second.steps.first(), second.steps.last()),
        (Some(&11), Some(&42))
    );
    let mut whole = training::<f32>(settings());
    whole.run(&mut ()).unwrap();
    assert_eq!(bits(&run), bits(&whole));
}

#[test]
fn without_a_validation_part_the_training_loss_is_watched() {
    let settings = Settings {
        patience: Some(3),
        ..settings()
    };
    let mut run = Training::<f64>::new(&model(), settings, &samples(50, 0), None).unwrap();
    run.run(&mut ()).unwrap();
    let lowest = run
        .history()
        .iter()
        .map(|e| e.train.loss)
        .fold(f64::INFINITY, f64::min);
    assert_eq!(run.best().loss, lowest);
    let judged = run
        .model()
        .metrics(&run.best().params, &samples(50, 0))
        .unwrap();
    assert_eq!(judged.loss, lowest);
    let outputs = run
        .model()
        .outputs(run.params(), &DMatrix::zeros(3, 2))
        .unwrap();
    assert_eq!(outputs.shape(), (3, 2));
}

#[test]
fn the_shadow_check_changes_no_bit_and_sees_every_kth_gradient() {
    let mut plain = training::<f32>(settings());
    plain.run(&mut ()).unwrap();
    let mut watched = training::<f32>(settings()).with_shadow(4).unwrap();
    watched.run(&mut ()).unwrap();
    assert_eq!(bits(&plain), bits(&watched));
    assert_eq!(watched.shadow_checked(), 42 / 4);
    let estimate = Settings {
        mode: Mode::ForwardGradient { directions: 1 },
        ..settings()
    };
    assert!(matches!(
        training::<f32>(estimate).with_shadow(4),
        Err(TrainError::Setting { .. })
    ));
}

/// A linear block whose pullback is a thousandth off, declared so that a debug build lets it pass.
#[test]
fn the_shadow_check_ends_a_run_with_a_wrong_rule_and_names_the_block() {
    let graph = |loss: bool| {
        let mut b = Builder::new();
        let x = b.input("x", 3);
        let wrong = Faulty::new(Linear::new(3, 2), Slip::Factor(Rule::VjpParams, 1.001)).declared();
        let y = b.named("layer0", wrong, x);
        let y = if loss {
            let target = b.constant("target", 2);
            b.named("loss", SquaredError::new(2), [y, target])
        } else {
            y
        };
        b.build(y).unwrap()
    };
    let model = Model::new(graph(false), graph(true), Loss::SquaredError).unwrap();
    let data = Samples::new(
        DMatrix::from_fn(3, 12, |i, j| (1.0 + (2 * i + 5 * j) as f64).sin()),
        DMatrix::from_fn(2, 12, |i, j| (3.0 + (4 * i + 3 * j) as f64).cos()),
    )
    .unwrap();
    let settings = Settings {
        batch: 5,
        ..settings()
    };
    let mut run = Training::<f64>::new(&model, settings, &data, None)
        .unwrap()
        .with_shadow(3)
        .unwrap();
    let fault = run.run(&mut ()).unwrap_err();
    assert!(
        matches!(&fault, TrainError::Shadow { step: 3, .. }),
        "{fault}"
    );
    assert!(fault.to_string().contains("layer0"), "{fault}");
}
