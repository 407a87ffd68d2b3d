//! Files of factors: what they may hold, and what is said of those that do not.

mod common;

use std::io::{BufReader, Read};

use common::seeds;
use proptest::prelude::*;
use pushpull_mixed_mode::{ChainError, ChainFactor, ChainPlan, plan_chain};

fn fault(text: &str) -> ChainError {
    plan_chain(text.as_bytes()).unwrap_err()
}

/// The line that a fault names.
fn line(text: &str) -> usize {
    match fault(text) {
        ChainError::Line { line, .. } | ChainError::TooMany { line, .. } => line,
        other => panic!("{other}"),
    }
}

#[test]
fn a_file_gives_four_costs_and_a_tree() {
    let plan: ChainPlan =
        "# narrow in the middle\n1 20 400\n\n50 1 50\r\n1 50 50 # narrow again\n20 1 20"
            .parse()
            .unwrap();
    let costs = [
        plan.optimum(),
        plan.all_tangent(),
        plan.all_adjoint(),
        plan.preaccumulation(),
    ];
    assert_eq!(costs, [900, 10_400, 10_400, 990]);
    let text = "\
optimum             900
all tangents     10,400
all adjoints     10,400
preaccumulation     990
columns pushed through F4: 400
└─ rows pulled through F2 .. F1: 450
   └─ F3 accumulated: 50";
    assert_eq!(plan.to_string(), text);
}

#[test]
fn one_factor_costs_its_edges_times_its_narrower_side() {
    let plan = plan_chain("7 3 10".as_bytes()).unwrap();
    let costs = [
        plan.optimum(),
        plan.all_tangent(),
        plan.all_adjoint(),
        plan.preaccumulation(),
    ];
    assert_eq!(costs, [30, 30, 70, 30]);
}

#[test]
fn a_line_that_is_no_factor_is_named() {
    for wrong in [
        "2 2",
        "2 2 4 4",
        "two 2 4",
        "2 -2 4",
        "2 2.0 4",
        "2 2 1e3",
        "0 2 4",
        "2 0 4",
        "2 3 4",
        "2 2 18446744073709551616",
        "99999999999999999999999999999999999999999 2 4",
        "2,2,4",
    ] {
        assert_eq!(
            line(&format!("2 2 4\n# comment\n{wrong}\n2 2 4")),
            3,
            "{wrong}"
        );
    }
    let text = fault("2 2 4\n2 2 x").to_string();
    assert_eq!(
        text,
        "line 2: expected E to be a whole number from 0 to 18446744073709551615, got \"x\"; write it in decimal digits alone"
    );
}

#[test]
fn a_file_without_factors_says_so() {
    for empty in ["", "\n\n", "# nothing\n", "\u{feff}"] {
        assert_eq!(fault(empty), ChainError::Empty);
    }
    assert_eq!(ChainPlan::new(&[]), Err(ChainError::Empty));
}

#[test]
fn bytes_that_are_no_text_are_named_with_their_line() {
    let fault = plan_chain(&b"2 2 4\n\xff\xfe 2 4\n"[..]).unwrap_err();
    assert!(matches!(fault, ChainError::Line { line: 2, .. }), "{fault}");
}

/// A reader without end, which counts what is read of it.
struct Endless<'a>(&'a [u8], usize);

impl Read for Endless<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let n = into.len().min(self.0.len());
        into[..n].copy_from_slice(&self.0[..n]);
        self.1 += n;
        Ok(n)
    }
}

#[test]
fn a_file_without_end_is_refused_after_its_first_part() {
    let mut zeros = Endless(&[b'0'; 64], 0);
    let fault = plan_chain(BufReader::with_capacity(64, &mut zeros)).unwrap_err();
    assert!(matches!(fault, ChainError::Line { line: 1, .. }), "{fault}");
    assert!(zeros.1 < 1024);
    let mut factors = Endless(b"2 2 4\n", 0);
    let fault = plan_chain(BufReader::with_capacity(6, &mut factors)).unwrap_err();
    assert_eq!(
        fault,
        ChainError::TooMany {
            line: 1_001,
            limit: 1_000
        }
    );
    assert!(factors.1 < 10_000);
}

#[test]
fn a_reader_that_fails_is_reported_with_the_line() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("gone"))
        }
    }
    let file = BufReader::new((&b"2 2 4\n"[..]).chain(Broken));
    let detail = "gone".into();
    assert_eq!(plan_chain(file), Err(ChainError::Read { line: 2, detail }));
}

#[test]
fn costs_beyond_128_bits_are_refused_and_those_within_are_exact() {
    let most = u64::MAX;
    let huge = ChainFactor {
        n_out: most,
        n_in: most,
        edges: most,
    };
    assert!(matches!(
        ChainPlan::new(&[huge; 3]),
        Err(ChainError::Overflow { .. })
    ));
    let square = u128::from(most) * u128::from(most);
    assert_eq!(ChainPlan::new(&[huge]).unwrap().optimum(), square);
}

/// The longest chain that is allowed: no recursion and no table is too large for it.
#[test]
fn a_thousand_factors_are_planned() {
    let n = ChainPlan::MAX_FACTORS;
    let factors = vec![
        ChainFactor {
            n_out: 3,
            n_in: 3,
            edges: 9
        };
        n
    ];
    let plan = ChainPlan::new(&factors).unwrap();
    assert_eq!(plan.optimum(), 27 * n as u128);
    assert!(!plan.to_string().is_empty());
    assert!(matches!(
        ChainPlan::new(&vec![factors[0]; n + 1]),
        Err(ChainError::TooMany { line: 1_001, .. })
    ));
}

proptest! {
    #![proptest_config(seeds::config(256, "tests/proptest-regressions/chain_file.txt"))]

    #[test]
    fn no_text_panics(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = plan_chain(&bytes[..]);
    }

    #[test]
    fn no_numbers_panic(rows in prop::collection::vec((any::<u64>(), any::<u64>(), any::<u64>()), 0..12)) {
        let text: String = rows.iter().map(|(m, n, e)| format!("{m} {n} {e}\n")).collect();
        let _ = plan_chain(text.as_bytes());
        let sizes: Vec<u64> = rows.iter().map(|row| row.0).collect();
        let factors: Vec<_> = sizes
            .windows(2)
            .map(|d| ChainFactor { n_in: d[0], n_out: d[1], edges: u64::MAX })
            .collect();
        let _ = ChainPlan::new(&factors);
    }
}
