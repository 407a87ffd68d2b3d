//! Files and options that are wrong, by accident or on purpose: one line that says where, what was expected, what came and
//! what to do; exit code 2; nothing written; nothing large allocated.

mod common;

use std::path::Path;
use std::process::{Command, Output};

use common::{
    Dtype, Golden, Tensor, classes, fault, listing, matrix, npy, npy_with, npz, safetensors,
    safetensors_with, tensors,
};

/// Bytes of address space that a refusal may use. The program and its libraries map some tens of megabytes.
const KIB: usize = 1 << 19;

/// Runs `pushpull gradient` on the files of a place, with little memory where the system can be asked for that.
fn gradient(place: &Path, arguments: &[&str]) -> Output {
    let program = env!("CARGO_BIN_EXE_pushpull");
    let mut command = if cfg!(target_os = "linux") {
        let mut shell = Command::new("sh");
        let script = format!("ulimit -v {KIB} && exec \"$0\" \"$@\"");
        shell.args(["-c", &script, program]);
        shell
    } else {
        Command::new(program)
    };
    command
        .arg("gradient")
        .args(arguments)
        .current_dir(place)
        .output()
        .unwrap()
}

const NET: [&str; 6] = [
    "--layers",
    "5,8,8,3",
    "--activation",
    "relu",
    "--loss",
    "softmax-cross-entropy",
];
const FILES: [&str; 6] = [
    "--weights",
    "w.safetensors",
    "--data",
    "d.npz",
    "--output",
    "g.safetensors",
];

#[track_caller]
fn refused(what: &str, place: &Path, arguments: &[&str], words: &[&str]) {
    let before = listing(place);
    let output = gradient(place, arguments);
    let said = fault(&output);
    assert_eq!(output.status.code(), Some(2), "{what}: {said}");
    assert_eq!(said.trim_end().lines().count(), 1, "{what}: {said}");
    assert!(said.starts_with("error: "), "{what}: {said}");
    assert!(
        !said.trim_end().contains(char::is_control),
        "{what}: {said:?}"
    );
    for word in words {
        assert!(said.contains(word), "{what}: {word:?} is not in {said}");
    }
    assert!(said.len() < 600, "{what}: {said}");
    assert!(output.stdout.is_empty(), "{what}");
    assert_eq!(listing(place), before, "{what}: something was written");
}

/// A place with good files, which each case spoils.
struct Place {
    directory: tempfile::TempDir,
    golden: Golden,
}

impl Place {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let golden = Golden::load("mlp_5_8_8_3_relu_softmax");
        golden.write(directory.path(), Dtype::F64, false, false);
        Self { directory, golden }
    }

    fn arguments() -> Vec<&'static str> {
        NET.iter().chain(&FILES).copied().collect()
    }

    #[track_caller]
    fn weights(&self, what: &str, bytes: &[u8], words: &[&str]) {
        std::fs::write(self.directory.path().join("w.safetensors"), bytes).unwrap();
        let words: Vec<&str> = ["w.safetensors", "expected", "got"]
            .iter()
            .chain(words)
            .copied()
            .collect();
        refused(what, self.directory.path(), &Self::arguments(), &words);
    }

    #[track_caller]
    fn data(&self, what: &str, bytes: &[u8], words: &[&str]) {
        std::fs::write(self.directory.path().join("d.npz"), bytes).unwrap();
        let words: Vec<&str> = ["d.npz", "expected", "got"]
            .iter()
            .chain(words)
            .copied()
            .collect();
        refused(what, self.directory.path(), &Self::arguments(), &words);
    }

    /// The data with another x or y.
    #[track_caller]
    fn arrays(&self, what: &str, x: Option<Vec<u8>>, y: Option<Vec<u8>>, words: &[&str]) {
        let x = x.unwrap_or_else(|| matrix(Dtype::F64, false, &self.golden.x));
        let y = y.unwrap_or_else(|| classes(true, &vec![0; self.golden.batch()]));
        self.data(what, &npz(&[("x", x), ("y", y)], false), words);
    }
}

#[test]
fn the_good_files_are_good() {
    let place = Place::new();
    let output = gradient(place.directory.path(), &Place::arguments());
    assert_eq!(output.status.code(), Some(0), "{}", fault(&output));
}

#[test]
fn hostile_weights_are_refused() {
    let place = Place::new();
    let good = || tensors(Dtype::F64, &place.golden.layers);
    let bytes = safetensors(&good());
    let spoilt = |spoil: &dyn Fn(&mut Vec<Tensor>)| {
        let mut tensors = good();
        spoil(&mut tensors);
        safetensors(&tensors)
    };
    let case = |what: &str, bytes: &[u8], words: &[&str]| place.weights(what, bytes, words);

    case("empty", &[], &["header"]);
    case("wrong magic", &npz(&[], false), &["header"]);
    case("text", b"weights, I promise", &["header"]);
    case(
        "a header of 2^64 - 1 bytes",
        &[0xff; 64],
        &["header", "18446744073709551615"],
    );
    let mut long = bytes.clone();
    long[..8].copy_from_slice(&(90_u64 << 20).to_le_bytes());
    case(
        "a header longer than the file",
        &long,
        &["header", "94371840"],
    );
    case(
        "no JSON",
        &safetensors_with("{\"0.weight\": ", &[]),
        &["JSON"],
    );
    case(
        "nested JSON",
        &safetensors_with(&"[".repeat(50_000), &[]),
        &["JSON"],
    );
    case(
        "cut off",
        &bytes[..bytes.len() - 1],
        &["numbers", "cut off"],
    );
    case(
        "longer than it says",
        &[&bytes[..], &[0]].concat(),
        &["numbers"],
    );
    let huge = r#"{"0.weight":{"dtype":"F64","shape":[2305843009213693951],"data_offsets":[0,18446744073709551608]}}"#;
    case(
        "a length near 2^64",
        &safetensors_with(huge, &[]),
        &["header"],
    );
    let overflow =
        r#"{"0.weight":{"dtype":"F64","shape":[4294967296,4294967296,8],"data_offsets":[0,8]}}"#;
    case(
        "a shape that overflows",
        &safetensors_with(overflow, &[0; 8]),
        &["header"],
    );
    case(
        "a layer less",
        &spoilt(&|t| t.truncate(4)),
        &["--layers", "3", "2"],
    );
    case(
        "integers",
        &spoilt(&|t| t[1].dtype = "I64"),
        &["0.weight", "float32", "got integers"],
    );
    case(
        "a weight of another width",
        &spoilt(&|t| t[1].shape = vec![4, 10]),
        &["0.bias", "save weight and bias of one layer"],
    );
    case(
        "a flat weight",
        &spoilt(&|t| t[1].shape = vec![40]),
        &["the layers", "--layers"],
    );
    case(
        "NaN",
        &spoilt(&|t| t[1].data[8 * 7..8 * 8].copy_from_slice(&f64::NAN.to_le_bytes())),
        &["0.weight", "NaN at [1, 2]"],
    );
    case(
        "infinity",
        &spoilt(&|t| t[4].data[..8].copy_from_slice(&f64::INFINITY.to_le_bytes())),
        &["4.bias", "inf at [0]"],
    );
}

#[test]
fn hostile_data_is_refused() {
    let place = Place::new();
    let golden = &place.golden;
    let (batch, good) = (golden.batch(), golden.data(Dtype::F64, false, false));
    let packed = golden.data(Dtype::F64, false, true);
    let x = || matrix(Dtype::F64, false, &golden.x);
    let zeros = |n: usize| vec![0; 8 * n];

    place.data("empty", &[], &["archive"]);
    place.data("an npy", &x(), &["archive", "numpy.savez"]);
    place.data("cut off", &good[..good.len() - 30], &["archive"]);
    place.data("the start missing", &good[40..], &[]);
    place.data("no array", &npz(&[], false), &["array x"]);
    place.data(
        "no x",
        &npz(&[("inputs", x())], false),
        &["array x", "\"inputs\""],
    );
    place.data("no y", &npz(&[("x", x())], false), &["array y", "\"x\""]);

    place.arrays(
        "a column too many",
        Some(npy("<f8", false, "(4, 6)", &zeros(24))),
        None,
        &["array x", "batch x 5", "4 x 6"],
    );
    place.arrays(
        "flat",
        Some(npy("<f8", false, "(20,)", &zeros(20))),
        None,
        &["array x", "20 numbers"],
    );
    place.arrays(
        "a number",
        Some(npy("<f8", false, "()", &zeros(1))),
        None,
        &["array x", "single number"],
    );
    place.arrays(
        "a stack",
        Some(npy("<f8", false, "(2, 2, 5)", &zeros(20))),
        None,
        &["array x", "2 x 2 x 5"],
    );
    place.arrays(
        "no sample",
        Some(npy("<f8", false, "(0, 5)", &[])),
        None,
        &["array x", "at least one sample"],
    );
    place.arrays(
        "objects",
        Some(npy("|O", false, "(4, 5)", &zeros(20))),
        None,
        &["array x"],
    );
    place.arrays(
        "records",
        Some(npy_with(
            "{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (4, 5)}",
            &zeros(20),
        )),
        None,
        &["array x"],
    );
    place.arrays(
        "a tebibyte declared",
        Some(npy("<f8", false, "(34359738368, 5)", &zeros(5))),
        None,
        &["array"],
    );
    place.arrays(
        "a shape that overflows",
        Some(npy("<f8", false, "(4611686018427387904, 5)", &zeros(5))),
        None,
        &["array x", "too large"],
    );
    place.arrays(
        "an overflow beside a zero",
        Some(npy("<f8", false, "(0, 4611686018427387904, 5)", &[])),
        None,
        &["array x", "too large"],
    );
    place.arrays(
        "a negative length",
        Some(npy("<f8", false, "(-4, 5)", &zeros(20))),
        None,
        &["array x"],
    );
    place.arrays(
        "brackets",
        Some(npy_with(&"(".repeat(4000), &[])),
        None,
        &["array x"],
    );
    place.arrays(
        "a header that draws",
        Some(npy_with(
            "{'\u{1b}]0;owned\u{7}\u{1b}[31mFAKE\u{1b}[0m': : }",
            &[],
        )),
        None,
        &["array x", "\\u{1b}[31mFAKE"],
    );
    place.arrays(
        "a header of 60 kB",
        Some(npy_with(&" ".repeat(60_000), &[])),
        None,
        &["array x", "60001"],
    );
    let mut long = b"\x93NUMPY\x02\x00".to_vec();
    long.extend([0xff; 16]);
    place.arrays(
        "a header of 4 GB",
        Some(long),
        None,
        &["array x", "4294967295"],
    );
    place.arrays(
        "no npy",
        Some(b"not numpy at all".to_vec()),
        None,
        &["array x", "magic"],
    );
    place.arrays(
        "numbers missing",
        Some(npy("<f8", false, "(4, 5)", &zeros(19))),
        Some(classes(true, &[0; 4])),
        &["array x", "4 x 5"],
    );
    place.arrays(
        "numbers too many",
        Some(npy("<f8", false, "(4, 5)", &zeros(21))),
        Some(classes(true, &[0; 4])),
        &["array x"],
    );

    let mut spoilt = golden.x.clone();
    spoilt[1][3] = f64::NAN;
    place.arrays(
        "NaN",
        Some(matrix(Dtype::F64, false, &spoilt)),
        None,
        &["array x", "NaN at [1, 3]"],
    );
    place.arrays(
        "NaN in Fortran order",
        Some(matrix(Dtype::F64, true, &spoilt)),
        None,
        &["array x", "NaN at [1, 3]"],
    );

    place.arrays(
        "classes missing",
        None,
        Some(classes(true, &vec![0; batch - 1])),
        &["array y", "classes"],
    );
    place.arrays(
        "rows without a class",
        None,
        Some(npy(
            "<i8",
            false,
            &format!("({batch}, 3)"),
            &zeros(3 * batch),
        )),
        &["array y", "a 1 among zeros"],
    );
    let mut beyond = vec![0; batch];
    beyond[1] = 3;
    place.arrays(
        "a class too many",
        None,
        Some(classes(true, &beyond)),
        &["array y", "0 to 2", "3 at [1]"],
    );
    beyond[1] = -1;
    place.arrays(
        "a class below",
        None,
        Some(classes(false, &beyond)),
        &["array y", "-1 at [1]"],
    );

    // A bit of the numbers turned over: the archive's checksum finds it.
    let mut damaged = good.clone();
    let at = damaged.windows(6).position(|w| w == b"\x93NUMPY").unwrap() + 200;
    damaged[at] ^= 1;
    place.data("a turned bit", &damaged, &["array x", "damaged"]);
    let mut torn = packed.clone();
    torn[60..80].fill(0xff);
    place.data("torn packing", &torn, &["array x"]);

    // Zeros of a hundred megabytes pack to a hundred kilobytes.
    let n = 2_500_000;
    let bomb = [
        (
            "x",
            npy("<f8", false, &format!("({n}, 5)"), &vec![0; 40 * n]),
        ),
        ("y", npy("<i8", false, &format!("({n},)"), &vec![0; 8 * n])),
    ];
    place.data("a bomb", &npz(&bomb, true), &["array x", "packed"]);
}

#[test]
fn targets_are_held_against_the_loss() {
    let place = Place::new();
    let directory = place.directory.path();
    let arguments = |loss: &'static str| -> Vec<&'static str> {
        let mut all = Place::arguments();
        all[5] = loss;
        all
    };
    refused(
        "classes for a sum",
        directory,
        &arguments("sum"),
        &["array y", "leave y out"],
    );
    refused(
        "classes for numbers",
        directory,
        &arguments("squared-error"),
        &["array y", "batch x outputs"],
    );
    refused(
        "classes for answers",
        directory,
        &arguments("sigmoid-cross-entropy"),
        &["array y"],
    );
}

#[test]
fn files_that_are_none_are_refused() {
    let place = Place::new();
    let directory = place.directory.path();
    let with = |option: &str, value: &'static str| -> Vec<&'static str> {
        let mut all = Place::arguments();
        let at = all.iter().position(|a| *a == option).unwrap();
        all[at + 1] = value;
        all
    };
    refused(
        "no weights",
        directory,
        &with("--weights", "none"),
        &["none", "check the name"],
    );
    refused(
        "a directory",
        directory,
        &with("--weights", "."),
        &["a directory"],
    );
    refused("no data", directory, &with("--data", "none"), &["none"]);
    if cfg!(unix) {
        refused(
            "a device",
            directory,
            &with("--data", "/dev/zero"),
            &["/dev/zero", "device"],
        );
    }
    refused(
        "no place",
        directory,
        &with("--output", "none/g"),
        &["--output", "make the directory"],
    );
    refused(
        "a directory's place",
        directory,
        &with("--output", "."),
        &["--output"],
    );
    refused(
        "the weights' place",
        directory,
        &with("--output", "./w.safetensors"),
        &["--output", "an input"],
    );
    refused(
        "one width",
        directory,
        &with("--layers", "5"),
        &["--layers", "at least two"],
    );
    refused(
        "too many widths",
        directory,
        &with("--layers", "5,8,8,8,3"),
        &["--layers", "4", "3"],
    );
    refused(
        "widths beyond memory",
        directory,
        &with("--layers", "1099511627776,1099511627776,3"),
        &["1099511627776"],
    );
}

#[test]
fn settings_of_other_modes_are_refused() {
    let place = Place::new();
    let mut arguments = Place::arguments();
    arguments.extend(["--mode", "forward", "--slots", "3"]);
    refused(
        "slots",
        place.directory.path(),
        &arguments,
        &["--slots", "checkpointed"],
    );
    let mut arguments = Place::arguments();
    arguments.extend(["--memory", "1MB"]);
    refused(
        "memory",
        place.directory.path(),
        &arguments,
        &["--memory", "auto"],
    );
}

#[test]
fn finite_numbers_that_lead_to_others_are_a_failure_and_leave_nothing() {
    let place = Place::new();
    let x: Vec<Vec<f64>> = place
        .golden
        .x
        .iter()
        .map(|row| row.iter().map(|v| v * 1e300).collect())
        .collect();
    let y = classes(true, &vec![0; x.len()]);
    let bytes = npz(&[("x", matrix(Dtype::F64, false, &x)), ("y", y)], false);
    std::fs::write(place.directory.path().join("d.npz"), bytes).unwrap();
    let before = listing(place.directory.path());
    let mut arguments = Place::arguments();
    arguments[3] = "exp";
    let output = gradient(place.directory.path(), &arguments);
    assert_eq!(output.status.code(), Some(1), "{}", fault(&output));
    assert!(fault(&output).contains("finite"), "{}", fault(&output));
    assert_eq!(listing(place.directory.path()), before);
}

/// The old gradient stays where a new one is refused.
#[test]
fn an_earlier_output_is_left_alone() {
    let place = Place::new();
    let output = place.directory.path().join("g.safetensors");
    std::fs::write(&output, "an earlier run's").unwrap();
    place.data("empty", &[], &[]);
    assert_eq!(
        std::fs::read_to_string(&output).unwrap(),
        "an earlier run's"
    );
}
