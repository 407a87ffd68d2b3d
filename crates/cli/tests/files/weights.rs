//! Weights of any names, types and layouts.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::common::{self, Dtype, Tensor, fault, npz, pushpull, safetensors};

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
    // A bias as a row or a column.
    for shape in [[1, 3], [3, 1]] {
        write(&[
            tensor("fc1.weight", "F64", &[2, 3], f64s(&transposed)),
            tensor("fc1.bias", "F64", &shape, f64s(&[0.0; 3])),
            tensor("fc2.weight", "F64", &[3, 1], f64s(&b)),
            tensor("fc2.bias", "F64", &[1, 1], f64s(&[1000.0])),
        ]);
        assert_eq!(sum(own, &[]), Ok(right));
        let bytes = fs::read(own.join("g.safetensors")).unwrap();
        let gradient = safetensors::SafeTensors::deserialize(&bytes).unwrap();
        assert_eq!(gradient.tensor("fc1.bias").unwrap().shape(), shape);
    }
    write(&[
        tensor("fc1.weight", "F64", &[4, 2], f64s(&[1.0; 8])),
        tensor("fc1.bias", "F64", &[2, 2], f64s(&[0.0; 4])),
    ]);
    assert!(sum(own, &[]).unwrap_err().contains("flatten it"));
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
    // The first member of a zip, by its header: 26 bytes, the length of the name, no extra field.
    let zip = |name: &str| {
        let header = [&b"PK\x03\x04"[..], &[0; 22], &[name.len() as u8, 0, 0, 0]].concat();
        [&header[..], name.as_bytes()].concat()
    };
    let whole = npz(&[("fc1.weight", Dtype::F64.bytes(&[1.0]))], false);
    for (start, words) in [
        (&b"PK\x03\x04"[..], "model.state_dict()"),
        (&zip("archive/data.pkl"), "as torch.save makes it"),
        (&zip("w/data.pkl"), "as torch.save makes it"),
        (&zip("metadata.json"), "as Keras saves a model"),
        (&whole, "numpy.load(\"w.npz\")"),
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
    // Biases tell how weights are stored, and shapes then allow one order alone, whatever the names.
    let chain: [&[usize]; 2] = [&[3, 2], &[1, 3]];
    assert!(run(["z.weight", "b.weight"], chain, &[]).contains("taken as \"z\", \"b\""));
    let biases = [("z.bias", 3), ("b.bias", 1)]
        .map(|(name, n)| tensor(name, "F64", &[n], Dtype::F64.bytes(&vec![1.0; n])));
    let weights = [weight("z.weight", chain[0]), weight("b.weight", chain[1])];
    let tensors: Vec<Tensor> = weights.into_iter().chain(biases).collect();
    fs::write(own.join("w.safetensors"), safetensors(&tensors)).unwrap();
    let output = pushpull(
        own,
        &["plan", "--activation=identity", "--weights=w.safetensors"],
    );
    assert!(output.status.success());
    assert_eq!(fault(&output), "");
}
