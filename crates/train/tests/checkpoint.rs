//! A run that is stopped anywhere, even killed, goes on to the same bits.

mod common;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::{bits, model, samples, settings, training};
use pushpull_core::Mlp;
use pushpull_core::blocks::{Activation, Loss};
use pushpull_train::{
    CheckpointFault, End, Mode, Model, Optimiser, Precision, Saver, Settings, TrainError, Training,
};

const PLACE: &str = "PUSHPULL_TRAIN_TEST_CHECKPOINT";

fn finished<T: Precision>(settings: &Settings) -> Vec<u64> {
    let mut run = training::<T>(settings.clone());
    run.run(&mut ()).unwrap();
    bits(&run)
}

fn stopped_anywhere<T: Precision>(settings: &Settings, every: usize) {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("run.ckpt");
    let whole = finished::<T>(settings);
    let mut run = training::<T>(settings.clone());
    let mut at = 0;
    while run.step().unwrap().is_some() {
        at += 1;
        if at % every == 0 {
            run.save(&path).unwrap();
            let mut resumed = training::<T>(Settings {
                threads: 2,
                ..settings.clone()
            });
            resumed.restore(&path).unwrap();
            assert_eq!(bits(&resumed), bits(&run));
            resumed.run(&mut ()).unwrap();
            assert_eq!(bits(&resumed), whole, "stopped after step {at}");
        }
    }
    assert_eq!(bits(&run), whole);
}

#[test]
fn a_run_resumes_to_the_same_bits_from_every_step() {
    stopped_anywhere::<f64>(&settings(), 1);
}

#[test]
fn with_momentum_decay_estimates_and_early_stopping_too() {
    let momentum = Settings {
        optimiser: Optimiser::momentum(0.05, 0.9),
        decay: 0.01,
        ..settings()
    };
    stopped_anywhere::<f32>(&momentum, 5);
    stopped_anywhere::<f32>(
        &Settings {
            mode: Mode::ForwardGradient { directions: 2 },
            ..settings()
        },
        5,
    );
    let early = Settings {
        epochs: 60,
        patience: Some(2),
        optimiser: Optimiser::adam(0.3),
        ..settings()
    };
    let mut run = training::<f32>(early.clone());
    assert_eq!(run.run(&mut ()), Ok(End::Patience));
    assert!(run.history().len() < 60 && run.best().epoch + 2 == run.history().len() as u64);
    stopped_anywhere::<f32>(&early, 5);
}

#[test]
fn a_run_can_be_prolonged() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("run.ckpt");
    let mut short = training::<f32>(Settings {
        epochs: 2,
        ..settings()
    });
    short.run(&mut Saver::every_epoch(&path)).unwrap();
    let mut long = training::<f32>(settings());
    long.restore(&path).unwrap();
    assert_eq!(long.history().len(), 2);
    long.run(&mut ()).unwrap();
    assert_eq!(bits(&long), finished::<f32>(&settings()));
}

/// Long enough to be killed a dozen times.
fn long() -> Settings {
    Settings {
        epochs: 1500,
        ..settings()
    }
}

/// The child of the next test: goes on from the checkpoint, if there is one, and saves after every step.
#[test]
#[ignore = "run by another test as a process of its own"]
fn child_trains() {
    let path = std::env::var_os(PLACE).expect("the place of the checkpoint");
    let mut run = training::<f32>(long());
    match run.restore(&path) {
        Ok(()) => {}
        Err(TrainError::Checkpoint {
            fault: CheckpointFault::Missing,
            ..
        }) => {}
        Err(fault) => panic!("{fault}"),
    }
    run.run(&mut Saver::every_steps(&path, 1)).unwrap();
}

fn child(path: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "child_trains", "--ignored"])
        .env(PLACE, path);
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

#[test]
fn a_run_that_is_killed_at_random_moments_resumes_to_the_same_bits() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("run.ckpt");
    let whole = finished::<f32>(&long());
    // Moments from the clock: the kills fall elsewhere in each run of this test.
    let clock = || {
        std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(0, |t| t.subsec_nanos())
    };
    let (mut kills, mut seen, since) = (0, Vec::new(), Instant::now());
    let mut ended = false;
    while !ended && kills < 60 && since.elapsed() < Duration::from_secs(5) {
        let mut running = child(&path).spawn().unwrap();
        let wait = Duration::from_micros(u64::from(clock() / 1000 % 60_000));
        std::thread::sleep(wait);
        ended = running.try_wait().unwrap().is_some();
        if !ended {
            running.kill().unwrap();
            kills += 1;
        }
        running.wait().unwrap();
        if path.exists() {
            // Whatever the moment: the file is whole, and of a step of this very run.
            let mut run = training::<f32>(long());
            run.restore(&path)
                .unwrap_or_else(|fault| panic!("after kill {kills}: {fault}"));
            seen.push(run.steps_done());
        }
    }
    assert!(
        seen.windows(2).all(|pair| pair[0] <= pair[1]),
        "a run went back: {seen:?}"
    );
    let midway = |steps: &&u64| **steps > 0 && **steps < training::<f32>(long()).steps();
    assert!(
        kills >= 1 && seen.iter().any(|steps| midway(&steps)),
        "never killed on its way: {seen:?}"
    );
    println!("killed {kills} times, at steps {seen:?}");
    let last = child(&path).output().unwrap();
    assert!(
        last.status.success(),
        "{}",
        String::from_utf8_lossy(&last.stderr)
    );
    let mut run = training::<f32>(long());
    run.restore(&path).unwrap();
    assert_eq!(run.finished(), Some(End::Epochs));
    assert_eq!(bits(&run), whole, "killed {kills} times, at steps {seen:?}");
    // The last write has cleared what the killed ones left.
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 1);
}

#[test]
fn a_file_of_another_run_or_kind_is_refused_and_the_run_stays_as_it_was() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("run.ckpt");
    let mut run = training::<f32>(settings());
    let fault = |run: &mut Training<f32>| match run.restore(&path) {
        Err(TrainError::Checkpoint { fault, file }) => {
            assert_eq!(file, path);
            fault
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(fault(&mut run), CheckpointFault::Missing);
    let foreign = |other: Settings, what: &str| {
        training::<f32>(other).save(&path).unwrap();
        let got = fault(&mut training::<f32>(settings()));
        assert!(
            matches!(&got, CheckpointFault::Foreign { what: w, .. } if w == what),
            "{what}: {got}"
        );
    };
    foreign(
        Settings {
            seed: 6,
            ..settings()
        },
        "seed",
    );
    foreign(
        Settings {
            batch: 9,
            ..settings()
        },
        "batch",
    );
    foreign(
        Settings {
            optimiser: Optimiser::sgd(0.01),
            ..settings()
        },
        "optimiser",
    );
    foreign(
        Settings {
            mode: Mode::Forward,
            ..settings()
        },
        "mode",
    );
    foreign(
        Settings {
            decay: 0.1,
            ..settings()
        },
        "decay",
    );
    foreign(
        Settings {
            patience: Some(9),
            ..settings()
        },
        "patience",
    );
    training::<f64>(settings()).save(&path).unwrap();
    assert!(
        matches!(fault(&mut run), CheckpointFault::Foreign { what, .. } if what == "precision")
    );
    let other = Training::<f32>::new(
        &model(),
        settings(),
        &samples(50, 1),
        Some(&samples(30, 50)),
    )
    .unwrap();
    other.save(&path).unwrap();
    assert!(
        matches!(fault(&mut run), CheckpointFault::Foreign { what, .. } if what == "training data")
    );
    let relu = Mlp::new(&[3, 8, 8, 3], Activation::Tanh)
        .activations(&[Activation::Tanh, Activation::Relu]);
    let relu = Model::of(relu, Loss::SoftmaxCrossEntropy).unwrap();
    let other = Training::<f32>::new(&relu, settings(), &samples(50, 0), Some(&samples(30, 50)));
    other.unwrap().save(&path).unwrap();
    let got = fault(&mut run).to_string();
    let parts = ["network: expected tanh1 ", ", got relu1 "];
    assert!(parts.iter().all(|part| got.contains(part)), "{got}");
    std::fs::write(&path, b"\x89PNG").unwrap();
    run.step().unwrap();
    let before = bits(&run);
    assert_eq!(fault(&mut run), CheckpointFault::NotACheckpoint);
    training::<f32>(settings()).save(&path).unwrap();
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    assert!(matches!(fault(&mut run), CheckpointFault::Damaged { .. }));
    assert_eq!(bits(&run), before);
}
