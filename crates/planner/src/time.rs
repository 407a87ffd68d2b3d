//! From a list of work to seconds.

use pushpull_core::Graph;
use pushpull_core::siblings::work::{Item, Map, Work};
use pushpull_core::{Accum, Op, Result};

use crate::calibration::{Calibration, Engine, Id, Kind, Point, STRIDE, Subject, reduced};

/// A graph whose work is priced.
pub(crate) struct Clock<'a> {
    graph: &'a Graph,
    calibration: &'a mut Calibration,
    /// For each node, its block's number in the calibration.
    blocks: Vec<u32>,
    missing: Vec<Point>,
    /// Whether an engine's own steps between the items cost something: not while that is found out.
    steps: bool,
}

/// Blocks of the chains on which an engine's own steps are measured.
const CHAINS: [usize; 2] = [4, 36];

impl<'a> Clock<'a> {
    pub(crate) fn new(graph: &'a Graph, calibration: &'a mut Calibration) -> Self {
        let blocks = graph.nodes().iter();
        let blocks = blocks.map(|node| calibration.block(&*node.block)).collect();
        Self {
            graph,
            calibration,
            blocks,
            missing: Vec::new(),
            steps: true,
        }
    }

    /// Seconds that an engine spends on every call of a block beside the block, and on every run beside all calls: what runs
    /// on chains of the smallest blocks take more than their blocks do.
    fn own_steps(&mut self, engine: Engine) -> (f64, f64) {
        let Ok(chains) = CHAINS
            .map(|n| engine.chain(n))
            .into_iter()
            .collect::<Result<Vec<_>>>()
        else {
            return (0.0, 0.0);
        };
        let id = Id::Engine(engine);
        let curve = self
            .calibration
            .curve(Kind::F64, id, || Subject::Engine(engine));
        let mut left = [(0.0, 0.0); 2];
        for ((left, (graph, work)), n) in left.iter_mut().zip(&chains).zip(CHAINS) {
            let run = self.calibration.at(curve, n, &mut self.missing);
            let mut inner = Clock::new(graph, self.calibration);
            inner.steps = false;
            let blocks = inner.seconds(work, engine, Kind::F64, 0);
            let missing = std::mem::take(&mut inner.missing);
            self.missing.extend(missing);
            *left = (calls(work), run - blocks);
        }
        let [few, many] = left;
        let each = ((many.1 - few.1) / (many.0 - few.0)).max(0.0);
        (each, (few.1 - each * few.0).max(0.0))
    }

    /// Measures what was asked for and not known. Whether there was anything.
    pub(crate) fn measure(&mut self) -> bool {
        let missing = std::mem::take(&mut self.missing);
        let any = !missing.is_empty();
        self.calibration.fill(missing);
        any
    }

    /// Seconds of a list of work at a scalar, with `bytes` of memory in use around it.
    pub(crate) fn seconds(&mut self, work: &Work, engine: Engine, kind: Kind, bytes: usize) -> f64 {
        let far = self.per_byte(bytes);
        let items = work.items();
        let items: f64 = items
            .map(|(item, times)| times as f64 * self.item(item, kind, far))
            .sum();
        if !self.steps {
            return items;
        }
        let (each, run) = self.own_steps(engine);
        items + each * calls(work) + run
    }

    /// Seconds that a byte costs in a loop over this many bytes.
    fn per_byte(&mut self, bytes: usize) -> f64 {
        let width = (bytes / size_of::<f64>()).clamp(1 << 8, 1 << 23);
        let streamed = || Subject::Streamed;
        let curve = self.calibration.curve(Kind::F64, Id::Streamed, streamed);
        let seconds = self.calibration.at(curve, width, &mut self.missing);
        seconds / (width * size_of::<f64>()) as f64
    }

    fn item(&mut self, item: Item, kind: Kind, far: f64) -> f64 {
        let (id, subject, width, more): (Id, Subject, usize, f64) = match item {
            Item::Map(call) => {
                let block = &self.graph.nodes()[call.node].block;
                let (batch, more) = reduced(block, call.map, call.batch);
                let map = alike(call.map);
                let id = Id::Map {
                    block: self.blocks[call.node],
                    map,
                    in_place: call.in_place,
                    batch,
                };
                let subject = Subject::Map {
                    block: block.clone(),
                    map,
                    in_place: call.in_place,
                    batch,
                };
                (id, subject, call.seeds, more)
            }
            Item::Product {
                rows,
                depth,
                columns,
                transposed,
            } => {
                let id = Id::Product {
                    rows,
                    depth,
                    transposed,
                };
                let subject = Subject::Product {
                    rows,
                    depth,
                    transposed,
                };
                (id, subject, columns, 1.0)
            }
            Item::Moved(n) => (Id::Moved, Subject::Moved, n, 1.0),
            Item::Summed(n) => (Id::Summed, Subject::Summed, n, 1.0),
            Item::Copied { len, columns } => {
                (Id::Copied(len), Subject::Copied { len }, columns, 1.0)
            }
            Item::Scaled { len, columns } => {
                (Id::Scaled(len), Subject::Scaled { len }, columns, 1.0)
            }
            Item::Strided(n) => (Id::Strided, Subject::Strided, n, 1.0 / STRIDE as f64),
            Item::Fresh(n) => (Id::Fresh, Subject::Fresh, n, 1.0),
            Item::Read(n) => (Id::Read, Subject::Read, n, 1.0),
        };
        let empty = matches!(id, Id::Copied(0) | Id::Scaled(0));
        if width == 0 || empty {
            return 0.0;
        }
        let bytes = subject.numbers(width).saturating_mul(kind.size());
        let curve = self.calibration.curve(kind, id, || subject);
        let near = self.calibration.at(curve, width, &mut self.missing);
        let farther = (far - self.per_byte(bytes)).max(0.0);
        more * (near + farther * bytes as f64)
    }
}

/// Calls of blocks' maps.
fn calls(work: &Work) -> f64 {
    let calls = work.items().map(|(item, times)| match item {
        Item::Map(_) => times as f64,
        _ => 0.0,
    });
    calls.sum()
}

/// Maps that take the same time are measured once: setting and adding differ in what they read, but where it matters the
/// map says so by its cost; unit vectors are set.
const fn alike(map: Map) -> Map {
    match map {
        Map::First(Op::UnitParams(_)) => Map::First(Op::UnitParams(Accum::Set)),
        other => other,
    }
}
