//! What the program says about itself.

mod common;

use common::{fault, pushpull};

#[test]
fn help_has_examples_and_exit_codes() {
    let place = tempfile::tempdir().unwrap();
    for (arguments, words) in [
        (
            &["--help"][..],
            ["Examples:", "pushpull gradient --layers", "Exit codes:"],
        ),
        (
            &["gradient", "--help"],
            ["Examples:", "--weights w.safetensors", "Exit codes:"],
        ),
        (
            &["compare", "--help"],
            ["Examples:", "--batch 32", "Exit codes:"],
        ),
        (
            &["train", "--help"],
            ["Examples:", "--set digits", "Exit codes:"],
        ),
        (
            &["plan", "--help"],
            ["Examples:", "--chain chain.txt", "Exit codes:"],
        ),
        (
            &["explain", "--help"],
            ["Examples:", "--format dot", "Exit codes:"],
        ),
        (
            &["xray", "--help"],
            ["Examples:", "uniform:0.5", "Exit codes:"],
        ),
    ] {
        let output = pushpull(place.path(), arguments);
        assert_eq!(output.status.code(), Some(0));
        let text = String::from_utf8(output.stdout).unwrap();
        for word in words {
            assert!(text.contains(word), "{arguments:?}: {word}");
        }
        assert!(!text.contains('\u{1b}'), "colours go to terminals alone");
    }
}

#[test]
fn a_wrong_name_is_answered_with_the_right_ones() {
    let place = tempfile::tempdir().unwrap();
    let output = pushpull(
        place.path(),
        &[
            "compare",
            "--layers",
            "4,2",
            "--activation",
            "rleu",
            "--loss",
            "sum",
        ],
    );
    assert_eq!(output.status.code(), Some(2));
    assert!(fault(&output).contains("relu"), "{}", fault(&output));
    assert!(output.stdout.is_empty());
}

/// A line that is copied is a whole one, or ends in a backslash.
#[test]
fn examples_fit_on_a_terminal() {
    for command in [
        "", "gradient", "predict", "evaluate", "compare", "train", "plan", "explain", "xray",
        "figures",
    ] {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_pushpull"))
            .args([command, "--help"].iter().filter(|word| !word.is_empty()))
            .env("COLUMNS", "80")
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let (_, examples) = text.split_once("Examples:\n").unwrap();
        let (examples, _) = examples.split_once("\n\n").unwrap();
        let mut goes_on = false;
        for line in examples.lines() {
            assert_ne!(
                line.starts_with("  pushpull "),
                goes_on,
                "{command}: {examples}"
            );
            goes_on = line.ends_with('\\');
        }
        assert!(text.contains("130") || !["", "train", "compare", "figures"].contains(&command));
    }
}
