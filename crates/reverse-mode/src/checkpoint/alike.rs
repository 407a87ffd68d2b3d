//! Which ranges of items are alike, so that a table needs one row for them.

use std::collections::HashMap;

use super::units::Item;

/// The row of every range, equal for ranges of equal items.
#[derive(Clone, Debug)]
pub(crate) struct Alike {
    /// For ranges of 1, 2, .. items, by where they start.
    by_len: Vec<Starts>,
}

/// The rows of the ranges of one length.
#[derive(Clone, Debug)]
enum Starts {
    /// Of each start.
    Each(Vec<u32>),
    /// From each of these starts on. A chain of layers with another first and last one has a few for every length, so that its
    /// ranges take no more room than its items.
    From(Vec<(u32, u32)>),
}

impl Alike {
    /// The rows, and the first range of each. Stops when there are more than `most` rows, or [`LOOKS`] starts.
    pub(crate) fn new(each: &[Item], most: usize) -> Option<(Self, Vec<(usize, usize)>)> {
        let mut kinds: HashMap<&Item, u32> = HashMap::new();
        let kind = each.iter().map(|item| {
            let next = kinds.len() as u32;
            *kinds.entry(item).or_insert(next)
        });
        let kind = runs(kind.enumerate());
        let (mut ranges, mut by_len, mut looks) = (Vec::new(), Vec::new(), 0);
        // All empty ranges are alike.
        let mut shorter = vec![(0, 0)];
        for len in 1..=each.len() {
            let starts = each.len() + 1 - len;
            let mut seen = Seen::new(&shorter, kinds.len());
            // A range is a shorter one and the item that ends it: cut where either changes.
            let mut of_len: Vec<(u32, u32)> = Vec::new();
            let (mut at, mut left) = (0, 0);
            let mut right = kind.partition_point(|&(start, _)| (start as usize) < len) - 1;
            while at < starts {
                let pair = (shorter[left].1, kind[right].1);
                let next = ranges.len() as u32;
                let row = seen.or_insert(pair, next);
                if row == next {
                    ranges.push((at, at + len - 1));
                }
                if of_len.last().is_none_or(|&(_, last)| last != row) {
                    of_len.push((at as u32, row));
                }
                let change = |runs: &[(u32, u32)], at: usize| {
                    runs.get(at + 1)
                        .map_or(usize::MAX, |&(start, _)| start as usize)
                };
                let ends = change(&kind, right).saturating_sub(len - 1);
                let (next_left, next_right) = (change(&shorter, left), ends);
                at = next_left.min(next_right);
                left += usize::from(at == next_left);
                right += usize::from(at == next_right);
            }
            looks += of_len.len();
            if ranges.len() > most || looks > LOOKS {
                return None;
            }
            by_len.push(Starts::new(&of_len, starts));
            shorter = of_len;
        }
        Some((Self { by_len }, ranges))
    }

    /// The row of the items `first..=last`.
    pub(crate) fn row(&self, first: usize, last: usize) -> usize {
        match &self.by_len[last - first] {
            Starts::Each(rows) => rows[first] as usize,
            Starts::From(runs) => {
                let run = match runs.len() {
                    1 => 0,
                    _ => runs.partition_point(|&(start, _)| start as usize <= first) - 1,
                };
                runs[run].1 as usize
            }
        }
    }
}

/// Starts that are looked at for all lengths, at most: those of 8,000 items that repeat, or of any number alike.
const LOOKS: usize = 1 << 25;

/// The rows of the pairs met so far: of a shorter range, and the kind of the item that ends it.
enum Seen {
    /// By both, counted from the least row: where few are possible.
    Few {
        least: u32,
        kinds: usize,
        rows: Vec<u32>,
    },
    Many(HashMap<(u32, u32), u32>),
}

impl Seen {
    fn new(shorter: &[(u32, u32)], kinds: usize) -> Self {
        let rows = shorter.iter().map(|&(_, row)| row);
        let (least, most) = (rows.clone().min().unwrap_or(0), rows.max().unwrap_or(0));
        let pairs = (most - least + 1) as usize * kinds;
        if pairs > 4 * shorter.len() + 64 {
            return Self::Many(HashMap::new());
        }
        Self::Few {
            least,
            kinds,
            rows: vec![u32::MAX; pairs],
        }
    }

    fn or_insert(&mut self, pair: (u32, u32), next: u32) -> u32 {
        let row = match self {
            Self::Few { least, kinds, rows } => {
                &mut rows[(pair.0 - *least) as usize * *kinds + pair.1 as usize]
            }
            Self::Many(rows) => return *rows.entry(pair).or_insert(next),
        };
        if *row == u32::MAX {
            *row = next;
        }
        *row
    }
}

impl Starts {
    /// Whichever is smaller.
    fn new(runs: &[(u32, u32)], starts: usize) -> Self {
        if runs.len() > starts / 8 {
            let ends = runs[1..].iter().map(|&(start, _)| start as usize);
            let mut rows = Vec::with_capacity(starts);
            for (&(_, row), end) in runs.iter().zip(ends.chain([starts])) {
                rows.resize(end, row);
            }
            return Self::Each(rows);
        }
        Self::From(runs.to_vec())
    }
}

/// Equal values in a row once, with where they start.
fn runs(values: impl Iterator<Item = (usize, u32)>) -> Vec<(u32, u32)> {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for (at, value) in values {
        if runs.last().is_none_or(|&(_, last)| last != value) {
            runs.push((at as u32, value));
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::Alike;
    use crate::checkpoint::units::Item;

    fn items(kinds: &[u64]) -> Vec<Item> {
        kinds.iter().map(|&work| Item::plain(work)).collect()
    }

    #[test]
    fn ranges_share_a_row_exactly_if_they_are_equal() {
        let chains: [&[u64]; 6] = [
            &[1],
            &[1; 9],
            &[1, 1, 1, 1, 1, 2],
            &[2, 1, 1, 1, 1, 3],
            &[1, 2, 1, 2, 1, 2, 1],
            &[1, 1, 2, 1, 1, 2, 3, 1, 1, 2, 3],
        ];
        for kinds in chains {
            let (alike, ranges) = Alike::new(&items(kinds), usize::MAX).unwrap();
            let all = || (0..kinds.len()).flat_map(|s| (s..kinds.len()).map(move |t| (s, t)));
            for (a, b) in all().flat_map(|a| all().map(move |b| (a, b))) {
                let same = kinds[a.0..=a.1] == kinds[b.0..=b.1];
                assert_eq!(
                    alike.row(a.0, a.1) == alike.row(b.0, b.1),
                    same,
                    "{kinds:?} {a:?} {b:?}"
                );
            }
            for (row, &(first, last)) in ranges.iter().enumerate() {
                assert_eq!(alike.row(first, last), row);
            }
        }
    }

    #[test]
    fn equal_stages_take_a_row_for_every_length_and_no_more_room() {
        let mut kinds = vec![1; 3000];
        kinds[2999] = 2;
        let (alike, ranges) = Alike::new(&items(&kinds), usize::MAX).unwrap();
        assert_eq!(ranges.len(), 2 * 2999 + 1);
        let room = alike.by_len.iter().map(|starts| match starts {
            super::Starts::Each(rows) => rows.len(),
            super::Starts::From(runs) => runs.len(),
        });
        assert!(room.sum::<usize>() < 3 * 3000);
        let different: Vec<u64> = (0..3000).collect();
        assert!(Alike::new(&items(&different), 10_000).is_none());
    }
}
