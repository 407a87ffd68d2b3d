//! What every reader of user files must do, whatever the bytes.
//!
//! A target is a function of bytes. It gives them to one reader, as a whole file or as a part of one (an array in an archive, the
//! state after a run's header), and panics unless
//!
//! - the reader returns a value or an error and does not panic;
//! - an error is [one line](one_line) without control characters;
//! - what was read, written and read again is the same to the bit.
//!
//! `fuzz/fuzz_targets` runs each target under libFuzzer; `tests/replay` runs it on the committed corpus and some thousands of
//! mutations of it. Both compare the bytes that it allocates with [`Target::most`].
//!
//! ```
//! let target = pushpull_fuzz_targets::Target::named("chain").unwrap();
//! assert!((target.run)(b"1 20 400\n20 1 400\n")); // read
//! assert!(!(target.run)(b"1 20\n")); // refused
//! ```

mod arrays;
mod calibration;
mod chain;
mod checkpoint;
mod options;
mod sets;
mod table;
mod weights;

use pushpull_core::alloc;

pub use arrays::{npy, npz};
pub use calibration::calibration;
pub use chain::chain;
pub use checkpoint::checkpoint;
pub use options::options;
pub use pushpull_core::alloc::CountingAllocator;
pub use sets::sets;
pub use table::{gz, table};
pub use weights::weights;

/// A reader under test.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Of its corpus, and of its file in `fuzz/fuzz_targets`.
    pub name: &'static str,
    /// Whether the reader took the bytes. Panics where it breaks its word.
    pub run: fn(&[u8]) -> bool,
    /// Bytes of the heap that an input of 4 KiB may take at once, at most, with what the target itself writes.
    pub most: u64,
}

impl Target {
    /// The target of this name.
    pub fn named(name: &str) -> Option<Self> {
        TARGETS.into_iter().find(|target| target.name == name)
    }

    /// Runs it in a program of [`CountingAllocator`], and holds what it asks of the heap against [`Target::most`]. Whether the
    /// reader took the bytes. What a target makes once for all inputs counts, so run it on something before.
    ///
    /// # Panics
    /// Where the reader breaks its word, where it asks for more bytes, and where the program has another allocator.
    pub fn held(&self, data: &[u8]) -> bool {
        let (taken, seen) = alloc::measure(|| (self.run)(data)).expect("a counted heap");
        let (peak, most) = (seen.peak_bytes, self.most);
        assert!(peak <= most, "{peak} bytes at once, for {most} at most");
        taken
    }
}

const MIB: u64 = 1 << 20;

/// All of them.
pub const TARGETS: [Target; 10] = [
    Target {
        name: "calibration",
        run: calibration,
        most: MIB,
    },
    Target {
        name: "chain",
        run: chain,
        // The tables of some hundred factors.
        most: 16 * MIB,
    },
    Target {
        name: "checkpoint",
        run: checkpoint,
        most: MIB,
    },
    Target {
        name: "gz",
        run: gz,
        // Packed to a thousandth, 4 KiB are 4 MiB of text, and these a million samples.
        most: 256 * MIB,
    },
    Target {
        name: "npy",
        run: npy,
        most: MIB,
    },
    Target {
        name: "npz",
        run: npz,
        // Packed to a thousandth, 4 KiB are 4 MiB of numbers, which the target holds, writes and reads again.
        most: 48 * MIB,
    },
    Target {
        name: "options",
        run: options,
        most: MIB,
    },
    Target {
        name: "sets",
        run: sets,
        // Packed to a thousandth, as text and as numbers.
        most: 256 * MIB,
    },
    Target {
        name: "table",
        run: table,
        most: MIB,
    },
    Target {
        name: "weights",
        run: weights,
        most: MIB,
    },
];

/// Holds the words of a fault to one line of a terminal.
///
/// # Panics
/// Where they are none, more than a thousand characters, or hold a control character or another end of a line.
pub fn one_line(fault: &impl std::fmt::Display) {
    let words = fault.to_string();
    let ends = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    assert!(!words.is_empty(), "a fault without words");
    assert!(!words.contains(ends), "more than a line: {words:?}");
    let n = words.chars().count();
    assert!(n <= 1000, "a line of {n} characters: {words:.200}..");
}
