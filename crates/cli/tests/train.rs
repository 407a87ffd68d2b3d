//! `pushpull train` as a process.

mod common;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use common::{fault, pushpull};
use serde_json::Value;

const DIGITS: [&str; 8] = [
    "train",
    "--set",
    "digits",
    "--layers=64,32,10",
    "--activation=relu",
    "--loss=softmax-cross-entropy",
    "--epochs=8",
    "--json",
];

fn json(place: &Path, arguments: &[&str]) -> Value {
    let output = pushpull(place, arguments);
    assert!(output.status.success(), "{}", fault(&output));
    // A line for each epoch, and what was found in a table.
    assert!(!fault(&output).contains("error"), "{}", fault(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn refused(place: &Path, arguments: &[&str], code: i32, word: &str) {
    let output = pushpull(place, arguments);
    assert_eq!(output.status.code(), Some(code), "{}", fault(&output));
    assert!(
        output.stdout.is_empty() && fault(&output).contains(word),
        "{word}: {}",
        fault(&output)
    );
}

#[test]
fn digits_are_learned_in_every_mode_and_the_report_is_whole() {
    let place = tempfile::tempdir().unwrap();
    let report = json(place.path(), &DIGITS);
    let epochs = report["epochs"].as_array().unwrap();
    assert_eq!((epochs.len(), report["end"].as_str()), (8, Some("epochs")));
    assert!(
        epochs[7]["valid"]["score"].as_f64().unwrap() > 0.9,
        "{}",
        epochs[7]
    );
    assert_eq!(
        report["train_samples"].as_u64().unwrap() + report["valid_samples"].as_u64().unwrap(),
        1797
    );
    for mode in ["structured", "checkpointed:1"] {
        let other = json(
            place.path(),
            &[&DIGITS[..], &["--mode", mode, "--shadow", "50"]].concat(),
        );
        let loss = |report: &Value| report["epochs"][7]["train"]["loss"].as_f64().unwrap();
        assert!(
            (loss(&report) - loss(&other)).abs() < 1e-2 * loss(&report),
            "{mode}"
        );
        assert_eq!(
            other["shadow_checked"].as_u64().unwrap(),
            other["steps"].as_u64().unwrap() / 50
        );
    }
}

/// The file that is written is a network for the samples as they are: `pushpull gradient` finds the loss that the run
/// reports for its training part, when it is given both parts in turn.
#[test]
fn the_written_network_reads_samples_as_they_are() {
    let place = tempfile::tempdir().unwrap();
    let mut table = String::from("a,b,y\n");
    let rows: Vec<[f64; 3]> = (0..40)
        .map(|j| {
            let (a, b) = (100.0 + f64::from(7 * j % 40), 1e-3 * f64::from(11 * j % 40));
            [a, b, 50.0 + a - 2e3 * b + f64::from(j % 3)]
        })
        .collect();
    for [a, b, y] in &rows {
        table += &format!("{a},{b},{y}\n");
    }
    std::fs::write(place.path().join("d.csv"), table).unwrap();
    let net = [
        "--layers=2,4,1",
        "--activation=tanh",
        "--loss=squared-error",
    ];
    let run = [
        "--data=d.csv",
        "--dtype=f64",
        "--epochs=200",
        "--rate=1e-2",
        "--batch=8",
        "--weights=w.safetensors",
        "--json",
    ];
    let report = json(place.path(), &[&["train"], &net[..], &run].concat());
    let last = report["epochs"].as_array().unwrap().last().unwrap().clone();
    assert!(last["valid"]["score"].as_f64().unwrap() > 0.9, "{last}");
    let matrix = |columns: std::ops::Range<usize>| {
        let rows: Vec<Vec<f64>> = rows
            .iter()
            .map(|row| row[columns.clone()].to_vec())
            .collect();
        common::matrix(common::Dtype::F64, false, &rows)
    };
    std::fs::write(
        place.path().join("d.npz"),
        common::npz(&[("x", matrix(0..2)), ("y", matrix(2..3))], false),
    )
    .unwrap();
    let files = [
        "--weights=w.safetensors",
        "--data=d.npz",
        "--output=g.safetensors",
        "--json",
    ];
    let gradient = json(place.path(), &[&["gradient"], &net[..], &files].concat());
    // R2 of all samples from the loss in the targets' own unit.
    let mean = rows.iter().map(|row| row[2]).sum::<f64>() / 40.0;
    let spread: f64 = rows.iter().map(|row| (row[2] - mean).powi(2)).sum();
    let r2 = 1.0 - gradient["loss"].as_f64().unwrap() / spread;
    let (train, valid) = (
        last["train"]["score"].as_f64().unwrap(),
        last["valid"]["score"].as_f64().unwrap(),
    );
    let (low, high) = (train.min(valid) - 0.02, train.max(valid) + 0.02);
    assert!((low..=high).contains(&r2), "{r2}, {train}, {valid}");
}

const SQUARED: [&str; 4] = [
    "train",
    "--activation=tanh",
    "--loss=squared-error",
    "--json",
];

fn judged(place: &Path, data: &str, weights: &str) -> Value {
    let (data, weights) = (format!("--data={data}"), format!("--weights={weights}"));
    let net = ["--activation=tanh", "--loss=squared-error", "--json"];
    json(place, &[&["evaluate", &data, &weights], &net[..]].concat())
}

/// A target that is the same number in all samples to train on keeps its unit, so that the losses of others are told truly.
#[test]
fn a_target_that_is_constant_in_training_has_true_losses_elsewhere() {
    let place = tempfile::tempdir().unwrap();
    let rows = |range: std::ops::Range<usize>, rare: usize| -> String {
        let target = |i| if i == rare { 103 } else { 3 };
        range
            .map(|i| format!("{i},{},{}\n", i * i % 7, target(i)))
            .collect()
    };
    let own = place.path();
    std::fs::write(own.join("rare.csv"), rows(0..40, 7)).unwrap();
    let run = [
        "--data=rare.csv",
        "--layers=2,3,1",
        "--epochs=300",
        "--batch=8",
        "--rate=1e-2",
        "--test=0.2",
        "--weights=rare.st",
    ];
    let arguments = [&SQUARED[..], &run].concat();
    let output = pushpull(own, &arguments);
    assert!(
        fault(&output).contains("target 1 is 3 in all samples to train on"),
        "{}",
        fault(&output)
    );
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let last = report["epochs"].as_array().unwrap().last().unwrap();
    let sum = |part: &Value, n: f64| part["loss"].as_f64().unwrap() * n;
    let sums = [
        sum(&last["train"], 26.0),
        sum(&last["valid"], 6.0),
        sum(&report["test"], 8.0),
    ];
    let all = judged(own, "rare.csv", "rare.st")["loss"].as_f64().unwrap();
    let told = sums.iter().sum::<f64>() / 40.0;
    assert!(
        all > 200.0 && (told / all - 1.0).abs() < 1e-4,
        "{told}, {all}"
    );
}

/// A network that was trained elsewhere keeps what it knows of an input that is constant here.
#[test]
fn weights_of_a_constant_input_are_continued() {
    let place = tempfile::tempdir().unwrap();
    let own = place.path();
    let table = |second: fn(u32) -> f64| -> String {
        let row = |i: u32| {
            let (a, b) = (f64::from(i * 7 % 30) / 30.0, second(i));
            format!("{a},{b},{}\n", a + b / 5.0)
        };
        (0..60).map(row).collect()
    };
    std::fs::write(own.join("all.csv"), table(|i| f64::from(i * 11 % 17))).unwrap();
    std::fs::write(own.join("flat.csv"), table(|_| 20.0)).unwrap();
    let run = |more: &[&str]| {
        let base = ["--layers=2,8,1", "--batch=8"];
        json(own, &[&SQUARED[..], &base, more].concat())
    };
    run(&[
        "--data=all.csv",
        "--epochs=100",
        "--rate=1e-2",
        "--weights=all.st",
    ]);
    let r2 = |weights| judged(own, "all.csv", weights)["value"].as_f64().unwrap();
    assert!(r2("all.st") > 0.95, "{}", r2("all.st"));
    run(&[
        "--data=flat.csv",
        "--epochs=1",
        "--from=all.st",
        "--rate=1e-6",
        "--weights=on.st",
    ]);
    assert!((r2("on.st") - r2("all.st")).abs() < 1e-2, "{}", r2("on.st"));
}

/// What the layers of the written network could not take in is refused before an epoch is trained.
#[test]
fn columns_whose_standardisation_is_lost_are_refused_first() {
    let place = tempfile::tempdir().unwrap();
    let own = place.path();
    let write = |name: &str, value: &dyn Fn(f64) -> f64, target: &dyn Fn(f64) -> f64| {
        let row = |i: u32| {
            let (a, b) = (f64::from(i * 7 % 31) / 15.5 - 1.0, f64::from(i * 5 % 13));
            format!("{b},{:e},{:e}\n", value(a), target(a * b))
        };
        let table: String = (0..60).map(row).collect();
        std::fs::write(own.join(name), table).unwrap();
    };
    write("huge.csv", &|a| 1.7e308 * a, &|y| y);
    write("large.csv", &|a| 1e60 * a, &|y| y);
    write("small.csv", &|a| 1e-40 * a, &|y| y);
    write("far.csv", &|a| 1e9 + a, &|y| y);
    write("targets.csv", &|a| a, &|y| 1e-42 * y);
    for (name, word) in [
        ("huge.csv", "input 2 of the samples in f32"),
        ("large.csv", "input 2 of the samples in f32"),
        ("small.csv", "input 2 of the samples in f32"),
        ("far.csv", "subtract its mean"),
        ("targets.csv", "target 1 of the samples in f32"),
    ] {
        let data = format!("--data={name}");
        let net = ["--layers=2,4,1", "--batch=8", "--weights=w.st", &data];
        let arguments = [&SQUARED[..], &net].concat();
        let output = pushpull(own, &arguments);
        assert_eq!(output.status.code(), Some(2), "{}", fault(&output));
        let said = fault(&output);
        assert!(said.contains(word) && !said.contains("epoch"), "{said}");
        assert!(!own.join("w.st").exists());
        let wider = [
            "--dtype=f64",
            "--epochs=40",
            "--rate=1e-2",
            "--plain",
            "--valid=0.5",
        ];
        let report = json(own, &[&arguments[..], &wider].concat());
        let last = report["epochs"].as_array().unwrap().last().unwrap();
        let score = |part: &str| last[part]["score"].as_f64().unwrap();
        let written = judged(own, name, "w.st")["value"].as_f64().unwrap();
        let (low, high) = (
            score("train").min(score("valid")),
            score("train").max(score("valid")),
        );
        assert!(
            low - 0.02 < written && written < high + 0.02,
            "{name}: {written}, {last}"
        );
        std::fs::remove_file(own.join("w.st")).unwrap();
    }
}

/// Targets whose squares are below the smallest number have an R2, and it is said what their loss is.
#[test]
fn a_loss_that_underflows_is_said_to() {
    let place = tempfile::tempdir().unwrap();
    let own = place.path();
    let row = |i: i32| format!("{i},{:e}\n", 1e-200 * f64::from(i * 7 % 31));
    std::fs::write(own.join("d.csv"), (0..40).map(row).collect::<String>()).unwrap();
    let run = ["--data=d.csv", "--layers=1,3,1", "--dtype=f64"];
    let run = [&SQUARED[..], &run, &["--weights=w.st"]].concat();
    let report = json(own, &run);
    let epochs = report["epochs"].as_array().unwrap();
    let train = epochs.last().unwrap()["train"]["score"].as_f64().unwrap();
    let evaluate = ["evaluate", "--data=d.csv", "--weights=w.st"];
    let net = ["--activation=tanh", "--loss=squared-error", "--json"];
    let output = pushpull(own, &[&evaluate[..], &net].concat());
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told["loss"], 0.0);
    assert!(
        (told["value"].as_f64().unwrap() - train).abs() < 0.2,
        "{told}, {train}"
    );
    assert!(
        fault(&output).contains("too small for a number"),
        "{}",
        fault(&output)
    );
}

#[test]
fn a_killed_program_resumes_to_the_same_network() {
    let place = tempfile::tempdir().unwrap();
    let arguments = |name: &str| -> Vec<String> {
        let own = ["--epochs=40", "--save-every=5", "--resume"].map(str::to_owned);
        let base = DIGITS
            .iter()
            .filter(|a| !a.starts_with("--epochs"))
            .map(|a| (*a).to_owned());
        base.chain(own)
            .chain([
                format!("--checkpoint={name}.ckpt"),
                format!("--weights={name}.st"),
            ])
            .collect()
    };
    let text = |arguments: &[String]| -> Vec<String> { arguments.to_vec() };
    let run = |name: &str| {
        let arguments = text(&arguments(name));
        json(
            place.path(),
            &arguments.iter().map(String::as_str).collect::<Vec<_>>(),
        )
    };
    run("whole");
    let mut killed = 0;
    for wait in [30, 60, 90, 120, 150] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_pushpull"))
            .args(arguments("cut"))
            .current_dir(place.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(wait));
        killed += usize::from(child.try_wait().unwrap().is_none());
        // It may have ended by itself in between.
        let _ = child.kill();
        child.wait().unwrap();
    }
    assert!(killed > 0, "the program was never killed on its way");
    run("cut");
    let read = |name: &str| std::fs::read(place.path().join(name)).unwrap();
    assert!(
        read("whole.st") == read("cut.st"),
        "another network after {killed} kills"
    );
}

#[test]
fn a_search_ranks_its_trials() {
    let place = tempfile::tempdir().unwrap();
    let base = [
        "train",
        "--set=breast-cancer",
        "--layers=30,8,1",
        "--activation=tanh",
        "--loss=sigmoid-cross-entropy",
        "--epochs=10",
        "--search=grid",
        "--hidden=4",
        "--hidden=8,8",
        "--rates=1e-3,1e-2",
        "--table=trials.csv",
        "--weights=winner.st",
    ];
    let report = json(place.path(), &[&base[..], &["--json"]].concat());
    let losses: Vec<f64> = report["trials"]
        .as_array()
        .unwrap()
        .iter()
        .map(|t| t["valid"]["loss"].as_f64().unwrap())
        .collect();
    assert!(
        losses.len() == 4 && losses.windows(2).all(|pair| pair[0] <= pair[1]),
        "{losses:?}"
    );
    let table = std::fs::read_to_string(place.path().join("trials.csv")).unwrap();
    assert_eq!(table.lines().count(), 5);
    let output = pushpull(place.path(), &base);
    assert!(String::from_utf8_lossy(&output.stdout).contains("valid loss"));
}

#[test]
fn what_cannot_be_trained_is_refused_and_writes_nothing() {
    let place = tempfile::tempdir().unwrap();
    let with = |more: &[&'static str]| [&DIGITS[..], more].concat();
    std::fs::write(place.path().join("other.ckpt"), "no checkpoint").unwrap();
    let own = place.path();
    refused(own, &with(&["--batch=100000"]), 2, "--batch");
    refused(own, &with(&["--rate=-1"]), 2, "--rate");
    refused(own, &with(&["--valid=1.5"]), 2, "--valid");
    refused(own, &with(&["--mode=backward"]), 2, "backward");
    refused(own, &with(&["--momentum=0.9"]), 2, "--momentum");
    refused(own, &with(&["--checkpoint=other.ckpt"]), 2, "which exists");
    refused(
        own,
        &with(&["--checkpoint=other.ckpt", "--resume"]),
        2,
        "another kind of file",
    );
    refused(own, &with(&["--weights=none/w.st"]), 2, "--weights");
    let long = format!("--weights={}", "w".repeat(300));
    let arguments = [&DIGITS[..], &[&long]].concat();
    refused(own, &arguments, 2, "a name that the system allows");
    refused(own, &with(&["--data=d.npz"]), 2, "cannot be used");
    refused(
        own,
        &with(&["--weights=w", "--table=w"]),
        2,
        "different files",
    );
    refused(
        own,
        &with(&["--optimiser=sgd", "--rate=1e30", "--weights=w.st"]),
        1,
        "lower the learning rate",
    );
    let narrow = [
        "train",
        "--set=diabetes",
        "--layers=9,4,1",
        "--activation=tanh",
        "--loss=squared-error",
    ];
    refused(own, &narrow, 2, "9 features");
    assert_eq!(std::fs::read_dir(own).unwrap().count(), 1);
}
