//! `pushpull plan` and `pushpull gradient --mode auto`, as processes: one answer to one question.

mod common;

use std::path::Path;
use std::process::Output;

use common::{Dtype, Golden, fault, network, pushpull};
use serde_json::Value;

fn json(output: &Output) -> Value {
    assert!(output.status.success(), "{}", fault(output));
    serde_json::from_slice(&output.stdout).unwrap()
}

const NET: [&str; 9] = [
    "--activation",
    "tanh",
    "--loss",
    "squared-error",
    "--weights",
    "w.safetensors",
    "--data",
    "d.npz",
    "--json",
];

/// What both say of a budget: the way's name, flops and bytes, or the refusal.
fn answers(place: &Path, with_x: bool, memory: Option<&str>) -> [Result<(u64, u64), String>; 2] {
    let memory: Vec<&str> = memory.map_or(Vec::new(), |memory| vec!["--memory", memory]);
    let (plan_x, gradient_x): (&[&str], &[&str]) = match with_x {
        true => (&["--with-x"], &[]),
        false => (&[], &["--no-x"]),
    };
    let plan = pushpull(place, &[&["plan"][..], &NET, plan_x, &memory].concat());
    let mode = ["gradient", "--mode", "auto", "--output", "g.safetensors"];
    let gradient = pushpull(place, &[&mode[..], &NET, gradient_x, &memory].concat());
    let of = |output: &Output, row: &dyn Fn(&Value) -> Value| match output.status.code() {
        Some(0) => {
            let row = row(&json(output));
            Ok((
                row["flops"].as_u64().unwrap(),
                row["peak_bytes"].as_u64().unwrap(),
            ))
        }
        _ => {
            let said = fault(output);
            let line = said.lines().find(|line| line.starts_with("error"));
            let line = line.unwrap_or(&said);
            // `pushpull gradient` has no --batch: its remedy names what it has.
            Err(line.replace("fewer samples in --data", "a smaller --batch"))
        }
    };
    let picked = |report: &Value| {
        let rows = report["candidates"].as_array().unwrap();
        rows.iter()
            .find(|row| row["picked"] == true)
            .unwrap()
            .clone()
    };
    [of(&plan, &picked), of(&gradient, &Value::clone)]
}

#[test]
fn they_answer_alike_for_one_question_and_budget() {
    for (widths, batch, dtype) in [
        (&[5, 8, 3][..], 1, Dtype::F64),
        (&[5, 8, 8, 3], 7, Dtype::F32),
        (&[2, 1], 3, Dtype::F64),
        (&[6, 40, 40, 40, 40, 2], 32, Dtype::F32),
    ] {
        let place = tempfile::tempdir().unwrap();
        network(place.path(), widths, batch, dtype);
        for with_x in [true, false] {
            let what = format!("{widths:?}, batch {batch}, {dtype:?}, with x: {with_x}");
            let [plan, gradient] = answers(place.path(), with_x, None);
            assert_eq!(plan, gradient, "{what}");
            let (_, peak) = plan.unwrap();
            // The least that does is in the refusal, and does.
            let [refused, again] = answers(place.path(), with_x, Some("10"));
            assert_eq!(refused, again, "{what}");
            let refused = refused.unwrap_err();
            let smallest = refused.split("got ").nth(1).unwrap();
            let smallest: u64 = smallest.split(' ').next().unwrap().parse().unwrap();
            assert!(smallest <= peak, "{what}: {refused}");
            let middle = (smallest + peak) / 2;
            for budget in [smallest - 1, smallest, middle, peak - 1, peak, 10 * peak] {
                let [plan, gradient] = answers(place.path(), with_x, Some(&budget.to_string()));
                assert_eq!(plan, gradient, "{what}, {budget} bytes");
                match plan {
                    Ok((_, taken)) => assert!(taken <= budget, "{what}, {budget}: {taken}"),
                    Err(refused) => assert!(budget < smallest, "{what}, {budget}: {refused}"),
                }
            }
        }
    }
}

/// The reduction is part of the question, and so is the type of the weights.
#[test]
fn reduction_and_type_are_taken_alike() {
    let place = tempfile::tempdir().unwrap();
    let golden = Golden::load("mlp_5_8_8_3_relu_softmax");
    golden.write(place.path(), Dtype::F32, false, false);
    let net = [
        "--activation",
        "relu",
        "--loss",
        "softmax-cross-entropy",
        "--reduction",
        "mean",
    ];
    let files = ["--weights", "w.safetensors", "--data", "d.npz", "--json"];
    let plan = json(&pushpull(
        place.path(),
        &[&["plan"][..], &net, &files].concat(),
    ));
    assert_eq!(plan["dtype"], "f32");
    let mode = [
        "gradient",
        "--mode",
        "auto",
        "--no-x",
        "--output",
        "g.safetensors",
    ];
    let gradient = json(&pushpull(place.path(), &[&mode[..], &net, &files].concat()));
    let rows = plan["candidates"].as_array().unwrap();
    let picked = rows.iter().find(|row| row["picked"] == true).unwrap();
    assert_eq!(picked["flops"], gradient["flops"]);
    assert_eq!(picked["peak_bytes"], gradient["peak_bytes"]);
    let jvp = ["plan", "--with-x", "--question", "jvp:2"];
    let refused = pushpull(place.path(), &[&jvp[..], &net, &files].concat());
    assert_eq!(refused.status.code(), Some(2));
    assert!(fault(&refused).contains("--with-x"), "{}", fault(&refused));
}
