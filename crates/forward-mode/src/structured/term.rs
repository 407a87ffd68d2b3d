//! The tangents at a node's output.

use pushpull_core::siblings::arena::Slot;

use super::moves::Form;

/// A tangent that reaches a node's output without columns of its own: the Jacobian is I or a diagonal.
#[derive(Clone, Copy, Debug)]
pub(super) struct Light {
    pub(super) occurrence: usize,
    /// The diagonal; nothing for I.
    pub(super) diagonal: Option<Slot>,
}

impl Light {
    pub(super) fn form(self) -> Form {
        self.diagonal.map_or(Form::Identity, Form::Diagonal)
    }
}

/// The dense columns at a node's output, one after the other, in one buffer.
#[derive(Clone, Debug)]
pub(super) struct Columns {
    pub(super) slot: Slot,
    pub(super) count: usize,
    /// Each occurrence with its first column. A node hands it on to its only consumer, so that a chain lists an occurrence
    /// once and not once at every later block.
    pub(super) terms: Vec<(usize, usize)>,
}

/// The tangents at a node's output.
#[derive(Clone, Debug, Default)]
pub(super) struct State {
    pub(super) light: Vec<Light>,
    pub(super) dense: Option<Columns>,
    /// Whether nobody but the node's only consumer reads the dense columns.
    pub(super) exclusive: bool,
}

impl State {
    /// Dense columns.
    pub(super) fn columns(&self) -> usize {
        self.dense.as_ref().map_or(0, |dense| dense.count)
    }

    /// Every tangent, as its occurrence and how it is held.
    pub(super) fn forms(&self) -> impl Iterator<Item = (usize, Form)> + '_ {
        let dense = self.dense.iter().flat_map(|dense| {
            let terms = dense.terms.iter();
            terms.map(|&(occurrence, first)| (occurrence, Form::Dense(dense.slot, first)))
        });
        let light = self.light.iter();
        dense.chain(light.map(|light| (light.occurrence, light.form())))
    }
}
