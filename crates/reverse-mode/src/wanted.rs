//! What an adjoint program starts from, and what it is asked for.

use std::collections::HashSet;
use std::ops::Range;

use pushpull_core::Accum;

/// Which cotangents are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// The parameters', set or added to what the caller has.
    pub params: Option<Accum>,
    /// The inputs'.
    pub inputs: bool,
}

impl Wanted {
    pub(crate) const fn of(params: Option<Accum>, inputs: bool) -> Self {
        Self { params, inputs }
    }
}

/// The cotangents that are pulled back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seed {
    /// Ones: of the sum of all outputs.
    Ones,
    /// The unit vectors of outputs, from the first of a run on.
    Unit,
    /// The caller's.
    Given,
}

/// Parameters that no used range covers.
pub(crate) fn unused(n_params: usize, used: HashSet<Range<usize>>) -> Vec<Range<usize>> {
    let mut used: Vec<Range<usize>> = used.into_iter().collect();
    used.sort_unstable_by_key(|range| (range.start, range.end));
    let (mut gaps, mut end) = (Vec::new(), 0);
    for range in used {
        if range.start > end {
            gaps.push(end..range.start);
        }
        end = end.max(range.end);
    }
    if end < n_params {
        gaps.push(end..n_params);
    }
    gaps
}
