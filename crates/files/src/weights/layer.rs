//! A layer of a file.

use std::ops::Range;

use crate::Kind;

/// A tensor of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// As the file calls it.
    pub name: String,
    pub kind: Kind,
    pub shape: Vec<usize>,
    /// Where its numbers lie.
    pub bytes: Range<usize>,
}

impl Part {
    /// Where a number stands, as `[row, column]`.
    pub(super) fn entry(&self, k: usize) -> String {
        match self.shape[..] {
            [_, columns] => format!("[{}, {}]", k / columns, k % columns),
            _ => format!("[{k}]"),
        }
    }
}

/// A fully-connected layer of a file: its weight, its bias if it has one, and how they are called and laid out there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    pub(super) weight: Part,
    pub(super) bias: Option<Part>,
    /// Whether the weight is stored inputs x outputs.
    pub(super) transposed: bool,
}

impl Layer {
    pub(super) const fn weight(&self) -> &Part {
        &self.weight
    }

    pub(super) const fn bias(&self) -> Option<&Part> {
        self.bias.as_ref()
    }

    /// Inputs.
    pub fn n_in(&self) -> usize {
        self.weight.shape[usize::from(!self.transposed)]
    }

    /// Outputs.
    pub fn n_out(&self) -> usize {
        self.weight.shape[usize::from(self.transposed)]
    }

    /// Whether there is a bias.
    pub const fn has_bias(&self) -> bool {
        self.bias.is_some()
    }

    /// Parameters.
    #[allow(clippy::len_without_is_empty)] // A layer has some.
    pub fn len(&self) -> usize {
        self.n_in() * self.n_out() + if self.has_bias() { self.n_out() } else { 0 }
    }

    /// Where the k-th number of the weight in the file stands in the graph's order, column by column of outputs x inputs.
    pub(super) fn place(&self, k: usize) -> usize {
        if self.transposed {
            // Inputs x outputs row by row is outputs x inputs column by column.
            return k;
        }
        let (n_in, n_out) = (self.n_in(), self.n_out());
        k % n_in * n_out + k / n_in
    }

    /// The weight, and the bias if there is one.
    pub(super) fn parts(&self) -> impl Iterator<Item = &Part> {
        [Some(&self.weight), self.bias.as_ref()]
            .into_iter()
            .flatten()
    }

    pub(super) fn kinds(&self) -> impl Iterator<Item = Kind> {
        self.parts().map(|part| part.kind)
    }
}
