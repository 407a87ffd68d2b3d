//! How many columns of a tangent matrix are carried at once.

use std::ops::Range;

/// The number of directions carried through the graph at once: it bounds the memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
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
        .map(move |first| first..all.min(first + width))
}

#[cfg(test)]
mod tests {
    use super::{Chunk, pieces};

    #[test]
    fn a_chunk_is_never_empty_and_never_wider_than_asked() {
        assert_eq!(Chunk::Full.width(7, 1 << 30), 7);
        assert_eq!(Chunk::Fixed(3).width(7, 8), 3);
        assert_eq!(Chunk::Fixed(30).width(7, 8), 7);
        assert_eq!(Chunk::Auto.width(1000, 1 << 30), 32);
        assert_eq!(Chunk::Auto.width(1 << 20, 1 << 10), 1 << 10);
        assert_eq!(Chunk::Full.width(0, 8), 1);
        assert_eq!(pieces(7, 3).collect::<Vec<_>>(), [0..3, 3..6, 6..7]);
    }
}
