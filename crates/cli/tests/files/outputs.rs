//! What runs write: whole or not at all, through links and pipes, by one run at a time.

use std::fs;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::{self, fault, npz, pushpull};
use crate::{NET, TRAIN, read};

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

/// A library that is loaded before the C library, in which no file can be locked, as on some network file systems.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn without_locks(place: &Path) -> PathBuf {
    let (source, library) = (place.join("locks.rs"), place.join("liblocks.so"));
    // 37: ENOLCK
    let flock = "unsafe extern \"C\" { safe fn __errno_location() -> *mut i32; }
        #[unsafe(no_mangle)] pub extern \"C\" fn flock(_: i32, _: i32) -> i32 { unsafe { *__errno_location() = 37 }; -1 }";
    fs::write(&source, flock).unwrap();
    let mut rustc = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    rustc.args([
        "--edition=2024",
        "--crate-type=cdylib",
        "-Cpanic=abort",
        "-o",
    ]);
    assert!(rustc.arg(&library).arg(&source).status().unwrap().success());
    library
}

#[test]
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn a_file_system_without_locks_is_worked_around_with_a_word() {
    let place = tempfile::tempdir().unwrap();
    let (own, library) = (place.path(), without_locks(place.path()));
    let run = |epochs: &str, more: &[&str]| {
        let mut run = Command::new(env!("CARGO_BIN_EXE_pushpull"));
        run.current_dir(own).env("LD_PRELOAD", &library);
        run.args([
            "train",
            "--set=digits",
            "--layers=64,8,10",
            "--activation=relu",
        ])
        .args(["--loss=softmax-cross-entropy", "--checkpoint=c.ckpt"])
        .args(["--weights=w.safetensors", epochs])
        .args(more);
        run.output().unwrap()
    };
    for (epochs, more) in [("--epochs=1", &[][..]), ("--epochs=2", &["--resume"])] {
        let output = run(epochs, more);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        assert!(said.contains("c.ckpt: not locked"), "{said}");
        assert!(own.join("c.ckpt").exists() && own.join("w.safetensors").exists());
    }
}

#[test]
fn an_infinite_validation_loss_is_a_fault_and_writes_nothing() {
    let place = tempfile::tempdir().unwrap();
    let own = place.path();
    // Of all samples one is beyond the squares of float64, whichever part it falls into.
    for seed in 0..6 {
        let mut table = String::new();
        for k in 0..40 {
            let x = f64::from(k).sin();
            let odd = if k == 7 { 1e200 } else { x };
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
            "--dtype=f64",
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
        Command::new("mkfifo")
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
        let mut run = Command::new(env!("CARGO_BIN_EXE_pushpull"));
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
    let mut search = Command::new(env!("CARGO_BIN_EXE_pushpull"))
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
    let kill = Command::new("kill")
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
    let mut first = Command::new(env!("CARGO_BIN_EXE_pushpull"))
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
        let kill = Command::new("kill")
            .args(["-INT", &first.id().to_string()])
            .status();
        assert!(kill.unwrap().success());
        assert_eq!(first.wait().unwrap().code(), Some(130));
        assert!(own.join("run.ckpt").exists());
    }
    let _ = first.kill();
    let _ = first.wait();
}

const TABLE: &str = "1,2,0\n3,4,1\n5,6,2\n7,8,0\n";

#[test]
fn an_input_is_not_overwritten_by_a_file_in_a_directory() {
    let place = tempfile::tempdir().unwrap();
    let own = place.path();
    fs::create_dir(own.join("d")).unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink("d", own.join("link")).unwrap();
    for (command, output, name) in [
        ("train", "--plot", "learning.csv"),
        ("compare", "--output", "compare.csv"),
        ("xray", "--output", "xray.csv"),
        ("evaluate", "--output", "confusion.csv"),
    ] {
        let input = own.join("d").join(name);
        fs::write(&input, TABLE).unwrap();
        for directory in ["d", "./d", "link"].iter().filter(|d| own.join(d).exists()) {
            let data = format!("--data=d/{name}");
            let mut run = vec![command, &data, output, directory];
            run.extend(NET);
            if command == "evaluate" {
                run.push("--weights=w.safetensors");
            }
            let output = pushpull(own, &run);
            let said = fault(&output);
            assert_eq!(output.status.code(), Some(2), "{command}: {said}");
            assert!(said.contains(name) && said.contains("an input"), "{said}");
            assert_eq!(fs::read_to_string(&input).unwrap(), TABLE);
        }
    }
    for twice in [
        ["--plot=d", "--weights=d/./learning.csv"],
        ["--plot=d", "--table=d/learning.png"],
    ] {
        let said = read(own, TABLE.as_bytes(), &twice).unwrap_err();
        assert!(said.contains("different files"), "{said}");
    }
    let twice = ["compare", "--output=d", "--output=d/compare.png"];
    let said = fault(&pushpull(own, &[&twice[..], &NET].concat()));
    assert!(said.contains("different files"), "{said}");
}

/// A device without room: what could be written is not.
#[cfg(target_os = "linux")]
#[test]
fn an_output_that_fails_leaves_no_other() {
    let place = tempfile::tempdir().unwrap();
    let own = place.path();
    fs::write(own.join("t.csv"), TABLE).unwrap();
    let outputs = ["--weights=w.st", "--table=/dev/full", "--plot=curves"];
    for search in [
        &outputs[..],
        &["--weights=w.st", "--table=/dev/full", "--search=grid"],
    ] {
        let output = pushpull(own, &[&TRAIN[..], &NET, search].concat());
        assert_eq!(output.status.code(), Some(1), "{}", fault(&output));
        assert!(!own.join("w.st").exists());
        assert!(!own.join("curves/learning.csv").exists());
    }
}

#[test]
fn a_search_without_a_score_is_a_failure_and_says_so() {
    let place = tempfile::tempdir().unwrap();
    let own = place.path();
    let search = |rates: &str| {
        let run = [
            "train",
            "--set=digits",
            "--layers=64,8,10",
            "--activation=relu",
            "--loss=softmax-cross-entropy",
            "--epochs=2",
            "--search=grid",
            "--weights=w.st",
            "--table=t.csv",
            rates,
        ];
        let output = pushpull(own, &run);
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(!told.contains("Where` block"), "{told}");
        (output.status.code(), told, fault(&output))
    };
    let (code, told, said) = search("--rates=1e30,1e35");
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("got none of 2, and no file is written"),
        "{said}"
    );
    assert!(!said.contains("Where` block"), "{said}");
    assert!(!told.contains("too optimistic"), "{told}");
    assert!(!own.join("w.st").exists() && !own.join("t.csv").exists());
    // One score is not the best of many.
    let (code, told, said) = search("--rates=1e-3,1e30");
    assert_eq!(code, Some(0), "{said}");
    assert!(!told.contains("too optimistic"), "{told}");
    assert!(own.join("w.st").exists() && own.join("t.csv").exists());
}

#[cfg(unix)]
#[test]
fn names_of_classes_and_files_cannot_draw_on_the_terminal() {
    let place = tempfile::tempdir().unwrap();
    let own = place.path();
    let wild = "\u{1b}[31m";
    let (data, weights, judged) = (
        format!("{wild}.csv"),
        format!("{wild}.st"),
        format!("{wild}d"),
    );
    let table = format!("1,2,{wild}a\n3,4,b\n5,6,c\n1,1,{wild}a\n2,2,b\n3,3,c\n");
    fs::write(own.join(&data), table).unwrap();
    let train = ["train", "--epochs=1", "--batch=1", "--valid=0.5", "--plain"];
    for more in [
        [&train[..], &["--plot", &judged]].concat(),
        vec!["evaluate", "--output", &judged],
        vec!["xray", "--output", &judged],
        vec!["compare", "--output", &judged, "--seconds=0.1"],
        vec!["gradient", "--output", &judged[1..]],
        vec!["predict", "--target=3", "--output", "\u{1b}.csv"],
    ] {
        let mut run = [&more[..], &["--data", &data, "--weights", &weights]].concat();
        let net = if more[0] == "predict" {
            &NET[1..]
        } else {
            &NET[..]
        };
        run.extend(net);
        let output = pushpull(own, &run);
        assert!(output.status.success(), "{run:?}: {}", fault(&output));
        let told = String::from_utf8(output.stdout).unwrap();
        assert!(told.contains("u{1b}") || more[0] == "gradient", "{told}");
        assert!(!told.contains('\u{1b}'), "{run:?}: {told:?}");
    }
}
