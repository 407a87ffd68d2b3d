//! `pushpull explain`, as a process.

mod common;

use std::process::Output;

use common::{Dtype, Golden, fault, layers, pushpull, rows};
use serde_json::Value;

fn explain(more: &[&str]) -> Output {
    let place = tempfile::tempdir().unwrap();
    let mut arguments = vec![
        "explain",
        "--layers",
        "4,3,2",
        "--activation",
        "tanh",
        "--loss",
        "sum",
    ];
    arguments.extend(more);
    let output = pushpull(place.path(), &arguments);
    assert!(
        common::listing(place.path()).is_empty(),
        "nothing is written"
    );
    output
}

fn text(output: Output) -> String {
    assert!(output.status.success(), "{}", fault(&output));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_programs_are_written_as_the_lecture_writes_them() {
    let told = text(explain(&[]));
    for words in [
        "primal program",
        "tangent program",
        "adjoint program",
        "h1 = layer0(x, w1)",
        "y = ⟨h4, 1⟩",
        "Ŵ@h1 = ∂w1 h1",
        "Ŵ@h4 = [∂h3 h4]·Ŵ@h3",
        "∇w y = ⟨Ŵ@h4, 1⟩",
        "h̃4 = 1",
        "∇w2 y = [∂w2ᵀ h3]·h̃3",
        "h̃2 = [∂h2ᵀ h3]·h̃3",
        "∇w1 y = ∂w1ᵀh1 · ∂h1ᵀh2 · ∂h2ᵀh3 · ∂h3ᵀh4 · 1",
        "(15, 3) (3, 3) (3, 2) (2, 1) (1)",
        "from the left (forward) 270, from the right (reverse) 62",
    ] {
        assert!(told.contains(words), "{words} in\n{told}");
    }
    assert!(!told.contains('\u{1b}'), "colours go to terminals alone");
}

/// The sums of the instructions are what `pushpull plan` says of the same network.
#[test]
fn json_adds_up_to_what_the_planner_says() {
    for (dtype, batch) in [("f64", "1"), ("f32", "7")] {
        let report: Value = serde_json::from_str(&text(explain(&[
            "--json", "--dtype", dtype, "--batch", batch,
        ])))
        .unwrap();
        assert_eq!(report["params"], 15 + 8);
        let sum = |program: &str, key: &str| -> u64 {
            let lines = report[program]["instructions"].as_array().unwrap();
            lines.iter().map(|line| line[key].as_u64().unwrap()).sum()
        };
        let place = tempfile::tempdir().unwrap();
        let plan = [
            "plan",
            "--layers",
            "4,3,2",
            "--activation",
            "tanh",
            "--loss",
            "sum",
            "--json",
            "--dtype",
            dtype,
            "--batch",
            batch,
        ];
        let plan: Value = serde_json::from_slice(&pushpull(place.path(), &plan).stdout).unwrap();
        let candidates = plan["candidates"].as_array().unwrap();
        for (name, engine, program) in [
            ("reverse", "reverse", "adjoint"),
            ("forward dense", "forward", "tangent"),
        ] {
            let said = candidates.iter().find(|row| row["name"] == name).unwrap();
            for key in ["flops", "calls"] {
                let added = sum("primal", key) + sum(program, key);
                assert_eq!(Some(added), said[key].as_u64(), "{name}, {key}");
                assert_eq!(Some(added), report[engine][key].as_u64(), "{engine}, {key}");
            }
            assert_eq!(said["peak_bytes"], report[engine]["peak_bytes"], "{name}");
        }
        let same = text(explain(&[
            "--format", "json", "--dtype", dtype, "--batch", batch,
        ]));
        assert_eq!(serde_json::from_str::<Value>(&same).unwrap(), report);
    }
}

/// Under each instruction stands what it wrote, and the gradients are those of JAX (`tests/golden/README.md`).
#[test]
fn with_weights_and_data_the_numbers_are_shown() {
    let place = tempfile::tempdir().unwrap();
    for name in Golden::NAMES {
        let golden = Golden::load(name);
        let mut arguments = golden.write(place.path(), Dtype::F64, false, false);
        arguments[0] = "explain".into();
        arguments.truncate(arguments.len() - 2); // --output
        arguments.push("--json".into());
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let told: Value = serde_json::from_str(&text(pushpull(place.path(), &arguments))).unwrap();
        assert_eq!(told["batch"], golden.batch());
        let lines = |program: &str| told[program]["instructions"].as_array().unwrap().clone();
        let written = |program: &str, what: &str| -> Vec<f64> {
            let lines = lines(program);
            let mut own = lines.iter().filter(|line| line["writes"] == what);
            rows(&own.next_back().unwrap()["numbers"]).concat()
        };
        let want: Vec<f64> = layers(&golden.value["gradient"])
            .into_iter()
            .flat_map(|layer| {
                let (rows, columns) = (layer.weight.len(), layer.weight[0].len());
                let entry = |k: usize| layer.weight[k % rows][k / rows];
                let weight: Vec<f64> = (0..rows * columns).map(entry).collect();
                [weight, layer.bias].concat()
            })
            .collect();
        let n_layers = golden.widths.len() - 1;
        let by_rows = (1..=n_layers).flat_map(|w| written("adjoint", &format!("∇w{w} y")));
        for got in [by_rows.collect(), written("tangent", "∇w y")] {
            let close =
                |(got, want): (&f64, &f64)| (got - want).abs() <= 1e-10 * (1.0 + want.abs());
            assert_eq!(got.len(), want.len(), "{name}");
            assert!(
                got.iter().zip(&want).all(close),
                "{name}: {got:?} for {want:?}"
            );
        }
        let arguments = &arguments[..arguments.len() - 1];
        let shown = text(pushpull(place.path(), arguments));
        let mut after = shown.lines().skip_while(|line| !line.starts_with("h1 = "));
        assert!(after.nth(1).unwrap().starts_with("    "), "{shown}");
    }
    assert!(fault(&explain(&["--data", "d.npz"])).contains("required"));
}

#[test]
fn the_drawing_is_a_graph_of_three_clusters() {
    let drawing = text(explain(&["--format", "dot"]));
    assert!(drawing.starts_with("digraph"));
    for program in ["primal", "tangent", "adjoint"] {
        assert!(drawing.contains(&format!("subgraph cluster_{program} {{")));
    }
    assert_eq!(drawing.matches('{').count(), drawing.matches('}').count());
    // Every arrow's ends are boxes.
    let boxes: Vec<&str> = drawing
        .lines()
        .filter_map(|line| line.trim().split_once(" [label=").map(|(name, _)| name))
        .collect();
    let arrows: Vec<(&str, &str)> = drawing
        .lines()
        .filter_map(|line| line.trim().split_once(" -> "))
        .map(|(from, to)| (from, to.split([' ', ';']).next().unwrap()))
        .collect();
    assert!(arrows.len() > 10);
    for (from, to) in arrows {
        assert!(boxes.contains(&from) && boxes.contains(&to), "{from} {to}");
    }
}

#[test]
fn wrong_options_are_refused() {
    for (more, words) in [
        (&["--format", "svg"][..], "dot"),
        (&["--format", "dot", "--json"], "--format"),
        (&["--batch", "0"], "at least 1"),
        (&["--batch", "9999999999999999"], "bytes"),
        (&["--dtype", "f16"], "f32"),
    ] {
        let output = explain(more);
        let said = fault(&output);
        assert_eq!(output.status.code(), Some(2), "{more:?}: {said}");
        assert!(
            said.contains(words) && output.stdout.is_empty(),
            "{more:?}: {said}"
        );
    }
}

#[test]
fn a_screen_of_any_width_is_written_on() {
    for columns in ["65535", "65536", "18446744073709551615", "1"] {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_pushpull"))
            .args([
                "explain",
                "--layers=2,3,1",
                "--activation=tanh",
                "--loss=sum",
            ])
            .env("COLUMNS", columns)
            .output()
            .unwrap();
        assert!(text(output).contains("primal prog"), "{columns}");
    }
}

/// A whole table would not fit on a screen, nor into memory.
#[test]
fn of_many_samples_the_first_are_run() {
    let place = tempfile::tempdir().unwrap();
    common::network(place.path(), &[2, 3, 1], 20, Dtype::F64);
    let run = |more: &[&str]| {
        let files = ["--weights=w.safetensors", "--data=d.npz"];
        let net = [
            "explain",
            "--activation=tanh",
            "--loss=squared-error",
            "--json",
        ];
        let output = pushpull(place.path(), &[&net[..], &files, more].concat());
        let said = fault(&output);
        let told: Value = serde_json::from_str(&text(output)).unwrap();
        (told["batch"].as_u64().unwrap(), said)
    };
    let (batch, said) = run(&[]);
    assert_eq!(batch, 8);
    assert!(said.contains("the first 8 of 20 samples are run"), "{said}");
    assert_eq!(run(&["--batch=20"]), (20, String::new()));
}
