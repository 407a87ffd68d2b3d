//! Reference values computed with JAX (`tests/golden/README.md` at the root), by both modes.

mod common;

use std::path::Path;

use common::agree;
use nalgebra::DMatrix;
use pushpull_tape::{Mode, Tape};
use serde_json::Value;

fn load(name: &str) -> Value {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/golden")
        .join(format!("{name}.json"));
    serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
}

/// A list of rows, a row as a column, or a number.
fn matrix(value: &Value) -> DMatrix<f64> {
    let numbers = |row: &Value| -> Vec<f64> {
        match row.as_array() {
            Some(entries) => entries.iter().map(|x| x.as_f64().unwrap()).collect(),
            None => vec![row.as_f64().unwrap()],
        }
    };
    let rows: Vec<Vec<f64>> = match value.as_array() {
        Some(rows) => rows.iter().map(numbers).collect(),
        None => vec![numbers(value)],
    };
    DMatrix::from_fn(rows.len(), rows[0].len(), |i, j| rows[i][j])
}

const MODES: [Mode; 2] = [Mode::Forward, Mode::Reverse];

#[test]
fn the_lecture_s_jacobian_of_a_matrix_product() {
    let reference = load("lecture_matmul_jacobian");
    let (x, w) = (matrix(&reference["x"]), matrix(&reference["w"]));
    let tape = Tape::new();
    let (x, w) = (tape.constant(&x), tape.variable(&w));
    let h = x.matmul(w);
    for mode in MODES {
        let jacobian = tape.by(mode).jacobian(&h, &w).unwrap();
        assert_eq!(jacobian.shape(), (3, 5, 4, 5));
        let want = matrix(&reference["jacobian_flat"]);
        agree("jacobian", &jacobian.row_major(), &want, 1e-12);
    }
}

#[test]
fn a_recurrent_network_sums_over_the_uses_of_its_weights() {
    let reference = load("recurrent_n3_t5");
    let named = ["W", "U", "b"].map(|name| matrix(&reference[name]));
    let xs = matrix(&reference["x"]).transpose();
    let tape = Tape::new();
    let [w, u, b] = named.each_ref().map(|m| tape.variable(m));
    let xs = tape.constant(&xs);
    let mut h = tape.constant(DMatrix::zeros(3, 1));
    for step in 0..5 {
        h = (w.matmul(h) + u.matmul(xs.column(step)) + b).tanh();
    }
    let y = h.sum();
    agree(
        "value",
        &y.value().unwrap(),
        &matrix(&reference["value"]),
        1e-12,
    );
    for mode in MODES {
        let gradients = tape.by(mode).gradient(&y, &[&w, &u, &b]).unwrap();
        for (got, name) in gradients.iter().zip(["W", "U", "b"]) {
            agree(name, got, &matrix(&reference["gradient"][name]), 1e-12);
        }
    }
}

#[test]
fn a_diamond_sums_over_its_paths() {
    let reference = load("diamond_n4");
    let (w, x) = (matrix(&reference["W"]), matrix(&reference["x"]));
    let tape = Tape::new();
    let (w, x) = (tape.variable(&w), tape.variable(&x));
    let a = w.matmul(x).tanh();
    let c = a * w.matmul(a).sigmoid() + x;
    let y = (c * c).sum();
    agree(
        "value",
        &y.value().unwrap(),
        &matrix(&reference["value"]),
        1e-12,
    );
    for mode in MODES {
        let gradients = tape.by(mode).gradient(&y, &[&w, &x]).unwrap();
        agree(
            "W",
            &gradients[0],
            &matrix(&reference["gradient"]["W"]),
            1e-12,
        );
        agree(
            "x",
            &gradients[1],
            &matrix(&reference["gradient"]["x"]),
            1e-12,
        );
    }
}
