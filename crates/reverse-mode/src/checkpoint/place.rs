//! Where everything that a schedule keeps lies: a stack, on top of which stages are computed.

use std::ops::Range;

use super::action::Action;
use super::chain::Zones;
use super::schedule::Schedule;

/// An action with its places in the arena.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Placed {
    pub action: Action,
    /// The boundary that it reads; empty for the caller's.
    pub from: Range<usize>,
    /// Where it works. The output of an advance and a record stay at the start.
    pub zone: Range<usize>,
}

/// The places of all actions, and the length of the arena that holds them.
pub(crate) fn place(schedule: &Schedule) -> (Vec<Placed>, usize) {
    let (chain, actions) = (schedule.chain(), schedule.actions());
    let (stages, zones) = (chain.stages(), Zones::new(chain));
    // (boundary, where it lies, whether a record holds it)
    let mut kept: Vec<(usize, Range<usize>, bool)> = vec![(0, 0..0, false)];
    let (mut top, mut peak) = (0, 0);
    let mut placed = Vec::with_capacity(actions.len());
    for &action in actions {
        let at = match action {
            Action::Advance { first, last } => {
                let from = boundary(&kept, first);
                let zone = from_top(top, zones.zone(first, last));
                kept.push((last + 1, from_top(top, stages[last].output), false));
                top = top.saturating_add(stages[last].output);
                (from, zone)
            }
            Action::Record(stage) => {
                let from = boundary(&kept, stage);
                let zone = from_top(top, stages[stage].record);
                kept.push((stage + 1, from_top(top, stages[stage].output), true));
                top = zone.end;
                (from, zone)
            }
            Action::PullBack(stage) => {
                // Below the top, unless numbers have saturated on the way up.
                let record = top.saturating_sub(stages[stage].record)..top;
                kept.pop();
                top = record.start;
                let from = boundary(&kept, stage);
                // The boundary before it has served; within a record it still serves that one.
                if kept
                    .last()
                    .is_some_and(|last| last.0 == stage && stage > 0 && !last.2)
                {
                    kept.pop();
                    top = from.start;
                }
                (from, record)
            }
        };
        peak = peak.max(at.1.end);
        placed.push(Placed {
            action,
            from: at.0,
            zone: at.1,
        });
    }
    (placed, peak)
}

fn from_top(top: usize, len: usize) -> Range<usize> {
    top..top.saturating_add(len)
}

/// The boundary on top of the stack, which has to be that before `stage`.
fn boundary(kept: &[(usize, Range<usize>, bool)], stage: usize) -> Range<usize> {
    match kept.last() {
        Some((at, range, _)) if *at == stage => range.clone(),
        other => unreachable!("stage {stage} of a schedule reads {other:?}"),
    }
}
