//! How many columns of a tangent matrix are carried at once.

use std::ops::Range;

/// The number of directions carried through the graph at once: it bounds the memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Chunk {
    /// So many that two neighbouring tangent matrices stay in the cache, and the primal sweep of each chunk stays a
    /// small part of its cost.
    #[default]
    Auto,
    /// All at once: the lecture's tangent matrices, one primal sweep.
    Full,
    /// This many.
    Fixed(usize),
}

impl Chunk {
    /// Bytes that two neighbouring tangent matrices may take in `Auto`: about a core's second-level cache.
    const CACHE: usize = 1 << 20;
    /// Directions that `Auto` carries at least, so that the primal sweep of a chunk, which costs about as much as one
    /// direction, stays a small part of the whole.
    const AT_LEAST: usize = 32;

    /// Directions carried at once out of `all`, where one direction takes `bytes` in two neighbouring tangent matrices.
    pub(crate) fn width(self, all: usize, bytes: usize) -> usize {
        let width = match self {
            Self::Auto => (Self::CACHE / bytes.max(1)).max(Self::AT_LEAST),
            Self::Full => all,
            Self::Fixed(n) => n,
        };
        width.min(all).max(1)
    }
}

/// `0..all` in pieces of `width`.
pub(crate) fn pieces(all: usize, width: usize) -> impl Iterator<Item = Range<usize>> {
    (0..all)
        .step_by(width)
        .map(move |first| first..first + width.min(all - first))
}

/// The lengths of `0..all` in pieces of `width`, with how many there are of each: at most two.
pub(crate) fn lengths(all: usize, width: usize) -> impl Iterator<Item = (usize, usize)> {
    let parts = [(width, all / width), (all % width, 1)];
    parts
        .into_iter()
        .filter(|&(len, times)| len > 0 && times > 0)
}

/// `0..all` in pieces of `width`, those in a row that lie alike within `parts` once, with their number: a deep network has
/// a hundred thousand chunks and a few hundred kinds of them. Two pieces lie alike if they are as long and inside the
/// same parts, whose ends they do not cross.
pub(crate) fn alike(
    all: usize,
    width: usize,
    parts: impl Iterator<Item = Range<usize>>,
) -> Vec<(Range<usize>, usize)> {
    let mut marks: Vec<usize> = parts.flat_map(|part| [part.start, part.end]).collect();
    marks.sort_unstable();
    marks.dedup();
    let mut found: Vec<(Range<usize>, usize)> = Vec::new();
    let mut first = 0;
    while first < all {
        let piece = first..first + width.min(all - first);
        // All whole pieces up to the next mark lie alike: they are counted, not visited.
        let next = marks.partition_point(|&mark| mark <= first);
        let end = marks.get(next).map_or(all, |&mark| mark.min(all));
        let times = ((end - first) / width).max(1);
        first += piece.len() * times;
        found.push((piece, times));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{Chunk, alike, lengths, pieces};

    #[test]
    fn pieces_between_the_same_marks_are_alike() {
        let parts = [0..10, 10..12, 0..10];
        assert_eq!(
            alike(13, 2, parts.into_iter()),
            [(0..2, 5), (10..12, 1), (12..13, 1)]
        );
        let across = alike(12, 5, [0..7, 7..12].into_iter());
        assert_eq!(across, [(0..5, 1), (5..10, 1), (10..12, 1)]);
    }

    #[test]
    fn a_chunk_is_never_empty_and_never_wider_than_asked() {
        assert_eq!(Chunk::Full.width(7, 1 << 30), 7);
        assert_eq!(Chunk::Fixed(3).width(7, 8), 3);
        assert_eq!(Chunk::Fixed(30).width(7, 8), 7);
        assert_eq!(Chunk::Auto.width(1000, 1 << 30), 32);
        assert_eq!(Chunk::Auto.width(1 << 20, 1 << 10), 1 << 10);
        assert_eq!(Chunk::Full.width(0, 8), 1);
        assert_eq!(pieces(7, 3).collect::<Vec<_>>(), [0..3, 3..6, 6..7]);
        assert_eq!(lengths(7, 3).collect::<Vec<_>>(), [(3, 2), (1, 1)]);
        assert_eq!(lengths(6, 3).collect::<Vec<_>>(), [(3, 2)]);
        assert_eq!(lengths(2, 3).collect::<Vec<_>>(), [(2, 1)]);
    }
}
