//! Every target on its corpus, `fuzz/corpus/<name>`, and on mutations of it, on stable Rust.

mod mutation;

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use mutation::Random;
use pushpull_fuzz_targets::{CountingAllocator, TARGETS, Target, one_line};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// Mutations of a corpus that are tried.
const MUTATIONS: usize = 2000;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz")
}

/// The files of a corpus, by name.
fn corpus(name: &str) -> Vec<Vec<u8>> {
    let directory = root().join("corpus").join(name);
    let entries = std::fs::read_dir(&directory)
        .unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
        .iter()
        .map(|path| std::fs::read(path).unwrap())
        .collect()
}

/// An input on which a target broke its word.
#[derive(Debug)]
struct Caught {
    input: String,
    words: String,
}

/// Runs a target on a corpus and its mutations: how many inputs it took, of the corpus and of the mutations.
fn replay(target: Target, corpus: &[Vec<u8>]) -> Result<[usize; 2], Caught> {
    let mut random = Random(0x70757368);
    let mutations: Vec<Vec<u8>> = (0..MUTATIONS).map(|_| random.mutation(corpus)).collect();
    // What is made once is made before anything is counted.
    (target.run)(b"");
    let taken = |inputs: &[Vec<u8>]| {
        let taken = inputs.iter().map(|input| checked(target, input));
        taken.sum::<Result<usize, Caught>>()
    };
    Ok([taken(corpus)?, taken(&mutations)?])
}

/// 1 if the target took the input.
fn checked(target: Target, input: &[u8]) -> Result<usize, Caught> {
    let caught = |words: String| Caught {
        input: input.escape_ascii().to_string(),
        words,
    };
    let run = AssertUnwindSafe(|| target.held(input));
    let taken = catch_unwind(run).map_err(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let constant = panic.downcast_ref::<&str>().map(|&text| text.to_owned());
        caught(text.or(constant).unwrap_or_default())
    })?;
    Ok(taken.into())
}

#[track_caller]
fn holds(name: &str) {
    let target = Target::named(name).unwrap();
    let corpus = corpus(name);
    let [of_corpus, of_mutations] = replay(target, &corpus)
        .unwrap_or_else(|caught| panic!("{name}: {}: {}", caught.words, caught.input));
    println!(
        "{name}: took {of_corpus} of {}, and {of_mutations} of {MUTATIONS} mutations",
        corpus.len()
    );
    // A corpus that is only refused, or never, tests one side of a reader.
    assert!(0 < of_corpus && of_corpus < corpus.len());
    assert!(0 < of_mutations && of_mutations < MUTATIONS);
}

macro_rules! replayed {
    ($($name:ident),*) => {
        $(
            #[test]
            fn $name() {
                holds(stringify!($name));
            }
        )*
        const REPLAYED: &[&str] = &[$(stringify!($name)),*];
    };
}

replayed!(
    calibration,
    chain,
    checkpoint,
    gz,
    npy,
    npz,
    options,
    sets,
    table,
    weights
);

/// The list of targets, the tests here, the corpora and the targets of libFuzzer are the same ones.
#[test]
fn every_target_is_replayed_and_fuzzed() {
    let listed: BTreeSet<String> = TARGETS.map(|target| target.name.to_owned()).into();
    let names = |directory: &str| -> BTreeSet<String> {
        let entries = std::fs::read_dir(root().join(directory)).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        paths
            .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(
        REPLAYED
            .iter()
            .map(|&name| name.to_owned())
            .collect::<BTreeSet<_>>(),
        listed
    );
    assert_eq!(names("corpus"), listed);
    assert_eq!(names("fuzz_targets"), listed);
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    for name in listed {
        assert!(
            manifest.contains(&format!("path = \"fuzz_targets/{name}.rs\"")),
            "{name}"
        );
    }
}

/// Readers with a fault each, and what the replay says of them.
mod planted {
    use super::*;

    #[track_caller]
    fn caught(run: fn(&[u8]) -> bool, corpus_of: &str, words: &str) {
        let target = Target {
            name: "planted",
            run,
            most: 1 << 20,
        };
        let caught = replay(target, &corpus(corpus_of)).expect_err("a fault that was planted");
        assert!(caught.words.contains(words), "{caught:?}");
    }

    /// Room for as many bytes as the first eight say.
    #[test]
    fn a_length_that_is_believed() {
        fn reader(data: &[u8]) -> bool {
            let Some(len) = data.first_chunk().map(|&len| u64::from_le_bytes(len)) else {
                return false;
            };
            // Asked for, never touched; what no machine has would end the process.
            let room = Vec::<u8>::with_capacity(len.min(1 << 30) as usize);
            std::hint::black_box(room).capacity() > 0
        }
        caught(reader, "weights", "bytes at once");
    }

    /// A line's third field, without a look at how many there are.
    #[test]
    fn a_field_that_is_not_there() {
        fn reader(data: &[u8]) -> bool {
            let text = String::from_utf8_lossy(data);
            let fields = |line: &str| line.split(',').map(str::len).collect::<Vec<_>>();
            text.lines().all(|line| fields(line)[2] < 100)
        }
        caught(reader, "table", "index out of bounds");
    }

    /// A fault that repeats what the file says.
    #[test]
    fn words_of_a_file_in_a_fault() {
        fn reader(data: &[u8]) -> bool {
            let at = data.windows(6).position(|part| part == b"\x93NUMPY");
            let header = at.map_or(data, |at| &data[at..]).get(10..50);
            let Some(header) = header.filter(|header| !header.starts_with(b"{'descr'")) else {
                return true;
            };
            one_line(&String::from_utf8_lossy(header));
            false
        }
        caught(reader, "npz", "more than a line");
    }

    /// Numbers that are written with six digits.
    #[test]
    fn digits_that_are_lost() {
        fn reader(data: &[u8]) -> bool {
            let Some(value) = std::str::from_utf8(data)
                .ok()
                .and_then(|text| text.parse::<f64>().ok())
            else {
                return false;
            };
            let again: f64 = format!("{value:.6}").parse().unwrap();
            assert!(value.to_bits() == again.to_bits(), "digits lost");
            true
        }
        caught(reader, "options", "digits lost");
    }
}
