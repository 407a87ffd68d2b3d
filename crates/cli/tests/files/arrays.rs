//! Samples and targets as arrays.

use std::fs;

use serde_json::Value;

use crate::NET;
use crate::common::{self, Dtype, fault, npy, npz, pushpull};

#[test]
fn arrays_of_any_type_are_samples() {
    let place = tempfile::tempdir().unwrap();
    let own = place.path();
    let x: [(&str, Vec<u8>); 4] = [
        ("|u1", vec![1, 2, 3, 5]),
        (
            "<i2",
            [1_i16, 2, 3, 5]
                .iter()
                .flat_map(|n| n.to_le_bytes())
                .collect(),
        ),
        (
            ">f4",
            [1_f32, 2.0, 3.0, 5.0]
                .iter()
                .flat_map(|n| n.to_be_bytes())
                .collect(),
        ),
        (
            "<f2",
            [0x3c00_u16, 0x4000, 0x4200, 0x4500]
                .iter()
                .flat_map(|n| n.to_le_bytes())
                .collect(),
        ),
    ];
    let y: [(&str, &str, Vec<u8>); 4] = [
        ("|u1", "(2,)", vec![0, 2]),
        ("<f8", "(2, 1)", Dtype::F64.bytes(&[0.0, 2.0])),
        ("|b1", "(2, 3)", vec![1, 0, 0, 0, 0, 1]),
        (
            "<i8",
            "(2,)",
            [0_i64, 2].iter().flat_map(|n| n.to_le_bytes()).collect(),
        ),
    ];
    let mut seen = Vec::new();
    for (descr, bytes) in &x {
        for (target, shape, classes) in &y {
            let arrays = [
                ("x", npy(descr, false, "(2, 2)", bytes)),
                ("y", npy(target, false, shape, classes)),
            ];
            fs::write(own.join("d.npz"), npz(&arrays, false)).unwrap();
            let output = pushpull(
                own,
                &[&["xray", "--data=d.npz", "--json"][..], &NET].concat(),
            );
            assert!(
                output.status.success(),
                "{descr} {target}: {}",
                fault(&output)
            );
            seen.push(output.stdout);
        }
    }
    assert!(seen.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn what_is_said_of_tables_is_refused_of_arrays() {
    let place = tempfile::tempdir().unwrap();
    let own = place.path();
    let x = || common::matrix(Dtype::F64, false, &[vec![1.0, 2.0], vec![3.0, 5.0]]);
    let y = || common::classes(true, &[0, 2]);
    fs::write(own.join("d.npz"), npz(&[("x", x()), ("y", y())], false)).unwrap();
    let images = npy(
        "<f8",
        false,
        "(2, 1, 2)",
        &Dtype::F64.bytes(&[1.0, 2.0, 3.0, 5.0]),
    );
    fs::write(own.join("i.npz"), npz(&[("x", images), ("y", y())], false)).unwrap();
    let fields = "[('Sum', '<f8'), ('b', '<f8')]";
    let header = format!("{{'descr': {fields}, 'fortran_order': False, 'shape': (2,), }}");
    let fields = common::npy_with(&header, &[0; 32]);
    fs::write(own.join("f.npy"), &fields).unwrap();
    fs::write(
        own.join("f.npz"),
        npz(&[("x", fields.clone()), ("y", y())], false),
    )
    .unwrap();
    fs::write(own.join("fy.npz"), npz(&[("x", x()), ("y", fields)], false)).unwrap();
    let words = npy("<U1", false, "(2,)", b"a\0\0\0b\0\0\0");
    fs::write(own.join("w.npz"), npz(&[("x", x()), ("y", words)], false)).unwrap();
    fs::write(
        own.join("x.npy"),
        common::matrix(Dtype::F64, false, &[vec![1.0, 2.0, 0.0]]),
    )
    .unwrap();
    for (more, words) in [
        (
            &["--data=d.npz", "--target=1"][..],
            "--target: expected a table",
        ),
        (
            &["--data=d.npz", "--header=yes"],
            "--header: expected a table",
        ),
        (
            &["--data=d.npz", "--missing=drop"],
            "--missing: expected a table",
        ),
        (
            &["--data=x.npy", "--header=yes"],
            "--header: expected a table",
        ),
        (&["--data=i.npz"], "x.reshape(len(x), -1)"),
        (&["--data=w.npz"], "return_inverse=True"),
        (
            &["--data=f.npz"],
            "got [('Sum', '<f8'), ('b', '<f8'), ]; save numpy.lib.recfunctions.structured_to_unstructured(x)",
        ),
        (&["--data=fy.npz"], "structured_to_unstructured(y)"),
        (&["--data=f.npy"], "got [('Sum', '<f8'), ('b', '<f8'), ]"),
        (&["--data=."], "a file in it"),
        (&["--data=/dev/null"], "standard input"),
        (&["--data=t.csv.zip"], "No such file"),
    ] {
        let output = pushpull(own, &[&["xray"][..], &NET, more].concat());
        assert_eq!(output.status.code(), Some(2), "{more:?}");
        let said = fault(&output);
        assert!(said.contains(words) && said.lines().count() == 1, "{said}");
    }
}

/// An array alone: its targets in a second file, or in its own columns.
#[test]
fn arrays_in_files_of_their_own_are_samples() {
    let place = tempfile::tempdir().unwrap();
    let own = place.path();
    let x = [vec![1.0, 2.0], vec![3.0, 5.0]];
    let with_class = [vec![1.0, 2.0, 0.0], vec![3.0, 5.0, 2.0]];
    fs::write(own.join("x.npy"), common::matrix(Dtype::F32, true, &x)).unwrap();
    fs::write(own.join("y.npy"), common::classes(true, &[0, 2])).unwrap();
    fs::write(
        own.join("xy.npy"),
        common::matrix(Dtype::F64, false, &with_class),
    )
    .unwrap();
    fs::write(own.join("t.csv"), "1,2,0\n3,5,2\n").unwrap();
    let seen = |more: &[&str]| {
        let output = pushpull(own, &[&["xray", "--json"][..], &NET, more].concat());
        match output.status.success() {
            true => Ok(serde_json::from_slice::<Value>(&output.stdout).unwrap()["blocks"].clone()),
            false => Err(fault(&output)),
        }
    };
    let table = seen(&["--data=t.csv"]);
    assert!(table.is_ok());
    assert_eq!(seen(&["--data=x.npy", "--labels=y.npy"]), table);
    assert_eq!(seen(&["--data=xy.npy"]), table);
    for (more, words) in [
        (&["--data=x.npy"][..], "--labels"),
        (&["--data=t.csv", "--labels=y.npy"], "leave --labels out"),
        (
            &["--data=x.npy", "--labels=x.npy"],
            "x.npy with x.npy: array y",
        ),
        (&["--data=x.npy", "--labels=no.npy"], "no.npy"),
        (&["--data=xy.npy", "--target=4"], "--target"),
    ] {
        let refused = seen(more).unwrap_err();
        assert!(
            refused.contains(words) && refused.lines().count() == 1,
            "{refused}"
        );
    }
    // No header lies in an array, numbers are read with all their digits, and what is no array is said to be none.
    let row = vec![f64::NAN; 3];
    fs::write(
        own.join("xy.npy"),
        common::matrix(Dtype::F64, false, &[row, vec![3.0, 5.0, 2.0]]),
    )
    .unwrap();
    assert!(
        seen(&["--data=xy.npy"])
            .unwrap_err()
            .contains("line 1, column 1")
    );
    let far = [vec![1e-300, 2.0, 0.0], vec![3.0, 5.0, 2.0]];
    fs::write(own.join("xy.npy"), common::matrix(Dtype::F64, false, &far)).unwrap();
    assert!(seen(&["--data=xy.npy"]).is_ok() && seen(&["--data=xy.npy", "--batch=1"]).is_ok());
    fs::write(own.join("no.npy"), "1,2,0\n").unwrap();
    assert!(
        seen(&["--data=no.npy"])
            .unwrap_err()
            .contains("an npy file")
    );
    // A NaN of an array is a missing value of a table.
    let gap = [
        vec![1.0, f64::NAN, 0.0],
        vec![3.0, 5.0, 2.0],
        vec![3.0, 7.0, 2.0],
    ];
    fs::write(own.join("xy.npy"), common::matrix(Dtype::F64, false, &gap)).unwrap();
    assert!(
        seen(&["--data=xy.npy"])
            .unwrap_err()
            .contains("line 1, column 2")
    );
    fs::write(own.join("t.csv"), "1,6,0\n3,5,2\n3,7,2\n").unwrap();
    assert_eq!(
        seen(&["--data=xy.npy", "--missing=mean"]),
        seen(&["--data=t.csv"])
    );
}

#[test]
fn targets_of_yes_or_no_lie_between_0_and_1() {
    let place = tempfile::tempdir().unwrap();
    let own = place.path();
    let net = [
        "--layers=3,2",
        "--activation=tanh",
        "--loss=sigmoid-cross-entropy",
    ];
    let x = common::matrix(Dtype::F64, false, &vec![vec![1.0, 2.0, 3.0]; 2]);
    for wrong in [-1.0, 7.0] {
        let y = common::matrix(Dtype::F64, false, &[vec![1.0, 0.0], vec![wrong, 1.0]]);
        fs::write(own.join("d.npz"), npz(&[("x", x.clone()), ("y", y)], false)).unwrap();
        let output = pushpull(own, &[&["compare", "--data=d.npz"][..], &net].concat());
        assert_eq!(output.status.code(), Some(2));
        assert!(fault(&output).contains("0 to 1"), "{}", fault(&output));
    }
}

#[test]
fn answers_of_yes_or_no_are_scored_each_by_itself() {
    let place = tempfile::tempdir().unwrap();
    let own = place.path();
    let rows: Vec<Vec<f64>> = (0..64_u32)
        .map(|j| {
            (0..3)
                .map(|k| if j >> k & 1 == 1 { 1.0 } else { -1.0 })
                .collect()
        })
        .collect();
    let y: Vec<Vec<f64>> = rows
        .iter()
        .map(|row| row.iter().map(|&x| f64::from(u8::from(x > 0.0))).collect())
        .collect();
    let arrays = [
        ("x", common::matrix(Dtype::F64, false, &rows)),
        ("y", common::matrix(Dtype::F64, false, &y)),
    ];
    fs::write(own.join("d.npz"), npz(&arrays, false)).unwrap();
    let run = [
        "train",
        "--data=d.npz",
        "--layers=3,3",
        "--activation=tanh",
        "--loss=sigmoid-cross-entropy",
        "--epochs=100",
        "--rate=0.1",
        "--json",
    ];
    let output = pushpull(own, &run);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        report["epochs"][99]["valid"]["score"],
        1.0,
        "{}",
        fault(&output)
    );
}
