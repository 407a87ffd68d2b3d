//! How long this machine takes for what engines do: measured once, kept in a file, filled in where a new block comes.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pushpull_core::siblings::work::Map;
use pushpull_core::{AnyBlock, Cost, Op, Spec, cost};

mod curve;
mod engine;
mod file;
mod machine;
mod timed;

pub use file::CacheError;

use curve::Curve;
pub(crate) use engine::Engine;
pub use timed::Timed;
pub(crate) use timed::{Kind, STRIDE, Subject};

/// Rounds of a measurement: every point is timed once a round, and its median counts. What disturbs one round disturbs
/// neighbouring points, not one point's every time.
const ROUNDS: usize = 5;

/// The time of every map of every block that was planned with on this machine, and of the engines' own loops.
///
/// *What is measured.* A block is called by itself, on random numbers, at the batch that is planned for and at powers of
/// two of seeds around those that an engine uses: so a planner needs to know nothing of a block, and a user's own block is
/// predicted as well as a ready-made one. Products, copies and sums of the engines are timed in the same way, and how much
/// more a byte costs the farther away it lies. Points are measured in interleaved rounds; medians count. Maps of more than
/// 2^18 numbers or 2^24 flops are measured at fewer seeds, or fewer samples, and taken to be proportional.
///
/// *Where it is kept.* In memory, and in no file but one that you name: [`Calibration::load_or_measure`] reads it,
/// [`Calibration::keep`] writes what was added. A file of another version, machine or build, or one that is broken, is measured
/// anew. Two blocks that print alike (`Debug`) and have the same sizes
/// share their times.
///
/// ```
/// use pushpull_planner::Calibration;
/// let place = tempfile::tempdir()?;
/// let path = place.path().join("calibration.txt");
/// let measured = Calibration::load_or_measure(&path)?;
/// assert_eq!(Calibration::load(&path)?, measured);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Calibration {
    curves: Vec<Curve>,
    by_name: HashMap<String, usize>,
    by_id: HashMap<(Kind, Id), usize>,
    /// Blocks by how they print.
    blocks: HashMap<String, u32>,
    changed: bool,
}

/// Two are equal that say the same times.
impl PartialEq for Calibration {
    fn eq(&self, other: &Self) -> bool {
        self.lines() == other.lines()
    }
}

/// What is timed, in few bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Id {
    Map {
        block: u32,
        map: Map,
        in_place: bool,
        batch: usize,
    },
    Product {
        rows: usize,
        depth: usize,
        transposed: [bool; 2],
    },
    Moved,
    Summed,
    Copied(usize),
    Scaled(usize),
    Strided,
    Fresh,
    Read,
    Streamed,
    Engine(Engine),
}

/// A point of a curve that is needed.
pub(crate) type Point = (usize, usize);

impl Calibration {
    /// Measures what does not depend on a block, in about a second. Blocks are measured when they are first planned with.
    pub fn measure() -> Self {
        let mut own = Self::default();
        let mut points = Vec::new();
        for kind in [Kind::F32, Kind::F64] {
            let loops = [
                (
                    Id::Moved,
                    Subject::Moved,
                    &[4, 64, 1 << 10, 1 << 14, 1 << 18][..],
                ),
                (Id::Summed, Subject::Summed, &[4, 64, 1 << 10]),
                (Id::Strided, Subject::Strided, &[16, 256, 1 << 12]),
                (
                    Id::Fresh,
                    Subject::Fresh,
                    &[16, 256, 1 << 12, 1 << 16, 1 << 18],
                ),
                (
                    Id::Read,
                    Subject::Read,
                    &[16, 256, 1 << 12, 1 << 16, 1 << 18],
                ),
            ];
            for (id, subject, widths) in loops {
                let curve = own.curve(kind, id, || subject);
                points.extend(widths.iter().map(|&width| (curve, width)));
            }
        }
        let streamed = own.curve(Kind::F64, Id::Streamed, || Subject::Streamed);
        points.extend((8..=23).map(|i| (streamed, 1 << i)));
        own.fill(points);
        own
    }

    /// Reads the file at `path`, or measures where there is none or it does not fit this machine and version, and writes it
    /// then.
    ///
    /// # Errors
    /// [`CacheError::Write`] where the file cannot be written.
    pub fn load_or_measure(path: &Path) -> Result<Self, CacheError> {
        if let Ok(found) = Self::load(path) {
            return Ok(found);
        }
        let mut measured = Self::measure();
        measured.keep(path)?;
        Ok(measured)
    }

    /// Writes it to `path` if something was added since it was read or written. Returns whether it was.
    ///
    /// # Errors
    /// As [`Calibration::save`].
    pub fn keep(&mut self, path: &Path) -> Result<bool, CacheError> {
        if self.changed {
            self.save(path)?;
        }
        Ok(std::mem::replace(&mut self.changed, false))
    }

    /// The number of a block that prints as this one does.
    pub(crate) fn block(&mut self, block: &dyn AnyBlock) -> u32 {
        let next = self.blocks.len() as u32;
        *self.blocks.entry(text(block)).or_insert(next)
    }

    /// The curve of a subject, measured or not.
    pub(crate) fn curve(&mut self, kind: Kind, id: Id, subject: impl FnOnce() -> Subject) -> usize {
        if let Some(&known) = self.by_id.get(&(kind, id)) {
            return known;
        }
        let subject = subject();
        let name = name(kind, &subject);
        let next = self.curves.len();
        let at = *self.by_name.entry(name.clone()).or_insert(next);
        if at == next {
            self.curves.push(Curve::new(name));
        }
        self.curves[at].subject = Some((kind, subject));
        self.by_id.insert((kind, id), at);
        at
    }

    /// Seconds at a width, from measured points; those that are missing are added to `missing`, and count nothing.
    pub(crate) fn at(&self, curve: usize, width: usize, missing: &mut Vec<Point>) -> f64 {
        let curve_of = &self.curves[curve];
        let Some((kind, subject)) = &curve_of.subject else {
            return 0.0;
        };
        let (low, high) = around(subject, *kind, width);
        let mut ask = |width| {
            curve_of.point(width).unwrap_or_else(|| {
                missing.push((curve, width));
                0.0
            })
        };
        let below = ask(low);
        if width <= low {
            return below;
        }
        match high {
            // Beyond what is measured: in proportion.
            None => below * width as f64 / low as f64,
            Some(high) => {
                let share = (width - low) as f64 / (high - low) as f64;
                below + share * (ask(high) - below)
            }
        }
    }

    /// Measures points, all in turn in every round.
    pub(crate) fn fill(&mut self, mut points: Vec<Point>) {
        points.sort_unstable();
        points.dedup();
        let mut times = vec![Vec::with_capacity(ROUNDS); points.len()];
        for _ in 0..ROUNDS {
            for (times, &(curve, width)) in times.iter_mut().zip(&points) {
                if let Some((kind, subject)) = &self.curves[curve].subject {
                    times.push(match kind {
                        Kind::F32 => subject.time::<f32>(width),
                        Kind::F64 => subject.time::<f64>(width),
                        Kind::DualF32 => subject.time::<pushpull_core::Dual<f32>>(width),
                        Kind::DualF64 => subject.time::<pushpull_core::Dual<f64>>(width),
                    });
                }
            }
        }
        for (mut times, (curve, width)) in times.into_iter().zip(points) {
            times.sort_unstable_by(f64::total_cmp);
            if let Some(&median) = times.get(times.len() / 2) {
                self.curves[curve].set(width, median);
                self.changed = true;
            }
        }
    }
}

/// The process's own calibration, for plans that are given none.
pub(crate) fn shared() -> MutexGuard<'static, Option<Calibration>> {
    static SHARED: Mutex<Option<Calibration>> = Mutex::new(None);
    SHARED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How a block is known.
fn text(block: &dyn AnyBlock) -> String {
    let spec: &dyn Spec = block;
    let dims = spec.dims();
    format!(
        "{} {}-{}-{} {block:?}",
        spec.name(),
        dims.n_in,
        dims.n_out,
        dims.n_params
    )
}

/// How a subject is named in a file.
fn name(kind: Kind, subject: &Subject) -> String {
    let kind = kind.name();
    match subject {
        Subject::Map {
            block,
            map,
            in_place,
            batch,
        } => {
            let form = if *in_place { " in place" } else { "" };
            let block = text(&**block);
            format!("{kind} {map:?}{form} batch {batch}: {block}")
                .escape_debug()
                .to_string()
        }
        other => format!("{kind} {other:?}"),
    }
}

/// The measured widths around a width; no upper one where the lower is the largest that is measured.
fn around(subject: &Subject, kind: Kind, width: usize) -> (usize, Option<usize>) {
    if matches!(subject, Subject::Engine(_)) {
        return (width, None);
    }
    let base = match subject {
        Subject::Map { .. } | Subject::Product { .. } | Subject::Streamed => 2_usize,
        _ => 4,
    };
    let fits = |width: usize| {
        let numbers = subject.numbers(width);
        let flops = match subject {
            Subject::Map {
                block,
                map: Map::First(op),
                batch,
                ..
            } => cost::of(&**block, *op, *batch, width).flops,
            Subject::Product { rows, depth, .. } => Cost::product(*rows, *depth, width).flops,
            _ => 0,
        };
        let limit = if matches!(subject, Subject::Streamed) {
            1 << 23
        } else {
            1 << 18
        };
        numbers <= limit && flops <= 1 << 24 && kind.size().saturating_mul(numbers) <= 1 << 27
    };
    let mut low = 1;
    while low <= width / base && fits(low * base) {
        low *= base;
    }
    let high = low * base;
    (low, fits(high).then_some(high))
}

/// A block's map at the batch at which it is measured, and how much more there is.
pub(crate) fn reduced(block: &Arc<dyn AnyBlock>, map: Map, batch: usize) -> (usize, f64) {
    let op = match map {
        Map::First(op) => op,
        _ => Op::Forward,
    };
    let heavy = |batch: usize| {
        let dims = (block.as_ref() as &dyn Spec).dims();
        cost::of(&**block, op, batch, 1).flops > 1 << 29
            || (dims.n_in.saturating_add(dims.n_out)).saturating_mul(batch) > 1 << 20
    };
    let mut small = batch;
    while small > 1 && heavy(small) {
        small = small.div_ceil(2);
    }
    (small, batch as f64 / small as f64)
}
