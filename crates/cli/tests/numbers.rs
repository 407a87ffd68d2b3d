//! Numbers that no option takes, as a process: each refusal names the option, what was expected, what came and what to do; the
//! exit code is 2, and nothing is written.

mod common;

use std::path::Path;

use common::{Dtype, fault, listing, network, pushpull};

const NET: [&str; 3] = [
    "--layers=2,3,2",
    "--activation=relu",
    "--loss=squared-error",
];
const FILES: [&str; 2] = ["--weights=w.safetensors", "--data=d.npz"];
const TRAIN: [&str; 5] = [
    "train",
    "--data=d.npz",
    "--layers=2,3,2",
    "--activation=relu",
    "--loss=squared-error",
];

/// A place with weights and 40 samples of 2-3-2.
fn place() -> tempfile::TempDir {
    let place = tempfile::tempdir().unwrap();
    network(place.path(), &[2, 3, 2], 40, Dtype::F64);
    place
}

/// What is said of an option with a value that it does not take.
#[track_caller]
fn refused(place: &Path, arguments: &[&str]) -> String {
    // What the machine was measured to take is no output.
    let written = || {
        let mut names = listing(place);
        names.retain(|name| name != Path::new("calibration.txt"));
        names
    };
    let before = written();
    let output = pushpull(place, arguments);
    let said = fault(&output);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
    assert!(said.contains("error: "), "{arguments:?}: {said}");
    assert!(!said.contains("panicked"), "{arguments:?}: {said}");
    assert!(output.stdout.is_empty(), "{arguments:?}");
    assert_eq!(written(), before, "{arguments:?}: something was written");
    said
}

/// Words that are in what is said.
#[track_caller]
fn says(place: &Path, arguments: &[&str], words: &[&str]) {
    let said = refused(place, arguments);
    for word in words {
        assert!(said.contains(word), "{arguments:?}: no {word:?} in {said}");
    }
}

/// What is no number of any option: a word, nothing, what is not finite, and more digits than a machine has.
const NONE: [&str; 5] = ["word", "", "NaN", "inf", "5x"];
/// What is no whole number.
const NOT_WHOLE: [&str; 4] = ["-1", "1.5", "1e3", "99999999999999999999"];

#[test]
fn texts_that_are_no_number_are_refused_by_every_option() {
    let place = place();
    let path = place.path();
    let commands: [(&[&str], &[&str], &[&str]); 6] = [
        (
            &TRAIN,
            &["epochs", "batch", "seed", "threads", "patience", "shadow"],
            &["rate", "momentum", "decay", "l1", "l2", "valid", "test"],
        ),
        (
            &["gradient", "--output=g.safetensors", "--mode=checkpointed"],
            &["slots"],
            &["memory"],
        ),
        (
            &["xray"],
            &["batch", "seed", "samples", "exact", "threads"],
            &["flat"],
        ),
        (
            &["compare"],
            &["batch", "threads"],
            &["seconds", "patience", "size"],
        ),
        (&["plan"], &["batch", "threads"], &["memory"]),
        (&["explain"], &["batch"], &[]),
    ];
    for (command, whole, others) in commands {
        let net: Vec<&str> = match command[0] {
            "train" => Vec::new(),
            "gradient" => NET.iter().chain(&FILES).copied().collect(),
            _ => NET.to_vec(),
        };
        let typed = [command, &net].concat();
        for &name in whole.iter().chain(others) {
            let wrong = NOT_WHOLE.iter().filter(|_| whole.contains(&name));
            for value in NONE.iter().chain(wrong) {
                let option = format!("--{name}");
                let said = refused(path, &[&typed[..], &[&option, value]].concat());
                for words in [&format!("'{value}' for '{option} <"), "expected "] {
                    assert!(
                        said.contains(words),
                        "{}: no {words:?} in {said}",
                        command[0]
                    );
                }
                // What is expected comes with an example, or an end.
                let remedy = [
                    ", such as",
                    "as in",
                    "such as",
                    "at most 18446744073709551615",
                    "leave it out",
                ];
                assert!(remedy.iter().any(|words| said.contains(words)), "{said}");
            }
        }
    }
}

#[test]
fn numbers_out_of_range_are_refused_with_a_remedy() {
    let place = place();
    let path = place.path();
    let train = |also: &[&str], words: &[&str]| says(path, &[&TRAIN, also].concat(), words);
    for rate in ["0", "-0.5"] {
        train(
            &["--rate", rate],
            &["--rate: expected", "above 0", rate, "; 1e-3 is a start"],
        );
    }
    train(
        &["--batch=5000"],
        &[
            "--batch: expected from 1",
            "to 32",
            "got 5000; make the blocks smaller",
        ],
    );
    for share in ["0", "1", "1.5", "-0.2"] {
        let got = format!("got {share}; hold out a share such as 0.2");
        train(
            &["--valid", share],
            &["--valid: expected above 0 and below 1", &got],
        );
        train(
            &["--test", share],
            &["--test: expected above 0 and below 1", &got],
        );
    }
    train(
        &["--valid=0.001"],
        &[
            "--valid: expected",
            "0.001 of 40 samples; choose one nearer to 0.5",
        ],
    );
    train(
        &["--test=0.999"],
        &[
            "--test: expected",
            "0.999 of 40 samples; choose one nearer to 0.5",
        ],
    );
    train(
        &["--optimiser=sgd", "--momentum=1"],
        &["--momentum: expected from 0 to below 1, got 1; 0.9 is usual"],
    );
    train(
        &["--momentum=0.5"],
        &["--momentum: expected --optimiser sgd", "leave it out"],
    );
    train(
        &["--decay=-1"],
        &[
            "--decay: expected at least 0",
            "got -1; choose a smaller decay",
        ],
    );
    train(
        &["--decay=1000"],
        &["--decay: expected at least 0, and below 1 / rate = 1000, got 1000; "],
    );
    for penalty in ["l1", "l2"] {
        let option = format!("--{penalty}=-1");
        train(
            &[&option],
            &[&format!("--{penalty}: expected"), "got -1; 0 is no penalty"],
        );
    }
    train(
        &["--patience=0"],
        &["--patience: expected at least 1 epoch, got 0; leave it out"],
    );
    train(
        &["--shadow=0"],
        &["'0' for '--shadow", "at least 1; leave it out"],
    );
    train(
        &["--checkpoint=c", "--save-every=0"],
        &["'0' for '--save-every", "at least 1; leave it out"],
    );
    train(
        &["--threads=100000"],
        &[
            "--threads: expected from 1 to",
            "got 100000; more threads than",
        ],
    );
    train(
        &["--mode=forward-gradient:0"],
        &[
            "--mode forward-gradient:<directions>: expected at least 1",
            "got 0; one is",
        ],
    );
    train(
        &["--mode=checkpointed:0"],
        &[
            "checkpointed: a budget of 0 slots",
            "the smallest that does is 1",
        ],
    );
}

#[test]
fn a_search_refuses_what_no_trial_takes() {
    let place = place();
    let search = |also: &[&str], words: &[&str]| {
        let typed = [&TRAIN[..], &["--epochs=1", "--search"]].concat();
        says(place.path(), &[&typed, also].concat(), words);
    };
    search(
        &["grid", "--rates=1e-3,0"],
        &["'0' for '--rates", "above 0, such as 1e-3"],
    );
    search(
        &["grid", "--rates", "-1,1"],
        &["'-1' for '--rates", "above 0, such as 1e-3"],
    );
    search(
        &["grid", "--batches=8,5000"],
        &[
            "--batches: expected sizes from 1 to 32",
            "got 5000; leave it out",
        ],
    );
    search(
        &["grid", "--batches", "-8,8"],
        &["'-8' for '--batches", "such as 8"],
    );
    search(
        &["grid", "--hidden", "-8,8"],
        &["'-8,8' for '--hidden", "such as 64,32,10"],
    );
    search(
        &["grid", "--activations=ReLU"],
        &["'ReLU' for '--activations", "you may mean 'relu'"],
    );
    search(
        &["random", "--trials=0"],
        &["'0' for '--trials", "at least 1"],
    );
    search(
        &["random", "--trials=1000001"],
        &[
            "--trials: expected at least 1",
            "got 1000001; try fewer; 20",
        ],
    );
    search(
        &["grid", "--rate=0"],
        &["--rate: expected", "got 0; 1e-3 is a start"],
    );
    search(&["grid", "--decay=-1"], &["--decay: expected", "got -1; "]);
}

#[test]
fn widths_sizes_and_budgets_start_with_no_hyphen() {
    let place = place();
    let path = place.path();
    let net = &NET[1..];
    for widths in ["-2,3", "2,0,3", "2,-3,2", "2,,2", "2;3;2", "two"] {
        for command in ["xray", "explain", "compare", "plan"] {
            let typed = [&[command, "--layers", widths][..], net].concat();
            let got = format!("'{widths}' for '--layers");
            says(
                path,
                &typed,
                &[&got, "expected widths from 1 on", "such as 64,32,10"],
            );
        }
    }
    says(
        path,
        &[&["xray", "--layers=2"], net].concat(),
        &["--layers: expected at least two", "as in --layers 5,8,8,3"],
    );
    let predict = [&["predict", "--layers=2"], &NET[1..], &FILES].concat();
    says(
        path,
        &predict,
        &["--layers: expected at least two", "as in --layers 5,8,8,3"],
    );
    let large = [&["xray", "--layers=2,1000000000000,2"], net].concat();
    says(
        path,
        &large,
        &["2-1000000000000-2 needs", "narrower --layers"],
    );
    let compare = [&["compare"][..], &NET].concat();
    says(
        path,
        &[&compare[..], &["--size", "-1x5"]].concat(),
        &["'-1x5' for '--size", "as in 1200x800"],
    );
    says(
        path,
        &[&compare[..], &["--batch", "-1,8"]].concat(),
        &["'-1' for '--batch", "such as 8"],
    );
    says(
        path,
        &[&compare[..], &["--seconds=0"]].concat(),
        &["'0' for '--seconds", "from 0.01 to 3600"],
    );
    says(
        path,
        &[&compare[..], &["--patience=0"]].concat(),
        &["'0' for '--patience", "from 0.01 to 604800"],
    );
    says(
        path,
        &[&compare[..], &["--threads=1000"]].concat(),
        &["--threads: expected from 1 to", "got 1000; "],
    );
    let plan = [&["plan"][..], &NET].concat();
    says(
        path,
        &[&plan[..], &["--memory", "-5MB"]].concat(),
        &["'-5MB' for '--memory", "such as 4096, 500MB"],
    );
    says(
        path,
        &[&plan[..], &["--memory=10"]].concat(),
        &[
            "--memory: ",
            "expected to fit 10 bytes",
            "a smaller --batch",
        ],
    );
    says(
        path,
        &[&plan[..], &["--threads=1000"]].concat(),
        &["--threads: expected from 1 to", "got 1000; "],
    );
    for question in ["jvp:0", "jvp:-1", "vjp:1.5", "hessian-vector:x"] {
        let typed = [&plan[..], &["--question", question]].concat();
        says(
            path,
            &typed,
            &[
                question,
                "--question",
                "a whole number, at least 1, such as 3",
            ],
        );
    }
    says(
        path,
        &[&plan[..], &["--question=jvp:1000000000000"]].concat(),
        &["--question", "fewer at once"],
    );
}

#[test]
fn commands_without_a_batch_name_none() {
    let place = place();
    let path = place.path();
    let gradient = [&["gradient", "--output=g.safetensors"][..], &NET, &FILES].concat();
    for mode in ["auto", "checkpointed"] {
        let typed = [&gradient[..], &["--memory=1KB", "--mode", mode]].concat();
        let said = refused(path, &typed);
        assert!(said.starts_with("error: --memory: "), "{said}");
        assert!(
            said.contains("fewer samples in --data") && !said.contains("--batch"),
            "{said}"
        );
    }
    says(
        path,
        &[&["xray", "--batch=41"][..], &NET, &FILES].concat(),
        &["--batch", "got 40; give a smaller --batch"],
    );
    says(
        path,
        &["figures", "--only="],
        &["--only: expected one of", "got \"\"; choose"],
    );
}

#[test]
fn what_would_do_nothing_is_refused() {
    let place = place();
    let path = place.path();
    let net = &NET[..];
    for (arguments, words) in [
        (
            &["--search=grid", "--trials=4"][..],
            ["--trials: expected --search random", "leave it out"],
        ),
        (&["--map=0=1"], ["--map: expected weights", "give --from"]),
        (
            &["--transpose"],
            ["--transpose: expected weights", "give --from"],
        ),
        (
            &["--rate=1e-50"],
            ["--rate: expected a rate from 1.17", "--dtype f64"],
        ),
        (
            &["--search=grid", "--rates=1e-3,1e-50"],
            ["--rates: expected a rate", "got 1e-50"],
        ),
        (
            &["--weights=-"],
            ["--weights: expected a file", "/dev/stdout"],
        ),
    ] {
        says(path, &[&TRAIN[..], arguments].concat(), &words);
    }
    for command in ["compare", "explain", "plan", "xray"] {
        let typed = [&[command, "--map=0=1"][..], net].concat();
        says(path, &typed, &["--map: expected weights", "give --weights"]);
    }
    let evaluate = [&["evaluate", "--output=d"][..], net, &FILES].concat();
    says(
        path,
        &evaluate,
        &["--output: expected a confusion matrix", "leave it out"],
    );
    let gradient = [&["gradient", "--output=-"][..], net, &FILES].concat();
    says(
        path,
        &gradient,
        &["--output: expected a file", "/dev/stdout"],
    );
}

/// Bytes beyond 64 bits are not told as if they were counted.
#[test]
fn numbers_at_the_end_of_64_bits_are_told_as_they_are() {
    let place = place();
    let plan = [&["plan", "--batch=99999999999999999"][..], &NET].concat();
    says(
        place.path(),
        &plan,
        &["needs more than 18446744073709551615 bytes"],
    );
}

#[test]
fn predictions_are_an_object_where_that_is_asked_for() {
    let place = place();
    let predict = ["predict", "--json", "--activation=relu"];
    let output = pushpull(place.path(), &[&predict[..], &FILES].concat());
    assert!(output.status.success(), "{}", fault(&output));
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told["outputs"].as_array().unwrap().len(), 40);
    assert_eq!(told["outputs"][0].as_array().unwrap().len(), 2);
    let softmax = "--loss=softmax-cross-entropy";
    let output = pushpull(place.path(), &[&predict[..], &FILES, &[softmax]].concat());
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told["classes"].as_array().unwrap().len(), 40);
    let output = pushpull(
        place.path(),
        &[&predict[..], &FILES, &["--output=p.csv"]].concat(),
    );
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told["samples"], 40);
}

/// Numbers that leave the range of their type are a failure that names the sample.
#[test]
fn answers_that_are_not_finite_are_a_failure() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path();
    network(path, &[2, 2], 2, Dtype::F64);
    for (table, words) in [
        (
            "1,1,0,0\n1e308,1,0,0\n",
            "d.csv: output 1 of sample 2: expected a finite number",
        ),
        (
            "1,1,0,0\n1,1,1e200,0\n",
            "d.csv: the loss of sample 2: expected a finite number, got inf",
        ),
    ] {
        std::fs::write(path.join("d.csv"), table).unwrap();
        let files = ["--weights=big.safetensors", "--data=d.csv"];
        let layers = common::layers(&serde_json::json!([
            {"weight": [[1e9, 1e9], [1.0, 1.0]], "bias": [0.0, 0.0]}
        ]));
        let bytes = common::safetensors(&common::tensors(Dtype::F64, &layers));
        std::fs::write(path.join("big.safetensors"), bytes).unwrap();
        let evaluate = ["evaluate", "--layers=2,2", NET[1], NET[2]];
        let output = pushpull(path, &[&evaluate[..], &files].concat());
        let said = fault(&output);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(words), "{said}");
        assert!(output.stdout.is_empty());
        if words.contains("output") {
            let predict = ["predict", "--target=3", "--target=4", NET[1]];
            let output = pushpull(path, &[&predict[..], &files].concat());
            let said = fault(&output);
            assert_eq!(output.status.code(), Some(1), "{said}");
            assert!(said.contains(words), "{said}");
        }
    }
}
