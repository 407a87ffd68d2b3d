//! The widths of a network.

use pushpull_files::values::{self, ValueError};

/// `5,8,8,3`: one option, so that a second one is a slip and not a longer network.
#[derive(Clone, Debug, PartialEq)]
pub struct Widths(pub Vec<usize>);

/// The widths that a text tells.
pub fn widths(text: &str) -> Result<Widths, ValueError> {
    values::widths(text).map(Widths)
}
