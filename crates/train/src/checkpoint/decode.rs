//! A state from bytes that may be anything.

use pushpull_core::siblings::words::{Line, cut};

use super::{CheckpointFault, Identity, MAGIC, VERSION, damaged};
use crate::identity::PART;
use crate::optimiser::Moments;
use crate::state::State;
use crate::{Best, Epoch, Metrics, Precision, Score};

type Read<R> = Result<R, CheckpointFault>;

/// The fewest bytes that an epoch takes.
const EPOCH: u64 = 35;

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, n: u64) -> Read<&'a [u8]> {
        let split = usize::try_from(n)
            .ok()
            .and_then(|n| self.0.split_at_checked(n));
        let (taken, rest) = split.ok_or_else(|| damaged("it ends too early"))?;
        self.0 = rest;
        Ok(taken)
    }

    fn number<const N: usize>(&mut self) -> Read<[u8; N]> {
        let taken = self.take(N as u64)?.first_chunk().copied();
        taken.ok_or_else(|| damaged("it ends too early"))
    }

    fn u8(&mut self) -> Read<u8> {
        self.number().map(|[byte]| byte)
    }

    /// A byte that says yes or no.
    fn bool(&mut self) -> Read<bool> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(damaged(format!("{other} for yes or no"))),
        }
    }

    fn u64(&mut self) -> Read<u64> {
        self.number().map(u64::from_le_bytes)
    }

    fn f64(&mut self) -> Read<f64> {
        self.number().map(f64::from_le_bytes)
    }

    fn text(&mut self) -> Read<String> {
        let n = self.u64()?;
        Ok(String::from_utf8_lossy(self.take(n)?).into_owned())
    }

    /// An array of a length that is known: nothing is allocated for a length that only the file claims.
    fn array<T: Precision>(&mut self, name: &str, expected: usize) -> Read<Vec<T>> {
        let n = self.u64()?;
        if n != expected as u64 {
            return Err(damaged(format!(
                "{name} has {n} numbers, the run {expected}"
            )));
        }
        let bytes = self.take(n.saturating_mul(T::BYTES as u64))?;
        let numbers: Vec<T> = bytes.chunks_exact(T::BYTES).filter_map(T::load).collect();
        if let Some(i) = numbers.iter().position(|v| !v.is_finite()) {
            return Err(damaged(format!("{name}[{i}] is {}", numbers[i])));
        }
        Ok(numbers)
    }

    fn metrics(&mut self) -> Read<Metrics> {
        let (loss, kind, score) = (self.f64()?, self.u8()?, self.f64()?);
        let score = match kind {
            0 => Score::Accuracy(score),
            1 => Score::R2(score),
            _ => return Err(damaged(format!("a score of the kind {kind}"))),
        };
        Ok(Metrics { loss, score })
    }

    fn epoch(&mut self, number: u64) -> Read<Epoch> {
        let train = self.metrics()?;
        let valid = if self.bool()? {
            Some(self.metrics()?)
        } else {
            None
        };
        Ok(Epoch {
            number,
            train,
            valid,
            seconds: self.f64()?,
            evaluation_seconds: self.f64()?,
            best: self.bool()?,
        })
    }
}

/// A text out of a file, fit for one line of a terminal and cut where it is long. An identity's texts are plain.
fn shown(text: &str) -> String {
    cut(Line(text).to_string(), 100)
}

/// The first parts in which two texts differ.
fn different<'a>(one: &'a str, other: &'a str) -> (&'a str, &'a str) {
    let (mut ones, mut others) = (one.split(PART), other.split(PART));
    loop {
        match (ones.next(), others.next()) {
            (Some(one), Some(other)) if one == other => {}
            (None, None) => return (one, other),
            (one, other) => return (one.unwrap_or("no more"), other.unwrap_or("no more")),
        }
    }
}

/// The state of a file: of this run, and with as many numbers as `like`. Blocks of an epoch: `blocks`.
pub(crate) fn decode<T: Precision>(
    bytes: &[u8],
    identity: &Identity,
    like: &State<T>,
    blocks: u64,
) -> Read<State<T>> {
    let rest = bytes
        .strip_prefix(MAGIC)
        .ok_or(CheckpointFault::NotACheckpoint)?;
    let mut r = Reader(rest);
    let version = r.number().map(u32::from_le_bytes)?;
    if version != VERSION {
        return Err(CheckpointFault::Version {
            expected: VERSION,
            got: version,
        });
    }
    let (body, sum) = bytes
        .split_last_chunk()
        .ok_or_else(|| damaged("it ends too early"))?;
    if crc32fast::hash(body) != u32::from_le_bytes(*sum) {
        return Err(damaged(
            "its checksum does not fit: it was cut off or changed",
        ));
    }
    r.0 = r.0.get(..r.0.len().saturating_sub(4)).unwrap_or_default();
    let entries = r.u64()?;
    for i in 0..entries.max(identity.len() as u64) {
        let got = if i < entries {
            (r.text()?, r.text()?)
        } else {
            Default::default()
        };
        let expected = identity.get(i as usize).cloned().unwrap_or_default();
        if got != expected {
            let what = if expected.0.is_empty() {
                shown(&got.0)
            } else {
                expected.0
            };
            let (expected, got) = different(&expected.1, &got.1);
            return Err(CheckpointFault::Foreign {
                what,
                expected: shown(expected),
                got: shown(got),
            });
        }
    }
    let n = like.params.len();
    let state = State {
        epoch: r.u64()?,
        block: r.u64()?,
        step: r.u64()?,
        seconds: r.f64()?,
        params: r.array("params", n)?,
        moments: Moments {
            first: r.array("the first moments", like.moments.first.len())?,
            second: r.array("the second moments", like.moments.second.len())?,
            powers: [r.f64()?, r.f64()?],
        },
        best: Best {
            epoch: r.u64()?,
            loss: r.f64()?,
            params: r.array("the best params", n)?,
        },
        history: {
            let epochs = r.u64()?;
            if epochs > r.0.len() as u64 / EPOCH {
                return Err(damaged("it ends before its epochs"));
            }
            (1..=epochs)
                .map(|number| r.epoch(number))
                .collect::<Read<_>>()?
        },
    };
    let counted = state
        .epoch
        .checked_mul(blocks)
        .and_then(|steps| steps.checked_add(state.block));
    let fits = state.history.len() as u64 == state.epoch
        && state.block < blocks
        && counted == Some(state.step)
        && state.best.epoch <= state.epoch
        && r.0.is_empty();
    if fits {
        Ok(state)
    } else {
        Err(damaged("its counters contradict each other"))
    }
}
