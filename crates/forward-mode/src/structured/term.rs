//! The tangents at a node's output.

use pushpull_core::arena::Slot;
use pushpull_core::graph::Node;
use pushpull_core::{InputJacobian, memory};

use super::moves::Form;

/// A tangent that reaches a node's output.
#[derive(Clone, Copy, Debug)]
pub(super) struct Term {
    pub(super) occurrence: usize,
    pub(super) form: Form,
}

/// The tangents at a node's output.
#[derive(Clone, Debug, Default)]
pub(super) struct State {
    pub(super) terms: Vec<Term>,
    /// All dense columns, one after the other.
    pub(super) dense: Option<Slot>,
    pub(super) columns: usize,
    /// Whether nobody but the node's only consumer reads the dense columns.
    pub(super) exclusive: bool,
}

impl State {
    /// The terms that are held as dense columns.
    pub(super) fn dense_terms(&self) -> impl Iterator<Item = Term> + '_ {
        let terms = self.terms.iter().copied();
        terms.filter(|term| matches!(term.form, Form::Dense(..)))
    }

    /// The terms that are held as diagonals.
    pub(super) fn diagonal_terms(&self) -> impl Iterator<Item = Term> + '_ {
        let terms = self.terms.iter().copied();
        terms.filter(|term| !matches!(term.form, Form::Dense(..)))
    }
}

/// What a block declares, where its sizes allow it.
pub(super) fn structure(node: &Node) -> InputJacobian {
    let dims = node.dims();
    match node.block.input_jacobian() {
        InputJacobian::Diagonal | InputJacobian::Identity if dims.n_in != dims.n_out => {
            InputJacobian::Dense
        }
        InputJacobian::Weight if dims.n_params < memory::elements(&[dims.n_out, dims.n_in]) => {
            InputJacobian::Dense
        }
        declared => declared,
    }
}
