//! `pushpull gradient` against reference values computed with JAX (`tests/golden/README.md`), as a process.

mod common;

use common::{Dtype, Golden, fault, layers, numbers, pushpull, rows};
use safetensors::SafeTensors;
use serde_json::Value;

#[track_caller]
fn agree(what: &str, got: &[f64], want: &[f64], tolerance: f64) {
    assert_eq!(got.len(), want.len(), "{what}: length");
    let norm = |numbers: &mut dyn Iterator<Item = f64>| numbers.map(|x| x * x).sum::<f64>().sqrt();
    let error = norm(&mut got.iter().zip(want).map(|(a, b)| a - b));
    let scale = norm(&mut want.iter().copied());
    let bound = tolerance * if scale == 0.0 { 1.0 } else { scale };
    assert!(error <= bound, "{what}: error {error:e}, allowed {bound:e}");
}

/// Runs every network in a mode and holds every array that is written against the reference.
fn every_network(mode: &str) {
    let place = tempfile::tempdir().unwrap();
    for (i, name) in Golden::NAMES.into_iter().enumerate() {
        let golden = Golden::load(name);
        for (dtype, tolerance) in [(Dtype::F64, 1e-12), (Dtype::F32, 1e-5)] {
            for reduction in ["sum", "mean"] {
                let what = format!("{name}, {mode}, {dtype:?}, {reduction}");
                let fortran = (i % 2 == 0) != (reduction == "mean");
                let mut arguments = golden.write(place.path(), dtype, fortran, dtype == Dtype::F32);
                arguments.extend(
                    ["--mode", mode, "--reduction", reduction, "--json"].map(str::to_owned),
                );
                let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
                let output = pushpull(place.path(), &arguments);
                assert!(output.status.success(), "{what}: {}", fault(&output));
                assert_eq!(fault(&output), "", "{what}");
                let report: Value = serde_json::from_slice(&output.stdout).unwrap();
                let scale = if reduction == "mean" {
                    1.0 / golden.batch() as f64
                } else {
                    1.0
                };
                let scaled =
                    |numbers: Vec<f64>| -> Vec<f64> { numbers.iter().map(|x| x * scale).collect() };
                let value = golden.value["value"].as_f64().unwrap();
                agree(
                    &what,
                    &[report["loss"].as_f64().unwrap()],
                    &[value * scale],
                    tolerance,
                );
                assert_eq!(report["mode"], mode);
                assert!(report["flops"].as_u64().unwrap() > 0, "{what}");
                assert!(report["peak_bytes"].as_u64().unwrap() > 0, "{what}");

                let bytes = std::fs::read(place.path().join("g.safetensors")).unwrap();
                let written = SafeTensors::deserialize(&bytes).unwrap();
                let want = layers(&golden.value["gradient"]);
                assert_eq!(written.len(), 2 * want.len() + 1, "{what}");
                let check = |name: &str, shape: &[usize], want: Vec<f64>| {
                    let tensor = written.tensor(name).unwrap();
                    assert_eq!(tensor.shape(), shape, "{what}: {name}");
                    assert_eq!(
                        tensor.dtype().to_string(),
                        dtype.safetensors(),
                        "{what}: {name}"
                    );
                    let got = dtype.numbers(tensor.data());
                    agree(&format!("{what}: {name}"), &got, &scaled(want), tolerance);
                };
                for (i, layer) in want.iter().enumerate() {
                    let shape = [layer.weight.len(), layer.weight[0].len()];
                    check(&format!("{}.weight", 2 * i), &shape, layer.weight.concat());
                    check(&format!("{}.bias", 2 * i), &shape[..1], layer.bias.clone());
                }
                let shape = [golden.batch(), golden.widths[0]];
                check("x", &shape, rows(&golden.value["gradient_x"]).concat());
            }
        }
    }
}

#[test]
fn reverse_mode_agrees() {
    every_network("reverse");
}

#[test]
fn forward_mode_agrees() {
    every_network("forward");
}

#[test]
fn structured_tangents_agree() {
    every_network("structured");
}

#[test]
fn checkpoints_agree() {
    every_network("checkpointed");
}

#[test]
fn the_planner_s_choice_agrees() {
    every_network("auto");
}

/// The last layer alone would do for a wrong order: layers 0, 2, .., 20 sort otherwise as text.
#[test]
fn layers_are_taken_in_the_order_of_their_numbers() {
    let place = tempfile::tempdir().unwrap();
    let mut golden = Golden::load("mlp_2_2_2_2_silu_sum");
    // y = x by the identity in ten layers, then the last one.
    golden.activation = "identity".into();
    let one = common::Layer {
        weight: vec![vec![1.0, 0.0], vec![0.0, 1.0]],
        bias: vec![0.0, 0.0],
    };
    let last = common::Layer {
        weight: vec![vec![3.0, 5.0], vec![7.0, 11.0]],
        bias: vec![1.0, 2.0],
    };
    golden.layers = vec![one; 10];
    golden.layers.push(last);
    golden.widths = vec![2; 12];
    golden.x = vec![vec![1.0, 10.0]];
    let mut arguments = golden.write(place.path(), Dtype::F64, false, false);
    arguments.extend([
        "--json".into(),
        "--mode".into(),
        "checkpointed".into(),
        "--slots".into(),
        "2".into(),
    ]);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let output = pushpull(place.path(), &arguments);
    assert!(output.status.success(), "{}", fault(&output));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        report["loss"].as_f64(),
        Some(3.0 + 50.0 + 7.0 + 110.0 + 3.0)
    );
    let bytes = std::fs::read(place.path().join("g.safetensors")).unwrap();
    let written = SafeTensors::deserialize(&bytes).unwrap();
    let of = |name: &str| Dtype::F64.numbers(written.tensor(name).unwrap().data());
    assert_eq!(of("x"), [10.0, 16.0]);
    assert_eq!(of("20.weight"), [1.0, 10.0, 1.0, 10.0]);
    // Through the last layer: column sums 10 and 16 of its weight, times the inputs.
    assert_eq!(of("0.weight"), [10.0, 100.0, 16.0, 160.0]);
}

#[test]
fn checkpoints_and_the_planner_keep_to_a_budget() {
    let place = tempfile::tempdir().unwrap();
    let golden = Golden::load("mlp_5_8_8_3_relu_softmax");
    let arguments = golden.write(place.path(), Dtype::F64, true, true);
    let run = |more: &[&str]| {
        let mut all: Vec<&str> = arguments.iter().map(String::as_str).collect();
        all.extend(more);
        pushpull(place.path(), &all)
    };
    for mode in ["checkpointed", "auto"] {
        let peak = |memory: &str| {
            let done = run(&["--mode", mode, "--memory", memory, "--json"]);
            assert!(done.status.success(), "{}", fault(&done));
            let report: Value = serde_json::from_slice(&done.stdout).unwrap();
            report["peak_bytes"].as_u64().unwrap()
        };
        assert!(peak("1MB") <= 1_000_000);
        let tight = run(&["--mode", mode, "--memory", "16", "--json"]);
        assert_eq!(tight.status.code(), Some(2));
        let said = fault(&tight);
        assert!(said.contains("--memory"), "{said}");
        let mut ends = said
            .split("at least ")
            .skip(1)
            .chain(said.split("got ").skip(1));
        let least = ends.next().unwrap();
        let least = least.split(' ').next().unwrap();
        assert!(peak(least) <= least.parse().unwrap(), "{mode}: {said}");
    }
}

#[test]
fn a_result_for_people_names_what_it_says() {
    let place = tempfile::tempdir().unwrap();
    let golden = Golden::load("mlp_3_4_2_sigmoid_squared");
    let arguments = golden.write(place.path(), Dtype::F64, false, false);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let output = pushpull(place.path(), &arguments);
    let text = String::from_utf8(output.stdout).unwrap();
    for word in [
        "loss",
        "mode        reverse",
        "flops",
        "peak bytes",
        "g.safetensors",
    ] {
        assert!(text.contains(word), "{word} in {text}");
    }
    assert!(!text.contains('\u{1b}'), "colours go to terminals alone");
}

#[test]
fn big_endian_arrays_are_read() {
    let place = tempfile::tempdir().unwrap();
    let golden = Golden::load("mlp_2_3_1_tanh_sum");
    let arguments = golden.write(place.path(), Dtype::F64, false, false);
    let data: Vec<u8> = golden
        .x
        .concat()
        .iter()
        .flat_map(|x| x.to_be_bytes())
        .collect();
    let x = common::npy(">f8", false, &format!("({}, 2)", golden.batch()), &data);
    std::fs::write(place.path().join("d.npz"), common::npz(&[("x", x)], false)).unwrap();
    let mut arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    arguments.push("--json");
    let output = pushpull(place.path(), &arguments);
    assert!(output.status.success(), "{}", fault(&output));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let value = numbers(&serde_json::json!([golden.value["value"]]));
    agree("loss", &[report["loss"].as_f64().unwrap()], &value, 1e-12);
}
