//! `pushpull compare` of several networks, batches and types, as a process.

mod common;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Output;

use common::{Dtype, Golden, fault, listing, pushpull};
use serde_json::Value;

const NET: [&str; 4] = ["--activation", "tanh", "--loss", "softmax-cross-entropy"];

fn sweep(place: &Path, more: &[&str]) -> Output {
    let mut arguments = vec!["compare", "--seconds", "1"];
    arguments.extend(NET);
    arguments.extend(more);
    pushpull(place, &arguments)
}

fn text(output: &Output) -> String {
    assert!(output.status.success(), "{}", fault(output));
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// The rows of a table by the names of its columns.
fn rows(path: &Path) -> Vec<BTreeMap<String, String>> {
    let mut table = csv::Reader::from_path(path).unwrap();
    table.deserialize().map(|row| row.unwrap()).collect()
}

/// Words of a picture.
fn svg(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn every_combination_is_measured_drawn_and_written_once() {
    let place = tempfile::tempdir().unwrap();
    let three = [
        "--layers", "6,4,3", "--layers", "6,8,3", "--layers", "6,16,3",
    ];
    let more = [
        "--batch", "1,4", "--dtype", "f32,f64", "--output", "s.svg", "--size", "900x700",
    ];
    let said = text(&sweep(place.path(), &[&three[..], &more].concat()));
    let names: Vec<_> = listing(place.path());
    assert!(names.iter().any(|name| name == "s.csv") && names.iter().any(|name| name == "s.svg"));
    let rows = rows(&place.path().join("s.csv"));
    let key = |row: &BTreeMap<String, String>| {
        ["network", "batch", "dtype", "mode"].map(|column| row[column].clone())
    };
    let mut keys: Vec<_> = rows.iter().map(key).collect();
    let all = keys.len();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), all, "a row each");
    for network in ["6-4-3", "6-8-3", "6-16-3"] {
        for batch in ["1", "4"] {
            for dtype in ["f32", "f64"] {
                for mode in ["primal", "reverse", "forward"] {
                    let key = [network, batch, dtype, mode].map(String::from);
                    assert!(keys.contains(&key), "{key:?}");
                }
                let heading = format!("{network}, batch {batch}, {dtype}: ");
                assert_eq!(said.matches(&heading).count(), 1, "{said}");
            }
        }
    }
    for row in &rows {
        let number = |column: &str| row[column].parse::<f64>().unwrap();
        assert!(["measured", "one run", "predicted"].contains(&&row["source"][..]));
        assert!(number("time_s") > 0.0 && number("peak_bytes") > 0.0);
        assert_eq!(number("depth"), 2.0);
        let primal = rows.iter().find(|other| {
            let same = ["network", "batch", "dtype"];
            other["mode"] == "primal" && same.iter().all(|column| other[*column] == row[*column])
        });
        let primal = primal.unwrap()["flops"].parse::<f64>().unwrap();
        let ratio = number("flops") / primal;
        assert!((number("flops_over_primal") - ratio).abs() < 1e-9 * ratio);
    }
    assert!(said.contains("flops/primal") && said.contains("time/primal"));
    let picture = svg(&place.path().join("s.svg"));
    for words in [
        "width=\"900\" height=\"700\"",
        "against width",
        "batch 1, f32",
        "batch 4, f64",
        "reverse",
        "time / time of the primal",
    ] {
        assert!(picture.contains(words), "{words}");
    }
}

#[test]
fn what_it_is_drawn_against_follows_what_varies_or_is_asked_for() {
    let place = tempfile::tempdir().unwrap();
    let (small, wide, deep, other) = ("6,4,3", "6,8,3", "6,4,4,3", "9,7,5,2");
    for (layers, batch, against, words) in [
        (&[small, wide][..], "2", None, "against width"),
        (&[small, deep], "2", None, "against depth"),
        (&[small, other], "2", None, "against parameters"),
        (&[small], "1,2,8", None, "against batch"),
        (&[small, wide], "2", Some("params"), "against parameters"),
        (&[small, wide], "1,2", Some("batch"), "against batch"),
    ] {
        let mut more = vec!["--batch", batch, "--output", "p.svg", "--output", "p.png"];
        for layers in layers {
            more.extend(["--layers", layers]);
        }
        if let Some(against) = against {
            more.extend(["--against", against]);
        }
        text(&sweep(place.path(), &more));
        let picture = svg(&place.path().join("p.svg"));
        assert!(picture.contains(words), "{layers:?} {batch}: {words}");
        let unrelated = layers.contains(&other);
        assert_eq!(picture.contains("not joined"), unrelated, "{layers:?}");
        let png = std::fs::read(place.path().join("p.png")).unwrap();
        assert!(png.starts_with(b"\x89PNG"));
    }
}

/// A mode that would take long is predicted with a word: in the table, in the picture, in the file. With patience it is run.
#[test]
fn what_is_predicted_looks_unlike_what_is_measured_and_patience_runs_it() {
    let place = tempfile::tempdir().unwrap();
    let net = [
        "compare",
        "--activation",
        "tanh",
        "--loss",
        "squared-error",
        "--seconds",
        "0.05",
    ];
    let more = [
        "--layers", "20,40,10", "--layers", "20,80,10", "--batch", "64", "--output", "p.svg",
    ];
    let arguments = [&net[..], &more].concat();
    let said = text(&pushpull(place.path(), &arguments));
    let sources = |mode: &str| -> Vec<String> {
        let rows = rows(&place.path().join("p.csv"));
        let of_mode = rows.into_iter().filter(|row| row["mode"] == mode);
        of_mode.map(|row| row["source"].clone()).collect()
    };
    assert_eq!(sources("forward"), ["predicted", "predicted"]);
    for words in ["predicted from its flops, not run", "; --patience "] {
        assert!(said.contains(words), "{said}");
    }
    assert!(svg(&place.path().join("p.svg")).contains("predicted, not run"));

    let patient = [&arguments[..], &["--patience", "600"]].concat();
    let said = text(&pushpull(place.path(), &patient));
    for mode in ["forward", "forward-full"] {
        assert!(
            !sources(mode).contains(&"predicted".to_owned()),
            "{mode}: {said}"
        );
    }
    assert!(!said.contains(" ~"), "{said}");
    assert!(!svg(&place.path().join("p.svg")).contains("predicted, not run"));
}

#[test]
fn progress_goes_to_stderr_with_the_time_left() {
    let place = tempfile::tempdir().unwrap();
    let more = ["--layers", "6,4,3", "--batch", "1,4", "--output", "out"];
    let output = sweep(place.path(), &more);
    let said = fault(&output);
    for words in [
        "6-4-3, batch 1, f64",
        "6-4-3, batch 4, f64",
        " left",
        "compare: done in",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert!(!text(&output).contains("done in"));
}

#[test]
fn several_configurations_are_a_list_in_json() {
    let place = tempfile::tempdir().unwrap();
    let more = [
        "--layers", "6,4,3", "--batch", "1,4,4", "--output", "out", "--json",
    ];
    let report: Value = serde_json::from_str(&text(&sweep(place.path(), &more))).unwrap();
    let configurations = report["configurations"].as_array().unwrap();
    let batches: Vec<_> = configurations
        .iter()
        .map(|one| one["batch"].as_u64())
        .collect();
    assert_eq!(
        batches,
        [Some(1), Some(4)],
        "a value given twice is measured once"
    );
    for one in configurations {
        assert_eq!(one["modes"][0]["mode"], "primal");
        assert_eq!(one["modes"][0]["flops_ratio"], 1.0);
    }
    let files = report["files"].as_array().unwrap();
    assert!(files.iter().any(|file| file == "out/compare.png"));
}

/// A file of samples is read once, and each batch takes its first ones; weights go with every batch and type.
#[test]
fn samples_and_weights_are_those_of_every_configuration() {
    let place = tempfile::tempdir().unwrap();
    let golden = Golden::load("mlp_5_8_8_3_relu_softmax");
    golden.write(place.path(), Dtype::F32, false, false);
    let net = [
        "compare",
        "--seconds",
        "0.5",
        "--activation",
        "relu",
        "--loss",
        "softmax-cross-entropy",
    ];
    let data = ["--data", "d.npz", "--output", "out", "--json"];
    let run = |more: &[&str]| pushpull(place.path(), &[&net[..], &data, more].concat());
    let more = [
        "--weights",
        "w.safetensors",
        "--batch",
        "1,2",
        "--dtype",
        "f32,f64",
    ];
    let report: Value = serde_json::from_str(&text(&run(&more))).unwrap();
    assert_eq!(report["configurations"].as_array().unwrap().len(), 4);
    assert!(
        report["configurations"][0]["data"]
            .as_str()
            .unwrap()
            .contains("d.npz")
    );
    let two = ["--layers", "5,8,3", "--layers", "5,4,3"];
    let report: Value = serde_json::from_str(&text(&run(&two))).unwrap();
    let batch = golden.batch() as u64;
    for one in report["configurations"].as_array().unwrap() {
        assert_eq!(one["batch"].as_u64(), Some(batch));
    }
    for (more, words) in [
        (&["--layers", "5,8,3", "--layers", "6,8,3"][..], "--data"),
        (&["--layers", "5,8,3", "--batch", "1,1000"], "--batch"),
        (
            &[
                "--weights",
                "w.safetensors",
                "--layers",
                "5,8,8,3",
                "--layers",
                "5,8,3",
            ],
            "--weights: expected one network, got --layers 2 times",
        ),
    ] {
        let output = run(more);
        assert_eq!(output.status.code(), Some(2), "{more:?}");
        assert!(
            fault(&output).contains(words),
            "{more:?}: {}",
            fault(&output)
        );
    }
}

#[test]
fn what_cannot_be_swept_is_refused_with_the_option_that_was_typed() {
    let place = tempfile::tempdir().unwrap();
    let before = listing(place.path());
    let one = ["--layers", "6,4,3"];
    let batches = (1..=40)
        .map(|n| n.to_string())
        .collect::<Vec<_>>()
        .join(",");
    for (more, words) in [
        (&["--size", "20x20"][..], "--size"),
        (&["--size", "1200"], "1200x800"),
        (&["--batch", "1,0"], "--batch"),
        (&["--batch", "1,1099511627776"], "--batch"),
        (&["--dtype", "f16"], "--dtype"),
        (&["--patience", "0"], "--patience"),
        (&["--threads", "100000"], "--threads"),
        (
            &["--against", "batch"],
            "--against batch: expected several batches",
        ),
        (&["--against", "depth"], "--against depth"),
        (&["--layers", "6,8,3", "--batch", &batches], "--batch"),
        (&["--output", "p.pdf"], ".svg"),
        (&["--output", "none/p.svg"], "--output"),
        (&["--output", "p.svg", "--output", "./p.svg"], "--output"),
        (&["--layers", "4"], "--layers"),
    ] {
        let output = sweep(place.path(), &[&one[..], more].concat());
        let said = fault(&output);
        assert_eq!(output.status.code(), Some(2), "{more:?}: {said}");
        assert!(
            said.contains(words) && !said.contains("::"),
            "{more:?}: {said}"
        );
        assert!(output.stdout.is_empty(), "{more:?}");
        assert_eq!(listing(place.path()), before, "{more:?}");
    }
    let none = sweep(place.path(), &["--batch", "1"]);
    assert!(fault(&none).contains("--layers"), "{}", fault(&none));
}
