//! The list of planted faults, and their trial.

use std::sync::Arc;

use pushpull_core::AnyBlock;
use pushpull_core::blocks::{
    Activation, Add, LayerNorm, Linear, LogSoftmax, Loss, Mul, Scale, Select, Softmax,
};

use super::{Faulty, Slip};
use crate::{Check, Violation};

mod layers;
mod others;

/// A block that lies, and what the checker should say about it.
#[derive(Clone, Debug)]
pub struct Planted {
    /// The block.
    pub block: Arc<dyn AnyBlock>,
    /// How it lies.
    pub slip: Slip,
    /// The right [`crate::Diagnosis::kind`].
    pub diagnosis: &'static str,
}

/// What the checker said about a planted fault.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// The violation, if the fault was caught.
    pub violation: Option<Violation>,
    /// Whether its diagnosis is the right one.
    pub right: bool,
}

/// Puts a planted fault before the checker.
pub fn trial(planted: &Planted) -> Verdict {
    let violation = Check::new().run(&*planted.block).err();
    let kind = violation
        .as_ref()
        .map(|violation| violation.diagnosis.kind());
    Verdict {
        right: kind == Some(planted.diagnosis),
        violation,
    }
}

/// Every ready-made block, at `n` rows and none of them lying.
pub fn right_blocks(n: usize) -> Vec<Arc<dyn AnyBlock>> {
    let mut blocks: Vec<Arc<dyn AnyBlock>> = vec![
        Arc::new(Linear::new(n, n + 1)),
        Arc::new(Linear::without_bias(n + 1, n)),
        Arc::new(Scale::new(n, -1.5)),
        Arc::new(Add::new(n, 3)),
        Arc::new(Mul::new(n)),
        Arc::new(Select::new(n + 1, vec![n, 0, n])),
        Arc::new(Softmax::new(n)),
        Arc::new(LogSoftmax::new(n)),
        Arc::new(LayerNorm::new(n)),
    ];
    blocks.extend(Activation::ALL.into_iter().map(|a| a.block(n)));
    blocks.extend(Loss::ALL.into_iter().map(|loss| loss.block(n)));
    blocks
}

/// All planted faults. Those that allocate ([`Slip::Allocates`]) are caught where the program counts its heap
/// ([`crate::CountingAllocator`]).
pub fn planted() -> Vec<Planted> {
    let mut list = Vec::new();
    layers::linear(&mut list);
    layers::maps(&mut list);
    layers::allocating(&mut list);
    others::movers(&mut list);
    others::norms(&mut list);
    others::losses(&mut list);
    list
}

/// Adds a block with each of the lies, and the right diagnosis of each.
fn plant<B: AnyBlock>(list: &mut Vec<Planted>, block: impl Fn() -> B, lies: &[(Slip, &'static str)])
where
    Faulty<B>: AnyBlock,
{
    for &(slip, diagnosis) in lies {
        list.push(Planted {
            block: Arc::new(Faulty::new(block(), slip)),
            slip,
            diagnosis,
        });
    }
}
