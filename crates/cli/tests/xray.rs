//! `pushpull xray`, as a process.

mod common;

use std::path::Path;
use std::process::Output;

use common::{Dtype, Golden, Layer, fault, listing, matrix, npz, pushpull, safetensors, tensors};
use serde_json::Value;

fn json(output: &Output) -> Value {
    assert!(output.status.success(), "{}", fault(output));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn block<'r>(report: &'r Value, name: &str) -> &'r Value {
    let blocks = report["blocks"].as_array().unwrap();
    let found = blocks.iter().find(|block| block["name"] == name);
    found.unwrap_or_else(|| panic!("no {name} in {report}"))
}

/// The gradient's norms by reference values that another library computed.
#[test]
fn gradient_norms_are_those_of_the_reference_values() {
    for name in Golden::NAMES {
        let place = tempfile::tempdir().unwrap();
        let golden = Golden::load(name);
        let mut arguments = golden.write(place.path(), Dtype::F64, false, false);
        arguments[0] = "xray".into();
        arguments.truncate(arguments.len() - 2);
        for (reduction, scale) in [("sum", 1.0), ("mean", 1.0 / golden.batch() as f64)] {
            let mut arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            arguments.extend(["--reduction", reduction, "--json"]);
            let report = json(&pushpull(place.path(), &arguments));
            assert!(report["culprit"].is_null());
            let value = golden.value["value"].as_f64().unwrap() * scale;
            assert!((report["value"].as_f64().unwrap() - value).abs() <= 1e-12 * value.abs());
            for (i, layer) in common::layers(&golden.value["gradient"]).iter().enumerate() {
                let numbers = layer.weight.concat().into_iter().chain(layer.bias.clone());
                let norm = scale * numbers.map(|g| g * g).sum::<f64>().sqrt();
                let got = block(&report, &format!("layer{i}"))["gradient_norm"]
                    .as_f64()
                    .unwrap();
                assert!((got - norm).abs() <= 1e-12 * norm, "{name}: {got} {norm}");
            }
        }
    }
}

/// A 2-2-2 network of two rotations: gains and singular values of one.
#[test]
fn a_network_of_rotations_has_gains_of_one() {
    let place = tempfile::tempdir().unwrap();
    let (c, s) = (0.3_f64.cos(), 0.3_f64.sin());
    let layer = Layer {
        weight: vec![vec![c, -s], vec![s, c]],
        bias: vec![0.0, 0.0],
    };
    let weights = safetensors(&tensors(Dtype::F64, &[layer.clone(), layer]));
    std::fs::write(place.path().join("w.safetensors"), weights).unwrap();
    let arguments = [
        "xray",
        "--layers",
        "2,2,2",
        "--activation",
        "identity",
        "--loss",
        "sum",
        "--weights",
        "w.safetensors",
        "--json",
    ];
    let report = json(&pushpull(place.path(), &arguments));
    for name in ["layer0", "layer1", "identity0"] {
        let block = block(&report, name);
        assert!(
            (block["gain"].as_f64().unwrap() - 1.0).abs() < 1e-12,
            "{block}"
        );
        for value in block["spectrum"]["values"][0].as_array().unwrap() {
            assert!((value.as_f64().unwrap() - 1.0).abs() < 1e-12, "{block}");
        }
    }
}

#[test]
fn the_table_names_the_block_and_the_value_that_a_nan_came_from() {
    let place = tempfile::tempdir().unwrap();
    let one = |w: f64| Layer {
        weight: vec![vec![w]],
        bias: vec![0.0],
    };
    let weights = safetensors(&tensors(Dtype::F64, &[one(2.0), one(1.0)]));
    std::fs::write(place.path().join("w.safetensors"), weights).unwrap();
    let x = matrix(Dtype::F64, false, &[vec![1.0], vec![-3.0]]);
    std::fs::write(place.path().join("d.npz"), npz(&[("x", x)], false)).unwrap();
    let arguments = [
        "xray",
        "--layers",
        "1,1,1",
        "--activation",
        "ln",
        "--loss",
        "sum",
        "--weights",
        "w.safetensors",
        "--data",
        "d.npz",
    ];
    let output = pushpull(place.path(), &arguments);
    assert_eq!(output.status.code(), Some(0), "{}", fault(&output));
    let text = String::from_utf8(output.stdout).unwrap();
    let said = "not finite, in the primal program: ln0 made NaN at row 0, sample 1 of -6e0";
    assert!(text.contains(said), "{text}");
    assert!(!text.contains('\u{1b}'), "colours go to terminals alone");
    let report = json(&pushpull(
        place.path(),
        &[&arguments[..], &["--json"]].concat(),
    ));
    assert_eq!(report["culprit"]["name"], "ln0");
    assert_eq!(
        (
            report["culprit"]["given"].as_f64(),
            &report["culprit"]["entry"]
        ),
        (Some(-6.0), &serde_json::json!([0, 1]))
    );
    assert!(report["value"].is_null());
}

/// The lecture's figure 8 on a few digits: sigmoids' gradients vanish towards the input.
#[test]
fn sigmoids_vanish_on_the_repository_s_digits_and_the_picture_is_drawn() {
    let place = tempfile::tempdir().unwrap();
    let digits = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/digits.csv.gz");
    let arguments = [
        "xray",
        "--layers",
        "64,16,16,16,16,16,10",
        "--activation",
        "sigmoid",
        "--loss",
        "softmax-cross-entropy",
        "--init",
        "uniform:0.5",
        "--batch",
        "4",
        "--output",
        "out",
        "--threads",
        "2",
        "--json",
        "--data",
        digits.to_str().unwrap(),
    ];
    let report = json(&pushpull(place.path(), &arguments));
    let norm = |name: &str| block(&report, name)["cotangent_norm"].as_f64().unwrap();
    assert!(
        norm("layer0") < 0.1 * norm("layer5"),
        "{} {}",
        norm("layer0"),
        norm("layer5")
    );
    for i in 0..5 {
        assert!(
            block(&report, &format!("sigmoid{i}"))["gain"]
                .as_f64()
                .unwrap()
                <= 0.25
        );
    }
    // The Jacobian leads to the last layer, which has ten outputs.
    assert_eq!(
        block(&report, "layer0")["spectrum"]["values"][3]
            .as_array()
            .unwrap()
            .len(),
        10
    );
    assert!(block(&report, "loss")["spectrum"].is_null());
    assert_eq!(
        listing(&place.path().join("out")),
        [Path::new("xray.csv"), Path::new("xray.png")]
    );
    let png = std::fs::read(place.path().join("out/xray.png")).unwrap();
    assert!(png.starts_with(b"\x89PNG"));
    // Layers are blocks 1, 3, 5; a line through all blocks would go up and down.
    let table = std::fs::read_to_string(place.path().join("out/xray.csv")).unwrap();
    let places = |name: &str| -> Vec<usize> {
        let start = format!("series,{name},");
        let rows = table.lines().filter_map(|line| line.strip_prefix(&start));
        rows.map(|row| row.split(',').next().unwrap().parse().unwrap())
            .collect()
    };
    assert_eq!(places("cotangent after layers"), [1, 3, 5, 7, 9, 11]);
    assert_eq!(places("singular value after activations"), [2, 4, 6, 8, 10]);
    assert_eq!(places("cotangent after other blocks"), [12]);
}

#[test]
fn weights_of_single_precision_make_a_run_of_single_precision() {
    let place = tempfile::tempdir().unwrap();
    let golden = Golden::load("mlp_5_8_8_3_relu_softmax");
    let mut arguments = golden.write(place.path(), Dtype::F32, true, true);
    arguments[0] = "xray".into();
    arguments.truncate(arguments.len() - 2);
    let arguments: Vec<&str> = arguments
        .iter()
        .map(String::as_str)
        .chain(["--json"])
        .collect();
    assert_eq!(json(&pushpull(place.path(), &arguments))["scalar"], "f32");
}

#[test]
fn what_is_wrong_is_refused_and_nothing_is_written() {
    let place = tempfile::tempdir().unwrap();
    let nan = matrix(Dtype::F64, false, &[vec![1.0, f64::NAN]]);
    std::fs::write(place.path().join("nan.npz"), npz(&[("x", nan)], false)).unwrap();
    std::fs::write(place.path().join("w.safetensors"), [0xff; 64]).unwrap();
    std::fs::write(place.path().join("t.csv"), "1,2\n3,4,5\n").unwrap();
    let before = listing(place.path());
    for (more, words) in [
        (&["--data", "nan.npz"][..], "finite"),
        (&["--data", "none.npz"], "none.npz"),
        (&["--data", "t.csv"], "line 2"),
        (&["--data", "w.safetensors"], "w.safetensors"),
        (&["--weights", "w.safetensors"], "header"),
        (&["--weights", "w.safetensors", "--init", "he"], "--init"),
        (&["--init", "xavier"], "glorot"),
        (&["--flat", "2"], "0 to 1"),
        (&["--threads", "100000"], "threads"),
        (&["--batch", "1099511627776"], "data"),
        (&["--output", "t.csv"], "--output"),
        (&["--layers", "2,4294967296,1"], "--layers"),
    ] {
        let mut arguments = vec!["xray", "--activation", "tanh", "--loss", "sum"];
        if !more.contains(&"--layers") {
            arguments.extend(["--layers", "2,3"]);
        }
        arguments.extend(more);
        let output = pushpull(place.path(), &arguments);
        let said = fault(&output);
        assert_eq!(output.status.code(), Some(2), "{more:?}: {said}");
        assert!(
            said.contains(words) || words == "--layers" && said.contains("bytes"),
            "{more:?}: {said}"
        );
        assert!(output.stdout.is_empty());
        assert_eq!(listing(place.path()), before, "{more:?}");
    }
}
