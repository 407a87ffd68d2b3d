//! `pushpull plan`, as a process.

mod common;

use std::path::Path;
use std::process::{Command, Output};

use common::{fault, listing, pushpull};
use serde_json::Value;

const NET: [&str; 5] = ["plan", "--layers", "6,8,3", "--activation", "tanh"];

fn plan(place: &Path, more: &[&str]) -> Output {
    let mut arguments = NET.to_vec();
    arguments.extend(more);
    pushpull(place, &arguments)
}

fn json(output: &Output) -> Value {
    assert!(output.status.success(), "{}", fault(output));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[track_caller]
fn refused(what: &str, output: &Output, words: &[&str]) {
    let said = fault(output);
    assert_eq!(output.status.code(), Some(2), "{what}: {said}");
    assert!(said.starts_with("error: "), "{what}: {said}");
    for word in words {
        assert!(said.contains(word), "{what}: {word:?} is not in {said}");
    }
    assert!(output.stdout.is_empty(), "{what}");
}

#[test]
fn every_question_has_a_table_and_a_reason() {
    let place = tempfile::tempdir().unwrap();
    for (question, shown) in [
        ("gradient", "gradient"),
        ("jvp:2", "jvp(2)"),
        ("vjp:3", "vjp(3)"),
        ("jacobian-params", "jacobian-params"),
        ("jacobian-inputs", "jacobian-inputs"),
        ("gradient-norms", "gradient-norms"),
        ("hessian-vector:2", "hessian-vector(2)"),
    ] {
        for loss in [&["--loss", "softmax-cross-entropy"][..], &[]] {
            let mut more = vec!["--question", question];
            more.extend(loss);
            let output = plan(place.path(), &more);
            assert!(output.status.success(), "{question}: {}", fault(&output));
            let text = String::from_utf8(output.stdout).unwrap();
            for words in [
                shown,
                "candidate",
                "peak bytes",
                "picked",
                // Norms of gradients are reverse mode's alone.
                match question {
                    "gradient-norms" => "reverse is the only way",
                    _ => "predicted to take",
                },
            ] {
                assert!(text.contains(words), "{question}: {words} in\n{text}");
            }
            assert!(!text.contains('\u{1b}'), "colours go to terminals alone");
        }
    }
}

#[test]
fn json_has_every_candidate_with_exact_counts() {
    let place = tempfile::tempdir().unwrap();
    let report = json(&plan(
        place.path(),
        &["--batch", "4", "--loss", "sum", "--dtype", "f32", "--json"],
    ));
    assert_eq!(report["params"], 7 * 8 + 9 * 3);
    assert_eq!(
        (&report["question"], &report["dtype"]),
        (&"gradient".into(), &"f32".into())
    );
    let rows = report["candidates"].as_array().unwrap();
    assert_eq!(rows.iter().filter(|row| row["picked"] == true).count(), 1);
    let reverse = rows.iter().find(|row| row["name"] == "reverse").unwrap();
    // Two linear layers, tanh, the loss; then both parameters' maps, one input's, tanh's, the loss's.
    let (one, two, b) = (2 * 6 * 8, 2 * 8 * 3, 4);
    let primal = b * (one + 8 + two + 3 + 2) + b;
    let adjoint = b * (one + 8 + two + 3 + two + 8);
    let flops = reverse["flops"].as_u64().unwrap();
    assert!(
        flops.abs_diff(primal + adjoint) <= 8 * b,
        "{flops} {}",
        primal + adjoint
    );
    assert_eq!(reverse["calls"].as_u64(), Some(8 * b));
    assert!(reverse["seconds"].as_f64().unwrap() > 0.0);
}

/// The options of `pushpull compare` are taken: data give the batch, threads change no count.
#[test]
fn data_and_threads_are_taken_as_by_compare() {
    let place = tempfile::tempdir().unwrap();
    std::fs::write(place.path().join("t.csv"), "1,2,3,4,5,6,0\n6,5,4,3,2,1,2\n").unwrap();
    let net = ["--loss", "softmax-cross-entropy", "--data", "t.csv"];
    let ask = |more: &[&str]| json(&plan(place.path(), &[&net[..], more, &["--json"]].concat()));
    let (one, two) = (ask(&[]), ask(&["--threads", "2"]));
    assert_eq!(
        (one["batch"].as_u64(), two["threads"].as_u64()),
        (Some(2), Some(2))
    );
    let flops = |report: &Value| report["candidates"][0]["flops"].as_u64().unwrap();
    assert_eq!(flops(&one), flops(&two));
    assert_eq!(ask(&["--batch", "1"])["batch"].as_u64(), Some(1));
    let text = plan(place.path(), &[&net[..], &["--threads", "2"]].concat());
    assert!(
        String::from_utf8(text.stdout)
            .unwrap()
            .contains("one thread")
    );
    for (more, words) in [
        (&["--batch", "3"][..], "--batch"),
        (&["--threads", "100000"], "threads"),
        (&["--layers", "5,8,3"], "--layers"),
    ] {
        let mut all = vec!["plan", "--activation", "tanh"];
        if !more.contains(&"--layers") {
            all.extend(["--layers", "6,8,3"]);
        }
        all.extend(net);
        all.extend(more);
        refused(&more.join(" "), &pushpull(place.path(), &all), &[words]);
    }
}

#[test]
fn a_budget_is_kept_or_refused_with_the_smallest_that_does() {
    let place = tempfile::tempdir().unwrap();
    let net = ["--loss", "squared-error", "--json"];
    let ask = |memory: &str| {
        let mut more = net.to_vec();
        more.extend(["--memory", memory]);
        plan(place.path(), &more)
    };
    for (memory, bytes) in [
        ("500MB", 500_000_000),
        ("64KiB", 65_536),
        ("65536", 65_536),
        ("1GiB", 1 << 30),
    ] {
        let report = json(&ask(memory));
        assert_eq!(report["memory"].as_u64(), Some(bytes));
        let rows = report["candidates"].as_array().unwrap();
        let picked = rows.iter().find(|row| row["picked"] == true).unwrap();
        assert!(picked["peak_bytes"].as_u64().unwrap() <= bytes);
    }
    let refusal = ask("1KB");
    refused(
        "1KB",
        &refusal,
        &[
            "gradient",
            "expected to fit 1000 bytes",
            "at the least",
            "give that budget",
        ],
    );
    let said = fault(&refusal);
    let smallest = said
        .split("got ")
        .nth(1)
        .unwrap()
        .split(' ')
        .next()
        .unwrap();
    assert!(ask(smallest).status.success(), "{said}");
    let less = (smallest.parse::<u64>().unwrap() - 1).to_string();
    refused("one byte less", &ask(&less), &[smallest]);
}

#[test]
fn wrong_options_are_refused() {
    let place = tempfile::tempdir().unwrap();
    for (more, words) in [
        (&["--question", "hessian"][..], "hessian-vector:K"),
        (&["--question", "jvp"], "jvp:3"),
        (&["--question", "jvp:0"], "at least 1"),
        (&["--memory", "5 parsecs"], "500MB"),
        (&["--memory=-1"], "64KiB"),
        (&["--batch", "0"], "at least 1"),
        (&["--batch", "99999999999"], "bytes"),
        (&["--question", "jvp:18446744073709551615"], "directions"),
        (&["--question", "vjp:9223372036854775807"], "directions"),
        (
            &["--question", "hessian-vector:1000000000000"],
            "directions",
        ),
        (&["--chain", "c.txt"], "--chain"),
        (&["--loss", "hinge"], "squared-error"),
    ] {
        let output = plan(place.path(), more);
        refused(&more.join(" "), &output, &[words]);
    }
    refused(
        "no network",
        &pushpull(place.path(), &["plan"]),
        &["--layers", "--activation"],
    );
    refused(
        "one width",
        &pushpull(
            place.path(),
            &["plan", "--layers", "4", "--activation", "relu"],
        ),
        &["--layers"],
    );
    let huge = [
        "plan",
        "--layers",
        "4294967296,4294967296",
        "--activation",
        "relu",
    ];
    refused("too wide", &pushpull(place.path(), &huge), &["bytes"]);
}

fn chain(place: &Path, bytes: &[u8], json: bool) -> Output {
    std::fs::write(place.join("c.txt"), bytes).unwrap();
    let mut arguments = vec!["plan", "--chain", "c.txt"];
    if json {
        arguments.push("--json");
    }
    pushpull(place, &arguments)
}

#[test]
fn a_chain_gives_one_line_of_four_whole_numbers() {
    let place = tempfile::tempdir().unwrap();
    for (file, line) in [
        ("1 20 400\n20 1 400\n1 20 400\n", "1200 24000 1200 1240\n"),
        ("# a remark\n\n2 3 6 # another\r\n", "12 18 12 12\n"),
        ("4 4 16", "64 64 64 64\n"),
    ] {
        let output = chain(place.path(), file.as_bytes(), false);
        assert!(output.status.success(), "{}", fault(&output));
        assert_eq!(String::from_utf8(output.stdout).unwrap(), line, "{file:?}");
        assert!(output.stderr.is_empty());
    }
    let report = json(&chain(
        place.path(),
        b"1 20 400\n20 1 400\n1 20 400\n",
        true,
    ));
    assert_eq!(
        ["optimum", "all_tangent", "all_adjoint", "preaccumulation"]
            .map(|key| report[key].as_u64().unwrap()),
        [1200, 24000, 1200, 1240]
    );
    assert!(report["bracketing"].as_str().unwrap().contains("F1"));
    // The calibration is no business of a chain.
    assert_eq!(listing(place.path()), [Path::new("c.txt")]);
}

/// Costs beyond 64 bits are printed in full, as text and as JSON.
#[test]
fn costs_of_more_than_64_bits_are_whole() {
    let place = tempfile::tempdir().unwrap();
    let file = b"10000000000 10000000000 100000000000000000\n";
    let output = chain(place.path(), file, false);
    let line = "1000000000000000000000000000 ".repeat(4);
    assert_eq!(
        String::from_utf8(output.stdout).unwrap().trim_end(),
        line.trim_end()
    );
    let output = chain(place.path(), file, true);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        text.contains("\"optimum\":1000000000000000000000000000,"),
        "{text}"
    );
}

#[test]
fn hostile_chains_are_refused_with_their_line() {
    let place = tempfile::tempdir().unwrap();
    let long = "1 1 1 ".repeat(10_000);
    let many = "1 1 1\n".repeat(1001);
    let mut binary: Vec<u8> = (0..=255).collect();
    binary.extend([0x1b, b'[', b'3', b'1', b'm']);
    for (what, bytes, words) in [
        ("empty", &b""[..], &["at least one factor"][..]),
        ("remarks alone", b"# nothing\n\n", &["at least one factor"]),
        ("two numbers", b"2 3\n", &["line 1", "three whole numbers"]),
        ("four numbers", b"2 3 6 1\n", &["line 1", "three whole numbers"]),
        ("words", b"2 3 six\n", &["line 1", "whole number"]),
        ("negative", b"2 -3 6\n", &["line 1", "whole number"]),
        ("a fraction", b"2 3 6.5\n", &["line 1", "whole number"]),
        ("beyond 64 bits", b"2 3 18446744073709551616\n", &["line 1", "18446744073709551615"]),
        ("a size of zero", b"2 3 6\n0 2 1\n", &["line 2", "at least 1"]),
        ("sizes that do not chain", b"2 3 6\n\n2 3 6\n", &["line 3", "n = 2", "n = 3"]),
        (
            "a cost beyond 128 bits",
            b"18446744073709551615 18446744073709551615 18446744073709551615\n18446744073709551615 18446744073709551615 18446744073709551615\n",
            &["2^128"],
        ),
        ("a long line", long.as_bytes(), &["line 1", "256 bytes"]),
        ("too many", many.as_bytes(), &["line 1001", "1000"]),
        ("binary", &binary, &["line 1"]),
        ("invalid UTF-8", b"2 3 6\n\xff\xfe 1 1\n", &["line 2", "UTF-8"]),
    ] {
        for json in [false, true] {
            let output = chain(place.path(), bytes, json);
            refused(what, &output, &["c.txt"]);
            refused(what, &output, words);
            let said = fault(&output);
            assert_eq!(said.trim_end().lines().count(), 1, "{what}: {said}");
            assert!(said.len() < 600 && !said.contains('\u{1b}'), "{what}: {said}");
        }
    }
    let none = pushpull(place.path(), &["plan", "--chain", "none.txt"]);
    refused("no file", &none, &["none.txt"]);
    let directory = pushpull(place.path(), &["plan", "--chain", "."]);
    refused("a directory", &directory, &["a directory"]);
    let both = ["plan", "--chain", "c.txt", "--batch", "4"];
    refused(
        "a chain and a network",
        &pushpull(place.path(), &both),
        &["--batch"],
    );
}

/// A file that never ends is read no further than is needed to refuse it.
#[cfg(target_os = "linux")]
#[test]
fn a_large_file_is_not_read_whole() {
    let place = tempfile::tempdir().unwrap();
    let file = std::fs::File::create(place.path().join("c.txt")).unwrap();
    file.set_len(1 << 40).unwrap();
    let script = "ulimit -v 524288 && exec \"$0\" plan --chain c.txt";
    let output = Command::new("sh")
        .args(["-c", script, env!("CARGO_BIN_EXE_pushpull")])
        .current_dir(place.path())
        .output()
        .unwrap();
    refused("zeros", &output, &["line 1", "256 bytes"]);
}

/// The user is told of a file outside the working directory, once; an empty name keeps nothing.
#[test]
fn where_times_are_kept_is_said_and_can_be_chosen() {
    let place = tempfile::tempdir().unwrap();
    let cache = place.path().join("cache");
    let run = |named: Option<&str>| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pushpull"));
        command.args(NET).current_dir(place.path());
        command
            .env("XDG_CACHE_HOME", &cache)
            .env_remove("PUSHPULL_CALIBRATION");
        if let Some(named) = named {
            command.env("PUSHPULL_CALIBRATION", named);
        }
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", fault(&output));
        fault(&output)
    };
    assert_eq!(run(Some("")), "");
    assert!(!cache.exists());
    let said = run(None);
    let kept = cache.join("pushpull").join("calibration.txt");
    assert!(said.contains(&kept.display().to_string()), "{said}");
    assert!(kept.exists());
    assert_eq!(run(None), "");
    assert_eq!(run(Some("here.txt")), "");
    assert!(place.path().join("here.txt").exists());
}

#[test]
fn a_file_that_is_no_calibration_is_left_alone() {
    let place = tempfile::tempdir().unwrap();
    let notes = place.path().join("notes.txt");
    std::fs::write(&notes, "mine").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_pushpull"))
        .args(NET)
        .env("PUSHPULL_CALIBRATION", &notes)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", fault(&output));
    assert_eq!(fault(&output).matches("no calibration").count(), 1);
    assert_eq!(std::fs::read_to_string(&notes).unwrap(), "mine");
}
