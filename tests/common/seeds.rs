//! How every random test of the workspace is run: on the same cases each time, or on others where they are asked for.
//!
//! A crate's tests take this file by its path. `PROPTEST_RNG_SEED` asks for other cases and `PROPTEST_CASES` for more of
//! them (CONTRIBUTING.md, "Commands"). A test that fails prints both, and keeps the case in its file of regressions.

use proptest::test_runner::{Config, FileFailurePersistence, RngSeed};

/// What `PROPTEST_CASES` is relative to: proptest's own number of cases.
const USUAL: u64 = 256;

/// The seed that is asked for, else 0.
pub fn seed() -> u64 {
    match Config::default().rng_seed {
        RngSeed::Fixed(seed) => seed,
        RngSeed::Random => 0,
    }
}

/// So many cases, times `PROPTEST_CASES / 256` where that is set; `regressions` is a file in the package's directory, whose
/// cases run first.
pub fn config(cases: u32, regressions: &'static str) -> Config {
    let asked = Config::default();
    let scaled = u64::from(cases) * u64::from(asked.cases) / USUAL;
    let seed = seed();
    println!(
        "PROPTEST_RNG_SEED={seed} PROPTEST_CASES={}, here {scaled} cases",
        asked.cases
    );
    Config {
        cases: u32::try_from(scaled.max(1)).unwrap_or(u32::MAX),
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(regressions))),
        rng_seed: RngSeed::Fixed(seed),
        ..asked
    }
}
