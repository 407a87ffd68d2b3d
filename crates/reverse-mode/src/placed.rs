//! Where the buffers of a question lie: with all recorded, or with checkpoints.

use pushpull_core::program::{Code, Program, Stage};
use pushpull_core::siblings::memory;
use pushpull_core::{Error, Graph, Result};

use crate::Store;
use crate::checkpoint::cuts::{cuts, tangle};
use crate::checkpoint::of_graph::chain;
use crate::checkpoint::staged::Staged;
use crate::checkpoint::{Chain, Limit, Schedule, TooSmall, optimal};
use crate::purpose::{Purpose, REMEDY, WHAT};

/// The placed program of a question.
#[derive(Clone, Debug)]
pub(crate) struct Placed {
    pub purpose: Purpose,
    pub code: Code,
    /// Checkpoints.
    pub staged: Option<Box<Staged>>,
}

/// Some graph, batch, number of cotangents side by side and question, and the program that answers it.
pub(crate) struct Asked<'g> {
    graph: &'g Graph,
    batch: usize,
    purpose: Purpose,
    program: Program,
}

impl<'g> Asked<'g> {
    pub(crate) fn new(
        graph: &'g Graph,
        batch: usize,
        seeds: usize,
        purpose: Purpose,
    ) -> Result<Self> {
        Ok(Self {
            program: purpose.program(graph, batch, seeds)?,
            graph,
            batch,
            purpose,
        })
    }

    fn whole<T>(&self) -> Result<Code> {
        self.program.place::<T>(WHAT, REMEDY)
    }

    fn stages<T>(&self) -> Result<(Code, Vec<Stage>, Chain)> {
        let cuts = cuts(self.graph);
        let (code, stages) = self.program.place_in_stages::<T>(&cuts, WHAT, REMEDY)?;
        let chain = chain(self.graph, self.batch, &stages);
        Ok((code, stages, chain))
    }

    /// Whether some schedule takes less than the whole record; a cut alone does not say so.
    fn can_save<T>(&self) -> Result<bool> {
        let (code, _, chain) = self.stages::<T>()?;
        let all = self.whole::<T>().map_or(usize::MAX, |code| code.len());
        Ok(code.len().saturating_add(chain.smallest()) < all)
    }

    /// What a [`Store`] asks for.
    pub(crate) fn placed<T>(&self, store: Store) -> Result<Placed> {
        let (graph, numbers) = (self.graph, |code: &Code| {
            code.len().saturating_add(code.scratch_len())
        });
        let (limit, unit) = match store {
            Store::All => return Ok(self.recording(self.whole::<T>()?)),
            Store::Slots(slots) => (Limit::Slots(slots), "slots"),
            Store::Bytes(bytes) => match self.whole::<T>() {
                Ok(code) if numbers(&code) <= bytes / size_of::<T>() => {
                    return Ok(self.recording(code));
                }
                // Too large as a whole is what checkpoints are for.
                Ok(_) | Err(Error::TooLarge { .. }) => {
                    (Limit::Numbers(bytes / size_of::<T>()), "bytes")
                }
                Err(fault) => return Err(fault),
            },
        };
        let (code, stages, chain) = self.stages::<T>()?;
        let limit = match limit {
            Limit::Numbers(all) => Limit::Numbers(all.saturating_sub(numbers(&code))),
            slots @ Limit::Slots(_) => slots,
        };
        let tangle = tangle(graph);
        if let (Store::Slots(1..), Some(tangle)) = (store, tangle)
            && !Self::new(graph, self.batch, 1, Purpose::Record)?.can_save::<T>()?
        {
            return Err(no_cut(graph, tangle));
        }
        match optimal(&chain, limit) {
            Ok(schedule) => self.scheduled::<T>(code, stages, schedule),
            Err(TooSmall { smallest }) => {
                let (budget, smallest, remedy) = match store {
                    Store::Bytes(bytes) => {
                        let whole = self.whole::<T>().map_or(usize::MAX, |code| numbers(&code));
                        let least = whole.min(numbers(&code).saturating_add(smallest));
                        let remedy = if tangle.is_some() && least == whole {
                            "no node carries everything past its largest part, so it is recorded whole: use a smaller batch"
                        } else {
                            "give that much, or use a smaller batch"
                        };
                        (bytes, least.saturating_mul(size_of::<T>()), remedy)
                    }
                    Store::Slots(slots) => (slots, smallest, "the input takes a slot"),
                    Store::All => (0, smallest, ""),
                };
                Err(Error::Budget {
                    name: "Reverse".into(),
                    budget: budget as u64,
                    smallest: smallest as u64,
                    unit: unit.into(),
                    remedy: remedy.into(),
                })
            }
        }
    }

    /// What runs a schedule made for this graph and batch.
    pub(crate) fn by_schedule<T>(&self, schedule: &Schedule) -> Result<Placed> {
        let (code, stages, chain) = self.stages::<T>()?;
        let words = |chain: &Chain| {
            let (all, frozen) = (chain.stages().len(), chain.frozen());
            format!("{all} stages, of which the first {frozen} are not pulled back")
        };
        let expected = words(&chain);
        let Some(schedule) = schedule.on(chain) else {
            return Err(Error::setting(
                "Reverse",
                "schedule",
                format!("one for the graph's {expected}, made from `Chain::of`"),
                format_args!("one for {}", words(schedule.chain())),
            ));
        };
        self.scheduled::<T>(code, stages, schedule)
    }

    const fn recording(&self, code: Code) -> Placed {
        Placed {
            purpose: self.purpose,
            code,
            staged: None,
        }
    }

    fn scheduled<T>(&self, code: Code, stages: Vec<Stage>, schedule: Schedule) -> Result<Placed> {
        let staged = Staged::new(stages, schedule, code.len());
        let code = code.with_room(staged.len);
        let total = code
            .len()
            .saturating_add(code.scratch_len())
            .saturating_add(self.graph.n_params());
        memory::fits::<T>("reverse mode's record", total, "use a smaller batch")?;
        Ok(Placed {
            purpose: self.purpose,
            code,
            staged: Some(Box::new(staged)),
        })
    }
}

impl Placed {
    /// Numbers of the arena and of scratch memory.
    pub(crate) const fn numbers(&self) -> (usize, usize) {
        (self.code.len(), self.code.scratch_len())
    }

    /// Heap bytes that it keeps.
    pub(crate) fn held(&self) -> usize {
        let staged = self.staged.as_ref().map_or(0, |staged| staged.held());
        self.code.held() + staged
    }
}

fn no_cut(graph: &Graph, (first, last): (usize, usize)) -> Error {
    let name = |node: usize| &graph.nodes()[node].name;
    Error::NoCut {
        name: "Reverse".into(),
        expected: "cuts that save memory: nodes through which every path from the blocks before to those after passes"
            .into(),
        got: format!("none; {} is read up to {}", name(first), name(last)),
        remedy: "use Store::All, or Store::Bytes with room for the whole record".into(),
    }
}
