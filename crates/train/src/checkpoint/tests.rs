use super::*;
use crate::optimiser::Moments;
use crate::state::State;
use crate::{Epoch, Metrics, Optimiser, Score};

const BLOCKS: u64 = 5;

fn identity() -> Identity {
    vec![
        ("precision".into(), "f32".into()),
        ("seed".into(), "7".into()),
    ]
}

fn state() -> State<f32> {
    let mut state = State::start(
        vec![1.5, -0.0, f32::MIN_POSITIVE / 2.0],
        Moments::new(Optimiser::adam(0.1), 3),
    );
    state.moments.first[1] = 0.25;
    state.moments.powers = [0.9, 0.999];
    (state.epoch, state.block, state.step, state.seconds) = (2, 3, 2 * BLOCKS + 3, 0.125);
    state.best.note(1, 0.5, &[9.0, 8.0, 7.0]);
    let metrics = Metrics {
        loss: 0.1,
        score: Score::Accuracy(0.75),
    };
    for number in 1..=2 {
        let valid = (number == 1).then_some(Metrics {
            loss: 0.2,
            score: Score::R2(0.5),
        });
        state.history.push(Epoch {
            number,
            train: metrics,
            valid,
            seconds: 0.5,
            evaluation_seconds: 0.25,
            best: number == 1,
        });
    }
    state
}

fn back(bytes: &[u8]) -> Result<State<f32>, CheckpointFault> {
    decode(bytes, &identity(), &state(), BLOCKS)
}

/// With a checksum that fits: what is checked then is the content.
fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
    let end = bytes.len() - 4;
    let sum = crc32fast::hash(&bytes[..end]);
    bytes[end..].copy_from_slice(&sum.to_le_bytes());
    bytes
}

#[test]
fn a_state_comes_back_bit_by_bit() {
    let bytes = encode(&identity(), &state());
    let same = back(&bytes).unwrap();
    assert_eq!(same, state());
    assert_eq!(encode(&identity(), &same), bytes);
}

#[test]
fn no_cut_and_no_changed_byte_passes() {
    let bytes = encode(&identity(), &state());
    for n in 0..bytes.len() {
        assert!(back(&bytes[..n]).is_err(), "cut to {n}");
        let mut changed = bytes.clone();
        changed[n] ^= 0x10;
        assert!(back(&changed).is_err(), "byte {n}");
        // Whatever a byte says under a right checksum, it is read or refused, never a panic or a huge allocation.
        changed[n] = 0xff;
        let _ = back(&sealed(changed));
        if n >= 4 {
            let _ = back(&sealed(bytes[..n].to_vec()));
        }
    }
    let longer = sealed([bytes.as_slice(), &[0; 8]].concat());
    assert!(matches!(
        back(&longer),
        Err(CheckpointFault::Damaged { .. })
    ));
}

#[test]
fn faults_are_told_apart() {
    let bytes = encode(&identity(), &state());
    assert_eq!(back(b"PK\x03\x04"), Err(CheckpointFault::NotACheckpoint));
    let mut later = bytes.clone();
    later[MAGIC.len()] = VERSION as u8 + 1;
    assert_eq!(
        back(&later),
        Err(CheckpointFault::Version {
            expected: VERSION,
            got: VERSION + 1
        })
    );
    assert!(matches!(
        back(&bytes[..bytes.len() - 9]),
        Err(CheckpointFault::Damaged { .. })
    ));
    let mut other = identity();
    other[1].1 = "8".into();
    let foreign = CheckpointFault::Foreign {
        what: "seed".into(),
        expected: "7".into(),
        got: "8".into(),
    };
    assert_eq!(back(&encode(&other, &state())), Err(foreign));
    other.pop();
    assert!(
        matches!(back(&encode(&other, &state())), Err(CheckpointFault::Foreign { what, .. }) if what == "seed")
    );
}

/// What a stranger's file says is repeated in a fault, on one line.
#[test]
fn the_words_of_another_run_are_escaped_and_cut() {
    let mut other = identity();
    other[0].1 = "\u{1b}]0;owned\u{7}\n".into();
    let words = back(&encode(&other, &state())).unwrap_err().to_string();
    assert!(words.contains("\\u{1b}]0;owned\\u{7}\\n"), "{words}");
    other[0].1 = "x".repeat(100_000);
    let words = back(&encode(&other, &state())).unwrap_err().to_string();
    assert!(words.len() < 400, "{words}");
    // An entry more than the run has: its name is the file's too.
    let mut more = identity();
    more.push(("\u{10ffff}".repeat(1000), "\u{10ffff}".repeat(1000)));
    let words = back(&encode(&more, &state())).unwrap_err().to_string();
    assert!(words.len() < 1000, "{words}");
}

#[test]
fn contradictions_under_a_right_checksum_are_refused() {
    let refused = |change: fn(&mut State<f32>)| {
        let mut changed = state();
        change(&mut changed);
        back(&encode(&identity(), &changed))
            .unwrap_err()
            .to_string()
    };
    assert!(refused(|s| s.block = BLOCKS).contains("counters"));
    assert!(refused(|s| s.step += 1).contains("counters"));
    assert!(refused(|s| s.epoch = u64::MAX).contains("counters"));
    assert!(refused(|s| s.history.truncate(1)).contains("counters"));
    assert!(refused(|s| s.best.epoch = 3).contains("counters"));
    assert!(refused(|s| s.params.push(0.0)).contains("4 numbers"));
    assert!(refused(|s| s.params[0] = f32::NAN).contains("params[0] is NaN"));
}

#[test]
fn a_write_replaces_the_file_and_clears_what_a_killed_run_left() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("run.ckpt");
    std::fs::write(place.path().join(".run.ckpt.writing-1-0"), "half").unwrap();
    write(
        &path.with_file_name("n".repeat(255)),
        b"as long as a name may be",
    )
    .unwrap();
    std::fs::remove_file(path.with_file_name("n".repeat(255))).unwrap();
    for text in [&b"first"[..], b"second"] {
        write(&path, text).unwrap();
        assert_eq!(read(&path, 100).unwrap(), text);
    }
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 1);
    assert_eq!(read(&path, 5), Err(CheckpointFault::TooLong { limit: 5 }));
    assert_eq!(
        read(&place.path().join("none"), 5),
        Err(CheckpointFault::Missing)
    );
    assert!(read(place.path(), 5).is_err());
    assert!(matches!(
        write(&place.path().join("no/such/run"), b""),
        Err(CheckpointFault::Refused { .. })
    ));
    assert!(matches!(
        write(std::path::Path::new("/"), b""),
        Err(CheckpointFault::Refused { .. })
    ));
}
