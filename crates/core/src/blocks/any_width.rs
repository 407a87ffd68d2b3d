//! Blocks that take their width from what they are applied to.

use std::fmt;
use std::sync::Arc;

use crate::AnyBlock;
use crate::erase::IntoBlock;

/// A block whose width is that of what it is applied to, such as [`Sum`](const@super::Sum): its name stands for it where a
/// block is asked for.
///
/// ```
/// use pushpull_core::{Builder, blocks::{Add, Relu, Sum}};
/// let mut b = Builder::new();
/// let x = b.input("x", 3);
/// let h = b.map(Relu, x);
/// let h = b.block(Add, [h, x]);
/// let y = b.block(Sum, h);
/// let graph = b.build(y)?;
/// assert_eq!(graph.nodes().iter().map(|node| node.block.dims().n_in).collect::<Vec<_>>(), [3, 6, 3]);
/// # Ok::<(), pushpull_core::Error>(())
/// ```
#[derive(Clone, Copy)]
pub struct AnyWidth<B>(fn(&[usize]) -> B);

impl<B> AnyWidth<B> {
    /// The block for so many rows of each value.
    pub(super) const fn new(of: fn(&[usize]) -> B) -> Self {
        Self(of)
    }
}

impl<B> fmt::Debug for AnyWidth<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::any::type_name::<B>())
    }
}

impl<B: AnyBlock> IntoBlock for AnyWidth<B> {
    fn into_block(self, rows: &[usize]) -> Arc<dyn AnyBlock> {
        Arc::new((self.0)(rows))
    }
}

/// All rows together.
pub(super) fn all(rows: &[usize]) -> usize {
    rows.iter().fold(0, |all, &rows| all.saturating_add(rows))
}

/// The rows of the first value, as many as every other has to have.
pub(super) fn first(rows: &[usize]) -> usize {
    rows.first().copied().unwrap_or(0)
}

/// A constant of a block's name, in the namespace of values.
macro_rules! any_width {
    ($name:ident, |$rows:ident| $block:expr) => {
        #[doc = concat!("A [`", stringify!($name), "`](struct@", stringify!($name), ") as wide as what it is applied to.")]
        #[allow(non_upper_case_globals)] // It is the block's name.
        pub const $name: $crate::blocks::AnyWidth<$name> =
            $crate::blocks::AnyWidth::new(|$rows| $block);
    };
}
pub(super) use any_width;
