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
