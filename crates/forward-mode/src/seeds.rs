//! Which directions are pushed, and the arithmetic of their ranges: which of them reach a node, and which start there.

use std::ops::Range;

use pushpull_core::graph::{Origin, Source};
use pushpull_core::{Accum, Graph};

/// Directions that are pushed side by side, numbered from 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Seeds {
    /// The unit vectors of these parameters.
    UnitParams(Range<usize>),
    /// The unit vectors of these rows of the input, for every sample at once.
    UnitInputs(Range<usize>),
    /// Directions of the caller's, in the parameters, the inputs or both.
    Directions {
        seeds: usize,
        params: bool,
        inputs: bool,
    },
}

impl Seeds {
    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::UnitParams(range) | Self::UnitInputs(range) => range.len(),
            Self::Directions { seeds, .. } => *seeds,
        }
    }

    /// The seeds that act on the parameters of node `i`. None where the output does not change with the node's value.
    pub(crate) fn own(&self, graph: &Graph, i: usize) -> Range<usize> {
        let node = &graph.nodes()[i];
        match self {
            _ if node.params.is_empty() || !graph.activity()[i].output => 0..0,
            Self::UnitParams(range) => overlap(range, &node.params),
            Self::Directions {
                seeds,
                params: true,
                ..
            } => 0..*seeds,
            Self::UnitInputs(_) | Self::Directions { .. } => 0..0,
        }
    }

    /// The seeds that reach a node through one of its sources.
    pub(crate) fn through(
        &self,
        graph: &Graph,
        source: &Source,
        spans: &[Range<usize>],
    ) -> Range<usize> {
        match (source.origin, self) {
            _ if source.stopped => 0..0,
            (Origin::Node(j), _) => spans[j].clone(),
            (Origin::Input(i), _) if graph.inputs()[i].constant => 0..0,
            (Origin::Input(i), Self::UnitInputs(range)) => overlap(range, &graph.inputs()[i].rows),
            (
                Origin::Input(_),
                Self::Directions {
                    seeds,
                    inputs: true,
                    ..
                },
            ) => 0..*seeds,
            (Origin::Input(_), _) => 0..0,
        }
    }

    /// The seeds that reach the input of node `i`: the hull over its sources. None where the output does not change
    /// with the node's value.
    pub(crate) fn arriving(&self, graph: &Graph, i: usize, spans: &[Range<usize>]) -> Range<usize> {
        if !graph.activity()[i].output {
            return 0..0;
        }
        let sources = graph.nodes()[i].sources.iter();
        sources.fold(0..0, |all, source| {
            hull(&all, &self.through(graph, source, spans))
        })
    }
}

/// The part of `range` within `within`, counted from the start of `range`.
fn overlap(range: &Range<usize>, within: &Range<usize>) -> Range<usize> {
    let (start, end) = (range.start.max(within.start), range.end.min(within.end));
    if start < end {
        start - range.start..end - range.start
    } else {
        0..0
    }
}

/// The smallest range around both; an empty range takes no part.
pub(crate) fn hull(a: &Range<usize>, b: &Range<usize>) -> Range<usize> {
    match (a.is_empty(), b.is_empty()) {
        (true, _) => b.clone(),
        (_, true) => a.clone(),
        _ => a.start.min(b.start)..a.end.max(b.end),
    }
}

/// `part`, counted from the start of `whole`.
pub(crate) fn within(part: &Range<usize>, whole: &Range<usize>) -> Range<usize> {
    part.start - whole.start..part.end - whole.start
}

/// `own` cut where `arriving` begins and ends: what comes before, what falls together, what comes after.
pub(crate) fn cut(own: &Range<usize>, arriving: &Range<usize>) -> [(Range<usize>, Accum); 3] {
    if arriving.is_empty() {
        return [
            (own.clone(), Accum::Set),
            (0..0, Accum::Add),
            (0..0, Accum::Set),
        ];
    }
    let piece = |start: usize, end: usize| if start < end { start..end } else { 0..0 };
    [
        (piece(own.start, own.end.min(arriving.start)), Accum::Set),
        (
            piece(own.start.max(arriving.start), own.end.min(arriving.end)),
            Accum::Add,
        ),
        (piece(own.start.max(arriving.end), own.end), Accum::Set),
    ]
}

/// What lies between the seeds that arrive and those that start.
pub(crate) fn gap(arriving: &Range<usize>, own: &Range<usize>) -> Option<Range<usize>> {
    let (first, second) = if arriving.start <= own.start {
        (arriving, own)
    } else {
        (own, arriving)
    };
    let apart = !first.is_empty() && !second.is_empty() && first.end < second.start;
    apart.then_some(first.end..second.start)
}

#[cfg(test)]
mod tests {
    use pushpull_core::Accum;

    use super::{cut, gap, hull, overlap};

    #[test]
    fn ranges_of_seeds_meet_as_they_should() {
        assert_eq!(overlap(&(10..20), &(15..30)), 5..10);
        assert_eq!(overlap(&(10..20), &(20..30)), 0..0);
        assert_eq!(hull(&(0..0), &(4..6)), 4..6);
        assert_eq!(hull(&(1..2), &(4..6)), 1..6);
        assert_eq!(gap(&(1..2), &(4..6)), Some(2..4));
        assert_eq!(gap(&(4..6), &(1..4)), None);
        let [before, shared, after] = cut(&(2..9), &(4..6));
        assert_eq!(
            (before.0, shared, after.0),
            (2..4, (4..6, Accum::Add), 6..9)
        );
        assert_eq!(cut(&(2..9), &(0..0))[0], (2..9, Accum::Set));
    }
}
