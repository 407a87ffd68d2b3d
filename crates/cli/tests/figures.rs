//! `pushpull figures`, as a process.

mod common;

use common::{fault, listing, pushpull};
use serde_json::Value;

#[test]
fn every_figure_is_drawn_with_its_numbers_and_every_claim_has_a_verdict() {
    let place = tempfile::tempdir().unwrap();
    let output = pushpull(
        place.path(),
        &["figures", "--quick", "--json", "--output", "out"],
    );
    assert!(output.status.success(), "{}", fault(&output));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let figures = report["figures"].as_array().unwrap();
    assert!(figures.len() >= 12, "{}", figures.len());
    for figure in figures {
        let name = figure["name"].as_str().unwrap();
        for ending in ["png", "csv"] {
            let file = place.path().join(format!("out/{name}.{ending}"));
            assert!(file.metadata().unwrap().len() > 100, "{}", file.display());
        }
        for claim in figure["claims"].as_array().unwrap() {
            let verdict = claim["verdict"].as_str().unwrap();
            assert!(
                ["held", "held in part", "did not hold"].contains(&verdict),
                "{claim}"
            );
        }
    }
    let text = std::fs::read_to_string(place.path().join("out/FIGURES.md")).unwrap();
    assert!(text.contains("| **held** |"), "{text}");
}

#[test]
fn an_unknown_experiment_and_a_file_in_the_way_are_refused_and_nothing_is_written() {
    let place = tempfile::tempdir().unwrap();
    std::fs::write(place.path().join("file"), "mine").unwrap();
    for (arguments, named) in [
        (&["figures", "--only", "deep"][..], "one of linear, "),
        (&["figures", "--output", "file"][..], "a directory"),
    ] {
        let output = pushpull(place.path(), arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(fault(&output).contains(named), "{}", fault(&output));
    }
    assert_eq!(listing(place.path()), [std::path::PathBuf::from("file")]);
}
