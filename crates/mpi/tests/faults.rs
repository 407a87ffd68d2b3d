//! A fault on one rank ends the job, with its words; ranks that are not alike do not start.

mod common;

use common::{ended, job, mpirun, probe, program, words};

#[test]
fn a_panic_or_a_typed_error_on_one_rank_ends_all() {
    for (how, code, said) in [
        ("panic", 101, "index out of bounds"),
        ("thread", 101, "index out of bounds"),
        ("fault", 3, "a fault that was asked for"),
    ] {
        for rank in ["0", "2"] {
            let output = ended(job(3, &probe(), &[how, rank]).spawn().unwrap());
            let text = words(&output);
            assert_eq!(output.status.code(), Some(code), "{how} {rank}: {text}");
            assert!(
                text.contains(&format!("rank {rank}: ")) && text.contains(said),
                "{text}"
            );
        }
    }
}

const TRAIN: [&str; 5] = [
    "train",
    "--set=digits",
    "--activation=relu",
    "--loss=softmax-cross-entropy",
    "--batch=64",
];

/// Two ranks with a difference.
fn unlike(one: &[&str], other: &[&str]) -> String {
    let mut job = mpirun();
    job.args(["-n", "1"]).arg(program()).args(TRAIN).args(one);
    job.arg(":");
    job.args(["-n", "1"]).arg(program()).args(TRAIN).args(other);
    let output = ended(job.spawn().unwrap());
    assert_eq!(output.status.code(), Some(2), "{}", words(&output));
    words(&output)
}

#[test]
fn ranks_that_are_not_alike_refuse_to_start_and_name_the_difference() {
    let said = unlike(&["--layers=64,16,10"], &["--layers=64,12,10"]);
    assert!(
        said.contains("rank 1 differs from rank 0 in network"),
        "{said}"
    );
    let said = unlike(
        &["--layers=64,16,10"],
        &["--layers=64,16,10", "--valid=0.3"],
    );
    assert!(
        said.contains("rank 1 differs from rank 0 in training data"),
        "{said}"
    );
    let said = unlike(
        &["--layers=64,16,10", "--epochs=1"],
        &["--layers=64,16,10", "--epochs=2"],
    );
    assert!(said.contains("epochs: expected 1, got 2"), "{said}");
    let said = unlike(
        &["--layers=64,16,10", "--leaf=16"],
        &["--layers=64,16,10", "--leaf=8"],
    );
    assert!(said.contains("leaf: expected 16, got 8"), "{said}");
    // Another program file stands for another version.
    let place = tempfile::tempdir().unwrap();
    let copy = place.path().join("other");
    let mut bytes = std::fs::read(program()).unwrap();
    bytes.extend(b"another");
    std::fs::write(&copy, bytes).unwrap();
    std::fs::set_permissions(&copy, std::fs::metadata(program()).unwrap().permissions()).unwrap();
    let net = "--layers=64,16,10";
    let mut job = mpirun();
    job.args(["-n", "1"]).arg(program()).args(TRAIN).arg(net);
    job.arg(":")
        .args(["-n", "1"])
        .arg(&copy)
        .args(TRAIN)
        .arg(net);
    let output = ended(job.spawn().unwrap());
    assert!(
        words(&output).contains("in the program file"),
        "{}",
        words(&output)
    );
}

#[test]
fn wrong_options_and_files_end_the_job_with_the_code_of_pushpull() {
    for (arguments, code, word) in [
        (&["train", "--nonsense"][..], 2, "--nonsense"),
        (
            &[
                "train",
                "--data=none.csv",
                "--layers=2,1",
                "--activation=tanh",
                "--loss=squared-error",
            ],
            2,
            "none.csv",
        ),
        (
            &[
                "train",
                "--set=diabetes",
                "--layers=10,1",
                "--activation=tanh",
                "--loss=squared-error",
                "--mode=forward-gradient",
            ],
            2,
            "the mode of leaves",
        ),
        (
            &[
                "train",
                "--set=diabetes",
                "--layers=10,4,1",
                "--activation=tanh",
                "--loss=squared-error",
                "--rate=1e30",
            ],
            1,
            "lower the learning rate",
        ),
    ] {
        let output = ended(job(2, &program(), arguments).spawn().unwrap());
        assert_eq!(
            output.status.code(),
            Some(code),
            "{arguments:?}: {}",
            words(&output)
        );
        assert!(words(&output).contains(word), "{}", words(&output));
    }
}
