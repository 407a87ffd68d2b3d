//! Runs that would take long, as processes: what is said before they start. They are ended as soon as it was said.

mod common;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use common::{Dtype, network};

/// The line of stderr that has these words, of a program that is ended then.
fn said(place: &Path, arguments: &[&str], words: &str) -> String {
    let mut child = Command::new(env!("CARGO_BIN_EXE_pushpull"))
        .args(arguments)
        .current_dir(place)
        .env("PUSHPULL_CALIBRATION", place.join("calibration.txt"))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut all = String::new();
    let mut found = None;
    for line in BufReader::new(child.stderr.take().unwrap()).lines() {
        let line = line.unwrap();
        all += &format!("{line}\n");
        if line.contains(words) {
            found = Some(line);
            break;
        }
    }
    let _ = child.kill();
    let _ = child.wait();
    found.unwrap_or_else(|| panic!("no {words:?} in {all}"))
}

/// 284,810 parameters.
const WIDTHS: [usize; 4] = [300, 400, 400, 10];
const BATCH: usize = 256;

#[test]
fn a_long_gradient_says_which_mode_would_be_faster() {
    let place = tempfile::tempdir().unwrap();
    network(place.path(), &WIDTHS, BATCH, Dtype::F64);
    let net = ["--activation", "tanh", "--loss", "squared-error"];
    let files = [
        "--weights",
        "w.safetensors",
        "--data",
        "d.npz",
        "--output",
        "g.safetensors",
    ];
    let all = [&["gradient", "--mode", "forward"][..], &net, &files].concat();
    let line = said(place.path(), &all, "predicted to take");
    assert!(line.starts_with("gradient by --mode forward"), "{line}");
    for words in ["; faster: --mode", "--mode reverse", "--dtype f32"] {
        assert!(line.contains(words), "{words}: {line}");
    }
    let progress = said(place.path(), &all, "running ");
    assert!(progress.contains('%'), "{progress}");
}

#[test]
fn a_long_training_names_the_mode_and_the_epochs() {
    let place = tempfile::tempdir().unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/digits.csv.gz");
    let data = root.to_str().unwrap();
    let net = [
        "--layers",
        "64,256,10",
        "--activation",
        "tanh",
        "--loss",
        "softmax-cross-entropy",
    ];
    let run = ["--data", data, "--mode", "forward", "--epochs", "100000"];
    let line = said(
        place.path(),
        &[&["train"][..], &net, &run].concat(),
        "predicted to take",
    );
    for words in [
        "train by --mode forward",
        "--mode reverse",
        "fewer --epochs",
    ] {
        assert!(line.contains(words), "{words}: {line}");
    }
}

#[test]
fn a_mode_that_patience_runs_for_long_is_announced() {
    let place = tempfile::tempdir().unwrap();
    let net = [
        "--layers",
        "300,600,600,10",
        "--activation",
        "tanh",
        "--loss",
        "squared-error",
    ];
    let run = [
        "--batch",
        "256",
        "--seconds",
        "0.5",
        "--patience",
        "600000",
        "--output",
        "out",
    ];
    let line = said(
        place.path(),
        &[&["compare"][..], &net, &run].concat(),
        "predicted to take",
    );
    for words in [
        "compare: forward",
        "300-600-600-10, batch 256, f64",
        "--patience",
    ] {
        assert!(line.contains(words), "{words}: {line}");
    }
}

#[test]
fn a_long_look_inside_a_network_names_what_it_would_take_with_less() {
    let place = tempfile::tempdir().unwrap();
    let net = [
        "--layers",
        "64,900,900,900",
        "--activation",
        "tanh",
        "--loss",
        "squared-error",
    ];
    let run = ["--exact", "900", "--samples", "32", "--batch", "32"];
    let all = [&["xray"][..], &net, &run].concat();
    let line = said(place.path(), &all, "predicted to take");
    assert!(line.starts_with("xray: predicted to take"), "{line}");
    for words in ["; faster: ", "--samples 1 (", "--exact 0 ("] {
        assert!(line.contains(words), "{words}: {line}");
    }
    // What is done for some samples takes as long in a smaller batch.
    assert!(!line.contains("--batch"), "{line}");
    let progress = said(place.path(), &all, "running ");
    assert!(progress.contains('%'), "{progress}");
}

/// What this machine was measured to take for a network, written as that of one that is a thousand times slower.
fn slow_machine(place: &Path, net: &[&str]) {
    let planned = common::pushpull(place, &[&["plan"], net].concat());
    assert!(planned.status.success(), "{}", common::fault(&planned));
    let path = place.join("calibration.txt");
    let slower = |point: &str| {
        let (width, seconds) = point.split_once(':').unwrap();
        format!("\t{width}:{:e}", 1e3 * seconds.parse::<f64>().unwrap())
    };
    let text = std::fs::read_to_string(&path).unwrap();
    let lines = text.lines().map(|line| {
        let mut parts = line.split('\t');
        let name = parts.next().unwrap();
        format!("{name}{}\n", parts.map(slower).collect::<String>())
    });
    std::fs::write(&path, lines.collect::<String>()).unwrap();
}

#[test]
fn a_long_explanation_says_what_would_be_faster() {
    let place = tempfile::tempdir().unwrap();
    // 94,405 parameters, whose tangents take a gigabyte and ten billion flops: seconds on this machine.
    network(place.path(), &[64, 200, 200, 200, 5], 2, Dtype::F64);
    let net = [
        "--activation=tanh",
        "--loss=squared-error",
        "--weights=w.safetensors",
        "--data=d.npz",
    ];
    slow_machine(place.path(), &net);
    let all = [&["explain"][..], &net].concat();
    let line = said(place.path(), &all, "predicted to take");
    assert!(line.starts_with("explain, which"), "{line}");
    for words in ["; faster: without --data", "--batch 1 ("] {
        assert!(line.contains(words), "{words}: {line}");
    }
    let progress = said(place.path(), &all, "running ");
    assert!(progress.contains('%'), "{progress}");
}

#[test]
fn an_explanation_that_does_not_fit_is_refused_without_a_forecast() {
    let place = tempfile::tempdir().unwrap();
    network(place.path(), &WIDTHS, BATCH, Dtype::F64);
    let output = common::pushpull(
        place.path(),
        &[
            "explain",
            "--activation=tanh",
            "--loss=squared-error",
            "--weights=w.safetensors",
            "--data=d.npz",
            &format!("--batch={BATCH}"),
        ],
    );
    let said = common::fault(&output);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.contains("trace a narrower network"), "{said}");
}

#[test]
fn figures_show_how_far_they_are() {
    let place = tempfile::tempdir().unwrap();
    let run = ["figures", "--only", "noise,descent", "--output", "out"];
    let line = said(place.path(), &run, "descent: gradient descent and SGD");
    // By what they take beside each other: 9.5 of 14 seconds are over.
    assert!(line.starts_with("figures  68 %"), "{line}");
}
