//! Which buffers are alive while an instruction runs, and their bytes: what a run holds, drawn over its instructions.

use super::Program;
use crate::memory;

/// When a buffer is alive: from the instruction that writes it first to the last that touches it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alive {
    /// The first of [`Program::instrs`] that touches it.
    pub born: usize,
    /// The last; beyond all instructions where the caller reads it after the run.
    pub dies: usize,
    /// Whether another buffer takes its place in the arena in its last instruction, a map in place.
    pub overwritten: bool,
}

impl Program {
    /// When each of [`Program::bufs`] is alive; `None`: it is never there.
    ///
    /// ```
    /// use pushpull_core::program::Program;
    /// use pushpull_core::{Mlp, blocks::Activation};
    /// let program = Program::primal(&Mlp::new(&[2, 3, 1], Activation::Tanh).build()?, 5)?;
    /// let alive = program.alive();
    /// // tanh writes in the place of what it reads.
    /// let first = alive[0].ok_or("never there")?;
    /// assert_eq!((first.born, first.dies, first.overwritten), (0, 1, true));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn alive(&self) -> Vec<Option<Alive>> {
        let lives = self.lives();
        let merged = self.merged(lives.clone());
        let mut overwritten = vec![false; self.bufs.len()];
        for (instr, _) in self
            .instrs
            .iter()
            .zip(&merged.over)
            .filter(|(_, over)| **over)
        {
            if let super::Base::Buf(buf) = instr.from.base {
                overwritten[buf] = true;
            }
        }
        // Lives are counted in times, which paths share.
        let first = |time| self.times.iter().position(|&at| at == time);
        let last = |time| self.times.iter().rposition(|&at| at == time);
        let alive = |(buf, overwritten): (usize, bool)| {
            let life = lives[buf];
            Some(Alive {
                born: first(life.born)?,
                dies: last(life.dies).unwrap_or(usize::MAX),
                overwritten,
            })
        };
        overwritten.into_iter().enumerate().map(alive).collect()
    }

    /// Bytes of the buffers that are alive while each instruction runs, at the scalar `T`: the live set. The arena that holds
    /// them all ([`Program::place`]) is at least as long as the largest, and the caller's matrices are in neither.
    ///
    /// ```
    /// use pushpull_core::program::Program;
    /// use pushpull_core::{Mlp, blocks::Activation};
    /// let program = Program::primal(&Mlp::new(&[2, 3, 1], Activation::Tanh).build()?, 5)?;
    /// // h1 and in its place h2; h2 and h3
    /// assert_eq!(program.live_bytes::<f64>(), [120, 120, 160]);
    /// # Ok::<(), pushpull_core::Error>(())
    /// ```
    pub fn live_bytes<T>(&self) -> Vec<u64> {
        let merged = self.joined(self.merged(self.lives()));
        let mut lens = vec![0; self.bufs.len()];
        for (buf, &home) in merged.home.iter().enumerate() {
            if merged.there(buf) {
                let numbers = memory::elements(&[self.bufs[buf].rows, self.bufs[buf].cols]);
                lens[home] = numbers.max(lens[home]);
            }
        }
        let bytes = |&time: &usize| {
            let homes = lens.iter().zip(&merged.lives);
            let there = homes.filter(|(_, life)| life.born <= time && time <= life.dies);
            let numbers = there.fold(0, |sum: usize, (len, _)| sum.saturating_add(*len));
            memory::elements(&[numbers, size_of::<T>()]) as u64
        };
        self.times.iter().map(bytes).collect()
    }
}
