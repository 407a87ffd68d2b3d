//! Sums over the leaves of several ranks: the pairs of the fixed tree, whoever has which leaf.

#[path = "common/noting.rs"]
mod noting;

use std::rc::Rc;

use noting::{Note, Notes, Noting};
use pushpull_mpi::{Communicator, MpiError, Reduction, Tag, local, share};

const WIDTH: usize = 3;

/// Numbers of many sizes, so that another order of additions gives other bits.
fn numbers(leaf: usize) -> [f32; WIDTH] {
    std::array::from_fn(|i| {
        let odd = (leaf * 7919 + i * 104_729 + 13) % 1009;
        (odd as f32 - 500.0) * 10_f32.powi((leaf % 5) as i32 - 2)
    })
}

/// The tree by its definition, without any of the crate's code: the largest power of two of leaves goes left.
fn by_hand(first: usize, n: usize) -> [f32; WIDTH] {
    if n == 1 {
        return numbers(first);
    }
    let left = n.next_power_of_two() / 2;
    let (a, b) = (by_hand(first, left), by_hand(first + left, n - left));
    std::array::from_fn(|i| a[i] + b[i])
}

fn bits(numbers: &[f32]) -> Vec<u32> {
    numbers.iter().map(|number| number.to_bits()).collect()
}

fn summed(comm: Rc<dyn Communicator>, leaves: usize, times: usize) -> Result<Vec<f32>, MpiError> {
    summed_in(&[WIDTH], comm, leaves, times)
}

fn summed_in(
    widths: &[usize],
    comm: Rc<dyn Communicator>,
    leaves: usize,
    times: usize,
) -> Result<Vec<f32>, MpiError> {
    let mut reduction = Reduction::in_parts(comm, leaves, widths);
    let mut sum = vec![0.0; WIDTH];
    for _ in 0..times {
        for leaf in reduction.block() {
            let numbers = numbers(leaf);
            reduction.push(1, &numbers[1..])?;
            reduction.push(0, &numbers[..1])?;
        }
        reduction.finish(&mut sum)?;
    }
    Ok(sum)
}

#[test]
fn any_number_of_ranks_gives_the_bits_of_the_tree_by_hand() {
    for leaves in (1..=33).chain([64, 100]) {
        let expected = bits(&by_hand(0, leaves));
        for ranks in [1, 2, 3, 4, 5, 7, 8, 13] {
            // Whole, and in parts that the pushed numbers do and do not begin with.
            for widths in [&[WIDTH][..], &[1, 2], &[2, 1], &[1, 1, 1]] {
                let summed = |rank| summed_in(widths, Rc::new(rank), leaves, 2);
                for sum in local::run(ranks, summed) {
                    assert_eq!(
                        bits(&sum.unwrap()),
                        expected,
                        "{leaves} leaves, {ranks} ranks, {widths:?}"
                    );
                }
            }
        }
    }
}

/// That the test above can fail: sums in the order of the ranks are other bits.
#[test]
fn sums_of_blocks_are_other_bits() {
    let by_blocks = |ranks| {
        let of_block = |rank| share(33, rank, ranks).map(numbers).fold([0.0; WIDTH], plus);
        bits(&(0..ranks).map(of_block).fold([0.0; WIDTH], plus))
    };
    assert_ne!(by_blocks(2), by_blocks(3));
    assert_ne!(by_blocks(1), bits(&by_hand(0, 33)));
}

fn plus(a: [f32; WIDTH], b: [f32; WIDTH]) -> [f32; WIDTH] {
    std::array::from_fn(|i| a[i] + b[i])
}

const fn subtree(level: u8) -> Tag {
    Tag::Subtree { level, part: 0 }
}

#[test]
fn subtrees_are_sent_and_not_leaves() {
    let sent = |leaves: usize, ranks: usize| {
        local::run(ranks, |rank| {
            let notes = Notes::default();
            summed(Rc::new(Noting(rank, notes.clone())), leaves, 1).unwrap();
            let notes = notes.borrow();
            let of_subtree = |note: &Note| match *note {
                Note::Sent(tag @ Tag::Subtree { .. }) => Some(tag),
                _ => None,
            };
            notes.iter().filter_map(of_subtree).collect::<Vec<_>>()
        })
    };
    // Four aligned blocks of 16: each but the first is sent once.
    assert_eq!(
        sent(64, 4),
        [vec![], vec![subtree(4)], vec![subtree(5)], vec![subtree(4)]]
    );
    // Blocks that are not: 0..5, 5..9, 9..13. Leaf 5, leaves 6 and 7; then what begins at 8.
    let three = sent(13, 3);
    assert_eq!(three[1], [subtree(0), subtree(1), subtree(3)]);
    for ranks in 1..20 {
        for sent in sent(100, ranks) {
            assert!(sent.len() <= 2 * 7, "{ranks} ranks: {sent:?}");
        }
    }
}

#[test]
fn a_sum_that_was_not_finished_leaves_nothing_behind() {
    let sums = local::run(1, |rank| {
        let mut reduction = Reduction::<f32>::new(Rc::new(rank), 3, 1);
        reduction.push(0, &[5.0]).unwrap();
        reduction.restart();
        (0..3).for_each(|_| reduction.push(0, &[1.0]).unwrap());
        let mut sum = [0.0];
        reduction.finish(&mut sum).unwrap();
        sum[0]
    });
    assert_eq!(sums, [3.0]);
}

/// Rank 1's leaf was on its way when all began anew.
#[test]
fn what_was_sent_of_a_sum_that_was_not_finished_is_left_out() {
    let sums = local::run(2, |rank| {
        let mut reduction = Reduction::<f32>::new(Rc::new(rank), 2, 1);
        reduction.push(0, &[5.0])?;
        reduction.restart();
        reduction.push(0, &[1.0])?;
        let mut sum = [0.0];
        reduction.finish(&mut sum).map(|()| sum[0])
    });
    assert_eq!(sums, [Ok(2.0), Ok(2.0)]);
}

#[test]
fn parts_without_numbers_are_none() {
    let sums = local::run(2, |rank| {
        let mut reduction = Reduction::<f32>::in_parts(Rc::new(rank), 2, &[0, 1, 0]);
        reduction.push(0, &[3.0])?;
        let mut sum = [0.0];
        reduction.finish(&mut sum)?;
        Ok::<_, MpiError>(sum[0])
    });
    assert_eq!(sums, [Ok(6.0), Ok(6.0)]);
}

#[test]
fn a_rank_that_is_gone_is_named() {
    let faults = local::run(2, |rank| {
        if rank.rank() == 1 {
            return Ok(vec![]);
        }
        summed(Rc::new(rank), 2, 1)
    });
    assert_eq!(faults[0], Err(MpiError::Lost { rank: 0, from: 1 }));
}
