//! `pushpull-mpi train`: the same network for any number of ranks, through checkpoints and kills.

mod common;

use std::path::Path;
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

use common::{RANKS, ended, job, program, said, words};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const DIGITS: [&str; 8] = [
    "train",
    "--set=digits",
    "--layers=64,32,10",
    "--activation=relu",
    "--loss=softmax-cross-entropy",
    "--batch=100",
    "--leaf=16",
    "--rate=1e-2",
];

fn train(place: &Path, ranks: usize, more: &[&str]) -> Command {
    let mut command = job(ranks, &program(), &[&DIGITS[..], more].concat());
    command.current_dir(place);
    command
}

fn read(place: &Path, name: &str) -> Vec<u8> {
    std::fs::read(place.join(name)).unwrap()
}

#[test]
fn any_number_of_ranks_and_threads_trains_the_same_network() {
    let place = tempfile::tempdir().unwrap();
    let place = place.path();
    let report = said(train(
        place,
        1,
        &["--epochs=4", "--weights=alone.st", "--json"],
    ));
    assert!(report.contains("\"end\":\"epochs\""), "{report}");
    for ranks in RANKS {
        for threads in ["--threads=1", "--threads=2"] {
            let report = said(train(
                place,
                ranks,
                &["--epochs=4", "--weights=w.st", threads],
            ));
            assert_eq!(
                report.matches("network ").count(),
                1,
                "said by one rank: {report}"
            );
            assert!(
                read(place, "w.st") == read(place, "alone.st"),
                "{ranks} {threads}"
            );
        }
    }
    said(train(
        place,
        2,
        &["--epochs=4", "--weights=w.st", "--seed=1"],
    ));
    assert!(read(place, "w.st") != read(place, "alone.st"));
}

#[test]
fn a_run_goes_on_with_another_number_of_ranks() {
    let place = tempfile::tempdir().unwrap();
    let place = place.path();
    said(train(place, 1, &["--epochs=6", "--weights=alone.st"]));
    for (ranks, epochs) in [
        (3, "--epochs=2"),
        (7, "--epochs=3"),
        (1, "--epochs=5"),
        (2, "--epochs=6"),
    ] {
        said(train(
            place,
            ranks,
            &[epochs, "--checkpoint=c", "--resume", "--weights=w.st"],
        ));
    }
    assert!(read(place, "w.st") == read(place, "alone.st"));
    // Leaves of another size are another run.
    let other = train(place, 2, &["--checkpoint=c", "--resume", "--leaf=8"])
        .spawn()
        .unwrap();
    let output = ended(other);
    assert_eq!(output.status.code(), Some(2));
    assert!(words(&output).contains("leaf"), "{}", words(&output));
    // A checkpoint that exists is not written over.
    let output = ended(train(place, 2, &["--checkpoint=c"]).spawn().unwrap());
    assert!(words(&output).contains("--resume"), "{}", words(&output));
}

#[test]
fn a_search_writes_the_same_winner() {
    let place = tempfile::tempdir().unwrap();
    let place = place.path();
    let search = [
        "--epochs=2",
        "--search=grid",
        "--hidden=8",
        "--hidden=16",
        "--rates=1e-3,1e-2",
    ];
    for ranks in [1, 2, 4] {
        let weights = format!("--weights={ranks}.st");
        said(train(place, ranks, &[&search[..], &[&weights]].concat()));
        assert!(
            read(place, &format!("{ranks}.st")) == read(place, "1.st"),
            "{ranks}"
        );
    }
}

/// The ranks of a job, which are children of its `mpirun`.
fn ranks_of(job: &Child) -> Vec<u32> {
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let number = |name: std::ffi::OsString| name.to_str()?.parse::<u32>().ok();
    let mut ranks: Vec<u32> = processes
        .filter_map(|entry| number(entry.file_name()))
        .filter(|process| {
            let stat = std::fs::read_to_string(format!("/proc/{process}/stat"));
            // The name stands in brackets and may hold anything; state and parent follow.
            let parent = stat.ok().and_then(|stat| {
                let (_, after) = stat.rsplit_once(") ")?;
                after.split(' ').nth(1)?.parse::<u32>().ok()
            });
            parent == Some(job.id())
        })
        .collect();
    ranks.sort_unstable();
    ranks
}

/// Kills one rank at a moment that the seed says, again and again; each start goes on from the checkpoint with another number of
/// ranks, and the network in the end is that of a run that nobody killed. A run that came to its end is held against it, and begun
/// anew. `PUSHPULL_MPI_KILLS` says how often, `PUSHPULL_MPI_SEED` which moments.
#[test]
#[cfg(target_os = "linux")]
fn killed_ranks_lose_nothing() {
    let asked = |name: &str, usual: u64| -> u64 {
        let set = std::env::var(name).ok();
        set.map_or(usual, |number| number.parse().unwrap())
    };
    let (kills, seed) = (
        asked("PUSHPULL_MPI_KILLS", 4),
        asked("PUSHPULL_MPI_SEED", 0),
    );
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let place = tempfile::tempdir().unwrap();
    let place = place.path();
    let began = Instant::now();
    said(train(
        place,
        2,
        &[
            "--epochs=12",
            "--checkpoint=whole",
            "--save-every=2",
            "--weights=whole.st",
        ],
    ));
    let whole = began.elapsed();
    let cut = [
        "--epochs=12",
        "--checkpoint=c",
        "--save-every=2",
        "--resume",
        "--weights=cut.st",
    ];
    let is_whole = || read(place, "cut.st") == read(place, "whole.st");
    let (mut killed, mut finished, mut longest) = (0, 0, Duration::ZERO);
    for attempt in 0..20 * kills {
        if killed == kills {
            break;
        }
        let ranks = RANKS[rng.random_range(1..RANKS.len())];
        // The file appears when MPI has started: a rank that is killed before may leave Open MPI 4.1's own mpirun hanging.
        let started = place.join(".c.lock");
        let _ = std::fs::remove_file(&started);
        let mut job = train(place, ranks, &cut).spawn().unwrap();
        while !started.exists() && job.try_wait().unwrap().is_none() {
            thread::sleep(Duration::from_millis(2));
        }
        // From the first moment on until after most of the run.
        thread::sleep(whole.mul_f64(rng.random_range(0.0..0.7)));
        if let Some(victim) = ranks_of(&job).get(rng.random_range(0..ranks)) {
            let kill = Command::new("kill")
                .args(["-9", &victim.to_string()])
                .status();
            killed += u64::from(kill.unwrap().success());
        }
        let since = Instant::now();
        let output = ended(job);
        longest = longest.max(since.elapsed());
        if output.status.success() {
            assert!(is_whole(), "another network after {attempt} starts");
            finished += 1;
            std::fs::remove_file(place.join("c")).unwrap();
            std::fs::remove_file(place.join("cut.st")).unwrap();
        }
    }
    said(train(place, 3, &cut));
    assert!(is_whole(), "another network after {killed} kills");
    println!(
        "{killed} kills, {finished} runs finished between them; a job ended {longest:?} after at most"
    );
    assert_eq!(killed, kills, "ranks were not there to be killed");
}
