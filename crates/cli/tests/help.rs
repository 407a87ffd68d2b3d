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
