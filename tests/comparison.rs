//! The comparison that all other tests rely on must see what it is there to see.

mod common;

use common::comparison::{close, close_in_norm, relative_error};
use common::seeds;
use proptest::prelude::*;

const TOLERANCE: f64 = 1e-12;

fn seen(got: &[f64], want: &[f64], terms: &[f64]) -> bool {
    let seen = close("planted fault", got, want, terms, TOLERANCE).is_err();
    let in_norm = close_in_norm("planted fault", got, want, terms, TOLERANCE).is_err();
    assert!(seen || !in_norm);
    seen
}

fn arrays() -> impl Strategy<Value = (Vec<f64>, usize)> {
    let entry = prop_oneof![0.01..1.0, -1.0..-0.01];
    (
        prop::collection::vec(entry, 2..40),
        any::<prop::sample::Index>(),
    )
        .prop_map(|(array, at)| (array.clone(), at.index(array.len())))
}

proptest! {
    #![proptest_config(seeds::config(256, "tests/proptest-regressions/comparison.txt"))]

    #[test]
    fn a_relative_change_of_1e_9_is_seen_in_all_entries_and_in_one((want, at) in arrays()) {
        let terms: Vec<f64> = want.iter().map(|entry| 10.0 * entry.abs()).collect();
        let all: Vec<f64> = want.iter().map(|entry| entry * (1.0 + 1e-9)).collect();
        let mut one = want.clone();
        one[at] *= 1.0 + 1e-9;
        for terms in [&terms[..], &[]] {
            prop_assert!(!seen(&want, &want, terms));
            prop_assert!(seen(&all, &want, terms));
            prop_assert!(seen(&one, &want, terms));
        }
    }

    #[test]
    fn nan_a_missing_entry_and_a_sign_flip_are_seen((want, at) in arrays()) {
        let terms: Vec<f64> = want.iter().map(|entry| 2.0 * entry.abs()).collect();
        for terms in [&terms[..], &[]] {
            for broken in [f64::NAN, f64::INFINITY, -want[at], 0.0] {
                let mut got = want.clone();
                got[at] = broken;
                prop_assert!(seen(&got, &want, terms));
                prop_assert!(seen(&want, &got, terms));
            }
            let mut missing = want.clone();
            missing.remove(at);
            prop_assert!(seen(&missing, &want, terms));
            prop_assert!(seen(&want, &missing, terms));
            prop_assert!(seen(&[], &want, terms));
        }
    }

    #[test]
    fn a_permutation_is_seen((want, at) in arrays(), to in any::<prop::sample::Index>()) {
        let to = to.index(want.len());
        let mut got = want.clone();
        got.swap(at, to);
        prop_assert_eq!(seen(&got, &want, &[]), got != want);
        got.clone_from(&want);
        got.rotate_left(1);
        prop_assert!(got == want || seen(&got, &want, &[]));
    }

    #[test]
    fn rounding_is_not_seen((want, _) in arrays()) {
        let got: Vec<f64> = want.iter().map(|entry| entry * (1.0 + 1e-15)).collect();
        prop_assert!(!seen(&got, &want, &[]));
    }
}

#[test]
fn a_small_entry_beside_large_ones_is_seen_where_the_terms_are_known() {
    let (want, got) = ([1e9, 1e-3], [1e9, 1.001e-3]);
    assert!(!seen(&got, &want, &[]));
    assert!(seen(&got, &want, &[1e9, 1e-3]));
}

#[test]
fn what_cancels_is_measured_by_its_terms() {
    // 1/3 + 1e-17 - 1/3 after rounding: wrong in every digit, and right to rounding of what was added.
    let (got, want, terms) = ([5e-17], [1e-17], [2.0 / 3.0]);
    assert!(relative_error(&got, &want, &[]) > 3.0);
    assert!(!seen(&got, &want, &terms));
}

#[test]
fn zeros_are_exact() {
    assert_eq!(relative_error(&[0.0, -0.0], &[0.0, 0.0], &[0.0, 0.0]), 0.0);
    assert_eq!(relative_error(&[], &[], &[]), 0.0);
    assert_eq!(relative_error(&[1e-300], &[0.0], &[0.0]), f64::INFINITY);
    assert_eq!(
        relative_error(&[1.0, 1e-300], &[1.0, 0.0], &[1.0, 0.0]),
        f64::INFINITY
    );
}

#[test]
fn tiny_and_huge_numbers_do_not_vanish_when_squared() {
    assert!(seen(&[1e-200 * (1.0 + 1e-9)], &[1e-200], &[]));
    assert!(seen(&[1e200 * (1.0 + 1e-9)], &[1e200], &[]));
}
