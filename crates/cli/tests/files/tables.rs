//! Tables of samples: what is read, refused, scaled and said of them.

use std::fs;

use serde_json::Value;

use crate::common::{fault, pushpull};
use crate::{NET, read};

#[test]
fn tables_are_read_or_refused_with_line_and_column() {
    let place = tempfile::tempdir().unwrap();
    let own = place.path();
    let good: [(&[u8], &str); 7] = [
        (b"\xef\xbb\xbf1,2,0\n3,4,1\n5,6,0\n", "3 samples"),
        (b"gr\xf6\xdfe,b,class\n1,2,0\n3,4,1\n", "Latin-1"),
        (b"\na,b,class\n1,2,0\n3,4,1\n", "header in line 2"),
        (b"a;b;class\n1,5;2,5;0\n3;4;1\n", "semicolons"),
        (b"1\t2\t0\r\n3\t4\t1\r\n", "tabs"),
        (
            b"label,p0,p1\n0,0,200\n1,201,1\n",
            "\"label\" (column 1), as the header says",
        ),
        (b"\"a\",\"b, c\",\"class\"\n\"1\",2,0\n3,4,1\n", "commas"),
    ];
    for (table, words) in good {
        let said = read(own, table, &[]).unwrap();
        assert!(said.contains(words), "{words}: {said}");
    }
    let bad: [(&[u8], &str); 6] = [
        (b"1.O,2.5,0\n1.5,2.5,0\n-0.5,1.0,1\n", "line 1, column 1"),
        (b"nan,2.5,0\n1.5,2.5,0\n", "line 1, column 1"),
        (b"1.5,,2.5,0\n,-0.5,1.0,1\n", "line 1"),
        (b"1.5,2,0\n,-0.5,1\n", "line 2, column 1"),
        (b"1,2,0\n3,4\n", "line 2"),
        (b"1,2,0\n3,4,0.5\n", "line 2, column 3"),
    ];
    for (table, words) in bad {
        let said = read(own, table, &["--weights=w.st"]).unwrap_err();
        assert!(said.contains(words), "{words}: {said}");
        assert!(!own.join("w.st").exists());
    }
    assert!(
        read(own, b"1,2,0\n,4,1\n5,6,2\n", &["--missing=drop"])
            .unwrap()
            .contains("left out for missing values: 1")
    );
    assert!(
        read(own, b"k,a,b\n0,1,2\n1,3,4\n", &["--target=k"])
            .unwrap()
            .contains("--target")
    );
    assert!(read(own, b"k,a,b\n0,1,2\n1,3,4\n", &["--header=no"]).is_err());
}

#[test]
fn a_file_of_another_kind_has_a_remedy_that_fits() {
    let place = tempfile::tempdir().unwrap();
    for (name, remedy) in [
        ("t.xlsx", "CSV"),
        ("t.pt", "numpy.savez"),
        ("t.parquet", "to_csv"),
        ("table", ".csv"),
    ] {
        fs::write(place.path().join(name), "1,2,0\n").unwrap();
        let data = format!("--data={name}");
        let output = pushpull(place.path(), &[&["compare", &data][..], &NET].concat());
        assert_eq!(output.status.code(), Some(2));
        assert!(fault(&output).contains(remedy), "{}", fault(&output));
    }
    for (name, text) in [
        ("T.CSV", "1,2,0\n"),
        ("t.tsv", "1\t2\t0\n"),
        ("t.txt", "1 2 0\n"),
    ] {
        fs::write(place.path().join(name), text).unwrap();
        let data = format!("--data={name}");
        let output = pushpull(place.path(), &[&["plan", &data][..], &NET].concat());
        assert!(output.status.success(), "{}", fault(&output));
    }
}

#[test]
fn words_are_classes_whose_names_go_with_the_weights() {
    let place = tempfile::tempdir().unwrap();
    let own = place.path();
    let mut table = String::from("a,b,kind\n");
    for k in 0..30 {
        let (x, word) = [(-2.0, "red"), (0.0, "green"), (2.0, "blue")][k % 3];
        table += &format!("{},{},{word}\n", x + 0.01 * k as f64, -x);
    }
    fs::write(own.join("t.csv"), &table).unwrap();
    let train = [
        "train",
        "--data=t.csv",
        "--target=kind",
        "--epochs=200",
        "--batch=8",
        "--rate=0.05",
        "--weights=w.safetensors",
    ];
    let output = pushpull(own, &[&train[..], &NET].concat());
    assert!(output.status.success(), "{}", fault(&output));
    assert!(fault(&output).contains("epoch 200"), "{}", fault(&output));

    let judge = [
        "evaluate",
        "--weights=w.safetensors",
        "--data=t.csv",
        "--target=kind",
        "--output=judged",
        "--json",
    ];
    let output = pushpull(own, &[&judge[..], &NET[1..]].concat());
    assert!(output.status.success(), "{}", fault(&output));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let judged = report.clone();
    assert_eq!(report["value"], 1.0);
    assert_eq!(
        report["classes"],
        serde_json::json!(["red", "green", "blue"])
    );
    assert_eq!(
        report["confusion"],
        serde_json::json!([[10, 0, 0], [0, 10, 0], [0, 0, 10]])
    );
    assert!(own.join("judged/confusion.png").exists());
    // The picture's cells are shares of a class, its words the counts.
    let cells = fs::read_to_string(own.join("judged/confusion.csv")).unwrap();
    let green: Vec<&str> = cells.lines().filter(|l| l.starts_with("green,")).collect();
    assert_eq!(
        green,
        ["green,red,0,0", "green,green,1,10", "green,blue,0,0"]
    );

    fs::write(own.join("new.csv"), "-2,2\n2,-2\n").unwrap();
    let predict = ["predict", "--weights=w.safetensors", "--data=new.csv"];
    let output = pushpull(own, &[&predict[..], &NET[1..]].concat());
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "class,p(red),p(green),p(blue)");
    assert!(
        lines[1].starts_with("red,") && lines[2].starts_with("blue,"),
        "{text}"
    );
    let output = pushpull(
        own,
        &[&predict[..], &NET[1..], &["--output=p.npz"]].concat(),
    );
    assert!(output.status.success(), "{}", fault(&output));

    // Learning curves, and a part that took no part.
    let curves = [
        "train",
        "--data=t.csv",
        "--target=kind",
        "--epochs=20",
        "--batch=8",
        "--test=0.2",
        "--plot=curves",
        "--json",
    ];
    let output = pushpull(own, &[&curves[..], &NET].concat());
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(report["test"]["loss"].as_f64().unwrap() > 0.0, "{report}");
    assert_eq!(
        report["train_samples"].as_u64().unwrap() + report["valid_samples"].as_u64().unwrap(),
        24
    );
    assert!(own.join("curves/learning.png").exists() && own.join("curves/learning.csv").exists());

    // Words are the classes that the weights know, in whatever order they come.
    let mut lines: Vec<&str> = table.lines().collect();
    lines[1..].reverse();
    fs::write(own.join("t.csv"), lines.join("\n")).unwrap();
    // From where it stands it goes on, and is written under the same names.
    let more = [
        "train",
        "--data=t.csv",
        "--target=kind",
        "--epochs=1",
        "--batch=8",
        "--rate=1e-9",
        "--from=w.safetensors",
        "--weights=w2.safetensors",
    ];
    let output = pushpull(own, &[&more[..], &NET[1..]].concat());
    assert!(output.status.success(), "{}", fault(&output));
    let judge = [
        "evaluate",
        "--weights=w2.safetensors",
        "--data=t.csv",
        "--target=kind",
        "--json",
    ];
    let output = pushpull(own, &[&judge[..], &NET[1..]].concat());
    let after: Value = serde_json::from_slice(&output.stdout).unwrap();
    let loss = |report: &Value| report["loss"].as_f64().unwrap();
    assert!(
        (loss(&after) - loss(&judged)).abs() < 1e-4 * loss(&judged),
        "{after}"
    );
}

/// Without samples of one's own nothing is read that they could be about.
#[test]
fn how_a_table_is_read_needs_a_table() {
    let place = tempfile::tempdir().unwrap();
    for option in [
        "--target=1",
        "--header=yes",
        "--missing=drop",
        "--labels=y.npy",
    ] {
        for command in [
            &["xray", "--layers=2,3"][..],
            &["compare", "--layers=2,3"],
            &["train", "--layers=64,10", "--set=digits", "--epochs=1"],
        ] {
            let run = [command, &NET[1..], &[option]].concat();
            let output = pushpull(place.path(), &run);
            let said = fault(&output);
            assert_eq!(output.status.code(), Some(2), "{run:?}: {said}");
            let other = if command[0] == "train" {
                "--set"
            } else {
                "--data"
            };
            assert!(said.contains(other), "{run:?}: {said}");
        }
    }
}

/// 1e9 and 1e9 + 1 are one number of f32; its numbers there are 64 apart.
#[test]
fn what_f32_cannot_hold_is_said() {
    let place = tempfile::tempdir().unwrap();
    let own = place.path();
    let table = b"1,1000000000,0\n2,1000000001,1\n3,1000000002,2\n1,1000000003,1\n";
    let said = read(own, table, &[]).unwrap_err();
    assert!(said.contains("input 2 of the samples in f32"), "{said}");
    assert!(read(own, table, &["--dtype=f64"]).is_ok());
    let table = b"1,1000000000,0\n2,1000002020,1\n3,1000004040,2\n1,1000002020,1\n";
    let said = read(own, table, &[]).unwrap();
    assert!(
        said.contains("f32 cannot hold how samples differ in number 2"),
        "{said}"
    );
    assert!(
        !read(own, table, &["--dtype=f64"])
            .unwrap()
            .contains("cannot hold")
    );
    assert!(
        !read(own, b"1,20,0\n2,30,1\n0.1,40,2\n", &[])
            .unwrap()
            .contains("cannot hold")
    );
}

#[test]
fn a_column_that_is_constant_up_to_rounding_is_not_scaled() {
    let place = tempfile::tempdir().unwrap();
    let own = place.path();
    let mut table = String::new();
    for k in 0..100 {
        let x = (f64::from(k)).sin();
        let constant = if k == 0 { 0.1 + 0.2 } else { 0.3 };
        table += &format!(
            "{x:?},{constant:?},{:?}\n",
            2.0 * x + 0.01 * (7.0 * x).cos()
        );
    }
    fs::write(own.join("t.csv"), table).unwrap();
    let net = ["--activation=tanh", "--loss=squared-error"];
    let run = [
        "train",
        "--data=t.csv",
        "--layers=2,4,1",
        "--epochs=60",
        "--rate=0.02",
        "--weights=w.safetensors",
        "--json",
    ];
    let output = pushpull(own, &[&run[..], &net].concat());
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let trained = report["epochs"][59]["train"]["score"].as_f64().unwrap();
    let judge = [
        "evaluate",
        "--weights=w.safetensors",
        "--data=t.csv",
        "--json",
    ];
    let output = pushpull(own, &[&judge[..], &net].concat());
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let written = report["value"].as_f64().unwrap();
    assert!(
        trained > 0.9 && (written - trained).abs() < 0.05,
        "{trained}, {written}"
    );
}

/// The order of a file's lines is none of the classes.
#[test]
fn words_need_weights_that_have_their_names() {
    let place = tempfile::tempdir().unwrap();
    let own = place.path();
    fs::write(own.join("numbers.csv"), "1,2,0\n3,4,1\n5,6,2\n7,8,0\n").unwrap();
    fs::write(own.join("words.csv"), "1,2,red\n3,4,green\n").unwrap();
    let train = [
        "train",
        "--data=numbers.csv",
        "--epochs=1",
        "--batch=1",
        "--valid=0.5",
        "--plain",
        "--weights=w.safetensors",
    ];
    let output = pushpull(own, &[&train[..], &NET].concat());
    assert!(output.status.success(), "{}", fault(&output));
    for command in [
        &["evaluate"][..],
        &["gradient", "--output=g"],
        &["xray"],
        &["explain"],
    ] {
        let files = ["--weights=w.safetensors", "--data=words.csv"];
        let output = pushpull(own, &[command, &files, &NET].concat());
        let said = fault(&output);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(
            said.contains("\"red\"") && said.contains("number the classes"),
            "{said}"
        );
    }
    // Weights that are drawn have learnt no class.
    let output = pushpull(own, &[&["xray", "--data=words.csv"][..], &NET].concat());
    assert!(output.status.success(), "{}", fault(&output));
}

/// A name that is too long is cut, and classes that are too many are not drawn; the evaluation is said in any case.
#[test]
fn a_confusion_matrix_of_any_classes_is_written() {
    let place = tempfile::tempdir().unwrap();
    let own = place.path();
    let name = "a-class-of-a-very-long-name-that-goes-on-and-on";
    let table: String = (0..12)
        .map(|k| format!("{k},{},{name}{}\n", k % 3, k % 3))
        .collect();
    let many: String = (0..400)
        .map(|k| format!("{k},{},{}\n", k % 7, k % 200))
        .collect();
    for (table, outputs, drawn) in [(table, 3, true), (many, 200, false)] {
        fs::write(own.join("t.csv"), table).unwrap();
        let layers = format!("--layers=2,{outputs}");
        let net = [
            "--data=t.csv",
            "--weights=w.safetensors",
            &layers,
            NET[1],
            NET[2],
        ];
        let output = pushpull(
            own,
            &[&["train", "--epochs=1", "--batch=4", "--plain"][..], &net].concat(),
        );
        assert!(output.status.success(), "{}", fault(&output));
        let directory = format!("--output=d{outputs}");
        let output = pushpull(own, &[&["evaluate", &directory][..], &net].concat());
        let said = fault(&output);
        assert!(output.status.success(), "{said}");
        assert!(
            String::from_utf8(output.stdout)
                .unwrap()
                .contains("accuracy")
        );
        let directory = own.join(format!("d{outputs}"));
        assert_eq!(directory.join("confusion.png").exists(), drawn);
        assert_eq!(
            said.contains("confusion.png is not drawn"),
            !drawn,
            "{said}"
        );
        let csv = fs::read_to_string(directory.join("confusion.csv")).unwrap();
        assert_eq!(csv.lines().count(), 1 + outputs * outputs);
        assert_eq!(csv.contains(name), drawn);
    }
}
