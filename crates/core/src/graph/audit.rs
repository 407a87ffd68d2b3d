//! The quick check of a debug build: is each block's rule the derivative of what the block computes?
//!
//! With J = dh/dx and K = dh/dw, at one batch of two samples and one random direction of each kind:
//!
//! - `dual`: `f(x + x_dot e, w + w_dot e) = f(x, w) + (J x_dot + K w_dot) e` for `e^2 = 0`, so the block run at dual
//!   numbers says what `jvp_input` and `jvp_params` have to give, with no step size to choose.
//! - `adjoint`: `<y_bar, J x_dot> = <J' y_bar, x_dot>` and the same for K, with J x_dot by dual numbers: a wrong pullback
//!   is found also where the pushforward is missing.
//! - `keeps`: what is not kept is NaN, and so is every output before it is written.
//! - `forms`: maps in place and unit seeds, which engines prefer, against the plain maps.
//! - `structure`: what is declared of J and K, which structured tangents and mixed mode compute with, is true of the products.
//! - `allocates`: no map asks the heap for anything. Looked at last, and only in a program that counts its heap
//!   ([`crate::alloc`]): elsewhere nobody can see it.

use std::any::TypeId;
use std::collections::HashSet;

use super::Node;
use crate::quiet::catch;
use crate::{Accum, Dims, Error, Op, Result};

mod trial;
use trial::{Interval, Trial};

/// Blocks of more numbers than this are left to the thorough check: building a graph stays quick, and small in memory.
const MOST: usize = 1 << 21;
/// The maps whose scratch memory counts too.
const OPS: [Op; 5] = [
    Op::JvpInput,
    Op::VjpInput,
    Op::JvpParams(Accum::Add),
    Op::VjpParams(Accum::Add),
    Op::UnitParams(Accum::Add),
];
/// Where inputs and parameters lie: ordinary numbers, or those at which logarithms and roots are finite too.
const DOMAINS: [(Interval, Interval); 3] = [
    (ORDINARY, ORDINARY),
    (POSITIVE, ORDINARY),
    (POSITIVE, POSITIVE),
];
const ORDINARY: Interval = (-2.0, 2.0);
const POSITIVE: Interval = (0.25, 2.0);

/// Checks every distinct block of a graph once.
pub(super) fn audit(nodes: &[Node]) -> Result<()> {
    // A panicking thread may not set the hook that keeps the panics of blocks quiet.
    if std::thread::panicking() {
        return Ok(());
    }
    let mut seen: HashSet<(TypeId, Dims, String)> = HashSet::new();
    for node in nodes {
        let (block, dims) = (&*node.block, node.dims());
        let sizes = [dims.n_in, dims.n_out, dims.n_params, block.keeps().extra];
        let numbers = sizes.into_iter().fold(0, usize::saturating_add);
        let small = numbers <= MOST && OPS.iter().all(|&op| block.scratch_len(op, 2, 1) <= MOST);
        if block.surrogate() || !small || !seen.insert((block.kind(), dims, format!("{block:?}"))) {
            continue;
        }
        // A primal that panics or is finite nowhere has no derivative to compare with.
        let trial = DOMAINS
            .into_iter()
            .find_map(|domain| catch(|| Trial::at(block, domain)).ok().flatten());
        if let Some(Err(breach)) = trial.map(|trial| trial.check()) {
            return Err(Error::Law {
                node: node.name.clone(),
                block: format!("{} {} -> {}", block.name(), dims.n_in, dims.n_out),
                law: breach.law,
                map: breach.map,
                entry: breach.entry,
                expected: breach.expected,
                got: breach.got,
            });
        }
    }
    Ok(())
}
