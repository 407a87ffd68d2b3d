//! Networks as the options describe them: an activation for each layer, and penalties in training.

mod common;

use std::fs;

use common::{fault, pushpull};
use serde_json::Value;

#[test]
fn every_command_takes_an_activation_for_each_layer() {
    let place = tempfile::tempdir().unwrap();
    let own = place.path();
    let table: String = (0..40)
        .map(|k| {
            let x = f64::from(k) / 20.0 - 1.0;
            format!("{x},{},{}\n", x * x, (3.0 * x).sin())
        })
        .collect();
    fs::write(own.join("t.csv"), table).unwrap();
    let net = ["--activation=tanh,relu", "--loss=squared-error"];
    let layers = "--layers=2,6,5,1";
    let run = |arguments: &[&str]| {
        let output = pushpull(own, &[arguments, &net].concat());
        assert!(output.status.success(), "{arguments:?}: {}", fault(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    let trained = run(&[
        "train",
        "--data=t.csv",
        layers,
        "--epochs=30",
        "--weights=w.safetensors",
        "--dtype=f64",
    ]);
    assert!(trained.contains("tanh,relu"), "{trained}");
    let explained = run(&["explain", layers]);
    assert!(
        explained.contains("tanh0") && explained.contains("relu1"),
        "{explained}"
    );
    for more in [
        &["plan", layers][..],
        &["xray", "--weights=w.safetensors", "--data=t.csv"],
        &["compare", layers, "--seconds=0.1", "--batch=2"],
        &[
            "gradient",
            "--weights=w.safetensors",
            "--data=t.csv",
            "--output=g.safetensors",
        ],
    ] {
        run(more);
    }
    // What is written answers as what was trained: R2 over all samples by both commands.
    let judged = run(&[
        "evaluate",
        "--weights=w.safetensors",
        "--data=t.csv",
        "--json",
    ]);
    let judged: Value = serde_json::from_str(&judged).unwrap();
    let answers = run(&[
        "predict",
        "--weights=w.safetensors",
        "--data=t.csv",
        "--target=3",
    ]);
    let answers: Vec<f64> = answers
        .lines()
        .skip(1)
        .map(|line| line.parse().unwrap())
        .collect();
    let targets: Vec<f64> = (0..40)
        .map(|k| (3.0 * (f64::from(k) / 20.0 - 1.0)).sin())
        .collect();
    let mean = targets.iter().sum::<f64>() / 40.0;
    let square = |pairs: Vec<(f64, f64)>| pairs.iter().map(|(a, b)| (a - b).powi(2)).sum::<f64>();
    let rest = square(targets.iter().copied().zip(answers).collect());
    let all = square(targets.iter().map(|&y| (y, mean)).collect());
    assert!((judged["value"].as_f64().unwrap() - (1.0 - rest / all)).abs() < 1e-9);
    for (activation, words) in [
        (
            "--activation=tanh,relu,relu",
            "2, one for each hidden layer",
        ),
        ("--activation=tanh,rleu", "rleu"),
    ] {
        let wrong = ["plan", layers, activation, "--loss=squared-error"];
        let output = pushpull(own, &wrong);
        assert_eq!(output.status.code(), Some(2));
        assert!(fault(&output).contains(words), "{}", fault(&output));
    }
    let search = [
        "train",
        "--data=t.csv",
        layers,
        "--search=grid",
        "--epochs=2",
    ];
    let output = pushpull(own, &[&search[..], &net].concat());
    assert_eq!(output.status.code(), Some(2));
    assert!(
        fault(&output).contains("--activations"),
        "{}",
        fault(&output)
    );
}

#[test]
fn help_says_what_an_activation_is_and_its_setting() {
    let place = tempfile::tempdir().unwrap();
    for command in ["train", "gradient", "plan", "predict"] {
        let output = pushpull(place.path(), &[command, "--help"]);
        let help = String::from_utf8(output.stdout).unwrap();
        for words in ["slope of 0.01", "alpha 1"] {
            assert!(help.contains(words), "{command}: {help}");
        }
    }
}

#[test]
fn a_wrong_number_is_told_by_its_option() {
    let place = tempfile::tempdir().unwrap();
    let table: String = (0..20)
        .map(|k| format!("{k},{},{}\n", k * k, k % 3))
        .collect();
    fs::write(place.path().join("t.csv"), table).unwrap();
    let net = [
        "train",
        "--data=t.csv",
        "--layers=2,3",
        "--activation=relu",
        "--loss=softmax-cross-entropy",
    ];
    for (wrong, words) in [
        (&["--epochs", "-1"][..], "'-1' for '--epochs"),
        (&["--rate", "fast"], "'fast' for '--rate"),
        (&["--decay", "-1"], "--decay: expected at least 0"),
        (&["--batch", "64"], "--batch: expected"),
        (&["--valid", "1.5"], "--valid: expected"),
        (&["--lr", "-0.1"], "--rate: expected"),
        (&["--l2", "-1"], "--l2: expected"),
    ] {
        let output = pushpull(place.path(), &[&net[..], wrong].concat());
        assert_eq!(output.status.code(), Some(2));
        assert!(
            fault(&output).contains(words),
            "{wrong:?}: {}",
            fault(&output)
        );
    }
}

/// A penalty pulls weights towards 0, and L1 does so by as much for small ones.
#[test]
fn penalties_make_weights_small() {
    let place = tempfile::tempdir().unwrap();
    let own = place.path();
    let table: String = (0..40)
        .map(|k| {
            let x = f64::from(k) / 20.0 - 1.0;
            format!("{x},{},{}\n", (5.0 * x).cos(), 2.0 * x)
        })
        .collect();
    fs::write(own.join("t.csv"), table).unwrap();
    let weights = |penalty: &[&str]| {
        let run = [
            "train",
            "--data=t.csv",
            "--layers=2,1",
            "--activation=identity",
            "--loss=squared-error",
            "--epochs=800",
            "--rate=0.02",
            "--dtype=f64",
            "--weights=w.safetensors",
        ];
        let output = pushpull(own, &[&run[..], penalty].concat());
        if !output.status.success() {
            return Err(fault(&output));
        }
        let bytes = fs::read(own.join("w.safetensors")).unwrap();
        let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
        let weight = tensors.tensor("0.weight").unwrap();
        Ok(common::Dtype::F64.numbers(weight.data()))
    };
    let free = weights(&[]).unwrap();
    assert!(
        (free[0] - 2.0).abs() < 0.01 && free[1].abs() < 0.01,
        "{free:?}"
    );
    let ridge = weights(&["--l2=0.5"]).unwrap();
    assert!(ridge[0] > 0.5 && ridge[0] < 1.8, "{ridge:?}");
    let lasso = weights(&["--l1=0.5"]).unwrap();
    assert!(
        lasso[0] > 0.5 && lasso[0] < 1.8 && lasso[1].abs() < 0.01,
        "{lasso:?}"
    );
    let refused = weights(&["--l1=-1"]).unwrap_err();
    assert!(refused.contains("--l1"), "{refused}");
}
