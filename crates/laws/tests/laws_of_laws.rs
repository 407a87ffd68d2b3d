//! The checker itself is checked: it must catch what is wrong and leave alone what is right.

use std::collections::BTreeSet;

use pushpull_core::blocks::{Linear, Map, Tanh};
use pushpull_laws::fault::{Faulty, Slip, planted, right_blocks, trial};
use pushpull_laws::{Check, CountingAllocator, Diagnosis, Law, Rule, check, check_family};

#[global_allocator]
static HEAP: CountingAllocator = CountingAllocator;

#[test]
fn every_planted_fault_is_caught_and_most_are_named_rightly() {
    let faults = planted();
    let blocks: BTreeSet<String> = faults
        .iter()
        .map(|planted| planted.block.name().to_owned())
        .collect();
    let right_names = right_blocks(2)
        .iter()
        .map(|block| block.name().to_owned())
        .collect();
    assert_eq!(
        blocks, right_names,
        "a ready-made block without a planted fault"
    );
    assert!(faults.len() >= 60);
    let mut right = 0;
    for planted in &faults {
        let verdict = trial(planted);
        let name = planted.block.name();
        assert!(verdict.violation.is_some(), "{name}: {:?}", planted.slip);
        right += usize::from(verdict.right);
    }
    assert!(
        right * 100 >= faults.len() * 85,
        "{right} of {}",
        faults.len()
    );
}

#[test]
fn right_blocks_raise_no_alarm() {
    // A tenth of what the example does.
    for number in 0..1000_u64 {
        let blocks = right_blocks(1 + (number / 31 % 6) as usize);
        let block = &blocks[number as usize % blocks.len()];
        let outcome = Check::new().seed(number + 1).cases(1).run(&**block);
        assert_eq!(outcome, Ok(()), "check {number}");
    }
}

#[test]
fn a_rule_that_is_a_tenth_of_a_percent_wrong_is_caught_in_every_map() {
    let rules = [
        Rule::JvpInput,
        Rule::VjpInput,
        Rule::JvpParams,
        Rule::VjpParams,
        Rule::UnitParams,
    ];
    for rule in rules {
        let wrong = Faulty::new(Linear::new(3, 2), Slip::Factor(rule, 1.001));
        let violation = check(&wrong).expect_err("0.1 % wrong");
        assert_eq!(violation.diagnosis, Diagnosis::Factor(1.001), "{rule}");
        assert_eq!(violation.rule, Some(rule));
    }
}

#[test]
fn a_failure_shrinks_to_the_smallest_shape_that_shows_it() {
    // A mean over the batch shows from two samples on, and for one row.
    let mean = |n| Faulty::new(Linear::new(n, n), Slip::MeanOverBatch(Rule::VjpParams));
    let violation = check_family(mean).expect_err("a mean for a sum");
    assert_eq!((violation.batch, violation.law), (2, Law::Batch));
    assert_eq!(violation.block, "linear 1 -> 1, 2 parameters");
    assert_eq!(violation.diagnosis, Diagnosis::MeanForSum);
    // A transpose shows from two rows on, for one sample and one seed.
    let flipped = |n| Faulty::new(Linear::new(n, n), Slip::Transposed(Rule::VjpInput));
    let violation = check_family(flipped).expect_err("a transpose");
    assert_eq!((violation.batch, violation.seeds), (1, 1));
    assert_eq!(violation.block, "linear 2 -> 2, 6 parameters");
    assert_eq!(violation.diagnosis, Diagnosis::Transposed);
}

#[test]
fn a_violation_says_block_law_map_entry_numbers_and_slip() {
    let wrong = Faulty::new(Map::new(Tanh, 3), Slip::Factor(Rule::VjpInput, -1.0));
    let violation = check(&wrong).expect_err("a wrong sign");
    assert_eq!(violation.expected, -violation.got);
    let text = violation.to_string();
    for part in ["tanh 3 -> 3", "vjp_input", "adjoint", "x_bar[0, 0]", "sign"] {
        assert!(text.contains(part), "{part:?} is missing in {text:?}");
    }
    assert_eq!(check(&wrong), Err(violation), "the same on every run");
}
