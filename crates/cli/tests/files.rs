//! The files that people bring, as the program reads and writes them: tables, weights, outputs.

mod common;

use std::fs;
use std::path::Path;

use common::{Dtype, Tensor, fault, npy, npz, pushpull, safetensors};
use serde_json::Value;

const NET: [&str; 3] = [
    "--layers=2,3",
    "--activation=identity",
    "--loss=softmax-cross-entropy",
];

/// Trains on a table for an epoch, and gives what was said.
fn read(place: &Path, table: &[u8], more: &[&str]) -> Result<String, String> {
    fs::write(place.join("t.csv"), table).unwrap();
    let common = [
        "train",
        "--data=t.csv",
        "--epochs=1",
        "--batch=1",
        "--valid=0.5",
        "--plain",
    ];
    let output = pushpull(place, &[&common[..], &NET, more].concat());
    match output.status.code() {
        Some(0) => Ok(fault(&output)),
        Some(2) => Err(fault(&output)),
        other => panic!("{other:?}: {}", fault(&output)),
    }
}

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

fn tensor(name: &str, dtype: &'static str, shape: &[usize], data: Vec<u8>) -> Tensor {
    Tensor {
        name: name.into(),
        dtype,
        shape: shape.to_vec(),
        data,
    }
}

/// x with two rows and no target.
fn data(place: &Path) {
    let x = common::matrix(Dtype::F64, false, &[vec![1.0, 2.0], vec![3.0, 5.0]]);
    fs::write(place.join("d.npz"), npz(&[("x", x)], false)).unwrap();
}

/// The sum of the outputs of a network without activations.
fn sum(place: &Path, more: &[&str]) -> Result<f64, String> {
    let common = [
        "gradient",
        "--activation=identity",
        "--loss=sum",
        "--weights=w.safetensors",
        "--data=d.npz",
        "--output=g.safetensors",
        "--json",
    ];
    let output = pushpull(place, &[&common[..], more].concat());
    if !output.status.success() {
        return Err(fault(&output));
    }
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    Ok(report["loss"].as_f64().unwrap())
}

#[test]
fn weights_of_any_names_types_and_layouts_are_read() {
    let place = tempfile::tempdir().unwrap();
    let own = place.path();
    data(own);
    let f64s = |numbers: &[f64]| Dtype::F64.bytes(numbers);
    let write =
        |tensors: &[Tensor]| fs::write(own.join("w.safetensors"), safetensors(tensors)).unwrap();
    // h = A x with A = [1 2; 3 4; 5 6], y = [1 10 100] h + 1000
    let (a, b) = ([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [1.0, 10.0, 100.0]);
    let right = {
        let h = |x: [f64; 2]| {
            [
                x[0] + 2.0 * x[1],
                3.0 * x[0] + 4.0 * x[1],
                5.0 * x[0] + 6.0 * x[1],
            ]
        };
        let y = |x| h(x)[0] + 10.0 * h(x)[1] + 100.0 * h(x)[2] + 1000.0;
        y([1.0, 2.0]) + y([3.0, 5.0])
    };
    // Nested names with prefixes, a layer without bias, a counter that is no layer's.
    write(&[
        tensor("module._orig_mod.net.10.weight", "F64", &[1, 3], f64s(&b)),
        tensor("module._orig_mod.net.10.bias", "F64", &[1], f64s(&[1000.0])),
        tensor("module._orig_mod.net.9.weight", "F64", &[3, 2], f64s(&a)),
        tensor(
            "module._orig_mod.bn.num_batches_tracked",
            "I64",
            &[],
            vec![0; 8],
        ),
    ]);
    assert_eq!(sum(own, &[]), Ok(right));
    assert_eq!(sum(own, &["--layers=2,3,1"]), Ok(right));
    let bytes = fs::read(own.join("g.safetensors")).unwrap();
    let gradient = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let mut names = gradient.names();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "module._orig_mod.net.10.bias",
            "module._orig_mod.net.10.weight",
            "module._orig_mod.net.9.weight",
            "x"
        ]
    );
    sum(own, &["--no-x"]).unwrap();
    let bytes = fs::read(own.join("g.safetensors")).unwrap();
    assert_eq!(
        safetensors::SafeTensors::deserialize(&bytes)
            .unwrap()
            .names()
            .len(),
        3
    );
    // Keras: kernels stored inputs x outputs; float16 and bfloat16.
    let half = |numbers: &[u16]| {
        numbers
            .iter()
            .flat_map(|n| n.to_le_bytes())
            .collect::<Vec<u8>>()
    };
    let transposed = [1.0, 3.0, 5.0, 2.0, 4.0, 6.0];
    write(&[
        tensor("dense.kernel", "F64", &[2, 3], f64s(&transposed)),
        tensor(
            "dense_1.kernel",
            "F16",
            &[3, 1],
            half(&[0x3c00, 0x4900, 0x5640]),
        ),
        tensor("dense_1.bias", "BF16", &[1], half(&[0x447a])),
    ]);
    assert_eq!(sum(own, &[]), Ok(right));
    // Found by shape where a bias tells.
    write(&[
        tensor("fc1.weight", "F64", &[2, 3], f64s(&transposed)),
        tensor("fc1.bias", "F64", &[3], f64s(&[0.0; 3])),
        tensor("fc2.weight", "F64", &[3, 1], f64s(&b)),
        tensor("fc2.bias", "F64", &[1], f64s(&[1000.0])),
    ]);
    assert_eq!(sum(own, &[]), Ok(right));
    // Square layers are told apart by their names alone.
    let square = |first: &str, second: &str| {
        write(&[
            tensor(
                &format!("{first}.weight"),
                "F64",
                &[2, 2],
                f64s(&[1.0, 1.0, 0.0, 0.0]),
            ),
            tensor(
                &format!("{second}.weight"),
                "F64",
                &[2, 2],
                f64s(&[0.0, 1.0, 0.0, 1.0]),
            ),
        ]);
    };
    square("a9", "a10");
    let in_order = sum(own, &[]).unwrap();
    assert_ne!(sum(own, &["--map=a9=z"]).unwrap(), in_order);
    assert_ne!(sum(own, &["--transpose"]).unwrap(), in_order);
    assert!(sum(own, &["--map=none=z"]).unwrap_err().contains("\"a9\""));
    assert!(sum(own, &["--layers=2,2"]).unwrap_err().contains("--map"));
    assert!(sum(own, &["--layers=2,2", "--map=a10="]).is_ok());
}

/// Shapes allow two orders and names have no numbers: what was taken is said.
#[test]
fn what_of_the_weights_is_not_read_is_said_or_refused() {
    let place = tempfile::tempdir().unwrap();
    let own = place.path();
    data(own);
    let f64s = |n: usize| Dtype::F64.bytes(&vec![1.0; n]);
    let two = || {
        vec![
            tensor("fc1.weight", "F64", &[2, 2], f64s(4)),
            tensor("fc1.bias", "F64", &[2], f64s(2)),
            tensor("fc2.weight", "F64", &[2, 2], f64s(4)),
            tensor("fc3.weight", "F64", &[1, 2], f64s(2)),
        ]
    };
    let write =
        |tensors: &[Tensor]| fs::write(own.join("w.safetensors"), safetensors(tensors)).unwrap();
    let said = |more: &[&str]| {
        let common = [
            "gradient",
            "--activation=identity",
            "--loss=sum",
            "--weights=w.safetensors",
            "--data=d.npz",
            "--output=g.safetensors",
        ];
        let output = pushpull(own, &[&common[..], more].concat());
        (output.status.code(), fault(&output))
    };
    // Of a layer that --layers leaves out, and of one that is no linear layer, the network is another without it.
    write(&two());
    let (code, words) = said(&["--layers=2,1"]);
    assert_eq!(code, Some(0), "{words}");
    assert!(
        words.contains(
            "not used: \"fc1.bias\", \"fc1.weight\", \"fc2.weight\"; the network that is read"
        ),
        "{words}"
    );
    let mut norm = two();
    norm.push(tensor("bn.weight", "F64", &[2], f64s(2)));
    write(&norm);
    let (code, words) = said(&[]);
    assert_eq!(code, Some(0), "{words}");
    assert!(words.contains("without them"), "{words}");
    let mut count = two();
    count.push(tensor("bn.num_batches_tracked", "I64", &[], vec![0; 8]));
    write(&count);
    assert!(!said(&[]).1.contains("without them"));
    // What cannot be left out, as it is a layer's.
    let mut integers = two();
    integers[0] = tensor("fc1.weight", "I8", &[2, 2], vec![1; 4]);
    write(&integers);
    let (code, words) = said(&[]);
    assert_eq!(code, Some(2), "{words}");
    assert!(
        words.contains("\"fc1.weight\": expected float16") && words.contains("got integers"),
        "{words}"
    );
    assert_eq!(said(&["--map=fc1="]).0, Some(0));
    for part in [
        "fc1.weight_v",
        "fc1.weight_orig",
        "fc1.parametrizations.weight.original0",
    ] {
        let mut folded = two();
        folded[0] = tensor(part, "F64", &[2, 2], f64s(4));
        write(&folded);
        let (code, words) = said(&[]);
        assert_eq!(code, Some(2), "{words}");
        assert!(words.contains("fold it before saving"), "{words}");
    }
    write(&two());
    let (code, words) = said(&["--map=fc1=fc2"]);
    assert_eq!(code, Some(2), "{words}");
    assert!(words.contains("\"fc2\" twice"), "{words}");
    assert_eq!(said(&["--map=fc1=fc2", "--map=fc2=fc1"]).0, Some(0));
    // Numbers of hundreds of digits fill no screen.
    let mut far = two();
    far[0] = tensor(
        "fc1.weight",
        "F64",
        &[2, 2],
        Dtype::F64.bytes(&[1e300, 0.0, 0.0, 0.0]),
    );
    write(&far);
    assert!(said(&["--dtype=f32"]).1.contains("got 1e300 at [0, 0]"));
}

#[test]
fn a_file_of_another_library_has_a_remedy_that_saves_it() {
    let place = tempfile::tempdir().unwrap();
    let own = place.path();
    data(own);
    for (start, words) in [
        (&b"PK\x03\x04"[..], "model.state_dict()"),
        (b"\x80\x02}q\0X", "a pickle"),
        (b"\x89HDF\r\n\x1a\n", "safetensors.numpy.save_file"),
        (b"\x93NUMPY\x01\0", "an npy file"),
    ] {
        fs::write(own.join("w.safetensors"), [start, &[0; 99]].concat()).unwrap();
        let said = sum(own, &[]).unwrap_err();
        assert!(said.contains(words), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}

#[test]
fn an_order_that_names_leave_open_is_said() {
    let place = tempfile::tempdir().unwrap();
    let own = place.path();
    data(own);
    let weight = |name: &str, shape: &[usize]| {
        let numbers: Vec<f64> = (0..shape[0] * shape[1]).map(|k| k as f64).collect();
        tensor(name, "F64", shape, Dtype::F64.bytes(&numbers))
    };
    let run = |names: [&str; 2], shapes: [&[usize]; 2], more: &[&str]| {
        let tensors = [weight(names[0], shapes[0]), weight(names[1], shapes[1])];
        fs::write(own.join("w.safetensors"), safetensors(&tensors)).unwrap();
        let common = ["plan", "--activation=identity", "--weights=w.safetensors"];
        let output = pushpull(own, &[&common[..], more].concat());
        assert!(output.status.success(), "{}", fault(&output));
        fault(&output)
    };
    let coder = ["encoder.weight", "decoder.weight"];
    let (square, narrow): ([&[usize]; 2], [&[usize]; 2]) = ([&[2, 2]; 2], [&[1, 2], &[2, 1]]);
    let said = run(coder, square, &[]);
    assert!(
        said.contains("taken as \"decoder\", \"encoder\"") && said.contains("--map"),
        "{said}"
    );
    assert!(run(coder, narrow, &[]).contains("taken as"));
    assert_eq!(run(coder, narrow, &["--layers=2,1,2"]), "");
    assert_eq!(
        run(coder, square, &["--map=encoder=0", "--map=decoder=1"]),
        ""
    );
    assert_eq!(run(["fc1.weight", "fc2.weight"], square, &[]), "");
    assert_eq!(
        run(["body.fc.weight", "head.weight"], [&[3, 2], &[1, 3]], &[]),
        ""
    );
}

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

/// A learning rate out of all bounds.
#[test]
fn a_run_that_diverges_names_no_type_of_a_library() {
    let place = tempfile::tempdir().unwrap();
    let output = pushpull(
        place.path(),
        &[
            "train",
            "--set=digits",
            "--layers=64,8,10",
            "--activation=relu",
            "--loss=softmax-cross-entropy",
            "--rate=1e30",
            "--epochs=2",
        ],
    );
    let said = fault(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("lower the learning rate") && !said.contains("Where"),
        "{said}"
    );
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

/// 1e9 and 1e9 + 1 are one number of f32.
#[test]
fn what_f32_cannot_hold_is_said() {
    let place = tempfile::tempdir().unwrap();
    let own = place.path();
    let table = b"1,1000000000,0\n2,1000000001,1\n3,1000000002,2\n1,1000000001,1\n";
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

#[test]
fn an_infinite_validation_loss_is_a_fault_and_writes_nothing() {
    let place = tempfile::tempdir().unwrap();
    let own = place.path();
    // Of a million samples one is beyond float32's squares, whichever part it falls into.
    for seed in 0..6 {
        let mut table = String::new();
        for k in 0..40 {
            let x = f64::from(k).sin();
            let odd = if k == 7 { 1e25 } else { x };
            table += &format!("{odd:?},{:?},{:?}\n", x * x, 2.0 * x);
        }
        fs::write(own.join("t.csv"), table).unwrap();
        let seed = format!("--seed={seed}");
        let run = [
            "train",
            "--data=t.csv",
            "--layers=2,1",
            "--activation=tanh",
            "--loss=squared-error",
            "--epochs=9",
            "--patience=3",
            "--weights=w.safetensors",
            &seed,
        ];
        let output = pushpull(own, &run);
        let invalid = fault(&output).contains("the validation loss");
        assert_eq!(
            output.status.code(),
            Some(i32::from(invalid)),
            "{}",
            fault(&output)
        );
        assert_eq!(own.join("w.safetensors").exists(), !invalid);
        if invalid {
            return;
        }
        fs::remove_file(own.join("w.safetensors")).unwrap();
    }
    panic!("the odd sample never fell into the validation part");
}

#[test]
fn a_name_in_a_file_cannot_draw_on_the_terminal() {
    let place = tempfile::tempdir().unwrap();
    let header = common::npy_with("{'\u{1b}]0;owned\u{7}\u{1b}[31mFAKE\u{1b}[0m': : }", &[]);
    fs::write(place.path().join("d.npz"), npz(&[("x", header)], false)).unwrap();
    let output = pushpull(
        place.path(),
        &[&["compare", "--data=d.npz"][..], &NET].concat(),
    );
    let said = fault(&output);
    assert_eq!((output.status.code(), said.lines().count()), (Some(2), 1));
    assert!(!said.trim_end().contains(char::is_control), "{said:?}");
}

#[test]
fn two_outputs_of_one_name_are_refused_by_any_spelling() {
    let place = tempfile::tempdir().unwrap();
    let own = place.path();
    let said = read(
        own,
        b"1,2,0\n3,4,1\n",
        &["--weights=out.st", "--table=./out.st"],
    )
    .unwrap_err();
    assert!(said.contains("different files"), "{said}");
    assert!(!own.join("out.st").exists());
}

#[cfg(unix)]
#[test]
fn links_are_followed_and_devices_and_pipes_are_written_through() {
    use std::os::unix::fs::{FileTypeExt, symlink};
    let place = tempfile::tempdir().unwrap();
    let own = place.path();
    fs::write(own.join("real.csv"), "before").unwrap();
    symlink("real.csv", own.join("link.csv")).unwrap();
    read(own, b"1,2,0\n3,4,1\n", &["--table=link.csv"]).unwrap();
    assert!(
        fs::symlink_metadata(own.join("link.csv"))
            .unwrap()
            .is_symlink()
    );
    assert!(
        fs::read_to_string(own.join("real.csv"))
            .unwrap()
            .starts_with("epoch,")
    );
    read(
        own,
        b"1,2,0\n3,4,1\n",
        &["--table=/dev/null", "--weights=/dev/null"],
    )
    .unwrap();
    assert!(
        fs::metadata("/dev/null")
            .unwrap()
            .file_type()
            .is_char_device()
    );
    let pipe = own.join("pipe");
    assert!(
        std::process::Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    let reader = std::thread::spawn({
        let pipe = pipe.clone();
        move || fs::read_to_string(pipe).unwrap()
    });
    read(own, b"1,2,0\n3,4,1\n", &["--table=pipe"]).unwrap();
    assert!(reader.join().unwrap().starts_with("epoch,"));
    assert!(fs::metadata(&pipe).unwrap().file_type().is_fifo());
}

/// The table stands before the text, in a file as in a pipe.
#[cfg(target_os = "linux")]
#[test]
fn the_standard_output_is_written_through() {
    let place = tempfile::tempdir().unwrap();
    let run = || {
        let mut run = std::process::Command::new(env!("CARGO_BIN_EXE_pushpull"));
        run.args([
            "train",
            "--set=diabetes",
            "--layers=10,4,1",
            "--activation=tanh",
            "--loss=squared-error",
            "--epochs=2",
            "--table=/dev/stdout",
        ]);
        run
    };
    let piped = run().output().unwrap();
    assert!(piped.status.success(), "{}", fault(&piped));
    let path = place.path().join("all.txt");
    let file = fs::File::create(&path).unwrap();
    assert!(run().stdout(file).status().unwrap().success());
    for text in [piped.stdout, fs::read(&path).unwrap()] {
        let text = String::from_utf8(text).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].starts_with("epoch,train_loss"), "{text}");
        assert!(lines[2].starts_with("2,"), "{text}");
        assert!(lines[3].starts_with("network "), "{text}");
    }
}

/// The first trial takes no time, the second far more than a test.
#[cfg(unix)]
#[test]
fn a_search_that_is_interrupted_keeps_the_trials_that_are_finished() {
    let place = tempfile::tempdir().unwrap();
    let own = place.path();
    let mut search = std::process::Command::new(env!("CARGO_BIN_EXE_pushpull"))
        .args([
            "train",
            "--set=digits",
            "--layers=64,4,10",
            "--activation=relu",
            "--loss=softmax-cross-entropy",
            "--epochs=200",
            "--patience=1",
            "--search=grid",
            "--hidden=4",
            "--hidden=2000,2000,2000",
            "--rates=1",
            "--table=trials.csv",
            "--weights=w.safetensors",
        ])
        .current_dir(own)
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(search.stderr.take().unwrap()));
    let trial = lines.find(|line| line.as_ref().is_ok_and(|line| line.contains("rate 1e0")));
    assert!(trial.is_some(), "a trial is told of as it ends");
    let kill = std::process::Command::new("kill")
        .args(["-INT", &search.id().to_string()])
        .status();
    assert!(kill.unwrap().success());
    let rest: Vec<String> = lines.map_while(Result::ok).collect();
    let output = search.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{rest:?}");
    let said = rest.join("\n");
    assert!(
        said.contains("1 of 2 trials are ranked, and no weights are written"),
        "{said}"
    );
    let table = fs::read_to_string(own.join("trials.csv")).unwrap();
    assert_eq!(table.lines().count(), 2, "{table}");
    assert!(!own.join("w.safetensors").exists());
}

#[test]
fn a_checkpoint_belongs_to_one_run() {
    let place = tempfile::tempdir().unwrap();
    let own = place.path();
    let net = [
        "train",
        "--set=digits",
        "--layers=64,128,10",
        "--activation=relu",
        "--loss=softmax-cross-entropy",
        "--epochs=100000",
        "--checkpoint=run.ckpt",
        "--save-every=1",
    ];
    let mut first = std::process::Command::new(env!("CARGO_BIN_EXE_pushpull"))
        .args(net)
        .current_dir(own)
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    for _ in 0..600 {
        if own.join("run.ckpt").exists() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let output = pushpull(own, &[&net[..], &["--resume"]].concat());
    assert_eq!(output.status.code(), Some(2), "{}", fault(&output));
    assert!(
        fault(&output).contains(&first.id().to_string()),
        "{}",
        fault(&output)
    );
    #[cfg(unix)]
    {
        // Ctrl-C keeps what is finished, and says how to go on.
        let kill = std::process::Command::new("kill")
            .args(["-INT", &first.id().to_string()])
            .status();
        assert!(kill.unwrap().success());
        assert_eq!(first.wait().unwrap().code(), Some(130));
        assert!(own.join("run.ckpt").exists());
    }
    let _ = first.kill();
    let _ = first.wait();
}
