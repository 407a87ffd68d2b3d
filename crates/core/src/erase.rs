//! One graph at every scalar: a block behind a pointer, and the way back to its maps at one scalar.

use std::any::TypeId;
use std::sync::Arc;

use crate::{Block, Cost, Counted, Dual, Op, Real, cost};

#[cfg(not(target_family = "wasm"))]
use crate::Rounded as Bounding;
/// A WebAssembly module is small first: a graph is not run at `Rounded` there, which only long checks do.
#[cfg(target_family = "wasm")]
type Bounding = f64;

/// A block at every scalar of [`Scalar`]. Never implemented by hand: a block written for all `T: Real` is one.
pub trait AnyBlock:
    Block<f32>
    + Block<f64>
    + Block<Dual<f32>>
    + Block<Dual<f64>>
    + Block<Counted<f64>>
    + Block<Dual<Counted<f64>>>
    + Block<Bounding>
    + Block<Dual<Bounding>>
    + 'static
{
    /// The block's type, to tell two blocks apart that print alike.
    fn kind(&self) -> TypeId;

    /// Whether it has second derivatives of its own ([`Block::second`]), at whatever scalar.
    fn planes(&self) -> bool {
        Block::<f64>::second(self).is_some()
    }

    /// Whether it can overwrite what it reads ([`Block::in_place`]), at whatever scalar.
    fn overwrites(&self) -> bool {
        Block::<f64>::in_place(self).is_some()
    }
}

impl<B> AnyBlock for B
where
    B: Block<f32>
        + Block<f64>
        + Block<Dual<f32>>
        + Block<Dual<f64>>
        + Block<Counted<f64>>
        + Block<Dual<Counted<f64>>>
        + Block<Bounding>
        + Block<Dual<Bounding>>
        + 'static,
{
    fn kind(&self) -> TypeId {
        TypeId::of::<B>()
    }
}

/// A scalar that a graph can be run at.
pub trait Scalar: Real {
    /// The block's maps at this scalar.
    fn of(block: &dyn AnyBlock) -> &dyn Block<Self>;

    /// The cost of a block's map at this scalar, in operations of real numbers: [`cost::of`], or at duals
    /// [`cost::at_duals`].
    fn cost(block: &dyn AnyBlock, op: Op, batch: usize, seeds: usize) -> Cost;

    /// The cost of `n` additions, in operations of real numbers: a flop each, two at duals.
    fn additions(n: usize) -> Cost;
}

macro_rules! scalar {
    ($cost:path, $addition:literal: $($t:ty),*) => {$(
        impl Scalar for $t {
            #[inline(always)]
            fn of(block: &dyn AnyBlock) -> &dyn Block<Self> {
                block
            }
            fn cost(block: &dyn AnyBlock, op: Op, batch: usize, seeds: usize) -> Cost {
                $cost(block, op, batch, seeds)
            }
            fn additions(n: usize) -> Cost {
                Cost::flops(n) * $addition
            }
        }
    )*};
}

scalar!(cost::of, 1: f32, f64, Counted<f64>);
scalar!(cost::at_duals, 2: Dual<f32>, Dual<f64>, Dual<Counted<f64>>);
#[cfg(not(target_family = "wasm"))]
scalar!(cost::of, 1: Bounding);
#[cfg(not(target_family = "wasm"))]
scalar!(cost::at_duals, 2: Dual<Bounding>);

/// A block that may be shared between graphs: a block, an `Arc` of one, or one that takes its width from what it is applied to
/// ([`crate::blocks::AnyWidth`]).
pub trait IntoBlock {
    /// The shared block, for values of so many rows.
    fn into_block(self, rows: &[usize]) -> Arc<dyn AnyBlock>;
}

impl<B: AnyBlock> IntoBlock for B {
    fn into_block(self, _: &[usize]) -> Arc<dyn AnyBlock> {
        Arc::new(self)
    }
}

impl IntoBlock for Arc<dyn AnyBlock> {
    fn into_block(self, _: &[usize]) -> Arc<dyn AnyBlock> {
        self
    }
}
