//! `pushpull compare`, as a process.

mod common;

use std::path::Path;

use common::{Dtype, Golden, fault, listing, pushpull};
use serde_json::Value;

fn compare(place: &Path, more: &[&str]) -> std::process::Output {
    let mut arguments = vec!["compare", "--seconds", "2", "--output", "out"];
    arguments.extend(more);
    pushpull(place, &arguments)
}

fn report(output: &std::process::Output) -> Value {
    assert!(output.status.success(), "{}", fault(output));
    serde_json::from_slice(&output.stdout).unwrap()
}

const SMALL: [&str; 6] = [
    "--layers",
    "6,8,3",
    "--activation",
    "relu",
    "--loss",
    "softmax-cross-entropy",
];

fn mode<'a>(report: &'a Value, name: &str) -> &'a Value {
    let modes = report["modes"].as_array().unwrap();
    modes
        .iter()
        .find(|mode| mode["mode"] == name)
        .unwrap_or_else(|| panic!("no {name} in {report}"))
}

#[test]
fn every_mode_has_flops_bytes_and_a_time_over_the_primal_s() {
    let place = tempfile::tempdir().unwrap();
    let mut arguments = SMALL.to_vec();
    arguments.extend(["--batch", "4", "--json"]);
    let report = report(&compare(place.path(), &arguments));
    assert_eq!(
        (report["params"].as_u64(), report["batch"].as_u64()),
        (Some(7 * 8 + 9 * 3), Some(4))
    );
    // One primal: two linear layers of 2 mnB + mB, relu, and the loss's 8 n B.
    let primal = mode(&report, "primal");
    assert_eq!(
        primal["flops"].as_u64(),
        Some(4 * (2 * 6 * 8 + 8 + 2 * 8 * 3 + 3 + 8 * 3))
    );
    assert_eq!(primal["ratio"].as_f64(), Some(1.0));
    for name in ["reverse", "checkpointed", "structured", "forward"] {
        let mode = mode(&report, name);
        assert_eq!(mode["source"], "measured", "{mode}");
        assert!(mode["flops"].as_u64() > primal["flops"].as_u64(), "{mode}");
        assert!(
            mode["peak_bytes"].as_u64() > Some(8 * (7 * 8 + 9 * 3)),
            "{mode}"
        );
        let [low, median, high] =
            ["seconds_low", "seconds", "seconds_high"].map(|key| mode[key].as_f64().unwrap());
        assert!(0.0 < low && low <= median && median <= high, "{mode}");
        assert!(mode["ratio"].as_f64().unwrap() > 0.0);
    }
    assert!(
        mode(&report, "forward")["flops"].as_u64() > mode(&report, "reverse")["flops"].as_u64()
    );
    let names: Vec<String> = listing(&place.path().join("out"))
        .iter()
        .map(|name| name.display().to_string())
        .collect();
    assert_eq!(names, ["compare.csv", "compare.png"]);
    let png = std::fs::read(place.path().join("out/compare.png")).unwrap();
    assert!(png.starts_with(b"\x89PNG"));
    let mut table = csv::Reader::from_path(place.path().join("out/compare.csv")).unwrap();
    assert_eq!(
        table.records().filter(|row| row.is_ok()).count(),
        report["modes"].as_array().unwrap().len()
    );
    for column in [
        "peak_bytes",
        "time_s",
        "time_over_primal",
        "flops_over_primal",
        "source",
    ] {
        assert!(
            table.headers().unwrap().iter().any(|name| name == column),
            "{column}"
        );
    }
}

#[test]
fn a_mode_that_would_take_too_long_is_predicted_and_marked_so() {
    let place = tempfile::tempdir().unwrap();
    let arguments = [
        "--layers",
        "40,100,100,10",
        "--activation",
        "tanh",
        "--loss",
        "squared-error",
        "--batch",
        "64",
        "--seconds",
        "0.05",
    ];
    let mut all = vec!["compare", "--output", "out"];
    all.extend(arguments);
    let output = pushpull(place.path(), &all);
    assert!(output.status.success(), "{}", fault(&output));
    let text = String::from_utf8(output.stdout).unwrap();
    let forward = text
        .lines()
        .find(|line| line.starts_with("forward "))
        .unwrap();
    assert!(
        forward.contains("predicted from its flops, not run") && forward.contains(" ~"),
        "{text}"
    );
    assert!(text.contains("--patience"), "{text}");
    assert!(!text.contains('\u{1b}'), "colours go to terminals alone");
}

#[test]
fn data_may_come_from_tables_and_archives() {
    let place = tempfile::tempdir().unwrap();
    let digits = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/digits.csv.gz");
    let digits = digits.to_str().unwrap();
    let arguments = [
        "--layers",
        "64,4,10",
        "--activation",
        "tanh",
        "--loss",
        "softmax-cross-entropy",
        "--batch",
        "8",
        "--dtype",
        "f32",
        "--threads",
        "2",
        "--json",
    ];
    let mut all = arguments.to_vec();
    all.extend(["--data", digits]);
    let of_digits = report(&compare(place.path(), &all));
    assert_eq!(
        (of_digits["batch"].as_u64(), of_digits["dtype"].as_str()),
        (Some(8), Some("f32"))
    );

    let golden = Golden::load("mlp_5_8_8_3_relu_softmax");
    std::fs::write(
        place.path().join("d.npz"),
        golden.data(Dtype::F32, true, true),
    )
    .unwrap();
    let arguments = [
        "--layers",
        "5,8,3",
        "--activation",
        "relu",
        "--loss",
        "softmax-cross-entropy",
        "--data",
        "d.npz",
        "--json",
    ];
    let of_archive = report(&compare(place.path(), &arguments));
    assert_eq!(of_archive["batch"].as_u64(), Some(golden.batch() as u64));
}

#[test]
fn what_is_wrong_is_refused_and_nothing_is_written() {
    let place = tempfile::tempdir().unwrap();
    std::fs::write(place.path().join("t.csv"), "1,2,3,4,5,6,0\n1,2,3,4,5,6,7\n").unwrap();
    std::fs::write(place.path().join("t.csv.gz"), "no gzip").unwrap();
    let before = listing(place.path());
    for (more, words) in [
        (&["--data", "none.npz"][..], "none.npz"),
        (&["--data", "t.csv"], "line 2"),
        (
            &["--data", "t.csv", "--batch", "1", "--layers", "5,8,3"],
            "--layers",
        ),
        (&["--data", "t.csv.gz"], "line 1"),
        (&["--threads", "100000"], "threads"),
        (&["--batch", "1099511627776"], "data"),
        (&["--seconds", "0"], "seconds"),
        (&["--output", "t.csv"], "--output"),
    ] {
        let mut arguments = vec!["compare"];
        arguments.extend(SMALL);
        arguments.extend(more);
        let output = pushpull(place.path(), &arguments);
        assert_eq!(
            output.status.code(),
            Some(2),
            "{more:?}: {}",
            fault(&output)
        );
        assert!(
            fault(&output).contains(words),
            "{more:?}: {}",
            fault(&output)
        );
        assert!(output.stdout.is_empty(), "{more:?}");
        assert_eq!(listing(place.path()), before, "{more:?}");
    }
}
