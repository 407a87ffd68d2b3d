//! The contiguous share of a rank.

use std::ops::Range;

/// The part of n things that falls to a rank: contiguous, in the order of the ranks, sizes that differ by one at most, the
/// larger ones first. With fewer things than ranks the last ranks have none; rank 0 has the first, if there is one.
///
/// ```
/// use pushpull_mpi::share;
/// let shares: Vec<_> = (0..3).map(|rank| share(8, rank, 3)).collect();
/// assert_eq!(shares, [0..3, 3..6, 6..8]);
/// ```
pub const fn share(n: usize, rank: usize, size: usize) -> Range<usize> {
    let (each, more) = (n / size, n % size);
    let first = rank * each + if rank < more { rank } else { more };
    first..first + each + (rank < more) as usize
}

/// The rank in whose [`share`] a thing lies.
///
/// ```
/// assert_eq!(pushpull_mpi::owner(8, 5, 3), 1);
/// ```
pub const fn owner(n: usize, thing: usize, size: usize) -> usize {
    let (each, more) = (n / size, n % size);
    let large = more * (each + 1);
    if thing < large {
        thing / (each + 1)
    } else {
        more + (thing - large) / each
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_all_things_in_order_and_each_has_its_owner() {
        for n in 0..40 {
            for size in 1..12 {
                let all: Vec<usize> = (0..size).flat_map(|rank| share(n, rank, size)).collect();
                assert_eq!(all, (0..n).collect::<Vec<_>>());
                let own = |rank| share(n, rank, size).all(|thing| owner(n, thing, size) == rank);
                assert!((0..size).all(own), "{n} {size}");
                assert!((0..size).all(|rank| share(n, rank, size).len() <= n.div_ceil(size)));
            }
        }
    }
}
