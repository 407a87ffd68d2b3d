//! The laws, checked at one case.

mod allocation;
mod conduct;
mod consistency;
mod declared;
mod derivative;
mod planes;

pub(crate) use declared::declarations;

use crate::Law;
use crate::bench::{Bench, Finding};

/// Checks one law at one case.
pub(crate) fn check(law: Law, bench: &Bench<'_>) -> Result<(), Finding> {
    match law {
        // Once a block, not once a case.
        Law::Declarations | Law::Domain => Ok(()),
        Law::Panics | Law::Confined => conduct::runs(bench),
        Law::Repeatable => conduct::repeatable(bench),
        Law::Assigns => conduct::assigns(bench),
        Law::Accumulates => conduct::accumulates(bench),
        Law::Keeps => conduct::keeps(bench),
        Law::Seeds => consistency::seeds(bench),
        Law::Batch => consistency::batch(bench),
        Law::ZeroSeed => consistency::zero_seed(bench),
        Law::Linear => consistency::linear(bench),
        Law::Dual => derivative::dual(bench),
        Law::Taylor => derivative::taylor(bench),
        Law::Adjoint => derivative::adjoint(bench),
        Law::Forms => declared::forms(bench),
        Law::Planes => planes::planes(bench),
        Law::Structure => declared::structure(bench),
        Law::Cost => declared::cost(bench),
        Law::Allocates => allocation::allocates(bench),
    }
}
