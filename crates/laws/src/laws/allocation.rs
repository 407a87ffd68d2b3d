//! What maps ask the heap for.

use pushpull_core::{Accum, alloc};

use super::planes;
use crate::bench::{Bench, Finding};
use crate::buffer::Fill;
use crate::{Allocation, Diagnosis, Law, Rule};

type Checked = Result<(), Finding>;

/// What a map's second run asks for.
#[derive(Default)]
struct Asked {
    requests: u64,
    bytes: u64,
}

impl Asked {
    /// Runs a map twice: in its first run it may make what it keeps. Where the heap is not counted nothing is seen; whoever
    /// checks this law asks for that first.
    fn run(&mut self, map: &mut dyn FnMut()) {
        map();
        if let Ok(((), seen)) = alloc::measure(map) {
            self.requests += seen.count;
            self.bytes += seen.bytes;
        }
    }

    fn nothing(&self, rule: Option<Rule>, map: &'static str) -> Checked {
        if self.requests == 0 {
            return Ok(());
        }
        let &Self { requests, bytes } = self;
        let asked = Diagnosis::Allocates(Box::new(Allocation {
            map,
            requests,
            bytes,
        }));
        Err(Finding::plain(Law::Allocates, rule, asked))
    }
}

pub(super) fn allocates(bench: &Bench<'_>) -> Checked {
    let (probe, data) = (&bench.probe, &bench.data);
    for rule in [Rule::Forward, Rule::ForwardInPlace] {
        if rule == Rule::ForwardInPlace && !probe.block.overwrites() {
            continue;
        }
        let mut asked = Asked::default();
        let watch = |map: &mut dyn FnMut()| asked.run(map);
        probe.forward_by(rule, &data.params, &data.x, Fill::Nan, watch)?;
        asked.nothing(Some(rule), rule.name())?;
    }
    for rule in probe.rules() {
        for acc in [Accum::Set, Accum::Add] {
            if acc == Accum::Add && !rule.accumulates() {
                continue;
            }
            let mut asked = Asked::default();
            let watch = |map: &mut dyn FnMut()| asked.run(map);
            probe.run_by(&bench.at, &bench.call(rule).acc(acc), watch)?;
            asked.nothing(Some(rule), rule.name())?;
        }
    }
    let mut checked = Ok(());
    planes::planes_by(bench, &mut |map, run| {
        let mut asked = Asked::default();
        asked.run(run);
        if checked.is_ok() {
            checked = asked.nothing(None, map);
        }
    })
    // What the numbers are is another law's business; run twice, those that are added are others.
    .ok();
    checked
}
